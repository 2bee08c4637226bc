"""What all joins share: the joined row's columns, each from the side that has it.

The operators of joins call it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from kshell.changes import Changes
from kshell.sql import plan
from kshell.stream.rows import Layout

__all__ = ["Sides", "numbered", "picked", "whole"]

Ints = Any  # a numpy array of int64

_WINDOW = ("WINDOWSTART", "WINDOWEND")


class Sides:
    """Makes joined rows of a left and a right row, either of which may be None."""

    def __init__(self, left: plan.Relation, right: plan.Relation, output: plan.Relation) -> None:
        self.left, self.right, self.output = Layout(left), Layout(right), Layout(output)
        self.columns: list[tuple[int, int]] = []  # (0 left or 1 right, its column) of each value
        for column in output.value:
            side = 0 if column.name in self.left.names[:-1] else 1
            names = (self.left if side == 0 else self.right).names
            self.columns.append((side, names.index(column.name)))

    def rows(
        self,
        sources: tuple[pa.RecordBatch, pa.RecordBatch],
        places: tuple[Any, Any],
        keyed: Any,
        times: Any,
    ) -> pa.RecordBatch:
        """Joined rows: the place of their row in each side's source (-1: none), their times.

        `keyed` says whose key each has: 0 is the left's.
        """
        taken = [picked(at) for at in places]
        columns = [self._key(sources, places, keyed, i) for i in range(self.output.width)]
        columns += [sources[side].column(i).take(taken[side]) for side, i in self.columns]
        if self.output.windowed:
            columns += [self._key(sources, places, keyed, name) for name in _WINDOW]
        columns.append(pa.array(times, pa.int64()))
        return pa.RecordBatch.from_arrays(columns, schema=self.output.schema)

    def alone(self, *rows: pa.RecordBatch) -> Changes:
        """Left and right rows that match nothing, in order of their times."""
        sides = np.repeat([0, 1], [part.num_rows for part in rows])
        places = np.concatenate([np.arange(part.num_rows) for part in rows])
        times = np.concatenate([part.column("ROWTIME").to_numpy() for part in rows])
        order = np.lexsort((places, sides, times))
        left, right = (np.where(sides == side, places, -1)[order] for side in (0, 1))
        made = self.rows((rows[0], rows[1]), (left, right), sides[order], times[order])
        return Changes.of(made)

    def _key(
        self,
        sources: Sequence[pa.RecordBatch],
        places: Sequence[Ints],
        keyed: Ints,
        name: int | str,
    ) -> pa.Array:
        """A column of the key or of its window."""
        columns = [source.column(name) for source in sources]
        for side in (0, 1):
            if (keyed == side).all():
                return columns[side].take(pa.array(places[side], pa.int64()))
        both = pa.concat_arrays([columns[0], columns[1].cast(columns[0].type)])
        at = np.where(keyed == 0, places[0], places[1] + len(columns[0]))
        return both.take(pa.array(at, pa.int64()))


def whole(parts: Sequence[pa.RecordBatch]) -> pa.RecordBatch:
    """The parts one after the other; there is one at the least."""
    parts = [part for part in parts if part.num_rows] or parts[:1]
    return parts[0] if len(parts) == 1 else pa.concat_batches(parts)


def picked(places: Any) -> pa.Array:
    """Places to take, NULL where they are -1."""
    none = places < 0
    return pa.array(places, pa.int64(), mask=none) if none.any() else pa.array(places, pa.int64())


def numbered(left: Changes, right: Changes) -> tuple[tuple[Ints, Ints], Ints | None]:
    """The number of each row among those of both sides; the places of all, if they have some."""
    if not left or not right:
        one = left if left else right
        alone, none = np.arange(len(one)), np.empty(0, np.int64)
        places = None if one.order is None else one.order.to_numpy()
        return ((alone, none) if left else (none, alone)), places
    assert left.order is not None  # both sides have rows
    assert right.order is not None
    a, b = left.order.to_numpy(), right.order.to_numpy()
    first = np.arange(len(a)) + np.searchsorted(b, a, "left")
    second = np.arange(len(b)) + np.searchsorted(a, b, "right")
    places = np.empty(len(a) + len(b), np.int64)
    places[first], places[second] = a, b
    return (first, second), places
