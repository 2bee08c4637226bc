"""A topic as a continuous query's input: read once, decoded for each scan that reads the topic.

`lookup` makes one for each topic of a plan; `continuous.feed` pulls it.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from kshell.engines.local.sources.base import Piece
from kshell.engines.local.sources.budget import Allowance, Budget, stopped
from kshell.engines.local.sources.scan_reader import Intake
from kshell.engines.local.sources.topic import unread_notices
from kshell.errors import RegistryDown
from kshell.kafka.client import Client
from kshell.kafka.fetch import FOREVER, Chunk
from kshell.kafka.metadata import Snapshot
from kshell.results import Notice

__all__ = ["Follower", "TopicInput"]


@dataclass(frozen=True, slots=True)
class Follower:
    """A scan of the plan: its number, its reader, and whether it begins with the first record.

    `starts` are offsets at which it begins instead: those of a query that goes on, or
    where a group stands.
    """

    scan: int
    intake: Intake
    whole: bool
    starts: Mapping[int, int] = field(default_factory=dict)


class TopicInput:
    """From the start or the end of the snapshot on; with a budget to its end at the most."""

    constant = False

    def __init__(
        self,
        client: Client,
        snapshot: Snapshot,
        followers: Sequence[Follower],
        bell: threading.Event,
        *,
        budget: Budget | None,
        queued_bytes: int,
    ) -> None:
        self.name, self._offsets = snapshot.topic.name, snapshot.offsets
        self._followers = followers
        self.scans: Sequence[int] = [f.scan for f in followers]
        self._stops = {
            p: FOREVER if budget is None else end for p, (_, end) in self._offsets.items()
        }
        ranges = {
            p: (min(self.start(p, f) for f in followers), stop)
            for p, stop in self._stops.items()
        }
        late = None if budget is not None else self._late
        self._reader = client.follow(snapshot, ranges, bell, queued_bytes, late)
        self._held: tuple[Chunk, int] | None = None  # waits for the schema registry; its end
        self._allowance = None if budget is None else Allowance(budget)
        missing = () if budget is None else unread_notices(self.name, snapshot.missing)
        self.notices: Sequence[Notice] = missing

    def _late(self, partition: int, span: tuple[int, int]) -> int:
        """Where to begin in a partition that had no leader at first; the client's loop calls it."""
        # A new dict: the query's thread may be going through the old one.
        self._offsets = {**self._offsets, partition: span}
        return min(self.start(partition, f) for f in self._followers)

    def start(self, partition: int, follower: Follower) -> int:
        """The first offset to read; of a partition that came later the very first."""
        first = self._offsets.get(partition, (0, 0))[not follower.whole]
        return follower.starts.get(partition, first)

    @property
    def starts(self) -> Mapping[tuple[int, int], int]:
        return {(f.scan, p): self.start(p, f) for f in self._followers for p in self._offsets}

    @property
    def partitions(self) -> Collection[int]:
        return self._stops

    @property
    def paused(self) -> frozenset[int]:
        """Partitions that are not fetched now."""
        return self._reader.paused

    @paused.setter
    def paused(self, partitions: frozenset[int]) -> None:
        self._reader.paused = partitions

    def poll(self) -> Piece | None:
        held, self._held = self._held or self._next(), None
        if held is None:
            return None
        chunk, stop = held
        p = chunk.partition
        try:
            scans = [
                (f.scan, *f.intake.rows(chunk, self.start(p, f), stop))
                for f in self._followers
            ]
        except RegistryDown:
            self._held = held
            raise
        return Piece(p, scans, min(chunk.next, stop))

    def _next(self) -> tuple[Chunk, int] | None:
        """The next chunk, and the offset up to which it may be read."""
        chunk = None if self._stopped else self._reader.poll()
        if chunk is None:
            return None
        # It may be of a partition that the topic got while it was read.
        end = self._stops.setdefault(chunk.partition, FOREVER)
        if self._allowance is None:
            return chunk, end
        stop = self._allowance.end_of(chunk, end)
        if self._stopped:
            reached = {**self._reader.reached, chunk.partition: min(stop, chunk.next)}
            left = sum(max(e - reached.get(p, 0), 0) for p, e in self._stops.items())
            self.notices = (*self.notices, stopped(self.name, self._allowance.spent, left))
            self._reader.cancel()
        return chunk, stop

    @property
    def _stopped(self) -> bool:
        return self._allowance is not None and bool(self._allowance.spent)

    def ended(self, partition: int) -> bool:
        return self._held is None and (self._stopped or self._reader.ended(partition))

    @property
    def done(self) -> bool:
        return self._held is None and self._reader.done

    @property
    def lag(self) -> int | None:
        return self._reader.lag

    @property
    def reached(self) -> Mapping[int, int]:
        return self._reader.reached

    @property
    def note(self) -> str:
        return self._reader.note

    @property
    def held_back(self) -> str:
        return self._reader.held_back

    def cancel(self) -> None:
        self._reader.cancel()
