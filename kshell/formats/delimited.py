"""DELIMITED: a record is a line of comma-separated values, as commons-csv reads and writes it.

Lines without a quote are split and cast as whole columns; the others, and those whose values want
leniency, one by one.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kshell.catalog.model import Column
from kshell.errors import CorruptRecord
from kshell.formats.base import Decoded, Place
from kshell.formats.coerce import RANGES, converter
from kshell.formats.json_values import plain_writer
from kshell.formats.row_writer import NotCompiled, Step, plain_steps, row_writer
from kshell.value_texts import java_double

__all__ = ["Delimited", "delimiter_of"]

_NOTHING = pa.scalar(0, pa.int32())
_NAMED = {"SPACE": " ", "TAB": "\t"}
_LONGEST = 1 << 24
csv.field_size_limit(_LONGEST)
# Texts of which Arrow's casts think as `coerce` does; others go through it.
_PLAIN_NUMBER = r"^-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?$"
_CAST = frozenset({pa.int32(), pa.int64(), pa.float64()})
_AS_NUMBER: dict[pa.DataType, pa.DataType] = {
    pa.date32(): pa.int32(), pa.time32("ms"): pa.int32(), pa.timestamp("ms"): pa.int64(),
}  # fmt: skip


def delimiter_of(place: Place) -> str:
    """VALUE_DELIMITER or KEY_DELIMITER: one character, SPACE or TAB."""
    name = place.format.options.get("DELIMITER", ",")
    return _NAMED.get(name.upper(), name)


class Delimited:
    """The codec of lines."""

    def __init__(self, place: Place) -> None:
        self._delimiter = delimiter_of(place)
        self._columns = place.columns
        self._index = {c.name: i for i, c in enumerate(place.columns)}
        self._readers = [_reader(c.type, c.name) for c in place.columns]
        self._texts = [_texts_of(c.type) for c in place.columns]
        self._writer = row_writer(
            lambda: _line_steps(place.columns), "lines", delimiter=self._delimiter.encode()
        )

    def decode(self, data: pa.Array, names: Sequence[str]) -> Decoded:
        """See `base.Codec`; what nobody asks for need only be there."""
        count, wanted = len(data), [self._index[n] for n in names]
        simple, cells = self._split(data, wanted)
        rows = np.flatnonzero(simple)
        again = set(np.flatnonzero(~simple & np.asarray(data.is_valid())).tolist())
        columns = []
        for i, texts in zip(wanted, cells, strict=True):
            made, doubtful = self._cast(texts, i)
            again.update(rows[doubtful].tolist())
            columns.append(made)
        if len(rows) == count and not again:
            return Decoded(columns, [])
        return self._with(columns, rows, sorted(again), data, names, wanted)

    def _split(
        self, data: pa.Array, wanted: Sequence[int]
    ) -> tuple[np.ndarray[Any, np.dtype[np.bool_]], list[pa.Array]]:
        """Which lines have all values and nothing to think about, and their values' texts."""
        nothing = np.zeros(len(data), np.bool_)
        empty = [pa.array([], pa.string()) for _ in wanted]
        try:
            lines = data.cast(pa.string())
        except pa.ArrowInvalid:  # one by one: some are no text
            return nothing, empty
        odd = pc.match_substring_regex(lines, '["\\r\\n]')
        parts = pc.split_pattern(lines, self._delimiter)
        fits = pc.and_(pc.invert(odd), pc.equal(pc.list_value_length(parts), len(self._columns)))
        fits = pc.and_(fits, pc.greater(pc.binary_length(lines), _NOTHING)).fill_null(False)
        flat = parts.filter(fits).flatten()
        width = len(self._columns)
        cells = [flat.take(pa.array(np.arange(i, len(flat), width))) for i in wanted]
        return np.asarray(fits), cells

    def _cast(self, texts: pa.Array, i: int) -> tuple[pa.Array, Any]:
        """The texts as the column, and the places at which they must be read once more."""
        type = self._columns[i].type
        texts = pc.if_else(pc.equal(texts, ""), pa.scalar(None, pa.string()), texts)
        if type == pa.string():
            return texts, []
        if type == pa.bool_():
            return pc.equal(pc.ascii_lower(pc.utf8_trim_whitespace(texts)), "true"), []
        if type in _CAST or type in _AS_NUMBER or pa.types.is_decimal(type):
            plain = pc.match_substring_regex(texts, _PLAIN_NUMBER).fill_null(True)
            try:
                some = pc.if_else(plain, texts, pa.scalar(None, pa.string()))
                made = some.cast(_AS_NUMBER.get(type, type))
                if type in RANGES:
                    low, high = RANGES[type]
                    fits = pc.and_(pc.greater_equal(made, low), pc.less_equal(made, high))
                    plain = pc.and_(plain, fits.fill_null(True))
                    made = pc.if_else(plain, made, None)
                return made.cast(type), np.flatnonzero(~np.asarray(plain))
            except pa.ArrowInvalid:
                pass
        return pa.nulls(len(texts), type), np.flatnonzero(np.asarray(texts.is_valid()))

    def _with(
        self, columns: list[pa.Array], rows: Any, again: Sequence[int], data: pa.Array,
        names: Sequence[str], wanted: Sequence[int],
    ) -> Decoded:  # fmt: skip
        """The columns of all rows: those split, those read one by one, and NULLs."""
        bad: list[tuple[int, str]] = []
        cells: list[list[Any]] = [[] for _ in names]
        order = np.full(len(data), -1, np.int64)
        order[rows] = np.arange(len(rows))
        lines = data.take(pa.array(again, pa.int64())).to_pylist()
        for row, line in zip(again, lines, strict=True):
            try:
                values = self._read(line, wanted)
            except CorruptRecord as error:
                bad.append((row, error.what))
                order[row] = -1
                continue
            order[row] = len(rows) + (len(cells[0]) if cells else 0)
            for column, value in zip(cells, values, strict=True):
                column.append(value)
        take = pa.array(order, mask=order < 0)
        made = []
        for column, more, i in zip(columns, cells, wanted, strict=True):
            new = pa.array(more, self._columns[i].type)
            made.append(pa.concat_arrays([column, new]).take(take))
        return Decoded(made, bad)

    def _read(self, data: bytes, wanted: Sequence[int]) -> list[Any]:
        try:
            line = data.decode()
        except UnicodeDecodeError:
            raise CorruptRecord("not valid UTF-8") from None
        fields = _fields(line, self._delimiter)
        if len(fields) != len(self._columns):
            raise CorruptRecord(
                f"Unexpected field count, csvFields:{len(fields)} schemaFields:{len(self._columns)}"
            )
        return [None if fields[i] == "" else self._readers[i](fields[i]) for i in wanted]

    def encode(self, columns: Sequence[pa.Array], gone: pa.Array) -> pa.Array:
        """See `base.Codec`."""
        if self._writer is not None:
            made = self._writer.write(list(columns), gone)
            if made is not None:
                return made
        texts = [
            _quoted_all(text(column), self._delimiter, first=i == 0)
            for i, (text, column) in enumerate(zip(self._texts, columns, strict=True))
        ]
        lines = pc.binary_join_element_wise(
            *[t.fill_null("") for t in texts], pa.scalar(self._delimiter, pa.string())
        )
        return pc.if_else(gone, pa.scalar(None, pa.binary()), lines.cast(pa.binary()))


