"""Orders records of several partitions and sources by timestamp, and by offset within a partition.

`feed` puts decoded batches in and takes steps out: the rows of each scan, and where they stand
among those of the others.  The order is Kafka Streams': of the partitions' first records, the
earliest comes next.  No row comes out while a partition still has unread records and none here, so
that an answer does not depend on which broker was faster.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kshell.changes import Changes

__all__ = ["NEVER", "Arrival", "Lane", "Merge", "Stand", "Step", "cut"]

NEVER = -(1 << 62)  # before all times
Lane = tuple[int, int]  # the scan's number, and its partition


@dataclass(frozen=True, slots=True)
class Stand:
    """Where a lane stands: its next offset, and the latest time of its rows so far."""

    next: int
    last: int = NEVER


Step = Mapping[int, Changes]  # of each scan that has some, its next rows


def _number(value: int) -> pa.Scalar:
    """Arrow would look for the type of a bare number, which takes it longer than the work."""
    return pa.scalar(value, pa.int64())


@dataclass(slots=True)
class _Queue:
    """A partition's batches, each with timestamps that never fall; rows of what is `constant` are
    before all times."""

    constant: bool = False
    parts: deque[tuple[Changes, pa.Array]] = field(default_factory=deque)
    last: int = NEVER
    size: int = 0  # bytes

    def put(self, changes: Changes) -> None:
        # A record after one with a later time waits for it, so that offsets keep their order.
        if self.constant:
            times = pa.repeat(_number(NEVER), len(changes))
        else:
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
    """Takes batches, gives steps.

    Rows have a ROWTIME column, in milliseconds.  `lasts` are the latest times of lanes so far.
    """

    def __init__(
        self, lanes: Collection[Lane], lasts: Mapping[Lane, int] = MappingProxyType({})
    ) -> None:
        self._lasts = lasts
        self._queues = {lane: _Queue(last=lasts.get(lane, NEVER)) for lane in lanes}

    def add(self, lane: Lane, *, constant: bool = False) -> None:
        """One more partition, empty so far; all rows of a constant one come before the others'."""
        self._queues[lane] = _Queue(constant, last=self._lasts.get(lane, NEVER))

    def put(self, lane: Lane, changes: Changes) -> None:
        """Rows of one partition, after those that were put before."""
        if len(changes):
            self._queues[lane].put(changes)

    def held(self, lane: Lane) -> int:
        """How many bytes of a partition's rows wait here."""
        return self._queues[lane].size

    def take(self, more: Collection[Lane]) -> list[Step]:
        """The next rows, if any, as one step; `more` are the lanes that have not ended."""
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
            return [{scan: changes} for scan, changes, _ in found]
        return [_ordered(found)]


class Arrival:
    """Gives batches as they come, for plans that do not depend on the order of partitions."""

    def __init__(self) -> None:
        self._parts: list[tuple[int, Changes]] = []

    def add(self, lane: Lane, *, constant: bool = False) -> None:
        """One more partition."""

    def put(self, lane: Lane, changes: Changes) -> None:
        """Rows of one partition, after those that were put before."""
        if len(changes):
            self._parts.append((lane[0], changes))

    def held(self, lane: Lane) -> int:
        """Always 0: no rows wait for other partitions."""
        return 0

    def take(self, more: Collection[Lane]) -> list[Step]:
        """The rows since the last call, each batch a step."""
        taken, self._parts = self._parts, []
        return [{scan: changes} for scan, changes in taken]


def cut(step: Step, size: int) -> Iterator[Step]:
    """The same rows as steps of at most `size` each.

    >>> rows = Changes.of(pa.record_batch({"n": [1, 2, 3]}))
    >>> [len(part[0]) for part in cut({0: rows}, 2)]
    [2, 1]
    """
    count = sum(map(len, step.values()))
    if count <= size:
        yield step
        return
    bounds = range(0, count, size)
    if len(step) == 1:
        ((scan, changes),) = step.items()
        for start in bounds:
            yield {scan: changes.slice(start, size)}
        return
    places = {scan: np.asarray(changes.order) for scan, changes in step.items()}
    for start in bounds:
        part = {}
        for scan, changes in step.items():
            first, last = np.searchsorted(places[scan], (start, start + size))
            if last > first:
                part[scan] = changes.slice(int(first), int(last - first))
        yield part


def _ordered(found: list[tuple[int, Changes, pa.Array]]) -> Step:
    """The parts' rows by time; rows of equal time in the order of the scans, then of the parts."""
    scans = sorted({scan for scan, _, _ in found})
    parts = {scan: [(c, times) for s, c, times in found if s == scan] for scan in scans}
    times = np.concatenate([t.to_numpy() for scan in scans for _, t in parts[scan]])
    order = np.argsort(times, kind="stable")
    out, first = {}, 0
    for scan in scans:
        changes = Changes.concat((c for c, _ in parts[scan]), parts[scan][0][0].rows.schema)
        last = first + len(changes)
        if len(scans) == 1:
            places, rows = None, order
        else:
            places = np.flatnonzero((order >= first) & (order < last))
            rows = order[places] - first
        if (rows[1:] < rows[:-1]).any():
            changes = changes.take(pa.array(rows))
        stands = None if places is None else pa.array(places, pa.int64())
        out[scan] = Changes(changes.rows, changes.weights, stands, changes.places)
        first = last
    return out
