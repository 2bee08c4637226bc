"""Rows that the shell itself knows: errors and queries."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kshell.engines.local.sources.system.asked import Asked

__all__ = ["errors", "queries"]

Row = tuple[Any, ...]


def errors(asked: Asked) -> Iterator[Row]:
    """A row for each record that could not be used."""
    rows = asked.errors.rows()
    first = asked.errors.total - len(rows) + 1
    for number, row in enumerate(rows, first):
        time = row.timestamp if row.timestamp >= 0 else None
        yield number, row.topic, row.partition, row.offset, time, row.reason, row.excerpt


def queries(asked: Asked) -> Iterator[Row]:
    """A row for each query in the background."""
    for query in asked.queries():
        yield query.id, query.state, query.failed
