"""Files of Avro's own container format: their records as Arrow batches, and batches as a file.

`file_rows` reads reference files with it, `file_blocks` and `file_writers` those of COPY.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator
from typing import IO, Any
from uuid import UUID

import pyarrow as pa

from kshell.errors import BindError, KshellError
from kshell.field_names import plain_type
from kshell.formats.avro.parse import load
from kshell.formats.avro.schema import avro_text, avro_type
from kshell.formats.avro.steps import steps
from kshell.formats.avro.write import writer
from kshell.formats.registry import Schema, SchemaType
from kshell.formats.row_writer import row_writer
from kshell.types import TIME, TIMESTAMP, ksql_name, stored_type

__all__ = ["AvroWriter", "read_avro"]

_MAGIC = b"Obj\x01"
Wrong = Callable[[str, str], KshellError]  # the error of what is wrong, and where


def read_avro(stream: IO[bytes], wrong: Wrong) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
    """The columns of a file, and its records block by block; raises what `wrong` makes."""
    import fastavro

    blocks = fastavro.block_reader(stream)
    schema = blocks.writer_schema
    if not isinstance(schema, dict) or schema.get("type") != "record":
        raise wrong("its values are no records", "")
    text = json.dumps(schema)
    type = plain_type(avro_type(Schema(SchemaType.AVRO, text)))
    taken = _without_uuids if '"uuid"' in text else list
    made = pa.schema([field.with_type(_finer(field.type)) for field in type])
    return made, _batches(blocks, made, taken, wrong)


def _batches(
    blocks: Iterable[Any], schema: pa.Schema, taken: Callable[[Any], list[Any]], wrong: Wrong
) -> Iterator[pa.RecordBatch]:
    row = 0
    for block in blocks:
        records = taken(block)
        columns = []
        for field in schema:
            try:
                columns.append(pa.array([r[field.name] for r in records], field.type))
            except (pa.ArrowException, TypeError, ValueError) as error:
                why = (str(error) or type(error).__name__).splitlines()[0]
                raise wrong(
                    f"column {field.name} is no {ksql_name(field.type)}: {why}",
                    f"rows {row + 1} to {row + len(records)}",
                ) from None
        row += len(records)
        yield pa.RecordBatch.from_arrays(columns, schema=schema)


def _finer(type: pa.DataType) -> pa.DataType:
    """A time's type with the digits that Python's times have."""
    finer = {TIMESTAMP: pa.timestamp("us"), TIME: pa.time64("us")}
    return finer.get(type, type)


def _without_uuids(value: Any) -> Any:
    """The values, with the texts of UUIDs in their place."""
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, dict):
        return {name: _without_uuids(inner) for name, inner in value.items()}
    if isinstance(value, str | bytes) or not isinstance(value, Iterable):
        return value
    return [_without_uuids(inner) for inner in value]


class AvroWriter:
    """Writes batches of one schema, each as a block; raises BindError for names that Avro lacks."""

    def __init__(self, stream: IO[bytes], schema: pa.Schema) -> None:
        for name in schema.names:
            if not (name.isascii() and name.isidentifier()):
                raise BindError(
                    f"Avro has no field named {name}", hint="name it: SELECT … AS name"
                )
        self._stream, self._sync = stream, os.urandom(16)
        type = pa.struct(list(schema))
        node = load(Schema(SchemaType.AVRO, text := avro_text(type, "kshell.Row")))
        self._types = [stored_type(f.type) for f in schema]
        self._names = schema.names
        self._rows = row_writer(lambda: steps(node, type, wrapped=True), "avro")
        self._write = writer(node, type)
        held = (("avro.schema", text), ("avro.codec", "null"))
        pairs = b"".join(_bytes(part.encode()) for pair in held for part in pair)
        stream.write(_MAGIC + _long(len(held)) + pairs + _long(0) + self._sync)

    def write(self, batch: pa.RecordBatch) -> None:
        """Write the rows."""
        if not batch.num_rows:
            return
        gone = pa.repeat(pa.scalar(False), batch.num_rows)
        rows = None if self._rows is None else self._rows.write(batch.columns, gone, b"")
        data = b"".join(self._encoded(batch) if rows is None else rows.to_pylist())
        self._stream.write(_long(batch.num_rows) + _bytes(data) + self._sync)

    def _encoded(self, batch: pa.RecordBatch) -> Iterator[bytes]:
        stored = zip(batch.columns, self._types, strict=True)
        columns = [column.cast(type).to_pylist() for column, type in stored]
        for row in zip(*columns, strict=True):
            out = bytearray()
            self._write(dict(zip(self._names, row, strict=True)), out)
            yield bytes(out)

    def close(self) -> None:
        """Nothing stands behind the last block."""


def _long(number: int) -> bytes:
    """Avro's variable-length number.

    >>> _long(64), _long(-1)
    (b'\\x80\\x01', b'\\x01')
    """
    number = (number << 1) ^ (number >> 63)
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def _bytes(data: bytes) -> bytes:
    return _long(len(data)) + data
