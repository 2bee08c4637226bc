"""The input of a continuous query: follows its sources together, in order of time.

`continuous.run` pulls it.  If the inputs have ends (a bounded run of a continuous plan), the feed
is done when it has reached them.
"""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Mapping

from kshell.engines.local.continuous.time_order import Arrival, Lane, Merge, Stand, Step
from kshell.engines.local.sources.base import Input
from kshell.engines.local.sources.inputs import inputs
from kshell.engines.local.sources.lookup import Lookup
from kshell.engines.local.sources.registry_wait import RegistryWait
from kshell.kafka.fetch import QUEUED_BYTES
from kshell.results import LeftOut, Notice
from kshell.sql import plan

__all__ = ["Feed", "Rate", "open_feed"]

_STEP_ROWS = 1 << 16  # rows that one poll takes: few, so that the first rows come out early
_HELD_BYTES = 32 << 20  # bytes of all partitions' rows that wait for other partitions
_MANY = 10_000  # the smallest LIMIT for which fetching ahead helps
_RATE_SECONDS = 3.0


class Rate:
    """Records a second over the last few seconds."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque([(time.monotonic(), 0)])

    def of(self, total: int) -> float:
        """The rate after `total` records."""
        now = time.monotonic()
        self._seen.append((now, total))
        while len(self._seen) > 2 and now - self._seen[0][0] > _RATE_SECONDS:
            self._seen.popleft()
        then, before = self._seen[0]
        return (total - before) / (now - then) if now > then else 0.0


class Feed:
    """Reads inputs together; one thread polls it, any thread may read its counters or cancel it.

    The inputs set `bell` when records come; `wait_seconds` is how long it waits for a schema
    registry; `order` is by time by default; a step takes no more pieces after it has `step_rows`.
    """

    def __init__(
        self,
        inputs: list[Input],
        bell: threading.Event,
        wait_seconds: float = math.inf,
        order: Merge | Arrival | None = None,
        step_rows: int = _STEP_ROWS,
    ) -> None:
        self._step_rows = step_rows
        self._inputs, self._bell, self._wait = inputs, bell, RegistryWait(wait_seconds)
        self._rate = Rate()
        self.scanned, self.bad = 0, LeftOut()
        self._taken_in = 0  # rows, in this step
        self._settled = False  # nothing came since what is here was put in order
        self.cancelled = False
        self.at_end = False  # whether the last `poll` read each partition to its end
        self._lanes: dict[Lane, Input] = {}
        self._next: dict[Lane, int] = {}  # the offset behind what was put in order
        self._order = order or Merge(())
        for input in inputs:
            for partition in input.partitions:
                self._add(input, partition)

    def poll(self, seconds: float) -> list[Step] | None:
        """The next rows; empty if none came in time, None at the end.

        Raises the error that ended a fetch, and CorruptRecord if the query must stop at bad
        records.
        """
        deadline = time.monotonic() + seconds
        while True:
            self._settled &= not self._bell.is_set()
            self._bell.clear()
            if not self._wait.attempt(self._drain_all):  # no registry answers: pause
                time.sleep(min(seconds, self._wait.again))
                return None if self.cancelled else []
            if not self._settled:
                more = [lane for lane, input in self._lanes.items() if not input.ended(lane[1])]
                steps = self._order.take(more)
                self.at_end = not more
                self._pause()
                self._settled = not steps
                if steps:
                    return steps
            if self.cancelled or all(input.done for input in self._inputs):
                return None
            if self._taken_in >= self._step_rows:
                continue  # there may be more records to take
            left = deadline - time.monotonic()
            if left <= 0 or not self._bell.wait(left):
                return []

    def _drain_all(self) -> bool:
        """Take the records that have come, from each input in turn, until one step is full."""
        self._taken_in = 0
        coming = list(self._inputs)
        while coming and self._taken_in < self._step_rows:
            coming = [input for input in coming if self._drain(input)]
        return True

    def _drain(self, input: Input) -> bool:
        piece = input.poll()
        if piece is None:
            return False
        self._settled = False
        if (input.scans[0], piece.partition) not in self._lanes:
            self._add(input, piece.partition)  # a partition added during the read
        for scan, changes, bad in piece.scans:
            self._taken_in += len(changes) + bad.count
            self.scanned += len(changes) + bad.count
            self.bad += bad
            self._order.put((scan, piece.partition), changes)
            self._next[scan, piece.partition] = piece.next
        return True

    def _add(self, input: Input, partition: int) -> None:
        for scan in input.scans:
            self._lanes[scan, partition] = input
            self._order.add((scan, partition), constant=input.constant)

    def _pause(self) -> None:
        """Pause partitions that are far ahead of the others."""
        most = max(_HELD_BYTES // max(len(self._lanes), 1), 1 << 20)
        for input in self._inputs:
            input.paused = frozenset(
                p
                for p in input.partitions
                if any(self._order.held((scan, p)) > most for scan in input.scans)
            )

    @property
    def lag(self) -> int | None:
        """Records behind the ends of the topics, None if nobody knows."""
        lags = [input.lag for input in self._inputs]
        return None if None in lags else sum(lag for lag in lags if lag is not None)

    def behind(self) -> dict[Lane, int]:
        """The offset behind all that was given out, of the lanes of which nothing waits here."""
        if self.cancelled:
            return {}  # what waited was dropped
        return {lane: at for lane, at in self._next.items() if not self._order.held(lane)}

    def starts(self) -> dict[Lane, int]:
        """The offset at which each lane begins, of inputs that are topics."""
        return {lane: at for input in self._inputs for lane, at in input.starts.items()}

    def reached(self) -> list[tuple[str, int, int]]:
        """(topic, partition, offset) up to which each partition was read, the next one's."""
        return [(i.name, p, at) for i in self._inputs for p, at in sorted(i.reached.items())]

    @property
    def note(self) -> str:
        """A text about an outage, during one."""
        return self._wait.note or next((input.note for input in self._inputs if input.note), "")

    @property
    def waits(self) -> str:
        """What it waits for: an outage, or the end of another's transaction."""
        return self.note or next((i.held_back for i in self._inputs if i.held_back), "")

    @property
    def notices(self) -> list[Notice]:
        """What the inputs leave unread."""
        return [notice for input in self._inputs for notice in input.notices]

    def rate(self) -> float:
        """Records a second."""
        return self._rate.of(self.scanned)

    def cancel(self) -> None:
        """Stop, and drop the rows that wait; `poll` then ends within 100 ms."""
        self.cancelled = True
        self._order = Arrival()
        for input in self._inputs:
            input.cancel()
        self._bell.set()


def open_feed(
    lookup: Lookup, node: plan.Node, *, bounded: bool, goes_on: Mapping[Lane, Stand] | None = None
) -> Feed:
    """The feed of a plan's scans: the records that are there now, or from `auto.offset.reset` on
    for ever, or from where a query stood when it ended.

    If each row is made of one record and is only shown, rows come as they are fetched, so the first
    appear at once.  With a small LIMIT it fetches ahead at most one answer from each broker.
    """
    bell = threading.Event()
    wait = (lookup.properties.number("schema.registry.wait.ms") or 0) / 1000
    shown = isinstance(node, plan.Answer) and plan.row_by_row(node)
    few = isinstance(node, plan.Answer) and shown and (node.limit or _MANY) < _MANY
    opened = inputs(
        lookup, node, bell, bounded=bounded, queued_bytes=1 if few else QUEUED_BYTES,
        starts=None if goes_on is None else {lane: s.next for lane, s in goes_on.items()},
    )  # fmt: skip
    lasts = {lane: stand.last for lane, stand in (goes_on or {}).items()}
    order = Arrival() if shown else Merge((), lasts)
    step_rows = 1 if few else _STEP_ROWS
    return Feed(opened, bell, wait if bounded else math.inf, order, step_rows)
