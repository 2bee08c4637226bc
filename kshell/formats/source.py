"""Converts columns to a source's records: key, value, window and time.

Engines write topics through it; so does `cases`, one record at a time; `source_reader` reads them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kshell.catalog.model import Source
from kshell.formats.base import Half
from kshell.formats.open import open_codec
from kshell.formats.record_parts import no_times, time_of, with_window
from kshell.formats.registry import Schemas
from kshell.formats.source_reader import place_of

__all__ = ["SourceWriter"]


@dataclass(frozen=True, slots=True)
class Written:
    """Keys, values (binary) and times (ms) of records to produce; which cannot be: (row, why)."""

    keys: pa.Array
    values: pa.Array
    times: pa.Array
    bad: list[tuple[int, str]]


class SourceWriter:
    """Makes records of a source's columns."""

    def __init__(self, source: Source, schemas: Schemas | None = None) -> None:
        self.source = source
        self._key = open_codec(place_of(source, Half.KEY, schemas))
        self._value = open_codec(place_of(source, Half.VALUE, schemas))
        self._time = time_of(source)

    def write(
        self,
        key: Sequence[pa.Array],
        value: Sequence[pa.Array],
        times: pa.Array,
        gone: pa.Array,
        window: tuple[pa.Array, pa.Array] | None = None,
        keyless: pa.Array | None = None,
    ) -> Written:
        """Columns in the source's order; `gone` rows get no value, `window` is (starts, ends).

        `keyless` rows get no key: by default those whose key columns are all NULL.
        """
        keys = self._key.encode(key, _all_null(key, len(gone)) if keyless is None else keyless)
        if window is not None:
            keys = with_window(keys, window, self.source)
        values = self._value.encode(value, gone)
        bad: list[tuple[int, str]] = []
        if self._time is not None:
            times, bad = self._own_times(key, value, times, gone)
        return Written(keys, values, times, bad)

    def _own_times(
        self, key: Sequence[pa.Array], value: Sequence[pa.Array], times: pa.Array, gone: pa.Array
    ) -> tuple[pa.Array, list[tuple[int, str]]]:
        assert self._time is not None
        name = self.source.timestamp_column
        names = [c.name for c in (*self.source.key, *self.source.value)]
        column = [*key, *value][names.index(name)]
        made = self._time(column)
        own = np.ones(len(times), np.bool_)
        if name not in {c.name for c in self.source.key}:
            own = ~np.asarray(gone)
        wrong = own & no_times(made)
        bad = [
            (row, f"{column[row].as_py()!r} in {name} is no time")
            for row in np.flatnonzero(wrong).tolist()
        ]
        return pc.if_else(pa.array(own & ~wrong), made, times), bad


def _all_null(columns: Sequence[pa.Array], count: int) -> pa.Array:
    if not columns:
        return pa.repeat(pa.scalar(True, pa.bool_()), count)
    gone = columns[0].is_null()
    for column in columns[1:]:
        gone = pc.and_(gone, column.is_null())
    return gone
