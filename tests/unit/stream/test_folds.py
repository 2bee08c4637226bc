"""Aggregates: what rows, rows taken back and merged sessions make of them."""

from __future__ import annotations

import datetime
import math
import random
import statistics
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kshell.errors import EvaluationError, Unsupported
from kshell.sql.expressions import Call, Column, Expression, Literal
from kshell.sql.functions import AGGREGATE, library
from kshell.stream.aggregates import FOLDS, fold_of
from kshell.stream.columns import column_fold
from kshell.stream.folding import Fold
from kshell.stream.windows import Steps

INT, LONG, DOUBLE, STRING = pa.int32(), pa.int64(), pa.float64(), pa.string()
WIDE = pa.decimal128(38, 10)


def make(name: str, type: pa.DataType, *constants: Any, gives: pa.DataType | None = None) -> Fold:
    args: list[Expression] = [Column("X", type)]
    for constant in constants:
        args.append(Literal(constant, pa.bool_() if isinstance(constant, bool) else INT))
    return fold_of(Call(name, tuple(args), gives or type))


def run(fold: Fold, rows: Sequence[Any]) -> Any:
    """The result after the rows; a tuple is a row of several arguments."""
    state = fold.initial()
    for row in rows:
        state = fold.add(state, *(row if isinstance(row, tuple) else (row,)))
    return fold.result(state)


def states(fold: Fold, rows: Sequence[Any]) -> Any:
    state = fold.initial()
    for row in rows:
        state = fold.add(state, row)
    return state


DAY = datetime.date(2024, 2, 29)


@pytest.mark.parametrize(
    ("fold", "rows", "result"),
    [
        (make("COUNT", INT), [1, None, 3], 2),
        (make("SUM", INT), [1, None, 3], 4),
        (make("SUM", INT), [None], 0),
        (make("SUM", DOUBLE), [], 0.0),
        (make("SUM", pa.decimal128(4, 1)), [Decimal("5.4"), Decimal("100.1")], Decimal("105.5")),
        (make("SUM", WIDE), [Decimal("9" * 28), Decimal("0.0000000001")], Decimal("9" * 28 + ".0000000001")),
        (make("SUM_LIST", pa.list_(INT), gives=INT), [[1, 2], None, [3, None]], 6),
        (make("AVG", INT), [1, 2, 2, None], 5 / 3),
        (make("AVG", INT), [None], 0.0),
        (make("MAX", INT), [3, None, 7, 5], 7),
        (make("MIN", STRING), ["b", "a", None], "a"),
        (make("MAX", pa.date32()), [DAY, None], DAY),
        (make("MAX", pa.binary()), [b"\x01", b"\xff", b"\x7f"], b"\xff"),
        (make("MAX", DOUBLE), [1.0, None], 1.0),
        (make("MIN", INT), [None], None),
        (make("COUNT_DISTINCT", STRING), ["a", "b", "a", None], 2),
        (make("COLLECT_LIST", INT, 1000), [1, None, 1], [1, None, 1]),
        (make("COLLECT_LIST", INT, 2), [1, 2, 3], [1, 2]),
        (make("COLLECT_SET", INT, 1000), [1, None, 1, 2], [1, None, 2]),
        (make("COLLECT_SET", INT, 1), [1, 2], [1]),
        (make("COLLECT_SET", pa.struct([("A", INT)]), 9), [{"A": 1}, {"A": 1}], [{"A": 1}]),
        (make("HISTOGRAM", STRING), ["a", "b", "a", None], [("a", 2), ("b", 1)]),
        (make("EARLIEST_BY_OFFSET", INT), [None, 2, 3], 2),
        (make("EARLIEST_BY_OFFSET", INT, False), [None, 2, 3], None),
        (make("EARLIEST_BY_OFFSET", INT, 2), [None, 1, 2, 3], [1, 2]),
        (make("EARLIEST_BY_OFFSET", INT, 2, False), [None, 1, 2], [None, 1]),
        (make("LATEST_BY_OFFSET", INT), [1, 2, None], 2),
        (make("LATEST_BY_OFFSET", INT, False), [1, None], None),
        (make("LATEST_BY_OFFSET", INT, 2), [1, 2, None, 3], [2, 3]),
        (make("LATEST_BY_OFFSET", INT, 2, False), [1, 2, None], [2, None]),
        (make("TOPK", INT, 3), [0, 100, None, 99, 7, 100], [100, 100, 99]),
        (make("TOPK", STRING, 2), ["a", "c", "b"], ["c", "b"]),
        (make("TOPKDISTINCT", INT, 3), [5, 5, 7, 1, 7, 9], [9, 7, 5]),
        (make("STDDEV_SAMPLE", DOUBLE), [0.0], 0.0),
        (make("STDDEV_SAMP", DOUBLE), [10.0, 12.0, None], 2.0),
        (make("ATTR", STRING), ["a", "a"], "a"),
        (make("ATTR", STRING), ["a", None], None),
    ],
)
def test_result(fold: Fold, rows: list[Any], result: Any) -> None:
    assert run(fold, rows) == result


