"""Every operator against Kafka Streams itself: the same records, one by one, the same results.

Kafka Streams runs in its TopologyTestDriver, kshell's plan is bound from KSQL.  Key, window, value
and time of each result must agree, record for record, and the order within a key.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .oracle import Oracle
from .query import Query
from .records import Made, Record, records

# Other and more inputs than the same 25 of each operator: KSHELL_EXAMPLES=500 pytest tests/streams
_MORE = os.environ.get("KSHELL_EXAMPLES")
many = settings(
    max_examples=int(_MORE or 25),
    derandomize=_MORE is None,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

_WITH = "WITH (KAFKA_TOPIC='{}', KEY_FORMAT='KAFKA', VALUE_FORMAT='JSON', PARTITIONS=1);"
_STREAM = "CREATE STREAM {} (K STRING KEY, V BIGINT) " + _WITH
_TABLE = "CREATE TABLE {} (K STRING PRIMARY KEY, V BIGINT) " + _WITH
_GROUPED_TABLE = "CREATE TABLE {} (K STRING PRIMARY KEY, G STRING, V BIGINT) " + _WITH

_AGGREGATES = "SELECT K, COUNT(*) AS N, SUM(V) AS S, COLLECT_LIST(V) AS C"
_KINDS = {"INNER": "JOIN", "LEFT": "LEFT JOIN", "RIGHT": "RIGHT JOIN", "FULL": "FULL OUTER JOIN"}

spans = st.integers(1, 30)
graces = st.one_of(st.just(0), st.integers(0, 60))
emits = st.booleans()


def by_key(made: Sequence[Made]) -> Mapping[str | None, list[Made]]:
    out: dict[str | None, list[Made]] = defaultdict(list)
    for one in made:
        out[one.key].append(one)
    return out


def same(
    streams: Oracle,
    topology: str,
    options: Mapping[str, Any],
    script: str,
    given: Sequence[Record],
) -> None:
    """Both make the same of each record."""
    query = Query.of(script)
    expected = streams.ask(topology, options, given)
    for record, theirs in zip(given, expected, strict=True):
        assert by_key(query.made(record)) == by_key(theirs), record


def ending(final: bool) -> tuple[dict[str, int], str]:
    """Of the topology's options and of the statement."""
    return ({"final": 1}, "EMIT FINAL") if final else ({}, "EMIT CHANGES")


def between_closes(given: Sequence[Record], shift: int = 0) -> list[Record]:
    """The records at even times: with an odd span no window closes at a record's own time.

    There Streams gives a session or sliding window out while it still takes records of its last
    moment, and so may give it out twice; kshell waits 1 ms, and gives each window out once.
    """
    return [record._replace(ts=2 * record.ts + shift) for record in given]


@many
@given(records())
def test_group_by(streams: Oracle, given: list[Record]) -> None:
    script = f"{_STREAM.format('L', 'l')} CREATE TABLE O AS {_AGGREGATES} FROM L GROUP BY K;"
    same(streams, "group_by", {}, script, given)


@many
@given(records(), spans, graces, emits)
def test_tumbling(
    streams: Oracle, given: list[Record], size: int, grace: int, final: bool
) -> None:
    option, emit = ending(final)
    script = f"""{_STREAM.format("L", "l")} CREATE TABLE O AS {_AGGREGATES} FROM L
        WINDOW TUMBLING (SIZE {size} MILLISECONDS, GRACE PERIOD {grace} MILLISECONDS)
        GROUP BY K {emit};"""
    options = {"size": size, "advance": size, "grace": grace, **option}
    same(streams, "time_windows", options, script, given)


@many
@given(records(), spans, spans, graces, emits)
def test_hopping(
    streams: Oracle, given: list[Record], size: int, advance: int, grace: int, final: bool
) -> None:
    advance = min(size, advance)
    option, emit = ending(final)
    script = f"""{_STREAM.format("L", "l")} CREATE TABLE O AS {_AGGREGATES} FROM L
        WINDOW HOPPING (SIZE {size} MILLISECONDS, ADVANCE BY {advance} MILLISECONDS,
            GRACE PERIOD {grace} MILLISECONDS)
        GROUP BY K {emit};"""
    options = {"size": size, "advance": advance, "grace": grace, **option}
    same(streams, "time_windows", options, script, given)


@many
@given(records(), spans, graces, emits)
def test_session(
    streams: Oracle, given: list[Record], gap: int, grace: int, final: bool
) -> None:
    option, emit = ending(final)
    if final:
        given, gap, grace = between_closes(given), 2 * gap + 1, 2 * grace
    script = f"""{_STREAM.format("L", "l")} CREATE TABLE O AS {_AGGREGATES} FROM L
        WINDOW SESSION ({gap} MILLISECONDS, GRACE PERIOD {grace} MILLISECONDS)
        GROUP BY K {emit};"""
    same(streams, "sessions", {"gap": gap, "grace": grace, **option}, script, given)


@many
@given(records(), spans, graces, emits)
def test_sliding(
    streams: Oracle, given: list[Record], size: int, grace: int, final: bool
) -> None:
    option, emit = ending(final)
    if final:  # later than the span: windows from 0 end at another parity
        given, size, grace = between_closes(given, 200), 2 * size + 1, 2 * grace + 1
    script = f"""{_STREAM.format("L", "l")} CREATE TABLE O AS {_AGGREGATES} FROM L
        WINDOW SLIDING (SIZE {size} MILLISECONDS, GRACE PERIOD {grace} MILLISECONDS)
        GROUP BY K {emit};"""
    same(streams, "sliding", {"size": size, "grace": grace, **option}, script, given)


