"""The points of a chart: Arrow columns as numbers, as many as a drawing has room for.

`drawing` and `svg` draw them.  What has no number (NULL, NaN, an infinity) has no point.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa

from kshell.terminal.cells import NULL, cells_of
from kshell.terminal.charts.kind import Plan, is_axis_time
from kshell.terminal.charts.scale import places
from kshell.terminal.sanitize import clean
from kshell.terminal.times import Times
from kshell.wording import many

__all__ = ["Bars", "Line", "Sparks", "bars_of", "line_of", "sparks_of"]

Floats = Any  # a numpy array of float64; NaN where there is no number
Ints = Any  # a numpy array of int64


@dataclass(frozen=True, slots=True)
class Line:
    """The lowest and highest value in each step along the axis.

    `rows` have a point, `left_out` have none; `moment`: the axis is a time; `least`: how far its
    ticks are apart at least.
    """

    along: str
    moment: bool
    least: float
    first: float
    last: float
    low: Floats
    high: Floats
    rows: int
    left_out: int

    def notes(self) -> list[str]:
        """Remarks on what is not drawn one by one."""
        steps = len(self.low)
        in_steps = f"{many(self.rows, 'row')} in {steps} steps"  # the lowest and highest of each
        return [in_steps] * (self.rows > steps) + _without(self.left_out)


@dataclass(frozen=True, slots=True)
class Bars:
    """The bars in view, of `count`; `low` and `high` are of all."""

    names: list[str]
    texts: list[str | None]
    values: Floats
    low: float
    high: float
    start: int
    count: int
    left_out: int

    def notes(self) -> list[str]:
        """Remarks on what is not drawn."""
        return _without(self.left_out)


@dataclass(frozen=True, slots=True)
class Sparks:
    """The keys in view, of `count`, and a column of `grid` for each moment: the newest windows.

    `texts` are the values of each key's newest window; `windows` counts all windows.
    """

    names: list[str]
    texts: list[str | None]
    grid: Floats
    moments: Floats
    low: float
    high: float
    start: int
    count: int
    windows: int
    left_out: int

    def newest(self, slots: int) -> Sparks:
        """The same with at most so many windows."""
        return replace(self, grid=self.grid[:, -slots:], moments=self.moments[-slots:])

    def notes(self) -> list[str]:
        """Remarks on what is not drawn."""
        slots = len(self.moments)
        newest = f"the newest {slots:,} of {many(self.windows, 'window')}"
        return [newest] * (self.windows > slots) + _without(self.left_out)


def _without(count: int) -> list[str]:
    return [f"{many(count, 'row')} without a number"] if count else []


def bars_of(rows: pa.RecordBatch, plan: Plan, value: int, times: Times, start: int,
            room: int) -> Bars:  # fmt: skip
    """The bars of the rows from `start`, at most `room`."""
    values = _numbers(rows.column(value))
    start = min(start, max(len(values) - room, 0))
    shown = rows.slice(start, room)
    low, high = _ends(values)
    return Bars(
        _names(shown, plan, times), _texts(shown, value, times), values[start : start + room],
        low, high, start, len(values), int(np.isnan(values).sum()),
    )  # fmt: skip


def line_of(rows: pa.RecordBatch, plan: Plan, value: int, steps: int) -> Line:
    """The line of a column, in so many steps."""
    values = _numbers(rows.column(value))
    if plan.along is None:
        along, name, moment = np.arange(1.0, len(values) + 1), "rows", False
        least = 1.0  # there is no half of a row
    else:
        field = rows.schema.field(plan.along)
        name, moment, least = clean(field.name), is_axis_time(field), 0.0
        column = rows.column(plan.along)
        along = _moments(column, field) if moment else _numbers(column)
    there = ~(np.isnan(values) | np.isnan(along))
    left_out = int(len(there) - there.sum())
    values, along = values[there], along[there]
    low = np.full(steps, np.inf)
    high = np.full(steps, -np.inf)
    first, last = _ends(along)
    if len(values):
        step = np.rint(places(along, first, last) * (steps - 1)).astype(np.int64)
        np.minimum.at(low, step, values)
        np.maximum.at(high, step, values)
    low[np.isinf(low)] = high[np.isinf(high)] = np.nan
    return Line(name, moment, least, first, last, low, high, len(values), left_out)


def sparks_of(rows: pa.RecordBatch, plan: Plan, value: int, times: Times, start: int,
              room: int, slots: int) -> Sparks:  # fmt: skip
    """The keys from `start`, at most `room`, and at most `slots` windows, the newest."""
    assert plan.along is not None
    field = rows.schema.field(plan.along)
    values, along = _numbers(rows.column(value)), _moments(rows.column(plan.along), field)
    key, first_rows = _groups(rows, plan.names)
    count = len(first_rows)
    start = min(start, max(count - room, 0))
    shown = first_rows[start : start + room]
    every = np.unique(along[~np.isnan(along)])
    moments = _regular(every, slots)
    grid = np.full((len(shown), len(moments)), np.nan)
    newest = np.full(len(shown), -1, np.int64)
    here = np.flatnonzero((key >= start) & (key < start + len(shown)) & ~np.isnan(along))
    here = here[np.argsort(along[here], kind="stable")]
    newest[key[here] - start] = here
    place = np.searchsorted(moments, along[here])
    fits = place < len(moments)
    fits[fits] = moments[place[fits]] == along[here][fits]
    grid[key[here][fits] - start, place[fits]] = values[here][fits]
    low, high = _ends(values)
    texts = _texts(rows.take(pa.array(np.maximum(newest, 0))), value, times)
    texts = [text if n >= 0 else "" for text, n in zip(texts, newest.tolist(), strict=True)]
    return Sparks(
        _names(rows.take(pa.array(shown)), plan, times), texts, grid, moments, low, high,
        start, count, len(every), int((np.isnan(values) | np.isnan(along)).sum()),
    )  # fmt: skip


def _regular(every: Floats, slots: int) -> Floats:
    """The newest moments; where they come at equal distances, also those that no row has."""
    if len(every) < 3:
        return every[-slots:]
    step = np.diff(every).min()
    gaps = np.rint((every[-1] - every) / step)
    if gaps[0] >= 4 * len(every) or not np.array_equal(every[-1] - gaps * step, every):
        return every[-slots:]  # sessions begin at any time
    size = min(int(gaps[0]) + 1, slots)
    return every[-1] - np.arange(size - 1, -1, -1) * step


def _numbers(column: pa.Array) -> Floats:
    """The column as float64; NaN for NULL and for what is not finite."""
    values = np.array(column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False))
    values[~np.isfinite(values)] = np.nan
    return values


_MS = {"s": 1e3, "ms": 1.0, "us": 1e-3, "ns": 1e-6}
_NONE = -1.0  # the timestamp of a record that has none


def _moments(column: pa.Array, field: pa.Field) -> Floats:
    """Moments as milliseconds since 1970."""
    type, factor = column.type, 1.0
    if pa.types.is_timestamp(type):
        factor = _MS[type.unit]
    elif pa.types.is_date32(type):
        factor, column = 86_400_000.0, column.cast(pa.int32())
    if not pa.types.is_int32(column.type):
        column = column.cast(pa.int64())
    values = _numbers(column)
    if pa.types.is_int64(type):
        values[values == _NONE] = np.nan
    return values * factor


def _ends(values: Floats) -> tuple[float, float]:
    """The lowest and the highest number; 0 if there is none."""
    found = values[~np.isnan(values)]
    return (float(found.min()), float(found.max())) if len(found) else (0.0, 0.0)


def _texts(rows: pa.RecordBatch, column: int, times: Times) -> list[str | None]:
    return cells_of(rows.column(column), rows.schema.field(column), times).texts


def _names(rows: pa.RecordBatch, plan: Plan, times: Times) -> list[str]:
    """What names each row, as clean text."""
    parts = (
        [NULL if text is None else text for text in _texts(rows, i, times)] for i in plan.names
    )
    return [" · ".join(texts) for texts in zip(*parts, strict=True)]


def _groups(rows: pa.RecordBatch, columns: tuple[int, ...]) -> tuple[Ints, Ints]:
    """The number of each row's key, and the first row of each key, in the order of appearance."""
    codes = np.zeros(rows.num_rows, np.int64)
    for i in columns:
        column = rows.column(i)
        if pa.types.is_nested(column.type):
            column = pa.array(_texts(rows, i, Times.NUMBER), pa.string())
        encoded = column.dictionary_encode(null_encoding="encode")
        _, codes = np.unique(
            codes * max(len(encoded.dictionary), 1) + np.asarray(encoded.indices),
            return_inverse=True,
        )
    _, first, inverse = np.unique(codes, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    return rank[inverse], first[order]
