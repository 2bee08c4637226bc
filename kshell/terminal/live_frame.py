"""Draws the live view: a frame is a list of lines, each a row of (text, style).

`live` hands it the view and the query's figures.  Nothing here reads a clock or a terminal.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from kshell.results import LiveStats
from kshell.terminal import themes
from kshell.terminal.board import Mode, Row
from kshell.terminal.cells import NULL
from kshell.terminal.live_chart import chart_of
from kshell.terminal.live_detail import help_lines, row_lines, title
from kshell.terminal.live_footer import figures, footer
from kshell.terminal.live_view import Focus, Open, View, Window
from kshell.terminal.live_waiting import waiting
from kshell.terminal.sanitize import clean
from kshell.terminal.widths import (
    begin_of,
    cut,
    end_of,
    fitting,
    layout,
    needed,
    padded,
    width_of,
    wrapped,
)
from kshell.wording import many

__all__ = ["Frame", "Kept", "Line", "Scene", "frame", "kept", "painted", "scene", "standing_out"]

Line = tuple[tuple[str, str], ...]

_HINTS = {
    Focus.ALONE: ("Space pause · ? keys · q stop", "? keys · q stop", "q stop"),
    Focus.HERE: ("Tab other · ? keys · q leave", "? keys · q leave", "q leave"),
    Focus.ELSEWHERE: ("",),
}
_TYPING = "Enter keep · Esc clear"
_NAMING = "Enter write · Esc not"
_OPENED = ("↑↓ scroll · q close", "q close")
_CHARTED = ("←→ column · c close", "c close")
_OVER = {"ended": ("✓ ended", "dim"), "failed": ("✗ failed", "gone")}
_SIGN = 3  # columns that a change's sign takes
_NARROW = 24  # columns: less does not hold every line's parts

# Of each style the codes with colours, and without.
_STYLES = {
    "": ("", ""),
    "bold": ("1", "1"),
    "live": ("1;32", "1"),
    "paused": ("1;33", "1"),
    "heading": ("", "1"),
    "at": ("4;", "1;4"),  # the heading of the cursor's column
    "dim": ("2", "2"),
    "null": ("2;3", "2"),
    "lit": ("1;32", "1"),
    "row": ("", "4"),
    "cell": ("7", "7"),
    "bar": ("", "7"),
    "focus": ("1;7", "1;7"),
    "chart": ("", ""),
    "alarm": ("30;43", "7"),
    "outage": ("97;41", "7"),
    "new": ("32", ""),
    "old": ("2", "2"),
    "gone": ("31", ""),
}
_THEMED = {"bar": themes.bar, "row": themes.bar, "heading": themes.heading, "at": themes.heading,
           "chart": themes.chart}  # fmt: skip
_SIGNS = {"+I": "new", "+U": "new", "-U": "old", "-D": "gone"}


@dataclass(frozen=True, slots=True)
class Frame:
    """The lines, and what the view keeps of how they were laid out."""

    lines: tuple[Line, ...]
    page: int  # lines for rows
    first_column: int = 0
    widths: tuple[int, ...] = ()
    rows: tuple[Row, ...] = ()
    below: int = 0  # lines of what is open that are above the screen


def painted(line: Line, colour: bool) -> str:
    """The line for a terminal.

    >>> painted((("a", "bold"), ("b", "")), True)
    '\\x1b[1ma\\x1b[0mb'
    """
    out = []
    for text, style in line:
        codes = _STYLES[style][not colour]
        if colour and style in _THEMED:
            codes += _THEMED[style]()
        out.append(f"\x1b[{codes}m{text}\x1b[0m" if codes and text else text)
    return "".join(out)


def standing_out(line: Line, width: int) -> Line:
    """The first line of the view that gets the keys, beside another one."""
    text = "".join(text for text, _ in line)
    return ((text + " " * max(width - width_of(text), 0), "focus"),)


@dataclass(frozen=True, slots=True)
class _Layed:
    """The columns in view, their widths, and what all columns need."""

    shown: tuple[int, ...]
    widths: tuple[int, ...]
    needs: tuple[int, ...]

    @property
    def first(self) -> int:
        return self.shown[0] if self.shown else 0


@dataclass(frozen=True, slots=True)
class Scene:
    """The rows in view, the lines above them, and how many lines there are for rows."""

    window: Window
    head: tuple[Line, ...]
    layed: _Layed
    page: int


def scene(view: View, width: int, height: int) -> Scene:
    """The rows and columns that fit."""

    def with_rows(count: int) -> Scene:
        window = view.window(count)
        head, layed = _columns(view, width, window.rows)
        return Scene(window, tuple(head), layed, max(height - 2 - len(head), 0))

    room = max(height - 2 - len(_columns(view, width, ())[0]), 0)
    made = with_rows(room)
    while made.page < room:  # wide cells made the headings higher
        room = made.page
        made = with_rows(room)
    if made.page > room:  # or lower
        more = with_rows(made.page)
        made = more if more.page >= made.page else made
    return made


def frame(
    view: View, scene: Scene, stats: LiveStats, title: str, width: int, height: int
) -> Frame:
    """At most `height` lines, none of them wider than `width`."""
    if view.open is Open.CHART:
        return _charted(view, stats, width, height)
    if view.open is not Open.NOTHING:
        return _opened(view, stats, width, height)
    layed, rows, page = scene.layed, scene.window.rows, scene.page
    body = _body(view, layed, rows) if rows else _waiting(view, stats, title, width)[:page]
    body += [()] * (page - len(body))
    bar = _bar(view, stats, scene.window, width)
    lines = (_title(view, title, layed, width), *scene.head, *body)[: max(height - 1, 0)]
    lines = (*lines, bar)
    if width < _NARROW:
        lines = tuple(_fit(line, width) for line in lines)
    return Frame(lines, page, layed.first, layed.needs, rows)


@dataclass(frozen=True, slots=True)
class Kept:
    """The rows that stay on the main screen, how many columns they have, and if one was cut."""

    lines: tuple[Line, ...]
    columns: int
    cut: bool


def kept(view: View, width: int, rows: Sequence[Row]) -> Kept:
    """The headings and these rows, as the last frame has them."""
    head, layed = _columns(view, width, rows)
    sizes = dict(zip(layed.shown, layed.widths, strict=True))
    was_cut = any(_width(row, i) > size for row in rows for i, size in sizes.items())
    return Kept((*head, *_body(view, layed, rows)), len(sizes), was_cut)


def _columns(view: View, width: int, rows: Sequence[Row]) -> tuple[list[Line], _Layed]:
    """The columns in view and the lines above the rows; the cursor's column is in view."""
    board = view.board
    names = [clean(name) for name in board.schema.names]
    before = view.widths or (0,) * len(names)
    # A column never gets narrower: a table that moves all the time is hard to read.
    needs = tuple(
        max(before[i], needed(width_of(name), max((_width(row, i) for row in rows), default=0)))
        for i, name in enumerate(names)
    )
    if not names:
        return [], _Layed((), (), ())
    margin = _SIGN if view.mode is Mode.CHANGELOG else 0
    room = max(width - margin, 1)
    first = min(view.first_column, view.column)

    def fits(first: int) -> int:
        rigid = frozenset(i - first for i in board.rigid if i >= first)
        return fitting(needs[first:], room, rigid)

    while view.column >= first + fits(first):
        first += 1
    while first and first - 1 + fits(first - 1) == len(names):
        first -= 1  # the last columns leave room for one more
    shown = tuple(range(first, first + fits(first)))
    rigid = frozenset(i - first for i in board.rigid if i in shown)
    widths = layout([needs[i] for i in shown], room, rigid).widths
    layed = _Layed(shown, widths, needs)
    headings = [wrapped(names[i], size) for i, size in zip(shown, widths, strict=True)]
    lines: list[Line] = []
    for n in range(max(map(len, headings))):
        cells = [
            (padded(h[n] if n < len(h) else "", size, i in board.right), _heading_style(view, i))
            for i, size, h in zip(shown, widths, headings, strict=True)
        ]
        lines.append(_joined(cells, " " * margin, "dim"))
    rule = "─" * margin + "─" + "─┼─".join("─" * size for size in widths) + "─"
    return [_fit(line, width) for line in (*lines, ((rule, "dim"),))], layed


