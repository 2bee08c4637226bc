"""DELIMITED that nobody declared: numbers where the samples have numbers, and what does not fit.

`formats.open` makes the codec of lines here; `guess` asks `cell_of` what a sample's cells are.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kshell.formats.base import Codec, Decoded, Learned, Place
from kshell.formats.delimited import Delimited
from kshell.formats.found import unfit
from kshell.formats.json_rules import fits
from kshell.formats.shapes import Shape

__all__ = ["cell_of", "open_delimited"]

_WHOLE = re.compile(r"[+-]?[0-9]{1,4000}")
_FRACTION = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,4})?")
_NO_NUMBERS = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
# Texts that Arrow casts as `cell_of` reads them, and that surely fit.
_SURELY = {
    pa.int64(): r"^-?[0-9]{1,18}$",
    pa.float64(): r"^-?[0-9]{1,15}(\.[0-9]+)?$",
}


def cell_of(text: str) -> int | float | Decimal | str:
    """A number with all of its digits, one of a double's words, or the text.

    >>> cell_of("10"), cell_of("1.50"), cell_of("NaN"), cell_of(" 1")
    (10, Decimal('1.50'), nan, ' 1')
    """
    if _WHOLE.fullmatch(text):
        return int(text)
    if _FRACTION.fullmatch(text):
        return Decimal(text)
    return _NO_NUMBERS.get(text, text)


def _fits(cell: int | float | Decimal | str, type: pa.DataType) -> bool:
    if isinstance(cell, float):
        return bool(pa.types.is_floating(type))
    return fits(cell, type)


class FoundLines:
    """The codec: lines are taken apart as of declared columns, and each cell is judged."""

    def __init__(self, place: Place) -> None:
        self._types = {c.name: c.type for c in place.columns}
        self._suggested, self._samples = place.suggested, place.samples
        texts = tuple(replace(c, type=pa.string()) for c in place.columns)
        self._lines = Delimited(replace(place, columns=texts))
        self._writer = Delimited(place)

    def decode(self, data: pa.Array, names: Sequence[str]) -> Decoded:
        """See `base.Codec`."""
        data = data if data.type == pa.binary() else data.cast(pa.binary())
        read = self._lines.decode(data, names)
        why: dict[int, str] = {}
        columns = []
        for name, texts in zip(names, read.columns, strict=True):
            column, wrong = _typed(texts, self._types[name], self._suggested[name])
            columns.append(column)
            for row in wrong:
                text = texts[row].as_py()
                why.setdefault(row, unfit(name, text, self._suggested[name], self._samples))
        if not why:
            return replace(read, columns=columns)
        return Decoded(columns, sorted([*read.bad, *why.items()]), sorted(why))

    def learn(
        self, values: pa.Array, names: Sequence[str], found: Decoded, *, whole: bool
    ) -> Learned:
        """See `base.Found`."""
        if not found.misfits:
            return Learned()
        shape = Shape()
        lines = values.take(pa.array(found.misfits, pa.int64())).cast(pa.binary())
        columns = self._lines.decode(lines, names).columns
        for cells in zip(*(column.to_pylist() for column in columns), strict=True):
            there = zip(names, cells, strict=True)
            shape.add({name: cell_of(cell) for name, cell in there if cell is not None})
        return Learned(dict(found.bad)[found.misfits[0]], shape)

    def encode(self, columns: Sequence[pa.Array], gone: pa.Array) -> pa.Array:
        """See `base.Codec`."""
        return self._writer.encode(columns, gone)


def _typed(
    texts: pa.Array, type: pa.DataType, suggested: pa.DataType
) -> tuple[pa.Array, list[int]]:
    """The texts as the column, and the rows that do not fit what was suggested."""
    if pa.types.is_null(suggested):
        return pa.nulls(len(texts), type), np.flatnonzero(np.asarray(texts.is_valid())).tolist()
    if pa.types.is_string(type):
        return texts, []
    plain = texts.is_null()
    if type in _SURELY:
        plain = pc.match_substring_regex(texts, _SURELY[type]).fill_null(True)
    doubtful = np.flatnonzero(~np.asarray(plain)).tolist()
    column = pc.if_else(plain, texts, pa.scalar(None, pa.string())).cast(type)
    if not doubtful:
        return column, []
    cells: list[Any] = column.to_pylist()
    wrong = []
    for row in doubtful:
        cell = cell_of(texts[row].as_py())
        if not _fits(cell, type):
            wrong.append(row)
        else:
            cells[row] = float(cell) if pa.types.is_floating(type) else cell
    return pa.array([_as(type, cell) for cell in cells], type), wrong


def _as(type: pa.DataType, cell: Any) -> Any:
    return Decimal(cell) if pa.types.is_decimal(type) and cell is not None else cell


def open_delimited(place: Place) -> Codec:
    """The codec of lines, declared or found."""
    return FoundLines(place) if place.suggested else Delimited(place)
