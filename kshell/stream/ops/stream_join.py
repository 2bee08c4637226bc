"""Stream–stream join: rows of one key whose times are WITHIN of one another.

As KStreamKStreamJoin.  With GRACE, unmatched rows of an outer side wait until no match can come,
and leave when the next row moves stream time; one whose window has passed already leaves at once,
though its grace is open.  Without GRACE (ksqlDB's default, 24 hours) unmatched rows leave at once.

A step numbers the rows of both sides as they came and keeps them all; each row then meets those of
the other side that came before it and had not expired by then.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa

from kshell.changes import Changes
from kshell.sql import plan
from kshell.stream.arena import Rows
from kshell.stream.containers import Times, Waiting
from kshell.stream.keys import Keys, all_valid
from kshell.stream.ops.sides import Sides, numbered, whole
from kshell.stream.state import Entries
from kshell.stream.updates import distinct, sorted_by

__all__ = ["StreamJoin"]

_MOST = 1 << 18  # candidates looked at before a part of a step's output is given out
_NAMES = ("left", "right")
Ints = Any  # a numpy array of int64


@dataclass(frozen=True, slots=True)
class _Arrived:
    """A side's rows of a step: those with a value, and without a key only where they show."""

    rows: pa.RecordBatch
    numbers: Ints  # among the rows of both sides, ascending
    times: Ints
    nows: Ints  # stream time when they came
    slots: Ints  # of their keys; -1 without a key
    ids: Ints
    clock: Ints  # the side's latest time, with each row

    def between(self, first: int, last: int) -> slice:
        """The rows with these numbers."""
        return slice(*np.searchsorted(self.numbers, (first, last)))


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the rows of a side look for on the other: times from and to, ids below a bound."""

    low: Ints
    high: Ints
    bound: Ints


@dataclass(frozen=True, slots=True)
class _Pairs:
    """Matches of a side's rows: which of the step's rows, and the other's id and time."""

    rows: Ints
    ids: Ints
    times: Ints


_NONE = np.empty(0, np.int64)
_NO_PAIRS = _Pairs(_NONE, _NONE, _NONE)


@dataclass(frozen=True, slots=True)
class _Made:
    """Joined rows to be: their order, and where each side's row is."""

    order: Ints
    left: Ints
    right: Ints
    keyed: Ints
    times: Ints
    numbers: Ints


