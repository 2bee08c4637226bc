"""Whole columns at once, for patterns in which every piece has a fixed width.

`yyyy-MM-dd'T'HH:mm:ss.SSSX` and its like: the digits have known places, so numpy reads and writes
them without a step for each row.  It marks rows that do not fit (another length, a 31st of June, an
offset that is not Z), and the caller does those one by one: the result is the same.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa

from kshell.moments.elements import Element, Fraction, Literal, Number, Text
from kshell.moments.names import texts
from kshell.moments.offsets import Offset
from kshell.moments.pattern import elements_of

__all__ = ["Layout", "Piece", "assembled", "civil_columns", "is_complete", "layout_of"]

_TWO = ("MonthOfYear", "DayOfMonth", "HourOfDay", "MinuteOfHour", "SecondOfMinute")
_CLOCK = ("HourOfDay", "MinuteOfHour", "SecondOfMinute", "NanoOfSecond")
_DATE = {"Year", "MonthOfYear", "DayOfMonth"}
_MOST = {"MonthOfYear": 12, "HourOfDay": 23, "MinuteOfHour": 59, "SecondOfMinute": 59}
_LENGTHS = np.array([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
_ZERO = 48

Ints = np.ndarray[Any, np.dtype[np.int64]]
Bools = np.ndarray[Any, np.dtype[np.bool_]]


@dataclass(frozen=True, slots=True)
class Piece:
    """`width` bytes from `start`: a field's digits, its word, or `literal`."""

    start: int
    width: int
    field: str = ""
    literal: bytes = b""


def _piece(element: Element, start: int) -> Piece | None:
    match element:
        case Literal() if element.text.isascii():
            return Piece(start, len(element.text), "", element.text.encode())
        case Fraction():
            return Piece(start, element.least, "NanoOfSecond")
        case Offset(zero="Z"):
            return Piece(start, 1, "", b"Z")
        case Number(field="Year" | "YearOfEra", least=4):
            return Piece(start, 4, "Year")
        case Number() if element.field in _TWO and element.least == element.most == 2:
            return Piece(start, 2, element.field)
        case Text(field="MonthOfYear", style="short"):
            return Piece(start, 3, "MonthWord")
    return None


@lru_cache(maxsize=256)
def layout_of(pattern: str) -> Layout | None:
    """The pattern's places, or None if a piece has no fixed width.

    >>> layout_of("d.M.yyyy") is None, layout_of("yyyyMMdd").width
    (True, 8)
    """
    pieces: list[Piece] = []
    at, utc = 0, False
    for element in elements_of(pattern):
        piece = _piece(element, at)
        if piece is None:
            return None
        if pieces and pieces[-1].field and piece.literal[:1].isdigit():
            return None  # a digit that may belong to the number before it
        utc = utc or isinstance(element, Offset)
        pieces.append(piece)
        at += piece.width
    fields = [p.field.replace("MonthWord", "MonthOfYear") for p in pieces if p.field]
    if len(set(fields)) < len(fields) or not fields:
        return None
    return Layout(tuple(pieces), at, frozenset(fields), utc)


def _number(digits: np.ndarray[Any, np.dtype[np.uint8]]) -> Ints:
    value = np.zeros(len(digits), np.int64)
    for column in digits.T:
        value = value * 10 + (column.astype(np.int64) - _ZERO)
    return value


def _days_of(year: Ints, month: Ints, day: Ints) -> Ints:
    year = year - (month <= 2)
    era, of_era = np.divmod(year, 400)
    shifted = month + np.where(month > 2, -3, 9)
    of_year = (153 * shifted + 2) // 5 + day - 1
    days = era * 146_097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719_468
    return np.asarray(days, np.int64)


