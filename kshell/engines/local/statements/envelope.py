"""Records as they are, as rows: what COPY … WITH (ENVELOPE=true) writes and reads.

Keys, values and headers are bytes, so nothing of a record is lost; NULL is no bytes at all.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from kshell.catalog.model import Column
from kshell.formats.blocks import Block
from kshell.kafka.client import Client
from kshell.kafka.fetch import Fetch
from kshell.kafka.metadata import Snapshot
from kshell.kafka.outgoing import HEADERS, Outgoing
from kshell.kafka.records import Wanted, decode
from kshell.results import Notice, NoticeKind, Progress
from kshell.wording import many

__all__ = ["NEEDED", "READ", "WRITTEN", "Dump", "outgoing_of"]

_HEADERS = pa.list_(pa.struct([("key", pa.binary()), ("value", pa.binary())]))
READ = (
    Column("partition", pa.int32()),
    Column("timestamp", pa.int64()),
    Column("key", pa.binary()),
    Column("headers", _HEADERS),
    Column("value", pa.binary()),
)
NEEDED = ("key", "value")  # of lines of JSON, so that no other file is restored as tombstones
# The offset is for people: a record that is written again gets a new one.
WRITTEN = pa.schema(
    [(READ[0].name, READ[0].type), ("offset", pa.int64()), *((c.name, c.type) for c in READ[1:])]
)
_ALL = Wanted(offset=True, timestamp=True, key=True, value=True, headers=True)


@dataclass
class Dump:
    """The records of a topic up to its end now, partition by partition as they are fetched."""

    client: Client
    snapshot: Snapshot
    lost: int = 0  # records that cannot be read
    began: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        offsets = self.snapshot.offsets
        self._limits = {p: (start, end) for p, (start, end) in offsets.items() if start < end}
        self._fetch = Fetch(self.client, self.snapshot, self._limits)

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        for chunk in self._fetch:
            end = self._limits[chunk.partition][1]
            found = decode(chunk.records, _ALL, start=chunk.start, end=end, aborted=chunk.aborted)
            self.lost += sum(span.last - span.first + 1 for span in found.bad)
            batch = found.batch
            if not batch.num_rows:
                continue
            partitions = pa.repeat(pa.scalar(chunk.partition, pa.int32()), batch.num_rows)
            named = {"partition": partitions}
            columns = [
                named[f.name] if f.name in named else batch.column(f.name).cast(f.type)
                for f in WRITTEN
            ]
            yield pa.RecordBatch.from_arrays(columns, schema=WRITTEN)

    def cancel(self) -> None:
        """End it; any thread may call."""
        self._fetch.cancel()

    def progress(self) -> Progress:
        """How many records were fetched."""
        done = sum(
            min(max(self._fetch.position[p], start), end) - start
            for p, (start, end) in self._limits.items()
        )
        total = sum(end - start for start, end in self._limits.values())
        seconds = time.monotonic() - self.began
        return Progress(done, total, seconds, self._fetch.bytes, self._fetch.note)

    def notices(self) -> tuple[Notice, ...]:
        """What could not be read."""
        if not self.lost:
            return ()
        lost = many(self.lost, "record")
        text = f"{lost} of {self.snapshot.name} cannot be read, and not written"
        return (Notice(NoticeKind.PARTIAL, text, self.lost),)


def outgoing_of(block: Block, partitions: int) -> tuple[Outgoing, list[tuple[int, str]]]:
    """The rows as the records that they were, and which rows are none; 0 partitions: unknown."""
    rows = block.rows
    places, times = rows.column("partition"), rows.column("timestamp")
    bad: list[tuple[int, str]] = []
    numbers = np.asarray(places.fill_null(0))
    wrong = (numbers < 0) | ((numbers >= partitions) & (partitions > 0))
    for row in np.flatnonzero(wrong).tolist():
        bad.append((row, f"the topic has no partition {numbers[row]}, but 0 to {partitions - 1}"))
    moments = np.asarray(times.fill_null(0))
    for row in np.flatnonzero(moments < -1).tolist():
        bad.append((row, f"{moments[row]} is no time of a record"))
    empty = np.asarray(rows.column("key").is_null()) & np.asarray(rows.column("value").is_null())
    placed = np.asarray(places.is_valid()) & np.asarray(times.is_valid())  # as COPY … TO writes it
    for row in np.flatnonzero(empty & ~placed).tolist():
        bad.append((row, "it has neither key nor value"))
    headers = rows.column("headers")
    bad += [(row, "a header has no name") for row in _nameless(headers)]
    return Outgoing(rows.column("key"), rows.column("value"), times, places, _named(headers)), bad


def _nameless(headers: pa.Array) -> list[int]:
    names = headers.values.field("key")
    if not names.null_count and not headers.values.null_count:
        return []
    return [
        row
        for row, pairs in enumerate(headers.to_pylist())
        if any(pair is None or pair["key"] is None for pair in pairs or ())
    ]


def _named(headers: pa.Array) -> pa.Array:
    """The headers with their names as text, which need not be UTF-8."""
    pairs = headers.values
    names = pairs.field("key")
    texts = pa.Array.from_buffers(pa.string(), len(names), names.buffers(), offset=names.offset)
    fields = list(HEADERS.value_type)
    held = pa.StructArray.from_arrays([texts, pairs.field("value")], fields=fields)
    return pa.Array.from_buffers(
        HEADERS, len(headers), headers.buffers()[:2], offset=headers.offset, children=[held]
    )
