"""The seam between a session and whatever runs its statements: here, or a remote engine one day."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from kshell.config import Properties
from kshell.results import Result
from kshell.sql.statements import Statement

__all__ = ["Engine"]


class Engine(Protocol):
    """Runs statements about data; what only concerns the session (SET, HELP) never comes here."""

    cluster: str

    def run(self, statement: Statement, properties: Properties) -> Result:
        """One statement to one result; raises KshellError."""

    def topics(self) -> Sequence[str]:
        """Names of topics; may ask the cluster."""

    def sources(self) -> Sequence[str]:
        """Names of declared streams and tables."""

    def columns(self, name: str) -> Sequence[str]:
        """Columns of a topic or source, for completion; may read samples."""

    def running(self) -> Sequence[str]:
        """One short line for each query that runs in the background."""

    def close(self) -> None:
        """Stop everything."""
