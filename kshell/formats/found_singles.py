"""Single values that nobody declared: Kafka's numbers, and what no sample had a value of.

`primitive` makes these codecs.  A record that does not fit is kept as it is: with it among the
samples, `detect` says what a bounded query reads the records as.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kshell.formats.base import FEW, Codec, Decoded, Learned, Place

__all__ = ["Unsuggested", "found_number"]


class _Found:
    """What both have in common: another codec reads and writes."""

    def __init__(self, place: Place, codec: Codec) -> None:
        (self._column,) = place.columns
        self._samples, self._codec = place.samples, codec

    def encode(self, columns: Sequence[pa.Array], gone: pa.Array) -> pa.Array:
        """See `base.Codec`."""
        return self._codec.encode(columns, gone)

    def learn(
        self, values: pa.Array, names: Sequence[str], found: Decoded, *, whole: bool
    ) -> Learned:
        """See `base.Found`."""
        if not found.misfits:
            return Learned()
        few = values.take(pa.array(found.misfits[:FEW], pa.int64())).to_pylist()
        return Learned(self._why(found), samples=few)

    def _why(self, found: Decoded) -> str:
        return dict(found.bad)[found.misfits[0]]


class Unsuggested(_Found):
    """No sample had a value: all are read as text, and are misfits."""

    def decode(self, data: pa.Array, names: Sequence[str]) -> Decoded:
        """See `base.Codec`."""
        found = self._codec.decode(data, names)
        there = np.flatnonzero(np.asarray(data.is_valid())).tolist()
        return Decoded(found.columns, found.bad, there)

    def _why(self, found: Decoded) -> str:
        return f"field {self._column.name}: a value, which no sample had of {self._samples:,}"


class _Number(_Found):
    """Each sample was a number of this size."""

    def decode(self, data: pa.Array, names: Sequence[str]) -> Decoded:
        """See `base.Codec`."""
        found = self._codec.decode(data, names)
        bad = [(row, f"{why}, which {self._samples:,} samples suggested") for row, why in found.bad]
        return Decoded(found.columns, bad, [row for row, _ in bad])


class _Zero(_Number):
    """Each sample was eight zero bytes, which BIGINT and DOUBLE have alike."""

    def decode(self, data: pa.Array, names: Sequence[str]) -> Decoded:
        """See `base.Codec`."""
        found = super().decode(data, names)
        if not found.columns:
            return found
        other = np.flatnonzero(np.asarray(pc.not_equal(found.columns[0], 0).fill_null(False)))
        why = (
            f"field {self._column.name}: 8 bytes that are not zeros: BIGINT or DOUBLE, and"
            f" {self._samples:,} samples do not say which"
        )
        bad = sorted([*found.bad, *((row, why) for row in other.tolist())])
        return Decoded(found.columns, bad, [row for row, _ in bad])


def found_number(place: Place, codec: Codec) -> _Number:
    """The codec of numbers as samples suggest them."""
    (suggested,) = place.suggested.values()
    return (_Zero if pa.types.is_null(suggested) else _Number)(place, codec)
