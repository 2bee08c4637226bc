"""A table's current rows, for whoever asks between two steps; a table is kept once.

Where the state of an operator says what the rows are, they are computed of it when they are read:
its rows go through the projection and the HAVING above it.  Else the changes are collected.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
import pyarrow as pa

from kshell.changes import Changes
from kshell.durations import DAY_MS
from kshell.sql import plan
from kshell.sql.expressions import Call, Expression, walk
from kshell.stream.arena import KeyedRows
from kshell.stream.rows import Layout, latest
from kshell.stream.state import Entries

__all__ = ["Collected", "Computed", "Current", "Kept", "repeats"]


class Current(Protocol):
    """An operator whose state says what the rows of its table are."""

    def current(self) -> pa.RecordBatch:
        """The table as it is now."""


class _Step(Protocol):
    def step(self, batch: Changes) -> Changes:
        """A row for each row, or some of them."""


class Kept(Protocol):
    """What a graph keeps for its readers."""

    def put(self, changes: Changes) -> None:
        """The next changes of the table."""

    def rows(self) -> pa.RecordBatch:
        """The table as it is now."""


class Computed:
    """Rows of an operator's state, with what stands above it."""

    def __init__(self, operator: Current, above: Sequence[_Step]) -> None:
        self._operator, self._above = operator, above

    def put(self, changes: Changes) -> None:
        """The operator has them already."""

    def rows(self) -> pa.RecordBatch:
        """The table as it is now."""
        rows = self._operator.current()
        for stage in self._above:
            rows = stage.step(Changes.of(rows)).rows
        return rows


class Collected:
    """The last row of each key; a window leaves when its retention is over, or with `every_window`
    never."""

    def __init__(self, node: plan.Node, *, every_window: bool = False) -> None:
        self._layout = layout = Layout(node.output)
        self._rows = KeyedRows(layout.schema, layout.key_columns)
        # By this a window's age is told; None: no window leaves.
        self._age = None if every_window or not layout.windowed else _retention(node)
        self._by = "WINDOWEND" if "WINDOWEND" in layout.key_columns else "WINDOWSTART"
        self._newest = self._swept = -1

    def put(self, changes: Changes) -> None:
        """Keep each key's last row."""
        if not len(changes):
            return
        records, gone = latest(changes, self._layout)
        self._rows.change(self._rows.slots(records), records, ~np.asarray(gone))
        if self._age is not None:
            self._newest = max(self._newest, int(np.max(records.column(self._by))))
            self._sweep(self._age)

    def rows(self) -> pa.RecordBatch:
        """The table as it is now."""
        rows = self._rows.rows.all()[1]
        if self._age is None:
            return rows
        return rows.filter(pa.array(np.asarray(rows.column(self._by)) > self._newest - self._age))

    def _sweep(self, age: int) -> None:
        """Now and then, so that each row is looked at few times."""
        bound = self._newest - age
        if bound - self._swept <= age:
            return
        self._swept = bound
        rows = self._rows.rows.all()[1]
        old = rows.filter(pa.array(np.asarray(rows.column(self._by)) <= bound))
        self._rows.drop(self._rows.keys.find(self._rows.columns(old)))

    def count(self) -> int:
        """How many rows are kept."""
        return len(self._rows)

    def snapshot(self) -> dict[str, Entries]:
        """All rows by their keys."""
        return {"rows": self._rows.snapshot(), "times": self._times()}

    def changed(self) -> dict[str, Entries]:
        """What differs since the last time."""
        return {"rows": self._rows.changed(), "times": self._times()}

    def load(self, parts: Mapping[str, Entries]) -> None:
        """Takes in what either gave."""
        self._rows.load(parts["rows"])
        times = parts["times"].named()
        self._newest, self._swept = times["newest"], times["swept"]

    def _times(self) -> Entries:
        return Entries.numbers(newest=self._newest, swept=self._swept)


def repeats(expressions: Sequence[Expression]) -> bool:
    """Whether they give the same result each time: a call without arguments may not, as RANDOM()
    and UNIX_TIMESTAMP() do not."""
    parts = (part for e in expressions for part in walk(e))
    return not any(isinstance(part, Call) and not part.args for part in parts)


def _retention(node: plan.Node) -> int | None:
    """How long windows are kept after they began; None where no operator of the plan says it.

    Closed windows of EMIT FINAL are kept for a day where no RETENTION is written: their grace,
    which is 0 then, says only when they close.
    """
    least = DAY_MS if _final(node) else 0
    windows = [a.window for a in plan.aggregates(node) if a.window is not None]
    return max(
        (max(w.size_ms + plan.grace_of(w), w.retention_ms or least) for w in windows), default=None
    )


def _final(node: plan.Node) -> bool:
    return isinstance(node, plan.Suppress) or any(map(_final, plan.children(node)))
