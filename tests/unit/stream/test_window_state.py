"""GROUP BY can be stopped and go on: its state is exported, whole or what changed, and loaded."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from kshell.sql.expressions import Call, Column, Expression, Literal
from kshell.stream.columns import column_fold
from kshell.stream.state import Entries
from kshell.stream.windows import ADD, MERGE, Steps
from tests.streams.exported import State, applied, held
from tests.streams.query import Query
from tests.streams.records import Record, records

from .test_windows import AGGREGATES, WINDOWS, L, script

few = settings(max_examples=6, deadline=None, phases=[Phase.generate])
QUERIES = {
    "group by": f"{L} CREATE TABLE O AS SELECT K, {AGGREGATES} FROM L GROUP BY K;",
    **{
        f"{window.split()[0]} {emit}": script(
            window.format(size=12, advance=5) + ", GRACE PERIOD 20 MILLISECONDS)", emit
        )
        for window in WINDOWS
        for emit in ("CHANGES", "FINAL")
    },
}


@pytest.mark.parametrize("name", QUERIES)
@few
@given(given=records(), cut=st.integers(0, 30))
def test_a_loaded_query_goes_on(name: str, given: list[Record], cut: int) -> None:
    whole, first, second = (Query.of(QUERIES[name]) for _ in range(3))
    expected = [whole.made(record) for record in given]
    made = [first.made(record) for record in given[:cut]]
    saved = first.graph.snapshot()
    second.graph.load(saved)
    assert held(second.graph.snapshot()) == held(saved)
    made += [second.made(record) for record in given[cut:]]
    assert made == expected
    assert second.graph.late == whole.graph.late


@pytest.mark.parametrize("name", [n for n in QUERIES if n.endswith("FINAL")])
def test_what_closed_between_two_loads_does_not_close_again(name: str) -> None:
    """A whole state and what changed then, as a state topic has them."""
    first, second = Query.of(QUERIES[name]), Query.of(QUERIES[name])
    first.graph.changed()
    assert not first.made(Record("l", "a", (1,), 13))
    second.graph.load(first.graph.snapshot())
    first.graph.changed()
    assert first.made(Record("l", "b", (1,), 46))  # a SLIDING one is kept for its neighbours
    second.graph.load(first.graph.changed())
    for ts in (46, 47, 300):
        record = Record("l", "c", (1,), ts)
        assert second.made(record) == first.made(record)


@pytest.mark.parametrize("name", QUERIES)
@few
@given(given=records(), step=st.integers(1, 12))
def test_what_changed_adds_up_to_the_whole(name: str, given: list[Record], step: int) -> None:
    query, copy = Query.of(QUERIES[name]), Query.of(QUERIES[name])
    state: State = {}
    for start in range(0, len(given), step):
        for _ in query.changes(given[start : start + step], 5):
            pass
        parts = query.graph.changed()
        applied(state, parts)
        copy.graph.load(parts)
        assert state == held(query.graph.snapshot())
        assert held(copy.graph.snapshot()) == state


@pytest.mark.parametrize("name", ["SESSION CHANGES", "TUMBLING CHANGES"])
def test_a_window_that_left_twice_is_dropped_once(name: str) -> None:
    query = Query.of(QUERIES[name])
    query.made(Record("l", "a", (1,), 60))
    parts = query.graph.snapshot()
    ((part, entries),) = ((n, e) for n, e in parts.items() if not n.endswith("clock"))
    twice = pa.concat_batches([entries.keys, entries.keys])
    query.graph.load({**parts, part: Entries.of(entries.keys.slice(0, 0), entries.values.slice(0, 0), twice)})
    for key in "bc":
        query.made(Record("l", key, (1,), 61))
    assert query.graph.snapshot()[part].keys.column(0).to_pylist() == ["b", "c"]


@pytest.mark.parametrize("name", sorted(set(QUERIES) - {"group by"}))
def test_windows_leave(name: str) -> None:
    query = Query.of(QUERIES[name])
    for n in range(0, 2000, 20):
        for _ in query.changes([Record("l", str(i), (i,), i * 20) for i in range(n, n + 20)], 20):
            pass
        if n == 1000:
            query.graph.changed()
    (operator,) = (o for o in query.graph.operators.values() if hasattr(o, "late"))
    assert len(operator.snapshot()[next(iter(operator.snapshot()))].keys) < 100
    assert len(query.graph.changed()) == 2


INT, STRING = pa.int32(), pa.string()
FOLDS = {
    "ATTR": (INT, (), INT),
    "AVG": (pa.float64(), (), pa.float64()),
    "COLLECT_LIST": (INT, (3,), pa.list_(INT)),
    "COLLECT_SET": (INT, (3,), pa.list_(INT)),
    "COUNT": (INT, (), pa.int64()),
    "COUNT_DISTINCT": (INT, (), pa.int64()),
    "EARLIEST_BY_OFFSET": (INT, (), INT),
    "EARLIEST_BY_OFFSET of NULLs": (INT, (False,), INT),
    "EARLIEST_BY_OFFSET, few": (INT, (2,), pa.list_(INT)),
    "HISTOGRAM": (STRING, (), pa.map_(STRING, pa.int64())),
    "LATEST_BY_OFFSET": (STRING, (), STRING),
    "LATEST_BY_OFFSET, few": (INT, (2, False), pa.list_(INT)),
    "MAX": (pa.decimal128(9, 2), (), pa.decimal128(9, 2)),
    "MAX of times": (pa.time32("ms"), (), pa.time32("ms")),
    "MIN": (pa.date32(), (), pa.date32()),
    "MIN of text": (STRING, (), STRING),
    "MIN of DOUBLE": (pa.float64(), (), pa.float64()),
    "STDDEV_SAMPLE": (pa.float64(), (), pa.float64()),
    "SUM": (INT, (), INT),
    "SUM of BIGINT": (pa.int64(), (), pa.int64()),
    "SUM of DECIMAL": (pa.decimal128(9, 2), (), pa.decimal128(9, 2)),
    "SUM of wide DECIMAL": (pa.decimal128(30, 2), (), pa.decimal128(30, 2)),
    "TOPK": (INT, (2,), pa.list_(INT)),
    "TOPKDISTINCT": (INT, (2,), pa.list_(INT)),
}


def column(numbers: list[int | None], type: pa.DataType) -> pa.Array:
    if pa.types.is_string(type):
        return pa.array([None if n is None else f"text {n}" for n in numbers], type)
    if pa.types.is_floating(type):
        return pa.array([None if n is None else float("nan") if n == 7 else n / 4 for n in numbers], type)
    if pa.types.is_temporal(type):
        return pa.array(numbers, pa.int32()).cast(type)
    return pa.array(numbers, pa.int64()).cast(pa.decimal128(19, 0)).cast(type) if pa.types.is_decimal(type) else pa.array(numbers, type)


@pytest.mark.parametrize("name", FOLDS)
@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_a_column_fold_is_its_fold_step_by_step(name: str, data: st.DataObject) -> None:
    """And what it saved is what it loads, with the same results for all that follows."""
    from kshell.stream.aggregates import fold_of

    type, constants, gives = FOLDS[name]
    args: list[Expression] = [Column("X", type)]
    for constant in constants:
        args.append(Literal(constant, pa.bool_() if isinstance(constant, bool) else INT))
    call = Call(name.split(" ")[0].rstrip(","), tuple(args), gives)
    fold, columns, other = fold_of(call), column_fold(call), column_fold(call)
    states = {n: fold.initial() for n in range(6)}
    columns.reach(6)
    groups = np.arange(6)
    for part in range(data.draw(st.integers(1, 3))):
        values = data.draw(st.lists(st.none() | st.integers(0, 8), min_size=1, max_size=12))
        array = column(values, type)
        plain = data.draw(st.booleans())
        steps, live = [], list(states)
        for row, value in enumerate(array.to_pylist()):
            if not plain and len(live) > 1 and data.draw(st.booleans()):
                into, what = data.draw(st.permutations(live))[:2]
                live.remove(what)
                steps.append((MERGE, into, what))
                states[into] = fold.merge(states[into], states[what])
            into = data.draw(st.sampled_from(live))
            steps.append((ADD, into, row))
            states[into] = fold.add(states[into], value)
        kinds, into, what = (np.array(s) for s in zip(*steps, strict=True))
        made = Steps(len(array), into) if plain else Steps(len(array), into, kinds.astype(np.uint8), what)
        taken = [pa.concat_arrays([array.slice(0, 0), array])]  # COUNT(x) and others: one argument
        columns.run(made, taken)
        dead = np.array(sorted(set(states) - set(live)), np.int64)
        columns.reset(dead)
        for n in dead.tolist():
            states[n] = fold.initial()
        expected = pa.array([fold.result(states[n]) for n in range(6)], gives)
        found = columns.result(groups)
        assert found.type == gives
        assert repr(found.to_pylist()) == repr(expected.to_pylist()), part
        other.reach(6)
        other.load(groups, columns.save(groups))
        assert repr(other.save(groups).to_pylist()) == repr(columns.save(groups).to_pylist())
        assert repr(other.result(groups).to_pylist()) == repr(found.to_pylist())
