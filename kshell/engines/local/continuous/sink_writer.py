"""Writes a query's changes as records to the sink's topic, and keeps a table's current rows.

`background` gives it the graph's output.  A table's update is one record, a deletion one without a
value.  Bounded queries read the rows of a table that it keeps.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pyarrow as pa

from kshell.catalog.model import Kind, WindowType
from kshell.changes import Changes
from kshell.kafka.partitioner import partitions_for
from kshell.kafka.produce import Outgoing
from kshell.sql.plan import Relation, Sink
from kshell.stream.rows import Layout, batch_of, latest

__all__ = ["Outlet", "TableRows", "latest"]


class TableRows:
    """A table's current rows by key, for bounded queries; safe to read while it changes."""

    def __init__(self, relation: Relation) -> None:
        self._layout = Layout(relation)
        self._rows: dict[Any, tuple[Any, ...]] = {}
        self._lock = threading.Lock()

    def put(self, records: pa.RecordBatch, gone: pa.Array) -> None:
        """Add records: each replaces the row of its key."""
        layout = self._layout
        rows = zip(*(c.to_pylist() for c in records.columns), strict=True)
        with self._lock:
            for row, deleted in zip(rows, gone.to_pylist(), strict=True):
                key = layout.freeze(layout.cells(row))
                if deleted:
                    self._rows.pop(key, None)
                else:
                    self._rows[key] = row

    def __len__(self) -> int:
        return len(self._rows)

    def snapshot(self) -> pa.RecordBatch:
        """All rows as they are now."""
        with self._lock:
            rows = list(self._rows.values())
        return batch_of(rows, self._layout.schema)


_MOMENT = 8  # bytes of each moment behind a windowed key
_PART = 8 << 20  # bytes of columns that are encoded at once


class Outlet:
    """The records of one sink, in its topic's formats.

    `partitions` is how many the topic has: `background` sets it, and sees when some are added.
    """

    def __init__(
        self,
        sink: Sink,
        encode: Callable[[pa.RecordBatch, pa.Array], Outgoing],
        send: Callable[[Outgoing], None],
    ) -> None:
        self.partitions = 1
        self._relation = sink.input.output
        self._encode, self._send = encode, send
        self.rows = TableRows(self._relation) if self._relation.kind is Kind.TABLE else None
        self.written = 0

    def write(self, changes: Changes) -> None:
        """Send the changes as records; raises the producer's errors."""
        if not len(changes):
            return
        records, gone = latest(changes, self._relation)
        if self.rows is not None:
            self.rows.put(records, gone)
        count = -(-records.num_rows // (records.nbytes // _PART + 1))
        for start in range(0, records.num_rows, max(count, 1)):
            part = records.slice(start, count)
            self._send(self._placed(self._encode(part, gone.slice(start, count))))
            self.written += part.num_rows

    def _placed(self, records: Outgoing) -> Outgoing:
        """With Kafka Streams' WindowedStreamPartitioner's choice: a key without its window."""
        window = self._relation.window
        if window is None:
            return records
        length = 2 * _MOMENT if window.type is WindowType.SESSION else _MOMENT
        places = partitions_for(records.keys, length, self.partitions)
        return replace(records, partitions=places)
