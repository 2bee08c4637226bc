"""What a continuous query reads: its topics, followed together and handed on in order of time.

`foreground` and `background` pull it.  One fetch serves every scan of a topic.  A feed with ends
(a bounded run of a continuous plan) is done when it has reached them.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from kshell.changes import Changes
from kshell.config import Properties
from kshell.engines.error_log import ErrorLog
from kshell.engines.local.continuous.intake import Intake
from kshell.engines.local.continuous.merge import Lane, Merge
from kshell.kafka.client import Client
from kshell.kafka.fetch import FOREVER, Chunk, Fetch
from kshell.sql import plan

__all__ = ["Feed", "Rate", "Span", "open_feed", "spans"]

_HELD = 200_000  # rows of one partition that may wait for the others
_RATE_SECONDS = 3.0

Span = Mapping[int, tuple[int, int, int]]
"""Per partition (first offset to read, its end now, where to stop)."""


class Rate:
    """Records a second over the last few seconds."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque([(time.monotonic(), 0)])

    def of(self, total: int) -> float:
        """The rate, now that `total` have been seen."""
        now = time.monotonic()
        self._seen.append((now, total))
        while len(self._seen) > 2 and now - self._seen[0][0] > _RATE_SECONDS:
            self._seen.popleft()
        then, before = self._seen[0]
        return (total - before) / (now - then) if now > then else 0.0


def spans(client: Client, topic: str, earliest: bool, bounded: bool) -> Span:
    """From the first record or from the end, to the end of now or for ever."""
    return {
        p: (first if earliest else end, end, end if bounded else FOREVER)
        for p, (first, end) in client.offsets(topic).items()
    }


@dataclass(frozen=True, slots=True)
class _Reader:
    """A topic: its fetch, and the scans that it serves."""

    fetch: Fetch
    stops: Mapping[int, int]
    intakes: tuple[tuple[int, Intake], ...]


class Feed:
    """Topics read together; one thread pulls it, any may look at its counters or cancel it."""

    def __init__(
        self, client: Client, intakes: Sequence[Intake], begin: Callable[[str], Span]
    ) -> None:
        self._bell = threading.Event()
        self._rate = Rate()
        self.scanned = self.bad = 0
        self.cancelled = False
        topics = dict.fromkeys(i.source.topic for i in intakes)
        self._readers = [self._open(client, t, intakes, begin(t)) for t in topics]
        self._lanes: list[tuple[Lane, Fetch, int]] = [
            ((scan, p), reader.fetch, p)
            for reader in self._readers
            for scan, _ in reader.intakes
            for p in reader.stops
        ]
        self._merge = Merge([lane for lane, _, _ in self._lanes])

    def _open(
        self, client: Client, topic: str, intakes: Sequence[Intake], span: Span
    ) -> _Reader:
        ranges = {p: (start, stop) for p, (start, _, stop) in span.items()}
        fetch = Fetch(client, client.topic(topic), ranges, bell=self._bell)
        for p, (_, end, _) in span.items():
            fetch.known_end(p, end)
        own = tuple((n, i) for n, i in enumerate(intakes) if i.source.topic == topic)
        return _Reader(fetch, {p: stop for p, (_, _, stop) in span.items()}, own)

    def poll(self, seconds: float) -> list[tuple[int, Changes]] | None:
        """What comes next: (scan, rows); empty where nothing came in time, None at the end.

        Raises what ended a fetch, and CorruptRecord where the query is to stop at bad records.
        """
        deadline = time.monotonic() + seconds
        while True:
            self._bell.clear()
            # First who has ended, then what there is: a record is on the queue before its end.
            more = [lane for lane, fetch, p in self._lanes if not fetch.ended(p)]
            for reader in self._readers:
                self._drain(reader)
            runs = self._merge.take(more)
            self._pause()
            if runs:
                return runs
            if self.cancelled or all(r.fetch.done for r in self._readers):
                return None
            left = deadline - time.monotonic()
            if left <= 0 or not self._bell.wait(left):
                return []

    def _drain(self, reader: _Reader) -> None:
        while (chunk := reader.fetch.poll(0)) is not None:
            for scan, intake in reader.intakes:
                self._put(scan, intake, chunk, reader.stops[chunk.partition])

    def _put(self, scan: int, intake: Intake, chunk: Chunk, stop: int) -> None:
        changes, bad = intake.rows(chunk, stop)
        self.scanned += len(changes) + bad
        self.bad += bad
        self._merge.put((scan, chunk.partition), changes)

    def _pause(self) -> None:
        """Partitions that are far ahead wait for the others."""
        for reader in self._readers:
            reader.fetch.paused = frozenset(
                p
                for p in reader.stops
                if any(self._merge.held((scan, p)) > _HELD for scan, _ in reader.intakes)
            )

    @property
    def lag(self) -> int:
        """Records behind the ends of the topics."""
        return sum(r.fetch.lag for r in self._readers)

    @property
    def note(self) -> str:
        """An outage, while there is one."""
        return next((r.fetch.note for r in self._readers if r.fetch.note), "")

    def rate(self) -> float:
        """Records a second."""
        return self._rate.of(self.scanned)

    def cancel(self) -> None:
        """Stop; `poll` then ends within 100 ms."""
        self.cancelled = True
        for reader in self._readers:
            reader.fetch.cancel()
        self._bell.set()


def open_feed(
    client: Client, errors: ErrorLog, node: plan.Node, properties: Properties, *, bounded: bool
) -> Feed:
    """The feed of a plan's scans: what is there now, or from `auto.offset.reset` for ever."""
    intakes = [Intake(leaf, errors, properties) for leaf in plan.scans(node)]
    earliest = bounded or properties["auto.offset.reset"] == "earliest"
    return Feed(client, intakes, lambda topic: spans(client, topic, earliest, bounded))
