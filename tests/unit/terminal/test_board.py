"""What the live view keeps: rows of streams, and the current row for each key of a table."""

from __future__ import annotations

import pyarrow as pa
import pytest

from kshell.changes import Changes
from kshell.results import Live, LiveStats
from kshell.terminal.board import Board
from kshell.terminal.show import change_lines

SCHEMA = pa.schema([("k", pa.string()), ("n", pa.int64())])


def changes(*rows: tuple[str | None, int, int]) -> Changes:
    """(key, value, weight) …"""
    batch = pa.record_batch([[r[0] for r in rows], [r[1] for r in rows]], schema=SCHEMA)
    return Changes(batch, pa.array([r[2] for r in rows], pa.int64()))


def shown(board: Board, count: int = 10, back: int = 0) -> list[tuple[str | None, ...]]:
    return [row.texts for row in board.rows(count, back)]


def test_a_stream_shows_its_latest_rows_oldest_first() -> None:
    board = Board(SCHEMA, ())
    board.add(changes(("a", 1, 1), ("b", 2, 1)))
    board.add(changes(("c", 3, 1)))
    assert shown(board, 2) == [("b", "2"), ("c", "3")]
    assert shown(board, 2, back=1) == [("a", "1"), ("b", "2")]
    assert shown(board, 2, back=99) == [("a", "1"), ("b", "2")]


def test_a_stream_keeps_no_more_than_it_may_show() -> None:
    board = Board(SCHEMA, ())
    for n in range(20):
        board.add(changes(*(("x", n * 100 + i, 1) for i in range(100))))
    assert len(board) == 500
    assert board.changes == 2000
    assert shown(board, 1) == [("x", "1999")]


def test_a_table_updates_a_row_in_its_place() -> None:
    board = Board(SCHEMA, ("k",))
    board.add(changes(("a", 1, 1), ("b", 1, 1)))
    board.add(changes(("a", 1, -1), ("a", 2, 1)))
    assert shown(board) == [("a", "2"), ("b", "1")]


def test_a_tombstone_takes_the_row_away_and_a_touch_does_nothing() -> None:
    board = Board(SCHEMA, ("k",))
    board.add(changes(("a", 1, 1), ("b", 1, 1), (None, 5, 1)))
    board.add(changes(("a", 1, -1)))
    board.add(changes(("b", 1, 0)))
    assert shown(board) == [("b", "1"), (None, "5")]


def test_a_table_that_does_not_fit_shows_what_changed_last() -> None:
    board = Board(SCHEMA, ("k",))
    board.add(changes(("a", 1, 1), ("b", 1, 1), ("c", 1, 1)))
    board.add(changes(("a", 2, 1)))
    assert shown(board, 2) == [("c", "1"), ("a", "2")]


@pytest.mark.parametrize(
    ("part", "lines"),
    [
        ([("a", 1, 1)], ['{"k":"a","n":1}']),
        ([("a", 1, -1), ("a", 2, 1)], ['{"k":"a","n":2}']),
        ([("a", 2, -1)], ['{"-":{"k":"a","n":2}}']),
        ([("a", 2, 0)], []),
    ],
)
def test_a_pipe_gets_new_rows_and_what_is_gone(part, lines) -> None:
    live = Live(SCHEMA, lambda s: None, lambda: None, LiveStats, key=("k",))
    assert "".join(change_lines(live, changes(*part)).to_pylist()).splitlines() == lines
