"""What a statement's handler works with: the client, the catalog, the queries that run, the errors.

`engine` makes one; the modules of `statements` take it beside the session's properties, of which it
keeps none.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING

from kshell.catalog.catalog import Catalog
from kshell.catalog.model import Source
from kshell.config import Properties
from kshell.engines.error_log import ErrorLog
from kshell.engines.local.sources.topic_name import topic_named
from kshell.errors import KafkaError, UnknownName
from kshell.kafka.client import Client
from kshell.sql.statements import Name

if TYPE_CHECKING:
    from sqlglot import exp

    from kshell.engines.local.continuous.background import Background
    from kshell.engines.local.sources.sample import Sampled

__all__ = ["Context"]


class Context:
    """One engine's state; used by one thread at a time."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.errors = ErrorLog()
        self.catalog = Catalog()
        self.queries: dict[str, Background] = {}
        self.asserted: dict[str, set[tuple[int, int]]] = {}  # (partition, offset) by topic
        self._columns: dict[str, tuple[str, ...]] = {}  # of topics that were sampled
        self._numbers = count(1)

    def topic_named(self, name: Name) -> str:
        """The topic that a name means; raises UnknownName, Forbidden, BindError."""
        return topic_named(self.client, name)

    def sample(self, name: Name, properties: Properties) -> Sampled:
        """The format and the columns of a topic that nobody declared, inferred from records."""
        from kshell.engines.local.sources.sample import sample

        found = sample(self.client, self.topic_named(name), properties)
        self._columns[found.source.topic] = tuple(c.name for c in found.source.value)
        return found

    def columns(self, name: str, properties: Properties) -> tuple[str, ...]:
        """Names of the columns of a declared source or a topic; a topic is sampled once."""
        declared = self.catalog.find(name, quoted=False)
        if declared is not None:
            return tuple(c.name for c in declared.columns())
        topic = self.topic_named(Name(name))
        if topic not in self._columns:
            self.sample(Name(name), properties)
        return self._columns[topic]

    def catalog_for(self, tree: exp.Expr, properties: Properties) -> Catalog:
        """The catalog with the topics that a query names and nobody declared."""
        from kshell.sql.bind.sources import source_names

        catalog = self.catalog
        for text, quoted in source_names(tree):
            if catalog.find(text, quoted) is None:
                source = self.sample(Name(text, quoted), properties).source
                catalog = catalog.with_topic(replace(source, name=text))
        return catalog

    def make_topic(
        self, name: str, partitions: int, replicas: int, configs: Mapping[str, str]
    ) -> None:
        """Create a topic, and wait until every partition has a leader; raises KafkaError."""
        from kshell.kafka import admin

        properties = self.client.properties
        if self.client.creates_topics:
            admin.create_topic(
                properties, name, partitions=partitions, replicas=replicas, configs=configs
            )
        else:
            admin.provoke_topic(properties, name)
        deadline = time.monotonic() + 10
        while True:
            with contextlib.suppress(UnknownName):
                if all(p.leader >= 0 for p in self.client.topic(name).partitions):
                    return
            if time.monotonic() > deadline:
                raise KafkaError(f"topic {name} has no leaders 10 s after it was created")
            time.sleep(0.05)

    def next_id(self, prefix: str) -> str:
        """A new query's id."""
        return f"{prefix}_{next(self._numbers)}"

    def terminate(self, id: str) -> None:
        """End a query."""
        self.queries.pop(id).stop()
        self.catalog = self.catalog.without_query(id)

    def keeper_of(self, source: Source) -> Background | None:
        """The query of this shell that keeps a table's current rows, if one does."""
        for query in self.queries.values():
            if query.sink.target.name == source.name and query.outlet.rows is not None:
                return query
        return None
