"""The applications of a cluster, as their state topics say: SHOW QUERIES, DESCRIBE QUERY and DROP
APPLICATION.

Nothing here needs the application's own process; `kshell run` writes what is read here.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from kshell.config import Properties
from kshell.engines.local.durable.ledger import Saved, decided, glance, query_id, query_of
from kshell.engines.local.statements.application import drop_state
from kshell.engines.local.statements.proposals import planned, remark
from kshell.errors import Forbidden, KshellError, UnknownName
from kshell.kafka.group_admin import delete_group
from kshell.kafka.groups import committed, listed
from kshell.kafka.look import Look
from kshell.kafka.metadata import Topic
from kshell.results import Answer, Message, Notice, Proposal, Rows, titled
from kshell.sql.cluster import DropApplication
from kshell.wording import ago

if TYPE_CHECKING:
    from kshell.engines.local.context import Context

__all__ = ["describe_kept", "drop_application", "kept_queries"]

_AT_ONCE = 16  # topics that are asked at the same time
_Ends = dict[tuple[str, int], int]  # the end of each partition, by topic and number


@dataclass(frozen=True, slots=True)
class _Query:
    """A query of an application, and the topic of its state."""

    application: str
    name: str
    topic: Topic

    @property
    def id(self) -> str:
        """The transactional id, and the group of the offsets."""
        return query_id(self.application, self.name)


def _queries(context: Context) -> list[_Query]:
    if not context.has_cluster:
        return []
    found = ((query_of(t.name), t) for t in context.client.topics())
    return [_Query(*named, topic) for named, topic in found if named is not None]


def kept_queries(context: Context) -> Rows | None:
    """A row for each query of an application of this cluster; None if there is none."""
    queries = _queries(context)
    if not queries:
        return None
    text, number = pa.string(), pa.int64()
    types = {
        "application": text, "query": text, "where": text, "committed": text, "lag": number,
        "keys": number, "state bytes": number, "error": text,
    }  # fmt: skip
    rows = _rows(context, queries)
    columns = {name: [row[i] for row in rows] for i, name in enumerate(types)}
    return titled("Applications", columns, types)


def _rows(context: Context, queries: Sequence[_Query]) -> list[tuple[object, ...]]:
    """Topics are asked side by side, those that several queries read once."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        seen = list(pool.map(lambda query: _seen(context, query), queries))
        stand = [s.standing.offsets() for s in seen if isinstance(s, Saved) and s.standing]
        names = sorted({topic for offsets in stand for topic, _ in offsets})
        ends: _Ends = {}
        for found in pool.map(lambda name: _ends(context, name), names):
            ends |= found
    return [_row(query, saved, ends) for query, saved in zip(queries, seen, strict=True)]


def _seen(context: Context, query: _Query) -> Saved | str:
    """What its state topic says; the error where that cannot be read."""
    try:
        return glance(context.client, query.topic)
    except (KshellError, ValueError) as error:  # a topic that something else has written
        return str(error)


def _row(query: _Query, saved: Saved | str, ends: _Ends) -> tuple[object, ...]:
    head = (query.application, query.name)
    if isinstance(saved, str):
        return (*head, None, None, None, None, None, saved)
    standing = saved.standing
    if standing is None:
        return (*head, _where(saved), None, None, None, None, _error(saved))
    size, lag = standing.snapshot + standing.deltas, _lag(standing.offsets(), ends)
    return (*head, _where(saved), ago(standing.time), lag, standing.keys, size, _error(saved))


def _where(saved: Saved) -> str | None:
    """The process that runs it, as far as its last commits say."""
    owner, standing = saved.owner, saved.standing
    if _has_left(saved):
        return "failed" if _error(saved) else "stopped"
    last = owner or standing  # one that has begun, and has not committed, is the owner too
    return f"{last.host}, pid {last.pid}" if last is not None and last.host else None


def _has_left(saved: Saved) -> bool:
    """Whether the last process that ran it has said that it ended."""
    owner, standing = saved.owner, saved.standing
    ended = owner is not None and owner.left > 0
    return ended and (standing is None or owner is None or owner.nonce == standing.nonce)


