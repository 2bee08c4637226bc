"""Statements that start, list and end queries: CREATE … AS SELECT, INSERT … SELECT, TERMINATE.

`engine` dispatches here.  The topic is created before the query starts, by the sink's properties.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from kshell.catalog.catalog import RunningQuery
from kshell.catalog.model import Kind
from kshell.config import Properties
from kshell.engines.local.continuous.background import Background
from kshell.engines.local.continuous.run import Run
from kshell.engines.local.continuous.sink_writer import Outlet
from kshell.engines.local.sources.chunks import writer_of
from kshell.engines.local.sources.cut_times import cut_in_plan
from kshell.engines.local.sources.lookup import Lookup
from kshell.engines.local.statements.plans import plan_sink
from kshell.engines.local.statements.topics import create_topic, keep_topic
from kshell.errors import BindError, UnknownName, Unsupported
from kshell.kafka.produce import Producer
from kshell.results import Answer, Message
from kshell.sql import ddl, plan, queries
from kshell.sql import statements as ast
from kshell.sql.bind.upgrade import check_upgrade
from kshell.sql.plan import scans

if TYPE_CHECKING:
    from kshell.engines.local.context import Context
    from kshell.engines.local.durable.application import NewTopic

__all__ = ["control", "create_as", "ensure_topic", "insert_select"]


def create_as(
    context: Context, statement: ast.CreateAsSelect, properties: Properties
) -> Answer:
    """CREATE STREAM|TABLE … AS SELECT; OR REPLACE ends the query that made the old one."""
    lookup = context.lookup(properties)
    context.free_name(statement.name)
    name = statement.name.folded()
    before = context.catalog.sources.get(name)
    left = ddl.left_as_is(statement, context.catalog)
    if left is not None:
        return Message(left.message)
    sink = plan_sink(lookup, statement)
    prefix = "CSAS" if sink.target.kind is Kind.STREAM else "CTAS"
    id = name if context.application is not None else context.next_id(f"{prefix}_{name}")
    target = replace(sink.target, query_id=id)
    ddl.declare(statement, context.catalog, target)  # refuses a replacement that is not possible
    replaced = context.queries.get(before.query_id) if before is not None else None
    if replaced is not None:
        check_upgrade(replaced.sink, sink)
    told = ensure_topic(context, lookup, sink)
    if replaced is not None:
        context.terminate(replaced.id)
        lookup = context.lookup(properties)  # the offsets now: the old query read up to here
    id = _start(context, id, replace(sink, target=target), statement, properties, lookup)
    context.catalog = ddl.declare(statement, context.catalog, target).catalog
    return Message(
        f"{target.kind.value.capitalize()} {name} is created by query {id}.{told}",
        (*lookup.notices, *cut_in_plan(sink)),
    )


def insert_select(
    context: Context, statement: ast.InsertSelect, properties: Properties
) -> Answer:
    """INSERT INTO … SELECT."""
    lookup = context.lookup(properties)
    sink = plan_sink(lookup, statement)
    id = sink.query_id
    if not id and context.application is None:
        id = context.next_id("INSERTQUERY")
    if id in context.queries:
        raise BindError(f"Query ID '{id}' already exists.", place=statement.place)
    id = _start(context, id, sink, statement, properties, lookup)
    notices = (*lookup.notices, *cut_in_plan(sink))
    return Message(f"Query {id} inserts into {sink.target.name}.", notices)


def ensure_topic(context: Context, lookup: Lookup, sink: plan.Sink) -> str:
    """Create the sink's topic if it does not exist, with as many partitions as its source has.

    Returns a sentence if the topic differs from its settings.
    """
    topic = sink.target.topic
    found = context.client.find(topic)
    if found is not None:
        return keep_topic(context, found, sink.settings)
    first = next(iter(scans(sink))).source
    if _new_topic(context, topic) is not None:
        return ""
    if (new := _new_topic(context, first.topic)) is not None:
        return create_topic(
            context, topic, sink.settings, lookup.properties, like=(new.partitions, new.replicas)
        )
    held = first.system or lookup.held(first) is not None
    like = () if held else lookup.snapshot(first.topic).topic.partitions
    replicas = max((len(p.replicas) for p in like), default=-1)
    return create_topic(
        context, topic, sink.settings, lookup.properties, like=(len(like) or 1, replicas)
    )


def _new_topic(context: Context, name: str) -> NewTopic | None:
    """The topic of that name that the application will create, if any."""
    return None if context.application is None else context.application.topics.get(name)


def _check_here(
    lookup: Lookup, sink: plan.Sink, statement: ast.CreateAsSelect | ast.InsertSelect
) -> None:
    """Raise Unsupported where a query of an application reads another cluster."""
    for leaf in scans(sink):
        if lookup.properties_of(leaf.source.topic) is not lookup.properties:
            raise Unsupported(
                f"{leaf.source.topic} is a topic of another cluster: a query that outlives the"
                " shell commits what it has read where it writes",
                hint="MIRROR … EMIT CHANGES brings the topic here", place=statement.place,
            )  # fmt: skip


def _start(
    context: Context, id: str, sink: plan.Sink,
    statement: ast.CreateAsSelect | ast.InsertSelect, properties: Properties, lookup: Lookup,
) -> str:  # fmt: skip
    """Run the query from now on, or where a file is run with the others of it; gives its name."""
    reads = frozenset(leaf.source.name for leaf in scans(sink))
    writes = frozenset({sink.target.name})
    if context.application is not None:
        _check_here(lookup, sink, statement)
        id = context.application.add(
            sink, statement.text, lambda: context.lookup(properties), statement.place
        )
        context.catalog = context.catalog.with_query(RunningQuery(id, reads, writes))
        return id
    topic = sink.target.topic
    largest = lookup.client.largest_batch([topic])
    producer = Producer(lookup.properties, largest=largest)
    write = writer_of(sink, lookup.properties)
    outlet = Outlet(
        sink, write, lambda records: producer.send(topic, records),
        lambda why: lookup.errors.evaluation(id, f"not written to {topic}", why),
    )  # fmt: skip
    run = Run(lookup, sink, id, bounded=False)
    running = Background(id, sink, run, outlet, producer, context.client)
    running.properties = lookup.properties
    context.queries[id] = running
    context.catalog = context.catalog.with_query(RunningQuery(id, reads, writes))
    running.start()
    return id


def control(context: Context, statement: queries.QueryControl, properties: Properties) -> Answer:
    """TERMINATE, PAUSE and RESUME of one query or of ALL."""
    wanted = statement.query_id.upper()
    ids = list(context.queries) if not wanted or wanted == "ALL" else [wanted]
    for id in ids:
        if id not in context.queries:
            raise UnknownName("query", id, list(context.queries))
    acts: Mapping[queries.QueryAction, Callable[[str], None]] = {
        queries.QueryAction.TERMINATE: context.terminate,
        queries.QueryAction.PAUSE: lambda id: context.queries[id].pause(),
        queries.QueryAction.RESUME: lambda id: context.queries[id].resume(),
    }
    for id in ids:
        acts[statement.action](id)
    done = {"TERMINATE": "terminated", "PAUSE": "paused", "RESUME": "running again"}
    if not ids:
        return Message("No query runs.")
    which = ids[0] if len(ids) == 1 else f"{len(ids)} queries"
    return Message(f"{which} {'is' if len(ids) == 1 else 'are'} {done[statement.action.value]}.")
