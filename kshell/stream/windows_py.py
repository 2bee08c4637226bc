"""Which sessions and sliding windows rows fall into, in Python: the twin of `_windows.pyx`.

`windows` takes it where the C part was not built.  Both give windows numbers, say in an order of
steps what the states of the windows are to become, and never look at a value.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import Any

import numpy as np

__all__ = ["Sessions", "Sliding", "run"]

ADD, MERGE, AGAIN = 0, 1, 2
SUM, MINIMUM, MAXIMUM = 0, 1, 2
_NEVER = -(1 << 62)


class _Windows:
    """Windows by number: each has a slot (its group), a start and a last moment."""

    def __init__(self) -> None:
        self.now = -1  # stream time
        self.late = 0  # rows that no window took
        self._of: dict[int, list[int]] = {}  # a slot's windows, earliest first
        self._slots: list[int] = []
        self._starts: list[int] = []
        self._lasts: list[int] = []
        self._alive: list[bool] = []
        self._touched_at: list[int] = []  # the step in which the number was last touched
        self._last: list[int] = []  # its last touch in that step
        self._parent: list[int] = []  # the window that took it in
        self._spare: list[int] = []
        self._step = self._touches = 0
        self._begin()

    def _begin(self) -> None:
        self._kinds: list[int] = []
        self._into: list[int] = []
        self._what: list[int] = []
        self._old: list[tuple[int, int, int]] = []
        self._touched: list[int] = []
        self._gone: list[int] = []

    @property
    def size(self) -> int:
        """One more than the largest number so far."""
        return len(self._slots)

    def place(self, slots: Any, times: Any) -> tuple[Any, ...]:
        """Takes rows in order; `windows.Placed` says what it gives."""
        self._step += 1
        self._touches = 0
        self._begin()
        for row, (slot, at) in enumerate(zip(slots.tolist(), times.tolist(), strict=True)):
            self._row(row, slot, at)
        final = [n for n in self._touched if self._parent[n] == n]
        old = self._old
        return (
            np.array(self._kinds, np.uint8), _numbers(self._into), _numbers(self._what),
            _numbers([n for n, _, _ in old]), _numbers([s for _, s, _ in old]),
            _numbers([e for _, _, e in old]), _numbers([self._home(n) for n, _, _ in old]),
            _numbers(final), _numbers([self._last[n] for n in final]), _numbers(self._gone),
        )  # fmt: skip

    def _row(self, row: int, slot: int, at: int) -> None:
        raise NotImplementedError

    def bounds(self, numbers: Any) -> tuple[Any, Any, Any]:
        """The windows' slots, starts and last moments."""
        ids = numbers.tolist()
        return (
            _numbers([self._slots[n] for n in ids]),
            _numbers([self._starts[n] for n in ids]),
            _numbers([self._lasts[n] for n in ids]),
        )

    def living(self, numbers: Any) -> Any:
        """Which of them a row could still meet."""
        return np.array([self._alive[n] for n in numbers.tolist()], np.bool_)

    def drop(self, numbers: Any) -> None:
        """Forget these windows; their numbers are given again."""
        for n in numbers.tolist():
            if self._alive[n]:
                mine = self._of[self._slots[n]]
                mine.remove(n)
                self._alive[n] = False
                if not mine:
                    del self._of[self._slots[n]]
            self._starts[n] = self._lasts[n] = _NEVER
            self._spare.append(n)

    def empty(self, slots: Any) -> Any:
        """Which of the slots have no window."""
        return np.array([slot not in self._of for slot in slots.tolist()], np.bool_)

    def put(self, slots: Any, starts: Any, lasts: Any) -> Any:
        """Numbers for windows that are as saved; one of that slot and start is there only once."""
        self._step += 1
        made = []
        cells = zip(slots.tolist(), starts.tolist(), lasts.tolist(), strict=True)
        for slot, start, last in cells:
            mine = self._of.setdefault(slot, [])
            at = bisect_left(mine, start, key=self._starts.__getitem__)
            if at < len(mine) and self._starts[mine[at]] == start:
                n = mine[at]
                self._lasts[n] = last
            else:
                n = self._new(slot, start, last)
                mine.insert(at, n)
                self._alive[n] = True
            made.append(n)
        return _numbers(made)

    def find(self, slots: Any, starts: Any) -> Any:
        """The windows of that slot and start; -1 where there is none."""
        found = []
        for slot, start in zip(slots.tolist(), starts.tolist(), strict=True):
            mine = self._of.get(slot, [])
            at = bisect_left(mine, start, key=self._starts.__getitem__)
            here = at < len(mine) and self._starts[mine[at]] == start
            found.append(mine[at] if here else -1)
        return _numbers(found)

    def all(self) -> Any:
        """All windows that a row could still meet."""
        return _numbers([n for n, alive in enumerate(self._alive) if alive])

    def _home(self, n: int) -> int:
        while self._parent[n] != n:
            n = self._parent[n]
        return n

    def _new(self, slot: int, start: int, last: int) -> int:
        if self._spare:
            n = self._spare.pop()
        else:
            n = len(self._slots)
            for column in (self._slots, self._starts, self._lasts, self._touched_at, self._last):
                column.append(0)
            self._alive.append(False)
            self._parent.append(n)
        self._slots[n], self._starts[n], self._lasts[n] = slot, start, last
        self._parent[n] = n
        self._touched_at[n] = 0
        return n

    def _touch(self, n: int, fresh: bool = False) -> None:
        if self._touched_at[n] != self._step:
            self._touched_at[n] = self._step
            self._touched.append(n)
            if not fresh:
                self._old.append((n, self._starts[n], self._lasts[n]))
        self._last[n] = self._touches
        self._touches += 1

    def _do(self, kind: int, into: int, what: int) -> None:
        self._kinds.append(kind)
        self._into.append(into)
        self._what.append(what)

    def _insert(self, slot: int, n: int) -> None:
        mine = self._of.setdefault(slot, [])
        mine.insert(bisect_left(mine, self._starts[n], key=self._starts.__getitem__), n)
        self._alive[n] = True

    def _forget_first(self, slot: int, column: list[int], bound: int) -> None:
        """Take the windows at or below the bound out of the slot."""
        mine = self._of.get(slot)
        while mine and column[mine[0]] <= bound:
            n = mine.pop(0)
            self._alive[n] = False
            self._gone.append(n)
        if mine is not None and not mine:
            del self._of[slot]