def _heading_style(view: View, column: int) -> str:
    return "at" if column == view.column else "heading"


def _width(row: Row, column: int) -> int:
    text = row.texts[column]
    return len(NULL) if text is None else width_of(text)


def _body(view: View, layed: _Layed, rows: Iterable[Row]) -> list[Line]:
    lines = []
    for row in rows:
        at = row.id == view.cursor
        cells = []
        for i, size in zip(layed.shown, layed.widths, strict=True):
            text = row.texts[i]
            if at:
                style = "cell" if i == view.column else "row"
            elif text is None:
                style = "null"
            else:
                style = "lit" if view.lit(row, i) else ""
            text = NULL if text is None else text
            cells.append((padded(cut(text, size), size, i in view.board.right), style))
        sign = f" {row.op}" if row.op else ""
        lines.append(_joined(cells, sign, _SIGNS.get(row.op, "")))
    return lines


def _waiting(view: View, stats: LiveStats, title: str, width: int) -> list[Line]:
    lines: list[Line] = []
    for text in waiting(view, stats, title):
        parts = wrapped(text, max(width - 4, 1))
        lines += [(), *((("  ", ""), (part, "dim")) for part in parts)]
    return [_fit(line, width) for line in lines]


def _joined(cells: Sequence[tuple[str, str]], margin: str, style: str) -> Line:
    """Cells with bars between them."""
    spans = [(margin, style), (" ", "")]
    for n, cell in enumerate(cells):
        if n:
            spans.append((" │ ", "dim"))
        spans.append(cell)
    return tuple(span for span in spans if span[0])


def _fit(line: Line, width: int) -> Line:
    """No more of the line than fits."""
    spans: list[tuple[str, str]] = []
    for text, style in line:
        size = width_of(text)
        if size > width:
            spans.append((begin_of(text, width), style))
            break
        width -= size
        spans.append((text, style))
    return tuple(spans)


