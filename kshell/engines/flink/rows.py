"""Rows of the gateway's JSON as Changes: their kinds are weights."""

from __future__ import annotations

import base64
import datetime
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import pyarrow as pa

from kshell.changes import WEIGHT, Changes

__all__ = ["changes_of"]

_WEIGHTS: Mapping[str, int] = {"INSERT": 1, "UPDATE_AFTER": 1, "UPDATE_BEFORE": -1, "DELETE": -1}
_EPOCH = datetime.datetime(1970, 1, 1)

Read = Callable[[Any], Any]


def changes_of(rows: Sequence[tuple[str, Sequence[Any]]], schema: pa.Schema) -> Changes:
    """The changes; the columns are the schema's by position."""
    columns = []
    for n, field in enumerate(schema):
        read = _reader(field.type)
        values = [None if fields[n] is None else read(fields[n]) for _, fields in rows]
        columns.append(pa.array(values, field.type))
    weights = pa.array([_WEIGHTS[kind] for kind, _ in rows], WEIGHT)
    return Changes(pa.RecordBatch.from_arrays(columns, schema=schema), weights)


def _reader(type: pa.DataType) -> Read:
    if pa.types.is_struct(type):
        fields = [(f.name, _optional(_reader(f.type))) for f in type]
        return lambda value: {name: read(value.get(name)) for name, read in fields}
    if pa.types.is_list(type):
        item = _optional(_reader(type.value_type))
        return lambda value: [item(v) for v in value]
    if pa.types.is_map(type):
        key, item = _reader(type.key_type), _optional(_reader(type.item_type))
        return lambda value: [(key(k), item(v)) for k, v in value.items()]
    if pa.types.is_decimal(type):
        places = Decimal(1).scaleb(-type.scale)
        return lambda value: Decimal(str(value)).quantize(places)
    return _READ.get(type, lambda value: value)


def _optional(read: Read) -> Read:
    return lambda value: None if value is None else read(value)


def _moment(value: str) -> int:
    moment = datetime.datetime.fromisoformat(value.removesuffix("Z"))
    return (moment - _EPOCH) // datetime.timedelta(milliseconds=1)


_READ: Mapping[pa.DataType, Read] = {
    pa.int32(): int,
    pa.int64(): int,
    pa.float64(): float,
    pa.string(): str,
    pa.binary(): base64.b64decode,
    pa.date32(): datetime.date.fromisoformat,
    pa.timestamp("ms"): _moment,
}
