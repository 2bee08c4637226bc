"""Queries of tables can be stopped and go on: their state is exported, whole or what changed."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.streams.exported import State, applied, held
from tests.streams.records import Record, records

from .test_kept import L, keeping, rows_of
from .test_steps import QUERIES as TABLES
from .test_steps import _cells

QUERIES = {
    **TABLES,
    # Kept beside the aggregate: RANDOM() is another value each time, and closed windows are gone.
    "collected": f"{L} CREATE TABLE O AS SELECT K, COUNT(*) AS N, RANDOM() < 2 AS X FROM L GROUP BY K;",
    "final": f"""{L} CREATE TABLE O AS SELECT K, COUNT(*) AS N FROM L
        WINDOW TUMBLING (SIZE 9 MILLISECONDS) GROUP BY K EMIT FINAL;""",
}

few = settings(max_examples=6, deadline=None)
given_records = records("lr", groups=["a", "b", "c", None])

@pytest.mark.parametrize("name", QUERIES)
@few
@given(given=given_records, cut=st.integers(0, 30))
def test_a_loaded_query_goes_on(name: str, given: list[Record], cut: int) -> None:
    given = _cells(given, QUERIES[name])
    (whole, _), (first, _), (second, _) = (keeping(QUERIES[name]) for _ in range(3))
    expected = [whole.made(record) for record in given]
    made = [first.made(record) for record in given[:cut]]
    saved = first.graph.snapshot()
    second.graph.load(saved)
    assert held(second.graph.snapshot()) == held(saved)
    assert rows_of(second.graph) == rows_of(first.graph)
    made += [second.made(record) for record in given[cut:]]
    assert made == expected


@pytest.mark.parametrize("name", QUERIES)
@few
@given(given=given_records, step=st.integers(1, 12))
def test_what_changed_adds_up_to_the_whole(name: str, given: list[Record], step: int) -> None:
    given = _cells(given, QUERIES[name])
    (query, _), (copy, _) = keeping(QUERIES[name]), keeping(QUERIES[name])
    state: State = {}
    for start in range(0, len(given), step):
        for _ in query.changes(given[start : start + step], 5):
            pass
        parts = query.graph.changed()
        applied(state, parts)
        copy.graph.load(parts)
        assert state == held(query.graph.snapshot())
        assert held(copy.graph.snapshot()) == state
        assert rows_of(copy.graph) == rows_of(query.graph)
