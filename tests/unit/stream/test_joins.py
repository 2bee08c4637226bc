"""Joins of streams: the same in steps of any size, with any key, stopped and going on; bounded."""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kshell.changes import Changes
from kshell.stream.graph import Graph
from kshell.stream.ops import stream_join
from kshell.stream.state import Entries
from tests.streams.query import Query
from tests.streams.records import Record, records

few = settings(max_examples=5, deadline=None, database=None)

_WITH = "WITH (KAFKA_TOPIC='{}', KEY_FORMAT='JSON', VALUE_FORMAT='JSON', PARTITIONS=1);"
L, R, M = (
    f"CREATE STREAM {name} (K STRING KEY, V BIGINT) {_WITH.format(name.lower())}" for name in "LRM"
)
LT, RT, MT = (
    f"CREATE TABLE {name} (K STRING PRIMARY KEY, V BIGINT) {_WITH.format(name.lower())}"
    for name in "LRM"
)
GRACE = "WITHIN (9 MILLISECONDS, 4 MILLISECONDS) GRACE PERIOD 12 MILLISECONDS"
NONE = "WITHIN (9 MILLISECONDS, 4 MILLISECONDS)"
KEYS = {"JOIN": "L.K", "LEFT JOIN": "L.K", "RIGHT JOIN": "R.K", "FULL OUTER JOIN": "ROWKEY"}


def joined(kind: str, within: str, right: str = R) -> str:
    return f"""{L} {right} CREATE STREAM O AS SELECT {KEYS[kind]}, L.V AS A, R.V AS B
        FROM L {kind} R {within} ON L.K = R.K;"""


def three(first: str, second: str, last: str = M) -> str:
    within = GRACE if last == M else ""
    return f"""{L} {R} {last} CREATE STREAM O AS SELECT L.K, L.V AS A, R.V AS B, M.V AS C
        FROM L {first} R {GRACE} ON L.K = R.K {second} M {within} ON L.K = M.K;"""


QUERIES = {
    **{f"{kind}, grace": joined(kind, GRACE) for kind in KEYS},
    **{f"{kind}, no grace": joined(kind, NONE) for kind in KEYS},
    "zero": joined("FULL OUTER JOIN", "WITHIN 5 MILLISECONDS GRACE PERIOD 0 MILLISECONDS"),
    "ahead alone": joined(
        "FULL OUTER JOIN", "WITHIN (0 MILLISECONDS, 5 MILLISECONDS) GRACE PERIOD 0 MILLISECONDS"
    ),
    "lookup": joined("JOIN", "", RT),
    "lookup, left": joined("LEFT JOIN", "", RT),
    "table": f"{LT} CREATE TABLE O AS SELECT K, V FROM L;",
    "three": three("JOIN", "JOIN"),
    "three, left": three("LEFT JOIN", "LEFT JOIN"),
    "three, inner and left": three("JOIN", "LEFT JOIN"),
    "three, a table last": three("LEFT JOIN", "JOIN", MT),
    "two tables": f"""{L} {RT} {MT} CREATE STREAM O AS SELECT L.K, L.V AS A, R.V AS B, M.V AS C
        FROM L LEFT JOIN R ON L.K = R.K JOIN M ON L.K = M.K;""",
    "exploded": f"""{L} {R} CREATE STREAM X AS SELECT K, EXPLODE(ARRAY[V, V + 1]) AS V FROM L
        EMIT CHANGES; {joined("LEFT JOIN", GRACE, "").replace(L, "").replace("L ", "X ").replace("L.", "X.")}""",
}  # fmt: skip


def listed(parts: Sequence[Changes]) -> list[tuple[Any, ...]]:
    return [
        (weight, *row.values())
        for part in parts
        for row, weight in zip(part.rows.to_pylist(), part.weights.to_pylist(), strict=True)
    ]