def _line_steps(columns: Sequence[Column]) -> list[Step]:
    if any(pa.types.is_nested(c.type) for c in columns):
        raise NotCompiled
    return plain_steps(columns, lambda _: b"")


def _reader(type: pa.DataType, name: str) -> Callable[[str], Any]:
    if type == pa.bool_():
        return lambda text: text.strip().lower() == "true"
    return converter(type, name)


def _fields(line: str, delimiter: str) -> list[str]:
    try:
        lines = csv.reader(io.StringIO(line, newline=""), delimiter=delimiter, strict=True)
        fields = next(filter(None, lines), None)  # empty lines are no records to commons-csv
    except csv.Error as error:
        raise CorruptRecord(f"not DELIMITED: {error}") from None
    if fields is None:
        raise CorruptRecord("No fields in record")
    return fields


def _texts_of(type: pa.DataType) -> Callable[[pa.Array], pa.Array]:
    """A column as the texts of its values."""
    if type == pa.string():
        return lambda column: column
    if pa.types.is_integer(type) or type == pa.bool_():
        return lambda column: column.cast(pa.string())
    if type in _AS_NUMBER:
        return lambda column: column.cast(_AS_NUMBER[type]).cast(pa.string())
    one: Callable[[Any], str] = plain_writer(type)
    if pa.types.is_decimal(type):
        one = "{:f}".format
    if type == pa.float64():
        one = java_double

    def texts(column: pa.Array) -> pa.Array:
        cells = [None if v is None else one(v) for v in column.to_pylist()]
        return pa.array(cells, pa.string())

    return texts


# A text that needs no quotes, first in its line and elsewhere, but for the delimiter in it.
_BARE_FIRST = r'^[0-9A-Za-z]([^"\n\r]*[^\x00- "\n\r])?$'
_BARE = r'^[^\x00-#"\n\r]([^"\n\r]*[^\x00- "\n\r])?$'


def _quoted_all(texts: pa.Array, delimiter: str, *, first: bool) -> pa.Array:
    bare = pc.match_substring_regex(texts, _BARE_FIRST if first else _BARE)
    bare = pc.and_(bare, pc.invert(pc.match_substring(texts, delimiter)))
    odd = np.flatnonzero(~np.asarray(bare.fill_null(True)))
    if not len(odd):
        return texts
    cells = texts.to_pylist()
    for row in odd.tolist():
        cells[row] = _quoted(cells[row], delimiter, first=first)
    return pa.array(cells, pa.string())


def _quoted(text: str, delimiter: str, *, first: bool) -> str:
    """commons-csv's minimal quoting."""
    if not text:
        return '""' if first else ""
    start, end = text[0], text[-1]
    odd_start = first and not (start.isascii() and start.isalnum())
    if (
        odd_start
        or start <= "#"
        or end <= " "
        or any(c in text for c in (delimiter, '"', "\n", "\r"))
    ):
        return '"' + text.replace('"', '""') + '"'
    return text
