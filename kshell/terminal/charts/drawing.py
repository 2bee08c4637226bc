"""Draws charts as lines of text, each a row of (text, style).

The styles are those that `terminal.live_frame` paints.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa

from kshell.terminal.cells import NULL
from kshell.terminal.charts.canvas import QUARTERS, bar, columns, curve
from kshell.terminal.charts.kind import Kind, Plan
from kshell.terminal.charts.points import Bars, Line, Sparks, bars_of, line_of, sparks_of
from kshell.terminal.charts.scale import Tick, moment_ticks, number_text, number_ticks, places
from kshell.terminal.sanitize import clean
from kshell.terminal.times import Times
from kshell.terminal.widths import cut, padded, width_of

__all__ = ["Drawn", "Spans", "caption", "draw"]

Spans = tuple[tuple[str, str], ...]
_LEAST = 8  # columns that a name has at least, where it needs them
_TALLEST = 5  # lines of one key's blocks
_WIDEST = 4  # columns of one window's block
_BETWEEN = 2  # columns between two texts below an axis
_PER_TICK = 3  # lines for one text beside an axis


@dataclass(frozen=True, slots=True)
class Drawn:
    """The lines, remarks on what is not in them, and the bars or keys: how many are above those
    that are shown, how many are shown, and how many are below."""

    lines: tuple[Spans, ...]
    notes: tuple[str, ...] = ()
    start: int = 0
    shown: int = 0
    rest: int = 0


def caption(schema: pa.Schema, plan: Plan) -> str:
    """What is charted, by what.

    >>> schema = pa.schema([("region", pa.string()), ("n", pa.int64())])
    >>> caption(schema, Plan(Kind.BARS, (1,), (0,)))
    'n by region'
    """
    values = ", ".join(clean(schema.field(i).name) for i in plan.values)
    by = [*plan.names, *([] if plan.along is None else [plan.along])]
    named = ", ".join(clean(schema.field(i).name) for i in by)
    return f"{values} by {named}" if named else values


def draw(
    rows: pa.RecordBatch, plan: Plan, times: Times, width: int, height: int, start: int = 0
) -> Drawn:
    """The chart in at most `height` lines of at most `width` columns, from this bar or key on.

    Each column has a chart of its own, one below the other.
    """
    several = len(plan.values) > 1
    room = max(height // len(plan.values) - several, 1)
    lines: list[Spans] = []
    notes: list[str] = []
    made = Drawn(())
    for value in plan.values:
        if several:
            name = clean(rows.schema.field(value).name)
            lines.append(((cut(name, width), "heading"),))
        made = _DRAW[plan.kind](rows, plan, value, times, width, room, start)
        lines += made.lines
        notes += (note for note in made.notes if note not in notes)
    return replace(made, lines=tuple(lines[:height]), notes=tuple(notes))


def _nothing(notes: Sequence[str], width: int) -> Drawn:
    return Drawn((((cut(" no row has a point yet", width), "dim"),),), tuple(notes))


def _name_width(names: Sequence[str], width: int) -> int:
    return min(max(map(width_of, names), default=0), max(_LEAST, width // 3))


def _bars(rows: pa.RecordBatch, plan: Plan, value: int, times: Times, width: int, room: int,
          start: int) -> Drawn:  # fmt: skip
    found: Bars = bars_of(rows, plan, value, times, start, room)
    names, texts, right = _labels(found.names, found.texts, width)
    space = max(width - right - 1, 1)
    lines = []
    for name, text, number in zip(names, texts, found.values.tolist(), strict=True):
        drawn = bar(number, found.low, found.high, space)
        lines.append(((name, ""), text, ("│", "dim"), (drawn, "chart")))
    rest = found.count - found.start - len(lines)
    return Drawn(tuple(lines), tuple(found.notes()), found.start, len(lines), rest)


def _labels(
    names: Sequence[str], texts: Sequence[str | None], width: int
) -> tuple[list[str], list[tuple[str, str]], int]:
    """The names, the values beside them, and the columns that both take."""
    most = max(width // 2 - 2, 1)
    size = min(max((width_of(NULL if t is None else t) for t in texts), default=0), most)
    named = min(_name_width(names, width), max(width - size - 5, 1))  # the axis, a block
    left = [f" {padded(cut(name, named), named, False)} " for name in names]
    values = [
        (padded(cut(NULL if t is None else t, size), size, True) + " ", "null" if t is None else "")
        for t in texts
    ]
    return left, values, named + size + 3


def _line(rows: pa.RecordBatch, plan: Plan, value: int, times: Times, width: int, room: int,
          start: int) -> Drawn:  # fmt: skip
    # The width of the canvas depends on the texts beside it, which depend on the ends alone.
    ends = line_of(rows, plan, value, 1)
    if not ends.rows:
        return _nothing(ends.notes(), width)
    bottom, top = _range(float(ends.low[0]), float(ends.high[0]))
    lines = max(room - 2, 1)
    beside = number_ticks(bottom, top, max(lines // _PER_TICK, 2))
    left = min(max((width_of(tick.text) for tick in beside), default=0), max(width - 6, 1))
    space = max(width - left - 3, 1)
    found: Line = line_of(rows, plan, value, space * QUARTERS)
    marks = {
        round((1 - float(places(tick.value, bottom, top))) * (lines - 1)): tick.text
        for tick in beside
    }  # fmt: skip
    drawn: list[Spans] = []
    for n, text in enumerate(curve(found.low, found.high, bottom, top, lines)):
        mark = f" {padded(cut(marks.get(n, ''), left), left, True)} {'┤' if n in marks else '│'}"
        drawn.append(((mark, "dim"), (text, "chart")))
    if room > 1:
        drawn.append(((" " * (left + 2) + "└" + "─" * space, "dim"),))
    if room > 2:
        below = _below(found, times, space)
        drawn.append(((" " * (left + 3) + below, "dim"),))
    return Drawn(tuple(drawn), tuple(found.notes()))


def _range(low: float, high: float) -> tuple[float, float]:
    """The ends of an axis: not the same number."""
    if low < high:
        return low, high
    return (min(low, 0.0), max(high, 0.0)) if low else (0.0, 1.0)


def _below(found: Line, times: Times, width: int) -> str:
    """The texts below an axis of `width` columns, each under its place."""
    first, last = found.first, found.last

    def room(text: str) -> int:
        return width // (width_of(text) + _BETWEEN)

    if found.moment:
        ticks = moment_ticks(first, last, times, room)
    else:
        ticks = number_ticks(first, last, room("-123.4k"), found.least)
    return _placed(ticks, lambda tick: float(places(tick.value, first, last)), width)


def _placed(ticks: Sequence[Tick], place: Callable[[Tick], float], width: int) -> str:
    """Texts under their places, without those that would touch the one before."""
    spans = []
    for tick in ticks:
        size = width_of(tick.text)
        middle = round(place(tick) * (width - 1)) - size // 2
        spans.append((min(max(middle, 0), width - size), tick.text))
    if len(spans) > 1 and spans[1][0] < spans[0][0] + len(spans[0][1]) + _BETWEEN:
        del spans[0]  # it was moved to the right
    line = ""
    for at, text in spans:
        if at >= (len(line) + _BETWEEN if line else 0):
            line = line.ljust(at) + text
    return line


def _sparks(rows: pa.RecordBatch, plan: Plan, value: int, times: Times, width: int, room: int,
            start: int) -> Drawn:  # fmt: skip
    keys = max(room - 1, 1)  # the last line is the axis
    found: Sparks = sparks_of(rows, plan, value, times, start, keys, width)
    if not found.count:
        return _nothing(found.notes(), width)
    names, texts, left = _labels(found.names, found.texts, width)
    space = max(width - left - 1, 1)
    found = found.newest(space)
    moments = found.moments
    wide = max(min(space // max(len(moments), 1), _WIDEST), 1)
    tall = max(min(keys // len(names), _TALLEST), 1)
    apart = tall > 1  # a line is free between two keys
    lines: list[Spans] = []
    for name, text, numbers in zip(names, texts, found.grid, strict=True):
        blocks_of = columns(numbers, found.low, found.high, tall - apart, wide)
        for n, blocks in enumerate(blocks_of):
            last = n == tall - apart - 1
            head = ((name, ""), text) if last else ((" " * left, ""),)
            lines.append((*head, ("│", "dim"), (blocks, "chart")))
        if apart:
            lines.append(())
    if apart:
        del lines[-1]
    if room > 1 and len(moments):
        axis = _windows(moments.tolist(), times, wide, space)
        scale = cut(f" █ {number_text(found.high)}", left)
        lines.append(((padded(scale, left + 1, False) + axis, "dim"),))
    rest = found.count - found.start - len(names)
    return Drawn(tuple(lines), tuple(found.notes()), found.start, len(names), rest)


def _windows(moments: Sequence[float], times: Times, wide: int, room: int) -> str:
    """The texts below the blocks: each begins where its window does."""
    width = len(moments) * wide
    first, last = moments[0], moments[-1]
    ticks = moment_ticks(first, last, times, lambda text: width // (width_of(text) + _BETWEEN))
    line = ""
    for tick in ticks:
        at = min(range(len(moments)), key=lambda n: abs(moments[n] - tick.value)) * wide
        fits = at + width_of(tick.text) <= room
        if fits and at >= (len(line) + _BETWEEN if line else 0):
            line = line.ljust(at) + tick.text
    return line


_DRAW: dict[Kind, Callable[..., Drawn]] = {
    Kind.BARS: _bars, Kind.LINE: _line, Kind.SPARKS: _sparks,
}  # fmt: skip
