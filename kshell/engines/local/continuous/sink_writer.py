"""Writes a query's changes as records to the sink's topic.

`background` gives it the graph's output.  A table's update is one record, a deletion one without a
value.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pyarrow as pa

from kshell.catalog.model import WindowType
from kshell.changes import Changes
from kshell.kafka.partitioner import partitions_for
from kshell.kafka.produce import Outgoing
from kshell.sql.plan import Sink
from kshell.stream.rows import Layout, latest

__all__ = ["Outlet"]


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
        self._layout = Layout(sink.input.output)
        self._encode, self._send = encode, send
        self.written = 0

    def write(self, changes: Changes) -> None:
        """Send the changes as records; raises the producer's errors."""
        if not len(changes):
            return
        records, gone = latest(changes, self._layout)
        parts = records.nbytes // _PART + 1
        size = max(records.num_rows // parts, 1)
        for start in range(0, records.num_rows, size):
            part = records.slice(start, size)
            self._send(self._placed(self._encode(part, gone.slice(start, size))))
            self.written += part.num_rows

    def _placed(self, records: Outgoing) -> Outgoing:
        """With Kafka Streams' WindowedStreamPartitioner's choice: a key without its window."""
        window = self._layout.relation.window
        if window is None:
            return records
        length = 2 * _MOMENT if window.type is WindowType.SESSION else _MOMENT
        places = partitions_for(records.keys, length, self.partitions)
        return replace(records, partitions=places)
