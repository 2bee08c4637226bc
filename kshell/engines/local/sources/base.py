"""The two faces of a name in FROM: a table to scan, and an input to follow.

`batch.tables.Table` is the first.  The second is here: `continuous.feed` pulls inputs and puts what
they give in order of time; `topic_input` and `given` make them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from kshell.changes import Changes
from kshell.results import LeftOut, Notice

__all__ = ["Input", "Piece"]


@dataclass(frozen=True, slots=True)
class Piece:
    """Consecutive records of one partition, as each scan of the plan sees them.

    `scans` are (the scan's number in the plan, its rows, the records that are left out); `next` is
    the offset behind them.
    """

    partition: int
    scans: Sequence[tuple[int, Changes, LeftOut]]
    next: int = 0


class Input(Protocol):
    """One topic or table that a plan follows; one thread polls, any may look or cancel."""

    name: str  # of the topic, the given table or the file's table
    constant: bool  # its rows never change: all of them come before those of other inputs
    scans: Sequence[int]  # the numbers of the plan's scans that it serves
    paused: frozenset[int]  # partitions that are far ahead of the others, set by who polls
    notices: Sequence[Notice]  # of records that it leaves unread

    @property
    def partitions(self) -> Collection[int]:
        """The partitions, those too that were added since it was opened."""

    @property
    def starts(self) -> Mapping[tuple[int, int], int]:
        """The offset at which each scan begins in each partition; none if it is no topic."""

    def poll(self) -> Piece | None:
        """What has come, or None at once; raises what ended the read, and RegistryDown.

        After RegistryDown the next poll tries the same records again.
        """

    def ended(self, partition: int) -> bool:
        """Whether all that the partition has now, or all that is to be read, was polled."""

    @property
    def done(self) -> bool:
        """Whether every record that is to be read was polled."""

    @property
    def lag(self) -> int | None:
        """Records behind the ends, None if nobody knows."""

    @property
    def reached(self) -> Mapping[int, int]:
        """The offset of each partition up to which it was polled."""

    @property
    def note(self) -> str:
        """An outage, while there is one."""

    @property
    def held_back(self) -> str:
        """A transaction that is open, and behind which nothing is read yet."""

    def cancel(self) -> None:
        """Read no more."""
