"""The aligned table: fast, streaming, and as wide as the terminal.

Widths come from the first rows; later cells that are longer are cut with `…`, so memory stays flat
however long the answer is.  rich.Table draws 2,000 rows a second and wants them all at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa
from wcwidth import wcswidth, wcwidth

from kshell.terminal.cells import NULL, is_number, texts
from kshell.terminal.sanitize import clean

__all__ = ["Style", "layout", "table_lines", "width_of"]

_SAMPLE = 1000  # rows that decide the widths
_NARROWEST = 6
_WIDEST = 500  # where there is no terminal to fit


@dataclass(frozen=True, slots=True)
class Style:
    """Escape sequences around headings and NULLs; empty where there are no colours."""

    heading: str = ""
    null: str = ""
    rule: str = ""
    reset: str = ""


COLOUR = Style("\x1b[1m", "\x1b[2m", "\x1b[2m", "\x1b[0m")
PLAIN = Style()


def width_of(text: str) -> int:
    """Columns on a terminal."""
    if text.isascii():
        return len(text)
    width: int = wcswidth(text)
    return width if width >= 0 else len(text)


def cut(text: str, width: int) -> str:
    """At most `width` columns, with `…` where something is left out.

    >>> cut("pageviews", 5)
    'page…'
    """
    if text.isascii() and len(text) <= width:
        return text
    if width_of(text) <= width:
        return text
    used, kept = 0, []
    for character in text:
        size = max(wcwidth(character), 0)
        if used + size > width - 1:
            break
        used += size
        kept.append(character)
    return "".join(kept) + "…"


def layout(names: Sequence[str], columns: Sequence[Sequence[str]], room: int | None) -> list[int]:
    """Column widths that fit into `room` columns: the widest give way first."""
    widths = []
    for name, column in zip(names, columns, strict=True):
        joined = "".join(column)
        longest = max(map(len if joined.isascii() else width_of, column), default=0)
        widths.append(min(max(width_of(name), longest, 1), _WIDEST))
    if room is None:
        return widths
    available = max(room - 3 * (len(widths) - 1) - 2, _NARROWEST * len(widths))
    while sum(widths) > available:
        widest = max(widths)
        if widest <= _NARROWEST:
            break
        others = [w for w in widths if w < widest]
        goal = max(max(others, default=_NARROWEST), _NARROWEST)
        at_widest = [i for i, w in enumerate(widths) if w == widest]
        spare = sum(widths) - available
        step = min(widest - goal, -(-spare // len(at_widest))) or 1
        for i in at_widest:
            widths[i] = widest - step
    return widths


def _pad(cells: Sequence[str], width: int, right: bool, style: Style) -> list[str]:
    joined = "".join(cells)
    if joined.isascii() and not style.null:
        if right:
            return [c.rjust(width) if len(c) <= width else cut(c, width) for c in cells]
        return [c.ljust(width) if len(c) <= width else cut(c, width) for c in cells]
    padded = []
    for cell in cells:
        text = cut(cell, width)
        space = " " * (width - width_of(text))
        if cell == NULL and style.null:
            text = f"{style.null}{text}{style.reset}"
        padded.append(space + text if right else text + space)
    return padded


def table_lines(
    schema: pa.Schema, batches: Iterable[pa.RecordBatch], room: int | None, style: Style
) -> Iterator[str]:
    """The table's text in blocks of lines, each ending in a newline.

    `room` is the terminal's width, or None to cut nothing.
    """
    names = [clean(n) for n in schema.names]
    right = [is_number(f.type) for f in schema]
    widths: list[int] | None = None
    for batch in batches:
        if not batch.num_rows:
            continue
        columns = [texts(c) for c in batch.columns]
        if widths is None:
            widths = layout(names, [c[:_SAMPLE] for c in columns], room)
            yield _heading(names, widths, right, style)
        padded = [
            _pad(c, w, r, style) for c, w, r in zip(columns, widths, right, strict=True)
        ]
        bar = f" {style.rule}│{style.reset} "
        yield "".join([f" {bar.join(row).rstrip()}\n" for row in zip(*padded, strict=True)])
    if widths is None:
        yield _heading(names, layout(names, [[] for _ in names], room), right, style)


def _heading(names: list[str], widths: list[int], right: list[bool], style: Style) -> str:
    cells = []
    for name, width, to_right in zip(names, widths, right, strict=True):
        text = cut(name, width)
        space = " " * (width - width_of(text))
        cells.append(f"{style.heading}{space + text if to_right else text + space}{style.reset}")
    bar = f" {style.rule}│{style.reset} "
    rule = "─┼─".join("─" * w for w in widths)
    return f" {bar.join(cells)}\n{style.rule}─{rule}─{style.reset}\n"
