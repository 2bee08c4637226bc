"""The sum of a continuous query's changes is the bounded answer, however its records are batched.

The answer is plain SQL over the same records, written for each query and run by DuckDB: `ls` and
`rs` are the records of a stream, in the order `i`; `lt` and `rt` what a table has at the end.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kshell.changes import Changes
from tests.streams.query import Query
from tests.streams.records import Record, records
from tests.streams.total import total

_WITH = "WITH (KAFKA_TOPIC='{}', KEY_FORMAT='KAFKA', VALUE_FORMAT='JSON', PARTITIONS=1);"
L = f"CREATE STREAM L (K STRING KEY, V BIGINT) {_WITH.format('l')}"
R = f"CREATE STREAM R (K STRING KEY, V BIGINT) {_WITH.format('r')}"
LT = f"CREATE TABLE L (K STRING PRIMARY KEY, V BIGINT) {_WITH.format('l')}"
RT = f"CREATE TABLE R (K STRING PRIMARY KEY, V BIGINT) {_WITH.format('r')}"
GT = f"CREATE TABLE L (K STRING PRIMARY KEY, G STRING, V BIGINT) {_WITH.format('l')}"
_GRACE = "GRACE PERIOD 10 DAYS"  # more than any of these records is late


class Case(NamedTuple):
    """A query and the SQL that gives the same answer."""

    script: str
    answer: str


def _stream(select: str) -> str:
    return f"{L} CREATE STREAM O AS {select} EMIT CHANGES;"


def _window(window: str) -> str:
    return f"""{L} CREATE TABLE O AS SELECT K, COUNT(*) AS N, SUM(V) AS S FROM L
        WINDOW {window} GROUP BY K EMIT CHANGES;"""


_STREAMS = {
    "filter": Case(
        _stream("SELECT K, V FROM L WHERE V > 3"), "SELECT k, v FROM ls WHERE v > 3"
    ),
    "project": Case(
        _stream("SELECT K, V * 2 + 1 AS W, UCASE(K) AS U FROM L"),
        "SELECT k, v * 2 + 1, upper(k) FROM ls",
    ),
    "partition by": Case(
        _stream("SELECT V, K FROM L PARTITION BY V"), "SELECT v, k FROM ls"
    ),
    "explode": Case(
        _stream("SELECT K, EXPLODE(ARRAY[V, V + 10]) AS E FROM L"),
        "SELECT k, v FROM ls UNION ALL SELECT k, v + 10 FROM ls",
    ),
    "group by": Case(
        f"""{L} CREATE TABLE O AS SELECT K, COUNT(*) AS N, SUM(V) AS S, MAX(V) AS M FROM L
            GROUP BY K;""",
        "SELECT k, count(*), coalesce(sum(v), 0), max(v) FROM ls WHERE k IS NOT NULL GROUP BY k",
    ),
    "group by an expression": Case(
        f"{L} CREATE TABLE O AS SELECT V % 2 AS P, COUNT(*) AS N FROM L GROUP BY V % 2;",
        "SELECT v % 2, count(*) FROM ls WHERE v IS NOT NULL GROUP BY 1",
    ),
    "having": Case(
        f"""{L} CREATE TABLE O AS SELECT K, COUNT(*) AS N FROM L GROUP BY K
            HAVING COUNT(*) > 2 AND SUM(V) < 20;""",
        """SELECT k, count(*) FROM ls WHERE k IS NOT NULL GROUP BY k
            HAVING count(*) > 2 AND coalesce(sum(v), 0) < 20""",
    ),
    "tumbling": Case(
        _window(f"TUMBLING (SIZE 10 MILLISECONDS, {_GRACE})"),
        """SELECT k, count(*), coalesce(sum(v), 0), ts // 10 * 10 AS s, s + 10 FROM ls
            WHERE k IS NOT NULL GROUP BY k, s""",
    ),
    "hopping": Case(
        _window(f"HOPPING (SIZE 20 MILLISECONDS, ADVANCE BY 6 MILLISECONDS, {_GRACE})"),
        """SELECT k, count(*), coalesce(sum(v), 0), s, s + 20
            FROM ls, range(0, 100000, 6) AS w(s) WHERE k IS NOT NULL AND s <= ts AND ts < s + 20
            GROUP BY k, s""",
    ),
    "session": Case(
        _window(f"SESSION (8 MILLISECONDS, {_GRACE})"),
        """WITH edges AS (SELECT *, ts - lag(ts) OVER (PARTITION BY k ORDER BY ts) > 8 AS far
                FROM ls WHERE k IS NOT NULL),
            numbered AS (SELECT *, count(*) FILTER (far) OVER (PARTITION BY k ORDER BY ts) AS n
                FROM edges)
            SELECT k, count(*), coalesce(sum(v), 0), min(ts), max(ts) FROM numbered
            GROUP BY k, n""",
    ),
    # A window ends at each row (or is the first one), and one begins after it if it has rows.
    "sliding": Case(
        _window(f"SLIDING (SIZE 15 MILLISECONDS, {_GRACE})"),
        """WITH rows AS (SELECT * FROM ls WHERE k IS NOT NULL),
            starts AS (SELECT k, greatest(ts - 15, 0) AS s FROM rows
                UNION SELECT k, ts + 1 FROM rows)
            SELECT k, count(*), coalesce(sum(v), 0), s, s + 15
            FROM starts JOIN rows USING (k) WHERE ts BETWEEN s AND s + 15 GROUP BY k, s""",
    ),
}  # fmt: skip

_TABLES = {
    "table filter": Case(
        f"{GT} CREATE TABLE O AS SELECT K, V FROM L WHERE V > 3;",
        "SELECT k, v FROM lt WHERE v > 3",
    ),
    "table project": Case(
        f"{GT} CREATE TABLE O AS SELECT K, V + 1 AS W FROM L;", "SELECT k, v + 1 FROM lt"
    ),
    # A group that all rows have left stays, with nothing in it, as in Kafka Streams.
    "table group by": Case(
        f"{GT} CREATE TABLE O AS SELECT G, COUNT(*) AS N, SUM(V) AS S FROM L GROUP BY G;",
        """SELECT g, count(lt.k), coalesce(sum(lt.v), 0)
            FROM (SELECT DISTINCT g FROM ls WHERE g IS NOT NULL AND k IS NOT NULL) LEFT JOIN lt USING (g)
            GROUP BY g""",
    ),
    "foreign key": Case(
        f"{GT} {RT} CREATE TABLE O AS SELECT L.K, L.V AS A, R.V AS B FROM L JOIN R ON L.G = R.K;",
        "SELECT lt.k, lt.v, rt.v FROM lt JOIN rt ON lt.g = rt.k",
    ),
    "foreign key left": Case(
        f"""{GT} {RT} CREATE TABLE O AS SELECT L.K, L.V AS A, R.V AS B
            FROM L LEFT JOIN R ON L.G = R.K;""",
        "SELECT lt.k, lt.v, rt.v FROM lt LEFT JOIN rt ON lt.g = rt.k",
    ),
}

_KINDS = {"JOIN": "L.K", "LEFT JOIN": "L.K", "RIGHT JOIN": "R.K", "FULL OUTER JOIN": "ROWKEY"}


def _joins(left: str, right: str, within: str, kinds: Sequence[str]) -> list[tuple[str, str]]:
    made = "TABLE" if left == LT else "STREAM"
    return [
        (
            kind,
            f"""{left} {right} CREATE {made} O AS SELECT {_KINDS[kind]}, L.V AS A, R.V AS B
                FROM L {kind} R {within} ON L.K = R.K;""",
        )
        for kind in kinds
    ]


_TABLE_JOINS = {
    f"table {kind}": Case(
        script, f"SELECT coalesce(lt.k, rt.k), lt.v, rt.v FROM lt {kind} rt ON lt.k = rt.k"
    )
    for kind, script in _joins(LT, RT, "", list(_KINDS))
}
_LOOKUPS = {
    f"stream-table {kind}": Case(
        script,
        f"""SELECT ls.k, ls.v, r.v FROM ls {kind} (SELECT *, lead(i, 1, 1000000)
                OVER (PARTITION BY k ORDER BY i) AS until FROM r) AS r
            ON ls.k = r.k AND r.i < ls.i AND ls.i < r.until AND NOT r.gone""",
    )
    for kind, script in _joins(L, RT, "", ["JOIN", "LEFT JOIN"])
}
_WITHIN = f"WITHIN (9 MILLISECONDS, 4 MILLISECONDS) {_GRACE}"
_STREAM_JOINS = {
    kind: Case(
        script,
        f"""SELECT coalesce(ls.k, rs.k), ls.v, rs.v FROM ls {kind} rs
            ON ls.k = rs.k AND rs.ts BETWEEN ls.ts - 9 AND ls.ts + 4""",
    )
    for kind, script in _joins(L, R, _WITHIN, list(_KINDS))
}

many = settings(max_examples=10, derandomize=True, deadline=None, database=None)


def answer(case: Case, given: Sequence[Record]) -> Counter[tuple[Any, ...]]:
    """What DuckDB says."""
    connection = duckdb.connect()
    for topic in "lr":
        rows = [
            {"i": i, "k": r.key, "ts": r.ts, "gone": r.cells is None,
             "g": r.cells[0] if r.cells and len(r.cells) > 1 else None,
             "v": r.cells[-1] if r.cells else None}
            for i, r in enumerate(given) if r.topic == topic
        ]  # fmt: skip
        schema = pa.schema([("i", pa.int64()), ("k", pa.string()), ("ts", pa.int64()),
                            ("gone", pa.bool_()), ("g", pa.string()), ("v", pa.int64())])  # fmt: skip
        connection.register("batch", pa.Table.from_pylist(rows, schema=schema))
        connection.execute(f"CREATE TABLE {topic} AS SELECT * FROM batch")
        connection.execute(f"CREATE VIEW {topic}s AS SELECT * FROM {topic} WHERE NOT gone")
        connection.execute(
            f"""CREATE VIEW {topic}t AS SELECT * FROM (SELECT * FROM {topic} WHERE k IS NOT NULL
                QUALIFY row_number() OVER (PARTITION BY k ORDER BY i DESC) = 1) WHERE NOT gone"""
        )
    return Counter(connection.execute(case.answer).fetchall())


def sum_of(case: Case, given: Sequence[Record], size: int) -> Counter[tuple[Any, ...]]:
    """What kshell's changes come to; ROWTIME is a result's own and no part of the answer."""
    parts = Query.of(case.script).changes(given, size)
    return total(Changes(p.rows.drop_columns(["ROWTIME"]), p.weights) for p in parts)


def check(case: Case, given: Sequence[Record]) -> None:
    expected = answer(case, given)
    for size in (1, 7, len(given)):
        assert sum_of(case, given, size) == expected, f"batches of {size}"


@pytest.mark.parametrize("name", _STREAMS)
@many
@given(records(jumps=False, most=60))
def test_stream(name: str, given: list[Record]) -> None:
    check(_STREAMS[name], given)


@pytest.mark.parametrize("name", _TABLES)
@many
@given(records("lr", groups=["a", "b", "x", None], most=50))
def test_table(name: str, given: list[Record]) -> None:
    check(_TABLES[name], given)


@pytest.mark.parametrize("name", _TABLE_JOINS)
@many
@given(records("lr", most=50))
def test_table_join(name: str, given: list[Record]) -> None:
    check(_TABLE_JOINS[name], given)


@pytest.mark.parametrize("name", _LOOKUPS)
@many
@given(records("lr", most=50))
def test_stream_table_join(name: str, given: list[Record]) -> None:
    check(_LOOKUPS[name], given)


@many
@given(records("lr", jumps=False))
def test_inner_stream_join(given: list[Record]) -> None:
    check(_STREAM_JOINS["JOIN"], given)


@pytest.mark.parametrize("kind", ["LEFT JOIN", "RIGHT JOIN", "FULL OUTER JOIN"])
@many
@given(records("lr", keys="abc", jumps=False), st.sampled_from("lr"))
def test_outer_stream_join(kind: str, given: list[Record], last: str) -> None:
    """In order of time: a late row whose window has passed leaves at once, and may match later."""
    case = _STREAM_JOINS[kind]
    given = sorted(given, key=lambda r: r.ts)
    # Unmatched rows leave when time has passed their grace; what moves it there stays out.
    end = Record(last, "end", (0,), 10**12)
    expected = answer(case, given)
    for size in (1, 7, len(given)):
        made = sum_of(case, [*given, end], size)
        assert {row: n for row, n in made.items() if row[0] != "end"} == expected


@pytest.mark.parametrize("name", _STREAMS)
def test_no_record_at_all(name: str) -> None:
    query = Query.of(_STREAMS[name].script)
    assert len(query.graph.step({0: Changes.none(query.graph.scans[0].output.schema())})) == 0
