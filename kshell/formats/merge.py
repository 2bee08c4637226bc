"""Merges the types of several schemas of a topic: all columns, promoted by Avro's rules.

`detect` merges the schemas that a topic's records name.  Records of a type that does not fit the
merged one are error rows when they are read.
"""

from __future__ import annotations

import pyarrow as pa

__all__ = ["merged"]

_NUMBERS = (pa.int32(), pa.int64(), pa.float64())  # each fits into those after it
_TEXTS = (pa.binary(), pa.string())
_DIGITS = 38


def merged(older: pa.DataType, newer: pa.DataType) -> pa.DataType:
    """A type for the values of both; where there is none, the newer.

    >>> merged(pa.struct([("a", pa.int32())]), pa.struct([("b", pa.string()), ("a", pa.int64())]))
    StructType(struct<a: int64, b: string>)
    """
    for ladder in (_NUMBERS, _TEXTS):
        if older in ladder and newer in ladder:
            return max(older, newer, key=ladder.index)
    if pa.types.is_struct(older) and pa.types.is_struct(newer):
        found = {field.name: field.type for field in older}
        for field in newer:
            known = found.get(field.name)
            found[field.name] = field.type if known is None else merged(known, field.type)
        return pa.struct(list(found.items()))
    if pa.types.is_list(older) and pa.types.is_list(newer):
        return pa.list_(merged(older.value_type, newer.value_type))
    if pa.types.is_map(older) and pa.types.is_map(newer):
        return pa.map_(newer.key_type, merged(older.item_type, newer.item_type))
    if pa.types.is_decimal(older) and pa.types.is_decimal(newer):
        scale = max(older.scale, newer.scale)
        whole = max(older.precision - older.scale, newer.precision - newer.scale)
        if whole + scale <= _DIGITS:
            return pa.decimal128(whole + scale, scale)
    return newer
