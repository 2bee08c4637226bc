"""Writes rows to a file, batch by batch, for COPY TO: what `file_blocks` reads again.

JSON is as topics have it (times are numbers, bytes base64); in CSV an empty cell is NULL and "" an
empty text, what is nested is JSON, and bytes are base64.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import IO, Protocol

import pyarrow as pa

from kshell.catalog.model import Column, FormatSpec
from kshell.errors import BindError
from kshell.formats.json_lines import joined, json_lines
from kshell.types import ksql_type
from kshell.value_texts import raw_texts

__all__ = ["WRITERS", "Writer"]

_ROW_GROUP = 100_000  # rows of Parquet that are written together


class Writer(Protocol):
    """A file that is written."""

    def write(self, batch: pa.RecordBatch) -> None:
        """Write the rows."""

    def close(self) -> None:
        """Write what stands behind the last row."""


class _JsonLines:
    """An object on each line."""

    def __init__(self, stream: IO[bytes], schema: pa.Schema) -> None:
        self._stream, self._schema = stream, schema
        self._codec = None
        if schema.names and all(ksql_type(f.type) == f.type for f in schema):
            from kshell.formats.base import Half, Place
            from kshell.formats.json_codec import JsonCodec

            columns = tuple(Column(f.name, f.type) for f in schema)
            place = Place("", Half.VALUE, FormatSpec("JSON"), columns, loose=False)
            self._codec = JsonCodec(place)

    def write(self, batch: pa.RecordBatch) -> None:
        if self._codec is None:
            self._stream.write(joined(json_lines(self._schema, batch, "\n")).encode())
            return
        import pyarrow.compute as pc

        gone = pa.repeat(pa.scalar(False), batch.num_rows)
        lines = self._codec.encode(batch.columns, gone)
        text = pc.binary_join_element_wise(lines, pa.scalar(b"\n"), pa.scalar(b""))
        self._stream.write(joined(text.cast(pa.string())).encode())

    def close(self) -> None:
        pass


class _Csv:
    """Comma-separated, with a line of names."""

    def __init__(self, stream: IO[bytes], schema: pa.Schema) -> None:
        from pyarrow import csv

        self._texts = [not _plain_in_csv(f.type) for f in schema]
        fields = [
            f.with_type(pa.string() if text else f.type)
            for f, text in zip(schema, self._texts, strict=True)
        ]
        self._schema = pa.schema(fields)
        options = csv.WriteOptions(quoting_style="needed")
        self._writer = csv.CSVWriter(stream, self._schema, write_options=options)

    def write(self, batch: pa.RecordBatch) -> None:
        columns = [
            _csv_texts(c) if text else c
            for c, text in zip(batch.columns, self._texts, strict=True)
        ]
        self._writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=self._schema))

    def close(self) -> None:
        self._writer.close()


def _plain_in_csv(type: pa.DataType) -> bool:
    is_ = pa.types
    number = is_.is_integer(type) or is_.is_floating(type)
    return bool(number or is_.is_boolean(type) or is_.is_string(type))


def _csv_texts(column: pa.Array) -> pa.Array:
    if pa.types.is_binary(column.type):
        cells = column.to_pylist()
        texts = [None if c is None else base64.b64encode(c).decode() for c in cells]
        return pa.array(texts, pa.string())
    return pa.array(raw_texts(column), pa.string())


class _Parquet:
    """Parquet, in groups of rows."""

    def __init__(self, stream: IO[bytes], schema: pa.Schema) -> None:
        import pyarrow.parquet as pq

        try:
            self._writer = pq.ParquetWriter(stream, schema)
        except (pa.ArrowNotImplementedError, pa.ArrowInvalid) as error:
            raise BindError(
                f"Parquet cannot hold these columns: {error}", hint="CAST(… AS STRING)"
            ) from None
        self._schema = schema
        self._waiting: list[pa.RecordBatch] = []
        self._rows = 0

    def write(self, batch: pa.RecordBatch) -> None:
        self._waiting.append(batch)
        self._rows += batch.num_rows
        if self._rows >= _ROW_GROUP:
            self._flush()

    def _flush(self) -> None:
        if self._waiting:
            self._writer.write_table(pa.Table.from_batches(self._waiting, self._schema))
        self._waiting, self._rows = [], 0

    def close(self) -> None:
        self._flush()
        self._writer.close()


def _avro(stream: IO[bytes], schema: pa.Schema) -> Writer:
    from kshell.formats.avro_file import AvroWriter

    return _Stored(AvroWriter, stream, schema)


class _Stored:
    """Columns of KSQL's types, which DuckDB's others become first."""

    def __init__(
        self, made: Callable[[IO[bytes], pa.Schema], Writer], stream: IO[bytes], schema: pa.Schema
    ) -> None:
        self._schema = pa.schema([f.with_type(ksql_type(f.type)) for f in schema])
        self._writer = made(stream, self._schema)

    def write(self, batch: pa.RecordBatch) -> None:
        columns = [c.cast(f.type) for c, f in zip(batch.columns, self._schema, strict=True)]
        self._writer.write(pa.RecordBatch.from_arrays(columns, schema=self._schema))

    def close(self) -> None:
        self._writer.close()


WRITERS: Mapping[str, Callable[[IO[bytes], pa.Schema], Writer]] = {
    "jsonl": _JsonLines,
    "csv": _Csv,
    "parquet": _Parquet,
    "avro": _avro,
}
