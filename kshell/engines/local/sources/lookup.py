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
from kshell.results import Notice, NoticeKind
from kshell.sql.statements import Name

if TYPE_CHECKING:
    from kshell.engines.local.context import Context
    from kshell.engines.local.continuous.background import Background

__all__ = ["Lookup"]

_PATIENCE = 5.0  # seconds that a bounded query waits for a kept table to have read what was there


@dataclass
class Lookup:
    """Names in FROM as tables, each opened once; `notices` are to stand below the answer."""

    context: Context
    properties: Properties

    def __post_init__(self) -> None:
        number = self.properties.number
        self.budget = Budget(
            number("kshell.scan.max.records"),
            number("kshell.scan.max.bytes"),
            number("kshell.scan.max.seconds"),
        )
        self.notices: list[Notice] = []
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
        self.notices += _behind(keeper, keeper.catch_up(_PATIENCE), source.name)
        rows = keeper.outlet.rows
        assert rows is not None  # what makes it a keeper
        return KeptTable(source, rows.snapshot())


def _behind(keeper: Background, whole: bool, name: str) -> tuple[Notice, ...]:
    """What the table that a query keeps may lack; `whole`: it has what was there at its start."""
    lag = keeper.feed.lag
    if keeper.error is not None:
        text = f"query {keeper.id} failed, {name} is as it was then: {keeper.error.what}"
    elif keeper.feed.note or lag or not whole:
        behind = keeper.feed.note or "has not read yet what was there when it began"
        if lag and not keeper.feed.note:
            behind = f"{lag:,} record{'s' * (lag != 1)} behind"
        text = f"query {keeper.id}, which keeps {name}: {behind}"
    else:
        return ()
    return (Notice(NoticeKind.PARTIAL, text, lag),)
