"""Asks brokers what the user may do with topics, groups and transactional ids, before anything is
tried."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from types import MappingProxyType
from typing import Any

from kshell.errors import Unsupported
from kshell.kafka.admin import TIMEOUT, Admin
from kshell.kafka.look import Look
from kshell.kafka.messages import DESCRIBE_TRANSACTIONS
from kshell.kafka.rights import FORBIDDEN

__all__ = ["denied_on_group", "denied_on_topic", "denied_on_transactions"]

_LATER = "later"
# There is no such group; the coordinator loads, is not there yet, or has moved.
_ANSWERS = MappingProxyType({69: None, 14: _LATER, 15: _LATER, 16: _LATER})
_PAUSE = 0.1  # seconds


def denied_on_topic(admin: Admin, topic: str, operations: Iterable[str]) -> list[str] | None:
    """The operations that the user may not do on a topic; None where the brokers do not say."""
    from confluent_kafka import TopicCollection

    asked = admin.client.describe_topics(
        TopicCollection([topic]), include_authorized_operations=True, request_timeout=TIMEOUT
    )
    found = admin.answer(asked[topic], f"describe topic {topic}", ("DESCRIBE", f"topic {topic}"))
    return _denied(found, operations)


def denied_on_group(admin: Admin, group: str, operations: Iterable[str]) -> list[str] | None:
    """The same of a group; a coordinator that is not ready is waited for."""
    deadline = time.monotonic() + TIMEOUT
    instead = _ANSWERS
    while True:
        asked = admin.client.describe_consumer_groups(
            [group], include_authorized_operations=True, request_timeout=TIMEOUT
        )
        needs = ("DESCRIBE", f"group {group}")
        found = admin.answer(asked[group], f"describe group {group}", needs, instead)
        if found != _LATER:
            return _denied(found, operations)
        time.sleep(_PAUSE)
        if time.monotonic() > deadline:
            instead = MappingProxyType({69: None})


def denied_on_transactions(look: Look, ids: Sequence[str]) -> list[str]:
    """The transactional ids that the user may not even describe, and so not write with.

    Whether the others may be written with cannot be asked.
    """
    broker = next(iter(look.brokers))  # any one: rights come before the coordinator
    try:
        found = look.ask(DESCRIBE_TRANSACTIONS, {broker: {"ids": list(ids)}})[broker]
    except Unsupported:  # before Kafka 3.0
        return []
    return [t["id"] for t in found["transactions"] if t["error"] in FORBIDDEN]


def _denied(found: Any, operations: Iterable[str]) -> list[str] | None:
    allowed = None if found is None else found.authorized_operations
    if not allowed:
        return None
    names = {operation.name for operation in allowed}
    return [operation for operation in operations if operation not in names]
