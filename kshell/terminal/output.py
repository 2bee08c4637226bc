"""Answers as text or files: one row of WRITERS for each --output, all streaming batch by batch.

A writer takes a schema, batches and a target, and returns remarks for the reader.  To add a format,
add a row.  What draws for people is imported by the writers that need it: no pipe waits for it.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import IO, TYPE_CHECKING, Any

import pyarrow as pa

from kshell.errors import UsageError
from kshell.formats.json_lines import joined, json_lines
from kshell.results import unique
from kshell.terminal.sanitize import clean, clean_json
from kshell.terminal.times import Times
from kshell.value_texts import raw_texts

if TYPE_CHECKING:
    from kshell.terminal.tables import AlignedTable

__all__ = ["FOR_PEOPLE", "WRITERS", "Target", "write", "write_lines"]

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_ROW_GROUP = 100_000  # rows of a Parquet row group: many small groups are slow to read


@dataclass(frozen=True, slots=True)
class Target:
    """Where an answer goes, to whom: a person at a prompt gets types under headings.

    `width` is the terminal's, None without a terminal.
    """

    out: IO[str] = field(default_factory=lambda: sys.stdout)
    width: int | None = None
    colour: bool = False
    csv_safe: bool = False
    times: Times = Times.NUMBER
    prompt: bool = False

    @property
    def terminal(self) -> bool:
        """Whether it is a terminal, which understands escape sequences."""
        return self.width is not None

    def binary(self, name: str) -> IO[bytes]:
        """The binary stream below, for formats that are not text."""
        if self.terminal:
            raise UsageError(
                f"--output {name} is not for a terminal", hint=f"kshell … > file.{name}"
            )
        return self.out.buffer  # type: ignore[attr-defined, no-any-return]


Batches = Iterable[Any]  # record batches, and for people a Gap where rows are left out
Writer = Callable[[pa.Schema, Batches, Target], Sequence[str]]


def _drawn(schema: pa.Schema, to: Target) -> AlignedTable:
    from kshell.terminal.tables import AlignedTable, style_of

    return AlignedTable(schema, to.width, style_of(to.colour), to.times, to.prompt)


def _table(schema: pa.Schema, batches: Batches, to: Target) -> Sequence[str]:
    table = _drawn(schema, to)
    for block in table.lines(batches):
        to.out.write(block)
    return table.remarks()


def _vertical(schema: pa.Schema, batches: Batches, to: Target) -> Sequence[str]:
    from kshell.terminal.tables import style_of
    from kshell.terminal.vertical import vertical

    style = style_of(to.colour)
    for block in vertical(schema, batches, to.width, style, to.times):
        to.out.write(block)
    return ()


def _auto(schema: pa.Schema, batches: Batches, to: Target) -> Sequence[str]:
    """A table if the first rows fit into one, whole."""
    from kshell.terminal.tables import sampled

    rest = iter(batches)
    first, _ = sampled(rest)
    table = _drawn(schema, to)
    for _ in table.lines(first):
        pass
    shown = chain(first, rest)
    return (_table if table.fits() else _vertical)(schema, shown, to)


def _jsonl(schema: pa.Schema, batches: Batches, to: Target) -> Sequence[str]:
    for batch in batches:
        write_lines(json_lines(schema, batch, "\n"), to)
    return ()


def write_lines(lines: pa.Array, to: Target) -> None:
    """Write lines of JSON, each with its end; a terminal gets them clean."""
    if to.terminal:
        to.out.writelines(f"{clean_json(line[:-1])}\n" for line in lines.to_pylist())
    else:
        to.out.write(joined(lines))


def _json(schema: pa.Schema, batches: Batches, to: Target) -> Sequence[str]:
    separator = "[\n"
    for batch in batches:
        for line in json_lines(schema, batch).to_pylist():
            to.out.write(separator + (clean_json(line) if to.terminal else line))
            separator = ",\n"
    to.out.write("[]\n" if separator == "[\n" else "\n]\n")
    return ()


def _guarded(text: str | None) -> str | None:
    """Puts a quote before a cell that a spreadsheet would read as a formula."""
    return "'" + text if text and text.startswith(_FORMULA) else text


def _as_is(text: str | None) -> str | None:
    return text


def _csv(schema: pa.Schema, batches: Batches, to: Target) -> Sequence[str]:
    import csv

    from kshell.terminal.cells import is_number

    lines = _Lines()
    writer = csv.writer(lines, lineterminator="\r\n")

    def cell(text: str | None) -> str | None:
        guarded = _guarded(text) if to.csv_safe else text
        return clean(guarded) if guarded and to.terminal else guarded

    writer.writerow([cell(name) for name in schema.names])
    for batch in batches:
        columns = [raw_texts(c) for c in batch.columns]
        if to.csv_safe or to.terminal:
            columns = [
                c if is_number(f.type) else [cell(t) for t in c]
                for c, f in zip(columns, schema, strict=True)
            ]
        rows: Iterable[tuple[str | None, ...]] = zip(*columns, strict=True)
        if len(columns) > 1 and any("" in c for c in columns):
            rows = (tuple(_EMPTY if t == "" else t for t in row) for row in rows)
        writer.writerows(rows)
        to.out.write(lines.taken())
    to.out.write(lines.taken())  # the heading, if there were no rows
    return ()


# An empty text until its line is written: the csv module writes it as it writes NULL.
_EMPTY = "\0kshell:empty\0"


class _Lines:
    """The csv module's lines, ended in \\n: a cell's \\r is quoted only if lines end with it."""

    def __init__(self) -> None:
        self._lines: list[str] = []

    def write(self, line: str) -> None:
        """Called once for each row."""
        line = line.removesuffix("\r\n").replace(_EMPTY, '""')
        self._lines.append(f"{line}\n")

    def taken(self) -> str:
        """The lines since the last call."""
        text = "".join(self._lines)
        self._lines.clear()
        return text


_TSV = str.maketrans({"\t": "\\t", "\n": "\\n", "\r": "\\r", "\\": "\\\\"})


def _tsv(schema: pa.Schema, batches: Batches, to: Target) -> Sequence[str]:
    from kshell.terminal.cells import is_number

    def cell(text: str | None) -> str:
        escaped = "\\N" if text is None else text.translate(_TSV)
        return clean(escaped) if to.terminal else escaped

    guard = _guarded if to.csv_safe else _as_is
    to.out.write("\t".join(cell(guard(n)) for n in schema.names) + "\n")
    for batch in batches:
        columns = [
            texts if is_number(f.type) else list(map(guard, texts))
            for texts, f in zip(map(raw_texts, batch.columns), schema, strict=True)
        ]
        lines = ["\t".join(map(cell, row)) + "\n" for row in zip(*columns, strict=True)]
        to.out.write("".join(lines))
    return ()


# Markdown is for documents and chats: a cell must not be markup there, or end a table's row.
_MARKDOWN = str.maketrans({c: f"\\{c}" for c in "\\|`*_[]<>"})


def _markdown(schema: pa.Schema, batches: Batches, to: Target) -> Sequence[str]:
    from kshell.terminal.cells import NULL, cells_of, to_right

    def cell(text: str | None) -> str:
        return NULL if text is None else text.translate(_MARKDOWN)

    to.out.write("| " + " | ".join(cell(clean(n)) for n in schema.names) + " |\n")
    rules = ["---:" if to_right(f, to.times) else "---" for f in schema]
    to.out.write(f"|{'|'.join(rules)}|\n")
    for batch in batches:
        columns = [
            cells_of(c, f, to.times).texts for c, f in zip(batch.columns, schema, strict=True)
        ]
        lines = [f"| {' | '.join(map(cell, row))} |\n" for row in zip(*columns, strict=True)]
        to.out.write("".join(lines))
    return ()


def _arrow(schema: pa.Schema, batches: Batches, to: Target) -> Sequence[str]:
    with pa.ipc.new_stream(to.binary("arrow"), schema) as writer:
        for batch in batches:
            writer.write_batch(batch)
    return ()


def _parquet(schema: pa.Schema, batches: Batches, to: Target) -> Sequence[str]:
    import pyarrow.parquet as pq

    fields = [field if _parquet_has(field) else field.with_type(pa.string()) for field in schema]
    stored = pa.schema(fields)

    def table(waiting: Sequence[pa.RecordBatch]) -> pa.Table:
        columns = []
        for chunks, f in zip(zip(*(b.columns for b in waiting), strict=True), stored, strict=True):
            made = [c if f.type == c.type else pa.array(raw_texts(c), f.type) for c in chunks]
            columns.append(pa.chunked_array(made, f.type))
        return pa.table(columns, stored)

    with pq.ParquetWriter(to.binary("parquet"), stored) as writer:
        waiting: list[pa.RecordBatch] = []
        try:
            for batch in batches:
                waiting.append(batch)
                if sum(b.num_rows for b in waiting) >= _ROW_GROUP:
                    writer.write_table(table(waiting))
                    waiting = []
        finally:  # also when a continuous answer is stopped
            if waiting:
                writer.write_table(table(waiting))
    texts = [f.name for f, g in zip(schema, stored, strict=True) if f.type != g.type]
    return [f"Parquet has no such type, so it is text: {', '.join(texts)}"] if texts else ()


def _parquet_has(field: pa.Field) -> bool:
    """Whether pyarrow writes the column's type to Parquet: intervals and unions it does not."""
    import pyarrow.parquet as pq

    try:
        pq.ParquetWriter(io.BytesIO(), pa.schema([field])).close()
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid):
        return False
    return True


WRITERS: dict[str, Writer] = {
    "table": _table,
    "vertical": _vertical,
    "auto": _auto,
    "json": _json,
    "jsonl": _jsonl,
    "csv": _csv,
    "tsv": _tsv,
    "markdown": _markdown,
    "arrow": _arrow,
    "parquet": _parquet,
}


FOR_PEOPLE = ("table", "vertical", "auto")


def write(name: str, schema: pa.Schema, batches: Batches, to: Target) -> Sequence[str]:
    """Write an answer; returns remarks for the reader (cells that were cut short).

    Of two columns with one name, the second is written as NAME_1, or with the next free number.
    """
    names = unique(schema.names)
    if names != schema.names:
        schema = pa.schema([f.with_name(n) for f, n in zip(schema, names, strict=True)])
        batches = (
            pa.RecordBatch.from_arrays(b.columns, schema=schema)
            if isinstance(b, pa.RecordBatch)
            else b
            for b in batches
        )
    return WRITERS[name](schema, batches, to)
