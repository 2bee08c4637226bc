"""The interface between a session and the engine that runs its statements.

`session` holds an `Engine`; `local.engine` is the only one now.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from kshell.config import Properties
from kshell.results import Answer, Proposal, Rows, Running, Task, Waiting
from kshell.sql.statements import Statement

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Engine", "Named"]


@dataclass(frozen=True, slots=True)
class Named:
    """A name that FROM takes: "stream", "table", "topic" or "system table", and its topic's
    partitions.

    Internal topics are those that Kafka or its tools made for themselves.
    """

    name: str
    kind: str
    partitions: int = 0
    internal: bool = False


class Engine(Protocol):
    """Runs statements about data; the session runs those that concern only it (SET, HELP)."""

    def run(self, statement: Statement, properties: Properties) -> Answer | Proposal | Task:
        """Run one statement and give its result; raises KshellError.

        One that changes the cluster has only planned the change, if it is a Proposal.
        """

    def remember(self, answer: Answer, properties: Properties, text: str) -> Answer:
        """The answer of the SELECT `text`, which is the last result when it was read."""

    def last(self, text: str) -> Rows:
        """The last result, if there is a text that of this SELECT and whole; raises UsageError."""

    def reconnect(self, properties: Properties) -> list[str]:
        """Connect again; refused while a query runs; if it fails, the old connection stays.

        With another cluster come the declarations that are kept of it, as by `keep`.
        """

    def keep(self, folder: Path, properties: Properties) -> list[str]:
        """Declare what is kept in a folder for this cluster, and keep what is declared from now on.

        Returns what is not as it was when it was declared, a sentence each.
        """

    def names(self) -> Sequence[Named]:
        """The names that FROM takes; may ask the cluster."""

    def columns(self, name: str, properties: Properties) -> Mapping[str, pa.DataType]:
        """Columns of a topic or source with their types, for completion; may read samples."""

    def listed(self, what: str, properties: Properties) -> Sequence[str]:
        """The names of each "group", "broker" …, for completion; asks the cluster."""

    def types(self) -> Mapping[str, pa.DataType]:
        """The types made by CREATE TYPE, by name."""

    def running(self) -> Sequence[Running]:
        """The queries in the background."""

    @property
    def held(self) -> Waiting | None:
        """What an open transaction or statement set holds; None without one."""

    def close(self) -> None:
        """Stop all queries and disconnect; KshellError if a query could not write its rows."""
