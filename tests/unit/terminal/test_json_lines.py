"""Lines of JSON by whole columns: each line reads back as its row, few rows or many."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kshell.formats.json_lines import json_lines

VALUES = {
    pa.int64(): st.integers(-(2**63), 2**63 - 1),
    pa.uint64(): st.integers(0, 2**64 - 1),
    pa.bool_(): st.booleans(),
    pa.string(): st.text(st.characters(exclude_categories=["Cs"])),
    pa.float64(): st.floats(allow_nan=False, allow_infinity=False),
    pa.list_(pa.string()): st.lists(st.none() | st.text(st.characters(exclude_categories=["Cs"]))),
}


@settings(max_examples=60, deadline=None)
@given(data=st.data(), copies=st.sampled_from([1, 600]))
def test_each_line_is_its_row(data: st.DataObject, copies: int) -> None:
    types = data.draw(st.lists(st.sampled_from(list(VALUES)), min_size=1, max_size=4))
    rows = [
        tuple(data.draw(st.none() | VALUES[t]) for t in types)
        for _ in range(data.draw(st.integers(0, 4)))
    ] * copies
    names = [f'c"\n{i}' for i in range(len(types))]
    columns = [pa.array([r[i] for r in rows], t) for i, t in enumerate(types)]
    batch = pa.RecordBatch.from_arrays(columns, names)
    lines = json_lines(batch.schema, batch, "\n").to_pylist()
    assert [json.loads(line) for line in lines] == [
        dict(zip(names, r, strict=True)) for r in rows
    ]
    assert all(line.endswith("}\n") and line.count("\n") == 1 for line in lines)


@pytest.mark.parametrize("count", [1, 2000])
@pytest.mark.parametrize(
    ("value", "type", "text"),
    [
        (float("nan"), pa.float64(), '"NaN"'),
        (float("-inf"), pa.float64(), '"-Infinity"'),
        (1e300, pa.float64(), "1e+300"),
        ("é\x7f", pa.string(), '"é\x7f"'),
        ("\x1b[1m", pa.string(), '"\\u001b[1m"'),
        ('a"\\', pa.string(), '"a\\"\\\\"'),
        (b"\x00", pa.binary(), '"AA=="'),
        ({"a": None}, pa.struct([("a", pa.int32())]), '{"a":null}'),
    ],
)
def test_values_in_json(value: Any, type: pa.DataType, text: str, count: int) -> None:
    batch = pa.record_batch({"v": pa.array([value] * count, type)})
    assert json_lines(batch.schema, batch).to_pylist() == [f'{{"v":{text}}}'] * count
