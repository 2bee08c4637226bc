"""SHOW QUERIES and DESCRIBE QUERY: the queries of this shell, and of the cluster's applications."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from kshell.config import Properties
from kshell.engines.local.continuous.background import Background, State, stands_at
from kshell.engines.local.statements.applications import describe_kept, kept_queries
from kshell.errors import KshellError, UnknownName
from kshell.results import Answer, Message, Notice, NoticeKind, Rows, Sections, titled
from kshell.sql.queries import DescribeQuery
from kshell.wording import time_left

if TYPE_CHECKING:
    from kshell.engines.local.context import Context

__all__ = ["describe_query", "show_queries"]

_ANSWER = 2.0  # seconds in which a broker answers, or is away


def show_queries(
    context: Context,
    extended: bool,
    elsewhere: Sequence[Rows] = (),
    none: str = "No query runs in this shell.",
) -> Answer:
    """The queries of this shell, and those of the cluster's applications.

    `elsewhere`: those that another engine runs, which come first; `none`: what to say without any.
    """
    kept, away = _kept(context)
    parts = [*elsewhere]
    if context.queries:
        parts.append(_own_queries(context, extended))
    if kept is not None:
        parts.append(kept)
    match parts:
        case []:
            return Message(none, away)
        case [one]:
            one.title = "" if context.queries else one.title
            before = one.notices
            one.notices = lambda: (*before(), *away)
            return one
    return Sections(tuple(parts), away)


def _kept(context: Context) -> tuple[Rows | None, tuple[Notice, ...]]:
    """The applications' queries; while no broker answers, a notice in their place."""
    try:
        if not context.has_cluster or context.client.answers(_ANSWER):
            return kept_queries(context), ()
        why = "no broker answers"
    except KshellError as error:
        why = error.what
    text = f"the applications of the cluster are not known now: {why}"
    return None, (Notice(NoticeKind.CLUSTER, text),)


def _own_queries(context: Context, extended: bool) -> Rows:
    """Every query of this shell: its sink, its rate, how far it is behind, and its error."""
    queries = list(context.queries.values())
    text = pa.string()
    columns = {
        "query": pa.array([q.id for q in queries], text),
        "state": pa.array([q.state.value for q in queries], text),
        "writes": pa.array([q.sink.target.name for q in queries], text),
        "topic": pa.array([q.sink.target.topic for q in queries], text),
        "read": pa.array([q.feed.scanned for q in queries], pa.int64()),
        "written": pa.array([q.written for q in queries], pa.int64()),
        "unwritten": pa.array([q.outlet.unwritten for q in queries], pa.int64()),
        "per second": pa.array([round(_rate(q)) for q in queries], pa.int64()),
        "lag": pa.array([q.feed.lag for q in queries], pa.int64()),
        "time left": pa.array([time_left(q.feed.lag, _rate(q)) or None for q in queries], text),
        "left out": pa.array([q.feed.bad.count for q in queries], pa.int64()),
        "late": pa.array([q.late for q in queries], pa.int64()),
        "error": pa.array([q.failure or q.note or None for q in queries], text),
    }
    if extended:
        reached = [stands_at(q.feed.reached(), 1 << 30) for q in queries]
        columns["position"] = pa.array(reached, text)
        columns["statement"] = pa.array([q.sink.text for q in queries], text)
    return Rows.of(pa.table(columns), "This shell")


def _rate(query: Background) -> float:
    return query.feed.rate() if query.state is State.RUNNING else 0.0


def describe_query(
    context: Context, statement: DescribeQuery, properties: Properties
) -> Answer:
    """DESCRIBE QUERY id of this shell, or application.query; raises UnknownName, with its place."""
    name = statement.name.text
    query = context.queries.get(name) or context.queries.get(name.upper())
    try:
        rows = [*(describe_kept(context, name) if query is None else _described(query))]
    except UnknownName as error:
        error.place = statement.name.place
        raise
    whats, values = ([row[i] for row in rows] for i in (0, 1))
    columns: dict[str, list[Any]] = {"property": whats, "value": values}
    return titled("", columns, dict.fromkeys(columns, pa.string()))


def _described(query: Background) -> Iterator[tuple[str, str | None]]:
    yield "query", query.id
    yield "state", query.state.value
    yield "runs", "in this shell"
    yield "statement", query.sink.text
    yield "writes", f"{query.sink.target.name}, topic {query.sink.target.topic}"
    yield "read", f"{query.feed.scanned:,} records"
    yield "written", f"{query.written:,} records"
    yield "error", query.failure or query.note or None
    for topic, partition, at in query.feed.reached():
        yield f"next offset of {topic}, partition {partition}", f"{at:,}"
