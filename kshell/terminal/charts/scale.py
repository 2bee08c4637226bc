"""Where values lie between two ends, and the ticks of an axis: numbers, or moments in ms."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from kshell.terminal.times import Times

__all__ = ["Tick", "moment_ticks", "number_text", "number_ticks", "places"]

Floats = Any  # a numpy array of float64


@dataclass(frozen=True, slots=True)
class Tick:
    """A value on an axis, and its text."""

    value: float
    text: str


def places(values: Floats, low: float, high: float) -> Floats:
    """Where the values lie from `low`, 0, to `high`, 1.  Halves, since a span may overflow.

    >>> places(np.array([-1e308, 1.7e308]), -1e308, 1.7e308).tolist()
    [0.0, 1.0]
    """
    span = high / 2 - low / 2
    return (np.asarray(values) / 2 - low / 2) / (span or 1.0)


_UNITS = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


def number_text(value: float, step: float = 0.0) -> str:
    """A number for an axis, in few characters; with a step, the digits that tell two ticks apart.

    >>> number_text(1_250_000), number_text(0.25), number_text(-3e21), number_text(1200, 50)
    ('1.25M', '0.25', '-3e+21', '1.20k')
    """
    size = abs(value)
    if not size:
        return "0"
    if size >= 1e15 or size < 1e-4:
        digits = _power(size) - _power(step) + 1 if step else 3
        return f"{value:.{min(max(digits, 1), 17)}g}"
    unit, name = next(((u, n) for u, n in _UNITS if size >= u), (1.0, ""))
    if not step:
        return f"{value / unit:.4g}{name}"
    return f"{value / unit:.{max(0, -_power(step / unit))}f}{name}"


def _power(value: float) -> int:
    """The power of ten of its first digit."""
    return math.floor(math.log10(value) + 1e-9)


def number_ticks(low: float, high: float, most: int, least: float = 0.0) -> list[Tick]:
    """At most `most` round numbers between the ends, in order, `least` apart.

    >>> [t.text for t in number_ticks(0, 97, 5)]
    ['0', '20', '40', '60', '80']
    """
    apart = high / max(most, 1) - low / max(most, 1)
    if most < 1 or not apart > 0:
        return [Tick(low, number_text(low))] if most else []
    power = 10.0 ** _power(max(apart, least))
    if not power:
        return []  # of numbers next to zero
    for step in filter(math.isfinite, (power * n for n in (1, 2, 5, 10, 20, 50))):
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        if last - first < most:
            found = [n * step for n in range(first, last + 1)]
            return [Tick(value, number_text(value, step)) for value in found]
    return []


_SECOND, _MINUTE, _HOUR, _DAY = 1_000, 60_000, 3_600_000, 86_400_000
# Milliseconds between two ticks, and how a tick is written.
_STEPS = (
    *((n, "%H:%M:%S.%f") for n in (1, 2, 5, 10, 20, 50, 100, 200, 500)),
    *((n * _SECOND, "%H:%M:%S") for n in (1, 2, 5, 10, 15, 30)),
    *((n * _MINUTE, "%H:%M") for n in (1, 2, 5, 10, 15, 30)),
    *((n * _HOUR, "%H:%M") for n in (1, 2, 3, 6, 12)),
    *((n * _DAY, "%m-%d") for n in (1, 2)),
)  # fmt: skip
# The same in months; between them and days, weeks.
_MONTHS = (
    *((n, "%Y-%m") for n in (1, 2, 3, 6)),
    *((n * 12, "%Y") for n in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)),
)
_WEEK = (7 * _DAY, "%m-%d")
_CALENDAR = (-62_135_596_800_000, 253_402_300_799_000)  # the years 1 to 9999
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def moment_ticks(low: float, high: float, times: Times, room: Callable[[str], int]) -> list[Tick]:
    """Round moments between the ends, or the first moment.

    `room` says how many texts like this one fit.

    >>> minute = 60_000.0
    >>> [t.text for t in moment_ticks(0, 5 * minute, Times.UTC, lambda text: 3)]
    ['00:00', '00:02', '00:04']
    """
    if times is Times.NUMBER or low < _CALENDAR[0] or high > _CALENDAR[1]:
        return number_ticks(low, high, room(str(int(high))))
    offset = _offset(low) if times is Times.LOCAL else 0
    low, high = max(low + offset, _CALENDAR[0]), min(high + offset, _CALENDAR[1])
    for step, pattern in (*_STEPS, _WEEK):
        first, last = math.ceil(low / step), math.floor(high / step)
        if last - first < max(room(_moment(_DAY, pattern)), 1):
            found = [float(n * step) for n in range(first, last + 1)] or [low]
            return [Tick(at - offset, _moment(at, pattern)) for at in found]
    ends = np.array([low, high]).astype("M8[ms]").astype("M8[M]").astype(int).tolist()
    start, end = ends[0] + (_of_month(ends[0]) < low), ends[1]
    for step, pattern in _MONTHS:
        first, last = math.ceil(start / step), end // step
        if last - first < max(room(_moment(_DAY, pattern)), 1):
            found = [float(_of_month(n * step)) for n in range(first, last + 1)] or [low]
            return [Tick(at - offset, _moment(at, pattern)) for at in found]
    return []


def _of_month(number: int) -> int:
    """When a month begins, in ms; it is counted from January 1970."""
    return int(np.datetime64(number, "M").astype("M8[ms]").astype(int))


def _offset(ms: float) -> int:
    """The local offset from UTC in ms; 0 beyond the system's calendar."""
    try:
        return time.localtime(ms / _SECOND).tm_gmtoff * _SECOND
    except (OverflowError, OSError, ValueError):
        return 0


def _moment(ms: float, pattern: str) -> str:
    """The moment as text."""
    text = (_EPOCH + timedelta(milliseconds=ms)).strftime(pattern)
    return text[:-3] if pattern.endswith("%f") else text
