"""The operators of tables make the same of records one by one, seven at a time and all at once."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings

from kshell.changes import Changes
from kshell.stream.ops import foreign_key_join
from tests.streams.query import Query
from tests.streams.records import Record, records
from tests.streams.total import total

_WITH = "WITH (KAFKA_TOPIC='{}', KEY_FORMAT='KAFKA', VALUE_FORMAT='JSON', PARTITIONS=1);"
LT = f"CREATE TABLE L (K STRING PRIMARY KEY, V BIGINT) {_WITH.format('l')}"
RT = f"CREATE TABLE R (K STRING PRIMARY KEY, V BIGINT) {_WITH.format('r')}"
GT = f"CREATE TABLE L (K STRING PRIMARY KEY, G STRING, V BIGINT) {_WITH.format('l')}"

JOINS = {
    kind: f"""{LT} {RT} CREATE TABLE O AS SELECT {key}, L.V AS A, R.V AS B
        FROM L {kind} JOIN R ON L.K = R.K;"""
    for kind, key in (("INNER", "L.K"), ("LEFT", "L.K"), ("RIGHT", "R.K"), ("FULL OUTER", "ROWKEY"))
}
FOREIGN = {
    f"foreign {kind}": f"""{GT} {RT} CREATE TABLE O AS SELECT L.K, L.G AS G, L.V AS A, R.V AS B
        FROM L {kind} JOIN R ON L.G = R.K;"""
    for kind in ("INNER", "LEFT")
}
GROUPS = {
    "group": f"""{GT} CREATE TABLE O AS SELECT G, COUNT(*) AS N, COUNT(V) AS C, SUM(V) AS S,
        AVG(V) AS A, COLLECT_LIST(V) AS L FROM L GROUP BY G;""",
    "group of a join": f"""{LT} {RT} CREATE TABLE O AS SELECT L.V, COUNT(*) AS N, SUM(R.V) AS S
        FROM L LEFT JOIN R ON L.K = R.K GROUP BY L.V;""",
}
QUERIES = {**JOINS, **FOREIGN, **GROUPS}

many = settings(max_examples=15, deadline=None)
given_records = records("lr", groups=["a", "b", "c", None])


def _cells(given: list[Record], script: str) -> list[Record]:
    """Left records without the group where the table has none."""
    if GT in script:
        return given
    return [
        r._replace(cells=None if r.cells is None else r.cells[-1:]) if r.topic == "l" else r
        for r in given
    ]


def _each(parts: list[Changes]) -> list[tuple[Any, ...]]:
    return [
        (weight, *map(str, row.values()))
        for part in parts
        for row, weight in zip(part.rows.to_pylist(), part.weights.to_pylist(), strict=True)
    ]


@pytest.mark.parametrize("name", [*JOINS, *FOREIGN])
@many
@given(given=given_records)
def test_joins_make_the_same_changes_in_steps_of_any_size(name: str, given: list[Record]) -> None:
    script = QUERIES[name]
    given = _cells(given, script)
    one = _each(list(Query.of(script).changes(given, 1)))
    for size in (7, len(given) or 1):
        assert _each(list(Query.of(script).changes(given, size))) == one


@pytest.mark.parametrize("name", QUERIES)
@many
@given(given=given_records)
def test_the_sum_is_the_same_in_steps_of_any_size(name: str, given: list[Record]) -> None:
    script = QUERIES[name]
    given = _cells(given, script) * 3
    one = total(Query.of(script).changes(given, 1))
    for size in (7, len(given) or 1):
        assert total(Query.of(script).changes(given, size)) == one


def test_a_right_row_that_many_name_is_answered_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(foreign_key_join, "_MOST", 60)
    given = [Record("l", f"k{n}", ("a", n), n) for n in range(50)]
    given += [Record("r", "a", (n,), 50 + n) for n in range(8)]
    given += [Record("l", "k7", ("b", 1), 60), Record("r", "a", (9,), 61), Record("r", "b", (1,), 62)]
    script = FOREIGN["foreign INNER"]
    query = Query.of(script)
    parts = [
        part
        for records in (given[:50], given[50:])
        for part in query.graph.steps(query._step(records))
    ]
    assert len(parts) > 4
    assert max(map(len, parts)) <= 200
    assert _each(parts) == _each(list(Query.of(script).changes(given, 1)))
