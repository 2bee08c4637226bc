"""Records as PRINT shows them: decoded chunks, those of its condition, and what cannot be decoded.

`print_topic` reads with it.  JSON and text are shown as they are, even if they do not parse, values
with a schema as a STRUCT, and a record that cannot be decoded is a row with an error.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kshell.catalog.model import Column, FormatSpec, Kind, Source
from kshell.config import Properties
from kshell.engines.error_log import ErrorLog
from kshell.engines.local.sources.chunks import OneDecoding, Reading, reader_of
from kshell.errors import BadRecord
from kshell.kafka.fetch import Chunk
from kshell.results import LeftOut
from kshell.types import STRING, as_moment

if TYPE_CHECKING:
    from kshell.engines.local.sources.lookup import Lookup
    from kshell.sql.clauses import Query

__all__ = ["Records", "Where", "whole_values"]

# The columns of an answer, and the pseudo columns and the value that they are.
_READ: Mapping[str, str] = {
    "partition": "ROWPARTITION", "offset": "ROWOFFSET", "timestamp": "ROWTIME", "key": "ROWKEY",
    "headers": "ROWHEADERS", "value": "VALUE",
}  # fmt: skip
_AS_TEXT = frozenset({"DELIMITED", "JSON", "NONE"})


class Where:
    """The condition, as a continuous query of the topic decides it."""

    def __init__(self, lookup: Lookup, query: Query) -> None:
        from kshell.engines.local.sources.scan_reader import Intake
        from kshell.engines.local.statements.plans import plan_query
        from kshell.sql import plan
        from kshell.stream.graph import build

        placed = lookup.properties.set("ksql.rowpartition.rowoffset.enabled", "true")
        node = plan_query(replace(lookup, properties=placed), query)
        (leaf,) = plan.scans(node)
        ((_, self._column),) = node.columns

        def failed(row: dict[str, object], column: str, message: str) -> None:
            lookup.errors.evaluation(f"PRINT {leaf.source.topic}", column, message)

        self.decoding = OneDecoding()  # who shows the records reads the same chunks
        self._intake = Intake(leaf, lookup.errors, lookup.properties, decoding=self.decoding)
        self._graph = build(node, on_error=failed)

    def offsets(self, chunk: Chunk, start: int, stop: int) -> tuple[pa.Array, int, LeftOut]:
        """The offsets for which it holds, how many records were decoded, and which could not be."""
        rows, bad = self._intake.rows(chunk, start, stop)
        found = self._graph.step({0: rows})
        return found.rows.column(self._column).filter(found.there()), len(rows), bad


def _field(name: str, type: pa.DataType) -> pa.Field:
    field = pa.field(name, type)
    return as_moment(field) if name == "timestamp" else field


class Records:
    """Chunks as rows of an answer: those of a condition, or all, those with an error too."""

    def __init__(
        self, source: Source, properties: Properties, errors: ErrorLog, where: Where | None
    ) -> None:
        types = source.pseudo_columns() | {c.name: c.type for c in source.columns()}
        self.schema = pa.schema([
            ("topic", STRING),
            *(_field(name, types[read]) for name, read in _READ.items()),
            ("error", STRING),
        ])  # fmt: skip
        self._topic, self._errors, self._where = source.topic, errors, where
        self._read: Reading = reader_of(
            source, list(_READ.values()), properties,
            decoding=None if where is None else where.decoding,
        )  # fmt: skip
        self.read, self.left_out = 0, LeftOut()

    def rows(self, chunk: Chunk, start: int, stop: int) -> pa.RecordBatch:
        """The rows of the offsets [start, stop); raises RegistryDown."""
        start = max(start, chunk.start)
        if self._where is not None:
            return self._filtered(self._where, chunk, start, stop)
        found = self._read(chunk.partition, chunk.records, start, stop, chunk.aborted)
        rows = self._batch(found.of(list(_READ.values())))
        if found.bad:
            self._errors.add(found.bad)
            rows = self._with_errors(rows, found.bad)
        self.read += found.rows + found.lost
        return rows

    def _filtered(self, where: Where, chunk: Chunk, start: int, stop: int) -> pa.RecordBatch:
        """The rows for which the condition holds; those in error are not shown, but counted."""
        wanted, count, left_out = where.offsets(chunk, start, stop)
        self.left_out += left_out
        self.read += count + left_out.count
        if not len(wanted):
            return pa.RecordBatch.from_pylist([], self.schema)
        found = self._read(chunk.partition, chunk.records, start, stop, chunk.aborted)
        rows = self._batch(found.of(list(_READ.values())))
        return rows.filter(pc.is_in(rows.column("offset"), wanted))

    def _batch(self, found: pa.RecordBatch) -> pa.RecordBatch:
        count = found.num_rows
        return pa.RecordBatch.from_arrays(
            [pa.repeat(pa.scalar(self._topic), count), *found.columns, pa.nulls(count, STRING)],
            schema=self.schema,
        )

    def _with_errors(self, rows: pa.RecordBatch, bad: Sequence[BadRecord]) -> pa.RecordBatch:
        """The rows and those of records that cannot be decoded, by their offsets."""
        errors = pa.RecordBatch.from_pylist(
            [
                {
                    "topic": b.topic, "partition": b.partition, "offset": b.offset,
                    "timestamp": b.timestamp if b.timestamp >= 0 else None, "error": b.reason,
                }
                for b in bad
            ],
            self.schema,
        )  # fmt: skip
        both = pa.concat_batches([rows, errors])
        order = np.argsort(both.column("offset").to_numpy(), kind="stable")
        return both.take(pa.array(order))


def whole_values(source: Source) -> Source:
    """The source with one column VALUE that holds the whole value."""
    format = source.value_format
    if format.name in _AS_TEXT:
        format, type = FormatSpec("KAFKA"), STRING
    elif len(source.value) == 1 and source.value[0].name == "VALUE":
        type = source.value[0].type
    else:
        type = pa.struct([(c.name, c.type) for c in source.value])
        options = {**format.options, "WRAP_SINGLE_VALUE": "false"}
        format = FormatSpec(format.name, MappingProxyType(options))
    return Source(
        source.topic, Kind.STREAM, source.topic, source.key, (Column("VALUE", type),),
        source.key_format, format, declared=False,
    )  # fmt: skip
