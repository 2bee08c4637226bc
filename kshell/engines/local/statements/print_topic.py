"""PRINT topic: each record with its place, time, key and headers, and its value as it is.

`engine` dispatches here; `print_range` says what is read, `print_records` decodes it.  It
reads the record of a live row, too.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kshell.changes import Changes
from kshell.config import Properties
from kshell.engines.local.continuous.feed import Rate
from kshell.engines.local.sources.cut_times import cut_notices
from kshell.engines.local.sources.lookup import Lookup, given_named
from kshell.engines.local.sources.registry_wait import RegistryWait
from kshell.engines.local.sources.topic import unread_notices
from kshell.engines.local.statements.print_range import Range, of_partition, printed_range
from kshell.engines.local.statements.print_records import Records, Where, whole_values
from kshell.errors import KafkaError, UnknownName, Unsupported
from kshell.kafka.fetch import FOREVER, QUEUED_BYTES, Chunk
from kshell.kafka.metadata import no_leader
from kshell.kafka.reader import Reader
from kshell.results import Answer, LiveStats, Printed
from kshell.sql.clauses import Name
from kshell.sql.statements import Print
from kshell.types import quote_duckdb

if TYPE_CHECKING:
    from kshell.engines.local.context import Context

__all__ = ["print_topic", "record_at"]

_MANY = 10_000  # the smallest LIMIT for which fetching ahead helps
_GROWTH = 4  # times as many offsets are looked at, if the last records were not in those

Ranges = Mapping[int, tuple[int, int]]
Follow = Callable[[Ranges], Reader]


def print_topic(context: Context, statement: Print, properties: Properties) -> Answer:
    """The records of a range that ends, or from a place on for ever."""
    if (given := given_named(context.given, statement.topic)) is not None:
        raise Unsupported(
            f"{given} is a table given to this session, and PRINT shows the records of a topic",
            hint=f"SELECT * FROM {quote_duckdb(given)}",
            place=statement.topic.place,
        )
    lookup = context.lookup(properties)
    _check_topic(context, lookup, statement.topic)
    sampled = lookup.sample(statement.topic).source
    snapshot = of_partition(lookup.snapshot(sampled.topic), statement)
    client = lookup.client_of(sampled.topic)
    bell = threading.Event()
    few = statement.limit is not None and statement.limit < _MANY
    room = 1 if few else QUEUED_BYTES

    def follow(ranges: Ranges) -> Reader:
        return client.follow(snapshot, ranges, bell, room)

    where = None if statement.where is None else Where(lookup, statement.where)
    records = Records(
        whole_values(sampled), lookup.properties_of(sampled.topic), context.errors, where
    )
    printed: _Printed | _Last
    if statement.last is not None:
        printed = _Last(follow, bell, records, snapshot.offsets, statement.last)
        ends = True
    else:
        range = printed_range(client, snapshot, statement)
        printed = _Printed(
            follow, bell, records, range, snapshot.offsets, statement.interval, statement.limit
        )
        ends = statement.stop is not None or statement.limit is not None
    return Printed(
        records.schema, printed.poll, printed.cancel, printed.stats, sampled.topic,
        notices=(*lookup.notices, *cut_notices([(sampled, [c.name for c in sampled.columns()])]),
                 *unread_notices(snapshot.name, snapshot.missing)),
        ends=ends,
        follows=statement.stop is None and statement.last is None,
    )  # fmt: skip


def record_at(
    context: Context, topic: str, partition: int, offset: int, properties: Properties
) -> Printed:
    """One record as PRINT shows it; here or by its `poll`, KafkaError if it is not there."""
    lookup = context.lookup(properties)
    name = Name(topic, quoted=True)
    called = lookup.topic_name(name)
    snapshot = lookup.snapshot(called)
    if partition in snapshot.missing:
        raise no_leader(snapshot.name, [partition])
    first, end = snapshot.offsets.get(partition, (0, 0))
    if offset < first:
        raise KafkaError(f"offset {offset:,} is gone: the log starts at {first:,}")
    if offset >= end:
        raise KafkaError(f"offset {offset:,} is not there: the log ends at {end:,}")
    bell = threading.Event()

    def follow(ranges: Ranges) -> Reader:
        return lookup.client_of(called).follow(snapshot, ranges, bell, 1)

    records = Records(
        whole_values(lookup.sample(name).source), lookup.properties_of(called), context.errors,
        None,
    )
    printed = _One(follow, bell, records, partition, offset, snapshot.offsets)
    return Printed(
        records.schema, printed.poll, printed.cancel, printed.stats, topic, ends=True,
        follows=False,
    )  # fmt: skip


def _check_topic(context: Context, lookup: Lookup, name: Name) -> None:
    """Raise UnknownName if there is no such topic, and Unsupported if it names a file's table."""
    try:
        lookup.topic(name)
    except UnknownName:
        declared = context.catalog.find(name.text, name.quoted)
        if declared is None or declared.file is None:
            raise
        raise Unsupported(
            f"{declared.name} is a table of {declared.file.path}, and PRINT shows the records of "
            "a topic",
            hint=f"SELECT * FROM {quote_duckdb(declared.name)}",
            place=name.place,
        ) from None


