"""CONSUME: joins a consumer group, and shows the records that the group gives to this member.

`engine` dispatches here.  A group with live members is a plan first, since its partitions are
shared out anew; one without is joined at once.
"""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING

import pyarrow as pa

from kshell.changes import Changes
from kshell.config import Properties
from kshell.engines.local.continuous.consumption import Consumption, numbers
from kshell.engines.local.statements.outbox import check_target
from kshell.engines.local.statements.print_records import Records, whole_values
from kshell.engines.local.statements.print_topic import record_at
from kshell.engines.local.statements.proposals import known_topic, live_members, planned
from kshell.errors import BindError, KafkaError, Outage
from kshell.kafka.exactly_once import ExactlyOnce
from kshell.kafka.groups import Described, listed, named
from kshell.kafka.member import Member
from kshell.results import Live, Printed, Proposal
from kshell.sql.cluster import Consume, Guarantee
from kshell.sql.row_places import PLACES
from kshell.wording import many

if TYPE_CHECKING:
    from kshell.engines.local.context import Context

__all__ = ["consume"]

_FEW = 5  # members, and changes of the group, that are named


def consume(context: Context, statement: Consume, properties: Properties) -> Proposal:
    """CONSUME FROM … GROUP …; raises UnknownName, BindError, KafkaError, Forbidden."""
    lookup = context.lookup(properties)
    topic = lookup.topic(statement.topic).name
    name, into = statement.group.text, None
    if statement.into is not None:
        check_target(context, statement.into)
        into = known_topic(context, statement.into).name
        if into == topic:
            raise BindError(
                f"{into} is what is read: it would never end", place=statement.into.place
            )
    look = context.look()
    group = named(look, name)
    kind = listed(look).get(name)
    if kind is not None and (kind.protocol_type or "consumer") != "consumer":
        raise BindError(
            f"group {name} is not of consumers: its protocol is {kind.protocol_type}",
            place=statement.group.place,
        )
    newer = kind is not None and kind.type == "consumer"

    def join() -> Live:
        return _joined(context, statement, properties, (topic, into), newer)

    title = f"Join group {name}"
    if group is None or not group.members:
        plan = planned(title, [("members", "0", "1")])
        return Proposal(f"{title}?", plan, join, reads=True, asks=False)
    steps = [
        ("members", f"{len(group.members)}", f"{len(group.members) + 1}"),
        *((f"partitions of {m.client} at {m.host}", _held(m.assignment), "shared out anew")
          for m in group.members),
    ]  # fmt: skip
    question = f"{title}, which has {live_members(group)}?"
    return Proposal(question, planned(title, steps), join, reads=True)


def _held(assignment: object) -> str:
    assert isinstance(assignment, dict)
    return "; ".join(f"{t}: {numbers(ps)}" for t, ps in assignment.items()) or "none"


def _joined(
    context: Context,
    statement: Consume,
    properties: Properties,
    topics: tuple[str, str | None],
    newer: bool,
) -> Live:
    topic, into = topics
    group = statement.group.text
    client, lookup = context.client, context.lookup(properties)
    sampled = lookup.sample(statement.topic).source
    records = Records(whole_values(sampled), properties, context.errors, None)
    writer = None
    if into is not None:
        writer = ExactlyOnce(properties, group, client.largest_batch([into]))
    consumption = Consumption(
        Member(properties, group, topic, newer=newer),
        topic,
        lambda: client.snapshot(client.topic(topic), properties["isolation.level"]),
        client.follow,
        records,
        earliest=properties["auto.offset.reset"] == "earliest",
        guarantee=statement.guarantee,
        limit=statement.limit,
        into=None if into is None or writer is None else (into, writer),
        others=lambda: _members(context, group),
    )
    consumption.start()
    schema = pa.schema(list(records.schema)[1:])  # without the topic, which all of them have

    def poll(seconds: float) -> Changes | None:
        rows = consumption.poll(seconds)
        if rows is None:
            if not consumption.over:
                return Changes.none(schema)
            consumption.cancel()
            return None
        places = rows.select(["partition", "offset"]).rename_columns(list(PLACES))
        return replace(Changes.of(rows.select(schema.names)), places=places)

    def record(partition: int, offset: int) -> Printed:
        return record_at(context, topic, partition, offset, properties)

    return Live(
        schema, poll, consumption.cancel, consumption.stats, f"{topic} as group {group}",
        ends=statement.limit is not None, record=record if context.opens_records else None,
        hints=_hints(statement, properties), said=lambda: tuple(consumption.events),
    )  # fmt: skip


def _hints(statement: Consume, properties: Properties) -> tuple[str, ...]:
    """What it commits, and where it begins."""
    does = {
        None: "It commits nothing: what it shows, it shows the next time too.",
        Guarantee.AT_MOST_ONCE: "Records are committed before they are shown.",
        Guarantee.AT_LEAST_ONCE: "Records are committed once they were shown.",
        Guarantee.EXACTLY_ONCE: "Records and offsets are written in one transaction, then shown.",
    }
    start = properties["auto.offset.reset"]
    where = "its first record" if start == "earliest" else "its end"
    begins = f"A partition without a commit is read from {where} on"
    return does[statement.guarantee], f"{begins} ('auto.offset.reset' is {start})."


def _members(context: Context, group: str) -> str:
    """The members of a group, and what they have; empty where nobody can be asked."""
    found: Described | None = None
    with contextlib.suppress(KafkaError, Outage):
        found = named(context.look(), group)
    if found is None:
        return ""
    shown = [f"{m.client} at {m.host} {_held(m.assignment)}" for m in found.members[:_FEW]]
    more = len(found.members) - _FEW
    shown += [f"{more} more"] if more > 0 else []
    how = f" ({found.strategy})" if found.strategy else ", sharing out anew"
    return f"{many(len(found.members), 'member')}{how}: {'; '.join(shown)}"
