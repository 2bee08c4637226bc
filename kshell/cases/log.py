"""The log that replaces the broker: topics of one partition, records in the order of writing.

`world` writes the case's records to it, queries read it and write to it, and the case checks the
records that they wrote.  As in ksqlDB's test driver there is one partition; offsets count from 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from kshell.cases.model import Header

__all__ = ["Log", "Stored"]


@dataclass(frozen=True, slots=True)
class Stored:
    """A record as in a broker; its offset is its index in the topic."""

    key: bytes | None
    value: bytes | None
    timestamp: int
    headers: tuple[Header, ...] = ()


@dataclass(slots=True)
class Log:
    """Topics by name.

    >>> log = Log()
    >>> log.append("t", Stored(b"k", b"v", 5))
    0
    >>> log.read("t")[0].timestamp
    5
    """

    topics: dict[str, list[Stored]] = field(default_factory=dict)

    def append(self, topic: str, record: Stored) -> int:
        """Writes a record; returns its offset."""
        records = self.topics.setdefault(topic, [])
        records.append(record)
        return len(records) - 1

    def read(self, topic: str, start: int = 0) -> Sequence[Stored]:
        """The records from that offset on."""
        return self.topics.get(topic, [])[start:]
