"""Finds an undeclared topic's formats and columns from records at the ends of each partition.

`lookup` calls it once for each undeclared topic; `formats.detect` judges the samples.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pyarrow as pa

from kshell.catalog.model import RESERVED, Column, FormatSpec, Kind, Source
from kshell.config import Properties
from kshell.engines.local.sources.chunks import schemas_of
from kshell.engines.local.sources.learned import Halves
from kshell.errors import CorruptRecord
from kshell.field_names import escaped
from kshell.formats.base import Asked, Half
from kshell.formats.detect import detect
from kshell.formats.guess import Inferred
from kshell.formats.shapes import Shape
from kshell.kafka.client import Client
from kshell.kafka.fetch import Fetch
from kshell.kafka.metadata import Snapshot
from kshell.kafka.records import Wanted, decode

if TYPE_CHECKING:
    from kshell.formats.registry import Schemas

__all__ = ["Sampled", "as_set", "keys_are_placed", "sample"]

_KEYS = 20  # at each end of each partition, to see which partitioner placed them
_SAMPLE_BYTES = 64 << 10  # what is asked of one partition at a time
_ENOUGH = 2 << 20  # bytes of large records at one end, if each partition is among them


@dataclass(frozen=True, slots=True)
class Sampled:
    """A topic's inferred source, and what was `asked` of which `samples`, keys and values."""

    source: Source
    records: int
    key: Inferred
    value: Inferred
    schemas: Schemas | None
    asked: Mapping[Half, Asked]
    samples: Mapping[Half, Sequence[bytes | None]]

    def wider(self, known: Halves) -> Sampled:
        """With what is known beside the samples."""
        if not known:
            return self
        halves = {Half.KEY: self.key, Half.VALUE: self.value}
        for (half, format), learned in known.items():
            if halves[half].format != format:
                continue  # it was read as another one
            if learned.samples and halves[half].suggested:
                found = [*self.samples[half], *learned.samples]
                halves[half] = detect(self.asked[half], found)
            if learned.shape is not None:
                halves[half] = halves[half].wider(learned.shape)
        made = _sampled(
            self.source.topic, self.records, halves[Half.KEY], halves[Half.VALUE], self.schemas,
            self.asked, self.samples,
        )  # fmt: skip
        return made.of_profile(self.source.topic, self.source.profile)

    def of_profile(self, name: str, profile: str) -> Sampled:
        """As a topic of another profile's cluster, by that name."""
        source = replace(self.source, name=name, topic=name, profile=profile)
        return replace(self, source=source)


def _ends(first: int, end: int, each: int) -> list[tuple[int, int]]:
    """The head and the tail of [first, end), in one piece where they meet."""
    if end - first <= 2 * each:
        return [(first, end)] if first < end else []
    return [(first, first + each), (end - each, end)]


def _read_ends(
    client: Client, snapshot: Snapshot, each: int, wanted: Wanted
) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Per partition the records at its head, then those at its tail."""
    pieces = {p: _ends(first, end, each) for p, (first, end) in snapshot.offsets.items()}
    for number in (0, 1):  # all heads, then all tails
        ranges = {p: parts[number] for p, parts in pieces.items() if len(parts) > number}
        if not ranges:
            continue
        missing, size = set(ranges), 0
        for chunk in Fetch(client, snapshot, ranges, _SAMPLE_BYTES, sampling=True):
            missing.discard(chunk.partition)
            size += len(chunk.records)
            end = ranges[chunk.partition][1]
            try:
                batch = decode(
                    chunk.records, wanted, start=chunk.start, end=end, aborted=chunk.aborted
                ).batch
            except CorruptRecord:
                continue  # the scan reports it; here it is one sample less
            yield chunk.partition, batch
            if size > _ENOUGH and not missing:
                break


def keys_are_placed(client: Client, snapshot: Snapshot) -> bool:
    """Whether the sampled keys are where Kafka's own partitioner puts them.

    They are not in topics that other partitioners wrote (librdkafka's default is one), nor where
    partitions were added later.
    """
    from kshell.kafka.partitioner import partition_for

    for partition, batch in _read_ends(client, snapshot, _KEYS, Wanted(key=True)):
        for key in batch.column("key").to_pylist():
            if key is not None and partition_for(key, len(snapshot.topic.partitions)) != partition:
                return False
    return True


# A property of a topic's half → the option of its format.
_OPTIONS = {
    "schema.file": "SCHEMA_FILE",
    "schema.id": "SCHEMA_ID",
    "schema.name": "SCHEMA_FULL_NAME",
    "delimiter": "DELIMITER",
}


def as_set(properties: Properties, topic: str, half: Half) -> FormatSpec | None:
    """What the user set of a half's format; None where nothing is."""
    given = properties.of_topic(topic, half.value)
    options = {_OPTIONS[n]: v for n, v in given.items() if n != "format"}
    if not given:
        return None
    return FormatSpec(given.get("format", "").upper(), options)


def _named_apart(key: Inferred, value: Inferred) -> Inferred:
    """The key, whose ROWKEY gives way to a column of the values, as a join's key does."""
    taken = {c.name.upper() for c in value.columns}
    if "ROWKEY" not in taken:
        return key
    from kshell.sql.bind.names import Aliases

    other = Aliases(taken).field("ROWKEY")
    columns = tuple(replace(c, name=other) if c.name == "ROWKEY" else c for c in key.columns)
    shape = None
    if key.shape is not None:
        shape = Shape()
        shape.fields = {other if n == "ROWKEY" else n: s for n, s in key.shape.fields.items()}
    cut = tuple(f"{other}{path.removeprefix('ROWKEY')}" for path in key.cut)
    return replace(key, columns=columns, shape=shape, cut=cut)


def sample(client: Client, snapshot: Snapshot, properties: Properties) -> Sampled:
    """Infer the topic's columns; raises what a read raises, and RegistryError."""
    name = snapshot.name
    if not snapshot.offsets:
        snapshot.check_whole()
    wanted = properties.number("kshell.sample.records") or 200
    each = max(wanted // (2 * max(len(snapshot.offsets), 1)), 10)
    keys: list[bytes | None] = []
    values: list[bytes | None] = []
    for _, batch in _read_ends(client, snapshot, each, Wanted(key=True, value=True)):
        keys += batch.column("key").to_pylist()
        values += batch.column("value").to_pylist()
    schemas = schemas_of(properties)
    asked = {h: Asked(name, h, schemas, as_set(properties, name, h)) for h in Half}
    samples = {Half.KEY: keys, Half.VALUE: values}
    key, value = (detect(asked[h], samples[h]) for h in Half)
    return _sampled(name, len(values), key, value, schemas, asked, samples)


def _sampled(
    name: str, records: int, key: Inferred, value: Inferred, schemas: Schemas | None,
    asked: Mapping[Half, Asked], samples: Mapping[Half, Sequence[bytes | None]],
) -> Sampled:  # fmt: skip
    key = _named_apart(key, value)
    source = Source(
        name=name,
        kind=Kind.STREAM,
        topic=name,
        key=tuple(Column(c.name, c.type) for c in key.columns),
        value=tuple(Column(_called(c.name), c.type) for c in value.columns),
        key_format=key.format,
        value_format=value.format,
        declared=False,
        presence={_called(c.name): c.presence for c in (*key.columns, *value.columns)},
        samples=records,
        suggested=value.suggested,
        suggested_key=key.suggested,
        cut=(*key.cut, *value.cut),
    )
    return Sampled(source, records, key, value, schemas, asked, samples)


def _called(name: str) -> str:
    """A field's name, escaped where it would be a pseudo column's."""
    return escaped(name) if name in RESERVED else name
