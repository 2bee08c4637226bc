"""SLIDING windows: every set of a group's rows that lie within a time difference of one another.

As KStreamSlidingWindowAggregate, step for step.  A window exists for a row's left side (it ends at
the row) and its right side (it begins 1 ms after it, if rows are there); rows earlier than the
difference share the window from 0.  Existing windows are updated latest first.
"""

from __future__ import annotations

from collections.abc import Iterator

from kshell.changes import Changes
from kshell.sql import plan
from kshell.stream.evaluate import OnError
from kshell.stream.ops.grouping import Grouped, Grouping
from kshell.stream.rows import Row, Update, changes
from kshell.stream.state import Clock, States, Versions

__all__ = ["SlidingAggregate"]

_State = tuple[list[object], Row]


class SlidingAggregate:
    """Keeps each group's windows by their start."""

    def __init__(self, node: plan.Aggregate, states: States, name: str, on_error: OnError) -> None:
        assert node.window is not None
        self.grouping = Grouping(node, on_error)
        self._span = node.window.size_ms
        self._grace = plan.grace_of(node.window)
        keep = max(2 * self._span + self._grace, node.window.retention_ms or 0)
        self.versions = Versions(states, name, keep)  # key → start → (states, row)
        self.late = 0
        self.clock = Clock(states.map(f"{name}.clock"))
        self._out: list[Update] = []

    def step(self, batch: Changes) -> Changes:
        """A result for each window that a row makes or joins."""
        out = [update for row in self.each(batch) for update in row]
        return changes(out, self.grouping.layout)

    def each(self, batch: Changes) -> Iterator[list[Update]]:
        """What each row makes, row by row: `suppress` looks at the time between them."""
        for row in self.grouping.read(batch):
            if row.key is None:
                continue
            self._out = []
            if row.ts + 1 + self._span > self.clock.advance(row.ts) - self._grace:
                if row.ts < self._span:
                    self._early(row)
                else:
                    self._place(row)
            else:
                self.late += 1
            yield self._out

    def _place(self, row: Grouped) -> None:
        at, span = row.ts, self._span
        first = max(0, at - 2 * span)
        starts = set()
        left = right = None
        left_made = right_made = False
        previous: int | None = None
        for start, value in reversed(list(self.versions.between(row.key, first, at + 1))):
            starts.add(start)
            end, latest = start + span, value[1][-1]
            if start == at + 1:
                right_made = True
            elif end > at:
                right = right or value
                self._update(row, start, value)
            elif end == at:
                left_made = True
                self._update(row, start, value)
                if latest >= at:
                    return
                previous = latest
            else:
                left, previous = value, latest
                break
        if previous is not None and previous + 1 not in starts and previous + 1 + span >= at:
            self._update(row, previous + 1, None)
        if not left_made:
            near = previous is not None and at - span <= previous
            self._update(row, at - span, left if near else None)
        if not right_made and right is not None and right[1][-1] > at:
            self._copy(row, right)

    def _early(self, row: Grouped) -> None:
        at = row.ts
        starts = set()
        combined = right = None
        right_made = False
        previous: int | None = None
        for start, value in list(self.versions.between(row.key, 0, at + 1)):
            starts.add(start)
            if start == 0:
                combined = value
                if value[1][-1] < at:
                    previous = value[1][-1]
            elif start <= at:
                right = value
                self._update(row, start, value)
            else:
                right_made = True
        if right is None and combined is not None and combined[1][-1] > at:
            right = combined
        if not right_made and right is not None and right[1][-1] > at:
            self._copy(row, right)
        if previous is not None and previous + 1 not in starts:
            self._update(row, previous + 1, None)
        self._update(row, 0, combined)

    def _update(self, row: Grouped, start: int, value: _State | None) -> None:
        """Add the row to the window, whose rows so far are `value`'s."""
        if start + self._span < self.clock.now - self._grace:
            return
        state = self.grouping.initial() if value is None else value[0]
        ts = row.ts if value is None else max(row.ts, value[1][-1])
        self._put(row, start, self.grouping.add(state, row.args), ts)

    def _copy(self, row: Grouped, value: _State) -> None:
        """The window right of the row, with the rows it has already."""
        self._put(row, row.ts + 1, value[0], value[1][-1])

    def _put(self, row: Grouped, start: int, state: list[object], ts: int) -> None:
        had = self.versions.get(row.key, start)
        cells = (*row.cells, start, start + self._span)
        new = self.grouping.row(cells, state, ts)
        self.versions.put(row.key, start, (state, new))
        assert row.key is not None
        key = (*row.key, start)
        self._out.append(Update(key, None if had is None else had[1], new, ts, cells))
