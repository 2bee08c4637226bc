"""ALTER TOPIC … REASSIGN: plans other brokers for partitions; `engine` dispatches here."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pyarrow as pa

from kshell.config import Properties
from kshell.engines.local.statements.proposals import known_topic, remark
from kshell.errors import BindError
from kshell.kafka.metadata import Topic
from kshell.kafka.reassign import reassign
from kshell.results import Answer, Message, Proposal, titled
from kshell.sql.cluster import ReassignTopic
from kshell.wording import many

if TYPE_CHECKING:
    from kshell.engines.local.context import Context

__all__ = ["reassign_topic"]

_PATIENCE = 5.0  # seconds to wait for its end: records are copied, which may take long
_TYPES = {"topic": pa.string(), "partition": pa.int64(), "before": pa.string(),
          "after": pa.string()}  # fmt: skip


def reassign_topic(
    context: Context, statement: ReassignTopic, properties: Properties
) -> Answer | Proposal:
    """ALTER TOPIC … REASSIGN; raises UnknownName, BindError, KafkaError, Forbidden."""
    topic = known_topic(context, statement.name)
    brokers = _brokers(context, statement)
    now = {p.id: p.replicas for p in topic.partitions}
    wanted = now
    if statement.partition is not None:
        number = statement.partition.value
        if number not in now:
            raise BindError(
                f"topic {topic.name} has no partition {number}", place=statement.partition.place
            )
        wanted = {number: now[number]}
    moved = {p: _turned(brokers, p if len(wanted) > 1 else 0) for p in wanted}
    moved = {p: replicas for p, replicas in moved.items() if replicas != now[p]}
    if not moved:
        return Message(f"Topic {topic.name} is there already.")

    def apply() -> Answer:
        reassign(context.client, properties, topic.name, moved)
        deadline = time.monotonic() + _PATIENCE
        while not (done := _is_there(context.client.find(topic.name), moved)):
            if time.monotonic() > deadline:
                break
            time.sleep(0.1)
        context.client.forget()
        where = many(len(moved), "partition")
        if done:
            return Message(f"Topic {topic.name} is reassigned in {where}.")
        return Message(f"The reassignment of {where} goes on: DESCRIBE {topic.name} shows it.")

    rows = [(topic.name, p, _listed(now[p]), _listed(replicas)) for p, replicas in moved.items()]
    title = f"Reassign topic {topic.name}"
    plan = titled(title, {n: [row[i] for row in rows] for i, n in enumerate(_TYPES)}, _TYPES)
    copied = remark("the records of partitions are copied to brokers that do not have them yet")
    news = any(set(replicas) - set(now[p]) for p, replicas in moved.items())
    return Proposal(f"{title}?", plan, apply, (copied,) if news else ())


def _brokers(context: Context, statement: ReassignTopic) -> tuple[int, ...]:
    """The brokers named, each once and all of them up; raises BindError."""
    up = sorted(broker.id for broker in context.client.brokers())
    seen: list[int] = []
    for broker in statement.brokers:
        if broker.value not in up:
            raise BindError(
                f"no broker {broker.value} is up: {', '.join(map(str, up))}", place=broker.place
            )
        if broker.value in seen:
            raise BindError(f"broker {broker.value} is there twice", place=broker.place)
        seen.append(broker.value)
    return tuple(seen)


def _turned(brokers: tuple[int, ...], by: int) -> tuple[int, ...]:
    """The brokers from another one on, so that each leads a part of the partitions.

    >>> _turned((1, 2, 3), 4)
    (2, 3, 1)
    """
    by %= len(brokers)
    return brokers[by:] + brokers[:by]


def _is_there(topic: Topic | None, wanted: dict[int, tuple[int, ...]]) -> bool:
    found = {p.id: p for p in topic.partitions} if topic is not None else {}
    return topic is None or all(
        found[p].replicas == replicas and set(found[p].isr) == set(replicas)
        for p, replicas in wanted.items()
    )


def _listed(brokers: tuple[int, ...]) -> str:
    return ", ".join(map(str, brokers))
