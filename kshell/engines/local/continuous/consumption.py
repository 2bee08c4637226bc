"""What a member of a group reads of a topic: its partitions, from where the group stands.

`statements/consume` makes one; `kafka/member` calls it when partitions come and go, on a thread of
its own.  A `Guarantee` says when offsets are committed: a partition is given away only between two
polls, so none is given away with rows that are half done.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import pyarrow as pa

from kshell.engines.local.continuous.feed import Rate
from kshell.engines.local.sources.registry_wait import RegistryWait
from kshell.errors import KshellError
from kshell.kafka.exactly_once import ExactlyOnce
from kshell.kafka.fetch import FOREVER, QUEUED_BYTES, Chunk
from kshell.kafka.member import Given, Member
from kshell.kafka.metadata import Snapshot
from kshell.kafka.outgoing import HEADERS, Outgoing
from kshell.kafka.reader import Reader
from kshell.kafka.records import Wanted, decode
from kshell.results import LeftOut, LiveStats
from kshell.sql.cluster import Guarantee

__all__ = ["Consumption", "as_read", "numbers"]

_SETTLES = 1.0  # seconds from one commit to the next of AT LEAST ONCE
_RETRY = 0.2  # seconds until what the group refused is tried again
_BYTES = Wanted(timestamp=True, key=True, value=True, headers=True)


class _Rows(Protocol):
    """What makes rows of chunks; `print_records.Records` does."""

    read: int
    left_out: LeftOut

    def rows(self, chunk: Chunk, start: int, stop: int) -> pa.RecordBatch:
        """The rows of the offsets [start, stop); raises RegistryDown."""


def numbers(partitions: Sequence[int]) -> str:
    """Partitions as people write them.

    >>> numbers([3, 0, 1, 2, 7]), numbers([])
    ('0–3, 7', 'none')
    """
    runs: list[list[int]] = []
    for p in sorted(partitions):
        if runs and p == runs[-1][1] + 1:
            runs[-1][1] = p
        else:
            runs.append([p, p])
    texts = (str(a) if a == b else f"{a}, {b}" if b == a + 1 else f"{a}–{b}" for a, b in runs)
    return ", ".join(texts) or "none"


def as_read(chunk: Chunk, start: int, stop: int) -> Outgoing:
    """The records of a chunk as they are, to be written somewhere else."""
    found = decode(chunk.records, _BYTES, start=start, end=stop, aborted=chunk.aborted).batch
    times = found.column("timestamp")
    dated = None if not len(times) else pa.array(
        [t if t >= 0 else None for t in times.to_pylist()], pa.int64()
    )  # fmt: skip
    headers = found.column("headers")
    keyed = headers.view(HEADERS) if len(headers.flatten()) else None
    return Outgoing(found.column("key"), found.column("value"), dated, None, keyed)


class Consumption:
    """The rows of one member; one thread polls it, any may look or cancel."""

    def __init__(
        self,
        topic: str,
        snapshot: Callable[[], Snapshot],
        follow: Callable[[Snapshot, Mapping[int, tuple[int, int]], threading.Event, int], Reader],
        records: _Rows,
        *,
        earliest: bool,
        guarantee: Guarantee | None,
        limit: int | None,
        into: tuple[str, ExactlyOnce] | None,
        others: Callable[[], str],
    ) -> None:
        self.topic = topic
        self._snapshot, self._follow, self._records = snapshot, follow, records
        self._earliest, self._guarantee, self._limit = earliest, guarantee, limit
        self._into, self._others, self._wait = into, others, RegistryWait()
        self._lock = threading.RLock()  # around all that follows
        self._positions: dict[int, int] = {}  # the next offset of each partition that it has
        self._shown: dict[int, int] = {}  # that of what a poll has given, and is not committed
        self._seen: dict[int, int] = {}  # the part of it after which there was another poll
        self._settled = time.monotonic()
        self._reader: Reader | None = None
        self._held: Chunk | None = None  # is tried again
        self._bell = threading.Event()
        self._error: KshellError | None = None
        self._over = False
        self._rows, self._rate = 0, Rate()
        self._topic_now: Snapshot | None = None  # when the last partitions came
        self.member: Member | None = None
        self.status = "joining the group"
        self.events: list[str] = []  # what has become of its partitions, with the time

    # For the member's thread.

    def given(self, partitions: Given) -> None:
        """These come: they are read from where the group stands."""
        with self._lock:
            if partitions:
                self._topic_now = self._snapshot()
            remarks = [r for p, at in partitions.items() if (r := self._place(p, at))]
            self._read()
            come = f"given {numbers(list(partitions))}" if partitions else "given nothing new"
            self._note("; ".join((come, *remarks)))

    def _place(self, partition: int, committed: int | None) -> str:
        """Begin to read a partition where the group stands, or else by `auto.offset.reset`."""
        snapshot = self._topic_now
        assert snapshot is not None
        if partition not in snapshot.offsets:
            if committed is None:
                return f"partition {partition} has no leader and no commit: it is not read"
            self._positions[partition] = committed
            return ""
        first, end = snapshot.offsets[partition]
        # Of committed records the end is that of the oldest open transaction.
        beyond = not snapshot.isolation and committed is not None and committed > end
        if committed is not None and committed >= first and not beyond:
            self._positions[partition] = committed
            return ""
        self._positions[partition] = first if self._earliest else end
        return "" if committed is None else f"{committed:,} is not in the log of {partition}"

    def taken(self, partitions: Sequence[int], lost: bool) -> None:
        """These go: what was shown of them is committed first, if the group still takes it."""
        with self._lock:
            if not lost:
                self._settle(now=True)
            for p in partitions:
                for held in (self._positions, self._shown, self._seen):
                    held.pop(p, None)
            if self._held is not None and self._held.partition in partitions:
                self._held = None
            self._read()
            what = numbers(partitions)
            if self._over:
                self._note(f"left the group: {what} given back")
            else:
                self._note(f"{what} lost, the group heard nothing" if lost else f"{what} taken away")

    def settled(self) -> None:
        """The rebalance is over: says who has what."""
        others = self._others()
        with self._lock:
            has = f"has {numbers(list(self._positions))}"
            self._note(f"{has} · {others}" if others else has)

    def failed(self, error: KshellError) -> None:
        """The membership has ended."""
        self._error = error
        self._bell.set()

    def _note(self, text: str) -> None:
        self.status = text
        self.events.append(f"{time.strftime('%H:%M:%S')} {text}")

    def _read(self) -> None:
        """Read what it has now, each partition from its next offset."""
        if self._reader is not None:
            self._reader.cancel()
        self._reader = None
        if self._topic_now is not None and self._positions:
            ranges = {p: (at, FOREVER) for p, at in self._positions.items()}
            self._reader = self._follow(self._topic_now, ranges, self._bell, QUEUED_BYTES)
        self._bell.set()

    # For who shows the rows.

    def poll(self, seconds: float) -> pa.RecordBatch | None:
        """The next rows, None if none came in time; raises what ended the membership."""
        deadline = time.monotonic() + seconds
        while True:
            self._bell.clear()
            if self._error is not None:
                raise self._error
            with self._lock:
                self._seen = dict(self._shown)
                self._settle()
                rows = self._next()
            if rows is not None and rows.num_rows:
                return rows
            left = deadline - time.monotonic()
            if left <= 0 or self._over:
                return None
            if rows is None:
                self._bell.wait(min(left, _RETRY) if self._held is not None else left)

    def _next(self) -> pa.RecordBatch | None:
        chunk, self._held = self._held, None
        if chunk is None and self._reader is not None:
            chunk = self._reader.poll()
        if chunk is None or chunk.partition not in self._positions or self.full:
            return None
        start = self._positions[chunk.partition]
        made = chunk
        rows = self._wait.attempt(lambda: self._records.rows(made, start, FOREVER))
        if rows is None:  # the schema registry does not answer
            self._held = chunk
            return None
        stop = max(chunk.next, start)
        if self._limit is not None and rows.num_rows > self._limit - self._rows:
            rows = rows.slice(0, self._limit - self._rows)
            stop = rows.column("offset")[-1].as_py() + 1
        if not self._kept(chunk, start, stop):
            self._held = chunk
            return None
        self._positions[chunk.partition] = stop
        self._rows += rows.num_rows
        return rows

    def _kept(self, chunk: Chunk, start: int, stop: int) -> bool:
        """Do what the guarantee asks for before rows are shown; False where it cannot be now."""
        p, member = chunk.partition, self.member
        assert member is not None
        match self._guarantee:
            case Guarantee.AT_MOST_ONCE:
                return member.commit({p: stop})
            case Guarantee.AT_LEAST_ONCE:
                self._shown[p] = stop
            case Guarantee.EXACTLY_ONCE:
                assert self._into is not None
                topic, writer = self._into
                records = as_read(chunk, start, stop)
                return writer.write(topic, records, member.metadata, (self.topic, {p: stop}))
        return True

    def _settle(self, now: bool = False) -> None:
        """Commit what was shown, once a second."""
        due = now or self.full or time.monotonic() - self._settled >= _SETTLES
        if not self._seen or not due or self.member is None:
            return
        self._settled = time.monotonic()
        if self.member.commit(self._seen):
            self._shown = {p: at for p, at in self._shown.items() if self._seen.get(p) != at}
            self._seen = {}

    @property
    def full(self) -> bool:
        """Whether LIMIT is reached."""
        return self._limit is not None and self._rows >= self._limit

    @property
    def over(self) -> bool:
        """Whether no more rows come, where a poll gave none."""
        return self._over or self.full

    def stats(self) -> LiveStats:
        """The footer."""
        reader, read = self._reader, self._records.read
        lag = None if reader is None else reader.lag
        note = self._wait.note or ("" if reader is None else reader.note)
        return LiveStats(
            self._rows, read, self._rate.of(read), lag, self._records.left_out, note,
            status=self.status,
        )  # fmt: skip

    def cancel(self) -> None:
        """Read no more, commit what was shown, and leave the group."""
        if self._over:
            return
        self._over = True
        self._bell.set()
        if self.member is not None:
            self.member.leave()
        with self._lock:
            if self._reader is not None:
                self._reader.cancel()
