"""GROUP BY of a stream without a window, and in TUMBLING and HOPPING windows.

As KStreamAggregate and KStreamWindowAggregate, but of a large batch only each group's last update
is emitted.  A small batch, such as a person types, goes row by row, and each result shows, as in
ksqlDB.  Under EMIT FINAL a window is given out when it closes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from kshell.changes import Changes
from kshell.sql import plan
from kshell.sql.clauses import WindowClause
from kshell.stream.column_folds.base import Grown
from kshell.stream.columns import ColumnFolds
from kshell.stream.containers import Heap
from kshell.stream.evaluate import OnError
from kshell.stream.keys import Keys
from kshell.stream.ops.closing import Closing
from kshell.stream.ops.grouped import SMALL, Reader, Rows, written
from kshell.stream.state import Entries
from kshell.stream.touched import Touched
from kshell.stream.updates import distinct, last_rows, taken
from kshell.stream.windows import Steps

__all__ = ["ColumnarAggregate"]


class ColumnarAggregate:
    """Keeps the states of all groups, or of all groups' windows, in arrays."""

    _reads: type[Reader] = Reader
    _reversible = False  # whether rows can be taken back

    def __init__(self, node: plan.Aggregate, on_error: OnError, final: bool = False) -> None:
        self._schema = node.output.schema()
        self._reader = self._reads(node, on_error)
        self._width = len(node.group)
        calls = [call for _, call in node.aggregates]
        self._folds = ColumnFolds(calls, reversible=self._reversible)
        self._times = Grown(np.int64, -1)
        self._window = None if node.window is None else _Windows(node.window)
        start = [] if node.window is None else [pa.int64()]
        self._groups = Keys([*self._reader.types, *start])
        self._closing = Closing(node.window) if final and node.window is not None else None
        fields = [pa.field(n.name, n.expression.type) for n in node.group]
        fields += [pa.field("WINDOWSTART", t) for t in start]
        self._touched = Touched(pa.schema(fields))

    @property
    def late(self) -> int:
        """Rows that came after all their windows had closed."""
        return 0 if self._window is None else self._window.late

    def step(self, batch: Changes) -> Changes:
        """Updates in the order of the groups' last rows; or the windows that close."""
        if len(batch) > SMALL or len(batch) == 1 or self._closing is not None:
            return self._step(batch)
        each = (self._step(batch.slice(i, 1)) for i in range(len(batch)))
        return Changes.concat(each, self._schema)

    def _step(self, batch: Changes) -> Changes:
        rows = self._reader.read(batch)
        if not len(rows.times):
            return Changes.none(self._schema)
        names, clock = rows.keys, rows.times
        if self._window is not None:
            which, starts, clock = self._window.of(rows.times)
            rows = rows.take(which)
            names = [*rows.keys, pa.array(starts)]
        groups, fresh = self._groups.add(names)
        self._reach(self._groups.size)
        new = groups[fresh]
        if self._closing is not None:
            self._add(groups, rows)
            self._closing.note(self._ends(new), new)
            return self._closed(self._closing, clock)
        out = self._updates(groups, rows)
        if self._window is not None:
            self._window.note(self._starts(new), new)
            starts, groups = self._window.expired()
            self._forget(self._still(groups, self._starts, starts))
        return out

    def _updates(self, groups: Any, rows: Rows) -> Changes:
        """The old row of each group that had one, and then its new row."""
        touched = groups[last_rows(groups)]
        had = self._times.data[touched] >= 0  # no row is from before 1970
        old = self._folds.result(touched[had])
        old_times = self._times.data[touched[had]]
        self._add(groups, rows)
        values = [
            pa.concat_arrays([o, n])
            for o, n in zip(old, self._folds.result(touched), strict=True)
        ]
        times = np.concatenate([old_times, self._times.data[touched]])
        count, olds = len(had), len(old_times)
        place = np.arange(count) + np.cumsum(had)  # of a group's new row
        row = np.empty(count + olds, np.int64)  # which of `values` stands there
        row[place] = olds + np.arange(count)
        row[place[had] - 1] = np.arange(olds)
        names = self._groups.values(np.repeat(touched, 1 + had))
        return written(
            self._schema, names[: self._width], [taken(v, row) for v in values],
            self._bounds(names), times[row], np.where(row < olds, -1, 1),
        )  # fmt: skip

    def _closed(self, closing: Closing, clock: Any) -> Changes:
        """The windows that the rows close."""
        ends, groups = closing.take(int(clock[-1]))
        groups = self._still(groups, self._ends, ends)
        if not len(groups):
            return Changes.none(self._schema)
        names, ends = self._groups.values(groups), self._ends(groups)
        order = closing.order(
            closing.rows(ends, clock), ends, names[:-1], names[-1].to_numpy()
        )
        groups = groups[order]
        names = [taken(n, order) for n in names]
        out = written(
            self._schema, names[:-1], self._folds.result(groups), self._bounds(names),
            self._times.data[groups], np.ones(len(groups), np.int64),
        )  # fmt: skip
        self._forget(groups)
        return out

    def _add(self, groups: Any, rows: Rows) -> None:
        self._folds.run(Steps(len(groups), groups, signs=rows.signs), rows.args)
        np.maximum.at(self._times.data, groups, rows.times)
        self._touched.note(groups)

    def _reach(self, size: int) -> None:
        self._times.reach(size)
        self._folds.reach(size)

    def _starts(self, groups: Any) -> Any:
        return self._groups.values(groups)[-1].to_numpy()

    def _ends(self, groups: Any) -> Any:
        assert self._window is not None
        return self._starts(groups) + self._window.size

    def _still(self, groups: Any, of: Callable[[Any], Any], times: Any) -> Any:
        """Those of the groups noted at these times that are the same windows: another may have the
        number of one that was gone when its state was loaded."""
        there = self._times.data[groups] >= 0
        groups, times = groups[there], times[there]
        return distinct(groups[of(groups) == times]) if len(groups) else groups

    def _bounds(self, names: list[pa.Array]) -> tuple[Any, ...]:
        if self._window is None:
            return ()
        starts = names[-1].to_numpy()
        return starts, starts + self._window.size

    def _forget(self, groups: Any) -> None:
        if len(groups):
            if self._touched.noting:
                self._touched.left(groups, self._groups.values(groups))
            self._groups.drop(groups)
            self._times.reset(groups)
            self._folds.reset(groups)

    def current(self) -> pa.RecordBatch:
        """The table as it is now; not that of EMIT FINAL, which has the windows that closed."""
        groups = self._all()
        names = self._groups.values(groups)
        times, ones = self._times.data[groups], np.ones(len(groups), np.int64)
        return written(
            self._schema, names[: self._width], self._folds.result(groups), self._bounds(names),
            times, ones,
        ).rows  # fmt: skip

    def count(self) -> int:
        """How many groups are kept."""
        return int(np.count_nonzero(self._times.data >= 0))

    def snapshot(self) -> dict[str, Entries]:
        """The groups by their keys (and the start of their window): time and the folds' states."""
        return self._exported(self._all(), None)

    def changed(self) -> dict[str, Entries]:
        """What differs since the last time; everything the first time."""
        groups, gone = self._touched.take()
        if not self._touched.noting:
            self._touched.noting = True
            return self.snapshot()
        back = self._groups.find(gone.columns) >= 0
        return self._exported(groups, gone.filter(pa.array(~back)))

    def _all(self) -> Any:
        return np.flatnonzero(self._times.data >= 0)  # no row is from before 1970

    def _exported(self, groups: Any, gone: pa.RecordBatch | None) -> dict[str, Entries]:
        names = self._touched.batch(self._groups.values(groups))
        times = pa.array(self._times.data[groups], pa.int64())
        states = pa.record_batch({"time": times, **self._folds.save(groups)})
        parts = {"groups": Entries.of(names, states, gone)}
        if self._window is not None:
            parts["clock"] = self._window.clock()
        return parts

    def load(self, parts: Mapping[str, Entries]) -> None:
        """Takes in what either of them gave, on top of what is there."""
        if self._window is not None:
            self._window.set_clock(parts["clock"])
        saved = parts["groups"]
        gone = np.unique(self._groups.find(saved.keys.filter(saved.gone).columns))
        self._forget(gone[gone >= 0])
        there = pa.array(~np.asarray(saved.gone))
        states = saved.values.filter(there)
        groups, fresh = self._groups.add(saved.keys.filter(there).columns)
        self._reach(self._groups.size)
        self._times.data[groups] = states.column("time").to_numpy()
        self._folds.load(groups, states)
        if self._window is not None and self._closing is None:
            self._window.note(self._starts(groups[fresh]), groups[fresh])
        if self._closing is not None:
            self._closing.note(self._ends(groups[fresh]), groups[fresh])
        self._touched.begin()