class _Reading:
    """Polls one read of ranges of the topic's partitions, and decodes what comes."""

    def __init__(
        self, follow: Follow, bell: threading.Event, records: Records, range: Range, held: Ranges
    ) -> None:
        """Offsets that are not there yet are not asked for: they are passed over."""
        ranges = range.offsets
        self._bell, self._records, self._range, self._ranges = bell, records, range, ranges
        self._started, self._over = set[int](), set[int]()  # partitions
        wanted = {p: (min(start, held[p][1]), end) for p, (start, end) in ranges.items()}
        wanted = {p: (start, end) for p, (start, end) in wanted.items() if start < end}
        self._ended = not wanted
        self._bounded = all(end < FOREVER for _, end in ranges.values())
        self._reader = follow(wanted) if wanted else None
        self._held: Chunk | None = None  # a chunk that waits for the schema registry
        self._wait = RegistryWait()

    def poll(self, seconds: float) -> pa.RecordBatch | None:
        """The next rows, None if none came in time or the registry does not answer."""
        reader = self._reader
        if reader is None:
            return None
        self._bell.clear()
        chunk = self._held or reader.poll()
        if chunk is None and not self.done and self._bell.wait(seconds):
            chunk = reader.poll()
        if chunk is None or chunk.partition not in self._ranges:
            return None
        start, stop = self._ranges[chunk.partition]
        rows = self._wait.attempt(lambda: self._records.rows(chunk, start, stop))
        self._held = chunk if rows is None else None
        if rows is None:
            time.sleep(min(seconds, self._wait.again))
            return None
        return self._range.part(rows, self._started, self._over)

    @property
    def done(self) -> bool:
        """Whether nothing more comes."""
        if self._reader is None:
            return self._ended
        return self._bounded and self._held is None and self._reader.done

    @property
    def lag(self) -> int | None:
        """Records that are to be read."""
        return 0 if self._reader is None else self._reader.lag

    @property
    def note(self) -> str:
        """What it waits for, while it does."""
        reader = self._reader
        return self._wait.note or ("" if reader is None else reader.note or reader.held_back)

    def cancel(self) -> None:
        """Read no more."""
        self._ended = True
        if self._reader is not None:
            self._reader.cancel()


class _Printing:
    """What both kinds of PRINT have: its footer and its end."""

    def __init__(self, records: Records, reading: _Reading) -> None:
        self._records, self._reading = records, reading
        self._rate = Rate()
        self._rows, self._over = 0, False

    def stats(self) -> LiveStats:
        """The footer."""
        read = self._records.read
        return LiveStats(
            self._rows, read, self._rate.of(read), self._reading.lag, self._records.left_out,
            self._reading.note,
        )  # fmt: skip

    def cancel(self) -> None:
        """Stop; the next poll ends it."""
        self._over = True
        self._reading.cancel()


