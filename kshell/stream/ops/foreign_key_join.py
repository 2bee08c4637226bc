"""Table–table join by a foreign key: an expression over the left row names the right's key.

As Streams' subscriptions: a left change answers for itself, a right change for every left row that
names it; the result keeps the left's key, its time is the later of the two rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa

from kshell.changes import Changes
from kshell.sql import plan
from kshell.stream.evaluate import Evaluator, OnError
from kshell.stream.keyed import KeyedNumbers
from kshell.stream.ops.joined import Arrived, JoinedRows, Side, rows_at
from kshell.stream.ops.named import Named
from kshell.stream.state import Entries
from kshell.stream.updates import (
    Spread,
    before,
    distinct,
    group_ends,
    group_starts,
    latest_of,
    sorted_by,
)  # fmt: skip

__all__ = ["ForeignKeyJoin"]

Ints = Any  # a numpy array of int64
_MOST = 1 << 18  # answers of right rows that one part may have
_NONE = np.empty(0, np.int64)
_ON = "ON"  # the foreign key, a column of the left rows that are kept


@dataclass(frozen=True, slots=True)
class _Right:
    """The right updates of a step by key, and as they arrived within a key."""

    slots: Ints
    places: Ints
    times: Ints
    ids: Ints
    keys: Ints  # the different slots, ascending
    places_end: int  # above all places of the step
    order: Ints  # ascending: the number of the slot among `keys`, then the place

    @classmethod
    def of(cls, slots: Ints, arrived: Arrived, places_end: int) -> _Right:
        if not len(slots):
            return cls(_NONE, _NONE, _NONE, _NONE, _NONE, places_end, _NONE)
        rows = sorted_by(slots, arrived.places)
        starts = group_starts(slots[rows])
        keys, number = slots[rows][starts], np.cumsum(starts) - 1
        places = arrived.places[rows]
        times, ids = arrived.times[rows], arrived.ids[rows]
        order = number * places_end + places
        return cls(slots[rows], places, times, ids, keys, places_end, order)

    def number(self, slots: Ints) -> Ints:
        """Which of `keys` the slots are; -1 for others."""
        if not len(self.keys):
            return np.full(len(slots), -1)
        at = np.minimum(np.searchsorted(self.keys, slots), len(self.keys) - 1)
        return np.where(self.keys[at] == slots, at, -1)

    def within(self, slots: Ints, first: Ints, end: Ints) -> tuple[Ints, Ints]:
        """The updates of the slots after the place `first` and before `end`: which slot's, row."""
        number = self.number(slots)
        base = number * self.places_end
        low = np.searchsorted(self.order, base + first, side="right")
        count = np.where(number < 0, 0, np.searchsorted(self.order, base + end) - low)
        which = np.repeat(np.arange(len(slots)), count)
        nth = np.arange(len(which)) - np.repeat(np.cumsum(count) - count, count)
        return which, low[which] + nth

    def last(self, slots: Ints, places: Ints) -> Ints:
        """The row of the slot's last update before that place; -1 where there is none."""
        number = self.number(slots)
        at = np.searchsorted(self.order, number * self.places_end + places) - 1
        there = (number >= 0) & (at >= 0)
        there[there] = self.slots[at[there]] == slots[there]
        return np.where(there, at, -1)


@dataclass(frozen=True, slots=True)
class _Left:
    """The left updates of a step by key, with the right slots that they name, -1: none."""

    slots: Ints
    starts: Any
    places: Ints
    times: Ints
    ids: Ints
    named: Ints
    numbers: Ints  # when the row began to name it
    ago: Sequence[Ints]  # the rows before, and what they named


@dataclass(frozen=True, slots=True)
class _Given:
    """Answers: the left slot, the place, the ids of both rows, the time; `number` orders those of
    one right update."""

    slots: Ints
    places: Ints
    numbers: Ints
    left: Ints
    right: Ints
    times: Ints


_NO_LEFT = _Left(
    _NONE, np.empty(0, np.bool_), _NONE, _NONE, _NONE, _NONE, _NONE, (_NONE, _NONE)
)  # fmt: skip
_NO_ANSWERS = _Given(*[_NONE] * 6)


