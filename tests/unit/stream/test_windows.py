"""Sessions and sliding windows in steps: of one row as the operators show each result, larger ones
with the same sum, the C part and its twin alike."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kshell.compiled import compiled
from kshell.stream import windows_py
from tests.streams.query import Query
from tests.streams.records import Record, records
from tests.streams.total import total

L = """CREATE STREAM L (K STRING KEY, V BIGINT)
    WITH (KAFKA_TOPIC='l', KEY_FORMAT='KAFKA', VALUE_FORMAT='JSON', PARTITIONS=1);"""
AGGREGATES = """COUNT(*) AS N, SUM(V) AS S, MIN(V) AS LO, MAX(V) AS HI, AVG(V) AS A,
    COLLECT_LIST(V) AS C, COLLECT_SET(V) AS D, LATEST_BY_OFFSET(V) AS LAST,
    EARLIEST_BY_OFFSET(V, 2) AS FIRST, TOPK(V, 2) AS T, COUNT_DISTINCT(V) AS U,
    STDDEV_SAMPLE(V) AS SD, ATTR(V) AS W, HISTOGRAM(K) AS H"""
WINDOWS = (
    "TUMBLING (SIZE {size} MILLISECONDS",
    "HOPPING (SIZE {size} MILLISECONDS, ADVANCE BY {advance} MILLISECONDS",
    "SESSION ({size} MILLISECONDS",
    "SLIDING (SIZE {size} MILLISECONDS",
)


def script(window: str, emit: str, what: str = AGGREGATES) -> str:
    return f"{L} CREATE TABLE O AS SELECT K, {what} FROM L WINDOW {window} GROUP BY K EMIT {emit};"


@settings(max_examples=8, deadline=None)
@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("emit", ["CHANGES", "FINAL"])
@given(data=st.data())
def test_larger_steps_have_the_same_sum(window: str, emit: str, data: st.DataObject) -> None:
    size, grace = data.draw(st.integers(1, 30)), data.draw(st.sampled_from([0, 3, 25, 200]))
    made = window.format(size=size, advance=data.draw(st.integers(1, size)))
    made = f"{made}, GRACE PERIOD {grace} MILLISECONDS)"
    given = data.draw(records(most=80))
    one, *larger = (Query.of(script(made, emit)) for _ in range(3))
    expected = list(one.changes(given, 1))
    for query, step in zip(larger, (7, 80), strict=True):
        found = list(query.changes(given, step))
        assert total(found) == total(expected), step
        if emit == "FINAL":  # in the same order too
            assert [r for c in found for r in c.rows.to_pylist()] == [
                r for c in expected for r in c.rows.to_pylist()
            ]
        assert query.graph.late == one.graph.late


def told(placed: tuple[Any, ...]) -> list[list[int]]:
    return [part.tolist() for part in placed]


C = compiled("kshell.stream._windows")
rows = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 120)), max_size=60)


@pytest.mark.skipif(C is None, reason="the C part was not built")
@settings(max_examples=80, deadline=None)
@pytest.mark.parametrize("kind", ["Sessions", "Sliding"])
@given(data=st.data(), sizes=st.tuples(st.integers(1, 20), st.integers(0, 30), st.integers(0, 30)))
def test_c_places_rows_as_python_does(kind: str, data: st.DataObject, sizes: tuple) -> None:
    size, grace, more = sizes
    if kind == "Sessions":
        args = (size, size + grace, size + grace + more)
    else:
        args = (size, grace, 2 * size + grace + more)
    theirs, ours = getattr(C, kind)(*args), getattr(windows_py, kind)(*args)
    for part in data.draw(st.lists(rows, max_size=4)):
        slots = np.array([slot for slot, _ in part], np.int64)
        times = np.array([at for _, at in part], np.int64)
        placed = ours.place(slots, times)
        assert told(theirs.place(slots, times)) == told(placed)
        gone = placed[-1]
        some = ours.all()[:: data.draw(st.integers(1, 4))]
        gone = np.union1d(gone, some)
        ours.drop(gone)
        theirs.drop(gone)
        every = ours.all()
        assert theirs.all().tolist() == every.tolist()
        assert told(theirs.bounds(every)) == told(ours.bounds(every))
        asked = np.arange(4)
        assert theirs.empty(asked).tolist() == ours.empty(asked).tolist()
        moments = np.array([5, 50, 70, 2])
        assert theirs.find(asked, moments).tolist() == ours.find(asked, moments).tolist()
        assert theirs.put(asked, moments, moments).tolist() == ours.put(asked, moments, moments).tolist()
        assert (theirs.now, theirs.late, theirs.size) == (ours.now, ours.late, ours.size)


numbers = st.integers(1, 5) | st.just(float("nan")) | st.floats(0.5, 9)


@pytest.mark.skipif(C is None, reason="the C part was not built")
@pytest.mark.parametrize("op", [windows_py.SUM, windows_py.MINIMUM, windows_py.MAXIMUM])
@pytest.mark.parametrize("type", [np.int64, np.float64])
@given(data=st.data())
def test_c_runs_steps_as_python_does(op: int, type: Any, data: st.DataObject) -> None:
    value = st.integers(-5, 5) if type is np.int64 else numbers
    values = np.array(data.draw(st.lists(value, min_size=5, max_size=5)), type)
    start = np.array(data.draw(st.lists(value, min_size=4, max_size=4)), type)
    steps = data.draw(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3), st.integers(0, 3)), max_size=20))
    kinds, into, what = (np.array([s[i] for s in steps], t) for i, t in enumerate((np.uint8, np.int64, np.int64)))
    for arguments in ((kinds, into, what, values), (None, np.arange(4), None, values[:4])):
        ours, theirs = start.copy(), start.copy()
        windows_py.run(op, ours, *arguments)
        C.run(op, theirs, *arguments)
        np.testing.assert_array_equal(theirs, ours)


def test_a_session_that_grew_closes_at_its_new_end() -> None:
    query = Query.of(script("SESSION (3 MILLISECONDS)", "FINAL", "COUNT(*) AS N"))
    made = [query.made(Record("l", "a", (1,), at)) for at in (0, 2, 6)]
    assert [(m.window, m.value) for part in made for m in part] == [((0, 2), "2")]


def test_a_final_sliding_window_has_the_row_that_is_just_in_time() -> None:
    """What Streams' store has dropped by then, because another key's time has moved on."""
    query = Query.of(script("SLIDING (SIZE 10 MILLISECONDS)", "FINAL", "COUNT(*) AS N"))
    given = [("a", 20), ("b", 29), ("b", 30), ("a", 30), ("z", 45)]
    made = [m for key, at in given for m in query.made(Record("l", key, (1,), at))]
    assert [(m.window, m.value) for m in made if m.key == "a"] == [
        ((10, 20), "1"), ((20, 30), "2"), ((21, 31), "1"),
    ]  # fmt: skip
