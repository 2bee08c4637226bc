"""The codec of JSON keys and values: of declared columns, or of those that samples suggested.

`formats.open` makes it; the second is `found`'s reader with nested values typed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pyarrow as pa

from kshell.formats.base import Decoded, Learned, Place
from kshell.formats.found import FoundJson, nested
from kshell.formats.json_codec import JsonCodec

__all__ = ["open_json"]


class FoundCodec(JsonCodec):
    """The same as a codec: nested values are typed."""

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self._types = {c.name: c.type for c in place.columns}
        self._reader = FoundJson(place.suggested, place.samples, wrapped=place.wrapped)

    def decode(self, data: pa.Array, names: Sequence[str]) -> Decoded:
        """See `base.Codec`."""
        data = data if data.type == pa.binary() else data.cast(pa.binary())
        found = self._reader.read(data, names)
        columns = [
            nested(column, self._types[name]) if pa.types.is_nested(self._types[name]) else column
            for column, name in zip(found.columns, names, strict=True)
        ]
        return replace(found, columns=columns)

    def learn(
        self, values: pa.Array, names: Sequence[str], found: Decoded, *, whole: bool
    ) -> Learned:
        """See `base.Found`."""
        return self._reader.learn(values, names, found, whole=whole)


def open_json(place: Place) -> JsonCodec:
    """The codec of JSON keys or values, declared or found."""
    return FoundCodec(place) if place.suggested else JsonCodec(place)
