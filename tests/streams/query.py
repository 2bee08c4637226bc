"""A KSQL statement run as kshell runs it: parsed, bound, its operators stepped; no broker, no format.

The differential and the property tests hand it the records that the other side gets.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from kshell.cases.drive import emitted
from kshell.cases.statements import run_script
from kshell.cases.world import World
from kshell.catalog.model import Kind
from kshell.changes import WEIGHT, Changes
from kshell.sql.plan import Scan, Sink
from kshell.stream.evaluate import OnError, ignore_errors
from kshell.stream.graph import Graph, build
from kshell.stream.state import States

from .records import Made, Record, text_of

__all__ = ["Query"]


@dataclass
class Query:
    """The last statement's plan, and its graph."""

    sink: Sink
    graph: Graph

    @classmethod
    def of(
        cls, script: str, states: States | None = None, on_error: OnError = ignore_errors
    ) -> Query:
        """The last query of the script."""
        world = World()
        run_script(world, script)
        sink = list(world.queries.values())[-1]
        return cls(sink, build(sink, states, on_error))

    def made(self, record: Record) -> list[Made]:
        """The records that one record makes, as the sink would write them."""
        out = []
        for row, window in emitted(self.sink, self.graph.step(self._step([record]))):
            key = row.columns[self.sink.target.key[0].name]
            values = [row.columns[c.name] for c in self.sink.target.value]
            value = None if row.tombstone else text_of([_listed(v) for v in values])
            bounds = None if window is None else (window.start, window.end)
            out.append(Made(key, bounds, value, row.timestamp))
        return out

    def changes(self, records: Sequence[Record], size: int) -> Iterator[Changes]:
        """What the records make in steps of `size`, those of all topics together."""
        for start in range(0, len(records), size):
            yield self.graph.step(self._step(records[start : start + size]))

    def _step(self, records: Sequence[Record]) -> dict[int, Changes]:
        step = {}
        for number, scan in enumerate(self.graph.scans):
            places = [i for i, r in enumerate(records) if r.topic == scan.source.topic]
            if places:
                made = _batch(scan, [records[i] for i in places])
                order = pa.array(places, pa.int64()) if len(self.graph.scans) > 1 else None
                step[number] = Changes(made.rows, made.weights, order)
        return step


def _batch(scan: Scan, records: Sequence[Record]) -> Changes:
    schema = scan.output.schema()
    source = scan.source
    columns = dict(scan.columns)
    gone = -1 if source.kind is Kind.TABLE else 0
    rows: list[dict[str, Any]] = []
    for record in records:
        cells = record.cells or (None,) * len(source.value)
        row = {source.key[0].name: record.key, "ROWTIME": record.ts}
        row |= dict(zip((c.name for c in source.value), cells, strict=True))
        rows.append({name: row.get(columns.get(name, name)) for name in schema.names})
    weights = [gone if record.cells is None else 1 for record in records]
    return Changes(pa.RecordBatch.from_pylist(rows, schema=schema), pa.array(weights, WEIGHT))


def _listed(value: Any) -> Any:
    return ",".join(text_of([v]) for v in value) if isinstance(value, list) else value
