"""One partition of a producer of raw batches: what waits, what is on its way, and its numbers.

`raw_produce` has one for each partition.  Sequence numbers count records; brokers compare them.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from kshell.kafka.raw_batches import RawBatch

__all__ = ["Lane", "reaches"]

_IN_FLIGHT = 5  # batches of a partition: a broker remembers so many
_LAST_SEQUENCE = (1 << 31) - 1


@dataclass(slots=True)
class Lane:
    """One partition's batches: those that wait, those on their way, and where it stands."""

    partition: int
    written: int  # the offset in the topic after the last batch that was acknowledged
    producer: int = -1
    epoch: int = -1
    sequence: int = 0
    waiting: deque[RawBatch] = field(default_factory=deque)
    flying: deque[RawBatch] = field(default_factory=deque)
    answers: dict[int, int] = field(default_factory=dict)  # the error of each, by its sequence
    why: str = ""
    failed: bool = False
    settling: bool = False
    recovers: bool = False
    known: bool = False  # to the broker, as this producer
    broken: int = 0
    reached: int | None = None  # where the source goes on after what was acknowledged
    records: int = 0
    bytes: int = 0

    @property
    def ready(self) -> bool:
        """Whether a batch may be sent now.

        One by one at first, because a broker takes any sequence number of a producer that is new
        to it, and after a failure; no new one then, until those are acknowledged that are sent
        again: a broker that has five later ones knows an earlier one no more.
        """
        most = _IN_FLIGHT if self.known and not self.recovers else 1
        if self.failed or self.settling or not self.waiting or len(self.flying) >= most:
            return False
        return not self.recovers or self.waiting[0].sequence >= 0

    @property
    def answered(self) -> bool:
        """Whether nothing is on its way."""
        return all(batch.sequence in self.answers for batch in self.flying)

    def take(self) -> RawBatch:
        """The next batch, with its sequence number."""
        batch = self.waiting.popleft()
        if batch.sequence < 0:
            batch.stamp(self.producer, self.epoch, self.sequence)
            self.sequence = after(self.sequence, batch.count)
        self.flying.append(batch)
        return batch

    def again(self) -> None:
        """All from the first without an acknowledgement on is to be sent again.

        What was acknowledged behind it, too: a broker says of each that it has it.
        """
        self.recovers, self.failed = bool(self.flying), False
        self.waiting.extendleft(reversed(self.flying))
        self.flying.clear()
        self.answers.clear()

    def drop_unsent(self) -> list[RawBatch]:
        """Forget the batches that were never sent, and return them."""
        dropped = [batch for batch in self.waiting if batch.sequence < 0]
        for _ in dropped:
            self.waiting.pop()
        return dropped

    def anew(self, producer: int, epoch: int) -> None:
        """Count from 0 again, as another producer."""
        self.producer, self.epoch, self.sequence, self.known = producer, epoch, 0, False
        for batch in self.waiting:
            batch.sequence = -1


def after(sequence: int, count: int) -> int:
    """The sequence number after so many records; after the largest comes 0.

    >>> after(5, 3), after(2147483647, 1)
    (8, 0)
    """
    return (sequence + count) % (_LAST_SEQUENCE + 1)


def reaches(batch: RawBatch, last: int) -> bool:
    """Whether a batch was sent and ends at or before that number; numbers start again at 0."""
    if batch.sequence < 0:
        return False
    behind = (last - after(batch.sequence, batch.count - 1)) % (_LAST_SEQUENCE + 1)
    return behind <= _LAST_SEQUENCE // 2