def test_topk_with_other_columns_keeps_them_and_equal_values_stay_in_order_of_arrival() -> None:
    row = pa.struct([("sort_col", INT), ("col0", STRING)])
    args = (Column("X", INT), Column("N", STRING), Literal(2, INT))
    fold = fold_of(Call("TOPK", args, pa.list_(row), "rows"))
    rows = [(0, "zero", 2), (100, "one", 2), (None, "none", 2), (100, None, 2), (99, "x", 2)]
    assert run(fold, rows) == [
        {"sort_col": 100, "col0": "one"},
        {"sort_col": 100, "col0": None},
    ]


def test_correlation_is_pearsons_and_nan_of_one_point() -> None:
    fold = make("CORRELATION", DOUBLE, gives=DOUBLE)
    rows = [(1.0, 2.0), (2.0, 4.5), (None, 1.0), (3.0, 5.0)]
    expected = statistics.correlation([1.0, 2.0, 3.0], [2.0, 4.5, 5.0])
    assert math.isclose(run(fold, rows), expected)
    assert math.isnan(run(fold, rows[:1]))


@pytest.mark.parametrize(
    ("type", "rows"),
    [
        (INT, [2**31 - 1, 1]),
        (LONG, [-(2**63), -1]),
        (pa.decimal128(4, 1), [Decimal("801.7"), Decimal("400.8")]),
    ],
)
def test_a_sum_that_does_not_fit_is_an_error(type: pa.DataType, rows: list[Any]) -> None:
    with pytest.raises(EvaluationError, match="Numeric field overflow"):
        run(make("SUM", type), rows)


def test_a_sum_fills_its_type() -> None:
    assert run(make("SUM", INT), [-(2**31)]) == -(2**31)
    assert run(make("SUM", pa.decimal128(4, 1)), [Decimal("999.9")]) == Decimal("999.9")


