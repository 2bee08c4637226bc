"""The record that Enter opens: what is drawn of it, and a reader that never makes the view wait."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace

import pyarrow as pa
import pytest

from kshell.catalog.model import HEADERS
from kshell.changes import Changes
from kshell.errors import KafkaError
from kshell.results import Live, LiveStats, Printed
from kshell.terminal.board import Board
from kshell.terminal.live_frame import frame, scene
from kshell.terminal.live_pane import Pane
from kshell.terminal.live_record import OpenedRecord, RecordReader
from kshell.terminal.live_view import Open, View
from kshell.terminal.times import Times

SCHEMA = pa.schema([("name", pa.string()), ("n", pa.int64())])
TYPES = {
    "topic": pa.string(), "partition": pa.int32(), "offset": pa.int64(), "timestamp": pa.int64(),
    "key": pa.string(), "headers": HEADERS, "value": pa.string(), "error": pa.string(),
}  # fmt: skip


def record(**values: object) -> pa.RecordBatch:
    """A record of PRINT."""
    row = {
        "topic": "orders", "partition": 1, "offset": 17, "timestamp": 1_700_000_000_123,
        "key": "ann", "headers": [], "value": "x", "error": None, **values,
    }  # fmt: skip
    return pa.RecordBatch.from_pylist([row], pa.schema(list(TYPES.items())))


def printed(*parts: pa.RecordBatch | None, stats: Callable[[], LiveStats] = LiveStats) -> Printed:
    """Gives the parts; None stands for a poll in which nothing came."""
    rest = iter(parts)
    schema = pa.schema(list(TYPES.items()))

    def poll(seconds: float) -> Changes | None:
        part = next(rest)
        return Changes.none(schema) if part is None else Changes.of(part)

    return Printed(schema, poll, lambda: None, stats, "orders")


def opened(read: Callable[[int, int], Printed]) -> OpenedRecord:
    told = threading.Event()
    reader = RecordReader(read, (1, 17), Times.UTC, told.set)
    assert told.wait(5)
    return reader.record


def texts(view: View, width: int = 60, height: int = 24) -> list[str]:
    made = frame(view, scene(view, width, height), LiveStats(), "t", width, height)
    view.page, view.below = max(made.page, 1), made.below
    return ["".join(text for text, _ in line).rstrip() for line in made.lines]


def placed_board() -> Board:
    board = Board(SCHEMA, (), Times.UTC)
    rows = pa.record_batch([["a", "b"], [1, 2]], schema=SCHEMA)
    places = pa.record_batch({"p": pa.array([1, 1], pa.int32()), "o": [16, 17]})
    board.add(replace(Changes.of(rows), places=places))
    return board


def view_of_record(made: OpenedRecord) -> View:
    view = View.of(placed_board())
    texts(view)
    view.press("c-m")
    assert view.place == (1, 17)  # the newest row
    view.record = made
    return view


def test_the_record_is_drawn_whole_and_then_the_row() -> None:
    headers = [{"KEY": "trace", "VALUE": b"7"}, {"KEY": "none", "VALUE": None}]
    rows = record(value='{"id":1.10,"deep":{"list":[1]}}', headers=headers)
    view = view_of_record(opened(lambda p, o: printed(None, rows)))
    assert texts(view)[:21] == [
        "Record 1@17 of orders",
        "time  2023-11-14 22:13:20.123Z",
        "key  ann",
        "header trace  7",
        "header none  NULL",
        "value",
        "  {",
        '    "id": 1.10,',
        '    "deep": {',
        '      "list": [',
        "        1",
        "      ]",
        "    }",
        "  }",
        "",
        "the row",
        "name  STRING",
        "  b",
        "n  BIGINT",
        "  2",
        "",
    ]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"key": None, "value": None}, ["key  no key", "value  NULL, a tombstone"]),
        ({"key": '{"a":1}'}, ["key", "  {", '    "a": 1', "  }", "value  x"]),
        ({"timestamp": -1}, ["time  no time", "key  ann", "value  x"]),
        ({"value": None, "error": "field VALUE: no UTF-8"}, ["error  field VALUE: no UTF-8"]),
        ({"value": "a\x1b]0;x\x07\nb"}, ["value", "  a\\x1b]0;x\\x07", "  b"]),
    ],
)
def test_what_there_is_not_is_said(values: dict[str, object], said: list[str]) -> None:
    lines = texts(view_of_record(opened(lambda p, o: printed(record(**values)))))
    assert all(line in lines for line in said), lines


def test_why_it_cannot_be_read_is_said() -> None:
    def read(partition: int, offset: int) -> Printed:
        raise KafkaError(f"offset {offset} is gone: the log starts at 1,200")

    lines = texts(view_of_record(opened(read)))
    assert lines[:2] == ["Record 1@17", "not here  offset 17 is gone: the log starts at 1,200"]


def test_an_outage_is_said_until_it_is_over() -> None:
    told: list[str] = []
    seen = threading.Event()
    notes = iter(["", "cannot reach broker 2 for 3 s"])

    def stats() -> LiveStats:
        return LiveStats(note=next(notes))

    def heard() -> None:
        told.append(reader.record.said)
        if reader.record.sections:
            seen.set()

    made = printed(None, None, record(), stats=stats)
    ready = threading.Event()

    def read(partition: int, offset: int) -> Printed:
        ready.wait(5)
        return made

    reader = RecordReader(read, (1, 17), Times.UTC, heard)
    ready.set()
    assert seen.wait(5)
    assert told == ["cannot reach broker 2 for 3 s", ""]


def test_a_long_record_is_scrolled_to_its_end() -> None:
    value = "[" + ",".join(str(n) for n in range(500)) + "]"
    view = view_of_record(opened(lambda p, o: printed(record(value=value))))
    seen = set(texts(view))
    for _ in range(40):
        view.press("pagedown")
        seen.update(texts(view))
    assert {f"    {n}," for n in range(499)} <= seen
    view.press("end")
    assert "  2" in texts(view)[-3:]  # the last column
    view.press("escape")
    assert (view.open, view.stopped) == (Open.NOTHING, False)


def test_the_row_stays_open_while_others_come() -> None:
    board = placed_board()
    view = View.of(board)
    texts(view)
    view.press("c-m")
    rows = pa.record_batch([["z"] * 3000, [9] * 3000], schema=SCHEMA)
    places = pa.record_batch({"p": pa.array([0] * 3000, pa.int32()), "o": [0] * 3000})
    board.add(replace(Changes.of(rows), places=places))
    assert "  b" in texts(view)


def test_a_read_that_hangs_makes_no_frame_wait() -> None:
    hangs = threading.Event()
    stop = threading.Event()

    def read(partition: int, offset: int) -> Printed:
        assert hangs.wait(10)
        return printed(record())

    def poll(seconds: float) -> Changes | None:
        return None if stop.wait(seconds) else Changes.none(SCHEMA)

    live = Live(SCHEMA, poll, stop.set, LiveStats, "t", record=read)
    pane = Pane(live, View.of(placed_board()), live.title)
    pane.lines(60, 24)
    pane.view.press("c-m")
    began = time.monotonic()
    shown = "\n".join(text for line in pane.lines(60, 24, True) for text, _ in line)
    assert time.monotonic() - began < 0.5
    assert "Record 1@17" in shown
    assert "reading …" in shown
    hangs.set()
    deadline = time.monotonic() + 5
    while "2023" not in shown and "1700000000123" not in shown:
        assert time.monotonic() < deadline
        shown = "\n".join(text for line in pane.lines(60, 24) for text, _ in line)
    pane.view.press("q")
    pane.lines(60, 24, True)
    assert pane.view.record is None
    stop.set()
    pane.leave()