class _Windows:
    """Which windows rows fall into, and which of those are still open."""

    def __init__(self, window: WindowClause) -> None:
        self.size = window.size_ms
        self._advance = window.advance_ms or self.size
        self._grace = plan.grace_of(window)
        self._keep = max(self.size + self._grace, window.retention_ms or 0)
        self._now = self._newest = -1
        self.late = 0
        self._kept = Heap()

    def of(self, times: Any) -> tuple[Any, Any, Any]:
        """For each row and open window of it: the row's number and the window's start.

        And stream time after each row.
        """
        now = np.maximum.accumulate(np.maximum(times, self._now))
        self._now = int(now[-1])
        size, advance = self.size, self._advance
        first = np.maximum(times - size + advance, 0) // advance * advance
        count = np.maximum((times - first) // advance + 1, 0)
        which = np.repeat(np.arange(len(times)), count)
        nth = np.arange(len(which)) - np.repeat(np.cumsum(count) - count, count)
        starts = first[which] + nth * advance
        is_open = starts + size > now[which] - self._grace
        which, starts = which[is_open], starts[is_open]
        taken = len(which) if len(which) < 2 else 1 + np.count_nonzero(np.diff(which))
        self.late += len(times) - int(taken)
        self._newest = max(self._newest, int(starts.max(initial=-1)))
        return which, starts, now

    def note(self, starts: Any, groups: Any) -> None:
        """New windows."""
        self._kept.push(starts, groups)

    def expired(self) -> Any:
        """The starts and numbers of the windows that no row can ask for any more."""
        return self._kept.pop(self._newest - self._keep)

    def clock(self) -> Entries:
        """Stream time and such."""
        return Entries.numbers(now=self._now, newest=self._newest, late=self.late)

    def set_clock(self, saved: Entries) -> None:
        """Set them to what was saved."""
        values = saved.named()
        self._now, self._newest, self.late = values["now"], values["newest"], values["late"]
