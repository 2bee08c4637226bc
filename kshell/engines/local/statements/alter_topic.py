"""ALTER TOPIC: plans other configs and more partitions; `engine` dispatches here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kshell.config import Properties
from kshell.engines.local.statements.create_topic import at_config, check_configs
from kshell.engines.local.statements.proposals import (
    Step,
    known_topic,
    planned,
    remark,
    users_of,
)
from kshell.errors import BindError, KafkaError
from kshell.kafka.admin import Config
from kshell.kafka.metadata import Topic
from kshell.results import Answer, Message, Notice, Proposal
from kshell.sql.clauses import Number
from kshell.sql.cluster import AlterTopic
from kshell.wording import many

if TYPE_CHECKING:
    from kshell.engines.local.context import Context

__all__ = ["alter_topic"]


def alter_topic(
    context: Context, statement: AlterTopic, properties: Properties
) -> Answer | Proposal:
    """ALTER TOPIC; raises UnknownName, BindError, KafkaError, Forbidden."""
    topic = known_topic(context, statement.name)
    admin = context.admin(properties)
    wanted: dict[str, str | None] = {key.text: value for key, value in statement.configs}
    wanted |= dict.fromkeys((key.text for key in statement.reset), None)
    steps: list[Step] = []
    if wanted:
        keys = [*statement.configs, *((key, "") for key in statement.reset)]
        check_configs(context, keys, properties, topic.name)
        now = admin.topic_configs(topic.name)
        wanted = {k: v for k, v in wanted.items() if _differs(now[k], v)}
        steps += [_config_step(k, now[k], v) for k, v in wanted.items()]
    partitions = statement.partitions
    more = _more(topic, partitions)
    if partitions is not None and more:
        steps.append(("partitions", str(len(topic.partitions)), str(partitions.value)))
    if not steps:
        return Message(f"Topic {topic.name} is like that already.")
    try:
        if wanted:
            admin.alter_configs(topic.name, wanted, only_check=True)
        if partitions is not None and more:
            admin.add_partitions(topic.name, partitions.value, only_check=True)
    except KafkaError as error:
        raise at_config(error, statement.configs, statement.name) from None

    def apply() -> Answer:
        if wanted:
            admin.alter_configs(topic.name, wanted)
        if partitions is not None and more:
            admin.add_partitions(topic.name, partitions.value)
            context.seen(topic.name, lambda t: t is not None and _has(t, partitions.value))
        return Message(f"Topic {topic.name} is changed.")

    notices = _moved_keys(context, topic.name) if more else ()
    title = f"Change topic {topic.name}"
    return Proposal(f"{title}?", planned(title, steps), apply, notices)


def _differs(now: Config, value: str | None) -> bool:
    return now.is_set if value is None else not now.is_set or now.value != value


def _config_step(name: str, now: Config, value: str | None) -> Step:
    """A default is marked: with RESET the topic follows what the brokers have."""
    before = now.value if now.is_set else f"{now.value} (default)"
    after = value if value is not None else f"{now.default} (default)".lstrip()
    return name, before, after


def _more(topic: Topic, partitions: Number | None) -> bool:
    """Whether there are to be more partitions; raises BindError for fewer."""
    now = len(topic.partitions)
    if partitions is None:
        return False
    if partitions.value < now:
        raise BindError(
            f"topic {topic.name} has {many(now, 'partition')}, and Kafka takes none away",
            hint="a new topic may have fewer: CREATE TOPIC, and INSERT INTO … SELECT",
            place=partitions.place,
        )
    return partitions.value > now


def _has(topic: Topic, partitions: int) -> bool:
    return len(topic.partitions) == partitions and all(p.leader >= 0 for p in topic.partitions)


def _moved_keys(context: Context, topic: str) -> tuple[Notice, ...]:
    """What more partitions do to keys, and to the queries of this shell."""
    keys = remark(
        "keys move: new records of a key may go to another partition than its records until now,"
        " so that they are no longer in one order"
    )
    return (keys, *map(remark, users_of(context, topic)))