@pytest.mark.parametrize("count", [1024, 1025, 20_000, 100_000])
def test_count_distinct_is_within_three_percent(count: int) -> None:
    fold = make("COUNT_DISTINCT", LONG)
    found = run(fold, [*range(count), *range(count // 2)])
    assert found == count if count <= 1024 else abs(found - count) < 0.03 * count


def test_sketches_merge_to_what_one_would_have_seen() -> None:
    fold = make("COUNT_DISTINCT", LONG)
    left, right = states(fold, range(3000)), states(fold, range(2000, 2100))
    assert fold.result(fold.merge(left, right)) == fold.result(states(fold, range(3000)))


UNDOING = {
    "ATTR": (make("ATTR", INT), st.integers(0, 2) | st.none()),
    "AVG": (make("AVG", INT), st.integers(-50, 50) | st.none()),
    "COLLECT_LIST": (make("COLLECT_LIST", INT, 1000), st.integers(0, 3) | st.none()),
    "COUNT": (make("COUNT", INT), st.integers() | st.none()),
    "HISTOGRAM": (make("HISTOGRAM", STRING), st.sampled_from("abc") | st.none()),
    "SUM": (make("SUM", LONG), st.integers(-50, 50) | st.none()),
    "SUM of wide DECIMAL": (make("SUM", WIDE), st.decimals(-(10**26), 10**26, places=10) | st.none()),
    "STDDEV_SAMPLE": (make("STDDEV_SAMPLE", DOUBLE), st.integers(-50, 50) | st.none()),
}


def alike(a: Any, b: Any) -> bool:
    if isinstance(a, float):
        return math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-5)
    if isinstance(a, list):
        return sorted(map(repr, a)) == sorted(map(repr, b))
    return bool(a == b)


@pytest.mark.parametrize("name", UNDOING)
@given(data=st.data())
def test_rows_taken_back_leave_what_the_others_make(name: str, data: st.DataObject) -> None:
    fold, values = UNDOING[name]
    rows = data.draw(st.lists(values, max_size=12))
    gone = data.draw(st.integers(0, len(rows)))
    state = states(fold, rows)
    back = rows[:gone]
    random.Random(len(rows)).shuffle(back)
    for row in back:
        state = fold.undo(state, row)
    assert alike(fold.result(state), run(fold, rows[gone:]))


MERGING = {
    **UNDOING,
    "COLLECT_SET": (make("COLLECT_SET", INT, 3), st.integers(0, 6) | st.none()),
    "EARLIEST_BY_OFFSET": (make("EARLIEST_BY_OFFSET", INT, 2), st.integers() | st.none()),
    "LATEST_BY_OFFSET": (make("LATEST_BY_OFFSET", INT, False), st.integers() | st.none()),
    "MAX": (make("MAX", INT), st.integers() | st.none()),
    "MIN": (make("MIN", INT), st.integers() | st.none()),
    "TOPK": (make("TOPK", INT, 3), st.integers(0, 9) | st.none()),
    "TOPKDISTINCT": (make("TOPKDISTINCT", INT, 3), st.integers(0, 9) | st.none()),
}


@pytest.mark.parametrize("name", MERGING)
@given(data=st.data())
def test_two_sessions_merge_to_what_one_would_be(name: str, data: st.DataObject) -> None:
    fold, values = MERGING[name]
    left = data.draw(st.lists(values, max_size=8))
    right = data.draw(st.lists(values, max_size=8))
    merged = fold.merge(states(fold, left), states(fold, right))
    assert alike(fold.result(merged), run(fold, [*left, *right]))


@pytest.mark.parametrize("name", ["COLLECT_SET", "TOPKDISTINCT"])
def test_nan_is_one_value(name: str) -> None:
    type, nan = DOUBLE, [float("nan"), 1.0, float("nan")]
    kept = [1.0, math.nan] if name == "COLLECT_SET" else [math.nan, 1.0]
    assert sorted(map(repr, run(make(name, type, 3), nan))) == sorted(map(repr, kept))
    call = Call(name, (Column("X", type), Literal(3, INT)), pa.list_(type))
    columns = column_fold(call)
    columns.reach(1)
    columns.run(Steps(3, np.zeros(3, np.int64)), [pa.array(nan, type)])
    found = columns.result(np.zeros(1, np.int64)).to_pylist()[0]
    assert sorted(map(repr, found)) == sorted(map(repr, kept))


def test_latest_knows_which_session_was_fed_last() -> None:
    fold = make("LATEST_BY_OFFSET", INT)
    late = states(fold, [7])
    early = states(fold, [3])  # its rows came after those of `late`
    assert fold.result(fold.merge(early, late)) == 3


@pytest.mark.parametrize(
    "name", ["COLLECT_SET", "COUNT_DISTINCT", "EARLIEST_BY_OFFSET", "MAX", "MIN", "TOPK"]
)
def test_what_cannot_take_a_row_back_says_so(name: str) -> None:
    fold = make(name, INT, 2)
    with pytest.raises(Unsupported, match=name):
        fold.undo(states(fold, [1]), 1)


@pytest.mark.parametrize("name", sorted(FOLDS))
def test_states_are_never_changed_in_place(name: str) -> None:
    constants = (5,) if name in ("COLLECT_LIST", "COLLECT_SET", "TOPK", "TOPKDISTINCT") else ()
    type = {"HISTOGRAM": STRING, "SUM_LIST": pa.list_(INT)}.get(name, INT)
    value: Any = {"HISTOGRAM": "a", "SUM_LIST": [1]}.get(name, 1)
    fold = make(name, type, *constants, gives=INT)
    before = fold.add(fold.initial(), value, value)
    shown = repr(before)
    fold.add(before, value, value)
    fold.merge(before, before)
    assert repr(before) == shown


def test_every_aggregate_of_the_library_has_a_fold() -> None:
    known = {name for name, f in library().items() if f.kind == AGGREGATE}
    assert known == set(FOLDS)