class StreamJoin:
    """Keeps both sides' rows by key and time, and the outer rows that wait."""

    def __init__(self, node: plan.StreamJoin) -> None:
        self._sides = Sides(node.left.output, node.right.output, node.output)
        layouts = (self._sides.left, self._sides.right)
        self._kept = node.kind.keeps
        # What a row looks back and ahead for on the other side, by the side it is on.
        self._reach = ((node.before_ms, node.after_ms), (node.after_ms, node.before_ms))
        size = node.before_ms + node.after_ms
        grace = node.grace_ms if node.grace_ms is not None else plan.default_grace(size)
        self._retention = size + grace
        self._waits = node.grace_ms is not None and any(self._kept)
        self._key = tuple(layout.key_columns for layout in layouts)
        self._keys = Keys([layouts[0].schema.field(name).type for name in self._key[0]])
        self._rows = tuple(Rows(layout.schema) for layout in layouts)
        self._times = (Times(), Times())
        self._waiting = Waiting(node.after_ms, node.before_ms, grace)
        self._waiting_rows = tuple(Rows(layout.schema) for layout in layouts)
        self._clocks = [-1, -1]  # of the rows that each side kept
        self._now = -1
        self._nothing = Changes.none(self._sides.output.schema)

    def step(self, left: Changes, right: Changes) -> Changes:
        """The joined rows, in the order in which Streams would forward them."""
        return Changes.concat(self.steps(left, right), self._sides.output.schema)

    def steps(self, left: Changes, right: Changes) -> Iterator[Changes]:
        """The same in parts, so that rows with many matches do not fill the memory."""
        numbers, places = numbered(left, right)
        count = len(left) + len(right)
        nows = np.empty(count, np.int64)
        for changes, mine in zip((left, right), numbers, strict=True):
            nows[mine] = _times(changes.rows)
        nows = np.maximum.accumulate(np.maximum(nows, self._now))
        self._now = int(nows[-1])
        before = self._clocks.copy()
        firsts = [rows.next for rows in self._rows]
        arrived = tuple(
            self._arrive(side, changes, numbers[side], nows)
            for side, changes in enumerate((left, right))
        )
        asked = [
            self._ask(side, arrived, before[1 - side], firsts[1 - side]) for side in (0, 1)
        ]
        for first, last in self._cut(arrived, asked, count):
            made = self._join(arrived, asked, first, last)
            if len(made):
                yield made if places is None else _placed(made, places)
        self._expire(arrived)

    def rest(self) -> Changes:
        """The rows that still wait for a match, when no rows follow."""
        return self._sides.alone(*(rows.all()[1] for rows in self._waiting_rows))

    def _arrive(self, side: int, changes: Changes, numbers: Ints, nows: Ints) -> _Arrived:
        """Keeps a side's rows."""
        rows = changes.rows
        if not changes:
            return _Arrived(rows, *[_NONE] * 6)
        keyed = all_valid([rows.column(name) for name in self._key[side]])
        wanted = np.asarray(changes.weights) > 0
        if keyed is not None and not self._kept[side]:
            wanted &= np.asarray(keyed)
        if not wanted.all():
            mask = pa.array(wanted)
            rows, numbers = rows.filter(mask), numbers[wanted]
            keyed = None if keyed is None else keyed.filter(mask)
        times = _times(rows)
        if not len(times):
            return _Arrived(rows, numbers, times, times, times, times, times)
        if keyed is None:
            slots = self._keys.add(self._key_of(side, rows))[0]
            ids = self._rows[side].add(rows)
            clock = times
        else:
            at, mine = np.flatnonzero(keyed), rows.filter(keyed)
            slots, ids, clock = (np.full(len(times), -1) for _ in range(3))
            slots[at] = self._keys.add(self._key_of(side, mine))[0]
            ids[at] = self._rows[side].add(mine)
            clock[at] = times[at]
        clock = np.maximum.accumulate(np.maximum(clock, self._clocks[side]))
        self._clocks[side] = int(clock[-1])
        stays = (times > clock - self._retention) & (ids >= 0)
        self._times[side].add(slots[stays], times[stays], ids[stays])
        return _Arrived(rows, numbers, times, nows[numbers], slots, ids, clock)

    def _ask(
        self, side: int, arrived: tuple[_Arrived, ...], clock: int, first: int
    ) -> _Asked:
        """What a side's rows look for: rows that came before and are not too old by then."""
        mine, other = arrived[side], arrived[1 - side]
        if not len(mine.ids):
            return _Asked(_NONE, _NONE, _NONE)
        back, ahead = self._reach[side]
        came = np.searchsorted(other.numbers, mine.numbers)  # rows of the other side before
        clocks = np.concatenate([[clock], other.clock])[came]
        keyed = np.concatenate([[0], np.cumsum(other.ids >= 0)])[came]
        low = np.maximum(mine.times - back, clocks - self._retention + 1)
        return _Asked(low, mine.times + ahead, first + keyed)

    def _cut(
        self, arrived: tuple[_Arrived, ...], asked: list[_Asked], count: int
    ) -> Iterator[tuple[int, int]]:
        """From which row to which one part of the output goes."""
        candidates = np.zeros(count, np.int64)
        for side, (mine, ask) in enumerate(zip(arrived, asked, strict=True)):
            if len(mine.ids):
                found = self._times[1 - side].counts(mine.slots, ask.low, ask.high)
                candidates[mine.numbers] = found
        total = np.cumsum(candidates)
        if total[-1] < _MOST:
            yield 0, count
            return
        part = total // _MOST
        bounds = [0, *(np.flatnonzero(np.diff(part)) + 1).tolist(), count]
        yield from pairwise(bounds)

    def _join(
        self, arrived: tuple[_Arrived, ...], asked: list[_Asked], first: int, last: int
    ) -> Changes:
        """What the rows of these numbers make."""
        spans = [side.between(first, last) for side in arrived]
        pairs = [
            self._pairs(side, arrived[side], asked[side], spans[side]) for side in (0, 1)
        ]
        sources = [
            [mine.rows, self._rows[side].take(pairs[1 - side].ids)]
            for side, mine in enumerate(arrived)
        ]
        made = []
        stays = []
        for side, (mine, found) in enumerate(zip(arrived, pairs, strict=True)):
            if spans[side].start == spans[side].stop:
                stays.append(_NONE)
                continue
            other = arrived[1 - side].rows.num_rows + np.arange(len(found.ids))
            times = np.maximum(mine.times[found.rows], found.times)
            made.append(_of(side, mine, found.rows, other, times))
            alone, stay = self._unmatched(side, mine, found.rows, spans[side])
            made.append(_of(side, mine, alone, np.full(len(alone), -1), mine.times[alone]))
            stays.append(stay)
        if self._waits:
            made.append(self._wait(arrived, spans, pairs, stays, sources))
        made = [m for m in made if len(m.order)]
        if not made:
            return self._nothing
        joined = _Made(*(np.concatenate([getattr(m, n) for m in made]) for n in _Made.__slots__))
        order = sorted_by(joined.order)
        rows = self._sides.rows(
            (whole(sources[0]), whole(sources[1])),
            (joined.left[order], joined.right[order]),
            joined.keyed[order],
            joined.times[order],
        )
        made_by = pa.array(joined.numbers[order], pa.int64())
        return Changes(rows, Changes.of(rows).weights, made_by)

    def _pairs(self, side: int, mine: _Arrived, ask: _Asked, span: slice) -> _Pairs:
        if span.start == span.stop or not len(self._times[1 - side]):
            return _NO_PAIRS
        which, ids, times = self._times[1 - side].between(
            mine.slots[span], ask.low[span], ask.high[span]
        )
        which = which + span.start
        before = ids < ask.bound[which]
        return _Pairs(which[before], ids[before], times[before])

    def _unmatched(
        self, side: int, mine: _Arrived, matched: Ints, span: slice
    ) -> tuple[Ints, Ints]:
        """Outer rows without a match: those that leave at once, and those that wait."""
        if not self._kept[side]:
            return _NONE, _NONE
        alone = np.ones(span.stop - span.start, np.bool_)
        alone[matched - span.start] = False
        rows = np.flatnonzero(alone) + span.start
        ahead = self._reach[side][1]
        wait = (mine.ids[rows] >= 0) & (mine.times[rows] + ahead >= mine.nows[rows])
        wait &= self._waits
        return rows[~wait], rows[wait]

    def _wait(
        self,
        arrived: tuple[_Arrived, ...],
        spans: list[slice],
        pairs: list[_Pairs],
        stays: list[Ints],
        sources: list[list[pa.RecordBatch]],
    ) -> _Made:
        """Rows begin to wait, find a match, or leave; gives those that leave."""
        for side, (mine, stay) in enumerate(zip(arrived, stays, strict=True)):
            if len(stay):
                self._waiting_rows[side].put(mine.ids[stay], mine.rows.take(pa.array(stay)))
        events = [
            np.flatnonzero(mine.ids[span] >= 0) + span.start
            for mine, span in zip(arrived, spans, strict=True)
        ]
        numbers = np.concatenate([a.numbers[e] for a, e in zip(arrived, events, strict=True)])
        order = sorted_by(numbers)
        numbers = numbers[order]

        def of_both(column: str) -> Ints:
            parts = [getattr(a, column)[e] for a, e in zip(arrived, events, strict=True)]
            return np.concatenate(parts)[order]

        sides = np.repeat([0, 1], [len(e) for e in events])[order]
        waits = np.concatenate(
            [np.isin(e, stay, assume_unique=True) for e, stay in zip(events, stays, strict=True)]
        )[order]
        # Of the matches those count that may end a wait.
        ends = [s for s in (0, 1) if self._kept[1 - s]]
        matching = np.concatenate([arrived[s].numbers[pairs[s].rows] for s in ends])
        by_number = sorted_by(matching)
        ids = np.concatenate([pairs[s].ids for s in ends])[by_number]
        times = np.concatenate([pairs[s].times for s in ends])[by_number]
        of_side = np.repeat([1 - s for s in ends], [len(pairs[s].ids) for s in ends])[by_number]
        rows, left_by, gone, ended = self._waiting.step(
            sides, of_both("times"), of_both("nows"), of_both("ids"), waits,
            np.searchsorted(numbers, matching[by_number]), times, ids,
        )  # fmt: skip
        at = np.full((2, len(rows)), -1)
        released = np.empty(len(rows), np.int64)
        for side in (0, 1):
            mine = left_by == side
            taken = self._waiting_rows[side].take(gone[mine])
            released[mine] = _times(taken)
            at[side, mine] = sum(s.num_rows for s in sources[side]) + np.arange(taken.num_rows)
            sources[side].append(taken)
            self._waiting_rows[side].drop(gone[mine])
            self._waiting_rows[side].drop(ids[ended & (of_side == side)])
        by = numbers[rows]
        return _Made(2 * by, at[0], at[1], left_by, released, by)

    def _expire(self, arrived: tuple[_Arrived, ...]) -> None:
        """Forget the rows that no row to come can see, and keys without rows."""
        idle = []
        for side, mine in enumerate(arrived):
            if not len(mine.ids):
                continue  # its clock stands still
            until = self._clocks[side] - self._retention
            ids, empty = self._times[side].expire(until)
            late = (mine.ids >= 0) & (mine.times <= until)
            never = late & (mine.times <= mine.clock - self._retention)
            self._rows[side].drop(np.concatenate([ids, mine.ids[never]]))
            idle += [empty, mine.slots[late]]
        self._drop_empty(idle)

    def _drop_empty(self, slots: list[Ints]) -> None:
        """Forget those keys that have no rows."""
        some = distinct(np.concatenate([*slots, _NONE]))
        if len(some):
            held = self._times[0].held(some) + self._times[1].held(some)
            self._keys.drop(some[held == 0])

    def count(self) -> int:
        """How many rows of both sides are kept."""
        return sum(map(len, self._rows))

    def snapshot(self) -> dict[str, Entries]:
        """The rows of both sides, those that wait, the clocks."""
        return self._parts("snapshot")

    def changed(self) -> dict[str, Entries]:
        """What differs since the last time."""
        return self._parts("changed")

    def _parts(self, method: str) -> dict[str, Entries]:
        parts = {}
        for side, name in enumerate(_NAMES):
            parts[name] = getattr(self._rows[side], method)()
            if self._waits:
                parts[f"waiting.{name}"] = getattr(self._waiting_rows[side], method)()
        clocks = dict(zip(_NAMES, self._clocks, strict=True))
        parts["clocks"] = Entries.numbers(now=self._now, least=self._waiting.least, **clocks)
        return parts

    def load(self, parts: Mapping[str, Entries]) -> None:
        """Takes in what either gave."""
        idle = []
        for side, name in enumerate(_NAMES):
            if name in parts:
                (old, rows), (new, came) = self._rows[side].load(parts[name])
                slots = self._keys.find(self._key_of(side, rows))
                self._times[side].remove(slots, _times(rows), old)
                idle.append(slots)
                slots = self._keys.add(self._key_of(side, came))[0]
                self._times[side].add(slots, _times(came), new)
            if f"waiting.{name}" in parts:
                (old, rows), (new, came) = self._waiting_rows[side].load(parts[f"waiting.{name}"])
                self._waiting.remove(side, _times(rows), old)
                self._waiting.load(side, _times(came), new)
        self._drop_empty(idle)
        if "clocks" in parts:
            clocks = parts["clocks"].named()
            self._now, self._waiting.least = clocks["now"], clocks["least"]
            self._clocks = [clocks[name] for name in _NAMES]

    def _key_of(self, side: int, rows: pa.RecordBatch) -> list[pa.Array]:
        return [rows.column(name) for name in self._key[side]]


def _times(rows: pa.RecordBatch) -> Ints:
    return rows.column("ROWTIME").to_numpy()


def _of(side: int, mine: _Arrived, rows: Ints, other: Ints, times: Ints) -> _Made:
    """Joined rows under the key of the side that made them, after what those rows released."""
    numbers = mine.numbers[rows]
    left, right = (other, rows) if side else (rows, other)
    return _Made(2 * numbers + 1, left, right, np.full(len(rows), side), times, numbers)


def _placed(made: Changes, places: Ints) -> Changes:
    assert made.order is not None
    return Changes(made.rows, made.weights, pa.array(places[made.order.to_numpy()], pa.int64()))
