"""A table over a topic: each record replaces what its key had.

`graph` puts it over a table's scan; a stream's scan needs no operator.  As KTableSource: a record
without a value deletes, also what is not there; a record without a key is skipped.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from kshell.changes import WEIGHT, Changes
from kshell.sql import plan
from kshell.stream.arena import KeyedRows
from kshell.stream.ops.sides import picked
from kshell.stream.rows import Layout
from kshell.stream.state import Entries
from kshell.stream.updates import sorted_by

__all__ = ["TableSource", "keyed"]

Ints = Any  # a numpy array of int64


class TableSource:
    """Rows at +1 and deletions at -1 (only the key is read) become updates with their old rows."""

    def __init__(self, node: plan.Scan) -> None:
        self._layout = Layout(node.output)
        self._kept = KeyedRows(self._layout.schema, self._layout.key_columns)

    def step(self, batch: Changes) -> Changes:
        """An update for each record."""
        batch = keyed(batch, self._layout.width)
        if not batch:
            return batch
        slots = self._kept.slots(batch.rows)
        new = np.asarray(batch.weights) > 0
        before, last = _neighbours(slots)
        ids = np.where(before < 0, self._kept.ids(slots), -1)
        kept = ids[ids >= 0]
        # Where the row before stands: among those kept, and then those of this batch.
        old = np.where(before >= 0, before + len(kept), -1)
        old[ids >= 0] = np.arange(len(kept))
        old[(before >= 0) & ~new[before]] = -1
        source = pa.concat_batches([self._kept.take(kept), batch.rows])
        out = self._updates(batch, source, old, new)
        live = last & new
        self._kept.put(slots[live], batch.rows.filter(pa.array(live)))
        self._kept.drop(slots[last & ~new])
        return out

    def _updates(self, batch: Changes, source: pa.RecordBatch, old: Ints, new: Any) -> Changes:
        """The old row of each record at -1 and the new at +1; at 0 what deletes nothing."""
        had = old >= 0
        count = 1 + (had & new)
        which = np.repeat(np.arange(len(had)), count)  # the record that makes each row
        first = np.diff(which, prepend=-1) > 0
        weights = np.where(first & had[which], -1, np.where(new[which], 1, 0))
        own = which + source.num_rows - len(batch)
        place = np.where(weights < 0, old[which], own)
        keys = pa.array(place, pa.int64())
        values = picked(np.where(weights == 0, -1, place))
        # The ROWTIME of a deleted row is the deletion's.
        timed = pa.array(np.where(new[which], place, own), pa.int64())
        names = self._layout.names
        valued = range(self._layout.width, self._layout.width + self._layout.values)
        columns = [
            source.column(i).take(
                values if i in valued else timed if i == len(names) - 1 else keys
            )
            for i in range(len(names))
        ]
        rows = pa.RecordBatch.from_arrays(columns, schema=self._layout.schema)
        # By their places, too, a deletion and a later insertion differ from an update.
        places = pa.array(which, pa.int64())
        order = places if batch.order is None else batch.order.take(places)
        return Changes(rows, pa.array(weights, WEIGHT), order)

    def count(self) -> int:
        """How many rows are kept."""
        return len(self._kept)

    def snapshot(self) -> dict[str, Entries]:
        """The rows by their keys."""
        return {"rows": self._kept.snapshot()}

    def changed(self) -> dict[str, Entries]:
        """The rows that differ since the last time."""
        return {"rows": self._kept.changed()}

    def load(self, parts: Mapping[str, Entries]) -> None:
        """Takes in what either gave."""
        self._kept.load(parts["rows"])


def keyed(batch: Changes, width: int) -> Changes:
    """A topic's records that have a key: any of its columns, which are the first."""
    columns = batch.rows.columns[:width]
    if any(not column.null_count for column in columns):
        return batch
    there = np.zeros(len(batch), np.bool_)
    for column in columns:
        there |= np.asarray(column.is_valid())
    return batch if there.all() else batch.filter(pa.array(there))


def _neighbours(slots: Ints) -> tuple[Ints, Any]:
    """Of each row: the row before it in its slot (-1: none), and whether it is the slot's last."""
    order = sorted_by(slots)
    same = slots[order][1:] == slots[order][:-1]
    before = np.full(len(slots), -1)
    before[order[1:][same]] = order[:-1][same]
    last = np.ones(len(slots), np.bool_)
    last[order[:-1][same]] = False
    return before, last