class _Printed(_Printing):
    """The first of each `interval` records, up to `limit`."""

    def __init__(
        self,
        follow: Follow,
        bell: threading.Event,
        records: Records,
        range: Range,
        held: Ranges,
        interval: int,
        limit: int | None,
    ) -> None:
        super().__init__(records, _Reading(follow, bell, records, range, held))
        self._interval, self._limit = interval, limit
        self._seen = 0

    def poll(self, seconds: float) -> Changes | None:
        """The next rows; empty if none came in time, or the registry does not answer."""
        if self._over or self._rows == self._limit:
            self.cancel()
            return None
        batch = self._reading.poll(seconds)
        if batch is None:
            return None if self._reading.done else Changes.none(self._records.schema)
        first = -self._seen % self._interval
        self._seen += batch.num_rows
        if self._interval > 1:
            batch = batch.take(pa.array(np.arange(first, batch.num_rows, self._interval)))
        if self._limit is not None:
            batch = batch.slice(0, self._limit - self._rows)
        self._rows += batch.num_rows
        return Changes.of(batch)


class _One(_Printed):
    """The record at one offset."""

    def __init__(
        self,
        follow: Follow,
        bell: threading.Event,
        records: Records,
        partition: int,
        offset: int,
        held: Ranges,
    ) -> None:
        range = Range({partition: (offset, offset + 1)})
        super().__init__(follow, bell, records, range, held, interval=1, limit=1)
        self._offset = offset

    def poll(self, seconds: float) -> Changes | None:
        """The record; then None, or KafkaError if there was none."""
        made = super().poll(seconds)
        if made is None and not self._rows and not self._over:
            raise KafkaError(f"offset {self._offset:,} is gone: the log was compacted")
        return made


class _Last(_Printing):
    """The newest records by time: reads back from the ends until there are enough."""

    def __init__(
        self, follow: Follow, bell: threading.Event, records: Records, held: Ranges, count: int
    ) -> None:
        self._follow, self._bell, self._records = follow, bell, records
        self._held, self._count = held, count
        self._found: dict[int, list[pa.RecordBatch]] = {p: [] for p in held}
        self._starts = {p: end for p, (_, end) in held.items()}
        self._width = count + 1  # one more, for the mark at the end of a transaction
        super().__init__(records, self._round())

    def _round(self) -> _Reading:
        """Read further back in the partitions that gave too few."""
        ranges = {}
        for p, (first, _) in self._held.items():
            if self._of(p) < self._count and self._starts[p] > first:
                start = max(first, self._starts[p] - self._width)
                ranges[p] = (start, self._starts[p])
                self._starts[p] = start
        self._width *= _GROWTH
        self._latest: dict[int, list[pa.RecordBatch]] = {p: [] for p in ranges}
        return _Reading(self._follow, self._bell, self._records, Range(ranges), self._held)

    def _of(self, partition: int) -> int:
        return sum(batch.num_rows for batch in self._found[partition])

    def poll(self, seconds: float) -> Changes | None:
        """All of them at once, when they are found; then None."""
        if self._over:
            return None
        rows = self._reading.poll(seconds)
        if rows is not None and rows.num_rows:
            self._latest[rows.column("partition")[0].as_py()].append(rows)
        elif rows is None and self._reading.done:
            return self._next_round()
        return Changes.none(self._records.schema)

    def _next_round(self) -> Changes:
        for p, batches in self._latest.items():
            self._found[p] = [*batches, *self._found[p]]
        self._reading = self._round()
        if not self._reading.done:
            return Changes.none(self._records.schema)
        self._over = True
        found = [pa.concat_batches(batches) for batches in self._found.values() if batches]
        if not found:
            return Changes.none(self._records.schema)
        rows = pa.concat_batches(found)
        # A part of a batch that cannot be read has no time: it stays behind the record before it.
        times = [pc.fill_null_forward(part.column("timestamp")).fill_null(0) for part in found]
        order = np.lexsort((
            rows.column("offset").to_numpy(), rows.column("partition").to_numpy(),
            pa.concat_arrays(times).to_numpy(),
        ))  # fmt: skip
        rows = rows.take(pa.array(order[max(len(order) - self._count, 0) :]))
        self._rows = rows.num_rows
        return Changes.of(rows)
