"""The offsets of a moment: bounded scans, PRINT and changes of offsets seek by it."""

from __future__ import annotations

from collections.abc import Iterable

from kshell.batch.times import parse_moment
from kshell.errors import BindError, Place
from kshell.kafka.client import Client
from kshell.kafka.metadata import Snapshot

__all__ = ["first_at", "moment_of"]


def moment_of(text: str, now: int, place: Place | None) -> int:
    """Milliseconds since 1970 of a moment as written; raises BindError."""
    moment = parse_moment(text, now)
    if moment is None:
        raise BindError(
            f"'{text}' is no moment",
            hint="'@-10m', '10 minutes ago', 'yesterday' or '2026-01-31T10:00:00Z'",
            place=place,
        )
    return moment


def first_at(
    client: Client, snapshot: Snapshot, partitions: Iterable[int], time: int, unknown: int = 0
) -> dict[int, int]:
    """Per partition the first offset at or after a time (ms); its end where there is none.

    A broker that cannot search by time (the embedded one) also says "none": it is asked for
    time 0 to see the difference, and then it is the partition's first offset (`unknown` 0) or its
    end (1).  None can search for a time before 0, which records without a time have.
    """
    if time < 0:
        return {p: snapshot.offsets[p][0] for p in partitions}
    wanted = dict.fromkeys(partitions, time)
    if not wanted:
        return {}
    found = client.offsets_at(snapshot, wanted)
    none = [p for p, offset in found.items() if offset < 0]
    trusted = client.offsets_at(snapshot, dict.fromkeys(none, 0)) if none else {}
    for p in none:
        first, end = snapshot.offsets[p]
        found[p] = end if trusted[p] >= 0 else (first, end)[unknown]
    return found
