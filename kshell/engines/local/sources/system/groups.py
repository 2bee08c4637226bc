"""Rows about groups, their members, and what they have committed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kshell.engines.local.sources.system.asked import Asked
from kshell.kafka.groups import Group, commits, described, listed

__all__ = ["groups", "members", "offsets", "wanted_groups"]

Row = tuple[Any, ...]


def wanted_groups(asked: Asked) -> list[Group]:
    """The groups that the query can need."""
    found = listed(asked.look)
    return [g for g in found.values() if asked.only is None or g.id in asked.only]


def groups(asked: Asked) -> Iterator[Row]:
    """A row for each group; its coordinator describes it only if that is needed."""
    found = wanted_groups(asked)
    unsaid = asked.names("state") and any(not g.state for g in found)
    needed = asked.names("strategy", "members") or unsaid
    details = described(asked.look, found) if needed else {}
    for g in found:
        more = details.get(g.id)
        yield (
            g.id, g.state or (more.state if more else None), g.protocol_type or None,
            g.type or None, g.broker, (more.strategy or None) if more else None,
            len(more.members) if more else None,
        )  # fmt: skip


def members(asked: Asked) -> Iterator[Row]:
    """A row for each member of each group."""
    found = wanted_groups(asked)
    details = described(asked.look, found)
    for g in found:
        for m in details[g.id].members if g.id in details else ():
            held = [(topic, list(parts)) for topic, parts in m.assignment.items()]
            count = sum(len(parts) for _, parts in held)
            yield g.id, m.id, m.instance, m.client, m.host, count, held


def offsets(asked: Asked) -> Iterator[Row]:
    """A row for each commit."""
    for group, held in commits(asked.look, wanted_groups(asked)).items():
        for (topic, partition), commit in sorted(held.items()):
            yield group, topic, partition, commit.offset, commit.metadata or None
