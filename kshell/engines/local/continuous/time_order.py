"""Orders records of several partitions and sources by timestamp, and by offset within a partition.

`feed` puts decoded batches in and takes runs of rows out.  The order is Kafka Streams': of the
partitions' first records, the earliest comes next.  No row comes out while a partition still has
unread records and none here, so that an answer does not depend on which broker was faster.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from kshell.changes import Changes

__all__ = ["Arrival", "Lane", "Merge"]

Lane = tuple[int, int]  # the scan's number, and its partition
_NEVER = -(1 << 62)


def _number(value: int) -> pa.Scalar:
    """Arrow would look for the type of a bare number, which takes it longer than the work."""
    return pa.scalar(value, pa.int64())


@dataclass(slots=True)
class _Queue:
    """A partition's batches, each with timestamps that never fall."""

    parts: deque[tuple[Changes, pa.Array]] = field(default_factory=deque)
    last: int = _NEVER
    size: int = 0  # bytes

    def put(self, changes: Changes) -> None:
        # A record after one with a later time waits for it, so that offsets keep their order.
        times = pc.cumulative_max(changes.rows.column("ROWTIME"), start=_number(self.last))
        self.last = times[-1].as_py()
        self.size += changes.rows.nbytes
        self.parts.append((changes, times))

    def take(self, limit: int) -> list[tuple[Changes, pa.Array]]:
        """The rows up to the time `limit`, in order."""
        taken = []
        while self.parts:
            changes, times = self.parts[0]
            size = changes.rows.nbytes
            count = pc.search_sorted(times, _number(limit), side="right").as_py()
            if not count:
                break
            if count == len(times):
                self.parts.popleft()
            else:
                self.parts[0] = (changes.slice(count), times[count:])
                changes, times = changes.slice(0, count), times[:count]
                size -= self.parts[0][0].rows.nbytes
            self.size = self.size - size if self.parts else 0
            taken.append((changes, times))
        return taken


class Merge:
    """Takes batches, gives runs of one scan's rows.

    Rows have a ROWTIME column, in milliseconds.
    """

    def __init__(self, lanes: Collection[Lane]) -> None:
        self._queues = {lane: _Queue() for lane in lanes}

    def add(self, lane: Lane) -> None:
        """One more partition, empty so far."""
        self._queues[lane] = _Queue()

    def put(self, lane: Lane, changes: Changes) -> None:
        """Rows of one partition, after those that were put before."""
        if len(changes):
            self._queues[lane].put(changes)

    def held(self, lane: Lane) -> int:
        """How many bytes of a partition's rows wait here."""
        return self._queues[lane].size

    def take(self, more: Collection[Lane]) -> list[tuple[int, Changes]]:
        """The next rows as (scan, rows), in order; `more` are the lanes that have not ended."""
        limit = 1 << 62
        for lane in more:
            queue = self._queues[lane]
            if not queue.parts:
                return []
            # The next rows of this lane are not earlier than its last row here.
            limit = min(limit, queue.last)
        found = [
            (lane[0], *part) for lane, queue in self._queues.items() for part in queue.take(limit)
        ]
        if len(found) <= 1:
            return [(scan, changes) for scan, changes, _ in found]
        return _ordered(found)


class Arrival:
    """Gives batches as they come, for plans that do not depend on the order of partitions."""

    def __init__(self) -> None:
        self._parts: list[tuple[int, Changes]] = []

    def add(self, lane: Lane) -> None:
        """One more partition."""

    def put(self, lane: Lane, changes: Changes) -> None:
        """Rows of one partition, after those that were put before."""
        if len(changes):
            self._parts.append((lane[0], changes))

    def held(self, lane: Lane) -> int:
        """Always 0: no rows wait for other partitions."""
        return 0

    def take(self, more: Collection[Lane]) -> list[tuple[int, Changes]]:
        """The rows since the last call as (scan, rows)."""
        taken, self._parts = self._parts, []
        return taken


def _ordered(found: list[tuple[int, Changes, pa.Array]]) -> list[tuple[int, Changes]]:
    """The parts' rows by time; rows of equal time in the order of the parts."""
    joined: dict[int, Changes] = {}
    first: dict[int, int] = {}  # where a scan's rows begin among all
    times: list[pa.Array] = []
    owners: list[pa.Array] = []
    for scan in sorted({scan for scan, _, _ in found}):
        parts = [(changes, t) for s, changes, t in found if s == scan]
        changes = Changes.concat((c for c, _ in parts), parts[0][0].rows.schema)
        first[scan] = sum(map(len, owners))
        joined[scan] = changes
        times += [t for _, t in parts]
        owners.append(pa.repeat(pa.scalar(scan, pa.int32()), len(changes)))
    order = pc.sort_indices(pa.concat_arrays(times))  # a stable sort
    runs = pc.run_end_encode(pa.concat_arrays(owners).take(order))
    out, start = [], 0
    for scan, end in zip(runs.values.to_pylist(), runs.run_ends.to_pylist(), strict=True):
        rows = pc.subtract(order[start:end].cast(pa.int64()), _number(first[scan]))
        out.append((scan, _taken(joined[scan], rows)))
        start = end
    return out


def _taken(changes: Changes, rows: pa.Array) -> Changes:
    start, last = rows[0].as_py(), rows[-1].as_py()
    if last - start == len(rows) - 1 and pc.all(pc.greater_equal(rows, _number(start))).as_py():
        steps = pc.pairwise_diff(rows)
        if pc.min(steps).as_py() in (1, None) and pc.max(steps).as_py() in (1, None):
            return changes.slice(start, len(rows))
    return Changes(changes.rows.take(rows), changes.weights.take(rows))
