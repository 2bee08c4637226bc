"""Converts Arrow batches to single updates and back, for stateful operators.

Operators with state work on updates of one key, as Kafka Streams does: `Update(key, old, new, ts)`.
`updates` makes them from `Changes` (an adjacent -1/+1 pair of one key is one update), `changes`
writes them back.  Rows are tuples in the order of `Relation.schema()`.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kshell.catalog.model import Kind, WindowType
from kshell.changes import WEIGHT, Changes
from kshell.sql.plan import Relation

__all__ = ["Key", "Layout", "Row", "Update", "batch_of", "changes", "freeze", "latest",
           "replaced", "updates"]  # fmt: skip

_NOTHING = pa.scalar(0, WEIGHT)
Row = tuple[Any, ...]
Key = tuple[Hashable, ...]


class Update(NamedTuple):
    """A key's change: its row before and after (None if there is none), and the time (ms).

    Both None is a touch: a tombstone for an unknown key.  A stream's row has no `old`.  `cells` are
    the key's values and its window as they are, `key` is their hashable form.
    """

    key: Key
    old: Row | None
    new: Row | None
    ts: int
    cells: Row


def freeze(value: Any) -> Hashable:
    """The value, hashable: arrays as tuples, structs as tuples of pairs, maps too, by their keys.

    >>> freeze([1, {"a": 2}]), freeze([("b", 1), ("a", 2)])
    ((1, (('a', 2),)), (('a', 2), ('b', 1)))
    """
    if isinstance(value, list | tuple):
        made = tuple(freeze(v) for v in value)
        # Arrow gives a map as a list of pairs: their order is no part of the value.
        return tuple(sorted(made, key=_key)) if value and isinstance(value[0], tuple) else made
    if isinstance(value, dict):
        return tuple((k, freeze(v)) for k, v in value.items())
    return value  # type: ignore[no-any-return]


def _key(pair: Any) -> str:
    return repr(pair[0])


def _freeze_row(cells: Row) -> Key:
    return tuple(freeze(c) for c in cells)


def _same(cells: Row) -> Key:
    return cells


def _without_end(freeze_row: Callable[[Row], Key]) -> Callable[[Row], Key]:
    """Windows of known size are keyed by start only: windows of different sizes can join."""
    return lambda cells: freeze_row(cells[:-1])


class Layout:
    """The places of the key, the window and the time in a relation's rows."""

    def __init__(self, relation: Relation) -> None:
        self.relation = relation
        self.schema: pa.Schema = relation.schema()
        self.names: list[str] = self.schema.names
        self.width = len(relation.key)
        self.values = len(relation.value)
        self.windowed = relation.window is not None
        self.session = relation.window is not None and relation.window.type is WindowType.SESSION
        nested = any(pa.types.is_nested(c.type) for c in relation.key)
        self.freeze: Callable[[Row], Key] = _freeze_row if nested else _same
        sized = relation.window is not None and relation.window.size_ms is not None
        self.key: Callable[[Row], Key] = _without_end(self.freeze) if sized else self.freeze
        self.compared = -1 if sized else None  # where the cells end that make the key
        bounds = self.names[self.width + self.values : -1]
        self.cell_names = [*self.names[: self.width], *bounds]
        # What `key` is made of: windows of known size are keyed by their start.
        self.key_columns = [*self.names[: self.width], *bounds[: self.compared]]

    def cells(self, row: Row) -> Row:
        """The key's values, then the window's start and end."""
        return row[: self.width] + row[-3:-1] if self.windowed else row[: self.width]

    def stays(self, row: Row) -> bool:
        """Whether a row after its key's old row replaces it; else the old row was deleted before.

        As in Streams, a session that gets another row is deleted and comes back, even if it keeps
        its bounds; only a session of a single moment is updated in place.
        """
        return not self.session or bool(row[-3] == row[-2])

    def row(self, cells: Row, values: Sequence[Any], ts: int) -> Row:
        """A row from the key (with its window), the values and the time."""
        return (*cells[: self.width], *values, *cells[self.width :], ts)

    def blank(self, cells: Row, ts: int) -> Row:
        """A row with a key and without values."""
        return self.row(cells, (None,) * self.values, ts)


