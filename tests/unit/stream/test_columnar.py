"""GROUP BY a batch at a time gives what the folds give row by row; only what is between is left out."""

from __future__ import annotations

import math
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kshell.catalog.model import Column, Kind, Window, WindowType
from kshell.changes import Changes
from kshell.errors import EvaluationError
from kshell.sql import expressions as ex
from kshell.sql import plan
from kshell.sql.clauses import WindowClause
from kshell.stream.aggregates import fold_of
from kshell.stream.columns import column_fold
from kshell.stream.evaluate import ignore_errors
from kshell.stream.ops.columnar import ColumnarAggregate
from kshell.stream.windows import Steps

K, V, X = Column("K", pa.string()), Column("V", pa.int64()), Column("X", pa.float64())


def call(function: str, column: Column | None, type: pa.DataType) -> ex.Call:
    args = () if column is None else (ex.Column(column.name, column.type),)
    return ex.Call(function, args, type)


CALLS = (
    ("N", call("COUNT", None, pa.int64())),
    ("NV", call("COUNT", V, pa.int64())),
    ("S", call("SUM", V, pa.int64())),
    ("A", call("AVG", V, pa.float64())),
    ("LO", call("MIN", V, pa.int64())),
    ("HI", call("MAX", X, pa.float64())),
    ("LOX", call("MIN", X, pa.float64())),
    ("L", call("LATEST_BY_OFFSET", V, pa.int64())),
)


def aggregate(window: WindowClause | None = None, calls=CALLS) -> ColumnarAggregate:
    source = plan.Relation(Kind.STREAM, (), (K, V, X))
    scan = plan.Scan(None, source, ())  # type: ignore[arg-type]  # never opened
    value = tuple(Column(name, c.type) for name, c in calls)
    made = None if window is None else Window(window.type, window.size_ms)
    output = plan.Relation(Kind.TABLE, (K,), value, made)
    group = (plan.Named("K", ex.Column("K", pa.string())),)
    return ColumnarAggregate(
        plan.Aggregate(scan, group, calls, window, output), ignore_errors
    )


def batch(rows) -> Changes:
    schema = plan.Relation(Kind.STREAM, (), (K, V, X)).schema()
    rows = [dict(zip(schema.names, r, strict=True)) for r in rows]
    return Changes.of(pa.RecordBatch.from_pylist(rows, schema=schema))


def told(changes: Changes) -> list[tuple]:
    weights = changes.weights.to_pylist()
    rows = changes.rows.to_pylist()
    return [(w, *r.values()) for w, r in zip(weights, rows, strict=True)]


def same(a, b) -> bool:
    return a == b or (isinstance(a, float) and isinstance(b, float) and math.isnan(a) and math.isnan(b))


numbers = st.one_of(st.none(), st.integers(-(1 << 40), 1 << 40))
doubles = st.one_of(st.none(), st.floats(width=32).filter(lambda x: x != 0))
rows = st.tuples(st.sampled_from(["a", "b", "c", None]), numbers, doubles, st.integers(0, 100))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(rows, max_size=40), max_size=4))
def test_results_are_the_folds_row_by_row(batches):
    operator = aggregate()
    shown: dict[str, tuple] = {}
    states: dict[str, list] = {}
    times: dict[str, int] = {}
    folds = [fold_of(c) for _, c in CALLS]
    for part in batches:
        out = operator.step(batch(part))
        for weight, key, *row in told(out):
            if weight < 0:
                assert all(map(same, shown.pop(key), row))
            else:
                assert key not in shown
                shown[key] = tuple(row)
        for key, v, x, at in part:
            if key is None:
                continue
            args = ((), (v,), (v,), (v,), (v,), (x,), (x,), (v,))
            had = states.get(key) or [f.initial() for f in folds]
            states[key] = [f.add(s, *a) for f, s, a in zip(folds, had, args, strict=True)]
            times[key] = max(times.get(key, -1), at)
        expected = {
            key: (*(f.result(s) for f, s in zip(folds, state, strict=True)), times[key])
            for key, state in states.items()
        }
        assert shown.keys() == expected.keys()
        for key, row in expected.items():
            assert all(map(same, shown[key], row)), (key, shown[key], row)


HOPPING = WindowClause(WindowType.HOPPING, size_ms=30, advance_ms=10, grace_ms=20)
TUMBLING = WindowClause(WindowType.TUMBLING, size_ms=30, grace_ms=0)


@pytest.mark.parametrize("window", [TUMBLING, HOPPING])
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_windows_of_a_batch_are_those_of_its_rows(window, data):
    """Late rows are left out by the time that stood when they came, within a batch too."""
    calls = CALLS[:3]
    at = st.integers(0, 400)
    parts = data.draw(st.lists(st.lists(
        st.tuples(st.sampled_from("ab"), st.integers(0, 9), st.none(), at), max_size=40), max_size=3))
    operator = aggregate(window, calls)
    shown: dict[tuple, tuple] = {}
    for part in parts:
        for weight, key, n, _, s, start, end, _ in told(operator.step(batch(part))):
            assert end == start + 30
            if weight < 0:
                assert shown.pop((key, start)) == (n, s)
            else:
                shown[key, start] = (n, s)
    expected: dict[tuple, tuple] = {}
    now = -1
    for key, v, _, time in (row for part in parts for row in part):
        now = max(now, time)
        advance = window.advance_ms or window.size_ms
        for start in range(0, time + 1, advance):
            if start <= time < start + 30 and start + 30 > now - window.grace_ms:
                n, s = expected.get((key, start), (0, 0))
                expected[key, start] = (n + 1, s + v)
    assert shown == expected


def test_a_small_batch_shows_each_result_and_a_large_one_the_last():
    operator = aggregate(calls=CALLS[:1])
    assert told(operator.step(batch([("a", 1, None, 5), ("a", 2, None, 4)]))) == [
        (1, "a", 1, 5), (-1, "a", 1, 5), (1, "a", 2, 5),
    ]  # fmt: skip
    many = [("b", 1, None, 6)] * 20 + [("a", 1, None, 7)] * 10
    assert told(operator.step(batch(many))) == [
        (1, "b", 20, 6), (-1, "a", 2, 5), (1, "a", 12, 7),
    ]  # fmt: skip


def test_a_sum_that_leaves_its_type_ends_the_query():
    operator = aggregate(calls=(("S", call("SUM", V, pa.int64())),))
    top = (1 << 63) - 1
    assert told(operator.step(batch([("a", top, None, 1), ("a", -5, None, 1)])))[-1][2] == top - 5
    with pytest.raises(EvaluationError, match="Numeric field overflow: a SUM of BIGINT"):
        operator.step(batch([("a", 6, None, 1)]))


def test_a_sum_of_decimals_that_leaves_its_type_ends_the_query():
    type = pa.decimal128(3, 1)
    cast = ex.Call("SUM", (ex.Column("D", type),), type)
    fold = column_fold(cast)
    fold.reach(1)
    zero = np.zeros(1, np.int64)
    fold.run(Steps(1, zero), [pa.array([Decimal("99.9")], type)])
    with pytest.raises(EvaluationError, match="Numeric field overflow"):
        fold.run(Steps(1, zero), [pa.array([Decimal("0.1")], type)])


def test_slots_of_windows_that_are_gone_are_given_again():
    operator = aggregate(TUMBLING, CALLS[:1])
    for hour in range(50):
        part = batch([(str(n), 1, None, hour * 3_600_000 + n) for n in range(20)])
        assert [row[2] for row in told(operator.step(part))] == [1] * 20
    assert operator._groups.size <= 60
