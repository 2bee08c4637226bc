"""Writes a query's changes as records to the sink's topic.

`background` gives it the graph's output.  A table's update is one record, a deletion one without a
value.  A row that the format cannot hold is not written; SHOW ERRORS has it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pyarrow as pa

from kshell.catalog.model import WindowType
from kshell.changes import Changes
from kshell.errors import Unwritable
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
    `refused` is called with why a row is not written.
    """

    def __init__(
        self,
        sink: Sink,
        encode: Callable[[pa.RecordBatch, pa.Array], tuple[Outgoing, list[str]]],
        send: Callable[[Outgoing], None],
        refused: Callable[[str], None],
    ) -> None:
        self.partitions = 1
        self._layout = Layout(sink.input.output)
        self._encode, self._send, self._refused = encode, send, refused
        self.unwritten = 0

    def write(self, changes: Changes) -> None:
        """Send the changes as records; raises the producer's errors."""
        if not len(changes):
            return
        records, gone = latest(changes, self._layout)
        parts = records.nbytes // _PART + 1
        size = max(records.num_rows // parts, 1)
        for start in range(0, records.num_rows, size):
            for made in self._encoded(records.slice(start, size), gone.slice(start, size)):
                self._send(self._placed(made))

    def _encoded(self, rows: pa.RecordBatch, gone: pa.Array) -> Iterator[Outgoing]:
        """The rows as records; those that cannot be one are found by halving."""
        try:
            made, reasons = self._encode(rows, gone)
        except Unwritable as error:
            half = rows.num_rows // 2
            if not half:
                self._refuse(error.what)
                return
            yield from self._encoded(rows.slice(0, half), gone.slice(0, half))
            yield from self._encoded(rows.slice(half), gone.slice(half))
            return
        for why in reasons:
            self._refuse(why)
        yield made

    def _refuse(self, why: str) -> None:
        self.unwritten += 1
        self._refused(why)

    def _placed(self, records: Outgoing) -> Outgoing:
        """With Kafka Streams' WindowedStreamPartitioner's choice: a key without its window."""
        window = self._layout.relation.window
        if window is None:
            return records
        length = 2 * _MOMENT if window.type is WindowType.SESSION else _MOMENT
        places = partitions_for(records.keys, length, self.partitions)
        return replace(records, partitions=places)
