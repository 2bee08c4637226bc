"""Keys of all types: which are equal, and that they come back as they went in."""

from __future__ import annotations

import datetime
import math
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from kshell.stream.keys import Keys

STRUCT = pa.struct([("A", pa.int32()), ("B", pa.string()), ("C", pa.list_(pa.float64()))])
DIFFERENT: list[tuple[pa.DataType, list[Any]]] = [
    (pa.string(), [None, "", "a", "a\0", "ä"]),
    (pa.binary(), [None, b"", b"\0", b"\0\0", bytes(9)]),
    (pa.int32(), [None, 0, -1, 2**31 - 1]),
    (pa.int64(), [None, 0, -1, 2**63 - 1]),
    (pa.bool_(), [None, False, True]),
    (pa.float64(), [None, 0.0, 1.5, math.inf, -math.inf]),
    (pa.decimal128(38, 2), [None, Decimal("0.00"), Decimal("-1.50"), Decimal("9" * 36 + ".99")]),
    (pa.date32(), [None, datetime.date(1970, 1, 1), datetime.date(1, 1, 1)]),
    (pa.time32("ms"), [None, datetime.time(0), datetime.time(23, 59)]),
    (pa.timestamp("ms"), [None, datetime.datetime(1970, 1, 1), datetime.datetime(2026, 1, 1)]),
    (pa.list_(pa.int64()), [None, [], [None], [1], [1, 2], [2, 1]]),
    (pa.map_(pa.string(), pa.int64()), [None, [], [("a", 1)], [("a", None)], [("a", 1), ("b", 2)]]),
    (STRUCT, [None, {"A": None, "B": None, "C": None}, {"A": 1, "B": "", "C": []},
              {"A": 1, "B": None, "C": []}, {"A": 1, "B": "", "C": [1.5]}]),
    (pa.null(), [None]),
]  # fmt: skip
SAME: list[tuple[pa.DataType, list[Any]]] = [
    (pa.float64(), [0.0, -0.0]),
    (pa.float64(), [math.nan, -math.nan, math.nan]),
    (pa.list_(pa.float64()), [[0.0], [-0.0]]),
    (pa.list_(pa.float64()), [[math.nan], [math.nan]]),
    (pa.struct([("A", pa.float64())]), [{"A": math.nan}, {"A": -math.nan}]),
    (pa.map_(pa.string(), pa.int64()), [[("a", 1), ("b", 2)], [("b", 2), ("a", 1)]]),
]


@pytest.mark.parametrize(("type", "values"), DIFFERENT, ids=lambda v: str(v)[:20])
def test_unlike_keys(type: pa.DataType, values: list[Any]) -> None:
    keys = Keys([pa.string(), type])
    columns = [pa.array(["x"] * len(values)), pa.array(values, type)]
    slots, fresh = keys.add(columns)
    assert slots.tolist() == list(range(len(values)))
    assert fresh.all()
    assert keys.find(columns).tolist() == slots.tolist()
    assert keys.values(slots[::-1])[1].to_pylist() == values[::-1]
    keys.drop(slots[:1])
    assert keys.find(columns).tolist() == [-1, *slots[1:]]
    assert keys.values(slots[1:])[1].to_pylist() == values[1:]


@pytest.mark.parametrize(("type", "values"), SAME, ids=lambda v: str(v)[:20])
def test_like_keys(type: pa.DataType, values: list[Any]) -> None:
    keys = Keys([type])
    slots, fresh = keys.add([pa.array(values, type)])
    assert set(slots.tolist()) == {0}
    assert fresh.tolist() == [True] + [False] * (len(values) - 1)


def test_columns_do_not_run_into_one_another() -> None:
    keys = Keys([pa.string(), pa.string()])
    slots, _ = keys.add([pa.array(["a", "ab", None, ""]), pa.array(["bc", "c", "", None])])
    assert slots.tolist() == [0, 1, 2, 3]


def test_a_column_of_no_rows() -> None:
    slots, fresh = Keys([pa.string()]).add([pa.array([], pa.string())])
    assert (len(slots), len(fresh)) == (0, 0)
    assert slots.dtype == np.int64
