"""The offsets that PRINT reads: FROM, TO and PARTITION as ranges of each partition.

`print_topic` calls `printed_range`.  An offset and -n hold for each partition that is read; TO is
not part of the range.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.compute as pc

from kshell.engines.local.sources.offsets_at import first_at, moment_of
from kshell.errors import BindError
from kshell.kafka.client import Client
from kshell.kafka.fetch import FOREVER
from kshell.kafka.metadata import Snapshot, no_leader
from kshell.sql.clauses import Position
from kshell.sql.statements import Print
from kshell.wording import many

__all__ = ["Range", "of_partition", "printed_range"]


def of_partition(snapshot: Snapshot, statement: Print) -> Snapshot:
    """The partitions that the statement reads; BindError if the topic has no such partition."""
    number = statement.partition
    if number is None:
        return snapshot
    if number in snapshot.missing:
        raise no_leader(snapshot.name, [number])
    if number not in snapshot.offsets:
        count = many(len(snapshot.offsets) + len(snapshot.missing), "partition")
        raise BindError(
            f"topic {snapshot.name} has no partition {number}",
            hint=f"it has {count}, counted from 0", place=statement.partition_place,
        )  # fmt: skip
    return replace(
        snapshot, offsets={number: snapshot.offsets[number]}, missing=frozenset()
    )


@dataclass(frozen=True, slots=True)
class Range:
    """Per partition [start, end), from the first record of the time `since` on and before the first
    of the time `until`: brokers find those, but not all of them can."""

    offsets: Mapping[int, tuple[int, int]]
    since: int | None = None
    until: int | None = None

    def part(self, rows: pa.RecordBatch, started: set[int], over: set[int]) -> pa.RecordBatch:
        """Those rows of a partition's next that are in the range.

        Partitions are put into `started` and `over` when their times are reached.
        """
        if not rows.num_rows or (self.since is None and self.until is None):
            return rows
        number = rows.column("partition")[0].as_py()
        if self.since is not None and number not in started:
            rows = rows.slice(_first(rows, self.since))
            if rows.num_rows:
                started.add(number)
        if self.until is not None:
            count = 0 if number in over else _first(rows, self.until)
            if count < rows.num_rows:
                over.add(number)
            rows = rows.slice(0, count)
        return rows


def _first(rows: pa.RecordBatch, time: int) -> int:
    """The number of the first row at or after a time; of all rows if there is none."""
    reached = pc.greater_equal(rows.column("timestamp"), pa.scalar(time, pa.int64()))
    found = pc.index(reached.fill_null(False), pa.scalar(True)).as_py()
    return int(found) if found >= 0 else rows.num_rows


def printed_range(client: Client, snapshot: Snapshot, statement: Print) -> Range:
    """What is read: with TO up to what is there now at the most, else without end.

    Without FROM it is from the end on, or with TO from the beginning.
    """
    stop = statement.stop
    start = statement.start or (Position(before_end=0) if stop is None else Position(offset=0))
    now = int(time.time() * 1000)
    since, starts = _place(client, snapshot, start, now, unknown=0)
    if stop is None:
        # Kafka has no offset beyond the end yet: the rows before `start` are passed over.
        return Range({p: (at, FOREVER) for p, at in starts.items()}, since)
    until, ends = _place(client, snapshot, stop, now, unknown=1)
    offsets = {p: (at, min(ends[p], snapshot.offsets[p][1])) for p, at in starts.items()}
    return Range(offsets, since, until)


def _place(
    client: Client, snapshot: Snapshot, position: Position, now: int, *, unknown: int
) -> tuple[int | None, dict[int, int]]:
    """A position's moment, if it is one, and its offset in each partition."""
    held = snapshot.offsets
    if position.offset is not None:
        return None, {p: max(first, position.offset) for p, (first, _) in held.items()}
    if position.before_end is not None:
        return None, {p: max(first, end - position.before_end) for p, (first, end) in held.items()}
    moment = moment_of(position.moment, now, position.place)
    return moment, first_at(client, snapshot, held, moment, unknown)
