"""A live view without rows: it says what is read, how much is left, and why no row comes."""

from __future__ import annotations

import pyarrow as pa
import pytest

from kshell.changes import Changes
from kshell.results import LeftOut, LiveStats
from kshell.terminal.board import Board
from kshell.terminal.live_frame import frame, scene
from kshell.terminal.live_view import View
from kshell.terminal.widths import width_of

SCHEMA = pa.schema([("name", pa.string()), ("n", pa.int64())])


def shown(view: View, stats: LiveStats, width: int = 80, height: int = 24) -> str:
    made = frame(view, scene(view, width, height), stats, "orders", width, height)
    lines = ["".join(text for text, _ in line) for line in made.lines]
    assert len(lines) == height
    assert all(width_of(line) <= width for line in lines)
    return " ".join(" ".join(lines[3:-1]).split())


@pytest.mark.parametrize(
    ("stats", "said"),
    [
        (LiveStats(), "Waiting for the first record of orders."),
        (LiveStats(lag=None), "Reading orders: 0 records so far; how many are left is unknown."),
        (
            LiveStats(0, 120_000, 30_000.0, 1_080_000),
            "Reading orders: 120,000 records so far, 1,080,000 to read, 36 s left.",
        ),
        (LiveStats(0, 1, 0.0, 7), "Reading orders: 1 record so far, 7 to read."),
        (LiveStats(0, 5), "5 records of orders read; no row has come of them yet."),
        (
            LiveStats(0, 5, bad=LeftOut(2, ("not valid JSON",))),
            "2 records left out (not valid JSON): SHOW ERRORS has them.",
        ),
    ],
)
def test_what_is_read_is_said(stats: LiveStats, said: str) -> None:
    view = View.of(Board(SCHEMA, ()))
    assert said in shown(view, stats)
    assert "Columns: name STRING, n BIGINT" in shown(view, stats)


def test_hints_are_said_until_a_row_comes() -> None:
    view = View.of(Board(SCHEMA, ()))
    view.hints = ("It begins with what comes next.",)
    assert "It begins with what comes next." in shown(view, LiveStats())
    assert shown(view, LiveStats(), 20, 6)
    view.board.add(Changes.of(pa.record_batch([["a"], [1]], schema=SCHEMA)))
    assert shown(view, LiveStats()) == "a │ 1"


def test_a_filter_that_nothing_fits_says_so() -> None:
    view = View.of(Board(SCHEMA, ()))
    view.board.add(Changes.of(pa.record_batch([["a"], [1]], schema=SCHEMA)))
    view.sought = "x\x1b"
    assert shown(view, LiveStats()) == "No row has the text x\\x1b; Esc shows all rows."


def test_a_table_whose_rows_were_deleted_says_so() -> None:
    view = View.of(Board(SCHEMA, ("name",)))
    row = pa.record_batch([["a"], [1]], schema=SCHEMA)
    view.board.add(Changes.of(row))
    view.board.add(Changes.of(row, -1))
    assert shown(view, LiveStats()) == "All rows were deleted; t shows the changes."
