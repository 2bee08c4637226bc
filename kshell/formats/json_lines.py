"""Rows as lines of JSON, made by whole columns.

`terminal` writes answers with it, and COPY files.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import orjson
import pyarrow as pa

from kshell.value_texts import json_default, json_values

__all__ = ["joined", "json_lines"]

_ESCAPED = '["\\\\\\x00-\\x1f]'  # what JSON's texts have with a backslash
_WRITTEN = {pa.int32(), pa.int64(), pa.bool_(), pa.string()}
_FEW = 1000  # rows that are written before what whole columns need is imported


def json_lines(schema: pa.Schema, batch: pa.RecordBatch, end: str = "") -> pa.Array:
    """Each row as one object of JSON, and `end` after it.

    >>> rows = pa.record_batch({"n": [1, None], "s": ['a"', "b"]})
    >>> json_lines(rows.schema, rows).to_pylist()
    ['{"n":1,"s":"a\\\\""}', '{"n":null,"s":"b"}']
    """
    names = schema.names
    if batch.num_rows <= _FEW or not names:
        values = map(json_values, batch.columns)
        rows = zip(*values, strict=True) if names else [()] * batch.num_rows
        return pa.array([_text(dict(zip(names, r, strict=True))) + end for r in rows], pa.string())
    import pyarrow.compute as pc  # takes 50 ms

    if written := _compiled(schema, batch):
        return pc.binary_join_element_wise(written, pa.scalar(end), "") if end else written
    parts: list[pa.Array | pa.Scalar] = []
    before = "{"
    for name, column in zip(names, batch.columns, strict=True):
        parts += [pa.scalar(f"{before}{_text(name)}:"), _texts(column)]
        before = ","
    return pc.binary_join_element_wise(*parts, pa.scalar("}" + end), "")


def _compiled(schema: pa.Schema, batch: pa.RecordBatch) -> pa.Array | None:
    """The lines by the writer in C, if it was built and has these types as they are shown."""
    if not set(schema.types) <= _WRITTEN:
        return None
    if not (writer := _writer(schema)):
        return None
    made = writer.write(batch.columns, pa.repeat(False, batch.num_rows))
    return None if made is None else made.cast(pa.string())


@lru_cache(8)
def _writer(schema: pa.Schema) -> Any:
    from kshell.formats.row_writer import Step, row_writer

    steps = [Step(f.type, _text(f.name).encode() + b":", place=i) for i, f in enumerate(schema)]
    return row_writer(lambda: steps, "json")


def joined(lines: pa.Array) -> str:
    """All lines as one text.

    >>> joined(pa.array(["a", "b"]))
    'ab'
    """
    _, offsets, data = lines.buffers()
    if data is None or not len(lines):
        return ""
    bounds = memoryview(offsets).cast("i")
    begin, end = bounds[lines.offset], bounds[lines.offset + len(lines)]
    return str(data[begin:end], "utf-8")


def _texts(column: pa.Array) -> pa.Array:
    """The column's values in JSON; NULL is the word null."""
    import pyarrow.compute as pc

    type = column.type
    if pa.types.is_integer(type) or pa.types.is_boolean(type):
        return column.cast(pa.string()).fill_null("null")
    if pa.types.is_string(type) and not pc.any(pc.match_substring_regex(column, _ESCAPED)).as_py():
        quote = pa.scalar('"')
        return pc.binary_join_element_wise(quote, column, quote, "").fill_null("null")
    values = json_values(column)
    if pa.types.is_floating(type) and all(v is None or _is_number(v) for v in values):
        return pa.array(orjson.dumps(values)[1:-1].decode().split(","), pa.string())
    return pa.array(map(_text, values), pa.string())


def _text(value: Any) -> str:
    return orjson.dumps(value, json_default, orjson.OPT_NON_STR_KEYS).decode()


def _is_number(value: object) -> bool:
    return isinstance(value, float) and math.isfinite(value)
