"""The offsets that PRINT reads: FROM, TO and PARTITION as ranges of each partition.

`print_topic` calls `printed_range`.  An offset and -n hold for each partition that is read; TO is
not part of the range.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace

from kshell.batch.times import parse_moment
from kshell.engines.local.sources.offsets_at import first_at
from kshell.errors import BindError
from kshell.kafka.client import Client
from kshell.kafka.fetch import FOREVER
from kshell.kafka.metadata import Snapshot
from kshell.sql.statements import Position, Print

__all__ = ["of_partition", "printed_range"]

Ranges = Mapping[int, tuple[int, int]]


def of_partition(snapshot: Snapshot, statement: Print) -> Snapshot:
    """The partitions that the statement reads; BindError if the topic has no such partition."""
    number = statement.partition
    if number is None:
        return snapshot
    if number not in snapshot.offsets:
        there = ", ".join(map(str, snapshot.offsets))
        raise BindError(
            f"topic {snapshot.name} has no partition {number}", hint=f"it has {there}",
            place=statement.partition_place,
        )  # fmt: skip
    return replace(snapshot, offsets={number: snapshot.offsets[number]})


def printed_range(client: Client, snapshot: Snapshot, statement: Print) -> Ranges:
    """Per partition [start, end): with TO up to what is there now at the most, else without end.

    Without FROM it is from the end on, or with TO from the beginning.
    """
    stop = statement.stop
    start = statement.start or (Position(before_end=0) if stop is None else Position(offset=0))
    starts = _offsets(client, snapshot, start)
    if stop is None:
        # Kafka has no offset beyond the end yet: the rows before `start` are passed over.
        return {p: (at, FOREVER) for p, at in starts.items()}
    ends = _offsets(client, snapshot, stop)
    return {p: (at, min(ends[p], snapshot.offsets[p][1])) for p, at in starts.items()}


def _offsets(client: Client, snapshot: Snapshot, position: Position) -> dict[int, int]:
    """The position in each partition, not before its first offset."""
    held = snapshot.offsets
    if position.offset is not None:
        return {p: max(first, position.offset) for p, (first, _) in held.items()}
    if position.before_end is not None:
        return {p: max(first, end - position.before_end) for p, (first, end) in held.items()}
    moment = parse_moment(position.moment, int(time.time() * 1000))
    if moment is None:
        raise BindError(
            f"'{position.moment}' is no moment",
            hint="try '@-10m', '10 minutes ago', 'yesterday' or '2026-01-31T10:00:00Z'",
            place=position.place,
        )
    return first_at(client, snapshot, held, moment)
