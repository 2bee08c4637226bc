"""Consumer groups: their members, their committed offsets, and changing these.

`kafka/admin` has the connection.  Nothing here joins a group.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from kshell.kafka.admin import TIMEOUT, Admin
from kshell.permits import check_writes

__all__ = ["Group", "Offsets", "alter_offsets", "committed", "delete_group", "described",
           "group_names", "groups_in"]  # fmt: skip

Offsets = dict[tuple[str, int], int]  # by topic and partition
_NO_GROUP = 69


@dataclass(frozen=True, slots=True)
class Group:
    """A group: its name, its state in Kafka's word, and its live members."""

    name: str
    state: str
    members: tuple[str, ...]

    @property
    def there(self) -> bool:
        """Whether the group exists: brokers describe one that does not as dead."""
        return self.state != "DEAD"


def group_names(admin: Admin) -> list[str]:
    """The groups that the user may see; raises Forbidden, KafkaError."""
    asked = admin.client.list_consumer_groups(request_timeout=TIMEOUT)
    found = admin.answer(asked, "list groups", ("DESCRIBE", "cluster"))
    return sorted(group.group_id for group in found.valid)


def described(admin: Admin, group: str) -> Group:
    """A group as it is now; raises Forbidden, KafkaError."""
    asked = admin.client.describe_consumer_groups([group], request_timeout=TIMEOUT)
    needs = ("DESCRIBE", f"group {group}")
    found = admin.answer(asked[group], f"describe group {group}", needs, {_NO_GROUP: None})
    if found is None:
        return Group(group, "DEAD", ())
    members = tuple(f"{m.client_id} at {m.host.lstrip('/')}" for m in found.members)
    return Group(group, found.state.name, members)


def committed(admin: Admin, group: str) -> Offsets:
    """A group's committed offsets; raises Forbidden, KafkaError."""
    return _committed(admin, [group], None)[group]


def groups_in(admin: Admin, topic: str, partitions: Iterable[int]) -> dict[str, Offsets]:
    """The groups that have committed offsets in a topic, by name, with these offsets."""
    places = [(topic, p) for p in partitions]
    found = _committed(admin, group_names(admin), places)
    return {group: offsets for group, offsets in found.items() if offsets}


def _committed(
    admin: Admin, groups: Iterable[str], places: list[tuple[str, int]] | None
) -> dict[str, Offsets]:
    """Asks for all groups at once: one request for each."""
    from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition

    asked: dict[str, Future[Any]] = {}
    for group in groups:
        parts = None if places is None else [TopicPartition(t, p) for t, p in places]
        wanted = ConsumerGroupTopicPartitions(group, parts)
        asked |= admin.client.list_consumer_group_offsets([wanted], request_timeout=TIMEOUT)
    return {
        group: {
            (part.topic, part.partition): part.offset
            for part in admin.answer(
                one, f"read offsets of group {group}", ("DESCRIBE", f"group {group}")
            ).topic_partitions
            if part.offset >= 0
        }
        for group, one in asked.items()
    }


def alter_offsets(admin: Admin, group: str, offsets: Mapping[tuple[str, int], int]) -> None:
    """Commit these offsets for a group without members; raises Forbidden, KafkaError."""
    from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition

    check_writes(admin.properties, f"resetting group {group}")
    parts = [TopicPartition(t, p, offset) for (t, p), offset in offsets.items()]
    wanted = ConsumerGroupTopicPartitions(group, parts)
    asked = admin.client.alter_consumer_group_offsets([wanted], request_timeout=TIMEOUT)
    doing = f"reset group {group}"
    for part in admin.answer(asked[group], doing, ("READ", f"group {group}")).topic_partitions:
        where = f"{doing} on topic {part.topic}, partition {part.partition}"
        admin.check(part.error, where, ("READ", f"topic {part.topic}"))


def delete_group(admin: Admin, group: str) -> None:
    """Delete a group without members, and what it has committed."""
    check_writes(admin.properties, f"deleting group {group}")
    asked = admin.client.delete_consumer_groups([group], request_timeout=TIMEOUT)
    admin.answer(asked[group], f"delete group {group}", ("DELETE", f"group {group}"))
