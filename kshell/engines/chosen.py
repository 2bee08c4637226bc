"""The engine that `kshell.engine` names, for each statement; `session` opens it.

Declarations, topics and all that needs no query belong to both: the local engine has them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from kshell.config import Properties
from kshell.engines.base import Named
from kshell.engines.local.engine import LocalEngine
from kshell.errors import UsageError
from kshell.results import Answer, Proposal, Rows, Running, Task, Waiting
from kshell.sql.statements import Statement

if TYPE_CHECKING:
    import pyarrow as pa

    from kshell.engines.flink.engine import FlinkEngine
    from kshell.engines.local.context import Context

__all__ = ["ChosenEngine"]


class ChosenEngine:
    """An `Engine` that hands each statement to the one that the properties name."""

    def __init__(self, local: LocalEngine) -> None:
        self.local = local
        self._flink: FlinkEngine | None = None

    @property
    def context(self) -> Context:
        """The client, the catalog and more, which both engines share."""
        return self.local.context

    @classmethod
    def connect(
        cls,
        properties: Properties,
        given: Mapping[str, pa.Table] = MappingProxyType({}),
        opens_records: bool = False,
    ) -> ChosenEngine:
        """An engine connected to the Kafka cluster in the properties; raises ConnectionFailed."""
        return cls(LocalEngine.connect(properties, given, opens_records))

    def run(self, statement: Statement, properties: Properties) -> Answer | Proposal | Task:
        """As `Engine.run`."""
        if properties["kshell.engine"] == "local" and not (
            self._flink is not None and self._flink.queries.concerns(statement)
        ):
            return self.local.run(statement, properties)
        if self.context.application is not None:
            raise UsageError(
                "kshell run keeps its queries in its own process, not on Flink",
                hint="kshell.engine=local; or kshell -f FILE, whose queries go on as jobs",
            )
        if self._flink is None:
            from kshell.engines.flink.engine import FlinkEngine

            self._flink = FlinkEngine(self.local)
        return self._flink.run(statement, properties)

    def remember(self, answer: Answer, properties: Properties, text: str) -> Answer:
        """As `Engine.remember`."""
        return self.local.remember(answer, properties, text)

    def last(self, text: str) -> Rows:
        """As `Engine.last`."""
        return self.local.last(text)

    def reconnect(self, properties: Properties) -> list[str]:
        """As `Engine.reconnect`."""
        return self.local.reconnect(properties)

    def keep(self, folder: Path, properties: Properties) -> list[str]:
        """As `Engine.keep`."""
        return self.local.keep(folder, properties)

    def names(self) -> Sequence[Named]:
        """As `Engine.names`."""
        return self.local.names()

    def columns(self, name: str, properties: Properties) -> Mapping[str, pa.DataType]:
        """As `Engine.columns`."""
        return self.local.columns(name, properties)

    def listed(self, what: str, properties: Properties) -> Sequence[str]:
        """As `Engine.listed`."""
        return self.local.listed(what, properties)

    @property
    def held(self) -> Waiting | None:
        """As `Engine.held`."""
        there = self._flink.queries.held if self._flink is not None else None
        return self.local.held or there

    def types(self) -> Mapping[str, pa.DataType]:
        """As `Engine.types`."""
        return self.local.types()

    def running(self) -> Sequence[Running]:
        """As `Engine.running`."""
        there = self._flink.running() if self._flink is not None else ()
        return [*self.local.running(), *there]

    def close(self) -> None:
        """As `Engine.close`."""
        try:
            if self._flink is not None:
                self._flink.close()
        finally:
            self.local.close()
