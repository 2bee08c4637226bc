"""Runs a query over the log: decodes, steps and encodes record by record, as ksqlDB's driver.

`run` calls it for each query in turn.  A query first gets the case's own records of its
topics, in their order, and then, topic by topic, the records that earlier queries wrote.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from kshell.cases.formats.records import CaseCodec
from kshell.cases.log import Log, Stored
from kshell.cases.model import Header, WindowSpec
from kshell.catalog.model import Kind, Source
from kshell.changes import Changes
from kshell.sql.plan import Scan, Sink, makes_key, scans
from kshell.stream.graph import Graph
from kshell.stream.rows import Layout, latest

__all__ = ["Row", "decoded", "drive", "emitted", "encoded"]


@dataclass(frozen=True, slots=True)
class Row:
    """A decoded record: its columns and the pseudo columns; a tombstone has no value."""

    columns: dict[str, Any]
    timestamp: int
    tombstone: bool = False


def drive(
    sink: Sink, graph: Graph, codec: CaseCodec, log: Log, given: Sequence[tuple[str, int]]
) -> None:
    """Give the query its records and write its results to the log.

    `given` are the case's own records as (topic, offset), in the case's order.
    """
    leaves = list(scans(sink))
    keyless = False if makes_key(sink) else None
    topics = list(dict.fromkeys(leaf.source.topic for leaf in leaves))
    for topic, offset in _order(topics, log, given):
        record = log.read(topic)[offset]
        for number, leaf in enumerate(leaves):
            if leaf.source.topic != topic:
                continue
            row = decoded(codec, leaf.source, record, offset)
            if row is None or _useless(leaf.source, row):
                continue
            for out, window in emitted(sink, graph.step({number: _changes(leaf, row)})):
                # Kafka Streams forwards a record's headers with its results.
                stored = encoded(codec, sink.target, out, window, record.headers, keyless)
                if stored is not None:
                    log.append(sink.target.topic, stored)


def _order(
    topics: Sequence[str], log: Log, given: Sequence[tuple[str, int]]
) -> list[tuple[str, int]]:
    """The records of INSERT VALUES, then the case's own, then those that earlier queries wrote."""
    own = [place for place in given if place[0] in topics]
    first: dict[str, int] = {}
    for topic, offset in own:
        first.setdefault(topic, offset)
    known = set(own)
    others = [(t, o) for t in topics for o in range(len(log.read(t))) if (t, o) not in known]
    before = [(t, o) for t, o in others if o < first.get(t, 0)]
    return [*before, *own, *((t, o) for t, o in others if o >= first.get(t, 0))]


def decoded(codec: CaseCodec, source: Source, record: Stored, offset: int) -> Row | None:
    """The record as a row, or None if it cannot be used."""
    columns = codec.decode(source, record, offset)
    if columns is None:
        return None
    gone = bool(columns.pop("ROWGONE"))
    return Row(columns, columns["ROWTIME"], gone)


def encoded(
    codec: CaseCodec,
    target: Source,
    row: Row,
    window: WindowSpec | None,
    headers: tuple[Header, ...] = (),
    keyless: bool | None = None,
) -> Stored | None:
    """The row as a record of the target, or None if it has no time."""
    bounds = None if window is None else (window.start, window.end)
    made = codec.encode(target, row.columns, row.timestamp, row.tombstone, bounds, keyless)
    return None if made is None else Stored(*made, headers)


def _useless(source: Source, row: Row) -> bool:
    """Whether it is a table's record without a key, which ksqlDB skips."""
    keyless = all(row.columns.get(c.name) is None for c in source.key)
    return source.kind is Kind.TABLE and keyless


def _changes(leaf: Scan, row: Row) -> Changes:
    schema = leaf.output.schema()
    values = {
        name: row.columns.get(column) if name != "ROWTIME" else row.timestamp
        for name, column in zip(schema.names, leaf.source_columns(), strict=True)
    }
    batch = pa.RecordBatch.from_pylist([values], schema=schema)
    gone = -1 if leaf.source.kind is Kind.TABLE else 0
    return Changes.of(batch, gone if row.tombstone else 1)


def emitted(sink: Sink, changes: Changes) -> Iterable[tuple[Row, WindowSpec | None]]:
    """The changes as records: a stream's rows; for a table, each key's new row or none.

    An update of a table is the old row at -1 and the new one at +1, and one record; a row at -1
    without a new row, or any row at 0, is a record without a value.
    """
    records, gone = latest(changes, Layout(sink.input.output))
    for row, deleted in zip(records.to_pylist(), gone.to_pylist(), strict=True):
        yield _target_row(sink, row, deleted), _window(sink, row)


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
