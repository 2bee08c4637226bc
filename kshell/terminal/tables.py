"""The aligned table: fast, streaming, and as wide as the terminal.

Widths come from the first rows; longer cells after them are cut with `…`, so memory use stays flat
for answers of any length.  rich.Table draws 2,000 rows a second and needs all of them first.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa

from kshell.terminal.cells import NULL, Cells, cells, is_number
from kshell.terminal.sanitize import clean

__all__ = ["COLOUR", "PLAIN", "AlignedTable", "Style", "cut", "layout", "width_of"]

_SAMPLE = 1000  # rows that decide the widths,
_PATIENCE = 0.5  # or those that came within so many seconds of the first
_NARROWEST = 8
_WIDEST = 500  # the width without a terminal


@dataclass(frozen=True, slots=True)
class Style:
    """Escape sequences around headings, NULLs and rules; empty without colours."""

    heading: str = ""
    null: str = ""
    rule: str = ""
    reset: str = ""


COLOUR = Style("\x1b[1;36m", "\x1b[2;3m", "\x1b[2m", "\x1b[0m")
PLAIN = Style()


def width_of(text: str) -> int:
    """The text's width in columns of a terminal.

    >>> width_of("東京")
    4
    """
    if text.isascii():
        return len(text)
    from wcwidth import wcswidth  # takes 14 ms, and few answers need it

    width: int = wcswidth(text)
    return width if width >= 0 else len(text)


def cut(text: str, width: int) -> str:
    """The text in at most `width` columns, with `…` for a part that is left out.

    >>> cut("pageviews", 5)
    'page…'
    """
    if text.isascii():
        return text if len(text) <= width else text[: width - 1] + "…"
    if width_of(text) <= width:
        return text
    from wcwidth import wcwidth

    used, kept = 0, []
    for character in text:
        size = max(wcwidth(character), 0)
        if used + size > width - 1:
            break
        used += size
        kept.append(character)
    return "".join(kept) + "…"


def _pad(text: str, width: int, right: bool) -> str:
    """The text in exactly `width` columns."""
    text = cut(text, width)
    space = " " * (width - width_of(text))
    return space + text if right else text + space


def layout(widths: Sequence[int], room: int | None) -> list[int]:
    """Column widths that fit into `room` columns: the widest get smaller first.

    If even the narrowest do not fit, the list is shorter: the last columns are left out.

    >>> layout([5, 40, 60], 60)
    [5, 23, 23]
    """
    fitted = [min(max(w, 1), _WIDEST) for w in widths]
    if room is None:
        return fitted
    while fitted and _span([min(w, _NARROWEST) for w in fitted]) > room and len(fitted) > 1:
        fitted.pop()
    while (spare := _span(fitted) - room) > 0:
        widest = max(fitted)
        if widest <= _NARROWEST:
            break
        goal = max([w for w in fitted if w < widest] + [_NARROWEST])
        at_widest = [i for i, w in enumerate(fitted) if w == widest]
        step = min(widest - goal, -(-spare // len(at_widest)))
        for i in at_widest:
            fitted[i] = widest - step
    return fitted


def _span(widths: Sequence[int]) -> int:
    return sum(widths) + 3 * (len(widths) - 1) + 2


class AlignedTable:
    """Writes a table in blocks of lines; afterwards `remarks` says what did not fit.

    `room` is the terminal's width, or None for no limit.
    """

    def __init__(self, schema: pa.Schema, room: int | None, style: Style) -> None:
        self._names = [clean(n) for n in schema.names]
        self._right = [is_number(f.type) for f in schema]
        self._room, self._style = room, style
        self._bar = f" {style.rule}│{style.reset} "
        self._widths: list[int] = []
        self._cut = False

    def lines(self, batches: Iterable[pa.RecordBatch]) -> Iterator[str]:
        """The text in blocks, each ending in a newline."""
        waiting: list[list[Cells]] = []
        rows, began = 0, 0.0
        for batch in batches:
            if not batch.num_rows:
                continue
            columns = [cells(c) for c in batch.columns]
            if self._widths:
                yield self._block(columns)
                continue
            waiting.append(columns)
            rows += batch.num_rows
            began = began or time.monotonic()
            if rows >= _SAMPLE or time.monotonic() - began > _PATIENCE:
                yield self._begin(waiting)
                yield from map(self._block, waiting)
                waiting = []
        if not self._widths:
            yield self._begin(waiting)
            yield from map(self._block, waiting)

    def remarks(self) -> list[str]:
        """Remarks for the reader: columns left out, cells cut short."""
        hidden = len(self._names) - len(self._widths)
        if hidden:
            return [f"{hidden} more columns do not fit: \\x or --output vertical shows them"]
        if self._cut:
            return ["cells with … are cut to fit: \\x or --output vertical shows them whole"]
        return []

    def _begin(self, sample: Sequence[Sequence[Cells]]) -> str:
        needed = []
        for i, name in enumerate(self._names):
            longest = width_of(name)
            for columns in sample:
                column = columns[i]
                measure = len if column.simple else width_of
                longest = max(longest, max(map(measure, column.slice(_SAMPLE))))
            needed.append(longest)
        self._widths = layout(needed, self._room)
        style = self._style
        headings = [
            f"{style.heading}{_pad(name, width, right)}{style.reset}"
            for name, width, right in zip(self._names, self._widths, self._right, strict=False)
        ]
        rule = "─┼─".join("─" * w for w in self._widths)
        return f" {self._bar.join(headings)}\n{style.rule}─{rule}─{style.reset}\n"

    def _block(self, columns: Sequence[Cells]) -> str:
        shown, formats = [], []
        last = len(self._widths) - 1
        for i, width in enumerate(self._widths):
            right, column = self._right[i], columns[i]
            shown.append(self._fitted(column, width, right))
            # `%` counts characters, so it can pad simple cells only; the others are already padded.
            # The last column is not padded, unless it is aligned to the right.
            pads = column.simple and (right or i < last)
            formats.append(f"%{'' if right else '-'}{width}s" if pads else "%s")
        line = f" {self._bar.join(formats)}\n"
        return "".join([line % row for row in zip(*shown, strict=True)])

    def _fitted(self, column: Cells, width: int, right: bool) -> list[str]:
        """Cells of at most `width` columns; `%` pads those that have fewer characters."""
        texts = column.texts
        if not column.simple:
            once = {t: self._padded(t, width, right) for t in set(texts)}  # names repeat
            return [once[t] for t in texts]
        if None in texts:
            null = self._padded(None, width, right)
            short = self._short
            return [
                null if t is None else t if len(t) <= width else short(t, width) for t in texts
            ]
        plain: list[str] = texts  # type: ignore[assignment]
        if max(map(len, plain)) <= width:
            return plain
        return [t if len(t) <= width else self._short(t, width) for t in plain]

    def _padded(self, text: str | None, width: int, right: bool) -> str:
        if text is None:
            style = self._style
            space = " " * (width - len(NULL))
            null = f"{style.null}{NULL[:width]}{style.reset}"
            return space + null if right else null + space
        if width_of(text) > width:
            self._cut = True
        return _pad(text, width, right)

    def _short(self, text: str, width: int) -> str:
        self._cut = True
        return text[: width - 1] + "…"
