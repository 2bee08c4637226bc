"""What falls due at a time, in sorted runs: windows that close or leave, by their number.

Operators ask after each step; that costs what falls due, however much is waiting.
"""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["Due"]


class Due:
    """Numbers, each with the time at which it falls due.

    >>> due = Due()
    >>> due.add(np.array([7, 5, 9]), np.array([1, 2, 3]))
    >>> due.until(7)
    (array([5, 7]), array([2, 1]))
    >>> len(due)
    1
    """

    def __init__(self) -> None:
        self._runs: list[tuple[Any, Any]] = []  # (times, numbers), by time; the longest first

    def __len__(self) -> int:
        return sum(len(times) for times, _ in self._runs)

    def add(self, times: Any, numbers: Any) -> None:
        """More of them."""
        if not len(times):
            return
        self._runs.append(_by_time(times, numbers))
        # A run is at least twice as long as the next: there are few, and each number moves seldom.
        while len(self._runs) > 1 and len(self._runs[-2][0]) < 2 * len(self._runs[-1][0]):
            last, before = self._runs.pop(), self._runs.pop()
            self._runs.append(_by_time(*(np.concatenate(p) for p in zip(before, last, strict=True))))

    def until(self, bound: int) -> tuple[Any, Any]:
        """Takes out what falls due at that time or before: times and numbers, in that order."""
        if not any(times[0] <= bound for times, _ in self._runs):
            return _NONE, _NONE
        out, kept = [], []
        for times, numbers in self._runs:
            at = int(np.searchsorted(times, bound, "right"))
            out.append((times[:at], numbers[:at]))
            if at < len(times):
                kept.append((times[at:], numbers[at:]))
        self._runs = sorted(kept, key=lambda run: -len(run[0]))
        return _by_time(*(np.concatenate(part) for part in zip(*out, strict=True)))


_NONE = np.empty(0, np.int64)


def _by_time(times: Any, numbers: Any) -> tuple[Any, Any]:
    order = np.argsort(times, kind="stable")
    return times[order], numbers[order]
