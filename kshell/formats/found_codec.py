"""The codec of JSON keys and values: of declared columns, or of those that samples suggested.

`formats.open` makes it; the second is `found`'s reader with nested values typed.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pyarrow as pa

from kshell.formats.base import Decoded, Place
from kshell.formats.found import FoundJson, Number, dumps
from kshell.formats.json_codec import JsonCodec

__all__ = ["open_json"]


class FoundCodec(JsonCodec):
    """The same as a codec: nested values are typed."""

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self._types = {c.name: c.type for c in place.columns}
        self._reader = FoundJson(place.suggested, place.samples)

    def decode(self, data: pa.Array, names: Sequence[str]) -> Decoded:
        """See `base.Codec`."""
        data = data if data.type == pa.binary() else data.cast(pa.binary())
        found = self._reader.read(data, names)
        columns = [
            _nested(column, self._types[name]) if pa.types.is_nested(self._types[name]) else column
            for column, name in zip(found.columns, names, strict=True)
        ]
        return Decoded(columns, found.bad)


def _nested(column: pa.Array, type: pa.DataType) -> pa.Array:
    cells = (
        None if text is None else json.loads(text, parse_float=Number)
        for text in column.to_pylist()
    )
    return pa.array([_typed(cell, type) for cell in cells], type)


def open_json(place: Place) -> JsonCodec:
    """The codec of JSON keys or values, declared or found."""
    return FoundCodec(place) if place.suggested else JsonCodec(place)


def _typed(node: Any, type: pa.DataType) -> Any:
    """A value that fits its type as Arrow takes it; a map is a list of pairs."""
    if node is None:
        return None
    if pa.types.is_struct(type) and len(type):
        return {f.name: _typed(node.get(f.name), f.type) for f in type}
    if pa.types.is_list(type):
        return [_typed(item, type.value_type) for item in node]
    if pa.types.is_map(type):
        return [(key, _typed(item, type.item_type)) for key, item in node.items()]
    if pa.types.is_decimal(type):
        return Decimal(node)
    if pa.types.is_floating(type):
        return float(node)
    if pa.types.is_integer(type) or pa.types.is_boolean(type):
        return node
    return node if isinstance(node, str) else dumps(node)
