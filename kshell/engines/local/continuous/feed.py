"""What a continuous query reads: its topics, followed together and handed on in order of time.

`foreground` and `background` pull it.  One fetch serves every scan of a topic.  A feed with ends
(a bounded run of a continuous plan) is done when it has reached them.
"""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kshell.changes import Changes
from kshell.config import Properties
from kshell.engines.error_log import ErrorLog
from kshell.engines.local.continuous.scan_reader import Intake
from kshell.engines.local.continuous.time_order import Lane, Merge
from kshell.errors import RegistryDown
from kshell.kafka.client import Client
from kshell.kafka.fetch import FOREVER, Chunk, Fetch, next_offset
from kshell.sql import plan

__all__ = ["Feed", "Rate", "Span", "open_feed"]

_HELD = 200_000  # rows of one partition that may wait for the others
_RATE_SECONDS = 3.0
_AGAIN = 0.25  # seconds between two questions to a registry that is away

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


@dataclass(frozen=True, slots=True)
class Span:
    """One scan's part of a topic: per partition [first, end) of now, and which of it is read."""

    offsets: Mapping[int, tuple[int, int]]
    whole: bool  # from the first record, not from the end
    bounded: bool  # to the end of now, not for ever

    def start(self, partition: int) -> int:
        """The first offset to read; of a partition that came later the very first."""
        return self.offsets.get(partition, (0, 0))[not self.whole]

    def stop(self, partition: int) -> int:
        """Where to stop."""
        return self.offsets[partition][1] if self.bounded else FOREVER


@dataclass(frozen=True, slots=True)
class _Reader:
    """A topic: its fetch, and the scans that it serves."""

    fetch: Fetch
    stops: dict[int, int]
    intakes: tuple[tuple[int, Intake, Span], ...]
    reached: dict[int, int]  # per partition the offset after the last record that was decoded

    @property
    def lag(self) -> int:
        """Records behind the end of the topic; what was fetched and not yet decoded counts."""
        fetched = {} if self.fetch.done else self.fetch.position
        return self.fetch.lag + sum(at - self.reached.get(p, 0) for p, at in fetched.items())


class Feed:
    """Topics read together; one thread pulls it, any may look at its counters or cancel it."""

    def __init__(
        self,
        client: Client,
        intakes: Sequence[tuple[Intake, Span]],
        patience: float = math.inf,
    ) -> None:
        self._patience = patience  # seconds that it waits for a schema registry
        self._held: dict[str, Chunk] = {}  # what waits for it, by topic
        self._away, self._since = "", 0.0
        self._bell = threading.Event()
        self._rate = Rate()
        self.scanned = self.bad = 0
        self.cancelled = False
        self.at_end = False  # whether with what `poll` gave last each partition is read to its end
        by_topic: dict[str, list[tuple[int, Intake, Span]]] = {}
        for scan, (intake, span) in enumerate(intakes):
            by_topic.setdefault(intake.source.topic, []).append((scan, intake, span))
        self._readers = [self._open(client, t, tuple(of)) for t, of in by_topic.items()]
        self._lanes: list[tuple[Lane, Fetch, int]] = [
            ((scan, p), reader.fetch, p)
            for reader in self._readers
            for scan, _, _ in reader.intakes
            for p in reader.stops
        ]
        self._merge = Merge([lane for lane, _, _ in self._lanes])

    def _open(
        self, client: Client, topic: str, intakes: tuple[tuple[int, Intake, Span], ...]
    ) -> _Reader:
        spans = [span for _, _, span in intakes]
        stops = {p: spans[0].stop(p) for p in spans[0].offsets}
        ranges = {p: (min(s.start(p) for s in spans), stop) for p, stop in stops.items()}
        fetch = Fetch(client, client.topic(topic), ranges, bell=self._bell)
        for p, (_, end) in spans[0].offsets.items():
            fetch.known_end(p, end)
        return _Reader(fetch, stops, intakes, dict(fetch.position))

    def poll(self, seconds: float) -> list[tuple[int, Changes]] | None:
        """What comes next: (scan, rows); empty where nothing came in time, None at the end.

        Raises what ended a fetch, and CorruptRecord where the query is to stop at bad records.
        """
        deadline = time.monotonic() + seconds
        while True:
            self._bell.clear()
            # First who has ended, then what there is: a record is on the queue before its end.
            more = [lane for lane, fetch, p in self._lanes if not fetch.ended(p)]
            if not self._drain_all():
                time.sleep(min(seconds, _AGAIN))
                return None if self.cancelled else []
            runs = self._merge.take(more)
            self.at_end = not more
            self._pause()
            if runs:
                return runs
            if self.cancelled or all(r.fetch.done for r in self._readers):
                return None
            left = deadline - time.monotonic()
            if left <= 0 or not self._bell.wait(left):
                return []

    def _drain_all(self) -> bool:
        """Decode what has come; False while the schema registry is away, and the query pauses."""
        try:
            for reader in self._readers:
                self._drain(reader)
        except RegistryDown as error:
            now = time.monotonic()
            self._since = self._since or now
            if now - self._since >= self._patience:
                raise
            self._away = f"waiting: {error.what}"
            return False
        self._away, self._since = "", 0.0
        return True

    def _drain(self, reader: _Reader) -> None:
        topic = reader.intakes[0][1].source.topic
        while (chunk := self._held.pop(topic, None) or reader.fetch.poll(0)) is not None:
            if chunk.partition not in reader.stops:
                self._add(reader, chunk.partition)
            p, stop = chunk.partition, reader.stops[chunk.partition]
            try:
                read = [
                    (scan, intake.rows(chunk, span.start(p), stop))
                    for scan, intake, span in reader.intakes
                ]
            except RegistryDown:
                self._held[topic] = chunk
                raise
            reader.reached[p] = next_offset(chunk.records, chunk.start)
            for scan, (changes, bad) in read:
                self.scanned += len(changes) + bad
                self.bad += bad
                self._merge.put((scan, p), changes)

    def _add(self, reader: _Reader, partition: int) -> None:
        """A partition that the topic got while it was read."""
        reader.stops[partition] = FOREVER
        for scan, _, _ in reader.intakes:
            self._lanes.append(((scan, partition), reader.fetch, partition))
            self._merge.add((scan, partition))

    def _pause(self) -> None:
        """Partitions that are far ahead wait for the others."""
        for reader in self._readers:
            reader.fetch.paused = frozenset(
                p
                for p in reader.stops
                if any(self._merge.held((scan, p)) > _HELD for scan, _, _ in reader.intakes)
            )

    @property
    def lag(self) -> int:
        """Records behind the ends of the topics."""
        return sum(r.lag for r in self._readers)

    @property
    def note(self) -> str:
        """An outage, while there is one."""
        return self._away or next((r.fetch.note for r in self._readers if r.fetch.note), "")

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
    """The feed of a plan's scans: what is there now, or from `auto.offset.reset` for ever.

    A table that a join looks up rows of is read from its first record all the same: it would be
    empty else.
    """
    leaves = list(plan.scans(node))
    offsets = {t: client.offsets(t) for t in dict.fromkeys(leaf.source.topic for leaf in leaves)}
    earliest = bounded or properties["auto.offset.reset"] == "earliest"
    tables = plan.looked_up(node)
    intakes = [
        (
            Intake(leaf, errors, properties),
            Span(offsets[leaf.source.topic], earliest or n in tables, bounded),
        )
        for n, leaf in enumerate(leaves)
    ]
    wait = (properties.number("schema.registry.wait.ms") or 0) / 1000 if bounded else math.inf
    return Feed(client, intakes, wait)
