"""Table–table join on the keys of both: each change of a side against the other's row.

As KTableKTableInnerJoin, LeftJoin, RightJoin and OuterJoin; the result's time is the later of both.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from kshell.changes import Changes
from kshell.sql import plan
from kshell.stream.keyed import KeyedNumbers
from kshell.stream.ops.joined import Arrived, JoinedRows, Side, rows_at
from kshell.stream.state import Entries
from kshell.stream.updates import Spread, before, group_ends, group_starts, latest_of, sorted_by

__all__ = ["TableJoin"]

_IDS, _TIMES = ("left", "right"), ("left_time", "right_time")


class TableJoin:
    """Keeps both sides' rows; of each key their ids and times, and the joined row's time."""

    def __init__(self, node: plan.TableJoin) -> None:
        self._joined = JoinedRows(node.left.output, node.right.output, node.output)
        self._sides = tuple(
            Side(n, w) for n, w in zip((node.left, node.right), self._joined.wanted, strict=True)
        )
        self._kept = np.array(node.kind.keeps)
        layout = self._sides[0].layout
        key = pa.schema([layout.schema.field(n) for n in layout.key_columns])
        self._ends = len(layout.cell_names) - len(key)  # a window's end that is no part of the key
        self._names = (*_IDS, *_TIMES, "time", *["end"][: self._ends])
        self._keyed = KeyedNumbers(key, **dict.fromkeys(self._names, -1))

    def step(self, left: Changes, right: Changes) -> Changes:
        """An update of the joined table for each change that can show in it."""
        sides, keyed = self._sides, self._keyed
        both = [Arrived.of(s, c) for s, c in zip(sides, (left, right), strict=True)]
        cells = [pa.concat_arrays(pair) for pair in zip(*(a.cells for a in both), strict=True)]
        places, times, ids = (
            np.concatenate([getattr(a, name) for a in both]) for name in ("places", "times", "ids")
        )
        found = keyed.slots(cells[: len(cells) - self._ends])
        rows = sorted_by(found, places)  # by key, and as they arrived within a key
        slots, starts = found[rows], group_starts(found[rows])
        of_right = rows >= len(both[0].ids)
        places, times, ids = places[rows], times[rows], ids[rows]
        mine = (~of_right, of_right)
        stored = [keyed[name][slots] for name in _IDS]
        now = [latest_of(mine[p], ids, starts, stored[p]) for p in (0, 1)]
        ago = [before(now[p], starts, stored[p]) for p in (0, 1)]
        at = [latest_of(mine[p], times, starts, keyed[_TIMES[p]][slots]) for p in (0, 1)]
        other = np.where(of_right, now[0], now[1])
        later = np.maximum(at[0], at[1])
        made = np.where(other >= 0, later, times)
        was = before(made, starts, keyed["time"][slots])
        touch = (ids < 0) & (np.where(of_right, ago[1], ago[0]) < 0)
        out = np.flatnonzero((other >= 0) | (self._kept[of_right.astype(np.int64)] & ~touch))
        out = out[sorted_by(places[out], rows[out])]
        had, has = self._there(ago[0][out], ago[1][out]), self._there(now[0][out], now[1][out])
        spread = Spread.of(had, has)
        which = pa.array(rows[out][spread.which])
        joined = self._joined.of(
            [c.take(which) for c in cells],
            (rows_at(sides[p].rows, spread.shown(ago[p][out], now[p][out])) for p in (0, 1)),
            spread.times(was[out], made[out], has),
        )
        last = group_ends(starts)
        values = [*now, *at, made, *(np.asarray(c)[rows] for c in cells[len(cells) - self._ends :])]
        self._keep(slots[last], [v[last] for v in values])
        for p, side in enumerate(sides):
            side.rows.drop(ago[p][mine[p] & (ago[p] >= 0)])
        ordered = left.order is not None or right.order is not None
        return spread.changes(joined, places[out] if ordered else None)

    def _there(self, left: Any, right: Any) -> Any:
        """Whether a joined row is there, of the ids of both sides' rows."""
        left, right = left >= 0, right >= 0
        return (left & right) | (left & self._kept[0]) | (right & self._kept[1])

    def _keep(self, slots: Any, values: list[Any]) -> None:
        there = (values[0] >= 0) | (values[1] >= 0)
        kept = (v[there] for v in values)
        self._keyed.put(slots[there], **dict(zip(self._names, kept, strict=True)))
        self._keyed.drop(slots[~there])
        self._keyed.tidy(slots)

    def current(self) -> pa.RecordBatch:
        """The joined table as it is now."""
        keyed = self._keyed
        slots = keyed.live()
        slots = slots[self._there(*(keyed[name][slots] for name in _IDS))]
        cells = [*keyed.keys(slots), *(pa.array(keyed["end"][slots]) for _ in range(self._ends))]
        sides = (
            rows_at(s.rows, keyed[name][slots]) for s, name in zip(self._sides, _IDS, strict=True)
        )
        return self._joined.of(cells, sides, keyed["time"][slots])

    def count(self) -> int:
        """How many rows of both sides are kept."""
        return sum(len(side.rows) for side in self._sides)

    def snapshot(self) -> dict[str, Entries]:
        """The rows of both sides by their ids, and each key's ids."""
        left, right = (side.rows.snapshot() for side in self._sides)
        return {"left": left, "right": right, "keys": self._keyed.snapshot()}

    def changed(self) -> dict[str, Entries]:
        """What differs since the last time."""
        left, right = (side.rows.changed() for side in self._sides)
        return {"left": left, "right": right, "keys": self._keyed.changed()}

    def load(self, parts: Mapping[str, Entries]) -> None:
        """Takes in what either gave."""
        for side, name in zip(self._sides, _IDS, strict=True):
            side.rows.load(parts[name])
        self._keyed.load(parts["keys"])
