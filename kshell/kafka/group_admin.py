"""Changing consumer groups: what they have committed, and their end.

`kafka/admin` has the connection; `kafka/groups` says how groups are now.  Nothing here joins one.
"""

from __future__ import annotations

from collections.abc import Mapping

from kshell.kafka.admin import TIMEOUT, Admin
from kshell.permits import check_writes

__all__ = ["alter_offsets", "delete_group"]


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
