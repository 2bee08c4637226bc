"""What a query asks of a system table; the functions that make rows get one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from kshell.config import Properties
from kshell.engines.error_log import ErrorLog
from kshell.kafka.look import Look
from kshell.results import Running

__all__ = ["Asked", "Rows"]


@dataclass(frozen=True, slots=True)
class Asked:
    """The look at the cluster, the columns that are named, and the only values, as text, that a
    column that narrows the table may have (None: all).

    `earlier` is an earlier look, for what changes from one to the next.
    """

    look: Look
    columns: frozenset[str]
    only: frozenset[str] | None
    errors: ErrorLog
    queries: Callable[[], Sequence[Running]]
    properties: Properties
    earlier: Look | None = None

    def names(self, *columns: str) -> bool:
        """Whether the query names one of these columns."""
        return not self.columns.isdisjoint(columns)


Rows = Callable[[Asked], Iterable[tuple[Any, ...]]]
