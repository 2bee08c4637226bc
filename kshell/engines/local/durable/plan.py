"""A persistent query of an application's file, bound and not started.

`application` collects them; `query` runs each.
"""

from __future__ import annotations

import contextvars
from collections.abc import Callable
from dataclasses import dataclass

from kshell.engines.local.durable.fingerprint import fingerprint
from kshell.engines.local.durable.ledger import Header, query_id, state_topic
from kshell.engines.local.sources.lookup import Lookup
from kshell.errors import Place
from kshell.sql.plan import Sink, scans
from kshell.stream.graph import Graph, build

__all__ = ["Plan"]


@dataclass(frozen=True, slots=True)
class Plan:
    """A query's name in its application, its plan, and what makes it run."""

    application: str
    name: str
    sink: Sink
    statement: str
    lookup: Callable[[], Lookup]  # a new look at the cluster
    version: str  # of this kshell
    context: contextvars.Context  # has the user's functions and the session's DuckDB
    place: Place | None = None
    dead_letters: str = ""  # the topic of records that cannot be decoded; empty: there is none

    @property
    def id(self) -> str:
        """The transactional id, and the group of the offsets."""
        return query_id(self.application, self.name)

    @property
    def state_topic(self) -> str:
        """The topic of its state."""
        return state_topic(self.application, self.name)

    @property
    def anew(self) -> str:
        """The way out where a topic is not what it was: a hint."""
        return f"--reset {self.name} forgets its state and begins anew: outputs are written again"

    def topic_of(self, scan: int) -> str:
        """The topic that a scan of the plan reads."""
        return list(scans(self.sink))[scan].source.topic

    def graph(self, lookup: Lookup) -> Graph:
        """Its operators, without state; rows that fail are told to what the lookup has then."""

        def failed(row: dict[str, object], column: str, message: str) -> None:
            lookup.errors.evaluation(self.name, column, message)

        return self.context.copy().run(build, self.sink, failed)

    def header(self, graph: Graph) -> Header:
        """What its state is of; raises Unsupported where an operator's state cannot be kept."""
        return Header(self.statement, fingerprint(self.sink, graph), self.version)
