"""What SESSION and SLIDING share: windows that rows make where they are.

`windows` says in which windows each row is and gives them numbers; the folds keep the states by
number.  A large step gives one update for each window that it touched, a small one each result.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from kshell.changes import Changes
from kshell.sql import plan
from kshell.stream.columns import ColumnFolds
from kshell.stream.containers import Heap
from kshell.stream.evaluate import OnError
from kshell.stream.keys import Keys
from kshell.stream.ops.closing import Closing
from kshell.stream.ops.grouped import SMALL, Reader, Rows, written
from kshell.stream.state import Entries
from kshell.stream.touched import Touched
from kshell.stream.updates import distinct, places_in, sorted_by, taken
from kshell.stream.windows import AGAIN, Placed

__all__ = ["SpanAggregate"]


class SpanAggregate:
    """Keeps the windows of each group."""

    def __init__(self, node: plan.Aggregate, on_error: OnError, windows: Any, final: bool) -> None:
        assert node.window is not None
        self._schema = node.output.schema()
        self._reader = Reader(node, on_error)
        self._keys = Keys(self._reader.types)
        self._folds = ColumnFolds([call for _, call in node.aggregates])
        self._windows = windows
        self._expiring = Heap()
        self._closing = Closing(node.window) if final else None
        fields = [pa.field(n.name, n.expression.type) for n in node.group]
        self._touched = Touched(pa.schema([*fields, pa.field("WINDOWSTART", pa.int64())]))

    @property
    def late(self) -> int:
        """Rows that came after all their windows had closed."""
        return self._windows.late  # type: ignore[no-any-return]

    def step(self, batch: Changes) -> Changes:
        """An update for each window, in the order of their last rows; or the windows that close."""
        if len(batch) > SMALL or len(batch) == 1 or self._closing is not None:
            return self._step(batch)
        each = (self._step(batch.slice(i, 1)) for i in range(len(batch)))
        return Changes.concat(each, self._schema)

    def _ends(self, starts: Any, lasts: Any) -> Any:
        """The windows' ends."""
        raise NotImplementedError

    def _expiry(self, starts: Any, lasts: Any) -> Any:
        """By what the windows leave."""
        raise NotImplementedError

    def _expired(self) -> int:
        """Up to which `_expiry` windows are not visible any more."""
        raise NotImplementedError

    def _step(self, batch: Changes) -> Changes:
        rows = self._reader.read(batch)
        if not len(rows.times):
            return Changes.none(self._schema)
        slots, fresh = self._keys.add(rows.keys)
        before = self._windows.now
        placed = Placed(*self._windows.place(slots, rows.times))
        self._folds.reach(self._windows.size)
        old = [] if self._closing is not None else self._folds.result(placed.old)
        self._folds.run(placed.steps(len(slots)), rows.args)
        self._note(placed)
        if self._closing is None:
            out = self._updates(placed, old, len(rows.times) == 1)
        else:
            out = self._closed(self._closing, rows, before)
        self._forget(placed.gone, slots[fresh])
        return out

    def _updates(self, placed: Placed, old: list[pa.Array], single: bool) -> Changes:
        """For each window the old rows of what it is made of, and then its new row."""
        touched = placed.touched[np.argsort(placed.order)]
        slots, starts, lasts = self._windows.bounds(touched)
        olds, news = len(placed.old), len(touched)
        # What each line is: of `old`, or of the touched windows.
        line = np.arange(olds + news)
        ranks = np.concatenate([places_in(touched, placed.homes), np.arange(news)])
        kinds = np.repeat([0, 1], [olds, news])
        if single and len(twice := places_in(touched, placed.into[placed.kinds == AGAIN])):
            # Streams makes that window twice.
            line = np.concatenate([line, olds + twice, olds + twice])
            ranks = np.concatenate([ranks, twice, twice])
            kinds = np.concatenate([kinds, np.repeat([2, 3], len(twice))])
        starts = np.concatenate([placed.old_starts, starts])
        lasts = np.concatenate([placed.old_lasts, lasts])
        slots = np.concatenate([self._windows.bounds(placed.old)[0], slots])
        order = sorted_by(ranks, kinds, starts[line])
        line = line[order]
        values = [
            taken(pa.concat_arrays([o, n]), line)
            for o, n in zip(old, self._folds.result(touched), strict=True)
        ]
        starts, lasts = starts[line], lasts[line]
        return written(
            self._schema, self._keys.values(slots[line]), values,
            (starts, self._ends(starts, lasts)), lasts, np.where(kinds[order] % 2, 1, -1),
        )  # fmt: skip

    def _closed(self, closing: Closing, rows: Rows, before: int) -> Changes:
        """The windows that the rows close."""
        clock = np.maximum.accumulate(np.maximum(rows.times, before))
        ends, numbers = closing.take(int(clock[-1]))
        # Another end now: the session has grown, or is a part of another.
        still = self._ends(*self._windows.bounds(numbers)[1:]) == ends
        numbers = distinct(numbers[still])
        if not len(numbers):
            return Changes.none(self._schema)
        slots, starts, lasts = self._windows.bounds(numbers)
        ends = self._ends(starts, lasts)
        keys = self._keys.values(slots)
        order = closing.order(closing.rows(ends, clock), ends, keys, starts)
        values = [taken(v, order) for v in self._folds.result(numbers)]
        return written(
            self._schema, [taken(k, order) for k in keys], values,
            (starts[order], ends[order]), lasts[order], np.ones(len(order), np.int64),
        )  # fmt: skip

    def _note(self, placed: Placed) -> None:
        """Remember when the windows close and leave, if that has changed."""
        self._touched.note(placed.touched)
        slots, homes, _ = self._windows.bounds(placed.homes)
        moved = homes != placed.old_starts
        none = np.empty(0, np.int64)
        self._touched.left(none, self._names(slots[moved], placed.old_starts[moved]))
        _, starts, lasts = self._windows.bounds(placed.touched)
        had = np.append(self._expiry(placed.old_starts, placed.old_lasts), -1)
        expiry = self._expiry(starts, lasts)
        new = had[places_in(placed.old, placed.touched)] != expiry
        numbers = placed.touched[new]
        self._expiring.push(expiry[new], numbers)
        if self._closing is not None:
            self._closing.note(self._ends(starts[new], lasts[new]), numbers)

    def _forget(self, gone: Any, maybe_empty: Any) -> None:
        """Drop windows that are part of others or not visible any more, and groups without any."""
        times, numbers = self._expiring.pop(self._expired())
        if len(numbers):
            _, starts, lasts = self._windows.bounds(numbers)
            left = self._windows.living(numbers) & (self._expiry(starts, lasts) == times)
            gone = distinct(np.concatenate([gone, numbers[left]]))
        of, starts, _ = self._windows.bounds(gone)
        if self._touched.noting:
            self._touched.left(gone, self._names(of, starts))
        self._windows.drop(gone)
        self._folds.reset(gone)
        self._drop_empty(np.concatenate([of, maybe_empty]))

    def _drop_empty(self, slots: Any) -> None:
        slots = distinct(slots)
        self._keys.drop(slots[self._windows.empty(slots)])

    def _names(self, slots: Any, starts: Any) -> list[pa.Array]:
        return [*self._keys.values(slots), pa.array(starts, pa.int64())]

    def current(self) -> pa.RecordBatch:
        """The table as it is now; not that of EMIT FINAL, which has the windows that closed."""
        numbers = self._windows.all()
        slots, starts, lasts = self._windows.bounds(numbers)
        return written(
            self._schema, self._keys.values(slots), self._folds.result(numbers),
            (starts, self._ends(starts, lasts)), lasts, np.ones(len(numbers), np.int64),
        ).rows  # fmt: skip

    def count(self) -> int:
        """How many windows are kept."""
        return len(self._windows.all())

    def snapshot(self) -> dict[str, Entries]:
        """The windows, by their group and their start: the last moment and the folds' states."""
        return self._exported(self._windows.all(), None)

    def changed(self) -> dict[str, Entries]:
        """What differs since the last time; everything the first time."""
        numbers, gone = self._touched.take()
        if not self._touched.noting:
            self._touched.noting = True
            return self.snapshot()
        numbers = numbers[self._windows.living(numbers)]
        back = self._find(gone) >= 0
        return self._exported(numbers, gone.filter(pa.array(~back)))

    def _exported(self, numbers: Any, gone: pa.RecordBatch | None) -> dict[str, Entries]:
        slots, starts, lasts = self._windows.bounds(numbers)
        names = self._touched.batch(self._names(slots, starts))
        states = {"last": pa.array(lasts, pa.int64()), **self._folds.save(numbers)}
        windows = self._windows
        return {
            "windows": Entries.of(names, pa.record_batch(states), gone),
            "clock": Entries.numbers(now=windows.now, late=windows.late, newest=self._newest()),
        }

    def load(self, parts: Mapping[str, Entries]) -> None:
        """Takes in what either of them gave, on top of what is there."""
        clock = parts["clock"].named()
        self._windows.now, self._windows.late = clock["now"], clock["late"]
        self._set_newest(clock["newest"])
        saved = parts["windows"]
        # A key may have gone more than once.
        gone = distinct(self._find(saved.keys.filter(saved.gone)))
        gone = gone[gone >= 0]
        slots = self._windows.bounds(gone)[0]
        self._windows.drop(gone)
        self._folds.reset(gone)
        self._drop_empty(slots)
        there = pa.array(~np.asarray(saved.gone))
        names, states = saved.keys.filter(there), saved.values.filter(there)
        slots = self._keys.add(names.columns[:-1])[0]
        starts = names.columns[-1].to_numpy()
        lasts = states.column("last").to_numpy()
        numbers = self._windows.put(slots, starts, lasts)
        self._folds.reach(self._windows.size)
        self._folds.load(numbers, states)
        self._expiring.push(self._expiry(starts, lasts), numbers)
        if self._closing is not None:
            self._closing.note(self._ends(starts, lasts), numbers)
            self._closing.take(self._windows.now)  # given out, also those of earlier loads
        self._touched.begin()

    def _find(self, names: pa.RecordBatch) -> Any:
        return self._windows.find(
            self._keys.find(names.columns[:-1]), names.columns[-1].to_numpy()
        )

    def _newest(self) -> int:
        """The latest start, where windows leave by it."""
        return -1

    def _set_newest(self, newest: int) -> None:
        """Set it."""