def _join(kind: str, left: str, right: str, within: str = "", on: str = "L.K = R.K") -> str:
    key = "ROWKEY" if kind == "FULL" else "R.K" if kind == "RIGHT" else "L.K"
    result = "TABLE" if left == _TABLE else "STREAM"
    return f"""{left.format("L", "l")} {right.format("R", "r")}
        CREATE {result} O AS SELECT {key}, L.V AS LV, R.V AS RV
        FROM L {_KINDS[kind]} R {within} ON {on};"""


@many
@pytest.mark.parametrize("kind", ["INNER", "LEFT", "RIGHT", "FULL"])
@given(records("lr"), spans, spans, graces)
def test_stream_join(
    streams: Oracle, kind: str, given: list[Record], before: int, after: int, grace: int
) -> None:
    within = f"""WITHIN ({before} MILLISECONDS, {after} MILLISECONDS)
        GRACE PERIOD {grace} MILLISECONDS"""
    options = {"kind": kind, "before": before, "after": after, "grace": grace}
    same(streams, "stream_join", options, _join(kind, _STREAM, _STREAM, within), given)


@many
@pytest.mark.parametrize("kind", ["INNER", "LEFT", "RIGHT", "FULL"])
@given(records("lr"), spans, spans)
def test_stream_join_without_grace(
    streams: Oracle, kind: str, given: list[Record], before: int, after: int
) -> None:
    within = f"WITHIN ({before} MILLISECONDS, {after} MILLISECONDS)"
    options = {"kind": kind, "before": before, "after": after}
    same(streams, "stream_join", options, _join(kind, _STREAM, _STREAM, within), given)


@many
@pytest.mark.parametrize("kind", ["INNER", "LEFT"])
@given(records("lr"))
def test_stream_table_join(streams: Oracle, kind: str, given: list[Record]) -> None:
    script = _join(kind, _STREAM, _TABLE)
    same(streams, "stream_table_join", {"kind": kind}, script, given)


@many
@pytest.mark.parametrize("kind", ["INNER", "LEFT", "RIGHT", "FULL"])
@given(records("lr"))
def test_table_join(streams: Oracle, kind: str, given: list[Record]) -> None:
    same(streams, "table_join", {"kind": kind}, _join(kind, _TABLE, _TABLE), given)


@many
@pytest.mark.parametrize("kind", ["INNER", "LEFT"])
@given(records("lr", groups=["a", "b", "c", None]))
def test_foreign_key_join(streams: Oracle, kind: str, given: list[Record]) -> None:
    script = f"""{_GROUPED_TABLE.format("L", "l")} {_TABLE.format("R", "r")}
        CREATE TABLE O AS SELECT L.K, L.G AS G, L.V AS LV, R.V AS RV
        FROM L {_KINDS[kind]} R ON L.G = R.K;"""
    same(streams, "foreign_key_join", {"kind": kind}, script, given)


@many
@given(records(groups=["x", "y", None]))
def test_table_aggregate(streams: Oracle, given: list[Record]) -> None:
    script = f"""{_GROUPED_TABLE.format("L", "l")}
        CREATE TABLE O AS SELECT G, COUNT(*) AS N, SUM(V) AS S FROM L GROUP BY G;"""
    same(streams, "table_aggregate", {}, script, given)


@many
@given(records(groups=["x", "y", None]))
def test_table_aggregate_where_having(streams: Oracle, given: list[Record]) -> None:
    script = f"""{_GROUPED_TABLE.format("L", "l")}
        CREATE TABLE O AS SELECT G, COUNT(*) AS N, SUM(V) AS S FROM L WHERE V > 2
        GROUP BY G HAVING COUNT(*) > 1;"""
    same(streams, "table_aggregate", {"where": 2, "having": 1}, script, given)


@many
@given(records())
def test_table_filter(streams: Oracle, given: list[Record]) -> None:
    script = f"{_TABLE.format('L', 'l')} CREATE TABLE O AS SELECT K, V FROM L WHERE V > 3;"
    same(streams, "table_filter", {"where": 3}, script, given)


@many
@pytest.mark.parametrize("kind", ["INNER", "LEFT"])
@given(records("lr", groups=["x", "y", None]))
def test_aggregate_of_a_table_join(streams: Oracle, kind: str, given: list[Record]) -> None:
    script = f"""{_GROUPED_TABLE.format("L", "l")} {_TABLE.format("R", "r")}
        CREATE TABLE O AS SELECT L.G, COUNT(*) AS N, SUM(R.V) AS S
        FROM L {_KINDS[kind]} R ON L.K = R.K GROUP BY L.G;"""
    same(streams, "join_aggregate", {"kind": kind}, script, given)


@many
@pytest.mark.parametrize("kinds", [("INNER", "INNER"), ("LEFT", "LEFT"), ("INNER", "LEFT")])
@given(records("lrm"))
def test_join_of_three_tables(
    streams: Oracle, kinds: tuple[str, str], given: list[Record]
) -> None:
    first, second = kinds
    script = f"""{_TABLE.format("L", "l")} {_TABLE.format("R", "r")} {_TABLE.format("M", "m")}
        CREATE TABLE O AS SELECT L.K, L.V AS A, R.V AS B, M.V AS C
        FROM L {_KINDS[first]} R ON L.K = R.K {_KINDS[second]} M ON L.K = M.K;"""
    kind = first if first == second else "MIXED"
    same(streams, "three_tables", {"kind": kind}, script, given)
