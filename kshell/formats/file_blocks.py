"""Reads a file of rows block by block, for COPY: memory stays flat, and a bad row has its line.

A reader is made for a kind of file and the columns that are wanted of it, and then iterated once.
"""

from __future__ import annotations

import codecs
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from csv import reader as csv_reader
from dataclasses import dataclass, field
from typing import IO, Any

import numpy as np
import pyarrow as pa

from kshell.catalog.model import Column, FormatSpec
from kshell.errors import BindError, KshellError
from kshell.formats.cells import Bad, fitted, inferred, of_texts
from kshell.formats.data_file import DataFile
from kshell.types import ksql_type
from kshell.wording import many

__all__ = ["KINDS", "Block", "Blocks", "no_column", "open_blocks"]

_SIZE = 4 << 20  # bytes of a block
_LONGEST = 64 << 20  # bytes of one row
_ROWS = 1 << 15  # rows of Parquet and Avro at a time
_NAMED = 20  # columns that an error names
_SAMPLES = 1000  # objects that show which fields a file of JSON has
_NEWLINE, _RETURN, _QUOTE, _COMMA = 10, 13, 34, 44


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
            made, worse = fitted(batch.column(self.names[column.name]), column)
            columns.append(made)
            bad += worse
        return good(columns, [c.name for c in self.columns], lines, bad)

    def choose(self, schema: pa.Schema) -> None:
        """Settle which of the file's columns are read, and as what types."""
        if self.wanted is None:
            self.names = {name: name for name in schema.names}
            self.columns = tuple(Column(f.name, ksql_type(f.type)) for f in schema)
            return
        self.names = {c.name: self._file.meant(c.name, schema.names) for c in self.wanted}
        types = {f.name: ksql_type(f.type) for f in schema}
        self.columns = tuple(
            Column(c.name, types[self.names[c.name]] if pa.types.is_null(c.type) else c.type)
            for c in self.wanted
        )
        self.others = tuple(n for n in schema.names if n not in self.names.values())

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


def _pieces(blocks: Blocks, quoted: bool) -> Iterator[tuple[bytes, int]]:
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


def _ends(data: Any, breaks: Any, quotes: Any) -> Any:
    """Where rows end: at line breaks, but those with an odd number of quotes before them."""
    if len(quotes):
        breaks = breaks[np.searchsorted(quotes, breaks) % 2 == 0]
    whole = len(breaks) and breaks[-1] == len(data) - 1
    return breaks if whole else np.append(breaks, len(data))


# Lines of JSON


def _json(blocks: Blocks) -> Iterator[Block]:
    """Objects, one on each line; empty lines are passed over."""
    from kshell.formats.base import Half, Place
    from kshell.formats.json_codec import JsonCodec

    wanted = tuple(
        Column(c.name, pa.string()) if pa.types.is_null(c.type) else c for c in blocks.wanted or ()
    )
    blocks.columns = wanted
    place = Place(blocks.path, Half.VALUE, FormatSpec("JSON"), wanted, loose=blocks.loose)
    codec, names = JsonCodec(place), [c.name for c in wanted]
    first = True
    for data, line in _pieces(blocks, quoted=False):
        texts, lines = _lines(data, line)
        if first:
            _look(blocks, texts)
            first = False
        if names:
            found = codec.decode(texts, names)
            bad, block = found.bad, good(found.columns, names, lines, found.bad)
        else:
            bad = _not_objects(texts)
            block = good([texts], ["text"], lines, bad)
        if bad:
            kept = np.isin(lines, block.lines)
            texts = texts.filter(pa.array(kept))
        yield Block(block.rows, block.lines, block.bad, texts)


def _not_objects(texts: pa.Array) -> Bad:
    """The rows that are no objects of JSON, where no field is read."""
    from kshell.formats.json_scan import Field, Names, Types, scan

    found = scan(texts, [Field("", pa.string())], Names.EXACT, Types.KSQL)
    return list(found.bad)


