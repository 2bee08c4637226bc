"""The seam between a session and whatever runs its statements: here, or a remote engine one day.

`session` holds an `Engine`; `local.engine` is the one there is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from kshell.config import Properties
from kshell.results import Answer, Running
from kshell.sql.statements import Statement

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Engine"]


class Engine(Protocol):
    """Runs statements about data; what only concerns the session (SET, HELP) never comes here."""

    def run(self, statement: Statement, properties: Properties) -> Answer:
        """One statement to one result; raises KshellError."""

    def reconnect(self, properties: Properties) -> None:
        """Connect anew; refused while a query runs, and where it fails the old connection stays."""

    def topics(self) -> Sequence[str]:
        """Names of topics; may ask the cluster."""

    def sources(self) -> Sequence[str]:
        """Names of declared streams and tables."""

    def columns(self, name: str, properties: Properties) -> Sequence[str]:
        """Columns of a topic or source, for completion; may read samples."""

    def types(self) -> Mapping[str, pa.DataType]:
        """The types that CREATE TYPE made, by name."""

    def running(self) -> Sequence[Running]:
        """The queries in the background."""

    def close(self) -> None:
        """Stop everything; raises KshellError where a query could not write what it had made."""
