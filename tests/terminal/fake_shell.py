"""`python -m tests.terminal.fake_shell`: the real prompt over a session that needs no broker.

Each statement that FakeSession knows shows one kind of result: rows, hostile rows, a slow scan, a
live stream, a live table, an outage, an error with a place.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import os
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace

import pyarrow as pa

from kshell.catalog.model import HEADERS
from kshell.changes import Changes
from kshell.config import Properties
from kshell.engines.base import Named
from kshell.errors import Outage, ParseError, Place, UnknownName, UsageError
from kshell.results import (
    Event,
    Goodbye,
    LeftOut,
    Live,
    LiveStats,
    Message,
    Notice,
    NoticeKind,
    Printed,
    Progress,
    Proposal,
    Rows,
    Running,
    Sections,
    Task,
    Waiting,
    titled,
)  # fmt: skip
from kshell.sql import functions
from kshell.sql.script import Piece
from kshell.types import as_moment

NESTED = pa.struct([("city", pa.string()), ("zips", pa.list_(pa.int64()))])
HOSTILE = "a\x1b[2J\x1b]0;owned\x07\u202e\x9b31m[bold red]markup[/]\x00\r\n\tz"
NOTICES = {
    "partial": Notice(NoticeKind.PARTIAL, f"stopped at 2 records {HOSTILE}", 5),
    "undecodable": Notice(NoticeKind.UNDECODABLE, "1 record could not be decoded", 1),
    "empty": Notice(NoticeKind.EMPTY, "topic orders is empty"),
}
ADDRESS = pa.struct([("city", pa.string()), ("zip", pa.int32())])
COLUMNS = {
    "orders": {
        "orderid": pa.int64(), "userid": pa.int64(), "total": pa.float64(), "address": ADDRESS,
    },
    "users": {"userid": pa.int64(), "regionid": pa.string()},
}  # fmt: skip


def slow(seconds: float = 60) -> Rows:
    """A scan that takes so long unless it is cancelled."""
    began = time.monotonic()
    stop = threading.Event()

    def batches() -> Iterator[pa.RecordBatch]:
        # One long wait, as a call into DuckDB is: an exception in this thread would not end it.
        stop.wait(seconds)
        yield from ()

    def progress() -> Progress:
        seconds = time.monotonic() - began
        return Progress(int(seconds * 1000), 60_000, seconds)

    return Rows(pa.schema([("n", pa.int64())]), batches(), cancel=stop.set, progress=progress)


def live(kind: str) -> Live:
    """A stream of numbers, or a table of three keys, until it is cancelled."""
    schema = pa.schema([("k", pa.string()), ("n", pa.int64())])
    keyed = kind in ("table", "flags")
    stop = threading.Event()
    count = 0

    def poll(seconds: float) -> Changes | None:
        nonlocal count
        if stop.wait(0.05):
            return None
        count += 1
        if kind == "ending" and count > 3:
            return None
        key = HOSTILE if kind == "hostile" else f"key{count % 3}" if keyed else f"row{count}"
        if kind == "flags" and count % 3 == 1:
            key = "\U0001f1e9\U0001f1ea" * 99
        rows = pa.record_batch([[key], [count]], schema=schema)
        if keyed and count > 3:
            old = pa.record_batch([[key], [count - 3]], schema=schema)
            return Changes(pa.concat_batches([old, rows]), pa.array([-1, 1]))
        return Changes.of(rows)

    def stats() -> LiveStats:
        note = f"cannot reach broker 2 for {count} s" if kind == "outage" else ""
        return LiveStats(count, count * 10, 200.0, 7, LeftOut(3), note)

    return Live(schema, poll, stop.set, stats, kind, ("k",) if keyed else ())


def keyed(keys: int, count: int, limited: bool) -> Live:
    """A table of so many keys, changed so often in all; with an unknown lag."""
    schema = pa.schema([("k", pa.string()), ("n", pa.int64())])
    stop = threading.Event()
    made = 0

    def poll(seconds: float) -> Changes | None:
        nonlocal made
        if stop.wait(0.2 if made >= count and not limited else 0.05):
            return None
        if made >= count:
            return None if limited else Changes.none(schema)
        rows, weights = [], []
        for n in range(made, min(made + 100, count)):
            if n >= keys:
                rows.append((f"key{n % keys}", n - keys))
                weights.append(-1)
            rows.append((f"key{n % keys}", n))
            weights.append(1)
        made = min(made + 100, count)
        columns = [list(column) for column in zip(*rows, strict=True)]
        return Changes(pa.record_batch(columns, schema=schema), pa.array(weights, pa.int64()))

    def stats() -> LiveStats:
        return LiveStats(made, made, 5.0, None)

    return Live(schema, poll, stop.set, stats, "keys", ("k",), ends=limited)


def windows() -> Live:
    """Counts of three regions in windows of a minute: ten windows, then a change in the last one."""
    schema = pa.schema([("region", pa.string()), as_moment(pa.field("WINDOWSTART", pa.int64())), ("views", pa.int64())])
    stop = threading.Event()
    made = 0

    def poll(seconds: float) -> Changes | None:
        nonlocal made
        if made and stop.wait(0.05):
            return None
        made += 1
        minutes = range(10) if made == 1 else [9]
        rows = [(f"r{k}", m * 60_000, m + k + made) for m in minutes for k in range(3)]
        old = [] if made == 1 else [(f"r{k}", 540_000, 8 + k + made) for k in range(3)]
        columns = [list(column) for column in zip(*old, *rows, strict=True)]
        weights = pa.array([-1] * len(old) + [1] * len(rows), pa.int64())
        return Changes(pa.record_batch(columns, schema=schema), weights)

    return Live(schema, poll, stop.set, lambda: LiveStats(made, made), "views", ("region", "WINDOWSTART"))


def wide() -> Live:
    """A stream of 60 columns."""
    schema = pa.schema([(f"column_{n}", pa.string()) for n in range(60)])
    stop = threading.Event()

    def poll(seconds: float) -> Changes | None:
        if stop.wait(0.1):
            return None
        rows = pa.record_batch([[f"value {n}"] for n in range(60)], schema=schema)
        return Changes.of(rows)

    return Live(schema, poll, stop.set, LiveStats, "wide")


RUNS = itertools.count()
RECORDS = {
    "topic": ["orders"] * 3, "partition": [0, 1, 0], "offset": [7, 3, 8], "timestamp": [0, 1000, 2000],
    "key": ["ann", None, "bob"],
    "headers": pa.array([[{"KEY": "trace", "VALUE": HOSTILE.encode()}], [], []], HEADERS),
    "value": ['{"id":1,"note":"%s"}' % ("long " * 40), HOSTILE, None],
    "error": pa.array([None, None, "field VALUE: not valid UTF-8"], pa.string()),
}  # fmt: skip


def printed(*, follows: bool) -> Printed:
    """Three records, and then the end, or nothing until it is cancelled."""
    rows = pa.record_batch(RECORDS)
    parts = [Changes.of(rows)]
    stop = threading.Event()

    def poll(seconds: float) -> Changes | None:
        if parts:
            return parts.pop()
        if not follows or stop.wait(min(seconds, 0.05)):
            return None
        return Changes.none(rows.schema)

    stats = LiveStats(3, 3)
    return Printed(rows.schema, poll, stop.set, lambda: stats, "orders", ends=not follows, follows=follows)


def numbered(count: int) -> Rows:
    """So many rows with a moment, a long text, and something nested."""
    moment = as_moment(pa.field("ROWTIME", pa.int64()))
    schema = pa.schema([moment, ("n", pa.int64()), ("text", pa.string()), ("at", NESTED)])

    def batches() -> Iterator[pa.RecordBatch]:
        for first in range(0, count, 100):
            n = range(first, min(first + 100, count))
            columns = [
                [1_700_000_000_000 + i for i in n], n, ["the quick brown fox"] * len(n),
                [{"city": f"City_{i}", "zips": [i, i + 1]} for i in n],
            ]  # fmt: skip
            made = [pa.array(c, t) for c, t in zip(columns, schema.types, strict=True)]
            yield pa.RecordBatch.from_arrays(made, schema=schema)

    progress = Progress(count, count, 0.5, count * 100)
    return Rows(schema, batches(), progress=lambda: progress, elides=True)


def endless() -> Rows:
    """Rows that come until the answer is cancelled."""
    stop = threading.Event()

    def batches() -> Iterator[pa.RecordBatch]:
        while not stop.is_set():
            yield pa.record_batch({"said": ["again"] * 10})
            time.sleep(0.01)

    return Rows(pa.schema([("said", pa.string())]), batches(), cancel=stop.set, elides=True)


def deaf(seconds: float) -> tuple[()]:
    """Wait, whatever interrupts."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            time.sleep(1)
        except KeyboardInterrupt:
            pass
    return ()


