"""Columns of a file in the types that COPY writes; a cell that does not fit makes its row bad.

`file_blocks` calls it.  Texts are CSV's: an empty cell is NULL there, times are ISO's, bytes are
base64, and what is nested is JSON.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from kshell.catalog.model import Column, FormatSpec
from kshell.types import ksql_name

__all__ = ["Bad", "fitted", "inferred", "of_texts"]

Bad = list[tuple[int, str]]  # (row, why)
_INTEGER = r"^-?(0|[1-9][0-9]*)$"
_MANY_DIGITS = r"^-?[0-9]{16,}$"  # a whole number of which DOUBLE may lose some
_DOUBLE = r"^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$"


def inferred(column: pa.Array) -> pa.DataType:
    """The narrowest type that holds all texts, and every digit of whole numbers: BIGINT, DOUBLE,
    BOOLEAN, else STRING.

    >>> [str(inferred(pa.array(texts))) for texts in (["1", None], ["007"], ["1", "2.5"])]
    ['int64', 'string', 'double']
    >>> [str(inferred(pa.array(["1", text]))) for text in (str(2**63 - 1), str(2**63), "1e20")]
    ['int64', 'string', 'double']
    """
    if column.null_count == len(column):
        return pa.string()

    def fits(pattern: str) -> bool:
        return bool(pc.all(pc.match_substring_regex(column, pattern)).as_py())

    if fits(_INTEGER):
        with contextlib.suppress(pa.ArrowInvalid):
            column.cast(pa.int64())
            return pa.int64()
        return pa.string()
    if fits(_DOUBLE) and not pc.any(pc.match_substring_regex(column, _MANY_DIGITS)).as_py():
        return pa.float64()
    return pa.bool_() if fits("^(true|false)$") else pa.string()


def fitted(column: pa.Array, wanted: Column) -> tuple[pa.Array, Bad]:
    """A typed column as another type.

    >>> fitted(pa.array([1, 3_000_000_000]), Column("n", pa.int32()))[1][0][0]
    1
    """
    return _cast(column, wanted, lambda part: part.cast(wanted.type))


def of_texts(column: pa.Array, wanted: Column) -> tuple[pa.Array, Bad]:
    """A column of bytes, each of which is the text of a cell."""
    type = wanted.type
    if pa.types.is_nested(type):
        return _nested(column, wanted)
    if pa.types.is_binary(type):
        return _bytes(column, wanted)
    texts, bad = _cast(column, Column(wanted.name, pa.string()), lambda p: p.cast(pa.string()))
    if type == pa.string():
        return texts, bad
    made, worse = _cast(texts, wanted, lambda part: _of(part, type))
    return made, bad + worse


def _of(texts: pa.Array, type: pa.DataType) -> pa.Array:
    if pa.types.is_timestamp(type):
        return texts.cast(pa.timestamp("ms", "UTC") if _zoned(texts) else type).cast(type)
    if pa.types.is_time(type):
        moments = pc.binary_join_element_wise("1970-01-01T", texts, "").cast(pa.timestamp("ms"))
        return moments.cast(type)
    return texts.cast(type)


def _zoned(texts: pa.Array) -> bool:
    return pc.all(pc.match_substring_regex(texts, "(Z|[+-]..:?..)$")).as_py() is True


def _cast(
    column: pa.Array, wanted: Column, cast: Callable[[pa.Array], pa.Array]
) -> tuple[pa.Array, Bad]:
    """What `cast` makes of the column; rows of which it makes nothing are found by halving."""
    bad: Bad = []

    def of(begin: int, count: int) -> list[pa.Array]:
        try:
            return [cast(column.slice(begin, count))]
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            if count == 1:
                why = (str(error) or "it does not fit").splitlines()[0]
                bad.append((begin, f"column {wanted.name} is no {ksql_name(wanted.type)}: {why}"))
                return [pa.nulls(1, wanted.type)]
        half = count // 2
        return of(begin, half) + of(begin + half, count - half)

    if not len(column):
        return pa.array([], wanted.type), bad
    made = of(0, len(column))
    return made[0] if len(made) == 1 else pa.concat_arrays(made), bad


def _bytes(column: pa.Array, wanted: Column) -> tuple[pa.Array, Bad]:
    cells: list[bytes | None] = []
    bad: Bad = []
    for row, cell in enumerate(column.to_pylist()):
        try:
            cells.append(None if cell is None else base64.b64decode(cell, validate=True))
        except binascii.Error:
            cells.append(None)
            bad.append((row, f"column {wanted.name} is no BYTES: a cell is not base64"))
    return pa.array(cells, pa.binary()), bad


def _nested(column: pa.Array, wanted: Column) -> tuple[pa.Array, Bad]:
    from kshell.formats.base import Half, Place
    from kshell.formats.json_codec import JsonCodec

    place = Place("", Half.VALUE, FormatSpec("JSON"), (wanted,), wrapped=False)
    found: Any = JsonCodec(place).decode(column, [wanted.name])
    return found.columns[0], [(row, f"column {wanted.name}: {why}") for row, why in found.bad]
