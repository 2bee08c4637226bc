"""Codecs that work value by value: the loop, the error rows and the nulls, written once.

JSON, DELIMITED and the rest give two functions of one record, `read` and `write`; this makes a
`Codec` of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pyarrow as pa

from kshell.catalog.model import Column
from kshell.errors import CorruptRecord
from kshell.formats.base import Decoded

__all__ = ["RowCodec"]

Read = Callable[[bytes], "Sequence[Any] | None"]
Write = Callable[[Sequence[Any]], "bytes | None"]


class RowCodec:
    """`read` gives a value for each column, or None for a record without any; it raises
    CorruptRecord.  `write` takes a value for each column."""

    def __init__(self, columns: Sequence[Column], read: Read, write: Write) -> None:
        self._columns = tuple(columns)
        self._index = {c.name: i for i, c in enumerate(columns)}
        self._read, self._write = read, write

    def decode(self, data: pa.Array, names: Sequence[str]) -> Decoded:
        """See `Codec`."""
        rows: list[Sequence[Any]] = []
        bad: list[tuple[int, str]] = []
        nothing: Sequence[Any] = (None,) * len(self._columns)
        read = self._read
        for number, value in enumerate(data.to_pylist()):
            if value is None:
                rows.append(nothing)
                continue
            try:
                rows.append(read(value) or nothing)
            except CorruptRecord as error:
                bad.append((number, error.what))
                rows.append(nothing)
        columns = []
        for name in names:
            i = self._index[name]
            columns.append(pa.array([row[i] for row in rows], self._columns[i].type))
        return Decoded(columns, bad)

    def encode(self, columns: Sequence[pa.Array], gone: pa.Array) -> pa.Array:
        """See `Codec`."""
        n = len(gone)
        rows = zip(*(c.to_pylist() for c in columns), strict=True) if columns else [()] * n
        write = self._write
        made = [
            None if deleted else write(row)
            for row, deleted in zip(rows, gone.to_pylist(), strict=True)
        ]
        return pa.array(made, pa.binary())