def _lines(data: bytes, line: int) -> tuple[pa.Array, Any]:
    """The lines that are not empty, without their ends, and their numbers."""
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n")
    bytes_ = np.frombuffer(data, np.uint8)
    ends = _ends(bytes_, np.flatnonzero(bytes_ == _NEWLINE), ())
    offsets = np.zeros(len(ends) + 1, np.int32)
    offsets[1:] = ends - np.arange(len(ends))  # so many line breaks are before each end
    plain = data.replace(b"\n", b"")
    made = pa.Array.from_buffers(
        pa.binary(), len(ends), [None, pa.py_buffer(offsets), pa.py_buffer(plain)]
    )
    numbers = line + np.arange(len(ends))
    there = np.diff(offsets) > 0
    if not there.all():
        made, numbers = made.filter(pa.array(there)), numbers[there]
    return made, numbers


def _look(blocks: Blocks, texts: pa.Array) -> None:
    """Settle from the first objects what nobody wanted; BindError where a needed field lacks."""
    from kshell.formats.shapes import shape_of

    shape, _ = shape_of(texts.slice(0, _SAMPLES).to_pylist())
    fold: Callable[[str], str] = str.upper if blocks.loose else str
    known = {fold(c.name) for c in blocks.columns}
    blocks.others = tuple(name for name in shape.fields if fold(name) not in known)
    there = {fold(name) for name in shape.fields}
    for name in blocks.needs:
        if there and fold(name) not in there:
            raise no_column(name, list(shape.fields))


# CSV


def _csv(blocks: Blocks) -> Iterator[Block]:
    """Comma-separated, with a line of names.  An empty cell is NULL, "" is an empty text."""
    header: list[str] = []
    for data, line in _pieces(blocks, quoted=True):
        if not header:
            header, data, line = _header(blocks, data, line)
        texts, lines, bad = _cells(blocks, data, line, header)
        if not blocks.columns and len(lines):
            _settle(blocks, texts, header)
        if not len(lines) and not bad:
            continue
        columns: list[pa.Array] = []
        worse: Bad = []
        for column in blocks.columns:
            made, wrong = of_texts(texts[header.index(blocks.names[column.name])], column)
            columns.append(made)
            worse += wrong
        block = good(columns, [c.name for c in blocks.columns], lines, worse)
        yield Block(block.rows, block.lines, sorted([*bad, *block.bad]))


def _header(blocks: Blocks, text: bytes, line: int) -> tuple[list[str], bytes, int]:
    """The names in the first row, and the bytes and the line behind it."""
    rows = csv_reader(io.StringIO(text.decode("utf-8", "replace"), newline=""))
    header = next(rows, [])
    if len(set(header)) < len(header):
        raise blocks.wrong("two columns have one name", f"line {line}")
    at = 0
    for _ in range(rows.line_num):
        at = text.find(b"\n", at) + 1 or len(text)
    return header, text[at:], line + rows.line_num


def _settle(blocks: Blocks, texts: Sequence[pa.Array], header: Sequence[str]) -> None:
    """The columns, in the types that the first rows suggest where none is declared."""
    held = [t.cast(pa.string(), safe=False) for t in texts]
    suggested = [inferred(t) for t in held] if blocks.wanted is None else [pa.string()] * len(held)
    blocks.choose(pa.schema(list(zip(header, suggested, strict=True))))


