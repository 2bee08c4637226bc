"""Writes a query's changes as records to the sink's topic.

`background` gives it the graph's output.  A table's update is one record, a deletion one without a
value.
"""

from __future__ import annotations

from typing import Any

from kshell.catalog.model import WindowType
from kshell.changes import Changes
from kshell.kafka.partitioner import partition_for
from kshell.kafka.produce import OutgoingRecord
from kshell.sql.plan import Sink
from kshell.stream.rows import latest

__all__ = ["Outlet"]


_KEPT_PLACES = 1 << 16  # keys whose partitions are remembered
_MOMENT = 8  # bytes of each moment behind a windowed key


class Outlet:
    """The records of one sink, in its topic's formats.

    `partitions` is how many the topic has: `background` sets it, and sees when some are added.
    """

    def __init__(self, sink: Sink, encode: Any, send: Any) -> None:
        self.partitions = 1
        self._relation = sink.input.output
        self._places: dict[tuple[bytes, int], int] = {}
        self._encode, self._send = encode, send
        self.written = 0

    def write(self, changes: Changes) -> None:
        """Send the changes as records; raises the producer's errors."""
        if not len(changes):
            return
        records, gone = latest(changes, self._relation)
        self._send(self._placed(self._encode(records, gone.to_pylist())))
        self.written += records.num_rows

    def _placed(self, records: list[OutgoingRecord]) -> list[OutgoingRecord]:
        """With Kafka Streams' WindowedStreamPartitioner's choice: a key without its window."""
        window = self._relation.window
        if window is None:
            return records
        length = 2 * _MOMENT if window.type is WindowType.SESSION else _MOMENT
        return [r._replace(partition=self._place(r.key[:-length])) if r.key else r for r in records]

    def _place(self, key: bytes) -> int:
        place = self._places.get((key, self.partitions))
        if place is None:
            if len(self._places) >= _KEPT_PLACES:
                self._places.clear()
            place = partition_for(key, self.partitions)
            self._places[key, self.partitions] = place
        return place
