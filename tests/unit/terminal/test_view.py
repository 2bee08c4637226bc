"""The live view's frames, drawn into a string."""

from __future__ import annotations

import io

import pyarrow as pa
import pytest
from rich.console import Console

from kshell.changes import Changes
from kshell.results import Live, LiveStats
from kshell.terminal import show
from kshell.terminal.board import Board
from kshell.terminal.live import View
from kshell.terminal.output import Target
from kshell.terminal.times import Times
from kshell.terminal.widths import width_of
from kshell.types import as_moment

SCHEMA = pa.schema([("name", pa.string()), ("n", pa.int64())])


def live(*parts: Changes, key: tuple[str, ...] = ()) -> Live:
    """Gives the parts, then ends."""
    rest = iter([*parts, None])
    return Live(SCHEMA, lambda s: next(rest), lambda: None, lambda: LiveStats(2, 9), "t", key)


def rows(*names: str) -> Changes:
    batch = pa.record_batch([list(names), list(range(len(names)))], schema=SCHEMA)
    return Changes.of(batch)


def drawn(view: View, width: int, height: int) -> list[str]:
    console = Console(file=io.StringIO(), width=width, height=height, force_terminal=False)
    console.print(view.frame(width, height), end="")
    return console.file.getvalue().split("\n")


@pytest.mark.parametrize(("width", "height", "count"), [(80, 24, 3), (80, 24, 99), (30, 8, 99)])
def test_a_frame_fills_the_screen_and_no_more(width: int, height: int, count: int) -> None:
    board = Board(SCHEMA, ())
    board.add(rows(*(f"name{i}" for i in range(count))))
    lines = drawn(View(live(), board), width, height)
    lines = lines[:-1] if lines[-1] == "" else lines
    assert len(lines) == height
    assert all(len(line) <= width for line in lines)
    assert "2 rows" in lines[-1]
    assert f"name{count - 1}" in "\n".join(lines)


WIDE = pa.schema([(f"column_{i}", pa.string()) for i in range(30)] + [("end", pa.int64())])


@pytest.mark.parametrize(("width", "height"), [(80, 24), (200, 50), (50, 12)])
def test_a_wide_view_leaves_out_the_middle_and_counts_it(width: int, height: int) -> None:
    board = Board(WIDE, ())
    values = [[f"a long value {i}"] for i in range(30)] + [[7]]
    board.add(Changes.of(pa.record_batch(values, schema=WIDE)))
    view = View(live(), board)
    lines = [line.rstrip() for line in drawn(view, width, height)]
    lines = lines[:-1] if lines[-1] == "" else lines
    assert len(lines) == height
    assert all(width_of(line) <= width for line in lines)
    assert lines[1].startswith(" column_0 ")
    assert lines[1].endswith("│ end")
    assert " │ … │ " in lines[1]
    shown = lines[1].count("column_") + 1
    console = Console(file=io.StringIO(), width=width, height=height, force_terminal=False)
    console.print(view.last(width, height, True))
    told = " ".join(console.file.getvalue().split())
    assert f"31 columns, {shown} shown" in told


def test_cut_cells_of_the_last_frame_are_said() -> None:
    for name, cut in (("short", False), ("a long name " * 9, True)):
        board = Board(SCHEMA, ())
        board.add(rows(name))
        console = Console(file=io.StringIO(), width=50, height=12, force_terminal=False)
        console.print(View(live(), board).last(50, 12, True))
        assert ("cells with … are cut" in " ".join(console.file.getvalue().split())) == cut


def test_moments_of_a_view_are_times() -> None:
    schema = pa.schema([as_moment(pa.field("WINDOWSTART", pa.int64())), ("n", pa.int64())])
    board = Board(schema, (), Times.UTC)
    board.add(Changes.of(pa.record_batch([[1_700_000_000_000, None], [5, 6]], schema=schema)))
    lines = [line.rstrip() for line in drawn(View(live(), board), 80, 8)]
    assert lines[3:5] == [" 2023-11-14 22:13:20.000Z │ 5", " NULL                     │ 6"]


def test_joined_emoji_take_two_columns() -> None:
    board = Board(SCHEMA, ())
    board.add(rows("👩\u200d💻", "ab"))
    lines = [line.rstrip() for line in drawn(View(live(), board), 80, 8)]
    assert lines[3:5] == [" 👩\u200d💻   │ 0", " ab   │ 1"]


def test_a_column_never_gets_narrower() -> None:
    board = Board(SCHEMA, ())
    view = View(live(), board)
    board.add(rows("a very long name"))
    bar = drawn(view, 80, 6)[1].index("│")
    board.add(rows("short"))
    assert drawn(view, 80, 6)[1].index("│") == bar


def test_equal_states_are_not_drawn_twice() -> None:
    board = Board(SCHEMA, ())
    view = View(live(), board)
    before = view.state(80, 24)
    assert view.state(80, 24) == before
    board.add(rows("x"))
    assert view.state(80, 24) != before


def test_keys() -> None:
    board = Board(SCHEMA, ())
    board.add(rows(*(f"name{i}" for i in range(30))))
    view = View(live(), board)
    assert view.press(b" ", 10)
    assert view.paused
    assert view.press(b"\x1b[5~", 10)
    assert view.back == 10
    assert view.press(b"\x1b[5~", 10)
    assert view.press(b"\x1b[5~", 10)
    assert view.back == 20  # the first row is at the top
    assert view.press(b"\x1b[B", 10)
    assert view.back == 19
    assert view.press(b"G", 10)
    assert (view.back, view.paused) == (0, False)
    assert view.press(b"x", 10)
    assert [view.press(key, 10) for key in (b"q", b"\x1b", b"\x03")] == [False] * 3


@pytest.mark.parametrize("key", [(), ("name",)])
def test_lines_for_a_terminal_without_a_keyboard_are_clean(
    key, hostile, unclean, monkeypatch
) -> None:
    out = io.StringIO()
    monkeypatch.setattr(show, "stdout_target", lambda *_: Target(out, width=80))
    show.Shower("jsonl").show(live(rows(hostile), key=key))
    assert "title" in out.getvalue()
    assert unclean(out.getvalue()) == []
