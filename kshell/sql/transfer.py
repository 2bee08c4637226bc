"""The statements that carry records from topic to topic: MIRROR and REDRIVE.

`grammar.transfer` makes them.  Names of topics are as typed; prod.orders is topic orders of the
cluster of profile prod, unless this cluster has a topic of that name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from kshell.errors import Place
from kshell.sql.clauses import Name
from kshell.sql.cluster import Change
from kshell.sql.statements import statement

__all__ = ["NAMING", "REDRIVING", "Begin", "Mirror", "Redrive"]

# Headers that name the topic from which a record came: Connect's, Spring's, Kafka Streams'.
NAMING = ("__connect.errors.topic", "kafka_dlt-original-topic", "__streams.errors.topic")
# What WITH of REDRIVE takes.
REDRIVING: Mapping[str, str] = {
    "HEADER": "the header that names a record's topic",
    "RATE": "how many records a second, at most",
    "LIMIT": "how many records, at most",
}


@dataclass(frozen=True, slots=True)
class Begin:
    """Where reading begins: at the first records, at the end, or at an offset of each partition."""

    latest: bool = False
    offsets: Mapping[int, int] = field(default_factory=dict)
    place: Place | None = None


@statement
class Mirror(Change):
    """MIRROR topic TO topic [FROM EARLIEST | LATEST | OFFSETS '0:12,1:40'] [EMIT CHANGES]."""

    source: Name
    target: Name
    begin: Begin | None = None
    continuous: bool = False


@statement
class Redrive(Change):
    """REDRIVE topic [FROM EARLIEST | OFFSETS '…'] [WITH (HEADER='…', RATE=n, LIMIT=n)].

    Each record goes to the topic that a header names, at most so many a second.
    """

    source: Name
    begin: Begin | None = None
    header: str = ""
    rate: int | None = None
    limit: int | None = None
