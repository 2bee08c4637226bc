"""Rows about ACLs, transactions, producers, quotas and log directories."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kshell.engines.local.sources.system.asked import Asked
from kshell.kafka import states

__all__ = ["acls", "log_dirs", "producers", "quotas", "transactions"]

Row = tuple[Any, ...]
# Kafka's names by its numbers, from 0 on.
_RESOURCES = ("UNKNOWN", "ANY", "TOPIC", "GROUP", "CLUSTER", "TRANSACTIONAL_ID",
              "DELEGATION_TOKEN", "USER")  # fmt: skip
_PATTERNS = ("UNKNOWN", "ANY", "MATCH", "LITERAL", "PREFIXED")
_OPERATIONS = ("UNKNOWN", "ANY", "ALL", "READ", "WRITE", "CREATE", "DELETE", "ALTER", "DESCRIBE",
               "CLUSTER_ACTION", "DESCRIBE_CONFIGS", "ALTER_CONFIGS", "IDEMPOTENT_WRITE",
               "CREATE_TOKENS", "DESCRIBE_TOKENS", "TWO_PHASE_COMMIT")  # fmt: skip
_PERMISSIONS = ("UNKNOWN", "ANY", "DENY", "ALLOW")
_DEFAULT = "<default>"


def _named(names: tuple[str, ...], number: int) -> str:
    return names[number] if 0 <= number < len(names) else f"UNKNOWN ({number})"


def acls(asked: Asked) -> Iterator[Row]:
    """A row for each rule."""
    for resource, rule in states.acls(asked.look):
        yield (
            _named(_RESOURCES, resource["type"]), resource["name"],
            _named(_PATTERNS, resource["pattern"]), rule["principal"], rule["host"],
            _named(_OPERATIONS, rule["operation"]), _named(_PERMISSIONS, rule["permission"]),
        )  # fmt: skip


def quotas(asked: Asked) -> Iterator[Row]:
    """A row for each quota."""
    for whom, name, value in states.quotas(asked.look):
        parts = (_DEFAULT if kind in whom and whom[kind] is None else whom.get(kind)
                 for kind in ("user", "client-id", "ip"))  # fmt: skip
        yield *parts, name, value


def log_dirs(asked: Asked) -> Iterator[Row]:
    """A row for each replica in a directory."""
    for broker, found, topic, part in states.log_dirs(asked.look, asked.only):
        yield (
            broker, found["path"], topic, part["partition"], part["bytes"], part["offset_lag"],
            part["future"],
        )  # fmt: skip


def producers(asked: Asked) -> Iterator[Row]:
    """A row for each producer of a partition."""
    for topic, partition, p in states.producers(asked.look, asked.only):
        yield (
            topic, partition, p["id"], p["epoch"], p["last_sequence"], _since(p["last_time"]),
            _since(p["transaction_start"]),
        )  # fmt: skip


def transactions(asked: Asked) -> Iterator[Row]:
    """A row for each transactional id; it is described only if more is named than is listed."""
    details = asked.names("producer_epoch", "started", "timeout_ms", "written_to")
    for broker, listed, more in states.transactions(asked.look, details):
        yield (
            listed["id"], listed["state"], broker, listed["producer"],
            *((more["epoch"], _since(more["started"]), more["timeout"],
               [(t["topic"], sorted(t["partitions"])) for t in more["topics"]])
              if more else (None, None, None, None)),
        )  # fmt: skip


def _since(number: int) -> int | None:
    """A time or an offset, for which Kafka writes -1 if there is none."""
    return number if number >= 0 else None
