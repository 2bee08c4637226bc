"""Zero DDL: the columns of a topic, told from records at the head and the tail of each partition.

`engine` calls it once for each topic that nobody declared.
"""

from __future__ import annotations

from dataclasses import dataclass

from kshell.catalog.model import Column, FormatSpec, Kind, Source
from kshell.errors import CorruptRecord
from kshell.formats.infer import Inferred, infer_key, infer_value
from kshell.kafka.client import Client
from kshell.kafka.fetch import Fetch
from kshell.kafka.records import Wanted, decode

__all__ = ["Sampled", "sample"]

_SAMPLE_BYTES = 64 << 10  # what is asked of one partition at a time


@dataclass(frozen=True, slots=True)
class Sampled:
    """A topic's inferred source, and what it was told from."""

    source: Source
    records: int
    key: Inferred
    value: Inferred


def _ends(first: int, end: int, each: int) -> list[tuple[int, int]]:
    """The head and the tail of [first, end), in one piece where they meet."""
    if end - first <= 2 * each:
        return [(first, end)] if first < end else []
    return [(first, first + each), (end - each, end)]


def sample(client: Client, name: str) -> Sampled:
    """Infer the topic's columns; raises what `Client.topic` and a read raise."""
    topic = client.topic(name)
    offsets = client.offsets(name)
    wanted = client.properties.number("kshell.sample.records") or 200
    each = max(wanted // (2 * max(len(offsets), 1)), 10)
    keys: list[bytes | None] = []
    values: list[bytes | None] = []
    pieces = {p: _ends(*offsets[p], each) for p in offsets}
    for number in (0, 1):  # all heads, then all tails
        ranges = {p: parts[number] for p, parts in pieces.items() if len(parts) > number}
        if not ranges:
            continue
        for chunk in Fetch(client, topic, ranges, _SAMPLE_BYTES):
            end = ranges[chunk.partition][1]
            try:
                batch = decode(
                    chunk.records,
                    Wanted(key=True, value=True),
                    start=chunk.start,
                    end=end,
                    aborted=chunk.aborted,
                ).batch
            except CorruptRecord:
                continue  # the scan will tell; here it is one sample less
            keys += batch.column("key").to_pylist()
            values += batch.column("value").to_pylist()
    key, value = infer_key(keys), infer_value(values)
    source = Source(
        name=name,
        kind=Kind.STREAM,
        topic=name,
        key=tuple(Column(c.name, c.type) for c in key.columns),
        value=tuple(Column(c.name, c.type) for c in value.columns),
        key_format=FormatSpec(key.format),
        value_format=FormatSpec(value.format),
        declared=False,
        presence={c.name: c.presence for c in (*key.columns, *value.columns)},
    )
    return Sampled(source, len(values), key, value)