def _error(saved: Saved) -> str | None:
    """Why the query failed, if it did when it ran last."""
    return saved.owner.error or None if saved.owner is not None and _has_left(saved) else None


def _ends(context: Context, name: str) -> _Ends:
    """The end of each partition of a topic; none where they cannot be had."""
    with contextlib.suppress(KshellError):
        if (topic := context.client.find(name)) is not None:
            held = context.client.snapshot(topic, "read_committed").offsets
            return {(name, p): end for p, (_, end) in held.items()}
    return {}


def _lag(offsets: Mapping[tuple[str, int], int], ends: _Ends) -> int | None:
    """The records behind; None where an end is not known."""
    if not offsets.keys() <= ends.keys():
        return None
    return sum(max(ends[place] - at, 0) for place, at in offsets.items())


def describe_kept(context: Context, name: str) -> Iterator[tuple[str, str | None]]:
    """(what, value) of a query of an application, by `application.query`; raises UnknownName."""
    queries = {f"{q.application}.{q.name}": q for q in _queries(context)}
    query = queries.get(name)
    if query is None:
        raise UnknownName("query", name, [*context.queries, *queries])
    saved = decided(context.client, query.topic)
    yield "application", query.application
    yield "query", query.name
    yield "runs", _where(saved)
    if error := _error(saved):
        yield "error", error
    yield "statement", saved.header.statement if saved.header is not None else None
    yield "kshell", saved.header.kshell if saved.header is not None else None
    yield "group", query.id
    yield "state topic", query.topic.name
    standing = saved.standing
    if standing is not None:
        yield "last commit", ago(standing.time)
        yield "commits", f"{standing.seq:,}"
        yield "keys", f"{standing.keys:,}"
        yield "state", f"{standing.snapshot + standing.deltas:,} bytes"
        for (topic, partition), at in sorted(standing.offsets().items()):
            yield f"next offset of {topic}, partition {partition}", f"{at:,}"


def _groups_of(look: Look, application: str) -> dict[str, str]:
    """The groups of an application's queries, with their names."""
    start = query_id(application, "")
    with contextlib.suppress(Forbidden):
        return {id: id.removeprefix(start) for id in listed(look) if id.startswith(start)}
    return {}


def drop_application(
    context: Context, statement: DropApplication, properties: Properties
) -> Answer | Proposal:
    """DROP APPLICATION [IF EXISTS] name: plans the end of its state; raises UnknownName."""
    name = statement.name.text
    queries = [q for q in _queries(context) if q.application == name]
    look = context.look()
    # A query's group may outlive its topic, which somebody deleted.
    known = {q.id: q.name for q in queries} | _groups_of(look, name)
    groups = [id for id in known if committed(look, id)]
    if not queries and not groups:
        if statement.if_exists:
            return Message(f"Application {name} does not exist.")
        there = sorted({q.application for q in _queries(context)})
        raise UnknownName("application", name, there, place=statement.name.place)

    admin = context.admin(properties)

    def apply() -> Answer:
        for query in queries:
            drop_state(context, properties, query.id, query.topic.name)
        for id in groups:
            delete_group(admin, id)
        return Message(f"Application {name} is dropped; the topics that it wrote stay.")

    steps = [
        *((f"state of query {q.name}", f"topic {q.topic.name}", None) for q in queries),
        *((f"offsets of query {known[id]}", f"group {id}", None) for id in groups),
    ]
    title = f"Drop application {name}"
    return Proposal(f"{title}?", planned(title, steps), apply, _still_running(context, queries))


def _still_running(context: Context, queries: list[_Query]) -> tuple[Notice, ...]:
    """A remark for each process that has not said that it ended."""
    places = {_where(glance(context.client, q.topic)) or "stopped" for q in queries}
    places -= {"stopped", "failed"}
    return tuple(remark(f"it may still run: {place}; it would end") for place in sorted(places))
