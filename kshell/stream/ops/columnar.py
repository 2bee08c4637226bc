"""GROUP BY of a stream, a batch at a time: without a window, TUMBLING and HOPPING.

`graph` makes it; under EMIT FINAL, where the order of single rows decides, `windows` runs instead.
As KStreamAggregate and KStreamWindowAggregate, but of a large batch only each group's last update
is emitted.  A small batch, such as a person types, goes row by row, and each result shows, as in
ksqlDB.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kshell.changes import WEIGHT, Changes
from kshell.sql import plan
from kshell.sql.statements import WindowClause
from kshell.stream.columns import Grown, column_fold
from kshell.stream.evaluate import Evaluator, OnError
from kshell.stream.rows import freeze

__all__ = ["ColumnarAggregate"]

_SMALL = 16  # rows up to which each shows its result


@dataclass(frozen=True, slots=True)
class _Rows:
    """Rows that have a group: key columns, windows' starts or None, arguments, times."""

    keys: list[pa.Array]
    starts: Any
    args: list[list[pa.Array]]
    times: Any


class ColumnarAggregate:
    """Keeps the states of all groups in arrays."""

    def __init__(self, node: plan.Aggregate, on_error: OnError) -> None:
        self._schema = node.output.schema()
        self._width = len(node.group)
        self._arity = [len(call.args) for _, call in node.aggregates]
        items = [(n.name, n.expression) for n in node.group]
        items += [(name, a) for name, call in node.aggregates for a in call.args]
        self._evaluator = Evaluator(items, on_error)
        self._hard = not all(_encodes(n.expression.type) for n in node.group)
        self._folds = [column_fold(call) for _, call in node.aggregates]
        self._times = Grown(np.int64, -1)
        self._groups = _Groups()
        self._window = None if node.window is None else _Windows(node.window)

    @property
    def late(self) -> int:
        """Rows that came after all their windows had closed."""
        return 0 if self._window is None else self._window.late

    def step(self, batch: Changes) -> Changes:
        """Updates in the order of the groups' last rows."""
        if len(batch) > _SMALL:
            return self._step(batch)
        each = (self._step(batch.slice(i, 1)) for i in range(len(batch)))
        return Changes.concat(each, self._schema)

    def _step(self, batch: Changes) -> Changes:
        rows = self._read(batch)
        if not len(rows.times):
            return Changes.none(self._schema)
        group, last = self._grouped(rows)
        keys = [k.take(pa.array(last)) for k in rows.keys]
        starts = None if rows.starts is None else rows.starts[last]
        slots, fresh = self._groups.find(self._names(keys, starts))
        self._reach(self._groups.size)
        had = ~fresh
        old = [f.result(slots[had]) for f in self._folds]
        old_times = self._times.data[slots[had]]
        of_row = slots[group]
        for fold, args in zip(self._folds, rows.args, strict=True):
            fold.add(of_row, args)
        np.maximum.at(self._times.data, of_row, rows.times)
        new = [f.result(slots) for f in self._folds]
        out = self._updates(
            keys, starts, had,
            [pa.concat_arrays([o, n]) for o, n in zip(old, new, strict=True)],
            np.concatenate([old_times, self._times.data[slots]]),
        )  # fmt: skip
        self._expire()
        return out

    def _read(self, batch: Changes) -> _Rows:
        rows = batch.rows
        live = pc.greater(batch.weights, 0)
        if live.false_count:
            rows = rows.filter(live)
        arrays = self._evaluator(rows)
        times = rows.column("ROWTIME")
        keyed = _all_valid(arrays[: self._width])
        if keyed is not None:
            arrays = [a.filter(keyed) for a in arrays]
            times = times.filter(keyed)
        at = times.to_numpy(zero_copy_only=False)
        starts = None
        if self._window is not None:
            which, starts = self._window.of(at)
            at = at[which]
            taken = pa.array(which)
            arrays = [a.take(taken) for a in arrays]
        args, begin = [], self._width
        for arity in self._arity:
            args.append(arrays[begin : begin + arity])
            begin += arity
        return _Rows(arrays[: self._width], starts, args, at)

    def _grouped(self, rows: _Rows) -> tuple[Any, Any]:
        """Each row's group, numbered by the groups' last rows; and those rows."""
        codes = None if rows.starts is None else _numbered(rows.starts)
        for key in rows.keys:
            own = _hashed(key) if self._hard else _encoded(key)
            codes = own if codes is None else _numbered(codes * (own.max() + 1) + own)
        assert codes is not None  # there is no GROUP BY of nothing
        last = np.empty(codes.max() + 1, np.int64)
        last[codes] = np.arange(len(codes))  # of the same code the last is kept
        order = np.argsort(last)
        rank = np.empty(len(order), np.int64)
        rank[order] = np.arange(len(order))
        return rank[codes], last[order]

    def _names(self, keys: Sequence[pa.Array], starts: Any) -> list[Hashable]:
        columns: list[Sequence[Hashable]] = [k.to_pylist() for k in keys]
        if self._hard:
            columns = [[freeze(c) for c in column] for column in columns]
        if starts is not None:
            columns.append(starts.tolist())
        return list(columns[0]) if len(columns) == 1 else list(zip(*columns, strict=True))

    def _reach(self, size: int) -> None:
        self._times.reach(size)
        for fold in self._folds:
            fold.reach(size)

    def _updates(
        self, keys: Sequence[pa.Array], starts: Any, had: Any, values: list[pa.Array], times: Any
    ) -> Changes:
        """The old row of each group that had one, and then its new row."""
        count, olds = len(had), int(had.sum())
        place = np.arange(count) + np.cumsum(had)  # of a group's new row
        row = np.empty(count + olds, np.int64)  # which of `values` stands there
        row[place] = olds + np.arange(count)
        row[place[had] - 1] = np.arange(olds)
        group = np.repeat(np.arange(count), 1 + had)
        columns = [k.take(pa.array(group)) for k in keys]
        columns += [v.take(pa.array(row)) for v in values]
        if starts is not None:
            assert self._window is not None
            columns += [pa.array(starts[group]), pa.array(starts[group] + self._window.size)]
        columns.append(pa.array(times[row]))
        weights = np.where(row < olds, -1, 1)
        batch = pa.RecordBatch.from_arrays(columns, schema=self._schema)
        return Changes(batch, pa.array(weights, WEIGHT))

    def _expire(self) -> None:
        if self._window is not None and (bound := self._window.sweep()) is not None:
            gone = np.array(self._groups.drop(bound), np.int64)
            self._times.reset(gone)
            for fold in self._folds:
                fold.reset(gone)


