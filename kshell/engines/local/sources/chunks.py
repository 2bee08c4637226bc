"""Applies formats to topics: chunks of records to columns, rows to records, schemas to columns.

`continuous` and `declared` read and write through it, `insert` writes, `sample` and `decode` ask it
for the schema registry, which is connected when a format first wants it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from kshell.catalog.model import Column, FormatSpec, Source
from kshell.config import Properties
from kshell.engines.error_log import EXCERPT
from kshell.errors import BadRecord, EvaluationError
from kshell.kafka.records import Wanted, decode

if TYPE_CHECKING:  # a bounded SELECT of JSON reads without these
    from kshell.formats.registry import Schemas
    from kshell.kafka.produce import Outgoing
    from kshell.sql.plan import Sink

__all__ = ["Batch", "Reading", "bad_rows", "infer_columns", "reader_of", "schemas_for",
           "schemas_of", "writer_of"]  # fmt: skip

_REGISTERED = frozenset({"AVRO", "JSON_SR", "PROTOBUF"})


@dataclass(frozen=True, slots=True)
class Batch:
    """Good rows: columns by name, which have no value; and the records that were bad."""

    columns: dict[str, pa.Array]
    tombstone: pa.Array
    bad: list[BadRecord]


Reading = Callable[
    [int, memoryview, int, int, Sequence[tuple[int, int]]], Batch
]
"""(partition, records, first offset, end, aborted transactions) → the rows."""


def schemas_of(properties: Properties) -> Schemas | None:
    """The schema registry that the properties name, or None."""
    if properties.get("schema.registry.url") is None:
        return None
    own = tuple((n, properties[n]) for n in properties if _concerns_registry(n))
    if own not in properties.opened:
        from kshell.formats.registry_http import open_schemas

        properties.opened[own] = open_schemas(properties)
    schemas: Schemas = properties.opened[own]
    return schemas


def _concerns_registry(name: str) -> bool:
    return name.startswith("schema.registry.") or name.endswith(".subject.name.strategy")


def schemas_for(source: Source, properties: Properties) -> Schemas | None:
    """The registry, where one of the source's formats wants it."""
    if {source.key_format.name, source.value_format.name} & _REGISTERED:
        return schemas_of(properties)
    return None


def infer_columns(
    properties: Properties,
) -> Callable[[str, str, FormatSpec], tuple[Column, ...] | None]:
    """A lookup of the columns that a file or the registry knows for a topic's key or value."""

    def infer(topic: str, half: str, format: FormatSpec) -> tuple[Column, ...] | None:
        from kshell.formats import from_schema
        from kshell.formats.base import Half

        return from_schema.infer_columns(schemas_of(properties), topic, Half(half), format)

    return infer


def reader_of(source: Source, names: Sequence[str], properties: Properties) -> Reading:
    """Decodes chunks of a source into the columns `names`, pseudo columns among them."""
    from kshell.formats.source import SourceReader

    throws = properties["ksql.timestamp.throw.on.invalid"] == "true"
    reader = SourceReader(source, names, schemas_for(source, properties), throws=throws)
    wanted = Wanted(
        offset=True, timestamp=True, key=True, value=True, headers=reader.needs_headers
    )

    def read(
        partition: int, records: memoryview, start: int, end: int,
        aborted: Sequence[tuple[int, int]],
    ) -> Batch:  # fmt: skip
        decoded = decode(records, wanted, start=start, end=end, aborted=aborted)
        raw = decoded.batch
        bad = [BadRecord(source.topic, partition, s.first, s.reason) for s in decoded.bad]
        try:
            made = reader.read(raw)
        except EvaluationError as error:
            raise EvaluationError(
                f"topic {source.topic}, partition {partition}: {error.what}"
            ) from None
        places = pa.repeat(pa.scalar(partition, pa.int32()), raw.num_rows)
        columns = {"ROWPARTITION": places, "ROWOFFSET": raw.column("offset")}
        columns |= made.columns  # declared ones go before
        columns["ROWTIME"] = made.times
        kept = {n: columns[n] for n in names}
        tombstone = made.tombstone
        if made.bad:
            bad += bad_rows(source.topic, partition, raw, made.bad)
            worse = {row for row, _ in made.bad}
            good = pa.array([i for i in range(raw.num_rows) if i not in worse], pa.int64())
            kept = {n: c.take(good) for n, c in kept.items()}
            tombstone = tombstone.take(good)
        return Batch(kept, tombstone, bad)

    return read


def bad_rows(
    topic: str, partition: int, raw: pa.RecordBatch, bad: Sequence[tuple[int, str]]
) -> list[BadRecord]:
    """The rows of SHOW ERRORS for rows of a batch and why; the time is -1 where it was not read."""
    timed = "timestamp" in raw.schema.names
    out = []
    for row, reason in bad:
        half = "key" if reason.startswith("key: ") else "value"
        excerpt = (raw.column(half)[row].as_py() or b"")[:EXCERPT]
        offset = raw.column("offset")[row].as_py()
        time = raw.column("timestamp")[row].as_py() if timed else -1
        out.append(BadRecord(topic, partition, offset, reason, time, excerpt))
    return out


def writer_of(
    sink: Sink, properties: Properties
) -> Callable[[pa.RecordBatch, pa.Array], Outgoing]:
    """Encodes rows of the sink's input as records of its topic; `gone` have no value."""
    from kshell.formats.source import SourceWriter
    from kshell.kafka.produce import Outgoing
    from kshell.sql.plan import makes_key

    target, output = sink.target, sink.input.output
    writer = SourceWriter(target, schemas_for(target, properties))
    key = [c.name for c in output.key]
    value = [c.name for c in output.value][: len(target.value)]
    keyed = makes_key(sink)

    def write(rows: pa.RecordBatch, gone: pa.Array) -> Outgoing:
        bounds = None
        if output.window is not None:
            bounds = rows.column("WINDOWSTART"), rows.column("WINDOWEND")
        made = writer.write(
            [rows.column(n) for n in key],
            [rows.column(n) for n in value],
            rows.column("ROWTIME"),
            gone,
            bounds,
            pa.repeat(pa.scalar(False), len(gone)) if keyed else None,
        )
        columns = [made.keys, made.values, made.times]
        if made.bad:
            kept = np.ones(len(gone), np.bool_)
            kept[[row for row, _ in made.bad]] = False
            columns = [c.filter(pa.array(kept)) for c in columns]
        return Outgoing(*columns)

    return write
