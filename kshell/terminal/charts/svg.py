"""Draws charts as an SVG picture: the same points as on the terminal, and more of them.

`chart_command` writes it to a file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

import numpy as np
import pyarrow as pa

from kshell.terminal.cells import NULL
from kshell.terminal.charts.kind import Kind, Plan
from kshell.terminal.charts.points import bars_of, line_of, sparks_of
from kshell.terminal.charts.scale import Tick, moment_ticks, number_text, number_ticks, places
from kshell.terminal.sanitize import clean
from kshell.terminal.times import Times
from kshell.terminal.widths import cut, width_of

__all__ = ["Picture", "svg"]

_BARS, _KEYS, _WINDOWS = 100, 50, 300  # that a picture has at most
_WIDTH, _MARGIN = 900, 16
_TITLE, _BAR, _KEY, _LINE, _AXIS = 34, 22, 40, 320, 26  # heights
_LETTER = 7.6  # the width of a letter, about
_NAME = 36  # letters of a name
_INK, _FAINT, _RULE = "#0b7285", "#868e96", "#ced4da"
_STEPS = 700  # of a line
_NOT_XML = str.maketrans(dict.fromkeys("\ufffe\uffff", "\ufffd"))


@dataclass(frozen=True, slots=True)
class _Part:
    """A drawing and its height; remarks, and how many bars or keys it has, and has not."""

    shapes: list[str]
    height: float
    notes: list[str]
    shown: int = 0
    rest: int = 0


@dataclass(frozen=True, slots=True)
class Picture:
    """The text of the file; remarks, and how many bars or keys it has, and has not."""

    text: str
    notes: tuple[str, ...]
    shown: int
    rest: int


def svg(rows: pa.RecordBatch, plan: Plan, times: Times, title: str) -> Picture:
    """A chart for each column, one below the other."""
    notes: dict[str, None] = {}
    part = _Part([], 0, [])
    top = _TITLE + _MARGIN
    shapes = [_text(_MARGIN, _MARGIN + 14, title, size=16, weight="bold")]
    for value in plan.values:
        if len(plan.values) > 1:
            name = clean(rows.schema.field(value).name)
            shapes.append(_text(_MARGIN, top + 14, name, weight="bold"))
            top += _TITLE
        part = _DRAW[plan.kind](rows, plan, value, times)
        shapes += [f'<g transform="translate(0 {top})">', *part.shapes, "</g>"]
        top += round(part.height) + _MARGIN
        notes.update(dict.fromkeys(part.notes))
    size = f'width="{_WIDTH}" height="{top}" viewBox="0 0 {_WIDTH} {top}"'
    style = 'font-family="system-ui, sans-serif" font-size="13" fill="#212529"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} {style}>'
    ground = f'<rect width="{_WIDTH}" height="{top}" fill="#ffffff"/>'
    text = "\n".join([head, ground, *shapes, "</svg>", ""])
    return Picture(text, tuple(notes), part.shown, part.rest)


def _text(x: float, y: float, text: str, **more: object) -> str:
    names = {"anchor": "text-anchor", "size": "font-size", "weight": "font-weight"}
    given = "".join(f' {names.get(k, k)}="{v}"' for k, v in more.items())
    return f'<text x="{x:.1f}" y="{y:.1f}"{given}>{escape(text.translate(_NOT_XML))}</text>'


def _rule(x: float, y: float, x2: float, y2: float) -> str:
    return f'<path d="M{x:.1f} {y:.1f}L{x2:.1f} {y2:.1f}" stroke="{_RULE}"/>'


def _block(x: float, y: float, width: float, height: float) -> str:
    size = f'width="{max(width, 0.5):.1f}" height="{height:.1f}"'
    return f'<rect x="{x:.1f}" y="{y:.1f}" {size} fill="{_INK}"/>'


def _labels(
    names: Sequence[str], texts: Sequence[str | None], height: float
) -> tuple[list[str], float]:
    """The names with their values at their right, and where what they name begins."""
    shown = [cut(name, _NAME) for name in names]
    values = [NULL if text is None else cut(text, _NAME) for text in texts]
    named = _MARGIN + _LETTER * max(map(width_of, shown), default=0) + 10
    right = named + _LETTER * max(map(width_of, values), default=0)
    shapes = []
    for n, (name, text) in enumerate(zip(shown, values, strict=True)):
        y = (n + 0.5) * height + 5
        shapes += [_text(_MARGIN, y, name), _text(right, y, text, anchor="end", fill=_FAINT)]
    return shapes, right + 10


def _bars(rows: pa.RecordBatch, plan: Plan, value: int, times: Times) -> _Part:
    found = bars_of(rows, plan, value, times, 0, _BARS)
    shapes, left = _labels(found.names, found.texts, _BAR)
    low, high = min(found.low, 0.0), max(found.high, 0.0)
    room = _WIDTH - _MARGIN - left
    zero = left + float(places(np.array(0.0), low, high)) * room
    for n, at in enumerate((left + places(found.values, low, high) * room).tolist()):
        if at == at:
            shapes.append(_block(min(at, zero), n * _BAR + 3, abs(at - zero), _BAR - 6))
    height, shown = len(found.names) * _BAR, len(found.names)
    shapes.append(_rule(zero, 0, zero, height))
    return _Part(shapes, height, found.notes(), shown, found.count - shown)


def _sparks(rows: pa.RecordBatch, plan: Plan, value: int, times: Times) -> _Part:
    found = sparks_of(rows, plan, value, times, 0, _KEYS, _WINDOWS)
    shapes, left = _labels(found.names, found.texts, _KEY)
    low, high = min(found.low, 0.0), max(found.high, 0.0)
    wide = (_WIDTH - _MARGIN - left) / max(len(found.moments), 1)
    for n, shares in enumerate(places(found.grid, low, high).tolist()):
        bottom = (n + 1) * _KEY - 4
        for slot, share in enumerate(shares):
            if share == share:
                tall = max(share * (_KEY - 8), 1.0)
                shapes.append(_block(left + slot * wide, bottom - tall, wide - 0.5, tall))
        shapes.append(_rule(left, bottom, _WIDTH - _MARGIN, bottom))
    height = len(found.names) * _KEY
    if len(found.moments):
        first, last = found.moments[0], found.moments[-1]
        ticks = moment_ticks(first, last, times, lambda t: _fitting(t, _WIDTH - left))
        end = left + wide * (len(found.moments) - 1)
        shapes += _axis(ticks, first, last, left, end, height, wide / 2)
        shapes.append(_text(_MARGIN, height + 18, f"0 – {number_text(high)}", fill=_FAINT))
    shown = len(found.names)
    return _Part(shapes, height + _AXIS, found.notes(), shown, found.count - shown)


def _fitting(text: str, width: float) -> int:
    """How many such texts fit beside each other."""
    return int(width / (_LETTER * (width_of(text) + 3)))


def _axis(ticks: Iterable[Tick], first: float, last: float, left: float, right: float, y: float,
          offset: float = 0.0) -> list[str]:  # fmt: skip
    shapes = []
    for tick in ticks:
        x = left + float(places(np.array(tick.value), first, last)) * (right - left) + offset
        shapes += [_rule(x, y, x, y + 5), _text(x, y + 18, tick.text, anchor="middle", fill=_FAINT)]
    return shapes


def _line(rows: pa.RecordBatch, plan: Plan, value: int, times: Times) -> _Part:
    found = line_of(rows, plan, value, _STEPS)
    if not found.rows:
        return _Part([_text(_MARGIN, 14, "no row has a point", fill=_FAINT)], _AXIS, found.notes())
    low, high = float(np.nanmin(found.low)), float(np.nanmax(found.high))
    if low == high:
        low, high = (min(low, 0.0), max(high, 0.0)) if low else (0.0, 1.0)
    beside = number_ticks(low, high, 6)
    left = 2 * _MARGIN + _LETTER * max((width_of(t.text) for t in beside), default=0)
    right = _WIDTH - 2 * _MARGIN
    shapes = []
    for tick in beside:
        y = (1 - float(places(np.array(tick.value), low, high))) * _LINE
        shapes += [_rule(left, y, right, y),
                   _text(left - 8, y + 4, tick.text, anchor="end", fill=_FAINT)]  # fmt: skip
    points: list[tuple[float, float]] = []
    across = left + np.arange(_STEPS) / (_STEPS - 1) * (right - left)
    ends = zip(
        across.tolist(), ((1 - places(found.low, low, high)) * _LINE).tolist(),
        ((1 - places(found.high, low, high)) * _LINE).tolist(), strict=True,
    )  # fmt: skip
    for x, one, other in ends:
        if one != one:
            continue
        if points and abs(points[-1][1] - other) < abs(points[-1][1] - one):
            one, other = other, one  # the nearer end first
        points += [(x, one)] if one == other else [(x, one), (x, other)]
    if len(points) == 1:
        ((x, y),) = points
        shapes.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{_INK}"/>')
    else:
        drawn = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        shapes.append(
            f'<polyline points="{drawn}" fill="none" stroke="{_INK}" stroke-width="1.5"/>'
        )
    room = right - left
    if found.moment:
        ticks = moment_ticks(found.first, found.last, times, lambda text: _fitting(text, room))
    else:
        ticks = number_ticks(found.first, found.last, _fitting("-123.4k", room), found.least)
    shapes.append(_rule(left, _LINE, right, _LINE))
    shapes += _axis(ticks, found.first, found.last, left, right, _LINE)
    return _Part(shapes, _LINE + _AXIS, found.notes())


_DRAW: dict[Kind, Callable[[pa.RecordBatch, Plan, int, Times], _Part]] = {
    Kind.BARS: _bars, Kind.LINE: _line, Kind.SPARKS: _sparks,
}  # fmt: skip
