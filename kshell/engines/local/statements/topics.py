"""The topic under a declaration or a query: creates it, or compares it with the statement.

`declare` and `persistent` create topics with it, `asserts` compares, `create_topic` and `copy_from`
say what of a topic that is there differs.  CREATE never changes an
existing topic.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kshell.catalog.model import TopicSettings
from kshell.config import Properties
from kshell.errors import BindError
from kshell.kafka.client import Client
from kshell.kafka.metadata import Topic
from kshell.results import Notice, NoticeKind

if TYPE_CHECKING:
    from kshell.engines.local.context import Context

__all__ = ["Difference", "create_topic", "differences", "keep_topic", "stays"]


@dataclass(frozen=True, slots=True)
class Difference:
    """A setting that differs from the statement; with `refuses`, ksqlDB refuses the topic."""

    what: str
    said: str
    found: str
    refuses: bool = False


def differences(client: Client, topic: Topic, said: TopicSettings) -> list[Difference]:
    """The differences between a topic and the statement's settings; asks for configs only if the
    statement sets some."""
    partitions = len(topic.partitions)
    replicas = max((len(p.replicas) for p in topic.partitions), default=0)
    found = []
    if said.partitions not in (None, partitions):
        found.append(Difference("PARTITIONS", str(said.partitions), str(partitions), True))
    if said.replicas is not None and said.replicas >= 0 and said.replicas != replicas:
        fewer = replicas < said.replicas  # more partitions are fine
        found.append(Difference("REPLICAS", str(said.replicas), str(replicas), fewer))
    if said.configs:
        configs = {name: value for name, value, _ in client.configs(topic.name)}
        for name, value in said.configs.items():
            is_ = configs.get(name, "unknown")
            if _parts(is_) != _parts(value):
                found.append(Difference(name, value, is_))
    return found


def _parts(value: str) -> list[str]:
    """A config's value without the order of its parts: brokers return it as it was written."""
    return sorted(part.strip() for part in value.split(","))


def create_topic(
    context: Context,
    name: str,
    settings: TopicSettings,
    properties: Properties,
    like: tuple[int, int] = (1, -1),
) -> str:
    """Create a topic; without settings for them, its partitions and replicas are those of `like`.

    Returns a sentence if the topic differs from the settings, as with an embedded broker.
    """
    configs: Mapping[str, str] = {**settings.defaults, **settings.configs}
    partitions, replicas = (
        usual if said is None else said
        for said, usual in zip((settings.partitions, settings.replicas), like, strict=True)
    )
    context.make_topic(name, partitions, replicas, configs, properties)
    if context.client.creates_topics or context.application is not None:
        return ""
    found = differences(context.client, context.client.topic(name), settings)
    return _sentence(f"Topic {name} is as the embedded broker makes topics", found)


def keep_topic(context: Context, topic: Topic, settings: TopicSettings) -> str:
    """Use an existing topic: BindError if it cannot fit, else a sentence if it differs."""
    found = differences(context.client, topic, settings)
    refused = [d for d in found if d.refuses]
    if refused:
        raise BindError(
            f"A Kafka topic with the name '{topic.name}' already exists, with different "
            "partition/replica configuration than required: it has "
            + ", ".join(_text(d) for d in refused),
            hint=f"leave {' and '.join(d.what for d in refused)} out, and the topic is taken as it"
            " is",
        )
    return _sentence(f"Topic {topic.name} stays as it is", found)


def stays(client: Client, topic: Topic, said: TopicSettings) -> tuple[Notice, ...]:
    """A notice where a statement gives settings to a topic that is there and has others."""
    found = differences(client, topic, said)
    if not found:
        return ()
    texts = ", ".join(_text(d) for d in found)
    return (Notice(NoticeKind.CHANGE, f"topic {topic.name} stays as it is: {texts}"),)


def _sentence(what: str, found: list[Difference]) -> str:
    return f" {what}: {', '.join(_text(d) for d in found)}." if found else ""


def _text(difference: Difference) -> str:
    return f"{difference.what} {difference.found}, not {difference.said}"
