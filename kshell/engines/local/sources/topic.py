"""A topic as a bounded query's table: seeks, partition pruning, and the scan itself.

`lookup` makes one for each name in FROM; `batch` plans with it and pulls its scans.
"""

from __future__ import annotations

import json
import threading
import time
from collections import Counter, deque
from collections.abc import Collection, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from kshell.batch.tables import Bounds, Range, Recent, Scan, TableColumn
from kshell.catalog.model import Source
from kshell.config import Properties
from kshell.engines.error_log import ErrorLog
from kshell.engines.local.sources.budget import Allowance, Budget, stopped
from kshell.engines.local.sources.chunks import Batch, Learns, Reading, reader_of
from kshell.engines.local.sources.decode_ahead import ahead
from kshell.engines.local.sources.learned import Misfits, Widening
from kshell.engines.local.sources.offsets_at import first_at
from kshell.engines.local.sources.registry_wait import RegistryWait
from kshell.engines.local.sources.sample import keys_are_placed
from kshell.engines.local.sources.standing import Standing
from kshell.errors import BadRecord, KshellError
from kshell.formats.found import comes_as_text
from kshell.formats.guess import json_structure
from kshell.kafka.client import Client
from kshell.kafka.fetch import Chunk, Fetch
from kshell.kafka.metadata import Snapshot, no_leader
from kshell.kafka.records import count
from kshell.results import LeftOut, Notice, NoticeKind, Progress

_RECENT = 32  # chunks: DuckDB's threads are at different ones when one of them fails

__all__ = ["TopicRead", "TopicTable", "nested_template", "unread_notices"]


def nested_template(type: pa.DataType) -> str:
    """DuckDB SQL that makes a nested column of its JSON text."""
    structure = json_structure(type)
    text = structure if isinstance(structure, str) else json.dumps(structure, ensure_ascii=False)
    return "from_json({}, '" + (json.dumps(text) if text is structure else text).replace(
        "'", "''") + "')"  # fmt: skip


def unread_notices(topic: str, partitions: Collection[int]) -> tuple[Notice, ...]:
    """The notice of partitions that are not in an answer, because no leader answers for them."""
    if not partitions:
        return ()
    numbers = ", ".join(map(str, sorted(partitions)))
    which = f"partition{'s' * (len(partitions) > 1)} {numbers}"
    return (
        Notice(NoticeKind.PARTIAL, f"topic {topic}: no leader answers for {which}, not read"),
    )


@dataclass(frozen=True, slots=True)
class TopicRead:
    """A source that a statement reads, and what it reads it with."""

    client: Client
    snapshot: Snapshot
    source: Source
    errors: ErrorLog
    budget: Budget
    properties: Properties
    widening: Widening
    standing: Standing | None = None  # where a group stands from which it is read


class _Readers(threading.local):
    """A thread's readers by the columns that they make: codecs keep what they learn of schemas."""

    def __init__(self) -> None:
        self.by_names: dict[tuple[str, ...], Reading] = {}


