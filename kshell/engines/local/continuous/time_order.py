"""Records of several partitions and sources in one order: by timestamp; in one, by offset.

`feed` puts decoded batches in and takes runs out.  The order is Kafka Streams' (of the partitions'
first records, the earliest comes next), and nothing comes out while a partition that has more to
give has nothing here: an answer does not depend on which broker was faster.
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


@dataclass(slots=True)
class _Queue:
    """A partition's batches, each with its timestamps made never to fall."""

    parts: deque[tuple[Changes, pa.Array]] = field(default_factory=deque)
    last: int = _NEVER
    size: int = 0  # bytes

    def put(self, changes: Changes) -> None:
        # A record behind one of a later time waits for it: offsets do not change their order.
        times = pc.cumulative_max(changes.rows.column("ROWTIME"), start=self.last)
        self.last = times[-1].as_py()
        self.size += changes.rows.nbytes
        self.parts.append((changes, times))

    def take(self, limit: int) -> list[tuple[Changes, pa.Array]]:
        """What is not later than `limit`, in order."""
        taken = []
        while self.parts:
            changes, times = self.parts[0]
            size = changes.rows.nbytes
            count = pc.search_sorted(times, pa.scalar(limit, pa.int64()), side="right").as_py()
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
    """Batches in, runs of one scan's rows out.

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
        """What comes next: (scan, rows), in order; `more` are the lanes that have not ended."""
        limit = 1 << 62
        for lane in more:
            queue = self._queues[lane]
            if not queue.parts:
                return []
            # What this lane gives next is not earlier than its last here, and comes after that.
            limit = min(limit, queue.last)
        found = [
            (lane[0], *part) for lane, queue in self._queues.items() for part in queue.take(limit)
        ]
        if len(found) <= 1:
            return [(scan, changes) for scan, changes, _ in found]
        return _ordered(found)


class Arrival:
    """Batches in, the same batches out: for plans to which the order of partitions is all one."""

    def __init__(self) -> None:
        self._parts: list[tuple[int, Changes]] = []

    def add(self, lane: Lane) -> None:
        """One more partition."""

    def put(self, lane: Lane, changes: Changes) -> None:
        """Rows of one partition, after those that were put before."""
        if len(changes):
            self._parts.append((lane[0], changes))

    def held(self, lane: Lane) -> int:
        """Nothing waits for other partitions."""
        return 0

    def take(self, more: Collection[Lane]) -> list[tuple[int, Changes]]:
        """What came since: (scan, rows)."""
        taken, self._parts = self._parts, []
        return taken


def _ordered(found: list[tuple[int, Changes, pa.Array]]) -> list[tuple[int, Changes]]:
    """The parts' rows by time; where times are equal, in the order of the parts."""
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
        rows = pc.subtract(order[start:end].cast(pa.int64()), first[scan])
        out.append((scan, _taken(joined[scan], rows)))
        start = end
    return out


def _taken(changes: Changes, rows: pa.Array) -> Changes:
    start, last = rows[0].as_py(), rows[-1].as_py()
    if last - start == len(rows) - 1 and pc.all(pc.greater_equal(rows, start)).as_py():
        steps = pc.pairwise_diff(rows)
        if pc.min(steps).as_py() in (1, None) and pc.max(steps).as_py() in (1, None):
            return changes.slice(start, len(rows))
    return Changes(changes.rows.take(rows), changes.weights.take(rows))
