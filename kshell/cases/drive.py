"""A query over the log: each record alone through decode, step and encode, as ksqlDB's driver does.

`run` drives the queries one after the other.  A query first gets the case's own records of its
topics, in their order, and then, topic by topic, what earlier queries wrote.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import pyarrow as pa

from kshell.cases.log import Log, Stored
from kshell.cases.model import Header, WindowSpec
from kshell.catalog.model import Column, FormatSpec, Kind, Source
from kshell.changes import Changes
from kshell.sql.plan import Node, Scan, Sink, children

__all__ = ["Codec", "Graph", "Row", "drive", "emitted", "scans"]


class Graph(Protocol):
    """A plan made ready to step; `stream` makes it.

    `scan` counts the plan's scans from the left.  A record is a row at +1; the graph keeps the row
    that a table's record replaces.  A record without a value has only its key: at -1 for a table,
    whose row it deletes; at 0 for a stream, through which ksqlDB passes it as it is.
    """

    def step(self, scan: int, changes: Changes) -> Changes:
        """What the changes of that scan make of the sink's rows."""


@dataclass(frozen=True, slots=True)
class Row:
    """A decoded record: its columns, among them the pseudo columns; no value is a tombstone."""

    columns: dict[str, Any]
    timestamp: int
    tombstone: bool = False


class Codec(Protocol):
    """Bytes to rows and back in a source's formats; `formats` does the work."""

    def decode(self, source: Source, record: Stored, offset: int) -> Row | None:
        """The record's columns; None for a record that cannot be used."""

    def encode(self, source: Source, row: Row, window: WindowSpec | None) -> Stored:
        """The record that the sink writes."""

    def from_node(self, node: Any, source: Source, half: str) -> bytes | None:
        """A JSON node as the "key" or "value" bytes of a format that has a schema."""

    def to_node(self, data: bytes | None, source: Source, half: str) -> Any:
        """Those bytes as a JSON node."""

    def infer(self, topic: str, half: str, format: FormatSpec) -> tuple[Column, ...] | None:
        """The columns of the schema that the registry has for the topic's "key" or "value"."""


def scans(node: Node) -> Iterator[Scan]:
    """The plan's scans from the left."""
    if isinstance(node, Scan):
        yield node
    for child in children(node):
        yield from scans(child)


def drive(
    sink: Sink, graph: Graph, codec: Codec, log: Log, given: Sequence[tuple[str, int]]
) -> None:
    """Feed the query and write what it makes.

    `given` are the case's own records as (topic, offset), in the case's order.
    """
    leaves = list(scans(sink))
    topics = list(dict.fromkeys(leaf.source.topic for leaf in leaves))
    own = {topic for topic, _ in given}
    order = [(t, o) for t, o in given if t in topics]
    order += [(t, o) for t in topics if t not in own for o in range(len(log.read(t)))]
    for topic, offset in order:
        record = log.read(topic)[offset]
        for number, leaf in enumerate(leaves):
            if leaf.source.topic != topic:
                continue
            row = codec.decode(leaf.source, record, offset)
            if row is None or _useless(leaf.source, row):
                continue
            for out, window in emitted(sink, graph.step(number, _changes(leaf, row))):
                stored = codec.encode(sink.target, out, window)
                log.append(sink.target.topic, _with_headers(stored, record.headers))


def _with_headers(stored: Stored, headers: tuple[Header, ...]) -> Stored:
    """Kafka Streams forwards a record's headers with what it makes of it."""
    return Stored(stored.key, stored.value, stored.timestamp, headers)


def _useless(source: Source, row: Row) -> bool:
    """A table's record without a key, which ksqlDB skips."""
    keyless = all(row.columns.get(c.name) is None for c in source.key)
    return source.kind is Kind.TABLE and keyless


def _changes(leaf: Scan, row: Row) -> Changes:
    schema = leaf.output.schema()
    from_source = dict(leaf.columns)
    values = {
        name: row.columns.get(from_source.get(name, name)) if name != "ROWTIME" else row.timestamp
        for name in schema.names
    }
    batch = pa.RecordBatch.from_pylist([values], schema=schema)
    gone = -1 if leaf.source.kind is Kind.TABLE else 0
    return Changes.of(batch, gone if row.tombstone else 1)


def emitted(sink: Sink, changes: Changes) -> Iterable[tuple[Row, WindowSpec | None]]:
    """The records that the changes are: a stream's rows; for a table, each key's new row or none.

    An update of a table is the old row at -1 and the new one at +1, and one record; a row at -1
    that nothing replaces, or any row at 0, is a record without a value.
    """
    rows = changes.rows.to_pylist()
    weights = changes.weights.to_pylist()
    key = [c.name for c in sink.input.output.key]
    if sink.input.output.window is not None:
        key += ["WINDOWSTART", "WINDOWEND"]
    table = sink.input.output.kind is Kind.TABLE
    for index, (row, weight) in enumerate(zip(rows, weights, strict=True)):
        if table and weight < 0:
            following = zip(rows[index + 1 :], weights[index + 1 :], strict=True)
            if any(w > 0 and all(r[k] == row[k] for k in key) for r, w in following):
                continue
        yield _target_row(sink, row, weight <= 0), _window(sink, row)


def _target_row(sink: Sink, row: dict[str, Any], gone: bool) -> Row:
    """The row under the target's names: its key and value are the input's by position."""
    output = sink.input.output
    pairs = zip(
        (*output.key, *output.value), (*sink.target.key, *sink.target.value), strict=False
    )
    columns = {new.name: row[old.name] for old, new in pairs}
    return Row(columns, row["ROWTIME"], gone)


def _window(sink: Sink, row: dict[str, Any]) -> WindowSpec | None:
    window = sink.input.output.window
    if window is None:
        return None
    kind = "session" if window.size_ms is None else "time"
    return WindowSpec(row["WINDOWSTART"], row["WINDOWEND"], kind)
