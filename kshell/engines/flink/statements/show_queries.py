"""SHOW QUERIES and DESCRIBE QUERY on Flink: the cluster's jobs that kshell began, however they do.

Any shell sees them all; the statement and a savepoint are known to the shell that began the query.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa

from kshell.config import Properties
from kshell.engines.flink.connection import Connection
from kshell.engines.flink.context import FlinkContext
from kshell.engines.flink.jobs import Checkpoints, Job, JobManager, Look
from kshell.engines.flink.statements.begun import Begun
from kshell.engines.local.statements.queries import show_queries as with_local
from kshell.results import Answer, Rows, titled
from kshell.sql import statements as ast
from kshell.wording import ago

__all__ = ["describe", "show"]

_SHOWN = pa.schema(
    [("query", pa.string()), ("state", pa.string()), ("writes", pa.string()),
     ("runs for s", pa.int64()), ("read", pa.int64()), ("written", pa.int64()),
     ("back-pressure %", pa.int64()), ("checkpoints", pa.int64()),
     ("failed checkpoints", pa.int64()), ("error", pa.string()), ("job", pa.string())]
)  # fmt: skip
_NONE = "No query of kshell runs on Flink."


def show(
    flink: FlinkContext,
    own: Mapping[str, Begun],
    statement: ast.Show,
    properties: Properties,
) -> Answer:
    """The jobs of queries, then the queries of this process and the cluster's applications."""
    connection = flink.connection(properties)
    latest = {job.query: job for job in connection.jobs() if job.query}
    shown = [job for job in latest.values() if not job.over or job.state == "FAILED"]
    rows = [_row(connection, job) for job in shown]
    rows += [
        {"query": query.id, "state": "PAUSED", "writes": query.writes,
         "error": f"saved in {query.savepoint}"}
        for query in own.values() if query.savepoint
    ]  # fmt: skip
    table = pa.Table.from_pylist(rows, _SHOWN)
    if not statement.extended:
        table = table.drop_columns(["job"])
    there = Rows.of(table, "On Flink")
    there.notices = connection.notices
    return with_local(flink.shared, statement.extended, (there,) if rows else (), _NONE)


def _row(connection: Connection, job: Job) -> Mapping[str, object]:
    row: dict[str, object] = {
        "query": job.query, "state": job.state, "writes": job.writes or None, "job": job.id,
    }  # fmt: skip
    manager = connection.manager
    if manager is None:
        return row
    seen, saved = manager.look(job.id), manager.checkpoints(job.id)
    return row | {
        "runs for s": job.duration // 1000, "read": seen.read, "written": seen.written,
        "back-pressure %": _back_pressure(manager, job.id, seen), "checkpoints": saved.completed,
        "failed checkpoints": saved.failed, "error": next(_failures(manager, job), None),
    }  # fmt: skip


def _back_pressure(manager: JobManager, job: str, seen: Look) -> int | None:
    found = [manager.back_pressure(job, part) for part in seen.parts]
    return max((percent for percent in found if percent is not None), default=None)


def _failures(manager: JobManager, job: Job) -> Iterator[str]:
    """Its failures, the last first; of a job that runs again, when they were."""
    for failure in manager.failures(job.id):
        yield failure.why if job.over else f"{ago(failure.at)}: {failure.why}"


def describe(connection: Connection, job: Job | None, query: Begun | None) -> Rows:
    """What is known of one query: its job, or how it was begun and saved."""
    rows = [*_described(connection, job, query)]
    whats, values = ([row[i] for row in rows] for i in (0, 1))
    columns: dict[str, list[Any]] = {"property": whats, "value": values}
    shown = titled("", columns, dict.fromkeys(columns, pa.string()))
    shown.notices = connection.notices
    return shown


def _described(
    connection: Connection, job: Job | None, query: Begun | None
) -> Iterator[tuple[str, str | None]]:
    if query is not None:
        yield "query", query.id
    elif job is not None:
        yield "query", job.query
    seen = Look("PAUSED") if job is None else connection.look(job.id)
    yield "state", seen.state
    yield "runs", "on Flink"
    writes = query.writes if query is not None else job.writes if job is not None else ""
    yield "writes", writes or None
    if query is not None:
        yield "statement", query.text
        if query.savepoint:
            yield "saved in", query.savepoint
    if job is None:
        return
    yield "job", job.id
    manager = connection.manager
    if manager is None:
        return
    yield "began", ago(job.began)
    for n, part in enumerate(seen.parts, start=1):
        waits = manager.back_pressure(job.id, part)
        pressure = "" if waits is None else f", back-pressure {waits} %"
        yield f"part {n}", part.name
        yield (
            f"part {n} does",
            f"{part.state} ×{part.parallelism}, read {part.read:,}, written {part.written:,}"
            f"{pressure}",
        )
    yield "checkpoints", _said(manager.checkpoints(job.id))
    for why in _failures(manager, job):
        yield "failure", why


def _said(saved: Checkpoints) -> str:
    if not saved.completed and not saved.failed:
        return "none"
    last = "" if saved.last is None else f"; the last {ago(saved.last)}, {saved.size or 0:,} bytes"
    return f"{saved.completed:,} complete, {saved.failed:,} failed{last}"
