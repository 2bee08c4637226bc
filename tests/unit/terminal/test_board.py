"""What the live view keeps: the last changes, the current row of each key, all rows up to a LIMIT."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import pytest

from kshell.changes import Changes
from kshell.results import Live, LiveStats
from kshell.spill import Spill
from kshell.terminal import board as boards
from kshell.terminal.board import KEPT, Board, Mode
from kshell.terminal.show import change_lines

SCHEMA = pa.schema([("k", pa.string()), ("n", pa.int64())])


def changes(*rows: tuple[str | None, int, int]) -> Changes:
    """(key, value, weight) …"""
    batch = pa.record_batch([[r[0] for r in rows], [r[1] for r in rows]], schema=SCHEMA)
    return Changes(batch, pa.array([r[2] for r in rows], pa.int64()))


def shown(board: Board, mode: Mode | None = None) -> list[tuple[str | None, ...]]:
    mode = mode or board.modes[0]
    return [row.texts for row in board.drawn(mode, board.ids(mode))]


def signs(board: Board) -> list[tuple[str, str | None, str | None]]:
    rows = board.drawn(Mode.CHANGELOG, board.ids(Mode.CHANGELOG))
    return [(row.op, *row.texts) for row in rows]


def test_a_stream_shows_its_rows_oldest_first() -> None:
    board = Board(SCHEMA, ())
    board.add(changes(("a", 1, 1), ("b", 2, 1)))
    board.add(changes(("c", 3, 1)))
    assert shown(board) == [("a", "1"), ("b", "2"), ("c", "3")]
    assert (board.rows, board.changes) == (3, 3)


@pytest.mark.parametrize("size", [7, 100, 2500])
def test_the_last_thousand_changes_are_kept_and_all_are_counted(size: int) -> None:
    board = Board(SCHEMA, ())
    count = 0
    while count < 2500:
        board.add(changes(*(("x", count + i, 1) for i in range(size))))
        count += size
        board.ids(Mode.APPEND)  # as a frame does
    assert [int(n or "") for _, n in shown(board)] == list(range(count - KEPT, count))
    assert board.rows == board.changes == board.lines == count


def test_a_table_updates_a_row_in_its_place() -> None:
    board = Board(SCHEMA, ("k",))
    board.add(changes(("a", 1, 1), ("b", 1, 1)))
    board.add(changes(("a", 1, -1), ("a", 2, 1)))
    assert shown(board) == [("a", "2"), ("b", "1")]
    assert (board.keys, board.changes) == (2, 3)
    (a, b) = board.ids(Mode.TABLE)
    assert (board.changed(a)[0], board.changed(b)[0]) == (2, 1)


def test_a_tombstone_takes_the_row_away_and_a_touch_does_nothing() -> None:
    board = Board(SCHEMA, ("k",))
    board.add(changes(("a", 1, 1), ("b", 1, 1), (None, 5, 1)))
    board.add(changes(("a", 1, -1)))
    board.add(changes(("b", 1, 0)))
    assert shown(board) == [("b", "1"), (None, "5")]
    assert (board.keys, board.changes) == (2, 4)


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ([[("a", 1, 1)], [("a", 1, -1), ("a", 2, 1)]], "+I -U +U"),
        ([[("a", 1, 1)], [("a", 1, -1)], [("a", 3, 1)]], "+I -D +I"),
        ([[("a", 1, 1)], [("a", 2, 1)]], "+I +U"),  # without the old row
        ([[("a", 1, 1), ("b", 1, 1), ("a", 2, 1)]], "+I +I +U"),
        # The old rows of a part may stand before all new ones.
        (
            [[("a", 1, 1), ("b", 1, 1)], [("a", 1, -1), ("b", 1, -1), ("b", 2, 1), ("a", 2, 1)]],
            "+I +I -U -U +U +U",
        ),
        ([[("a", 1, 1)], [("a", 1, -1), ("b", 1, 1)]], "+I -D +I"),
    ],
)
def test_signs_of_changes(parts, expected: str) -> None:
    board = Board(SCHEMA, ("k",))
    for part in parts:
        board.add(changes(*part))
    assert [sign for sign, *_ in signs(board)] == expected.split()
    assert [(k, int(n or "")) for _, k, n in signs(board)] == [r[:2] for p in parts for r in p]


def test_too_many_keys_are_counted_not_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boards, "_KEYS", 10)
    monkeypatch.setattr(boards, "_SPARE", 5)
    board = Board(SCHEMA, ("k",))
    for n in range(40):
        board.add(changes((f"key{n}", n, 1)))
    assert board.keys == 40
    assert len(shown(board)) + board.left == 40
    assert len(shown(board)) <= 15
    assert shown(board)[-1] == ("key39", "39")
    board.add(changes(("key0", 0, -1), ("key0", 1, 1)))  # one that left comes back
    assert board.keys == 40


def test_all_rows_up_to_a_limit_are_kept() -> None:
    board = Board(SCHEMA, ("k",), limited=True)
    for n in range(3000):
        old = [(f"key{n % 17}", n - 17, -1)] if n >= 17 else []
        board.add(changes(*old, (f"key{n % 17}", n, 1)))
    assert board.spill is not None
    rows = [n for batch in board.spill.batches() for n in batch.column("n").to_pylist()]
    assert rows == list(range(3000))
    assert (board.keys, board.changes) == (17, 3000)


def test_many_rows_go_to_a_file() -> None:
    spill = Spill(SCHEMA, memory=100)
    for n in range(50):
        spill.add(changes(("x", n, 1)).rows)
    assert [n for batch in spill.batches() for n in batch.column("n").to_pylist()] == [*range(50)]


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


@pytest.mark.parametrize("size", [7, 100, 2500])
def test_a_kept_line_knows_the_place_of_its_record(size: int) -> None:
    board = Board(SCHEMA, ())
    count = 0
    while count < 2500:
        part = changes(*(("x", count + i, int(i % 7 != 3)) for i in range(size)))
        offsets = [count + i for i in range(size)]
        places = pa.record_batch({"p": pa.array([2] * size, pa.int32()), "o": offsets})
        board.add(replace(part, places=places))
        count += size
    ids = board.ids(Mode.APPEND)
    for row in board.drawn(Mode.APPEND, ids)[::97]:
        assert board.place(Mode.APPEND, row.id) == (2, int(row.texts[1] or ""))


def test_a_line_without_a_place_has_none() -> None:
    board = Board(SCHEMA, ("k",))
    board.add(changes(("a", 1, 1)))
    assert board.place(Mode.TABLE, 0) is None
    assert board.place(Mode.CHANGELOG, 0) is None
