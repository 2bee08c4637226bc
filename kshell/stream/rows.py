"""What the rows of a relation are: where their key, window and time stand; their records.

`latest` has the records that changes make; an adjacent -1 and +1 of one key is one update.  Rows
are in the order of `Relation.schema()`.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kshell.catalog.model import Kind, WindowType
from kshell.changes import WEIGHT, Changes
from kshell.sql.plan import Relation

__all__ = ["Layout", "Row", "batch_of", "freeze", "latest", "replaced"]

_NOTHING = pa.scalar(0, WEIGHT)
Row = tuple[Any, ...]


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
    return _NAN if value != value else value  # NaN is one value


_NAN = float("nan")


def _key(pair: Any) -> str:
    return repr(pair[0])


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
        sized = relation.window is not None and relation.window.size_ms is not None
        bounds = self.names[self.width + self.values : -1]
        self.cell_names = [*self.names[: self.width], *bounds]
        # Windows of known size are keyed by their start only: windows of other sizes can join.
        self.key_columns = [*self.names[: self.width], *bounds[: 1 if sized else None]]


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
    for column in map(changes.rows.column, layout.key_columns):
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
