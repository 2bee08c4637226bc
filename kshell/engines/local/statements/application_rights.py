"""The rights that an application needs, and the topics that are to be created, asked of the brokers
before anything starts.

`application` calls it, with `--check` and without.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

from kshell.config import Properties
from kshell.engines.local.durable.application import Application, NewTopic
from kshell.errors import Forbidden
from kshell.kafka.allowed import denied_on_group, denied_on_topic, denied_on_transactions
from kshell.kafka.rights import Right, all_refused
from kshell.sql.plan import scans

if TYPE_CHECKING:
    from kshell.engines.local.context import Context

__all__ = ["check_rights", "new_topics", "state_replicas"]

_COMPACTED = {"cleanup.policy": "compact"}


def check_rights(
    context: Context, application: Application, properties: Properties, *,
    standby: bool, reset: Collection[str],
) -> list[str]:
    """A sentence for each right that cannot be asked; raises Forbidden with all that are denied,
    and KafkaError for a topic that cannot be created.

    `reset` are the queries whose state is to be forgotten.
    """  # fmt: skip
    denied, unasked = list[Right](), list[str]()
    for asked in (
        _creations(context, application, properties),
        _topics(context, application, properties, reset),
        _groups(context, application, properties, standby, reset),
        _transactions(context, application),
    ):
        for right, allowed in asked:
            if allowed is None:
                operation, resource = right
                unasked.append(f"{resource}: {operation} not checked")
            elif not allowed:
                denied.append(right)
    if denied:
        raise all_refused(denied)
    return unasked


_Asked = Iterator[tuple[Right, bool | None]]  # whether the user has the right, if it is known


def new_topics(
    context: Context, application: Application, properties: Properties
) -> dict[str, NewTopic]:
    """The topics that are missing; of those that the user may not see it is not known."""
    letters, replicas = application.dead_letters, state_replicas(properties)
    made = dict(application.topics)
    if letters:
        made.setdefault(letters, NewTopic(letters, 1, -1, {}))
    for plan in application.plans.values():
        state = plan.state_topic
        made[state] = NewTopic(state, 1, replicas, _COMPACTED)
    return {name: topic for name, topic in made.items() if not _is_there(context, name)}


def state_replicas(properties: Properties) -> int:
    """How many replicas a state topic gets; -1 is the brokers' default."""
    replicas = properties.number("kshell.state.replication.factor")
    return -1 if replicas is None else replicas


def _is_there(context: Context, topic: str) -> bool:
    try:
        return context.client.find(topic) is not None
    except Forbidden:
        return True


def _creations(context: Context, application: Application, properties: Properties) -> _Asked:
    if not context.client.creates_topics:
        return
    admin = context.admin(properties)
    for topic in new_topics(context, application, properties).values():
        right = ("CREATE", f"topic {topic.name}")
        try:
            admin.create_topic(
                topic.name, topic.partitions, topic.replicas, topic.configs, only_check=True,
                may_exist=True,
            )  # fmt: skip
        except Forbidden:
            yield right, False


def _topics(
    context: Context, application: Application, properties: Properties, reset: Collection[str]
) -> _Asked:
    needs: dict[str, set[str]] = {}
    for plan in application.plans.values():
        for leaf in scans(plan.sink):
            needs.setdefault(leaf.source.topic, set()).add("READ")
        needs.setdefault(plan.sink.target.topic, set()).add("WRITE")
        needs.setdefault(plan.state_topic, set()).update(("READ", "WRITE"))
        if plan.name in reset:
            needs[plan.state_topic].add("DELETE")
    if application.dead_letters:
        needs.setdefault(application.dead_letters, set()).add("WRITE")
    admin = context.admin(properties)
    for topic, operations in sorted(needs.items()):
        denied: Collection[str] | None
        try:
            there = context.client.find(topic) is not None
            denied = denied_on_topic(admin, topic, operations) if there else None
        except Forbidden:
            denied = operations
        yield from _each(f"topic {topic}", operations, denied)


def _groups(
    context: Context, application: Application, properties: Properties, standby: bool,
    reset: Collection[str],
) -> _Asked:  # fmt: skip
    needs = {plan.id: {"READ"} for plan in application.plans.values()}
    for name in reset:
        needs[application.plans[name].id].add("DELETE")
    if standby:
        needs[application.group] = {"READ"}
    admin = context.admin(properties)
    for group, operations in needs.items():
        denied: Collection[str] | None
        try:
            denied = denied_on_group(admin, group, operations)
        except Forbidden:
            denied = operations
        yield from _each(f"group {group}", operations, denied)


def _transactions(context: Context, application: Application) -> _Asked:
    ids = [plan.id for plan in application.plans.values()]
    denied = denied_on_transactions(context.look(), ids)
    for id in ids:
        yield ("WRITE", f"transactional id {id}"), False if id in denied else None


def _each(resource: str, operations: Collection[str], denied: Collection[str] | None) -> _Asked:
    for operation in sorted(operations):
        yield (operation, resource), None if denied is None else operation not in denied
