"""PRINT: raw keys and values of a topic as they arrive.

`engine` dispatches here.  The caller pulls with `poll`; nothing runs in between but the fetch.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import pyarrow as pa

from kshell.changes import Changes
from kshell.engines.local.continuous.feed import Rate
from kshell.engines.local.decode import Decoder
from kshell.errors import CorruptRecord, RegistryDown
from kshell.kafka.client import Client
from kshell.kafka.fetch import FOREVER, Chunk, Fetch
from kshell.kafka.metadata import Topic
from kshell.results import Live, LiveStats

__all__ = ["Follower", "every", "follow"]

_AGAIN = 0.25  # seconds between two questions to a registry that is away


class Follower:
    """A fetch without an end, decoded; counts what it sees."""

    def __init__(
        self, client: Client, topic: Topic, starts: dict[int, int], decoder: Decoder, strict: str
    ) -> None:
        self._fetch = Fetch(client, topic, {p: (o, FOREVER) for p, o in starts.items()})
        self._decoder, self._strict = decoder, strict == "true"
        self._rate = Rate()
        self.scanned = self.bad = self.rows = 0
        self.cancelled = False
        self._held: Chunk | None = None  # what waits for the schema registry
        self._away = ""

    def poll(self, seconds: float) -> pa.RecordBatch | None:
        """The rows of the next chunk; None where none came in time, or the registry is away."""
        chunk = self._held or self._fetch.poll(seconds)
        if chunk is None:
            return None
        try:
            batch, bad = self._decoder.batch(
                chunk.partition, chunk.records, chunk.start, FOREVER, chunk.aborted
            )
        except RegistryDown as error:
            self._held, self._away = chunk, f"waiting: {error.what}"
            time.sleep(min(seconds, _AGAIN))
            return None
        self._held, self._away = None, ""
        self.scanned += batch.num_rows + bad
        self.bad += bad
        if bad and self._strict:
            last = self._decoder.errors.rows()[-1]
            raise CorruptRecord(
                f"topic {last.topic}, partition {last.partition}, offset {last.offset}:"
                f" {last.reason}",
                hint="UNSET 'ksql.fail.on.deserialization.error' to go on past such records",
            )
        return batch

    def schema(self) -> pa.Schema:
        """The schema of the batches."""
        return self._decoder.schema()

    def stats(self) -> LiveStats:
        return LiveStats(
            self.rows,
            self.scanned,
            self._rate.of(self.scanned),
            self._fetch.lag,
            self.bad,
            self._away or self._fetch.note,
        )

    def cancel(self) -> None:
        self.cancelled = True
        self._fetch.cancel()


def follow(
    follower: Follower,
    schema: pa.Schema,
    transform: Callable[[pa.RecordBatch], pa.RecordBatch],
    limit: int | None,
    title: str,
) -> Live:
    """The live result of a follower whose batches go through `transform`."""

    def poll(seconds: float) -> Changes | None:
        if follower.cancelled or (limit is not None and follower.rows >= limit):
            follower.cancel()
            return None
        batch = follower.poll(seconds)
        if batch is None or not batch.num_rows:
            return Changes.none(schema)
        rows = transform(batch)
        if limit is not None:
            rows = rows.slice(0, limit - follower.rows)
        follower.rows += rows.num_rows
        return Changes.of(rows)

    return Live(schema, poll, follower.cancel, follower.stats, title)


def every(interval: int) -> Callable[[pa.RecordBatch], pa.RecordBatch]:
    """Keeps the first of each `interval` rows."""
    seen = 0

    def run(batch: pa.RecordBatch) -> pa.RecordBatch:
        nonlocal seen
        first = -seen % interval
        seen += batch.num_rows
        return batch.take(list(range(first, batch.num_rows, interval))) if interval > 1 else batch

    return run