class Sessions(_Windows):
    """Sessions: rows of a slot that are not further apart than the gap."""

    def __init__(self, gap: int, close: int, keep: int) -> None:
        super().__init__()
        self._gap, self._close, self._keep = gap, close, keep

    def _row(self, row: int, slot: int, at: int) -> None:
        self._forget_first(slot, self._lasts, self.now - self._keep)
        self.now = max(self.now, at)
        mine = self._of.get(slot, [])
        first = bisect_left(mine, at - self._gap, key=self._lasts.__getitem__)
        after = first
        while after < len(mine) and self._starts[mine[after]] <= at + self._gap:
            after += 1
        found = mine[first:after]
        start = min(at, self._starts[found[0]]) if found else at
        end = max(at, self._lasts[found[-1]]) if found else at
        if end < self.now - self._close:
            self.late += 1
            return
        if found:
            target = found[0]
            for n in found:
                self._touch(n)
            for n in found[1:]:
                self._do(MERGE, target, n)
                self._parent[n] = target
                self._alive[n] = False
                self._gone.append(n)
                self._lasts[n] = _NEVER
            del mine[first + 1 : after]
            self._touch(target)
            self._starts[target], self._lasts[target] = start, end
        else:
            target = self._new(slot, start, end)
            self._touch(target, fresh=True)
            self._insert(slot, target)
        self._do(ADD, target, row)
        if end <= self.now - self._keep:  # given out, and not kept
            self._of[slot].remove(target)
            if not self._of[slot]:
                del self._of[slot]
            self._alive[target] = False
            self._gone.append(target)


