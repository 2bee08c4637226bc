"""ELECT LEADERS: plans that each partition's first replica leads it; `engine` dispatches here."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from kshell.config import Properties
from kshell.engines.local.statements.proposals import known_topic, remark
from kshell.kafka.metadata import Partition, Topic
from kshell.results import Answer, Message, Proposal, titled
from kshell.sql.cluster import ElectLeaders
from kshell.wording import many

if TYPE_CHECKING:
    from kshell.engines.local.context import Context

__all__ = ["elect_leaders"]

_TYPES = {"topic": pa.string(), **dict.fromkeys(("partition", "before", "after"), pa.int64())}


def elect_leaders(
    context: Context, statement: ElectLeaders, properties: Properties
) -> Answer | Proposal:
    """ELECT LEADERS; raises UnknownName, KafkaError, Forbidden."""
    if statement.topics:
        topics = [known_topic(context, name) for name in statement.topics]
    else:
        topics = list(context.client.topics())
    moved = [(t, p) for t in topics for p in t.partitions if p.replicas and _moved(p)]
    able = [(t, p) for t, p in moved if p.replicas[0] in p.isr]
    notices = tuple(
        remark(f"{t.name}, partition {p.id}: broker {p.replicas[0]} is not in sync: it cannot lead")
        for t, p in moved
        if p.replicas[0] not in p.isr
    )
    if not able:
        if notices:
            return Message("No partition can have its first replica as its leader now.", notices)
        return Message("Each partition has its first replica as its leader.")

    def apply() -> Answer:
        context.admin(properties).elect_leaders([(t.name, p.id) for t, p in able])
        for topic in {t.name: t for t, _ in able}.values():
            ids = {p.id for t, p in able if t.name == topic.name}
            context.seen(topic.name, lambda found, ids=ids: _all_lead(found, ids))  # type: ignore[misc]
        return Message(f"Leaders of {many(len(able), 'partition')} are elected.")

    rows = [(t.name, p.id, p.leader if p.leader >= 0 else None, p.replicas[0]) for t, p in able]
    plan = titled(
        "Elect leaders", {n: [row[i] for row in rows] for i, n in enumerate(_TYPES)}, _TYPES
    )
    return Proposal("Elect these leaders?", plan, apply, notices)


def _moved(partition: Partition) -> bool:
    return partition.leader != partition.replicas[0]


def _all_lead(topic: Topic | None, partitions: set[int]) -> bool:
    """Whether these partitions have their first replicas as leaders, or the topic is gone."""
    return topic is None or not any(_moved(p) for p in topic.partitions if p.id in partitions)