@pytest.mark.parametrize("name", QUERIES)
@few
@given(given=records("lrm", most=40), most=st.sampled_from([1, 5, 1 << 18]))
def test_steps_of_any_size_make_the_same(name: str, given: list[Record], most: int) -> None:
    """Record by record, and in parts of any size too."""
    if name == "exploded":
        given = [r._replace(topic="x") if r.topic == "l" else r for r in given]
    script = QUERIES[name]
    expected = listed(list(Query.of(script).changes(given, 1)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stream_join, "_MOST", most)
        for size in (7, len(given)):
            assert listed(list(Query.of(script).changes(given, size))) == expected, size


def held(parts: Mapping[str, Entries]) -> dict[str, dict[str, Any]]:
    """What is there, by part and key."""
    out: dict[str, dict[str, Any]] = {}
    for name, entries in parts.items():
        assert isinstance(entries.values, pa.RecordBatch)
        rows = zip(
            entries.keys.to_pylist(), entries.values.to_pylist(), entries.gone.to_pylist(), strict=True
        )
        out[name] = {str(key): None if gone else str(value) for key, value, gone in rows}
        assert len(out[name]) == entries.keys.num_rows
    return out


@pytest.mark.parametrize("name", QUERIES)
@few
@given(given=records("lrm", most=40), cut=st.integers(0, 60), size=st.sampled_from([1, 7]))
def test_a_loaded_query_goes_on(name: str, given: list[Record], cut: int, size: int) -> None:
    expected = listed(list(Query.of(QUERIES[name]).changes(given, 1)))
    first, second = Query.of(QUERIES[name]), Query.of(QUERIES[name])
    made = list(first.changes(given[:cut], size))
    saved = first.graph.snapshot()
    second.graph.load(saved)
    assert held(second.graph.snapshot()) == held(saved)
    made += second.changes(given[cut:], size)
    assert listed(made) == expected


@pytest.mark.parametrize("name", QUERIES)
@few
@given(given=records("lrm", most=40), cut=st.integers(0, 60), size=st.sampled_from([1, 7]))
def test_a_snapshot_and_what_changed_since(
    name: str, given: list[Record], cut: int, size: int
) -> None:
    query, copy = Query.of(QUERIES[name]), Query.of(QUERIES[name])
    list(query.changes(given[:cut], size))
    store = held(query.graph.snapshot())
    copy.graph.load(query.graph.snapshot())
    for start in range(cut, len(given), 10):
        list(query.changes(given[start : start + 10], size))
        changed = query.graph.changed()
        for part, entries in held(changed).items():
            mine = store.setdefault(part, {})
            mine |= entries
            store[part] = {key: value for key, value in mine.items() if value is not None}
        copy.graph.load(changed)
        expected = held(query.graph.snapshot())
        assert store == expected
        assert held(copy.graph.snapshot()) == expected
    assert all(not entries for part, entries in held(query.graph.changed()).items() if "clocks" not in part)


def test_nothing_is_kept_for_nobody() -> None:
    """What changed is not written down until someone has looked."""
    query = Query.of(QUERIES["JOIN, grace"])
    for n in range(300):
        query.made(Record("lr"[n % 2], str(n), (n,), n * 20))
    (join,) = (o for o in query.graph.operators.values() if hasattr(o, "_rows"))
    assert [rows._gone for rows in join._rows] == [[], []]


@pytest.mark.parametrize("kind", KEYS)
@pytest.mark.parametrize("size", [1, 500])
def test_a_join_forgets(kind: str, size: int) -> None:
    query = Query.of(joined(kind, GRACE))
    given = [Record("lr"[n % 2], str(n), (n,), n * 20) for n in range(3000)]
    list(query.changes(given, size))
    entries = query.graph.snapshot()
    assert sum(e.keys.num_rows for e in entries.values()) < 20
    (join,) = (o for o in query.graph.operators.values() if hasattr(o, "_keys"))
    assert len(join._keys) < 10
    assert join._keys.size <= 2 * size + 20


def test_many_matches_come_in_parts() -> None:
    query = Query.of(joined("JOIN", "WITHIN 1 HOUR"))
    given = [Record("lr"[n % 2], "a", (n,), n) for n in range(4000)]
    parts = []
    for start in range(0, len(given), 4000):
        step = query._step(given[start : start + 4000])
        parts += [len(part) for part in query.graph.steps(step)]
    assert sum(parts) == 4_000_000
    assert max(parts) < 300_000


VALUES: dict[str, list[Any]] = {
    "STRING": [None, "", "a", "ä"],
    "INTEGER": [None, 0, -5],
    "BOOLEAN": [None, False, True],
    "DOUBLE": [None, 0.0, math.nan, math.inf, 1.5],
    "DECIMAL(20, 2)": [None, Decimal("0.00"), Decimal("-1.10"), Decimal("999999999999999999.99")],
    "BYTES": [None, b"", b"\0", b"\0\0"],
    "DATE": [None, datetime.date(1970, 1, 1), datetime.date(2026, 1, 2)],
    "TIMESTAMP": [None, datetime.datetime(1970, 1, 1), datetime.datetime(2026, 1, 2, 3)],
    "ARRAY<INTEGER>": [None, [], [None], [1, 2]],
    "STRUCT<A INTEGER, B ARRAY<STRING>>": [
        None, {"A": None, "B": None}, {"A": 1, "B": []}, {"A": 1, "B": [None]}],
}  # fmt: skip


def fed(graph: Graph, number: int, keys: list[Any], value: str, first: int) -> dict[int, Changes]:
    schema = graph.scans[number].output.schema()
    names = [n for n in schema.names if n != "ROWTIME"]
    rows = [
        {names[0]: key, **dict.fromkeys(names[1:], f"{value}{i}"), "ROWTIME": first + i}
        for i, key in enumerate(keys)
    ]
    return {number: Changes.of(pa.RecordBatch.from_pylist(rows, schema=schema))}


@pytest.mark.parametrize("type", VALUES)
@pytest.mark.parametrize("table", [False, True])
def test_keys_of_every_type(type: str, table: bool) -> None:
    """Each value meets itself alone; NULL meets nothing."""
    kind = "TABLE" if table else "STREAM"
    key = "PRIMARY KEY" if table else "KEY"
    within = "" if table else "WITHIN 1 HOUR"
    script = f"""CREATE STREAM L (K {type} KEY, V STRING) {_WITH.format("l")}
        CREATE {kind} R (K {type} {key}, V STRING) {_WITH.format("r")}
        CREATE STREAM O AS SELECT L.K, L.V AS A, R.V AS B FROM L LEFT JOIN R {within} ON L.K = R.K;"""
    values = VALUES[type]
    graph = Query.of(script).graph
    graph.step(fed(graph, 1, [v for v in values if v is not None or not table], "r", 0))
    made = graph.step(fed(graph, 0, values, "l", 100))
    here = values if not table else values[1:]
    expected = [
        (f"l{i}", None if value is None else f"r{here.index(value)}")
        for i, value in enumerate(values)
    ]
    rows = made.rows
    assert list(zip(rows.column("A").to_pylist(), rows.column("B").to_pylist(), strict=True)) == expected
    assert repr(rows.column(0).to_pylist()) == repr(values)


@pytest.mark.parametrize("table", [False, True])
def test_not_a_number_and_zeros(table: bool) -> None:
    """As in DuckDB: NaN is NaN, -0.0 is 0.0; the row's own key shows."""
    kind, key, within = ("TABLE", "PRIMARY KEY", "") if table else ("STREAM", "KEY", "WITHIN 1 HOUR")
    script = f"""CREATE STREAM L (K DOUBLE KEY, V STRING) {_WITH.format("l")}
        CREATE {kind} R (K DOUBLE {key}, V STRING) {_WITH.format("r")}
        CREATE STREAM O AS SELECT L.K, L.V AS A, R.V AS B FROM L JOIN R {within} ON L.K = R.K;"""
    graph = Query.of(script).graph
    graph.step(fed(graph, 1, [math.nan, 0.0], "r", 0))
    made = graph.step(fed(graph, 0, [-0.0, -math.nan], "l", 10)).rows
    assert made.column("B").to_pylist() == ["r1", "r0"]
    assert str(made.column(0).to_pylist()) == "[-0.0, nan]"
