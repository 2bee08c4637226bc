"""Copies the records of a topic to another one as batches of bytes, partition by partition.

The MIRROR statement runs it, in a thread of its own or in that which pulls the answer.
"""

from __future__ import annotations

from collections.abc import Mapping

from kshell.config import Properties
from kshell.errors import CorruptRecord, KafkaError
from kshell.kafka.client import Client
from kshell.kafka.fetch import Fetch
from kshell.kafka.metadata import Snapshot
from kshell.kafka.raw_batches import RawBatch, batches_of
from kshell.kafka.raw_produce import RawProducer

__all__ = ["Mirror"]


class Mirror:
    """One copy; `run` it once.  Any thread may look at how far it is, or cancel it."""

    def __init__(
        self,
        source: tuple[Client, Snapshot],
        target: tuple[Client, Snapshot],
        ranges: Mapping[int, tuple[int, int]],
        properties: Properties,
    ) -> None:
        client, self._snapshot = source
        self._ranges = ranges
        wanted = {p: (start, end) for p, (start, end) in ranges.items() if start < end}
        self._fetch = Fetch(client, self._snapshot, wanted)
        writer, to = target
        ends = {p: end for p, (_, end) in to.offsets.items()}
        self._target = to.topic
        self._producer = RawProducer(writer, to.topic, ends, properties)
        self._stopped = False
        self.anew: dict[int, int] = {}  # batches that were written anew, by partition

    def run(self) -> None:
        """Copy until the ends, or for ever; raises what ended it.

        What was read is written and acknowledged when it returns, also after `cancel`.
        """
        try:
            for chunk in self._fetch:
                if chunk.partition not in self._producer.lanes:
                    raise KafkaError(
                        f"topic {self._snapshot.name} has a partition {chunk.partition} now, and"
                        f" {self._target.name} has none of that number",
                        hint=f"ALTER TOPIC {self._target.name} PARTITIONS {chunk.partition + 1}",
                    )
                made = list[RawBatch]()
                _, end = self._ranges.get(chunk.partition, (0, 1 << 62))
                try:
                    for batch in batches_of(chunk, end):
                        made.append(batch)
                except CorruptRecord as error:
                    where = f"topic {self._snapshot.name}, partition {chunk.partition}"
                    raise CorruptRecord(f"{where}, {error.what}") from None
                finally:
                    self._count(chunk.partition, made)
            self._producer.flush()
        except CorruptRecord:
            self._producer.flush()  # what stands before it is written
            raise
        finally:
            self._fetch.cancel()
            self._producer.close()

    def _count(self, partition: int, batches: list[RawBatch]) -> None:
        anew = sum(batch.anew for batch in batches)
        self.anew[partition] = self.anew.get(partition, 0) + anew
        if batches:
            self._producer.put(partition, batches)

    def cancel(self) -> None:
        """Read no more; `run` returns when what was read is acknowledged."""
        self._stopped = True
        self._producer.leave()
        self._fetch.cancel()

    @property
    def stopped(self) -> bool:
        """Whether it was cancelled."""
        return self._stopped

    @property
    def reached(self) -> dict[int, int]:
        """Where the source goes on, by partition, after all that was acknowledged."""
        starts = {p: start for p, (start, _) in self._ranges.items()}
        return starts | self._producer.reached

    def written(self, partition: int) -> tuple[int, int]:
        """How many records and bytes of a partition were acknowledged."""
        lane = self._producer.lanes.get(partition)
        return (0, 0) if lane is None else (lane.records, lane.bytes)

    @property
    def unacknowledged(self) -> int:
        """Batches that were sent, and of which nobody knows whether they are written."""
        return self._producer.unacknowledged

    @property
    def note(self) -> str:
        """What it waits for, while it waits."""
        return self._fetch.note or self._producer.note

    @property
    def lag(self) -> int:
        """How many offsets of the source lie behind what was acknowledged, as last heard."""
        reached = self.reached
        ends = self._fetch.high
        return sum(max(end - reached.get(p, 0), 0) for p, end in ends.items())
