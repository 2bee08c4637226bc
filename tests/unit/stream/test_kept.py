"""A table that a query keeps: what a bounded SELECT reads is what its records add up to."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings

from kshell.stream.graph import Graph, build
from kshell.stream.kept import Collected, Computed
from kshell.stream.rows import Layout, freeze, latest
from tests.streams.query import Query
from tests.streams.records import Record, records

from .test_steps import FOREIGN, GT, JOINS, LT, RT, _cells

_WITH = "WITH (KAFKA_TOPIC='{}', KEY_FORMAT='KAFKA', VALUE_FORMAT='JSON', PARTITIONS=1);"
L = f"CREATE STREAM L (K STRING KEY, V BIGINT) {_WITH.format('l')}"


def _windowed(window: str, emit: str = "CHANGES") -> str:
    return f"""{L} CREATE TABLE O AS SELECT K, COUNT(*) AS N, SUM(V) AS S FROM L
        WINDOW {window} GROUP BY K EMIT {emit};"""


QUERIES = {
    **JOINS,
    **FOREIGN,
    "table": f"{LT} CREATE TABLE O AS SELECT K, V + 1 AS W FROM L WHERE V > 2;",
    "group": f"{L} CREATE TABLE O AS SELECT K, COUNT(*) AS N, SUM(V) * 2 AS S FROM L GROUP BY K;",
    "having": f"""{L} CREATE TABLE O AS SELECT K, COUNT(*) AS N FROM L GROUP BY K
        HAVING COUNT(*) > 1;""",
    "group of a table": f"""{GT} CREATE TABLE O AS SELECT G, COUNT(*) AS N FROM L GROUP BY G
        HAVING COUNT(*) > 0;""",
    "group of a join": f"""{LT} {RT} CREATE TABLE O AS SELECT L.V, COUNT(*) AS N, SUM(R.V) AS S
        FROM L LEFT JOIN R ON L.K = R.K GROUP BY L.V;""",
    "tumbling": _windowed("TUMBLING (SIZE 10 MILLISECONDS)"),
    "hopping": _windowed("HOPPING (SIZE 10 MILLISECONDS, ADVANCE BY 4 MILLISECONDS)"),
    "session": _windowed("SESSION (8 MILLISECONDS)"),
    "sliding": _windowed("SLIDING (SIZE 8 MILLISECONDS)"),
    "final": _windowed("TUMBLING (SIZE 10 MILLISECONDS)", "FINAL"),
}


def keeping(script: str, errors: list[str] | None = None) -> tuple[Query, Graph]:
    sink = Query.of(script).sink
    told = [] if errors is None else errors
    graph = build(sink, on_error=lambda row, column, text: told.append(text), keeps=True)
    return Query(sink, graph), graph


def rows_of(graph: Graph) -> list[tuple[Any, ...]]:
    return sorted((tuple(map(freeze, r.values())) for r in graph.rows().to_pylist()), key=repr)


@pytest.mark.parametrize("name", QUERIES)
@settings(max_examples=12, deadline=None)
@given(given=records("lr", groups=["a", "b", "c", None], jumps=False))
def test_the_rows_are_the_last_record_of_each_key(name: str, given: list[Record]) -> None:
    query, graph = keeping(QUERIES[name])
    layout = Layout(query.sink.input.output)
    expected: dict[Any, tuple[Any, ...]] = {}
    for changes in query.changes(_cells(given, QUERIES[name]), 3):
        made, gone = latest(changes, Layout(query.sink.input.output))
        for row, dead in zip(made.to_pylist(), gone.to_pylist(), strict=True):
            values = tuple(map(freeze, row.values()))
            key = tuple(freeze(row[name]) for name in layout.key_columns)
            expected.pop(key, None) if dead else expected.update({key: values})
        assert rows_of(graph) == sorted(expected.values(), key=repr)


@pytest.mark.parametrize("name", [*JOINS])
def test_rows_that_a_state_says_are_not_kept_again(name: str) -> None:
    assert isinstance(keeping(QUERIES[name])[1].kept, Computed)


def test_what_may_be_another_value_each_time_is_kept() -> None:
    _, graph = keeping(f"{L} CREATE TABLE O AS SELECT K, COUNT(*) + RANDOM() AS N FROM L GROUP BY K;")
    query = keeping(
        f"{L} CREATE TABLE O AS SELECT K, COUNT(*) AS N, RANDOM() AS X FROM L GROUP BY K;"
    )
    assert isinstance(graph.kept, Collected)
    list(query[0].changes([Record("l", "a", (1,), 1)], 1))
    assert query[1].rows() == query[1].rows()


def test_reading_reports_no_error_again() -> None:
    errors: list[str] = []
    query, graph = keeping(
        f"{L} CREATE TABLE O AS SELECT K, 1 / (COUNT(*) - 1) AS N FROM L GROUP BY K;", errors
    )
    list(query.changes([Record("l", "a", (1,), 1)], 1))
    assert len(errors) == 1
    assert graph.rows().column("N").to_pylist() == [None]
    assert len(errors) == 1


@pytest.mark.parametrize("emit", ["CHANGES", "FINAL"])
@pytest.mark.parametrize(
    "window",
    [
        "TUMBLING (SIZE 10 MILLISECONDS, RETENTION 100 MILLISECONDS, GRACE PERIOD 0 MILLISECONDS)",
        "SESSION (5 MILLISECONDS, RETENTION 100 MILLISECONDS, GRACE PERIOD 0 MILLISECONDS)",
        "SLIDING (SIZE 10 MILLISECONDS, RETENTION 100 MILLISECONDS, GRACE PERIOD 90 MILLISECONDS)",
    ],
)
def test_windows_leave_the_table_when_their_retention_is_over(window: str, emit: str) -> None:
    query, graph = keeping(_windowed(window, emit))
    counts = []
    for n in range(400):
        list(query.changes([Record("l", "a", (n,), n * 20)], 1))
        counts.append(graph.rows().num_rows)
    assert 3 <= counts[-1] <= 11
    assert max(counts) <= 11
    starts = graph.rows().column("WINDOWSTART").to_pylist()
    assert min(starts) > 399 * 20 - 250