class _Groups:
    """Groups by their names, each with a slot; slots of groups that are gone are given again."""

    def __init__(self) -> None:
        self._slots: dict[Hashable, int] = {}
        self._free: list[int] = []
        self.size = 0

    def find(self, names: list[Hashable]) -> tuple[Any, Any]:
        """Their slots, and which of them are new."""
        found = list(map(self._slots.get, names))
        fresh = np.zeros(len(names), np.bool_)
        if None in found:
            for i, slot in enumerate(found):
                if slot is None:
                    fresh[i] = True
                    found[i] = self._slots[names[i]] = self._new()
        return np.array(found, np.int64), fresh

    def _new(self) -> int:
        if self._free:
            return self._free.pop()
        self.size += 1
        return self.size - 1

    def drop(self, bound: int) -> list[int]:
        """Forget windows that start at `bound` or before; gives their slots."""
        dead: list[Any] = [name for name in self._slots if name[-1] <= bound]  # type: ignore[index]
        slots = [self._slots.pop(name) for name in dead]
        self._free += slots
        return slots


class _Windows:
    """Which windows rows fall into, and which of those are still open."""

    def __init__(self, window: WindowClause) -> None:
        self.size = window.size_ms
        self._advance = window.advance_ms or self.size
        self._grace = plan.grace_of(window)
        self._keep = max(self.size + self._grace, window.retention_ms or 0)
        self._now = self._newest = -1
        self.late = 0
        self._swept = 0

    def of(self, times: Any) -> tuple[Any, Any]:
        """For each row and open window of it: the row's number and the window's start."""
        now = np.maximum.accumulate(np.maximum(times, self._now))
        self._now = int(now[-1]) if len(now) else self._now
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
        return which, starts

    def sweep(self) -> int | None:
        """Now and then: the start up to which no window can be asked for any more."""
        bound = self._newest - self._keep
        if bound - self._swept <= self._keep:
            return None
        self._swept = bound
        return bound


def _all_valid(columns: Sequence[pa.Array]) -> pa.Array | None:
    """Which rows have no NULL; None where all are so."""
    keyed = None
    for column in columns:
        if column.null_count:
            mine = column.is_valid()
            keyed = mine if keyed is None else pc.and_(keyed, mine)
    return keyed


def _encodes(type: pa.DataType) -> bool:
    """Whether Arrow numbers such values as Python's dictionaries would."""
    return not (pa.types.is_nested(type) or pa.types.is_floating(type))


def _encoded(column: pa.Array) -> Any:
    return column.dictionary_encode().indices.to_numpy(zero_copy_only=False).astype(np.int64)


def _hashed(column: pa.Array) -> Any:
    seen: dict[Hashable, int] = {}
    return np.array([seen.setdefault(freeze(v), len(seen)) for v in column.to_pylist()], np.int64)


def _numbered(codes: Any) -> Any:
    """The same codes as numbers from 0 without gaps."""
    return np.unique(codes, return_inverse=True)[1]
