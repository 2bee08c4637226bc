"""What COPY reads of a file: blocks of rows, and the reader's wishes and findings.

`file_blocks` has the kinds of files.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import IO, Any

import numpy as np
import pyarrow as pa

from kshell.catalog.model import Column
from kshell.errors import BindError
from kshell.formats.cells import Bad, fitted
from kshell.formats.data_file import DataFile
from kshell.types import ksql_type

__all__ = ["NEWLINE", "Block", "Blocks", "ends_of", "good", "no_column", "pieces"]

_SIZE = 4 << 20  # bytes of a block
_LONGEST = 64 << 20  # bytes of one row
_NAMED = 20  # columns that an error names
NEWLINE = 10


@dataclass(frozen=True, slots=True)
class Block:
    """Rows that could be read, and the line (or row) of the file in which each begins; those that
    could not, by line.  `texts` are the rows as they stand in the file."""

    rows: pa.RecordBatch
    lines: Any
    bad: Bad
    texts: pa.Array | None = None


@dataclass
class Blocks:
    """A file to read: its path as errors name it, its bytes, and what is wanted of it.

    `wanted` None: the file's own columns.  A column of the type null has the file's own type, or
    STRING where that has none.  `loose` names match in any case.  A field of JSON may be missing,
    but one of the first objects must have those that it `needs`.  After the first block `columns`
    are those of the rows, and `others` names fields of the file that nobody wanted.
    """

    path: str
    stream: IO[bytes]
    wanted: Sequence[Column] | None
    loose: bool = True
    needs: Sequence[str] = ()
    columns: tuple[Column, ...] = ()
    others: tuple[str, ...] = ()
    cut: tuple[str, ...] = ()  # columns whose times lost digits below milliseconds
    what: str = "line"  # what the numbers in blocks count
    read: int = 0  # bytes
    _rows: int = field(default=0)

    def wrong(self, what: str, at: str = "") -> BindError:
        """The error of something in the file."""
        return self._file.wrong(what, at=at, hint="mend the file")

    @property
    def _file(self) -> DataFile:
        return DataFile(self.path, b"", (), 0)

    def of_batch(self, batch: pa.RecordBatch) -> Block:
        """The block of a batch of typed columns, by rows."""
        lines = np.arange(self._rows, self._rows + batch.num_rows) + 1
        self._rows += batch.num_rows
        columns, bad = [], []
        for column in self.columns:
            values = self._of_milliseconds(column.name, batch.column(self.names[column.name]))
            made, worse = fitted(values, column)
            columns.append(made)
            bad += worse
        return good(columns, [c.name for c in self.columns], lines, bad)

    def _of_milliseconds(self, name: str, values: pa.Array) -> pa.Array:
        """Times of a finer unit, cut to milliseconds; `cut` says so where digits are lost."""
        type = values.type
        if not pa.types.is_timestamp(type) or type.unit not in ("us", "ns"):
            return values
        made = values.cast(pa.timestamp("ms", type.tz), safe=False)
        if name not in self.cut and not made.cast(type).equals(values):
            self.cut = (*self.cut, name)
        return made

    def choose(self, schema: pa.Schema) -> None:
        """Settle which of the file's columns are read, and as what types."""
        if self.wanted is None:
            self.names = {name: name for name in schema.names}
            self.columns = tuple(Column(f.name, ksql_type(f.type)) for f in schema)
            self._check_types(schema)
            return
        self.names = {c.name: self._file.meant(c.name, schema.names) for c in self.wanted}
        types = {f.name: ksql_type(f.type) for f in schema}
        self.columns = tuple(
            Column(c.name, types[self.names[c.name]] if pa.types.is_null(c.type) else c.type)
            for c in self.wanted
        )
        self.others = tuple(n for n in schema.names if n not in self.names.values())
        self._check_types(schema)

    def _check_types(self, schema: pa.Schema) -> None:
        """Raise BindError for a column of a type that KSQL has not, as an interval."""
        for column in self.columns:
            field = schema.field(self.names[column.name])
            if pa.types.is_duration(field.type) or pa.types.is_interval(field.type):
                raise BindError(
                    f"column {field.name} of {self.path} is {field.type}, for which there is no"
                    " type",
                    hint="cast it to a number, or declare a source without it",
                )

    names: Mapping[str, str] = field(default_factory=dict)  # the file's name of each column


def no_column(name: str, there: Sequence[str]) -> BindError:
    """The error of a column that a file should have."""
    more = ", …" if len(there) > _NAMED else ""
    return BindError(
        f"the file has no column {name}", hint=f"it has {', '.join(there[:_NAMED])}{more}"
    )


def good(columns: list[pa.Array], names: Sequence[str], lines: Any, bad: Bad) -> Block:
    """The block of the rows that are not bad; `bad` counts rows."""
    rows = pa.RecordBatch.from_arrays(columns, names=list(names))
    if not bad:
        return Block(rows, lines, [])
    kept = np.ones(len(lines), np.bool_)
    kept[[row for row, _ in bad]] = False
    first = dict(reversed(bad))  # one reason for each row
    told = [(int(lines[row]), why) for row, why in sorted(first.items())]
    return Block(rows.filter(pa.array(kept)), lines[kept], told)


def pieces(blocks: Blocks, quoted: bool) -> Iterator[tuple[bytes, int]]:
    """The file's bytes cut after whole rows, and the number of the line that each piece begins in.

    In what is `quoted` a line may end inside of a cell.
    """
    rest, line, end = b"", 1, False
    while not end:
        data = blocks.stream.read(_SIZE)
        blocks.read += len(data)
        end = not data
        held = rest + data
        if line == 1:
            held = held.removeprefix(codecs.BOM_UTF8)
        cut = len(held) if end else _last_row(held, quoted)
        if not cut and len(held) > _LONGEST:
            hint = ": is a quote not closed?" if quoted else ""
            raise blocks.wrong(f"it has no end within {_LONGEST >> 20} MiB{hint}", f"line {line}")
        if cut:
            piece = held[:cut]
            yield piece, line
            line += piece.count(b"\n")
        rest = held[cut:]


def _last_row(held: bytes, quoted: bool) -> int:
    """Behind the last row that ends in these bytes; 0 if none does."""
    at = len(held)
    while (at := held.rfind(b"\n", 0, at)) >= 0:
        if not quoted or held.count(b'"', 0, at) % 2 == 0:
            return at + 1
        at = max(held.rfind(b'"', 0, at), 0)
    return 0


def ends_of(data: Any, breaks: Any, quotes: Any) -> Any:
    """Where rows end: at line breaks, but those with an odd number of quotes before them."""
    if len(quotes):
        breaks = breaks[np.searchsorted(quotes, breaks) % 2 == 0]
    whole = len(breaks) and breaks[-1] == len(data) - 1
    return breaks if whole else np.append(breaks, len(data))
