"""Driving a query over the log, with a graph and a codec of literals."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pytest

from kshell.cases.drive import drive, emitted
from kshell.cases.log import Log, Stored
from kshell.cases.model import Header, WindowSpec
from kshell.catalog.model import Column, FormatSpec, Kind, Source, Window, WindowType
from kshell.changes import Changes
from kshell.sql.plan import JoinKind, Relation, Scan, Sink, StreamTableJoin

JSON = FormatSpec("JSON")
K, V = Column("K", pa.int32()), Column("V", pa.string())


def source(name: str, kind: Kind = Kind.STREAM) -> Source:
    return Source(name, kind, name.lower(), (K,), (V,), JSON, JSON)


def scan(of: Source) -> Scan:
    columns = (("K", "K"), ("V", "V"), ("ROWTIME", "ROWTIME"))
    return Scan(of, Relation(of.kind, (K,), (V,)), columns)


class Echo:
    """Gives each change back, and remembers where it came from."""

    def __init__(self) -> None:
        self.seen: list[tuple[int, dict[str, Any], int]] = []

    def step(self, batches: Mapping[int, Changes]) -> Changes:
        ((scan, changes),) = batches.items()
        (row,), (weight,) = changes.rows.to_pylist(), changes.weights.to_pylist()
        self.seen.append((scan, row, weight))
        return changes


class Lines:
    """Keys and values as JSON; "bad" cannot be used."""

    def decode(self, source: Source, record: Stored, offset: int) -> dict[str, Any] | None:
        if record.value == b"bad":
            return None
        key = json.loads(record.key) if record.key else None
        value = json.loads(record.value) if record.value else None
        gone = record.value is None
        return {"K": key, "V": value, "ROWOFFSET": offset, "ROWTIME": record.timestamp,
                "ROWGONE": gone}  # fmt: skip

    def encode(
        self,
        target: Source,
        columns: Mapping[str, Any],
        timestamp: int,
        gone: bool,
        window: tuple[int, int] | None,
        keyless: bool | None = None,
    ) -> tuple[bytes | None, bytes | None, int] | None:
        value = None if gone else json.dumps(columns["V"]).encode()
        return json.dumps(columns["K"]).encode(), value, timestamp

    def infer(self, topic: str, half: str, format: FormatSpec) -> None:
        return None

    def from_node(self, node: Any, source: Source, half: str) -> bytes | None:
        raise NotImplementedError

    def to_node(self, data: bytes | None, source: Source, half: str) -> Any:
        raise NotImplementedError


def test_records_pass_one_by_one_and_bad_ones_are_left_out() -> None:
    s = scan(source("S"))
    sink = Sink(s, source("O"), s.output)
    log, graph = Log(), Echo()
    headers = (Header("h", b"1"),)
    for record in (Stored(b"1", b'"a"', 5, headers), Stored(b"2", b"bad", 6), Stored(b"3", b'"c"', 7)):
        log.append("s", record)
    drive(sink, graph, Lines(), log, [("s", 0), ("s", 1), ("s", 2)])
    assert graph.seen == [
        (0, {"K": 1, "V": "a", "ROWTIME": 5}, 1), (0, {"K": 3, "V": "c", "ROWTIME": 7}, 1),
    ]  # fmt: skip
    assert log.read("o") == [Stored(b"1", b'"a"', 5, headers), Stored(b"3", b'"c"', 7)]


def test_own_records_come_before_what_other_queries_wrote() -> None:
    left, right = scan(source("S")), scan(source("T", Kind.TABLE))
    join = StreamTableJoin(left, right, JoinKind.INNER, left.output)
    log, graph = Log(), Echo()
    log.append("t", Stored(b"9", b'"derived"', 1))
    for n in range(2):
        log.append("s", Stored(b"%d" % n, b'"own"', n))
    drive(Sink(join, source("O"), left.output), graph, Lines(), log, [("s", 0), ("s", 1)])
    assert [(scan, row["K"]) for scan, row, _ in graph.seen] == [(0, 0), (0, 1), (1, 9)]


def test_a_tables_tombstone_is_its_key_at_minus_one_and_needs_one() -> None:
    t = scan(source("T", Kind.TABLE))
    log, graph = Log(), Echo()
    log.append("t", Stored(b"1", None, 3))
    log.append("t", Stored(None, b'"x"', 4))
    drive(Sink(t, source("O", Kind.TABLE), t.output), graph, Lines(), log, [("t", 0), ("t", 1)])
    assert graph.seen == [(0, {"K": 1, "V": None, "ROWTIME": 3}, -1)]
    assert log.read("o") == [Stored(b"1", None, 3)]


def test_a_streams_record_without_a_value_passes_at_0() -> None:
    s = scan(source("S"))
    log, graph = Log(), Echo()
    log.append("s", Stored(None, None, 3))
    drive(Sink(s, source("O"), s.output), graph, Lines(), log, [("s", 0)])
    assert graph.seen == [(0, {"K": None, "V": None, "ROWTIME": 3}, 0)]
    assert log.read("o") == [Stored(b"null", None, 3)]


def test_a_topic_read_twice_feeds_both_scans() -> None:
    s = source("S")
    join = StreamTableJoin(scan(s), scan(s), JoinKind.INNER, scan(s).output)
    log, graph = Log(), Echo()
    log.append("s", Stored(b"1", b'"a"', 0))
    drive(Sink(join, source("O"), scan(s).output), graph, Lines(), log, [("s", 0)])
    assert [number for number, _, _ in graph.seen] == [0, 1]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([(1, "a", 1)], [(1, "a")]),
        ([(1, "a", -1), (1, "b", 1)], [(1, "b")]),
        ([(1, "a", -1), (1, "a", 1)], [(1, "a")]),
        ([(1, "a", -1)], [(1, None)]),
        ([(1, None, 0)], [(1, None)]),
        ([(1, "a", -1), (2, "b", 1)], [(1, None), (2, "b")]),
        ([(1, "a", -1), (1, "b", 1), (1, "b", -1)], [(1, "b"), (1, None)]),
    ],
)
def test_a_tables_changes_as_records(
    rows: list[tuple[int, str | None, int]], expected: list[tuple[int, str | None]]
) -> None:
    t = scan(source("T", Kind.TABLE))
    batch = pa.RecordBatch.from_pylist(
        [{"K": k, "V": v, "ROWTIME": 0} for k, v, _ in rows], schema=t.output.schema()
    )
    changes = Changes(batch, pa.array([w for _, _, w in rows], pa.int64()))
    out = emitted(Sink(t, source("O", Kind.TABLE), t.output), changes)
    assert [(r.columns["K"], None if r.tombstone else r.columns["V"]) for r, _ in out] == expected


def test_windows_come_from_the_windowed_key() -> None:
    relation = Relation(Kind.TABLE, (K,), (V,), Window(WindowType.SESSION))
    leaf = Scan(source("T", Kind.TABLE), relation, ())
    batch = pa.RecordBatch.from_pylist(
        [{"K": 1, "V": "a", "WINDOWSTART": 3, "WINDOWEND": 8, "ROWTIME": 8}],
        schema=relation.schema(),
    )
    ((_, window),) = emitted(Sink(leaf, source("O"), relation), Changes.of(batch))
    assert window == WindowSpec(3, 8, "session")
