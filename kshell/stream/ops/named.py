"""Which rows name which: pairs of a slot and a row, found by the slot, in numpy.

`foreign_key_join` keeps here which left rows name a right row.  Pairs stand in sorted runs, few and
of falling sizes; what is no longer so stays in its run until that is merged with another.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from kshell.stream.updates import sorted_by

__all__ = ["Named"]

Ints = Any  # a numpy array of int64
_NONE = (np.empty(0, np.int64),) * 3
_Run = tuple[Ints, Ints, Ints]  # slots, ascending; the rows that name them; when they began to


class Named:
    """Pairs with the number of their naming; `holds(rows, numbers)` says which still are.

    >>> named = Named(lambda rows, numbers: numbers > 0)
    >>> named.add(np.array([5, 4, 5]), np.array([10, 11, 12]), np.array([1, 2, 0]))
    >>> named.of(np.array([5, 4]))
    (array([0, 1]), array([10, 11]), array([1, 2]))
    """

    def __init__(self, holds: Callable[[Ints, Ints], Any]) -> None:
        self._holds = holds
        self._runs: list[_Run] = []

    def __len__(self) -> int:
        return sum(len(slots) for slots, _, _ in self._runs)

    def add(self, slots: Ints, rows: Ints, numbers: Ints) -> None:
        """More pairs."""
        if not len(slots):
            return
        order = sorted_by(slots)
        self._runs.append((slots[order], rows[order], numbers[order]))
        while len(self._runs) > 1 and len(self._runs[-2][0]) <= 2 * len(self._runs[-1][0]):
            last = self._runs.pop()
            self._runs[-1] = self._merged(self._runs[-1], last)

    def of(self, slots: Ints) -> tuple[Ints, Ints, Ints]:
        """The rows that name these slots: which slot, the row, the number."""
        found = [self._found(run, slots) for run in self._runs] if len(slots) else []
        if not found:
            return _NONE
        which, rows, numbers = (np.concatenate(parts) for parts in zip(*found, strict=True))
        return which, rows, numbers

    def _found(self, run: _Run, slots: Ints) -> _Run:
        first: Ints = run[0].searchsorted(slots, side="left")
        count = run[0].searchsorted(slots, side="right") - first
        if not count.any():
            return _NONE
        which = np.repeat(np.arange(len(slots)), count)
        at = first[which] + np.arange(len(which)) - np.repeat(np.cumsum(count) - count, count)
        rows, numbers = run[1][at], run[2][at]
        there = self._holds(rows, numbers)
        return which[there], rows[there], numbers[there]

    def _merged(self, left: _Run, right: _Run) -> _Run:
        slots, rows, numbers = (np.concatenate(pair) for pair in zip(left, right, strict=True))
        there = self._holds(rows, numbers)
        slots, rows, numbers = slots[there], rows[there], numbers[there]
        order = sorted_by(slots)
        return slots[order], rows[order], numbers[order]