class TopicTable:
    """One topic, its offsets taken once: every reference in a statement sees the same end."""

    def __init__(self, read: TopicRead) -> None:
        self._client, self._source, self._errors = read.client, read.source, read.errors
        self._widening = read.widening
        self.budget = read.budget
        self._properties, self._standing = read.properties, read.standing
        self._readers = _Readers()
        self._snapshot, self._offsets = read.snapshot, read.snapshot.offsets
        self._wanted: set[int] = set()  # partitions that a plan wanted
        self._undecided: int | None = None
        self.unread: frozenset[int] = frozenset()  # partitions that a plan wanted and cannot read
        self._columns = self._made()
        self._placed: bool | None = None  # the keys, by Kafka's own partitioner

    @property
    def source(self) -> Source:
        """What is read."""
        return self._source

    @property
    def offsets(self) -> Mapping[int, tuple[int, int]]:
        """Per partition [first, end) when the statement began."""
        return self._offsets

    @property
    def name(self) -> str:
        return self._source.name

    @property
    def keys(self) -> tuple[str, ...]:
        if len(self._source.key) != 1:
            return ()
        rowkey = ("ROWKEY",) if "ROWKEY" in self._source.pseudo_columns() else ()
        return (self._source.key[0].name, *rowkey)

    @property
    def latest(self) -> tuple[str, ...]:
        return ()

    @property
    def columns(self) -> Sequence[TableColumn]:
        return self._columns

    @property
    def declared(self) -> bool:
        return self._source.declared

    def _made(self) -> tuple[TableColumn, ...]:
        made = []
        for column in self._source.value:
            if self._source.value_format.name == "JSON" and comes_as_text(column.type):
                template = nested_template(column.type)
                made.append(TableColumn(column.name, pa.string(), template, made=column.type))
            else:
                made.append(TableColumn(column.name, column.type))
        values = {c.name for c in self._source.value}
        made += [TableColumn(n, t, hidden=True) for n, t in self._source.pseudo_columns().items()]
        made += [
            TableColumn(c.name, c.type, hidden=True)
            for c in self._source.key
            if c.name not in values
        ]
        return tuple(made)

    def _partitions(self, bounds: Bounds) -> tuple[set[int], str]:
        chosen, why = {*self._offsets, *self._snapshot.missing}, ""
        if bounds.partitions is not None:
            chosen &= bounds.partitions
            why = "ROWPARTITION"
        if bounds.keys is not None and self._properties["kshell.partitioner"] == "murmur2":
            from kshell.kafka.partitioner import encode_key, partition_for

            count = len(self._snapshot.topic.partitions)
            keys = [encode_key(k, self._source.key[0].type) for k in bounds.keys]
            if all(k is not None for k in keys) and self._keys_are_placed():
                chosen &= {partition_for(k, count) for k in keys if k is not None}
                why = "the key's partition"
        return chosen, why

    def _keys_are_placed(self) -> bool:
        if self._placed is None:
            self._placed = keys_are_placed(self._client, self._snapshot)
        return self._placed

    def ranges(self, bounds: Bounds) -> list[Range]:
        chosen, pruned = self._partitions(bounds)
        unread = self._snapshot.missing.intersection(chosen)
        chosen -= unread
        if unread and not chosen:
            raise no_leader(self._source.topic, unread)
        self.unread |= unread
        self._wanted |= chosen
        starts, ends = {}, {}
        why = {p: [pruned] if pruned else [] for p in chosen}
        for p in sorted(chosen):
            starts[p], ends[p] = self._offsets[p]
            if self._standing is not None:
                starts[p] = self._standing.starts[p]
                why[p].append(self._standing.why(p))
        # Times do not stop a scan: older records may come later, also where brokers give the times
        # (their clocks differ, and a topic may have had its producers' times before).
        if bounds.time_from is not None and bounds.time_from >= 0:
            found = first_at(self._client, self._snapshot, starts, bounds.time_from)
            for p, offset in found.items():
                starts[p] = max(starts[p], offset)
                why[p].append("seek to ROWTIME")
        for p in starts:
            if bounds.offset_from is not None:
                starts[p] = max(starts[p], bounds.offset_from)
                why[p].append("seek to ROWOFFSET")
            if bounds.offset_to is not None:
                ends[p] = min(ends[p], bounds.offset_to)
                why[p].append("stop at ROWOFFSET")
        return [
            Range(p, min(starts[p], ends[p]), ends[p], *self._offsets[p], ", ".join(why[p]))
            for p in sorted(starts)
        ]

    @property
    def undecided(self) -> int:
        """How many offsets behind its end wait for transactions that are open after the scan."""
        if self._undecided is None:
            try:
                self._undecided = self._client.undecided(self._snapshot, self._wanted)
            except KshellError:  # the answer is there: only a remark on it is not
                self._undecided = 0
        return self._undecided

    def time_of_end(self, ranges: Sequence[Range], time: int) -> Mapping[int, int]:
        partitions = [r.partition for r in ranges]
        return first_at(self._client, self._snapshot, partitions, time)

    def open(self, columns: Sequence[str], ranges: Sequence[Range]) -> Scan:
        limits = {r.partition: (r.start, r.end) for r in ranges if r.start < r.end}
        fetch = Fetch(self._client, self._snapshot, limits)
        total = sum(end - start for start, end in limits.values())
        began = time.monotonic()
        wait = RegistryWait((self._properties.number("schema.registry.wait.ms") or 0) / 1000)
        bad, notices = LeftOut(), list[Notice]()
        recent = deque[tuple[int, int, int]](maxlen=_RECENT)

        def read() -> int:
            # Positions run ahead of what was pulled by a queue's length at the most.
            done = 0
            for p, (start, end) in limits.items():
                done += min(max(fetch.position[p], start), end) - start
            return done

        ends = {p: end for p, (_, end) in limits.items()}
        allowance = Allowance(self.budget)

        def decoded(part: tuple[Chunk, int]) -> tuple[Chunk, int, Batch]:
            chunk, end = part
            return chunk, end, wait.of(lambda: self._decode(chunk, columns, end))

        def batches() -> Generator[pa.RecordBatch, None, None]:
            nonlocal bad
            left = {p: end - start for p, (start, end) in limits.items()}
            misfits = Misfits(self._snapshot.topic, self._source)
            for chunk, end, made in ahead(decoded, allowance.of(fetch, ends)):
                bad += made.left_out
                reached = min(chunk.next, end)
                left[chunk.partition] = max(ends[chunk.partition] - reached, 0)
                misfits.add(made.learned)
                if misfits.why and self._widening.rows_out:
                    fetch.cancel()
                    break
                for learned in made.learned.values():
                    if learned.others:
                        others = self._widening.others.setdefault(self.name, Counter())
                        others.update(learned.others)
                recent.append((chunk.partition, chunk.start, reached))
                if made.rows and not misfits.why:  # else the rest is read for what it has
                    yield made.of(columns)
            if allowance.spent:
                fetch.cancel()
                notices.append(stopped(self.name, allowance.spent, sum(left.values())))
            if misfits.why:
                raise misfits.misfit(self._widening.known)

        def progress() -> Progress:
            note = wait.note or fetch.note
            return Progress(read(), total, time.monotonic() - began, fetch.bytes, note)

        def cancel() -> None:
            wait.leave()
            fetch.cancel()

        return Scan(
            batches(), cancel, progress, lambda: bad, lambda: notices,
            lambda: self._recent(recent),
        )  # fmt: skip

    def _recent(self, spans: Iterable[tuple[int, int, int]]) -> Recent:
        starts, ends = dict[int, int](), dict[int, int]()
        for partition, start, end in spans:  # those of a partition follow each other
            starts.setdefault(partition, start)
            ends[partition] = end
        ranges = [Range(p, starts[p], ends[p], *self._offsets[p]) for p in sorted(starts)]
        return Recent(ranges, self._source.topic)

    def _decode(self, chunk: Chunk, columns: Sequence[str], end: int) -> Batch:
        if columns:
            return self._read(chunk, tuple(columns), end, self._learns)
        n, _, spans = count(chunk.records, start=chunk.start, end=end, aborted=chunk.aborted)
        bad = [BadRecord(self._source.topic, chunk.partition, s.first, s.reason) for s in spans]
        self._errors.add(bad)
        return Batch({}, n, None, bad, sum(s.last - s.first + 1 for s in spans))

    @property
    def _learns(self) -> Learns:
        return Learns.ALL if self._widening.whole else Learns.TYPES

    def _read(self, chunk: Chunk, names: tuple[str, ...], end: int, learns: Learns) -> Batch:
        readers = self._readers.by_names
        if names not in readers:
            readers[names] = reader_of(
                self._source, names, self._properties, learns=learns,
                sparing=learns is not Learns.NOT,
            )  # fmt: skip
        read = readers[names](chunk.partition, chunk.records, chunk.start, end, chunk.aborted)
        self._errors.add(read.bad)
        return read
