"""What a broker remembers of fetches that follow each other (KIP-227).

`fetcher` has one where many partitions are asked of a broker again and again: while nothing
happens, neither the request nor the answer names any.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["FetchSession", "Increment"]

_LAST = (1 << 31) - 1


@dataclass(frozen=True, slots=True)
class Increment:
    """One fetch of a session: its number and epoch, offsets by partition that the broker does not
    know yet, and partitions that are not wanted any more."""

    session: int
    epoch: int
    offsets: Mapping[int, int]
    forgotten: tuple[int, ...]


class FetchSession:
    """One session; `begin` and `answered` (or `lost`) come in turn.

    >>> session = FetchSession()
    >>> session.begin({0: 7, 1: 9}, 100)
    Increment(session=0, epoch=0, offsets={0: 7, 1: 9}, forgotten=())
    >>> session.answered(5)
    >>> session.begin({0: 8, 1: 9}, 100)
    Increment(session=5, epoch=1, offsets={0: 8}, forgotten=())
    """

    def __init__(self) -> None:
        self._id = self._epoch = 0
        self._known: dict[int, tuple[int, int]] = {}
        self._wanted: dict[int, tuple[int, int]] = {}

    def begin(self, offsets: Mapping[int, int], partition_bytes: int) -> Increment:
        """What to ask to get records of these partitions, at most so many bytes of each."""
        self._wanted = {p: (offset, partition_bytes) for p, offset in offsets.items()}
        new = {p: w[0] for p, w in self._wanted.items() if self._known.get(p) != w}
        gone = tuple(p for p in self._known if p not in self._wanted)
        return Increment(self._id, self._epoch, new, gone)

    def answered(self, session: int) -> None:
        """The broker has answered; session 0 where it keeps none."""
        if not session:
            self._id = 0
            self.lost()
            return
        self._id, self._epoch = session, self._epoch % _LAST + 1
        self._known = self._wanted

    def lost(self) -> None:
        """There was no answer, or the broker has forgotten it: the next fetch begins a new one."""
        self._epoch, self._known = 0, {}
