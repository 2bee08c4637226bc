"""Parts of the two inputs of a join, cut at the same places.

`graph` calls it, where the rows of an input come in several parts.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from kshell.changes import Changes

__all__ = ["aligned"]


class _Parts:
    """The parts of an input, one ahead."""

    def __init__(self, parts: Iterator[Changes]) -> None:
        self._parts = parts
        self.rows = next(parts, None)
        self._next = next(parts, None)

    @property
    def end(self) -> int | None:
        """The place up to which the rows here are all there are; None if no more follow."""
        if self.rows is None or self._next is None:
            return None
        assert self.rows.order is not None  # it is made of several inputs
        return int(self.rows.order[-1].as_py())

    def take(self, until: int | None) -> Changes | None:
        """The rows here up to a place."""
        rows = self.rows
        if rows is None:
            return None
        if until is not None and rows.order is not None:
            count = int(np.searchsorted(rows.order.to_numpy(), until, "right"))
            if count < len(rows):
                self.rows = rows.slice(count)
                return rows.slice(0, count) if count else None
        self.rows, self._next = self._next, next(self._parts, None)
        return rows


def aligned(*inputs: Iterator[Changes]) -> Iterator[tuple[Changes | None, ...]]:
    """Parts of both inputs that belong together: in both, what comes after has later places."""
    parts = [_Parts(rows) for rows in inputs]
    while any(part.rows is not None for part in parts):
        until = min((part.end for part in parts if part.end is not None), default=None)
        yield tuple(part.take(until) for part in parts)
