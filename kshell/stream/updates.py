"""A table's changes by whole columns: each update's old and new row, and updates as changes again.

Operators of tables use it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa

from kshell.changes import WEIGHT, Changes
from kshell.stream.rows import Layout, replaced

__all__ = [
    "Spread",
    "Updates",
    "before",
    "distinct",
    "group_ends",
    "group_starts",
    "last_rows",
    "latest_of",
    "places_in",
    "sorted_by",
    "taken",
    "updates_of",
]  # fmt: skip

Ints = Any  # a numpy array of int64
Bools = Any  # a numpy array of bool
Rows = TypeVar("Rows", pa.Array, pa.RecordBatch)
_WHOLE = 1 << 63  # numbers below it are int64


@dataclass(frozen=True, slots=True)
class Updates:
    """Updates in order; `old` and `new` are places in the changes, -1 where there is no such row.

    Both -1 is a touch, whose key stands at `at`, as every update's key, time and order do.
    """

    old: Ints
    new: Ints
    at: Ints

    def __len__(self) -> int:
        return len(self.at)


def updates_of(changes: Changes, layout: Layout) -> Updates:
    """An adjacent pair of -1 and +1 of one key is one update, any other row is one of its own.

    >>> from kshell.catalog.model import Column, Kind
    >>> from kshell.sql.plan import Relation
    >>> relation = Relation(Kind.TABLE, (Column("K", pa.string()),), ())
    >>> rows = pa.record_batch({"K": ["a", "a", "b", "c"], "ROWTIME": [1, 2, 3, 4]})
    >>> made = updates_of(Changes(rows, pa.array([-1, 1, -1, 0])), Layout(relation))
    >>> made.old, made.new, made.at
    (array([ 0,  2, -1]), array([ 1, -1, -1]), array([1, 2, 3]))
    """
    weights = np.asarray(changes.weights)
    gone = replaced(changes, layout)
    at = np.arange(len(weights)) if gone is None else np.flatnonzero(~gone)
    weight = weights[at]
    new = np.where(weight > 0, at, -1)
    old = np.where(weight < 0, at, -1)
    if gone is not None:
        paired = gone[at - 1] & (at > 0)
        old[paired] = at[paired] - 1
    return Updates(old, new, at)


@dataclass(frozen=True, slots=True)
class Spread:
    """Updates as rows: which update each row is of, whether it is the old one, its weight."""

    which: Ints
    old: Bools
    weights: Ints

    @classmethod
    def of(cls, had: Bools, has: Bools) -> Spread:
        """Two rows where there is an old and a new one, else one; neither is a touch."""
        both = had & has
        which = np.repeat(np.arange(len(had)), 1 + both)
        first = np.ones(len(which), np.bool_)
        first[1:] = which[1:] != which[:-1]
        old = had[which] & first
        weights = np.where(old, -1, np.where(has[which], 1, 0))
        return cls(which, old, weights)

    def pick(self, olds: Any, news: Any) -> Any:
        """Of the updates' old and new values those of the rows."""
        return np.where(self.old, olds[self.which], news[self.which])

    def shown(self, olds: Ints, news: Ints) -> Ints:
        """The rows' ids; -1 in a touch."""
        return np.where(self.weights == 0, -1, self.pick(olds, news))

    def times(self, olds: Ints, news: Ints, has: Bools) -> Ints:
        """The rows' times: that of a deleted row is the deletion's."""
        return self.pick(np.where(has, olds, news), news)

    def changes(self, rows: pa.RecordBatch, order: Ints | None) -> Changes:
        """The rows, and the updates' order."""
        places = None if order is None else pa.array(order[self.which], pa.int64())
        return Changes(rows, pa.array(self.weights, WEIGHT), places)


