"""DROP TOPIC: plans the end of a topic, and says what goes with it; `engine` dispatches here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from kshell.config import Properties
from kshell.engines.local.statements.proposals import (
    Step,
    known_topic,
    planned,
    remark,
    users_of,
)
from kshell.errors import KafkaError, Outage
from kshell.kafka.groups import groups_in
from kshell.kafka.look import Look
from kshell.kafka.metadata import Topic
from kshell.results import Answer, Message, Notice, Proposal
from kshell.sql.cluster import DropTopic
from kshell.wording import many

if TYPE_CHECKING:
    from kshell.engines.local.context import Context

__all__ = ["drop_topic"]


def drop_topic(
    context: Context, statement: DropTopic, properties: Properties
) -> Answer | Proposal:
    """DROP TOPIC [IF EXISTS]; raises UnknownName, KafkaError, Forbidden."""
    name = statement.name.text
    if statement.if_exists and context.client.find(name) is None:
        return Message(f"Topic {name} does not exist.")
    topic = known_topic(context, statement.name)
    steps: list[Step] = [
        ("topic", name, None),
        ("partitions", str(len(topic.partitions)), None),
    ]
    notices: list[Notice] = []
    look = context.look()
    parts: Sequence[Callable[[], list[Step]]] = (
        lambda: _records(context, topic, properties),
        lambda: _groups(look, name),
    )
    for part in parts:
        try:
            steps += part()
        except (KafkaError, Outage) as error:  # one who may delete it may not see all of it
            notices.append(remark(f"{error.what}: the plan is without it"))
    notices += (remark(f"{notice.text}: the plan is without it") for notice in look.notices)

    def apply() -> Answer:
        context.admin(properties).delete_topic(name)
        context.seen(name, lambda found: found is None)
        return Message(f"Topic {name} is deleted.")

    notices += map(remark, users_of(context, name))
    title = f"Delete topic {name}"
    return Proposal(f"{title} with all its records?", planned(title, steps), apply, tuple(notices))


def _records(context: Context, topic: Topic, properties: Properties) -> list[Step]:
    snapshot = context.client.snapshot(topic, properties["isolation.level"]).check_whole()
    held = sum(end - first for first, end in snapshot.offsets.values())
    return [("records", f"up to {held:,}", None)]


def _groups(look: Look, topic: str) -> list[Step]:
    """The groups that have committed offsets there."""
    return [
        (f"offsets of group {group}", f"committed in {many(len(at), 'partition')}", None)
        for group, at in groups_in(look, topic).items()
    ]