def _title(view: View, title: str, layed: _Layed, width: int) -> Line:
    """The state, the mode, the query's sources; and at the right how many columns are beside."""
    state = _state(view)
    told = f"  {view.mode.value}  "
    beside = _beside(layed, len(view.board.schema))
    room = width - width_of(state[0]) - width_of(told) - (width_of(beside) + 2 if beside else 0)
    sort = ""
    if view.sort is not None:
        column, descending = view.sort
        sort = f"  by {clean(view.board.schema.names[column])} {'↓' if descending else '↑'}"
    what = _headline(clean(title), sort + _sought(view), room)
    space = " " * max(room - width_of(what) + 2, 0) if beside else ""
    return _fit((state, (told, "dim"), (what, "bold"), (space, ""), (beside, "dim")), width)


def _sought(view: View) -> str:
    return f"  /{clean(view.sought)}" if view.sought else ""


def _headline(text: str, more: str, room: int) -> str:
    """Both in so many columns: the text gives way first."""
    text = cut(text, max(room - width_of(more), 1)) if text else ""
    return cut(text + more, room) if room > 1 else ""


def _state(view: View) -> tuple[str, str]:
    state = ("⏸ paused", "paused") if view.paused else ("● live", "live")
    return _OVER.get(view.over, state)


def _beside(layed: _Layed, every: int) -> str:
    """The columns to the left and to the right of those in view."""
    left, right = layed.first, every - layed.first - len(layed.shown)
    parts = [f"← +{left}"] if left else []
    parts += [f"+{right} column{'s' * (right != 1)} →"] if right else []
    return " · ".join(parts)


def _bar(view: View, stats: LiveStats, window: Window, width: int) -> Line:
    if view.typing:
        text = end_of(f"/{clean(view.sought)}_", width - width_of(_TYPING) - 4)
        return ((footer([], text, (_TYPING,), width), "bar"),)
    if view.naming:
        text = end_of(f"file: {clean(view.name)}_", width - width_of(_NAMING) - 4)
        return ((footer([], text, (_NAMING,), width), "bar"),)
    if view.said:
        note = [(0, clean(stats.note))] if stats.note else []
        style = "outage" if note else "bar"
        return ((footer(note, clean(view.said), _HINTS[view.focus][-1:], width), style),)
    told = figures(view, stats, len(window.rows), window.found)
    hints = _HINTS[view.focus]
    return ((footer(told, clean(stats.note), hints, width), _alarm(stats)),)


def _alarm(stats: LiveStats) -> str:
    """The style of the last line."""
    return "outage" if stats.note else "alarm" if stats.bad.count else "bar"


def _for_keys(view: View, hints: tuple[str, ...]) -> tuple[str, ...]:
    """The hints, if keys are for the view."""
    return ("",) if view.focus is Focus.ELSEWHERE else hints


def _charted(view: View, stats: LiveStats, width: int, height: int) -> Frame:
    """The chart of the rows, over the whole screen."""
    page = max(height - 2, 0)
    what, drawn = chart_of(view, width, page)
    state, told_as = _state(view), "  chart  "
    room = width - width_of(state[0] + told_as)
    top: Line = (state, (told_as, "dim"), (_headline(what, _sought(view), room), "bold"))
    beside = [f"{drawn.start:,} above"] if drawn.start else []
    beside += [f"{drawn.rest:,} more below"] if drawn.rest > 0 else []
    found = len(view.order())
    told = [(0, text) for text in (*beside, *drawn.notes)]
    told += [(order + 1, text) for order, text in figures(view, stats, found, found)]
    hints = _for_keys(view, _CHARTED)
    bar = ((footer(told, clean(stats.note), hints, width), _alarm(stats)),)
    body = [*drawn.lines, *[()] * (page - len(drawn.lines))]
    lines = [_fit(line, width) for line in (top, *body)][: max(height - 1, 0)]
    return Frame((*lines, bar), page, view.first_column, view.widths, below=drawn.start)


def _opened(view: View, stats: LiveStats, width: int, height: int) -> Frame:
    """The keys, or a row with all its columns, over the whole screen."""
    helps = view.open is Open.HELP
    heading = "The keys of this view" if helps else title(view)
    lines = help_lines(width) if helps else row_lines(view, width)
    page = max(height - 2, 0)
    below = min(view.below, max(len(lines) - page, 0))
    body = [*lines[below : below + page]]
    body += [()] * (page - len(body))
    rest = len(lines) - below - page
    told = [(0, f"{many(rest, 'line')} more below")] if rest > 0 else []
    told += [(1, "paused")] if view.paused else []
    hints = _for_keys(view, _OPENED)
    style = "outage" if stats.note else "bar"
    bar: Line = ((footer(told, clean(stats.note), hints, width), style),)
    top: Line = ((cut(heading, width), "bold"),)
    lines = [_fit(line, width) for line in (top, *body)][: max(height - 1, 0)]
    return Frame((*lines, bar), page, view.first_column, view.widths, below=below)
