"""The topic that MIRROR writes: found in the cluster that its name means, or planned anew.

`mirror` asks for it.  A new one is like its source.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kshell.config import Properties
from kshell.engines.local.statements.create_topic import at_config
from kshell.errors import Forbidden, KafkaError
from kshell.kafka.admin import Admin
from kshell.kafka.client import Client
from kshell.kafka.metadata import Topic
from kshell.permits import check_writes
from kshell.results import Notice, NoticeKind
from kshell.sql.clauses import Name

if TYPE_CHECKING:
    from kshell.engines.local.context import Context

__all__ = ["Step", "Target", "create", "found_target", "plan_topic"]

_VISIBLE = 10.0  # seconds until a new topic has its leaders, at most
_TIME = "message.timestamp.type"
# Configs that are about one cluster's brokers.
_LEFT_OUT = ("leader.replication.throttled.replicas", "follower.replication.throttled.replicas")


@dataclass(frozen=True, slots=True)
class Target:
    """Where MIRROR writes: a topic, `found` or not, and the cluster that has it."""

    name: str  # in this session
    topic: str
    client: Client
    properties: Properties
    found: Topic | None
    remote: bool = False
    dates: bool = False  # its brokers give records times of their own
    notices: tuple[Notice, ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """A line of the plan of a topic."""

    what: str
    value: str


def found_target(context: Context, name: Name, properties: Properties) -> Target:
    """The topic of this cluster of exactly that name, else that of a profile's cluster.

    Raises StatementError where that is only read.
    """
    try:
        found = context.client.find(name.text)
    except Forbidden:  # the brokers say whether it may be created or written
        found = None
    remote = None if found is not None else context.clusters.find(name, properties)
    if remote is None:
        target = Target(name.text, name.text, context.client, properties, found)
    else:
        check_writes(remote.properties, f"MIRROR TO {remote.name}")
        target = Target(
            remote.name, remote.topic, remote.client, remote.properties, remote.found, True,
            notices=(remote.notice,),
        )  # fmt: skip
    if target.found is None:
        return target
    configs = {key: value for key, value, _ in target.client.configs(target.topic)}
    if configs.get(_TIME) != "LogAppendTime":
        return target
    text = f"the brokers give the records of {target.name} a time of their own ({_TIME})"
    return Target(
        target.name, target.topic, target.client, target.properties, target.found, target.remote,
        True, (*target.notices, Notice(NoticeKind.CHANGE, text)),
    )  # fmt: skip


def plan_topic(client: Client, source: Topic, target: Target, name: Name) -> Sequence[Step]:
    """A topic like the source: its partitions and configs, and as many replicas as can be.

    Its records keep the times that they have, so its brokers give them none.  The brokers check it.
    """
    wanted = max((len(p.replicas) for p in source.partitions), default=1)
    replicas = min(wanted, len(target.client.brokers()))
    configs = {
        key: value for key, value, default in client.configs(source.name)
        if not default and key not in _LEFT_OUT
    }  # fmt: skip
    if configs.get(_TIME) == "LogAppendTime":
        configs[_TIME] = "CreateTime"
    if int(configs.get("min.insync.replicas", "1")) > replicas:
        configs["min.insync.replicas"] = str(replicas)
    if target.client.creates_topics:
        settings = [(Name(key, True, name.place), value) for key, value in configs.items()]
        try:
            Admin(target.properties).create_topic(
                target.topic, len(source.partitions), replicas, configs, only_check=True
            )
        except KafkaError as error:
            raise at_config(error, settings, name) from None
    sizes = (("partitions", len(source.partitions)), ("replicas", replicas))
    return [
        Step("topic", target.name), *(Step(what, str(number)) for what, number in sizes),
        *(Step(key, value) for key, value in configs.items()),
    ]  # fmt: skip


def create(context: Context, target: Target, steps: Sequence[Step]) -> None:
    """Create the topic as planned, and wait until each partition has a leader."""
    (_, partitions, replicas, *configs) = steps
    settings = {step.what: step.value for step in configs}
    if not target.remote:
        context.make_topic(
            target.topic, int(partitions.value), int(replicas.value), settings, target.properties
        )
        return
    Admin(target.properties).create_topic(
        target.topic, int(partitions.value), int(replicas.value), settings
    )
    deadline = time.monotonic() + _VISIBLE
    while (made := target.client.find(target.topic)) is None or any(
        p.leader < 0 for p in made.partitions
    ):
        if time.monotonic() > deadline:
            raise KafkaError(f"topic {target.name} is not seen after {_VISIBLE:g} s")
        time.sleep(0.05)
