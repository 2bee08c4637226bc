"""Continuous SELECT with a filter and a projection, and PRINT: rows as they arrive.

Each chunk that arrives goes through one DuckDB statement whose source is swapped.  The caller pulls
with `poll`; nothing runs in between but the fetch.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

import duckdb
import pyarrow as pa
from sqlglot import exp

from kshell.batch.plan import Planned, raw_schema, view
from kshell.changes import Changes
from kshell.engines.local.decode import Decoder
from kshell.errors import CorruptRecord, Unsupported
from kshell.kafka.client import Client
from kshell.kafka.fetch import FOREVER, Fetch
from kshell.kafka.metadata import Topic
from kshell.results import Live, LiveStats
from kshell.sql.dialect import aggregates

__all__ = ["Follower", "every", "follow", "only_rows", "take_limit", "transformer"]

_STATEFUL = ("group", "having", "distinct", "joins", "order", "qualify", "offset", "with_")
_RATE_SECONDS = 3.0


def only_rows(tree: exp.Query) -> None:
    """Refuse what needs state; raises Unsupported."""
    if not isinstance(tree, exp.Select):
        raise Unsupported("a continuous query is one SELECT", hint="leave EMIT CHANGES away")
    for part in _STATEFUL:
        if tree.args.get(part):
            word = part.removesuffix("_").upper()
            raise Unsupported(
                f"{word} in a continuous query over a topic that is not declared",
                hint="CREATE STREAM first, or leave EMIT CHANGES away for a bounded answer",
            )
    if tree.find(exp.Window) or aggregates(tree):
        raise Unsupported(
            "an aggregate in a continuous query needs a GROUP BY over a declared stream",
            hint="CREATE STREAM first, or leave EMIT CHANGES away for a bounded answer",
        )


def take_limit(tree: exp.Query) -> tuple[exp.Query, int | None]:
    """The tree without its LIMIT, and the limit."""
    limit = tree.args.get("limit")
    if limit is None:
        return tree, None
    rest = tree.copy()
    rest.set("limit", None)
    return rest, int(limit.expression.name)


class _Rate:
    """Records a second over the last few seconds."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque([(time.monotonic(), 0)])

    def add(self, total: int) -> float:
        now = time.monotonic()
        self._seen.append((now, total))
        while len(self._seen) > 2 and now - self._seen[0][0] > _RATE_SECONDS:
            self._seen.popleft()
        then, before = self._seen[0]
        return (total - before) / (now - then) if now > then else 0.0


class Follower:
    """A fetch without an end, decoded; counts what it sees."""

    def __init__(
        self, client: Client, topic: Topic, starts: dict[int, int], decoder: Decoder, strict: str
    ) -> None:
        self._fetch = Fetch(client, topic, {p: (o, FOREVER) for p, o in starts.items()})
        self._decoder, self._strict = decoder, strict == "true"
        self._rate = _Rate()
        self.scanned = self.bad = self.rows = 0
        self.cancelled = False

    def poll(self, seconds: float) -> pa.RecordBatch | None:
        """The rows of the next chunk; None where none came in time."""
        chunk = self._fetch.poll(seconds)
        if chunk is None:
            return None
        batch, bad = self._decoder.batch(
            chunk.partition, chunk.records, chunk.start, FOREVER, chunk.aborted
        )
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
            self._rate.add(self.scanned),
            self._fetch.lag,
            self.bad,
            self._fetch.note,
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


def transformer(
    planned: Planned, connection: duckdb.DuckDBPyConnection
) -> Callable[[pa.RecordBatch], pa.RecordBatch]:
    """The planned statement as a function from a source's batch to its result."""
    (read,) = planned.reads
    connection.execute(view(0, read.reference, {c.name for c in read.columns}))
    schema = raw_schema(0, read.columns)

    def run(batch: pa.RecordBatch) -> pa.RecordBatch:
        arrays = [pa.nulls(batch.num_rows, pa.bool_()), *batch.columns]
        connection.register("raw_0", pa.Table.from_arrays(arrays, schema=schema))
        table = connection.sql(planned.sql).to_arrow_table().combine_chunks()
        batches = table.to_batches()
        return batches[0] if batches else pa.RecordBatch.from_pylist([], planned.schema)

    return run


def every(interval: int) -> Callable[[pa.RecordBatch], pa.RecordBatch]:
    """Keeps the first of each `interval` rows."""
    seen = 0

    def run(batch: pa.RecordBatch) -> pa.RecordBatch:
        nonlocal seen
        first = -seen % interval
        seen += batch.num_rows
        return batch.take(list(range(first, batch.num_rows, interval))) if interval > 1 else batch

    return run