def updates(batch: Changes, layout: Layout) -> list[Update]:
    """The changes as single updates, in order."""
    rows = list(zip(*(c.to_pylist() for c in batch.rows.columns), strict=True))
    weights = batch.weights.to_pylist()
    cells_of, freeze_key = layout.cells, layout.key
    out: list[Update] = []
    if layout.relation.kind is Kind.STREAM:
        for row, weight in zip(rows, weights, strict=True):
            cells = cells_of(row)
            new = row if weight > 0 else None
            out.append(Update(freeze_key(cells), None, new, row[-1], cells))
        return out
    pending: Update | None = None
    for row, weight in zip(rows, weights, strict=True):
        cells = cells_of(row)
        key = freeze_key(cells)
        if pending is not None:
            if weight > 0 and pending.key == key and layout.stays(row):
                out.append(Update(key, pending.old, row, row[-1], cells))
                pending = None
                continue
            out.append(pending)
            pending = None
        if weight < 0:
            pending = Update(key, row, None, row[-1], cells)
        else:
            out.append(Update(key, None, row if weight > 0 else None, row[-1], cells))
    if pending is not None:
        out.append(pending)
    return out


def latest(changes: Changes, relation: Relation) -> tuple[pa.RecordBatch, pa.Array]:
    """The changes as records for a sink or a screen, and which of them have no value.

    An update is -1 for the old row and then +1 for the new one: only the new one is a record.
    """
    gone = pc.less_equal(changes.weights, _NOTHING)
    if relation.kind is Kind.STREAM or not pc.any(gone).as_py():
        return changes.rows, gone
    layout = Layout(relation)
    olds = replaced(changes, layout)
    if olds is None:
        return changes.rows, gone
    kept = pa.array(~olds)
    return changes.rows.filter(kept), gone.filter(kept)


def replaced(
    changes: Changes, layout: Layout
) -> np.ndarray[Any, np.dtype[np.bool_]] | None:
    """Which rows are the old ones of updates; None if none is."""
    weights = np.asarray(changes.weights)
    old = np.flatnonzero((weights[:-1] < 0) & (weights[1:] > 0))
    if not len(old):
        return None
    new = pa.array(old + 1)
    found = np.ones(len(old), np.bool_)
    for column in layout.cells(tuple(changes.rows.columns))[: layout.compared]:
        found &= _same_cells(column.take(pa.array(old)), column.take(new))
    if layout.session:
        starts, ends = (changes.rows.column(i).take(new) for i in (-3, -2))
        found &= np.asarray(pc.equal(starts, ends))
    if changes.order is not None:  # else a deletion and a later insertion look like an update
        places = changes.order.to_numpy()
        found &= places[old] == places[old + 1]
    olds = np.zeros(len(weights), np.bool_)
    olds[old[found]] = True
    return olds if found.any() else None


def _same_cells(left: pa.Array, right: pa.Array) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Row by row, whether the cells are equal, NULL equal to NULL."""
    if pa.types.is_nested(left.type):
        pairs = zip(left.to_pylist(), right.to_pylist(), strict=True)
        return np.array([freeze(a) == freeze(b) for a, b in pairs], np.bool_)
    both = pc.and_(left.is_null(), right.is_null())
    return np.asarray(pc.or_(pc.equal(left, right).fill_null(False), both))


def batch_of(rows: Sequence[Row], schema: pa.Schema) -> pa.RecordBatch:
    """Rows as Arrow."""
    columns = zip(*rows, strict=True) if rows else ((),) * len(schema)
    arrays = [pa.array(c, f.type) for c, f in zip(columns, schema, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def changes(items: Sequence[Update], layout: Layout, order: pa.Array | None = None) -> Changes:
    """Updates as rows and weights.  The ROWTIME of a deleted row is the deletion's.

    `order` has the place of each update.
    """
    rows: list[Row] = []
    weights: list[int] = []
    for _, old, new, ts, cells in items:
        if old is not None:
            rows.append(old if new is not None else (*old[:-1], ts))
            weights.append(-1)
        if new is not None:
            rows.append(new)
            weights.append(1)
        elif old is None:
            rows.append(layout.blank(cells, ts))
            weights.append(0)
    if order is not None:
        pairs = [0 if old is None or new is None else 1 for _, old, new, _, _ in items]
        places = [n for n, more in enumerate(pairs) for _ in range(1 + more)]
        order = order.take(pa.array(places, pa.int64()))
    return Changes(batch_of(rows, layout.schema), pa.array(weights, WEIGHT), order)
