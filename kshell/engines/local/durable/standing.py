"""Where a query stands in its inputs: what its graph has stepped, never what was only fetched.

`query` notes each step and commits what is here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from kshell.changes import Changes
from kshell.engines.local.continuous.time_order import NEVER, Lane, Stand, Step

__all__ = ["Stands", "bare"]


def bare(step: Step) -> Step:
    """The step without the places of its records, which operators do not take."""
    return {scan: Changes(c.rows, c.weights, c.order) for scan, c in step.items()}


class Stands:
    """The next offset and the latest time of each lane.

    >>> stands = Stands({(0, 1): Stand(5)})
    >>> stands.reach({(0, 1): 9, (0, 2): 3})
    True
    >>> stands.lanes()[0, 1].next
    9
    """

    def __init__(self, lanes: Mapping[Lane, Stand]) -> None:
        self._next = {lane: stand.next for lane, stand in lanes.items()}
        self._last = {lane: stand.last for lane, stand in lanes.items()}

    def stepped(self, step: Step) -> None:
        """The graph has taken these rows, which have the places of their records."""
        for scan, changes in step.items():
            assert changes.places is not None
            partitions, offsets = (np.asarray(c) for c in changes.places.columns)
            times = np.asarray(changes.rows.column("ROWTIME"))
            for partition in np.flatnonzero(np.bincount(partitions)).tolist():
                mine = partitions == partition
                self._note((scan, partition), offsets[mine], times[mine])

    def _note(self, lane: Lane, offsets: Any, times: Any) -> None:
        self._next[lane] = max(self._next.get(lane, 0), int(offsets.max()) + 1)
        self._last[lane] = max(self._last.get(lane, NEVER), int(times.max()))

    def reach(self, behind: Mapping[Lane, int]) -> bool:
        """Nothing waits before these offsets; whether that is news."""
        moved = {lane: at for lane, at in behind.items() if at > self._next.get(lane, -1)}
        self._next |= moved
        return bool(moved)

    def lanes(self) -> dict[Lane, Stand]:
        """All of them."""
        return {lane: Stand(at, self._last.get(lane, NEVER)) for lane, at in self._next.items()}
