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

__all__ = ["Layout", "Row", "at_once", "batch_of", "freeze", "latest", "replaced"]

Row = tuple[Any, ...]
Places = Any  # a numpy array of int64
Bools = np.ndarray[Any, np.dtype[np.bool_]]
_FEW = 16  # cells that Python compares sooner than Arrow is called


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
        self.key_places = [self.names.index(name) for name in self.key_columns]


def latest(changes: Changes, layout: Layout) -> tuple[pa.RecordBatch, pa.Array]:
    """The changes as records for a sink or a screen, and which of them have no value.

    An update is -1 for the old row and then +1 for the new one: only the new one is a record.
    """
    gone = np.asarray(changes.weights) <= 0
    stream = layout.relation.kind is Kind.STREAM
    olds = None if stream or not gone.any() else replaced(changes, layout)
    if olds is None:
        return changes.rows, pa.array(gone)
    kept = np.flatnonzero(~olds)
    return changes.rows.take(pa.array(kept)), pa.array(gone[kept])


def at_once(changes: Changes, layout: Layout) -> Changes:
    """A table's changes that happened at one moment: of each key from its first row to its last.

    What is between them was at no time true, such as a sum over a part of the rows.
    """
    weights = changes.weights.to_pylist()
    cells = [changes.rows.column(place).to_pylist() for place in layout.key_places]
    first: dict[Hashable, int] = {}
    last: dict[Hashable, int] = {}
    for n, key in enumerate(map(freeze, zip(*cells, strict=True))):
        first.setdefault(key, n)
        last[key] = n
    places, kept = [], []
    for key, end in last.items():
        begin = first[key]
        there, was = weights[end] > 0, weights[begin] < 0
        if there and was and _alike(changes.rows, begin, end):
            continue
        for place, weight, counts in ((begin, -1, was), (end, 1, there)):
            if counts:
                places.append(place)
                kept.append(weight)
    return Changes(changes.rows.take(pa.array(places, pa.int64())), pa.array(kept, WEIGHT))


def _alike(rows: pa.RecordBatch, left: int, right: int) -> bool:
    """Whether two rows differ in their time at most, which is last."""
    cells = (rows.column(i) for i in range(rows.num_columns - 1))
    return all(freeze(c[left].as_py()) == freeze(c[right].as_py()) for c in cells)


def replaced(changes: Changes, layout: Layout) -> Bools | None:
    """Which rows are the old ones of updates; None if none is."""
    weights = np.asarray(changes.weights)
    old = np.flatnonzero((weights[:-1] < 0) & (weights[1:] > 0))
    if not len(old):
        return None
    if changes.order is not None:  # else a deletion and a later insertion look like an update
        places = changes.order.to_numpy()
        old = old[places[old] == places[old + 1]]
    if layout.session:  # one that is longer than a moment leaves, and comes back
        starts, ends = (changes.rows.column(i).to_numpy() for i in (-3, -2))
        old = old[starts[old + 1] == ends[old + 1]]
    for place in layout.key_places:
        old = old[_same_cells(changes.rows.column(place), old, old + 1)]
    olds = np.zeros(len(weights), np.bool_)
    olds[old] = True
    return olds if len(old) else None


def _same_cells(column: pa.Array, left: Places, right: Places) -> Bools:
    """Whether the cells at those places are equal; NULL is NULL, NaN is NaN."""
    if len(left) <= _FEW or pa.types.is_nested(column.type):
        pairs = zip(left.tolist(), right.tolist(), strict=True)
        cells = (([freeze(column[a].as_py())], [freeze(column[b].as_py())]) for a, b in pairs)
        return np.array([a == b for a, b in cells], np.bool_)
    mine, other = column.take(pa.array(left)), column.take(pa.array(right))
    both = pc.and_(mine.is_null(), other.is_null())
    if pa.types.is_floating(column.type):
        both = pc.or_(both, pc.and_(pc.is_nan(mine), pc.is_nan(other)).fill_null(False))
    return np.asarray(pc.or_(pc.equal(mine, other).fill_null(False), both))


def batch_of(rows: Sequence[Row], schema: pa.Schema) -> pa.RecordBatch:
    """Rows as Arrow."""
    columns = zip(*rows, strict=True) if rows else ((),) * len(schema)
    arrays = [pa.array(c, f.type) for c, f in zip(columns, schema, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)