class ForeignKeyJoin:
    """Keeps the rows of both sides, and which left rows name which right row."""

    def __init__(self, node: plan.ForeignKeyJoin, on_error: OnError) -> None:
        self._joined = JoinedRows(node.left.output, node.right.output, node.output)
        wanted = self._joined.wanted
        self._sides = (
            Side(node.left, wanted[0], pa.field(_ON, node.foreign_key.type)),
            Side(node.right, wanted[1]),
        )
        self._keeps = node.kind is not plan.JoinKind.INNER
        self._foreign = Evaluator([(_ON, node.foreign_key)], on_error)
        layouts = [side.layout for side in self._sides]
        keys = [pa.schema([x.schema.field(n) for n in x.cell_names]) for x in layouts]
        self._lefts = KeyedNumbers(keys[0], id=-1, named=-1, number=-1, time=-1)
        self._rights = KeyedNumbers(keys[1], id=-1, time=-1, names=0)
        self._names = Named(lambda rows, numbers: self._lefts["number"][rows] == numbers)
        self._next = 0  # the number of the next naming

    def steps(self, left: Changes, right: Changes) -> Iterator[Changes]:
        """Updates of the joined table, in parts: many left rows may name one right row."""
        at = self._halved(right)
        if at is None:
            if made := self.step(left, right):
                yield made
            return
        for some in zip(_cut(left, at), _cut(right, at), strict=True):
            if any(some):
                yield from self.steps(*some)

    def _halved(self, right: Changes) -> int | None:
        """The place at which to cut a step whose right rows have too many answers."""
        if len(right) < 2 or right.order is None:
            return None
        slots = self._rights.find([right.rows.column(n) for n in self._sides[1].layout.cell_names])
        if self._rights["names"][slots[slots >= 0]].sum() <= _MOST:
            return None
        places = right.order.to_numpy()
        at = int(places[len(places) // 2])
        return at if places[0] < at else None

    def step(self, left: Changes, right: Changes) -> Changes:
        """Updates of the joined table."""
        mine = Arrived.of(self._sides[0], left, self._foreign)
        others = Arrived.of(self._sides[1], right)
        end = 2 + max(mine.places.max(initial=-1), others.places.max(initial=-1))
        by_right = _Right.of(self._rights.slots(others.cells), others, int(end))
        by_left = self._left(mine)
        answers = (self._own(by_left, by_right), self._fanned(by_left, by_right))
        given = _Given(
            *(
                np.concatenate([getattr(a, name) for a in answers])
                for name in ("slots", "places", "numbers", "left", "right", "times")
            )
        )
        out = self._told(given, left.order is not None or right.order is not None)
        self._keep(by_left, by_right)
        return out

    def _left(self, arrived: Arrived) -> _Left:
        if not len(arrived.ids):
            return _NO_LEFT
        slots = self._lefts.slots(arrived.cells)
        named = np.full(len(slots), -1)
        (foreign,) = arrived.made
        valid = foreign.is_valid()
        there = np.flatnonzero(arrived.ids >= 0)[np.asarray(valid)]
        named[there] = self._rights.slots([foreign.filter(valid)])
        rows = sorted_by(slots, arrived.places)
        slots, ids, named, places = (x[rows] for x in (slots, arrived.ids, named, arrived.places))
        starts = group_starts(slots)
        had = before(ids, starts, self._lefts["id"][slots])
        was = before(named, starts, self._lefts["named"][slots])
        begins = (named >= 0) & (named != was)
        numbers = latest_of(
            begins, self._next + places, starts, self._lefts["number"][slots]
        )
        self._next += int(places.max(initial=-1)) + 1
        return _Left(slots, starts, places, arrived.times[rows], ids, named, numbers, (had, was))

    def _own(self, left: _Left, right: _Right) -> _Given:
        """The answers of left updates."""
        if not len(left.ids):
            return _NO_ANSWERS
        had: Ints = left.ago[0]
        was: Ints = left.ago[1]
        # An inner join is answered by the right key that had the row where the new one has none.
        asked: Ints = left.named if self._keeps else np.where(left.named < 0, was, left.named)
        last = right.last(asked, left.places)
        stored = np.maximum(asked, 0)
        ids, times = self._rights["id"][stored], self._rights["time"][stored]
        if len(right.ids):
            ids, times = (
                np.where(last >= 0, a[last], b) for a, b in ((right.ids, ids), (right.times, times))
            )
        ids = np.where(asked < 0, -1, ids)
        told = (had >= 0) | (left.ids >= 0)
        if not self._keeps:
            told &= (ids >= 0) | ((was >= 0) & (was != left.named))
        times = np.where(ids >= 0, np.maximum(left.times, times), left.times)
        ids = np.where(asked == left.named, ids, -1)
        parts = (left.slots, left.places, left.numbers, left.ids, ids, times)
        return _Given(*(x[told] for x in parts))

    def _fanned(self, left: _Left, right: _Right) -> _Given:
        """The answers of right updates: for each row that names the key at that moment."""
        if not len(right.ids):
            return _NO_ANSWERS
        which, rows, numbers = self._names.of(right.keys)
        first = left.slots[left.starts]
        ends = np.full(len(rows), right.places_end - 1)
        if len(first):
            at = np.minimum(np.searchsorted(first, rows), len(first) - 1)
            ends = np.where(first[at] == rows, left.places[left.starts][at], ends)
        until = np.roll(left.places, -1)
        until[group_ends(left.starts)] = right.places_end - 1
        names = np.flatnonzero(left.named >= 0)
        slots = np.concatenate([rows, left.slots[names]])
        numbers = np.concatenate([numbers, left.numbers[names]])
        ids = np.concatenate([self._lefts["id"][rows], left.ids[names]])
        which, at = right.within(
            np.concatenate([right.keys[which], left.named[names]]),
            np.concatenate([np.full(len(rows), -1), left.places[names]]),
            np.concatenate([ends, until[names]]),
        )
        return _Given(
            slots[which], right.places[at], numbers[which], ids[which], right.ids[at],
            right.times[at],
        )  # fmt: skip

    def _told(self, given: _Given, ordered: bool) -> Changes:
        """The answers as changes, each with what its left row had before."""
        lefts = self._lefts
        rows = sorted_by(given.slots, given.places)
        slots = given.slots[rows]
        starts = group_starts(slots)
        now = given.left[rows], given.right[rows], given.times[rows]
        stored = lefts["id"][slots], self._right_ids(slots), lefts["time"][slots]
        ago = [before(a, starts, b) for a, b in zip(now, stored, strict=True)]
        last = group_ends(starts)
        lefts.put(slots[last], time=now[2][last])
        out = sorted_by(given.places[rows], given.numbers[rows])
        had, has = self._there(ago[0][out], ago[1][out]), self._there(now[0][out], now[1][out])
        spread = Spread.of(had, has)
        joined = self._joined.of(
            lefts.keys(slots[out][spread.which]),
            (
                rows_at(side.rows, spread.shown(ago[p][out], now[p][out]))
                for p, side in enumerate(self._sides)
            ),
            spread.times(ago[2][out], now[2][out], has),
        )
        return spread.changes(joined, given.places[rows][out] if ordered else None)

    def _there(self, left: Ints, right: Ints) -> Any:
        """Whether a joined row is there, of the ids of both sides' rows."""
        return (left >= 0) & (self._keeps | (right >= 0))

    def _right_ids(self, slots: Ints) -> Ints:
        """The ids of the right rows that these left rows name."""
        named = self._lefts["named"][slots]
        return np.where(named < 0, -1, self._rights["id"][np.maximum(named, 0)])

    def _keep(self, left: _Left, right: _Right) -> None:
        """The state after the step."""
        touched = [part for part in (self._keep_left(left), self._keep_right(right)) if len(part)]
        if not touched:
            return
        rights = self._rights
        slots = distinct(np.concatenate(touched))
        rights.drop(slots[(rights["id"][slots] < 0) & (rights["names"][slots] <= 0)])
        rights.tidy(slots)

    def _keep_right(self, right: _Right) -> Ints:
        """The right rows after the step; gives the right slots that it touches."""
        if len(right.ids):
            rights = self._rights
            starts = group_starts(right.slots)
            ends = group_ends(starts)
            dead = before(right.ids, starts, rights["id"][right.slots])
            rights.put(right.slots[ends], id=right.ids[ends], time=right.times[ends])
            self._sides[1].rows.drop(dead[dead >= 0])
        return right.slots

    def _keep_left(self, left: _Left) -> Ints:
        """The left rows after the step; gives the right slots that they named or name."""
        if not len(left.ids):
            return _NONE
        lefts, rights = self._lefts, self._rights
        last = group_ends(left.starts)
        slots, ids, named, numbers = (
            x[last] for x in (left.slots, left.ids, left.named, left.numbers)
        )
        was = lefts["named"][slots]
        begins = (named >= 0) & (numbers != lefts["number"][slots])
        moved = named != was
        for lost, step in ((was[moved], -1), (named[moved], 1)):
            keys = lost[lost >= 0]
            np.add.at(rights["names"], keys, step)
            rights.put(keys, names=rights["names"][keys])
        kept = ids >= 0
        lefts.put(
            slots[kept], id=ids[kept], named=named[kept],
            number=np.where(named < 0, -1, numbers)[kept],
        )  # fmt: skip
        lefts.drop(slots[~kept])
        self._names.add(named[begins], slots[begins], numbers[begins])
        lefts.tidy(slots)
        self._sides[0].rows.drop(left.ago[0][left.ago[0] >= 0])
        touched = np.concatenate([was, left.named])
        return touched[touched >= 0]

    def current(self) -> pa.RecordBatch:
        """The joined table as it is now."""
        lefts = self._lefts
        slots = lefts.live()
        left, right = lefts["id"][slots], self._right_ids(slots)
        there = self._there(left, right)
        slots = slots[there]
        ids = (left[there], right[there])
        sides = (rows_at(s.rows, i) for s, i in zip(self._sides, ids, strict=True))
        return self._joined.of(lefts.keys(slots), sides, lefts["time"][slots])

    def count(self) -> int:
        """How many rows of both sides are kept."""
        return sum(len(side.rows) for side in self._sides)

    def snapshot(self) -> dict[str, Entries]:
        """The rows of both sides by their ids, and each key's numbers."""
        return self._parts("snapshot")

    def changed(self) -> dict[str, Entries]:
        """What differs since the last time."""
        return self._parts("changed")

    def _parts(self, method: str) -> dict[str, Entries]:
        left, right = (getattr(side.rows, method)() for side in self._sides)
        lefts, rights = getattr(self._lefts, method)(), getattr(self._rights, method)()
        return {
            "left": left,
            "right": right,
            # The slots that rows name are this join's own; they have their foreign keys.
            "lefts": replace(lefts, values=lefts.values.drop_columns(["named"])),
            "rights": rights,
            "next": Entries.numbers(next=self._next),
        }

    def load(self, parts: Mapping[str, Entries]) -> None:
        """Takes in what either gave."""
        for side, name in zip(self._sides, ("left", "right"), strict=True):
            side.rows.load(parts[name])
        self._rights.load(parts["rights"])
        lefts = parts["lefts"]
        had = self._lefts.find(lefts.keys.filter(pa.array(~np.asarray(lefts.gone))).columns)
        known = np.where(had >= 0, self._lefts["number"][had], -1)
        slots = self._lefts.load(lefts)
        self._next = parts["next"].named()["next"]
        foreign = self._sides[0].rows.take(self._lefts["id"][slots]).column(_ON)
        valid = np.asarray(foreign.is_valid())
        named = np.full(len(slots), -1)
        named[valid] = self._rights.find([foreign.filter(pa.array(valid))])
        self._lefts.put(slots, named=named)
        self._lefts.begin()
        numbers = self._lefts["number"][slots]
        new = valid & (numbers != known)  # a naming is noted once
        self._names.add(named[new], slots[new], numbers[new])


def _cut(changes: Changes, place: int) -> tuple[Changes, Changes]:
    """The rows before a place, and those from there on."""
    if changes.order is None:  # none: else both inputs have their order
        return changes, changes
    count = int(np.searchsorted(changes.order.to_numpy(), place))
    return changes.slice(0, count), changes.slice(count)