def _cells(
    blocks: Blocks, data: bytes, line: int, header: Sequence[str]
) -> tuple[list[pa.Array], Any, Bad]:
    """The cells as columns of bytes, the lines of the rows, and the rows with too many or too few
    cells, by line."""
    from pyarrow import csv

    starts = _starts(blocks, np.frombuffer(data, np.uint8), line)
    wrong: list[tuple[int, str]] = []

    def skip(row: Any) -> str:
        cells, columns = many(row.actual_columns, "cell"), many(row.expected_columns, "column")
        has = f"it has {cells}, and the file {columns}"
        wrong.append((row.number - 1, has))
        return "skip"

    if not len(starts):
        return [pa.array([], pa.binary()) for _ in header], starts, []
    names = [str(n) for n in range(len(header))]  # a file's own may be anything
    try:
        table = csv.read_csv(
            pa.BufferReader(data),
            csv.ReadOptions(use_threads=False, column_names=names),
            csv.ParseOptions(newlines_in_values=True, invalid_row_handler=skip),
            csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.binary()), null_values=[""],
                strings_can_be_null=True, quoted_strings_can_be_null=False,
            ),
        )  # fmt: skip
    except pa.ArrowInvalid as error:
        raise blocks.wrong(str(error).splitlines()[0], f"line {line} or after") from None
    kept = np.ones(len(starts), np.bool_)
    kept[[row for row, _ in wrong]] = False
    lines = starts[kept]
    if len(lines) != table.num_rows:
        raise blocks.wrong("its rows cannot be told apart", f"line {line} or after")
    return (
        [c.combine_chunks() for c in table.columns], lines,
        [(int(starts[row]), why) for row, why in wrong],
    )  # fmt: skip


def _starts(blocks: Blocks, data: Any, line: int) -> Any:
    """The lines in which rows begin; empty lines are no rows."""
    quotes = np.flatnonzero(data == _QUOTE)
    if len(quotes):
        _check_quotes(blocks, data, quotes, line)
    breaks = np.flatnonzero(data == _NEWLINE)
    ends = _ends(data, breaks, quotes)
    begins = np.concatenate(([0], ends[:-1] + 1))
    numbers = line + np.searchsorted(breaks, begins)
    there = ends > begins
    alone = np.flatnonzero(ends - begins == 1)  # a line's end of Windows is no row
    there[alone[data[begins[alone]] == _RETURN]] = False
    return numbers[there]


def _check_quotes(blocks: Blocks, data: Any, quotes: Any, line: int) -> None:
    """Raise BindError at a quote in the middle of a cell: behind it rows cannot be told apart."""
    opening = quotes[::2]
    before = data[np.maximum(opening - 1, 0)]
    fine = (opening == 0) | (before == _COMMA) | (before == _NEWLINE) | (before == _QUOTE)
    if not fine.all():
        at = opening[np.flatnonzero(~fine)[0]]
        number = line + int(np.count_nonzero(data[:at] == _NEWLINE))
        raise blocks.wrong(
            'a quote in the middle of a cell: write the cell in quotes, and "" for one',
            f"line {number}",
        )


# Parquet and Avro


def _parquet(blocks: Blocks) -> Iterator[Block]:
    from pyarrow import parquet

    file = parquet.ParquetFile(blocks.stream)
    blocks.what = "row"
    blocks.choose(file.schema_arrow)
    names = list(dict.fromkeys(blocks.names.values()))
    for batch in file.iter_batches(_ROWS, columns=names, use_threads=False):
        blocks.read = blocks.stream.tell()
        yield blocks.of_batch(batch)


def _avro(blocks: Blocks) -> Iterator[Block]:
    from kshell.formats.avro_file import read_avro

    blocks.what = "row"
    schema, batches = read_avro(blocks.stream, blocks.wrong)
    blocks.choose(schema)
    for batch in batches:
        blocks.read = blocks.stream.tell()
        yield blocks.of_batch(batch)


KINDS: Mapping[str, Callable[[Blocks], Iterator[Block]]] = {
    "jsonl": _json,
    "csv": _csv,
    "parquet": _parquet,
    "avro": _avro,
}


def open_blocks(kind: str, blocks: Blocks) -> Iterator[Block]:
    """The blocks of a file of a kind; raises BindError with the path and the line."""
    try:
        yield from KINDS[kind](blocks)
    except KshellError:
        raise
    except Exception as error:  # libraries raise all kinds at damaged bytes
        why = (str(error) or type(error).__name__).splitlines()[0]
        raise blocks.wrong(f"it cannot be read: {why}") from None
