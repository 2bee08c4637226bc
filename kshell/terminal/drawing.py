"""One bounded answer on its way to the screen: pulled, counted, drawn whole or in part.

`show` makes a `Drawing` for each; `footer` says below it what was read, and all that was left out.
"""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import IO, TYPE_CHECKING, cast

import pyarrow as pa

from kshell.results import NoticeKind, Progress, Rows
from kshell.terminal.messages import note
from kshell.terminal.output import Target, write
from kshell.terminal.progress import ProgressLine
from kshell.terminal.pull import pulled
from kshell.wording import many

if TYPE_CHECKING:
    from kshell.terminal.ends import Ends

__all__ = ["Drawing", "footer"]

_BELOW = 1  # line that a pager needs for itself


@dataclass
class Drawing:
    """Afterwards it has the rows' number, those left out, and whether all were pulled."""

    rows: Rows
    output: str
    target: Target
    pages: bool = False
    count: int = 0
    left_out: int = 0
    whole: bool = False
    paged: bool = False
    seconds: float = 0.0
    remarks: list[str] = field(default_factory=list)

    def draw(self, most: int) -> Sequence[str]:
        """Draw the rows, or the first and last of them if they are more than `most`, which is 0
        for no limit.  Returns remarks.  Ctrl-C raises KeyboardInterrupt, and what came by then is
        drawn."""
        began = time.monotonic()
        line = ProgressLine(self.rows.progress)
        batches = pulled(self.rows.batches, self.rows.cancel)

        def counted() -> Iterator[pa.RecordBatch]:
            for batch in batches:
                self.count += batch.num_rows
                self.seconds = time.monotonic() - began
                if not most:
                    line.stop()
                yield batch
            self.seconds = time.monotonic() - began
            self.whole = True

        line.start()
        try:
            if most:
                from kshell.terminal.ends import Ends

                self._draw_ends(counted(), Ends(most), line)
            else:
                self._draw_all(counted())
        except KeyboardInterrupt:
            line.stop()
            self.rows.cancel()
            if said := self.rows.stopped():
                note(said)
            raise
        finally:
            line.stop()
            batches.close()  # type: ignore[attr-defined]
        return self.remarks

    def _draw_all(self, batches: Iterator[pa.RecordBatch]) -> None:
        first = next(batches, None)  # which settles the schema
        self._write(batches if first is None else chain([first], batches))

    def _draw_ends(
        self, batches: Iterator[pa.RecordBatch], ends: Ends, line: ProgressLine
    ) -> None:
        try:
            for batch in batches:
                ends.add(batch)
        finally:
            line.stop()
            error = sys.exc_info()[1]
            if error is None or (isinstance(error, KeyboardInterrupt) and ends.rows):
                self.left_out = ends.left_out
                self._write(ends.parts())

    def _write(self, parts: Iterator[object]) -> None:
        if self.pages and not self.left_out:
            self._page(parts)
        else:
            self.remarks += write(self.output, self.rows.schema, parts, self.target)
            sys.stdout.flush()

    def _page(self, parts: Iterator[object]) -> None:
        from kshell.terminal.pager import Left, Pager

        lines = shutil.get_terminal_size().lines - _BELOW
        try:
            with Pager(self.target.out, max(lines, 1)) as pager:
                target = replace(self.target, out=cast(IO[str], pager))
                self.remarks += write(self.output, self.rows.schema, parts, target)
                self.paged = pager.began
        except Left:
            self.paged = True
            return
        sys.stdout.flush()

    def progress(self) -> Progress | None:
        """What was read of topics."""
        return self.rows.progress()


_UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB")


def _size(count: float) -> str:
    """A number of bytes for people.

    >>> _size(812), _size(123_456_789)
    ('812 bytes', '117.7 MiB')
    """
    for unit in _UNITS:
        if count < 1024 or unit == _UNITS[-1]:
            break
        count /= 1024
    return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.1f} {unit}"


_RATES = ((1e9, "G", 1e9, 1), (1e6, "M", 1e6, 1), (1e4, "k", 1e3, 0))


def _rate(count: float) -> str:
    """So many a second.

    >>> _rate(1_234_567), _rate(870)
    ('1.2M rows/s', '870 rows/s')
    """
    for least, unit, size, digits in _RATES:
        if count >= least:
            return f"{count / size:.{digits}f}{unit} rows/s"
    return f"{count:,.0f} rows/s"


def footer(drawing: Drawing, timing: bool) -> list[str]:
    """The lines below a bounded answer.

    >>> from kshell.terminal.output import Target
    >>> rows = Rows.of(pa.table({"n": []}))
    >>> footer(Drawing(rows, "table", Target(), count=100, left_out=60, seconds=0.5), True)
    ['(100 rows, 0.50 s)', '100 rows, 40 shown: \\\\last for all']
    """
    count, seconds = drawing.count, drawing.seconds
    told = many(count, "row")
    if timing and not drawing.paged:  # else it is the time of the person who reads
        told += f", {seconds:.2f} s"
        read = drawing.progress()
        if read is not None and read.done:
            told += f"; read {many(read.done, 'record')}"
            told += f", {_size(read.bytes)}" if read.bytes else ""
            told += f", {_rate(read.done / seconds)}" if seconds > 0 else ""
    said = [f"({told})"]
    if drawing.left_out:
        kept = all(notice.kind is not NoticeKind.KEPT for notice in drawing.rows.notices())
        shown = f"{many(count, 'row')}, {count - drawing.left_out:,} shown"
        said.append(f"{shown}: \\last for all" if kept else shown)
    return said + drawing.remarks
