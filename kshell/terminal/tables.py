"""The aligned table: fast, streaming, and as wide as the terminal.

Widths come from the first rows; longer cells after them are cut with `…`, so memory use stays flat
for answers of any length.  rich.Table draws 2,000 rows a second and needs all of them first.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from kshell.results import MARKS
from kshell.terminal import themes
from kshell.terminal.cells import NULL, Cells, cells_of, to_right, type_label
from kshell.terminal.ends import Gap
from kshell.terminal.sanitize import clean
from kshell.terminal.times import Times, is_time
from kshell.terminal.widths import Layout, cut, layout, needed, padded, width_of, wrapped

__all__ = ["AlignedTable", "Style", "sampled", "style_of"]

_SAMPLE = 1000  # rows that decide the widths,
_PATIENCE = 0.5  # or those that came within so many seconds of the first
_GROWS = 3  # digits that numbers after those rows may have more


@dataclass(frozen=True, slots=True)
class Style:
    """Escape sequences around headings, NULLs and rules; empty without colours."""

    heading: str = ""
    null: str = ""
    rule: str = ""
    reset: str = ""


def style_of(colour: bool) -> Style:
    """The style of tables, in colours of the theme or without any."""
    if not colour:
        return Style()
    return Style(f"\x1b[{themes.heading()}m", "\x1b[2;3m", "\x1b[2m", "\x1b[0m")


def sampled(
    batches: Iterator[pa.RecordBatch | Gap],
) -> tuple[list[pa.RecordBatch | Gap], bool]:
    """The first batches, of rows enough to decide by, and whether they are all."""
    taken: list[pa.RecordBatch | Gap] = []
    rows, began = 0, 0.0
    for batch in batches:
        taken.append(batch)
        rows += 0 if isinstance(batch, Gap) else batch.num_rows
        began = began or (time.monotonic() if rows else 0.0)
        if rows >= _SAMPLE or (rows and time.monotonic() - began > _PATIENCE):
            return taken, False
    return taken, True


@dataclass
class AlignedTable:
    """Writes a table in blocks of lines; afterwards `remarks` says what did not fit.

    `room` is the terminal's width, or None for no limit; at a prompt there is a type under each
    heading.
    """

    schema: pa.Schema
    room: int | None
    style: Style
    times: Times = Times.NUMBER
    prompt: bool = False
    _layout: Layout = field(default_factory=lambda: Layout((), ()))
    _cut: bool = False

    def __post_init__(self) -> None:
        self._names = [clean(n) for n in self.schema.names]
        self._right = [to_right(f, self.times) for f in self.schema]
        marks = (self.schema.metadata or {}).get(MARKS)
        self._marks = self.schema.names.index(marks.decode()) if marks else None
        self._bar = f" {self.style.rule}│{self.style.reset} "

    def lines(self, batches: Iterable[pa.RecordBatch | Gap]) -> Iterator[str]:
        """The text in blocks, each ending in a newline."""
        rest = iter(batches)
        first, whole = sampled(rest)
        made = [self._cells(batch) for batch in first]
        yield self.begin(made, whole)
        yield from map(self._part, made)
        yield from (self._part(self._cells(batch)) for batch in rest)

    def fits(self) -> bool:
        """Whether, of what was drawn by now, nothing is left out or cut."""
        return self._layout.gap < 0 and not self._cut

    def remarks(self) -> list[str]:
        """Remarks for the reader: columns left out, cells cut short."""
        every, shown = len(self._names), len(self._layout.shown)
        said = [f"{every:,} columns, {shown:,} shown"] if shown < every else []
        said += ["cells with … are cut"] if self._cut else []
        how = "\\x" if self.prompt else "--output vertical"
        return [f"{'; '.join(said)}: {how} shows all"] if said else []

    def _cells(self, batch: pa.RecordBatch | Gap) -> list[Cells] | Gap:
        if isinstance(batch, Gap):
            return batch
        columns = zip(batch.columns, self.schema, strict=True)
        return [cells_of(column, field, self.times) for column, field in columns]

    def begin(self, sample: Sequence[list[Cells] | Gap], whole: bool) -> str:
        """Decide the widths by the first rows, which may be all; gives the headings."""
        needs, rigid = [], set()
        for i, name in enumerate(self._names):
            longest = 0
            for columns in sample:
                if not isinstance(columns, Gap) and columns[i].texts:
                    measure = len if columns[i].simple else width_of
                    longest = max(longest, max(map(measure, columns[i].slice(_SAMPLE))))
            if self._right[i] or is_time(self.schema.field(i), self.times):
                rigid.add(i)
                longest += 0 if whole or not self._right[i] else _GROWS
            heading = width_of(name)
            needs.append(max(heading, longest) if self.room is None else needed(heading, longest))
        labels = [type_label(f, self.times) if self.prompt else "" for f in self.schema]
        wide = [max(need, len(label)) for need, label in zip(needs, labels, strict=True)]
        self._layout = layout(wide, self.room, frozenset(rigid))
        if self._layout.gap >= 0:  # a column is worth more than a type
            narrow = layout(needs, self.room, frozenset(rigid))
            self._layout = narrow if narrow.gap < 0 else self._layout
        return self._headings(labels)

    def _headings(self, labels: Sequence[str]) -> str:
        style, shown, widths = self.style, self._layout.shown, self._layout.widths
        wraps = [wrapped(self._names[i], w) for i, w in zip(shown, widths, strict=True)]
        lines = []
        for n in range(max(map(len, wraps), default=0)):
            texts = [names[n] if n < len(names) else "" for names in wraps]
            lines.append(self._line(texts, style.heading))
        # A part of a type says less than nothing.
        named = [(labels[i], w) for i, w in zip(shown, widths, strict=True)]
        if any(len(label) <= w for label, w in named if label):
            types = [label if len(label) <= w else "" for label, w in named]
            lines.append(self._line(types, style.rule))
        rules = ["─" * w for w in widths]
        if self._layout.gap >= 0:
            rules.insert(self._layout.gap, "─")
        lines.append(f"{style.rule}─{'─┼─'.join(rules)}─{style.reset}")
        return "\n".join(lines) + "\n"

    def _line(self, texts: Sequence[str], style: str) -> str:
        """A line of headings or the like, and `…` for the columns that are left out."""
        reset = self.style.reset if style else ""
        cells = [
            f"{style}{padded(cut(text, width), width, self._right[i])}{reset}"
            for text, i, width in zip(texts, self._layout.shown, self._layout.widths, strict=True)
        ]
        if self._layout.gap >= 0:
            cells.insert(self._layout.gap, "…")
        return f" {self._bar.join(cells)}".rstrip(" ")

    def _part(self, columns: list[Cells] | Gap) -> str:
        if isinstance(columns, Gap):
            return self._line(["·"] * len(self._layout.shown), self.style.rule) + "\n"
        return self._block(columns)

    def _block(self, columns: Sequence[Cells]) -> str:
        shown, formats = [], []
        last = len(self._layout.shown) - 1
        for n, (i, width) in enumerate(zip(self._layout.shown, self._layout.widths, strict=True)):
            right, column = self._right[i], columns[i]
            # The last column is not padded, unless it is aligned to the right.
            pads = right or n < last
            shown.append(self._fitted(column, width, right, pads))
            # `%` counts characters, so it can pad simple cells only; the others are already padded.
            simple = pads and column.simple
            formats.append(f"%{'' if right else '-'}{width}s" if simple else "%s")
        if self._layout.gap >= 0:
            formats.insert(self._layout.gap, "…")
        line = f" {self._bar.join(formats)}\n"
        lines = [line % row for row in zip(*shown, strict=True)]
        if self._marks is not None and self.style.reset:
            lines = list(map(self._coloured, lines, columns[self._marks].texts))
        return "".join(lines)

    def _coloured(self, line: str, mark: str | None) -> str:
        """A row in the colour of what it says of itself."""
        code, reset = themes.marks().get(mark or "", ""), self.style.reset
        if not code:
            return line
        start = f"\x1b[{code}m"
        return f"{start}{line[:-1].replace(reset, reset + start)}{reset}\n"

    def _fitted(self, column: Cells, width: int, right: bool, pads: bool) -> list[str]:
        """Cells of at most `width` columns; `%` pads those that have fewer characters."""
        texts = column.texts
        if not column.simple:
            once = {t: self._padded(t, width, right, pads) for t in set(texts)}  # names repeat
            return [once[t] for t in texts]
        null = self._padded(None, width, right, pads)
        given: list[Any] = [t for t in texts if t is not None] if None in texts else texts
        if max(map(len, given), default=0) <= width or self.room is None:
            whole = len(given) == len(texts)
            return given if whole else [null if t is None else t for t in texts]
        self._cut = True
        end = width - 1  # each of these characters takes one column
        return [
            null if t is None else t if len(t) <= width else f"{t[:end]}…" for t in texts
        ]  # fmt: skip

    def _padded(self, text: str | None, width: int, right: bool, pads: bool) -> str:
        if text is None:
            style = self.style
            space = " " * (width - len(NULL)) if pads else ""
            null = f"{style.null}{NULL[:width]}{style.reset}"
            return space + null if right else null + space
        text = text if width_of(text) <= width else self._short(text, width)
        return padded(text, width, right) if pads else text

    def _short(self, text: str, width: int) -> str:
        """The cell as it fits; without a terminal it is whole."""
        if self.room is None:
            return text
        self._cut = True
        return cut(text, width)