def civil_columns(days: Ints) -> tuple[Ints, Ints, Ints]:
    """(years, months, days of the month) of days since 1970."""
    era, of_era = np.divmod(days + 719_468, 146_097)
    year = (of_era - of_era // 1460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * year + year // 4 - year // 100)
    shifted = (5 * of_year + 2) // 153
    month = np.where(shifted < 10, shifted + 3, shifted - 9)
    return year + era * 400 + (month <= 2), month, of_year - (153 * shifted + 2) // 5 + 1


def is_complete(fields: Collection[str]) -> bool:
    """Whether the fields are exactly a complete date, a time from the hours on, or both."""
    clock = [name in fields for name in _CLOCK]
    date = [name in fields for name in _DATE]
    return clock == sorted(clock, reverse=True) and len(set(date)) == 1 and (clock[0] or date[0])


def assembled(values: Mapping[str, Ints], good: Bools) -> tuple[Ints, Ints]:
    """(days, milliseconds of the day) of fields; sets `good` to false for impossible rows."""
    for name, most in _MOST.items():
        if name in values:
            good &= values[name] <= most
    of_day = np.zeros(len(good), np.int64)
    for name, unit in zip(_CLOCK, (3_600_000, 60_000, 1000), strict=False):
        if name in values:
            of_day += values[name] * unit
    if "NanoOfSecond" in values:
        of_day += values["NanoOfSecond"] // 1_000_000
    if not values.keys() >= _DATE:
        return np.zeros(len(good), np.int64), of_day
    year, month, day = (values[n] for n in ("Year", "MonthOfYear", "DayOfMonth"))
    good &= (year > 0) & (month > 0) & (day > 0)
    leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    good &= day <= _LENGTHS[np.clip(month, 0, 12)] + ((month == 2) & leap)
    return _days_of(year, month, day), of_day


@dataclass(frozen=True, slots=True)
class Layout:
    """A pattern of `width` bytes; `utc` means that it has an offset, which must be Z."""

    pieces: tuple[Piece, ...]
    width: int
    fields: frozenset[str]
    utc: bool

    @property
    def has_time(self) -> bool:
        """Whether it has any part of a time of day."""
        return not self.fields <= _DATE

    def read(self, column: pa.Array) -> tuple[Ints, Ints, Bools]:
        """(days, milliseconds of the day, whether the row was read) of strings without nulls."""
        offsets, data = _buffers(column)
        fits = np.diff(offsets) == self.width
        rows = np.flatnonzero(fits)
        cells = data[offsets[rows][:, None] + np.arange(self.width)]
        good, values = np.ones(len(rows), np.bool_), dict[str, Ints]()
        for piece in self.pieces:
            part = cells[:, piece.start : piece.start + piece.width]
            if piece.literal:
                good &= (part == np.frombuffer(piece.literal, np.uint8)).all(axis=1)
            elif piece.field == "MonthWord":
                values["MonthOfYear"] = _months(part)
            else:
                good &= ((part >= _ZERO) & (part <= _ZERO + 9)).all(axis=1)
                value = _number(part)
                if piece.field == "NanoOfSecond":
                    value = value * 10 ** (9 - piece.width)
                values[piece.field] = value
        days, of_day = assembled(values, good)
        return _spread(days, rows, len(fits)), _spread(of_day, rows, len(fits)), _spread(
            good, rows, len(fits)
        )

    def write(self, days: Ints, of_day: Ints) -> tuple[pa.Array, Bools]:
        """(strings, whether the row could be written) of days and milliseconds of the day."""
        year, month, day = civil_columns(days)
        good = (year > 0) & (year <= 9999)
        values = {
            "Year": year, "MonthOfYear": month, "DayOfMonth": day,
            "HourOfDay": of_day // 3_600_000, "MinuteOfHour": of_day // 60_000 % 60,
            "SecondOfMinute": of_day // 1000 % 60,
            "NanoOfSecond": of_day % 1000 * 1_000_000,
        }  # fmt: skip
        cells = np.empty((len(days), self.width), np.uint8)
        for piece in self.pieces:
            part = cells[:, piece.start : piece.start + piece.width]
            if piece.literal:
                part[:] = np.frombuffer(piece.literal, np.uint8)
            elif piece.field == "MonthWord":
                part[:] = _MONTHS[month]
            else:
                value = values[piece.field]
                if piece.field == "NanoOfSecond":
                    value = value // 10 ** (9 - piece.width)
                for place in range(piece.width - 1, -1, -1):
                    value, digit = np.divmod(value, 10)
                    part[:, place] = digit + _ZERO
        offsets = np.arange(len(days) + 1, dtype=np.int32) * self.width
        buffers = [None, pa.py_buffer(offsets.tobytes()), pa.py_buffer(cells.tobytes())]
        return pa.Array.from_buffers(pa.string(), len(days), buffers), good


def _words() -> Iterator[bytes]:
    yield b"???"
    yield from (word.encode() for _, word in sorted(texts("MonthOfYear", "short")[0].items()))


_MONTHS = np.array([list(word) for word in _words()], np.uint8)


def _months(part: np.ndarray[Any, np.dtype[np.uint8]]) -> Ints:
    """Month numbers of three letters in any case; 0 for none."""
    lower = part | 0x20
    month = np.zeros(len(part), np.int64)
    for number in range(1, 13):
        month[(lower == (_MONTHS[number] | 0x20)).all(axis=1)] = number
    return month


def _buffers(column: pa.Array) -> tuple[Ints, np.ndarray[Any, np.dtype[np.uint8]]]:
    _, offsets, data = column.buffers()
    first = column.offset
    ends = np.frombuffer(offsets, np.int32, len(column) + 1, first * 4).astype(np.int64)
    return ends, np.frombuffer(data or b"", np.uint8)


def _spread(values: Any, rows: Ints, count: int) -> Any:
    """The values at their rows among `count`; 0 elsewhere."""
    if len(rows) == count:
        return values
    out = np.zeros(count, values.dtype)
    out[rows] = values
    return out
