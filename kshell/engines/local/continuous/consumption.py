"""What a member of a group reads of a topic: its partitions, from where the group stands.

`statements/consume` makes one; `kafka/member` calls it when partitions come and go.  A `Guarantee`
says when offsets are committed.  A partition is given away only between two steps, so none is given
away with rows that are half done.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import pyarrow as pa

from kshell.engines.local.continuous.feed import Rate
from kshell.engines.local.sources.registry_wait import RegistryWait
from kshell.errors import KafkaError, KshellError
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
_SERVES = 0.1  # seconds from one look at the group to the next
_LEAVES = 5.0  # seconds that leaving may take
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


@dataclass(frozen=True, slots=True)
class _Made:
    """Rows of a partition, up to an offset."""

    partition: int
    rows: pa.RecordBatch
    stop: int


class Consumption:
    """The rows of one member; one thread polls it, any may look or cancel.

    A thread of its own has the member, so that it stays in the group whatever becomes of the rows.
    It makes the next rows while the last ones are shown, and no more.
    """

    def __init__(
        self,
        member: Member,
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
        self._member, self._topic = member, topic
        self._snapshot, self._follow, self._records = snapshot, follow, records
        self._earliest, self._guarantee, self._limit = earliest, guarantee, limit
        self._into, self._others, self._wait = into, others, RegistryWait()
        self._rate = Rate()
        self.status = "joining the group"
        self.events: list[str] = []  # what has become of its partitions, with the time
        # For the member's thread alone.
        self._positions: dict[int, int] = {}  # the next offset of each partition that it has
        self._topic_now: Snapshot | None = None  # when the last partitions came
        self._reader: Reader | None = None
        self._held: Chunk | None = None  # is tried again
        self._settled = time.monotonic()
        # Between the threads, under the lock.
        self._changed = threading.Condition()
        self._waiting: _Made | None = None  # the next rows
        self._out: _Made | None = None  # those that the last poll has given
        self._seen: dict[int, int] = {}  # offsets after rows that another poll has followed
        self._rows = 0
        self._error: KshellError | None = None
        self._stop = threading.Event()
        self._bell = threading.Event()  # there is something for the member's thread
        self._thread = threading.Thread(target=self._run, name="kshell-member", daemon=True)

    def start(self) -> None:
        """Join the group."""
        self._thread.start()

    # On the member's thread.

    def _run(self) -> None:
        try:
            self._member.join(self)
            while not self._stop.is_set():
                self._bell.clear()
                if self._member.serve():
                    self._tell()
                self._settle()
                if not self._step():
                    self._bell.wait(_SERVES)
        except KshellError as error:
            self._fail(error)
        except Exception as error:  # of confluent-kafka
            self._fail(KafkaError(f"the membership ended: {error}"))
        finally:
            self._stop.set()
            self._member.leave()
            self._positions.clear()
            self._read()

    def _fail(self, error: KshellError) -> None:
        with self._changed:
            self._error = error
            self._changed.notify_all()

    def given(self, partitions: Given) -> None:
        """These come: they are read from where the group stands."""
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
        """These go: what was seen of them is committed first, if the group still takes it."""
        if not lost:
            self._settle(now=True)
        with self._changed:
            for p in partitions:
                self._positions.pop(p, None)
                self._seen.pop(p, None)
                if self._waiting is not None and self._waiting.partition == p:
                    self._drop()
                if self._out is not None and self._out.partition == p:
                    self._out = None
        if self._held is not None and self._held.partition in partitions:
            self._held = None
        self._read()
        what = numbers(partitions)
        if self._stop.is_set():
            self._note(f"left the group: {what} given back")
        else:
            self._note(f"{what} lost: the group heard nothing" if lost else f"{what} taken away")

    def _drop(self) -> None:
        """Rows that wait go to the next member, if nothing says that they were read."""
        if self._guarantee in (None, Guarantee.AT_LEAST_ONCE) and self._waiting is not None:
            self._rows -= self._waiting.rows.num_rows
            self._waiting = None

    def _tell(self) -> None:
        """The rebalance is over: say who has what."""
        others = self._others()
        has = f"has {numbers(list(self._positions))}"
        self._note(f"{has} · {others}" if others else has)

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
            held = {p: at for p, at in self._topic_now.offsets.items() if p in ranges}
            own = replace(self._topic_now, offsets=held)  # else it would count others' lag too
            self._reader = self._follow(own, ranges, self._bell, QUEUED_BYTES)

    def _step(self) -> bool:
        """Make the next rows, if they are wanted; whether it did something."""
        if self._waiting is not None or self.full:
            return False
        chunk, self._held = self._held, None
        if chunk is None and self._reader is not None:
            chunk = self._reader.poll()
        if chunk is None or chunk.partition not in self._positions:
            return chunk is not None
        made = self._made(chunk, self._positions[chunk.partition])
        if made is None:
            self._held = chunk
            return False
        self._positions[made.partition] = made.stop
        with self._changed:
            self._waiting = made
            self._rows += made.rows.num_rows
            self._changed.notify_all()
        return True

    def _made(self, chunk: Chunk, start: int) -> _Made | None:
        """The rows of a chunk, when all was done that comes before them; None if not now."""
        rows = self._wait.attempt(lambda: self._records.rows(chunk, start, FOREVER))
        if rows is None:  # the schema registry does not answer
            return None
        stop = max(chunk.next, start)
        if self._limit is not None and rows.num_rows > self._limit - self._rows:
            rows = rows.slice(0, self._limit - self._rows)
            stop = rows.column("offset")[-1].as_py() + 1
        made = _Made(chunk.partition, rows, stop)
        match self._guarantee:
            case Guarantee.AT_MOST_ONCE:
                return made if self._member.commit({made.partition: stop}) else None
            case Guarantee.EXACTLY_ONCE:
                assert self._into is not None
                topic, writer = self._into
                read = (self._topic, {made.partition: stop})
                records = as_read(chunk, start, stop)
                return made if writer.write(topic, records, self._member.metadata, read) else None
        return made

    def _settle(self, now: bool = False) -> None:
        """Commit what was seen, once a second."""
        due = now or self.full or time.monotonic() - self._settled >= _SETTLES
        with self._changed:
            seen = dict(self._seen)
        if not seen or not due:
            return
        self._settled = time.monotonic()
        if self._member.commit(seen):
            with self._changed:
                self._seen = {p: at for p, at in self._seen.items() if seen.get(p) != at}

    # For who shows the rows.

    def poll(self, seconds: float) -> pa.RecordBatch | None:
        """The next rows, None if none came in time; raises what ended the membership."""
        with self._changed:
            before, self._out = self._out, None
            if before is not None and self._guarantee is Guarantee.AT_LEAST_ONCE:
                self._seen[before.partition] = before.stop
            self._changed.wait_for(
                lambda: self._waiting or self._error or self.over, timeout=seconds
            )
            if self._waiting is None and self._error is not None:
                raise self._error
            self._out, self._waiting = self._waiting, None
        if before is not None or self._out is not None:
            self._bell.set()
        return None if self._out is None else self._out.rows

    @property
    def full(self) -> bool:
        """Whether LIMIT is reached."""
        return self._limit is not None and self._rows >= self._limit

    @property
    def over(self) -> bool:
        """Whether no more rows come."""
        return (self._stop.is_set() or self.full) and self._waiting is None

    def stats(self) -> LiveStats:
        """The footer."""
        reader, read = self._reader, self._records.read
        lag = None if reader is None else reader.lag
        written = "" if self._into is None else self._into[1].note
        waits = "" if reader is None else reader.note or reader.held_back
        note = self._wait.note or written or waits
        return LiveStats(
            self._rows, read, self._rate.of(read), lag, self._records.left_out, note,
            status=self.status,
        )  # fmt: skip

    def cancel(self) -> None:
        """Read no more, commit what was seen, and leave the group."""
        self._stop.set()
        self._bell.set()
        with self._changed:
            self._changed.notify_all()
        if self._thread.is_alive():
            self._thread.join(_LEAVES)
