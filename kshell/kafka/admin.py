"""Changing the cluster: topics and their configs.

confluent-kafka does the work: its calls raise errors, while aiokafka's return codes that are easily
missed.  A shell has one `Admin`, which connects when it is first asked; `group_admin` asks it too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any

from kshell.config import MASK, Properties
from kshell.errors import KafkaError, Outage, UnknownName
from kshell.kafka.error_codes import PASSES
from kshell.kafka.rights import CLUSTER, FORBIDDEN, Right, refused
from kshell.kafka.settings import librdkafka
from kshell.kafka.tokens import check_token
from kshell.permits import check_writes

__all__ = ["TIMEOUT", "Admin", "Config", "create_topic", "delete_topic", "provoke_topic"]

TIMEOUT = 10.0  # seconds for a request
_UNKNOWN, _EXISTS, _LEADS_ALREADY = 3, 36, 84


@dataclass(frozen=True, slots=True)
class Config:
    """A config's value, whether it was set for this topic, and the value without that."""

    value: str
    is_set: bool
    default: str


class Admin:
    """The one connection of a shell that changes the cluster; raises Forbidden, KafkaError and, for
    what ends by itself, Outage."""

    def __init__(self, properties: Properties) -> None:
        self.properties = properties

    @property
    def client(self) -> Any:
        """confluent-kafka's client; what it began ends with it."""
        check_token(self.properties)
        return self._client

    @cached_property
    def _client(self) -> Any:
        from confluent_kafka.admin import AdminClient

        return AdminClient(librdkafka(self.properties))

    def answer(
        self,
        future: Future[Any],
        doing: str,
        needs: Right,
        instead: Mapping[int, object] = MappingProxyType({}),
    ) -> Any:
        """The answer to a request; `doing` is what it does, as in "create topic t".

        `needs` is the right that it takes.  `instead` has what is answered for some of Kafka's
        error codes.
        """
        from confluent_kafka import KafkaException

        try:
            return future.result(TIMEOUT + 1)
        except KafkaException as refused:
            error = refused.args[0]
            if error.code() in instead:
                return instead[error.code()]
            self.check(error, doing, needs)
        except TimeoutError:
            pass
        raise Outage(f"cannot {doing}: no answer in {TIMEOUT:g} s")

    @staticmethod
    def check(error: Any, doing: str, needs: Right) -> None:
        """Raise a refusal of confluent-kafka's as ours, if there is one."""
        if error is not None and error.code() in FORBIDDEN:
            raise refused(*needs)
        if error is not None:
            kind = Outage if error.code() in PASSES - {_UNKNOWN} else KafkaError
            raise kind(f"cannot {doing}: {error.str()}")

    def create_topic(
        self,
        topic: str,
        partitions: int,
        replicas: int,
        configs: Mapping[str, str],
        *,
        only_check: bool = False,
        may_exist: bool = False,
    ) -> None:
        """Create a topic, or have the brokers check whether it can be; -1 is their default.

        With `may_exist` another process may have created it just now.
        """
        from confluent_kafka.admin import NewTopic

        if not only_check:
            check_writes(self.properties, f"creating topic {topic}")
        try:
            new = NewTopic(topic, partitions, replicas, config=dict(configs))
            asked = self.client.create_topics(
                [new], request_timeout=TIMEOUT, validate_only=only_check
            )
        except ValueError as error:  # numbers that librdkafka does not send
            raise KafkaError(f"cannot create topic {topic}: {error}") from None
        instead = {_EXISTS: None} if may_exist else {}
        self.answer(asked[topic], f"create topic {topic}", ("CREATE", f"topic {topic}"), instead)

    def delete_topic(self, topic: str) -> None:
        """Delete a topic; raises UnknownName too."""
        check_writes(self.properties, f"deleting topic {topic}")
        asked = self.client.delete_topics([topic], request_timeout=TIMEOUT)
        needs = ("DELETE", f"topic {topic}")
        unknown = {_UNKNOWN: _UNKNOWN}
        if self.answer(asked[topic], f"delete topic {topic}", needs, unknown) is not None:
            raise UnknownName("topic", topic)

    def add_partitions(self, topic: str, partitions: int, *, only_check: bool = False) -> None:
        """Give a topic more partitions: so many in all."""
        from confluent_kafka.admin import NewPartitions

        if not only_check:
            check_writes(self.properties, f"adding partitions to topic {topic}")
        try:
            more = NewPartitions(topic, partitions)
            asked = self.client.create_partitions(
                [more], request_timeout=TIMEOUT, validate_only=only_check
            )
        except ValueError as error:
            raise KafkaError(f"cannot add partitions to topic {topic}: {error}") from None
        needs = ("ALTER", f"topic {topic}")
        self.answer(asked[topic], f"add partitions to topic {topic}", needs)

    def alter_configs(
        self, topic: str, configs: Mapping[str, str | None], *, only_check: bool = False
    ) -> None:
        """Set configs of a topic, or take them back to the brokers' (None); others stay."""
        from confluent_kafka.admin import AlterConfigOpType, ConfigEntry, ConfigResource

        if not only_check:
            check_writes(self.properties, f"changing configs of topic {topic}")
        entries = [
            ConfigEntry(
                name, value,
                incremental_operation=AlterConfigOpType.DELETE
                if value is None
                else AlterConfigOpType.SET,
            )
            for name, value in configs.items()
        ]  # fmt: skip
        resource = ConfigResource(ConfigResource.Type.TOPIC, topic, incremental_configs=entries)
        asked = self.client.incremental_alter_configs(
            [resource], request_timeout=TIMEOUT, validate_only=only_check
        )
        needs = ("ALTER CONFIGS", f"topic {topic}")
        self.answer(asked[resource], f"change configs of topic {topic}", needs)

    def delete_records(self, topic: str, before: Mapping[int, int]) -> None:
        """Delete the records of partitions that lie before an offset."""
        from confluent_kafka import TopicPartition

        check_writes(self.properties, f"deleting records of topic {topic}")
        parts = [TopicPartition(topic, p, offset) for p, offset in before.items()]
        asked = self.client.delete_records(parts, request_timeout=TIMEOUT)
        for part, one in asked.items():
            doing = f"delete records of topic {topic}, partition {part.partition}"
            self.answer(one, doing, ("DELETE", f"topic {topic}"))

    def elect_leaders(self, partitions: Iterable[tuple[str, int]]) -> None:
        """Have the first replica of each partition lead."""
        from confluent_kafka import ElectionType, TopicPartition

        check_writes(self.properties, "electing leaders")
        parts = [TopicPartition(topic, p) for topic, p in partitions]
        # It takes no time limit: confluent-kafka 2.16 raises SystemError for one.
        asked = self.client.elect_leaders(ElectionType.PREFERRED, parts)
        needs = ("ALTER", CLUSTER)
        for part, error in self.answer(asked, "elect leaders", needs).items():
            doing = f"elect a leader of topic {part.topic}, partition {part.partition}"
            if error is None or error.code() != _LEADS_ALREADY:
                self.check(error, doing, needs)

    def topic_configs(self, topic: str) -> dict[str, Config]:
        """A topic's configs by name."""
        from confluent_kafka.admin import ConfigSource

        entries = self._configs("TOPIC", topic, f"topic {topic}")
        configs = {}
        for name, entry in entries.items():
            is_set = entry.source == ConfigSource.DYNAMIC_TOPIC_CONFIG.value
            others = [e.value for n, e in entry.synonyms.items() if n != name or e.source != 1]
            value = MASK if entry.is_sensitive else str(entry.value)
            configs[name] = Config(value, is_set, str(others[0]) if others else "")
        return configs

    def broker_configs(self, broker: int) -> dict[str, str]:
        """A broker's configs by name, all but secrets."""
        entries = self._configs("BROKER", str(broker), CLUSTER)
        return {n: str(e.value) for n, e in entries.items() if not e.is_sensitive}

    def _configs(self, kind: str, name: str, of: str) -> Mapping[str, Any]:
        from confluent_kafka.admin import ConfigResource

        resource = ConfigResource(ConfigResource.Type[kind], name)
        asked = self.client.describe_configs([resource], request_timeout=TIMEOUT)
        needs = ("DESCRIBE CONFIGS", of)
        found: Mapping[str, Any] = self.answer(
            asked[resource], f"read configs of {kind.lower()} {name}", needs
        )
        return found


def create_topic(
    properties: Properties,
    topic: str,
    *,
    partitions: int,
    replicas: int,
    configs: Mapping[str, str],
) -> None:
    """Create a topic; replicas -1 is the broker's default.  Raises KafkaError or Forbidden."""
    Admin(properties).create_topic(topic, partitions, replicas, configs)


def provoke_topic(properties: Properties, topic: str) -> None:
    """Make the embedded broker create a topic, by asking about it."""
    from confluent_kafka import Producer

    check_writes(properties, f"creating topic {topic}")
    Producer({**librdkafka(properties), "allow.auto.create.topics": True}).list_topics(
        topic, timeout=TIMEOUT
    )


def delete_topic(properties: Properties, topic: str) -> None:
    """Delete a topic; raises UnknownName, KafkaError or Forbidden."""
    Admin(properties).delete_topic(topic)
