"""Rows about the connectors of Kafka Connect, and the Connect that the properties name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from kshell.config import Properties
from kshell.kafka.connect import FAILED, Connect, Connector, open_connect

if TYPE_CHECKING:
    from kshell.engines.local.sources.system.asked import Asked

__all__ = ["connect_of", "connectors"]

Row = tuple[Any, ...]
_CLASS = "connector.class"


def connect_of(properties: Properties) -> Connect:
    """The Kafka Connect that the properties name; raises UsageError if they name none."""
    own = tuple((n, properties[n]) for n in properties if n.startswith("connect."))
    if own not in properties.opened:
        properties.opened[own] = open_connect(properties)
    connect: Connect = properties.opened[own]
    return connect


def connectors(asked: Asked) -> Iterator[Row]:
    """A row for each connector."""
    for found in connect_of(asked.properties).connectors():
        failed = sum(task.state == FAILED for task in found.tasks)
        yield (
            found.name, found.type, found.state, found.config.get(_CLASS), found.worker,
            len(found.tasks), failed, _why(found),
        )  # fmt: skip


def _why(connector: Connector) -> str | None:
    """Why it has failed, or the first of its tasks that has."""
    traces = (connector.trace, *(task.trace for task in connector.tasks))
    return next((trace for trace in traces if trace), None)
