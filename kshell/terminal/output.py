"""Answers as text or files: one row of WRITERS for each --output, all streaming batch by batch.

A writer takes a schema, batches and where to write; adding a format is adding a row.
"""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import IO

import orjson
import pyarrow as pa

from kshell.errors import UsageError
from kshell.terminal.cells import (
    json_default,
    json_ready,
    plain_text,
    raw_texts,
    texts,
)
from kshell.terminal.sanitize import clean
from kshell.terminal.tables import COLOUR, PLAIN, table_lines, width_of

__all__ = ["WRITERS", "Target", "write"]

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_JSON = orjson.OPT_NON_STR_KEYS


@dataclass(frozen=True, slots=True)
class Target:
    """Where an answer goes: `width` is the terminal's, None where there is none."""

    out: IO[str] = field(default_factory=lambda: sys.stdout)
    width: int | None = None
    colour: bool = False
    csv_safe: bool = False
    vertical_from: int = 0  # rows shown before: vertical numbers them on

    @property
    def terminal(self) -> bool:
        """Whether a person reads it as it is, escape sequences and all."""
        return self.width is not None

    def binary(self, name: str) -> IO[bytes]:
        """The stream beneath, for formats that are not text."""
        if self.terminal:
            raise UsageError(
                f"--output {name} is not for a terminal", hint=f"kshell … > file.{name}"
            )
        return self.out.buffer  # type: ignore[attr-defined, no-any-return]


Batches = Iterable[pa.RecordBatch]
Writer = Callable[[pa.Schema, Batches, Target], None]


def _table(schema: pa.Schema, batches: Batches, to: Target) -> None:
    for block in table_lines(schema, batches, to.width, COLOUR if to.colour else PLAIN):
        to.out.write(block)


def _vertical(schema: pa.Schema, batches: Batches, to: Target) -> None:
    names = [clean(n) for n in schema.names]
    widest = max(map(width_of, names), default=0)
    labels = [" " * (widest - width_of(n)) + n for n in names]
    number = to.vertical_from
    for batch in batches:
        for row in zip(*map(texts, batch.columns), strict=True):
            number += 1
            lines = [f"{label} │ {value}\n" for label, value in zip(labels, row, strict=True)]
            to.out.write(f"─[ {number} ]{'─' * max(widest - len(str(number)) - 3, 1)}\n")
            to.out.write("".join(lines))


def json_rows(schema: pa.Schema, batch: pa.RecordBatch) -> Iterable[str]:
    """Each row as one line of JSON."""
    nested = [f for f in schema if pa.types.is_nested(f.type)]
    for row in batch.to_pylist():
        for f in nested:
            row[f.name] = json_ready(row[f.name], f.type)
        yield orjson.dumps(row, default=json_default, option=_JSON).decode()


def _jsonl(schema: pa.Schema, batches: Batches, to: Target) -> None:
    for batch in batches:
        lines = list(json_rows(schema, batch))
        if to.terminal:
            lines = [clean(line) for line in lines]
        if lines:
            to.out.write("\n".join(lines) + "\n")


def _json(schema: pa.Schema, batches: Batches, to: Target) -> None:
    separator = "[\n"
    for batch in batches:
        for line in json_rows(schema, batch):
            to.out.write(separator + (clean(line) if to.terminal else line))
            separator = ",\n"
    to.out.write("[]\n" if separator == "[\n" else "\n]\n")


def _guarded(text: str | None) -> str | None:
    """A cell that a spreadsheet would take for a formula gets a quote before it."""
    return "'" + text if text and text.startswith(_FORMULA) else text


def _csv(schema: pa.Schema, batches: Batches, to: Target) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(schema.names)
    numbers = [pa.types.is_integer(f.type) or pa.types.is_floating(f.type) for f in schema]
    for batch in batches:
        columns = [raw_texts(c) for c in batch.columns]
        if to.csv_safe:
            columns = [
                c if number else [_guarded(t) for t in c]
                for c, number in zip(columns, numbers, strict=True)
            ]
        writer.writerows(zip(*columns, strict=True))
        _flush_text(text, to)
    _flush_text(text, to)


def _flush_text(text: io.StringIO, to: Target) -> None:
    written = text.getvalue()
    if to.terminal:
        written = "\n".join(clean(line) for line in written.split("\n"))
    to.out.write(written)
    text.seek(0)
    text.truncate()


_TSV = str.maketrans({"\t": "\\t", "\n": "\\n", "\r": "\\r", "\\": "\\\\"})


def _tsv(schema: pa.Schema, batches: Batches, to: Target) -> None:
    def cell(text: str | None) -> str:
        escaped = "\\N" if text is None else text.translate(_TSV)
        return clean(escaped) if to.terminal else escaped

    to.out.write("\t".join(cell(n) for n in schema.names) + "\n")
    for batch in batches:
        columns = [raw_texts(c) for c in batch.columns]
        for row in zip(*columns, strict=True):
            to.out.write("\t".join(map(cell, row)) + "\n")


def _markdown(schema: pa.Schema, batches: Batches, to: Target) -> None:
    def cell(text: str) -> str:
        return clean(text).replace("|", "\\|")

    to.out.write("| " + " | ".join(cell(n) for n in schema.names) + " |\n")
    to.out.write("|" + "---|" * len(schema.names) + "\n")
    for batch in batches:
        for row in batch.to_pylist():
            cells = [cell(plain_text(row[f.name], f.type)) for f in schema]
            to.out.write("| " + " | ".join(cells) + " |\n")


def _arrow(schema: pa.Schema, batches: Batches, to: Target) -> None:
    with pa.ipc.new_stream(to.binary("arrow"), schema) as writer:
        for batch in batches:
            writer.write_batch(batch)


def _parquet(schema: pa.Schema, batches: Batches, to: Target) -> None:
    import pyarrow.parquet as pq

    with pq.ParquetWriter(to.binary("parquet"), schema) as writer:
        for batch in batches:
            writer.write_batch(batch)


WRITERS: dict[str, Writer] = {
    "table": _table,
    "vertical": _vertical,
    "json": _json,
    "jsonl": _jsonl,
    "csv": _csv,
    "tsv": _tsv,
    "markdown": _markdown,
    "arrow": _arrow,
    "parquet": _parquet,
}


def write(name: str, schema: pa.Schema, batches: Batches, to: Target) -> None:
    """Write an answer; a schema with two columns of one name is written with both."""
    names = schema.names
    if len(set(names)) != len(names):
        unique = [n if names.index(n) == i else f"{n}_{i}" for i, n in enumerate(names)]
        schema = pa.schema([f.with_name(n) for f, n in zip(schema, unique, strict=True)])
        batches = (pa.RecordBatch.from_arrays(b.columns, schema=schema) for b in batches)
    WRITERS[name](schema, batches, to)