def work() -> Task:
    """A COPY of a million records, three thousand a tenth of a second, until it is stopped."""
    stopped = threading.Event()
    began, done = time.monotonic(), [0]

    def run() -> Message:
        while not stopped.wait(0.1):
            done[0] += 3000
        return Message(f"Stopped: {done[0]:,} records written.")

    def progress() -> Progress:
        return Progress(done[0], 1_000_000, time.monotonic() - began, what="bytes")

    return Task(run, stopped.set, progress)


def _held(count: int) -> Waiting:
    return Waiting(count, "record", "records", "transaction", "written", "COMMIT writes")


class FakeSession:
    """Serves the statements below; has the names of two topics."""

    cluster = "fake:9092"
    profile = "test"
    properties = Properties(
        {"bootstrap.servers": "fake:9092", "kshell.editing": "vi" if "vi" in sys.argv else "emacs"}
    )

    held: int | None = None  # records of an open transaction

    @functools.cached_property
    def variables(self) -> dict[str, str]:
        return {}

    def remembering(self, script: str) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext()

    def last(self, text: str = "") -> Rows:
        if text:
            raise UsageError("no such result")
        return replace(numbered(100), elides=False)

    def connect(self) -> None:
        pass

    def keep(self) -> list[str]:
        return []

    def execute(self, text: str) -> Iterator[Event]:
        first = text.strip().rstrip(";").lower()
        if first.startswith("live keys "):
            _, _, keys, count, *limit = first.split()
            yield keyed(int(keys), int(count), bool(limit))
        elif first == "select * from `counts` emit changes":
            yield live("table")
        elif first == "select counted":
            yield Rows.of(pa.table({"region": ["north", "south"], "n": [next(RUNS), 7]}))
        elif first == "select breaking":
            if next(RUNS):
                raise Outage("broker 2 does not answer")
            yield Rows.of(pa.table({"said": ["before the outage"]}))
        elif first == "select slowly":
            yield slow()
        elif first == "select on":
            yield live("stream")
        elif first == "live windows":
            yield windows()
        elif first == "live wide":
            yield wide()
        elif first.startswith("live "):
            yield live(first.split()[1])
        elif first in ("print all", "print on"):
            yield printed(follows=first == "print on")
        elif first in NOTICES:
            rows = Rows.of(pa.table({"said": [first]}))
            yield replace(rows, notices=lambda: (NOTICES[first],))
        elif first in ("partial message", "partial sections"):
            told = Message("half of it is done", (NOTICES["partial"],))
            yield told if first == "partial message" else Sections((Sections((told,)),))
        elif first == "partial description":
            yield Sections((Message("read"),), (NOTICES["partial"],))
        elif first.startswith("rows "):
            yield numbered(int(first.split()[1]))
        elif first == "endless":
            yield endless()
        elif first.startswith("limited "):
            yield replace(numbered(int(first.split()[1])), elides=False)
        elif first == "slow":
            yield slow()
        elif first == "brief":
            yield slow(1.5)
        elif first in ("stuck", "stuck emit changes"):  # as a call into C that heeds nothing
            deaf(60)
        elif first == "stuck while drawn":
            yield replace(Rows.of(pa.table({"n": [1]})), notices=lambda: deaf(60))
        elif first == "hostile":
            table = pa.table({HOSTILE: [HOSTILE, None], "n": [1, 2]})
            yield Rows.of(table, HOSTILE)
        elif first == "outage":
            raise Outage(f"broker 2 said {HOSTILE}", hint="look at broker 2")
        elif first == "crash":
            raise ZeroDivisionError("a bug")
        elif first.startswith("selec "):
            place = Place(1, text.lower().index("selec ") + 1, 5)
            raise ParseError("SELEC is no statement", hint="did you mean SELECT?", place=place)
        elif first.startswith("describe "):
            raise UnknownName("topic", first.split()[1], COLUMNS)
        elif first == "many":
            yield Rows.of(pa.table({"n": list(range(10))}))
        elif first == "unnamed":
            yield Rows.of(pa.table({"COUNT(*)": [1]}))
        elif first == "nothing":
            yield Rows.of(pa.table({"said": pa.array([], pa.string())}))
        elif first == "two rows":
            yield Rows.of(pa.table({"said": ["one", "two"]}))
        elif first == "propose":
            plan = titled("Delete topic orders", {"what": ["topic"], "before": ["orders"], "after": [None]}, {})
            warning = Notice(NoticeKind.CHANGE, "query CTAS_1 reads it")
            proposal = Proposal("Delete topic orders?", plan, lambda: Message("Topic orders is deleted.", (warning,)), (warning,))
            yield proposal
            if proposal.accepted:
                yield proposal.apply()
        elif first == "begin":
            self.held = _held(0)
            yield Message("held")
        elif first == "insert" and self.held is not None:
            self.held = _held(self.held.count + 2)
            yield Message("2 records held")
        elif first == "commit":
            yield Message(f"{self.held.count} records written")
            self.held = None
        elif first == "work":
            yield work()
        elif first == "exit":
            yield Goodbye()
        elif first.startswith("set "):
            yield Message("set")
        else:
            yield Rows.of(pa.table({"said": [text]}))

    def execute_piece(self, piece: Piece) -> Iterator[Event]:
        return self.execute(piece.text)

    def names(self) -> tuple[Named, ...]:
        return tuple(Named(name, "topic", 3) for name in COLUMNS)

    def refresh(self) -> None:
        pass

    def columns(self, name: str) -> dict[str, pa.DataType]:
        time.sleep(0.2)  # as a sample of a topic takes
        return COLUMNS[name]

    def listed(self, what: str) -> list[str]:
        return []

    def types(self) -> tuple[str, ...]:
        return ()

    def functions(self) -> dict[str, functions.Function]:
        return {name: functions.describe(name) for name in ("COUNT", "UCASE")}

    def running(self) -> tuple[Running, ...]:
        if "idle" in sys.argv:
            return ()
        return (Running("CTAS_1", "5/s", writes="counts"), Running("CSAS_2", "failed: no topic", failed=True))

    def close(self) -> None:
        pass


if __name__ == "__main__":
    from kshell.terminal.encoding import speak
    from kshell.terminal.repl import converse

    speak()
    code = converse(FakeSession, "", False, yes="--yes" in sys.argv)  # type: ignore[arg-type]
    sys.stdout.flush()
    os._exit(code)  # as kshell does: a thread may still be importing
