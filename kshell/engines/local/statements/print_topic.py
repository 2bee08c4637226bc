"""PRINT topic: keys and values as they arrive, one line for each record.

`engine` dispatches here.  It shows JSON and text as they are, even if they do not parse, and values
with a schema as a STRUCT.
"""

from __future__ import annotations

import threading
import time
from types import MappingProxyType
from typing import TYPE_CHECKING

import pyarrow as pa

from kshell.catalog.model import Column, FormatSpec, Kind, Source
from kshell.changes import Changes
from kshell.config import Properties
from kshell.engines.error_log import ErrorLog
from kshell.engines.local.continuous.feed import Rate
from kshell.engines.local.sources.chunks import Reading, reader_of
from kshell.engines.local.sources.cut_times import cut_notices
from kshell.engines.local.sources.lookup import given_named
from kshell.engines.local.sources.registry_wait import RegistryWait
from kshell.errors import Unsupported
from kshell.kafka.fetch import FOREVER, QUEUED_BYTES, Chunk
from kshell.kafka.reader import Reader
from kshell.results import Answer, LeftOut, Live, LiveStats
from kshell.sql.statements import Print
from kshell.types import STRING, quote_duckdb

if TYPE_CHECKING:
    from kshell.engines.local.context import Context

__all__ = ["print_topic"]

_COLUMNS = ("ROWTIME", "ROWPARTITION", "ROWOFFSET", "ROWKEY", "VALUE")
_MANY = 10_000  # the smallest LIMIT for which fetching ahead helps
_AS_TEXT = frozenset({"DELIMITED", "JSON", "NONE"})


def print_topic(context: Context, statement: Print, properties: Properties) -> Answer:
    """The records from now on, or FROM BEGINNING."""
    if (given := given_named(context.given, statement.topic)) is not None:
        raise Unsupported(
            f"{given} is a table given to this session, and PRINT shows the records of a topic",
            hint=f"SELECT * FROM {quote_duckdb(given)}",
            place=statement.topic.place,
        )
    lookup = context.lookup(properties)
    sampled = lookup.sample(statement.topic).source
    source = _whole(sampled)
    snapshot = lookup.snapshot(source.topic)
    starts = {p: (f if statement.from_beginning else e) for p, (f, e) in snapshot.offsets.items()}
    bell, ranges = threading.Event(), {p: (start, FOREVER) for p, start in starts.items()}
    few = statement.limit is not None and statement.limit < _MANY
    reader = context.client.follow(snapshot, ranges, bell, 1 if few else QUEUED_BYTES)
    types = source.pseudo_columns() | {c.name: c.type for c in source.columns()}
    schema = pa.schema([(n, types[n]) for n in _COLUMNS])
    read = reader_of(source, _COLUMNS, properties)
    printed = _Printed(
        reader, bell, schema, read, context.errors, statement.interval, statement.limit
    )
    cut = cut_notices([(sampled, [c.name for c in sampled.columns()])])
    return Live(
        schema, printed.poll, printed.cancel, printed.stats, source.topic, notices=cut
    )


class _Printed:
    """Decodes a read without an end: the first of each `interval` records, up to `limit`."""

    def __init__(
        self,
        reader: Reader,
        bell: threading.Event,
        schema: pa.Schema,
        read: Reading,
        errors: ErrorLog,
        interval: int,
        limit: int | None,
    ) -> None:
        self._reader, self._bell = reader, bell
        self._schema, self._read, self._errors = schema, read, errors
        self._interval, self._limit = interval, limit
        self._rate = Rate()
        self._rows = self._decoded = 0
        self._bad = LeftOut()
        self._cancelled = False
        self._held: Chunk | None = None  # a chunk that waits for the schema registry
        self._wait = RegistryWait()

    def poll(self, seconds: float) -> Changes | None:
        """The next rows; empty if none came in time, or the registry does not answer."""
        if self._cancelled or self._rows == self._limit:
            self.cancel()
            return None
        batch = self._next(seconds)
        if batch is None:
            return Changes.none(self._schema)
        first = -self._decoded % self._interval
        self._decoded += batch.num_rows
        wanted = list(range(first, batch.num_rows, self._interval))
        rows = batch.take(wanted) if self._interval > 1 else batch
        if self._limit is not None:
            rows = rows.slice(0, self._limit - self._rows)
        self._rows += rows.num_rows
        return Changes.of(rows)

    def _next(self, seconds: float) -> pa.RecordBatch | None:
        self._bell.clear()
        chunk = self._held or self._reader.poll()
        if chunk is None and self._bell.wait(seconds):
            chunk = self._reader.poll()
        if chunk is None:
            return None
        decoded = self._wait.attempt(
            lambda: self._read(
                chunk.partition, chunk.records, chunk.start, FOREVER, chunk.aborted
            )
        )
        self._held = chunk if decoded is None else None
        if decoded is None:
            time.sleep(min(seconds, self._wait.again))
            return None
        self._errors.add(decoded.bad)
        self._bad += decoded.left_out
        return decoded.of(_COLUMNS)

    def stats(self) -> LiveStats:
        """The footer."""
        scanned = self._decoded + self._bad.count
        return LiveStats(
            self._rows, scanned, self._rate.of(scanned), self._reader.lag, self._bad,
            self._wait.note or self._reader.note,
        )  # fmt: skip

    def cancel(self) -> None:
        """Stop; the next poll ends it."""
        self._cancelled = True
        self._reader.cancel()


def _whole(source: Source) -> Source:
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
        suggested_key=source.suggested_key, samples=source.samples,
    )  # fmt: skip
