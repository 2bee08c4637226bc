"""Asks brokers what the user may do with topics and groups, before anything is tried.

Nothing can be asked of a transactional id.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kshell.kafka.admin import TIMEOUT, Admin

__all__ = ["denied_on_group", "denied_on_topic"]


def denied_on_topic(admin: Admin, topic: str, operations: Iterable[str]) -> list[str] | None:
    """The operations that the user may not do on a topic; None where the brokers do not say."""
    from confluent_kafka import TopicCollection

    asked = admin.client.describe_topics(
        TopicCollection([topic]), include_authorized_operations=True, request_timeout=TIMEOUT
    )
    found = admin.answer(asked[topic], f"describe topic {topic}", ("DESCRIBE", f"topic {topic}"))
    return _denied(found, operations)


def denied_on_group(admin: Admin, group: str, operations: Iterable[str]) -> list[str] | None:
    """The same of a group."""
    asked = admin.client.describe_consumer_groups(
        [group], include_authorized_operations=True, request_timeout=TIMEOUT
    )
    found = admin.answer(
        asked[group], f"describe group {group}", ("DESCRIBE", f"group {group}"), {69: None}
    )
    return _denied(found, operations)


def _denied(found: Any, operations: Iterable[str]) -> list[str] | None:
    allowed = None if found is None else found.authorized_operations
    if not allowed:
        return None
    names = {operation.name for operation in allowed}
    return [operation for operation in operations if operation not in names]
