"""A bounded SELECT on Flink: a job that reads up to the offsets of now, and its final rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from kshell.changes import Changes
from kshell.config import Properties
from kshell.engines.flink.context import FlinkContext
from kshell.engines.flink.expressions import NoEqual
from kshell.engines.flink.render import rendered
from kshell.engines.flink.statements.live import Foreground, options_of
from kshell.engines.local.statements.plans import plan_query
from kshell.errors import BindError, UnknownName, Unsupported
from kshell.results import Rows
from kshell.sql.clauses import Query
from kshell.sql.moment_columns import answer_schema

__all__ = ["bounded"]

_HINT = "SET 'kshell.bounded.engine'='local' runs it in this process, where all of SQL works"


def bounded(flink: FlinkContext, query: Query, properties: Properties) -> Rows:
    """The rows that are left when Flink has read what is there; raises the errors of binding."""
    lookup = flink.shared.lookup(properties)
    try:
        node = plan_query(lookup, query)
        script = rendered(node, lookup, bounded=True)
    except UnknownName:
        raise
    except (BindError, Unsupported, NoEqual) as error:
        error.hint = _HINT
        raise
    connection = flink.connection(properties)
    flink.check(connection, script, properties)
    schema = answer_schema(node)
    running = Foreground(
        connection, script, schema, options_of(properties, connection.foreground_name())
    )

    def batches() -> Iterator[pa.RecordBatch]:
        made = []
        while (changes := running.poll(1.0)) is not None:
            if len(changes):
                made.append(changes)
        yield _left(Changes.concat(made, schema), node.limit)

    return Rows(
        schema, batches(), cancel=running.cancel,
        notices=lambda: (*connection.notices(), *lookup.notices),
    )  # fmt: skip


def _left(changes: Changes, limit: int | None) -> pa.RecordBatch:
    """The rows whose weights do not cancel, each where it came last."""
    weights = changes.weights.to_pylist()
    if all(weight > 0 for weight in weights):
        return changes.rows.slice(0, limit)
    rows = [_frozen(row) for row in changes.rows.to_pylist()]
    counts: Counter[Any] = Counter()
    for row, weight in zip(rows, weights, strict=True):
        counts[row] += weight
    kept = []
    for n in range(len(rows) - 1, -1, -1):
        if weights[n] > 0 and counts[rows[n]] > 0:
            counts[rows[n]] -= 1
            kept.append(n)
    kept.reverse()
    return changes.rows.take(pa.array(kept[:limit], pa.int64()))


def _frozen(value: Any) -> Any:
    if isinstance(value, dict):
        return tuple((name, _frozen(v)) for name, v in value.items())
    return tuple(map(_frozen, value)) if isinstance(value, list | tuple) else value
