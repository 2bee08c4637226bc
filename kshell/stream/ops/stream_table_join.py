"""Stream–table join: each stream row with what the table has for its key at that moment.

As KStreamKTableJoin: the table's changes make nothing, the result's time is the stream row's; a row
without a value is dropped, one without a key too unless the join is LEFT.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from kshell.changes import Changes
from kshell.sql import plan
from kshell.stream.arena import KeyedRows
from kshell.stream.keys import all_valid
from kshell.stream.ops.sides import Sides, numbered
from kshell.stream.state import Entries
from kshell.stream.updates import sorted_by

__all__ = ["StreamTableJoin"]

Ints = Any  # a numpy array of int64


class StreamTableJoin:
    """Keeps the table's rows.

    It takes the table's changes, or its records as they are: the last one of a key decides.
    """

    def __init__(self, node: plan.StreamTableJoin) -> None:
        self._sides = Sides(node.left.output, node.right.output, node.output)
        self._keeps = node.kind is not plan.JoinKind.INNER
        self._key = self._sides.left.key_columns
        right = self._sides.right
        self._table = KeyedRows(right.schema, right.key_columns)
        self._nothing = Changes.none(self._sides.output.schema)

    def step(self, left: Changes, right: Changes) -> Changes:
        """The joined rows."""
        mine, theirs = numbered(left, right)[0]
        there = np.asarray(right.weights) > 0
        slots = self._table.slots(right.rows) if right else theirs
        out = self._joined(left, mine, right, theirs, slots, there) if left else self._nothing
        if right:
            self._table.change(slots, right.rows, there)
        return out

    def _joined(
        self, left: Changes, mine: Ints, right: Changes, theirs: Ints, slots: Ints, there: Any
    ) -> Changes:
        rows = left.rows
        keys = [rows.column(name) for name in self._key]
        keyed = all_valid(keys)
        wanted = np.asarray(left.weights) > 0
        asked = self._table.keys.find(keys)
        if keyed is not None:
            asked = np.where(keyed, asked, -1)
        recent = _before(asked, mine, slots, theirs, len(left) + len(right))
        ids = np.where((recent < 0) & (asked >= 0), self._table.ids(asked), -1)
        kept = ids[ids >= 0]
        place = np.where(np.append(there, False)[recent], recent, -1)
        place[ids >= 0] = len(right) + np.arange(len(kept))
        source = self._table.take(kept)
        if right:
            source = pa.concat_batches([right.rows, source])
        shown = wanted & (self._keeps | (place >= 0))
        at = np.flatnonzero(shown)
        out = self._sides.rows(
            (rows, source), (at, place[at]), np.zeros(len(at), np.int64),
            rows.column("ROWTIME").to_numpy()[at],
        )  # fmt: skip
        made_by = None if left.order is None else left.order.take(pa.array(at, pa.int64()))
        return Changes(out, Changes.of(out).weights, made_by)

    def count(self) -> int:
        """How many rows of the table are kept."""
        return len(self._table)

    def snapshot(self) -> dict[str, Entries]:
        """The table's rows by their keys."""
        return {"table": self._table.snapshot()}

    def changed(self) -> dict[str, Entries]:
        """The rows that differ since the last time."""
        return {"table": self._table.changed()}

    def load(self, parts: Mapping[str, Entries]) -> None:
        """Takes in what either gave."""
        self._table.load(parts["table"])


def _before(asked: Ints, mine: Ints, slots: Ints, theirs: Ints, count: int) -> Ints:
    """Of each row asked for: the step's last record in its slot that came before it; -1: none."""
    if not len(slots):
        return np.full(len(asked), -1)
    order = sorted_by(slots)
    at = np.searchsorted(slots[order] * count + theirs[order], asked * count + mine) - 1
    found = order[at]
    return np.where((at >= 0) & (slots[found] == asked), found, -1)