def sorted_by(*keys: Ints) -> Ints:
    """The rows in the order of the keys, the first of which counts most; equal rows as they came.

    numpy sorts numbers faster than it sorts rows by them: keys and row become one number.

    >>> sorted_by(np.array([2, 1, 2, 1]), np.array([5, 7, 4, 7]))
    array([1, 3, 2, 0])
    """
    count = len(keys[0])
    if count < 2:
        return np.arange(count)
    packed: Ints = np.zeros(count, np.int64)
    bits = (count - 1).bit_length()
    most = 1 << bits
    for key in keys:
        least = int(key.min())
        span = int(key.max()) - least + 1
        most *= span
        if most > _WHOLE:
            return np.lexsort(keys[::-1])
        packed = packed * span + (key - least)
    return np.sort(packed << bits | np.arange(count)) & ((1 << bits) - 1)


def taken(rows: Rows, places: Ints) -> Rows:
    """The rows at those places of a column or a batch; itself where they are all in their order.

    >>> column = pa.array(["a", "b"])
    >>> taken(column, np.array([0, 1])) is column, taken(column, np.array([1])).to_pylist()
    (True, ['b'])
    """
    if len(rows) == len(places) and (places == np.arange(len(places))).all():
        return rows
    return rows.take(pa.array(places, pa.int64()))


def last_rows(slots: Ints) -> Ints:
    """At which row each slot is for the last time, ascending.

    >>> last_rows(np.array([5, 4, 5]))
    array([1, 2])
    """
    if len(slots) < 2:
        return np.arange(len(slots))
    order = sorted_by(slots)
    return np.sort(order[group_ends(group_starts(slots[order]))])


def places_in(different: Ints, values: Ints) -> Ints:
    """Where each of the values stands among those, which differ; -1: nowhere.

    >>> places_in(np.array([7, 3]), np.array([3, 5, 7]))
    array([ 1, -1,  0])
    """
    if not len(different):
        return np.full(len(values), -1)
    order = np.argsort(different)
    at = order[np.minimum(different.searchsorted(values, sorter=order), len(order) - 1)]
    return np.where(different[at] == values, at, -1)


def group_starts(sorted_slots: Ints) -> Bools:
    """Where a slot's run of rows begins.

    >>> group_starts(np.array([2, 2, 5]))
    array([ True, False,  True])
    """
    starts = np.ones(len(sorted_slots), np.bool_)
    starts[1:] = sorted_slots[1:] != sorted_slots[:-1]
    return starts


def distinct(slots: Ints) -> Ints:
    """Each slot once, ascending; faster than numpy's own.

    >>> distinct(np.array([5, 2, 5]))
    array([2, 5])
    """
    slots = np.sort(slots)
    return slots[group_starts(slots)]


def group_ends(starts: Bools) -> Bools:
    """Where the runs end, of where they begin.

    >>> group_ends(np.array([True, False, True]))
    array([False,  True,  True])
    """
    ends = np.ones(len(starts), np.bool_)
    ends[:-1] = starts[1:]
    return ends


def before(values: Any, starts: Bools, first: Any) -> Any:
    """The value of the row before in the same run; `first` at a run's first row.

    >>> before(np.array([1, 2, 3]), np.array([True, False, True]), np.array([7, 8, 9]))
    array([7, 1, 9])
    """
    out = np.empty_like(values)
    out[1:] = values[:-1]
    out[starts] = first[starts]
    return out


def latest_of(mine: Bools, values: Any, starts: Bools, first: Any) -> Any:
    """At each row the value of the last row of its run so far that is `mine`; else `first`.

    >>> mine = np.array([False, True, False, False])
    >>> starts = np.array([True, False, False, True])
    >>> latest_of(mine, np.array([1, 2, 3, 4]), starts, np.array([9, 9, 9, 8]))
    array([9, 2, 2, 8])
    """
    rows = np.arange(len(values))
    last = np.maximum.accumulate(np.where(mine, rows, -1))
    begin = np.maximum.accumulate(np.where(starts, rows, 0))
    return np.where(last >= begin, values[last], first)
