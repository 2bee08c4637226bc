"""Applies formats to topics: chunks of records to columns, rows to records, schemas to columns.

Every statement that reads or writes records does it through here, except for the samples of
`sample`.  The schema registry is connected when a format first wants it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from kshell.catalog.model import Column, FormatSpec, Source
from kshell.config import Properties
from kshell.engines.error_log import EXCERPT
from kshell.errors import BadRecord, EvaluationError
from kshell.formats.source_reader import SourceReader
from kshell.kafka.records import Decoded, Wanted, decode
from kshell.results import LeftOut

if TYPE_CHECKING:  # a bounded SELECT of JSON reads without these
    from kshell.formats.base import Half, Learned
    from kshell.formats.registry import Schemas
    from kshell.kafka.produce import Outgoing
    from kshell.sql.plan import Sink

__all__ = ["Batch", "Learns", "OneDecoding", "Reading", "counted", "infer_columns", "reader_of",
           "schemas_for", "schemas_of", "writer_of"]  # fmt: skip

_ALL = Wanted(offset=True, timestamp=True, key=True, value=True)
_WHOLE = Wanted(offset=True, timestamp=True, key=True, value=True, headers=True)
_REGISTERED = frozenset({"AVRO", "JSON_SR", "PROTOBUF"})


class Learns(Enum):
    """What a bounded scan of an undeclared topic learns: values that do not fit, or fields that no
    sample had as well."""

    NOT = 0
    TYPES = 1
    ALL = 2


@dataclass(slots=True)
class Batch:
    """Good rows: columns by name, and which have no value; and the records that were bad.

    `lost` counts those: a part of a batch that cannot be read is one row of `bad`.  In a scan that
    learns, rows of another type than samples suggested are no bad ones, and `learned` has them.
    """

    columns: dict[str, pa.Array]
    rows: int
    tombstone: Any  # an array; None in a sparing scan
    bad: list[BadRecord]
    lost: int
    learned: Mapping[Half, Learned] = field(default_factory=dict)
    offsets: pa.Array | None = None  # of the rows' records, if they were decoded

    @property
    def left_out(self) -> LeftOut:
        """The bad records as an answer speaks of them."""
        return LeftOut(self.lost, tuple(dict.fromkeys(b.reason for b in self.bad)))

    def of(self, names: Sequence[str]) -> pa.RecordBatch:
        """The rows with these columns."""
        if not names:
            return counted(self.rows)
        return pa.RecordBatch.from_arrays([self.columns[n] for n in names], names=list(names))


def counted(rows: int) -> pa.RecordBatch:
    """So many rows without columns."""
    return pa.RecordBatch.from_struct_array(pa.repeat(pa.scalar({}, pa.struct([])), rows))


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


class OneDecoding:
    """Records decoded once for two readers of the same chunks, one chunk after the other."""

    def __init__(self) -> None:
        self._of: tuple[memoryview, int, int] | None = None
        self._made: Decoded | None = None

    def __call__(
        self, records: memoryview, wanted: Wanted, *,
        start: int, end: int, aborted: Sequence[tuple[int, int]],
    ) -> Decoded:  # fmt: skip
        """All columns, whichever are wanted."""
        last = self._of
        if self._made is None or last is None or last[0] is not records or last[1:] != (start, end):
            self._made = decode(records, _WHOLE, start=start, end=end, aborted=aborted)
            self._of = records, start, end
        return self._made


def reader_of(
    source: Source, names: Sequence[str], properties: Properties, *,
    learns: Learns = Learns.NOT, sparing: bool = False, decoding: OneDecoding | None = None,
    placed: bool = False,
) -> Reading:  # fmt: skip
    """Decodes chunks of a source into the columns `names`, pseudo columns among them.

    Every statement reads records with it, so that a record is the same rows or the same error in
    each.  A `sparing` scan looks at no more of a record than the columns need.  Readers of one
    statement may share a `decoding`.  Where it is `placed`, the rows have their offsets, too.
    """
    throws = properties["ksql.timestamp.throw.on.invalid"] == "true"
    schemas = schemas_for(source, properties)
    reader = SourceReader(source, names, schemas, throws=throws, sparing=sparing)
    decodes = reader.needs_key or reader.needs_value
    wanted = Wanted(
        offset="ROWOFFSET" in names or decodes or placed,
        timestamp="ROWTIME" in names or not sparing,
        key=reader.needs_key,
        value=reader.needs_value,
        headers=reader.needs_headers,
    )

    def read(
        partition: int, records: memoryview, start: int, end: int,
        aborted: Sequence[tuple[int, int]],
    ) -> Batch:  # fmt: skip
        open_chunk = decoding or decode
        decoded = open_chunk(records, wanted, start=start, end=end, aborted=aborted)
        raw = decoded.batch
        bad = [BadRecord(source.topic, partition, s.first, s.reason) for s in decoded.bad]
        lost = sum(s.last - s.first + 1 for s in decoded.bad)
        try:
            made = reader.read(raw)
        except EvaluationError as error:
            raise EvaluationError(
                f"topic {source.topic}, partition {partition}: {error.what}"
            ) from None
        columns: dict[str, pa.Array] = {}
        if "ROWPARTITION" in names:
            columns["ROWPARTITION"] = pa.repeat(pa.scalar(partition, pa.int32()), raw.num_rows)
        if "ROWOFFSET" in names:
            columns["ROWOFFSET"] = raw.column("offset")
        columns |= made.columns  # declared ones go before
        if "ROWTIME" in names:
            columns["ROWTIME"] = made.times
        kept, rows, tombstone = {n: columns[n] for n in names}, raw.num_rows, made.tombstone
        offsets = raw.column("offset") if wanted.offset else None
        learned: Mapping[Half, Learned] = {}
        misfits = set[int]()
        if learns is not Learns.NOT:
            learned = reader.learn(raw, made, whole=learns is Learns.ALL)
            misfits = made.misfits
        if made.bad:
            told = [(row, why) for row, why in made.bad if row not in misfits]
            if told and sparing:  # its time and both halves are told of as well
                raw = decode(records, _ALL, start=start, end=end, aborted=aborted).batch
            bad += _bad_rows(source.topic, partition, raw, told)
            worse = {row for row, _ in made.bad}
            good = pa.array([i for i in range(rows) if i not in worse], pa.int64())
            kept = {n: c.take(good) for n, c in kept.items()}
            tombstone = None if tombstone is None else tombstone.take(good)
            offsets = None if offsets is None else offsets.take(good)
            lost, rows = lost + len(told), len(good)
        return Batch(kept, rows, tombstone, bad, lost, learned, offsets)

    return read


def _bad_rows(
    topic: str, partition: int, raw: pa.RecordBatch, bad: Sequence[tuple[int, str]]
) -> list[BadRecord]:
    """The rows of SHOW ERRORS for rows of a batch and why."""
    out = []
    for row, reason in bad:
        half = "key" if reason.startswith("key: ") else "value"
        excerpt = (raw.column(half)[row].as_py() or b"")[:EXCERPT]
        offset = raw.column("offset")[row].as_py()
        time = raw.column("timestamp")[row].as_py()
        out.append(BadRecord(topic, partition, offset, reason, time, excerpt))
    return out


def writer_of(
    sink: Sink, properties: Properties
) -> Callable[[pa.RecordBatch, pa.Array], tuple[Outgoing, list[str]]]:
    """Encodes rows of the sink's input as records of its topic; `gone` have no value.

    Gives also why some rows are no records; raises Unwritable where the format cannot hold a value.
    """
    from kshell.formats.source import SourceWriter
    from kshell.kafka.produce import Outgoing
    from kshell.sql.plan import makes_key

    target, output = sink.target, sink.input.output
    writer = SourceWriter(target, schemas_for(target, properties))
    key = [c.name for c in output.key]
    value = [c.name for c in output.value][: len(target.value)]
    keyed = makes_key(sink)

    def write(rows: pa.RecordBatch, gone: pa.Array) -> tuple[Outgoing, list[str]]:
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
        return Outgoing(*columns), [why for _, why in made.bad]

    return write