class Sliding(_Windows):
    """Sliding windows, as KStreamSlidingWindowAggregate makes them; `last` is the latest row's."""

    def __init__(self, span: int, grace: int, keep: int) -> None:
        super().__init__()
        self._span, self._grace, self._keep = span, grace, keep
        self.newest = -1  # the latest start

    def _row(self, row: int, slot: int, at: int) -> None:
        self.now = max(self.now, at)
        if at + 1 + self._span <= self.now - self._grace:
            self.late += 1
            return
        self._forget_first(slot, self._starts, self.newest - self._keep)
        if at < self._span:
            self._early(row, slot, at)
        else:
            self._later(row, slot, at)

    def _later(self, row: int, slot: int, at: int) -> None:
        starts, lasts, span = self._starts, self._lasts, self._span
        mine = self._of.get(slot, [])
        i = bisect_left(mine, at + 2, key=starts.__getitem__) - 1
        least = max(0, at - 2 * span)
        left = right = previous = -1
        left_made = right_made = False
        joins = []
        while i >= 0 and starts[mine[i]] >= least:
            n = mine[i]
            if starts[n] == at + 1:
                right_made = True
            elif starts[n] + span > at:
                right = n if right < 0 else right
                joins.append(n)
            elif starts[n] + span == at:
                left_made = True
                joins.append(n)
                if lasts[n] >= at:
                    for n in joins:
                        self._join(row, n, at)
                    return
                previous = lasts[n]
            else:
                left, previous = n, lasts[n]
                break
            i -= 1
        copy = not right_made and right >= 0 and lasts[right] > at
        copied = self._copy(slot, at + 1, right) if copy else -1
        for n in joins:
            self._join(row, n, at)
        again = -1
        if previous >= 0 and previous + 1 + span >= at and not self._has(slot, previous + 1):
            again = self._make(row, slot, previous + 1, at, -1)
        if not left_made:
            if again >= 0 and previous + 1 == at - span:
                self._touch(again)
                self._do(AGAIN, again, row)
            else:
                self._make(row, slot, at - span, at, left if at - span <= previous else -1)
        if copied >= 0:
            self._touch(copied)

    def _early(self, row: int, slot: int, at: int) -> None:
        starts, lasts = self._starts, self._lasts
        combined = right = previous = -1
        right_made = False
        joins = []
        for n in self._of.get(slot, []):
            if starts[n] > at + 1:
                break
            if starts[n] == 0:
                combined = n
                if lasts[n] < at:
                    previous = lasts[n]
            elif starts[n] <= at:
                right = n
                joins.append(n)
            else:
                right_made = True
        if right < 0 and combined >= 0 and lasts[combined] > at:
            right = combined
        copy = not right_made and right >= 0 and lasts[right] > at
        copied = self._copy(slot, at + 1, right) if copy else -1
        for n in joins:
            self._join(row, n, at)
        if copied >= 0:
            self._touch(copied)
        if previous >= 0 and not self._has(slot, previous + 1):
            self._make(row, slot, previous + 1, at, -1)
        if combined >= 0:
            self._join(row, combined, at)
        else:
            self._make(row, slot, 0, at, -1)

    def _has(self, slot: int, start: int) -> bool:
        mine = self._of.get(slot, [])
        at = bisect_left(mine, start, key=self._starts.__getitem__)
        return at < len(mine) and self._starts[mine[at]] == start

    def _closed(self, start: int) -> bool:
        return start + self._span < self.now - self._grace

    def _join(self, row: int, n: int, at: int) -> None:
        """The row is in the window too."""
        if not self._closed(self._starts[n]):
            self._touch(n)
            self._do(ADD, n, row)
            self._lasts[n] = max(self._lasts[n], at)

    def _make(self, row: int, slot: int, start: int, at: int, others: int) -> int:
        """A window of the row, and of the rows that are in another."""
        if self._closed(start):
            return -1
        n = self._new(slot, start, at)
        self._touch(n, fresh=True)
        self._insert(slot, n)
        self.newest = max(self.newest, start)
        if others >= 0:
            self._do(MERGE, n, others)
        self._do(ADD, n, row)
        return n

    def _copy(self, slot: int, start: int, others: int) -> int:
        """The window right of a row, of the rows that came before it."""
        n = self._new(slot, start, self._lasts[others])
        self._touch(n, fresh=True)
        self._insert(slot, n)
        self.newest = max(self.newest, start)
        self._do(MERGE, n, others)
        return n


def run(op: int, data: Any, kinds: Any, into: Any, what: Any, values: Any) -> None:
    """Combine `values` of rows, and other windows' data, into `data`; without `kinds` by row."""
    if kinds is None:
        with np.errstate(invalid="ignore"):  # NaN is a normal value
            _AT[op](data, into, values)
        return
    combine: Any = _COMBINE[op]
    for kind, n, other in zip(kinds.tolist(), into.tolist(), what.tolist(), strict=True):
        if kind == ADD:
            data[n] = combine(data[n], values[other])
        elif kind == MERGE:
            data[n] = combine(data[n], data[other])


def _numbers(values: list[int]) -> Any:
    return np.array(values, np.int64)


# NaN is above all: the least of values is NaN only where all are so.
_AT = (np.add.at, np.fmin.at, np.maximum.at)
_COMBINE = (
    lambda a, b: a + b,
    lambda a, b: b if a != a or b < a else a,
    lambda a, b: b if b > a or (b != b and a == a) else a,
)
