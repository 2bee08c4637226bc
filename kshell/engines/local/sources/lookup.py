"""What a name in FROM is, for a bounded query: a kept table, a declared source, or a topic.

`statements.select` and EXPLAIN look names up here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kshell.batch.tables import Table
from kshell.config import Properties
from kshell.engines.local.sources.declared_table import DeclaredTable
from kshell.engines.local.sources.kept_table import KeptTable
from kshell.engines.local.sources.topic import Budget, TopicTable
from kshell.sql.statements import Name

if TYPE_CHECKING:
    from kshell.engines.local.context import Context

__all__ = ["Lookup"]

_PATIENCE = 5.0  # seconds that a bounded query waits for a kept table to have read what was there


@dataclass
class Lookup:
    """Names in FROM as tables, each opened once; `remarks` are to stand below the answer."""

    context: Context
    properties: Properties

    def __post_init__(self) -> None:
        number = self.properties.number
        self.budget = Budget(
            number("kshell.scan.max.records"),
            number("kshell.scan.max.bytes"),
            number("kshell.scan.max.seconds"),
        )
        self.remarks: list[str] = []
        self._tables: dict[str, Table] = {}

    def __call__(self, name: Name) -> Table:
        declared = self.context.catalog.find(name.text, name.quoted)
        identity = declared.name if declared else f"topic {self.context.topic_named(name)}"
        if identity not in self._tables:
            self._tables[identity] = self._declared(name) or self._topic(name)
        return self._tables[identity]

    def _topic(self, name: Name) -> Table:
        context = self.context
        source = context.sample(name, self.properties).source
        return TopicTable(context.client, source, context.errors, self.budget, self.properties)

    def _declared(self, name: Name) -> Table | None:
        context = self.context
        source = context.catalog.find(name.text, name.quoted)
        if source is None:
            return None
        keeper = context.keeper_of(source)
        if keeper is None:
            return DeclaredTable(
                context.client, source, context.errors, self.budget, self.properties
            )
        whole = keeper.catch_up(_PATIENCE)
        if keeper.error is not None:
            self.remarks.append(
                f"query {keeper.id} failed, {source.name} is as it was then: {keeper.error.what}"
            )
        elif keeper.feed.note or keeper.feed.lag or not whole:
            behind = keeper.feed.note or "has not read yet what was there when it began"
            if keeper.feed.lag and not keeper.feed.note:
                behind = f"{keeper.feed.lag:,} records behind"
            self.remarks.append(f"query {keeper.id}, which keeps {source.name}: {behind}")
        rows = keeper.outlet.rows
        assert rows is not None  # what makes it a keeper
        return KeptTable(source, rows.snapshot())
