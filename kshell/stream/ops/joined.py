"""What the joins of tables share: both sides' rows in arenas, and joined rows of their ids."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from kshell.changes import Changes
from kshell.sql import plan
from kshell.stream.arena import Rows
from kshell.stream.ops.table import keyed
from kshell.stream.rows import Layout
from kshell.stream.updates import Updates, taken, updates_of

__all__ = ["Arrived", "JoinedRows", "Side", "rows_at"]

Ints = Any  # a numpy array of int64


class Side:
    """One input: its updates, and the columns of its rows that the joined rows have.

    A scan's records come as they are: each replaces what its key had.
    """

    def __init__(self, node: plan.Node, wanted: Sequence[str], *more: pa.Field) -> None:
        self.layout = Layout(node.output)
        self._records = isinstance(node, plan.Scan)
        fields = [self.layout.schema.field(name) for name in wanted]
        self._names = list(wanted)
        self.rows = Rows(pa.schema([*fields, *more]))
        self.none: Arrived | None = None  # what comes of no changes

    def updates(self, changes: Changes) -> tuple[Changes, Updates]:
        """The changes that count, and what they are as updates."""
        if not self._records:
            return changes, updates_of(changes, self.layout)
        changes = keyed(changes, self.layout.width)
        at = np.arange(len(changes))
        new = np.where(np.asarray(changes.weights) > 0, at, -1)
        return changes, Updates(np.full(len(at), -1), new, at)

    def add(self, updates: Updates, new: pa.RecordBatch, *more: pa.Array) -> Ints:
        """Keep the updates' new rows; their ids, -1 where there is none.

        `more` are further columns of these rows.
        """
        ids = np.full(len(updates), -1)
        columns = [*(new.column(n) for n in self._names), *more]
        rows = _batch(columns, self.rows.schema, new.num_rows)
        ids[updates.new >= 0] = self.rows.add(rows)
        return ids


@dataclass(frozen=True, slots=True)
class Arrived:
    """The next updates of one side: their keys, places, times, and the ids of their new rows."""

    cells: list[pa.Array]  # the key's columns, then the window's bounds
    places: Ints
    times: Ints
    ids: Ints
    made: Sequence[pa.Array]  # further columns of the new rows

    @classmethod
    def of(
        cls,
        side: Side,
        changes: Changes,
        more: Callable[[pa.RecordBatch], Sequence[pa.Array]] = lambda rows: (),
    ) -> Arrived:
        """Keeps the new rows in the side's arena; `more` makes further columns of them."""
        if not changes and side.none is not None:
            return side.none
        arrived = cls._of(side, changes, more)
        if not changes:
            side.none = arrived
        return arrived

    @classmethod
    def _of(
        cls, side: Side, changes: Changes, more: Callable[[pa.RecordBatch], Sequence[pa.Array]]
    ) -> Arrived:
        changes, updates = side.updates(changes)
        order = changes.order
        new = taken(changes.rows, updates.new[updates.new >= 0])
        made = more(new)
        return cls(
            [taken(changes.rows.column(n), updates.at) for n in side.layout.cell_names],
            updates.at if order is None else order.to_numpy()[updates.at],
            changes.rows.column("ROWTIME").to_numpy()[updates.at],
            side.add(updates, new, *made),
            made,
        )


class JoinedRows:
    """The joined rows' columns, each from the side that has it."""

    def __init__(self, left: plan.Relation, right: plan.Relation, output: plan.Relation) -> None:
        self.output = Layout(output)
        own = set(left.schema().names[:-1])
        names = [c.name for c in output.value]
        self._columns = [(n, n not in own) for n in names]
        self.wanted = [n for n in names if n in own], [n for n in names if n not in own]

    def of(
        self,
        cells: Sequence[pa.Array],
        sides: Iterable[pa.RecordBatch],
        times: Ints,
    ) -> pa.RecordBatch:
        """Rows with these keys (and windows), of rows of both sides, which may be all NULL."""
        left, right = sides
        width = self.output.width
        values = [(right if other else left).column(name) for name, other in self._columns]
        columns = [*cells[:width], *values, *cells[width:], pa.array(times, pa.int64())]
        return pa.RecordBatch.from_arrays(columns, schema=self.output.schema)


def rows_at(rows: Rows, ids: Ints) -> pa.RecordBatch:
    """The rows of these ids; all NULL for -1."""
    there = ids >= 0
    if there.all():
        return rows.take(ids)
    places = np.cumsum(there) - 1
    found = rows.take(ids[there])
    at = pa.array(places, pa.int64(), mask=~there)
    return _batch([c.take(at) for c in found.columns], rows.schema, len(ids))


def _batch(columns: Sequence[pa.Array], schema: pa.Schema, count: int) -> pa.RecordBatch:
    """A batch, which may have no columns."""
    if not columns:
        return pa.RecordBatch.from_struct_array(pa.array([{}] * count, pa.struct([])))
    return pa.RecordBatch.from_arrays(list(columns), schema=schema)
