"""A topic as a continuous query's input: read once, decoded for each scan that reads the topic.

`lookup` makes one for each topic of a plan; `continuous.feed` pulls it.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from kshell.engines.local.sources.base import Piece
from kshell.engines.local.sources.scan_reader import Intake
from kshell.errors import RegistryDown
from kshell.kafka.client import Client
from kshell.kafka.fetch import FOREVER, Chunk
from kshell.kafka.metadata import Snapshot

__all__ = ["Follower", "TopicInput"]


@dataclass(frozen=True, slots=True)
class Follower:
    """A scan of the plan: its number, its reader, and whether it begins with the first record."""

    scan: int
    intake: Intake
    whole: bool


class TopicInput:
    """From the start or the end of the snapshot; to its end if `bounded`, else for ever."""

    constant = False

    def __init__(
        self,
        client: Client,
        snapshot: Snapshot,
        followers: Sequence[Follower],
        bell: threading.Event,
        *,
        bounded: bool,
        queued_bytes: int,
    ) -> None:
        self.name, self._offsets = snapshot.topic.name, snapshot.offsets
        self._followers = followers
        self.scans: Sequence[int] = [f.scan for f in followers]
        self._stops = {p: end if bounded else FOREVER for p, (_, end) in self._offsets.items()}
        ranges = {
            p: (min(self._start(p, f.whole) for f in followers), stop)
            for p, stop in self._stops.items()
        }
        self._reader = client.follow(snapshot, ranges, bell, queued_bytes)
        self._held: Chunk | None = None  # what waits for the schema registry

    def _start(self, partition: int, whole: bool) -> int:
        """The first offset to read; of a partition that came later the very first."""
        return self._offsets.get(partition, (0, 0))[not whole]

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
        chunk, self._held = self._held or self._reader.poll(), None
        if chunk is None:
            return None
        p = chunk.partition
        stop = self._stops.setdefault(p, FOREVER)  # one that the topic got while it was read
        try:
            scans = [
                (f.scan, *f.intake.rows(chunk, self._start(p, f.whole), stop))
                for f in self._followers
            ]
        except RegistryDown:
            self._held = chunk
            raise
        return Piece(p, scans)

    def ended(self, partition: int) -> bool:
        return self._held is None and self._reader.ended(partition)

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

    def cancel(self) -> None:
        self._reader.cancel()
