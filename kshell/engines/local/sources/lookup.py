"""Finds the source of a name in FROM, for every statement: a table, a declared source, a topic.

A handler of `statements` gets one from its context for each statement.  A topic's metadata and
offsets are taken once and shared by all of a statement: its sample, its scans, its inputs.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

from kshell.catalog.catalog import Catalog
from kshell.catalog.model import Source
from kshell.config import Properties
from kshell.engines.error_log import ErrorLog
from kshell.engines.local.sources.clusters import Clusters, Remote
from kshell.engines.local.sources.learned import Widening
from kshell.engines.local.sources.memory import Memory
from kshell.errors import BindError, UnknownName, UsageError
from kshell.kafka.client import Client
from kshell.kafka.metadata import Snapshot, Topic
from kshell.results import LAST, Notice, NoticeKind, Running
from kshell.sql.clauses import AtGroup, Name, Query

if TYPE_CHECKING:
    import pyarrow as pa

    from kshell.batch.tables import Table
    from kshell.engines.local.sources.budget import Budget
    from kshell.engines.local.sources.kept_table import Keeper
    from kshell.engines.local.sources.learned import Misfits
    from kshell.engines.local.sources.sample import Sampled
    from kshell.engines.local.sources.standing import Standing
    from kshell.engines.local.sources.system.asked import Asked
    from kshell.engines.local.sources.system.tables import SystemTable
    from kshell.kafka.look import Look

__all__ = ["Lookup", "given_named"]

_PATIENCE = 5.0  # seconds that a bounded query waits for a kept table to have read what was there


def given_named(given: Mapping[str, pa.Table], name: Name) -> str | None:
    """The given table that a name means: the exact one or, unquoted, the only one that fits."""
    if name.text in given:
        return name.text
    folded = [n for n in given if n.casefold() == name.text.casefold()]
    return folded[0] if len(folded) == 1 and not name.quoted else None


@dataclass
class Lookup:
    """Names of one statement, each looked up once; `notices` are to stand below its answer."""

    connected: Callable[[], Client]  # raises UsageError where the session has no cluster
    catalog: Catalog
    given: Mapping[str, pa.Table]
    errors: ErrorLog
    properties: Properties
    keeper_of: Callable[[Source], Keeper | None]
    widening: Widening
    memory: Memory
    queries: Callable[[], Sequence[Running]]
    clusters: Clusters
    notices: list[Notice] = field(default_factory=list)
    _named: dict[str, Topic] = field(default_factory=dict)
    _remote: dict[str, Remote] = field(default_factory=dict)  # topics of other clusters
    _snapshots: dict[str, Snapshot] = field(default_factory=dict)
    _sampled: dict[str, Sampled] = field(default_factory=dict)
    _tables: dict[str, Table] = field(default_factory=dict)
    _seen: set[str] = field(default_factory=set)  # given tables of which it was said that they win
    _budget: Budget | None = None
    _groups: dict[str, Standing] = field(default_factory=dict)  # by topic: AT GROUP
    _look: Look | None = None  # at the cluster's state, which all system tables share

    @property
    def client(self) -> Client:
        """The connection to the cluster."""
        return self.connected()

    @property
    def budget(self) -> Budget:
        """What each scan of the statement may read."""
        from kshell.engines.local.sources.budget import Budget

        if self._budget is None:
            self._budget = Budget(self.properties)
        return self._budget

    def topic(self, name: Name) -> Topic:
        """The topic that a name means: the exact one, or in any case the only one that fits.

        Raises UnknownName with the nearest names, Forbidden, BindError where several fit or where
        it is a system table's.
        """
        if name.text not in self._named:
            try:
                client = self.client
            except UsageError:
                self._refuse_last(name)
                if not self.given:
                    raise
                raise UnknownName("table", name.text, self.given, place=name.place) from None
            self._refuse_system(name)
            found = client.find(name.text) or self._elsewhere(name) or self._in_any_case(name)
            self._named[name.text] = found
        return self._named[name.text]

    def _elsewhere(self, name: Name) -> Topic | None:
        """The topic of another profile's cluster, if the name has such a profile."""
        remote = self.clusters.find(name, self.properties)
        if remote is None:
            return None
        if remote.found is None:
            raise self.clusters.missing(remote, name)
        self._remote[remote.name] = remote
        self.notices.append(remote.notice)
        return remote.found

    def topic_name(self, name: Name) -> str:
        """By which name the statement knows a topic: its own, or with its profile before it."""
        topic = self.topic(name)
        return name.text if name.text in self._remote else topic.name

    def client_of(self, topic: str) -> Client:
        """The connection to the cluster of a topic, by the name that the statement has for it."""
        return self._remote[topic].client if topic in self._remote else self.client

    def properties_of(self, topic: str) -> Properties:
        """The properties that a topic is read with."""
        remote = self._remote.get(topic)
        return self.properties if remote is None else remote.properties

    def _in_any_case(self, name: Name) -> Topic:
        known = {t.name: t for t in self.client.topics()}
        folded = [n for n in known if n.casefold() == name.text.casefold()]
        if len(folded) > 1:
            raise BindError(
                f"{name.text} could be {' or '.join(folded)}",
                hint=f'quote the one you mean: "{folded[0]}"',
                place=name.place,
            )
        if not folded:
            self._refuse_last(name)
            self.system(name)  # which raises UnknownName for kafka.NAME
            elsewhere = self.clusters.alike(name)
            raise UnknownName("topic", name.text, [*known, *elsewhere], place=name.place)
        return known[folded[0]]

    def _refuse_system(self, name: Name) -> None:
        """Raise BindError if the name means a system table, whatever topics there are."""
        if self.is_system(name):
            raise BindError(
                f"{name.text} is a system table: it has no records, and SELECT reads its rows",
                hint=f"SELECT * FROM {name.text}; `{name.text}` in backticks is the topic of that"
                " name", place=name.place,
            )  # fmt: skip

    def _refuse_last(self, name: Name) -> None:
        """Raise BindError if the name means the last result, of which there is none."""
        if name.text == LAST and not name.quoted:
            why, hint = self.memory.missing
            raise BindError(f"{LAST} is missing: {why}", hint=hint, place=name.place)

    def snapshot(self, topic: str) -> Snapshot:
        """A topic, by its exact name, and its offsets; raises UnknownName, Forbidden or Outage.

        Who reads it says which partitions are missing, or checks that it is whole.
        """
        if topic not in self._snapshots:
            here = (t for n, t in self._named.items() if t.name == topic and n not in self._remote)
            found = self._remote[topic].found if topic in self._remote else next(here, None)
            client = self.client_of(topic)
            self._snapshots[topic] = client.snapshot(
                found or client.topic(topic), self.properties["isolation.level"]
            )
        return self._snapshots[topic]

    def sample(self, name: Name) -> Sampled:
        """The format and the columns of a topic that nobody declared, inferred from records."""
        from kshell.engines.local.sources.sample import sample

        topic, called = self.topic(name), self.topic_name(name)
        if called not in self._sampled:
            found = sample(
                self.client_of(called), self.snapshot(called), self.properties_of(called)
            )
            if remote := self._remote.get(called):
                found = found.of_profile(called, remote.profile)
            self._sampled[called] = found
        return self._sampled[called].wider(self.widening.known.of(topic))

    def sampled(self) -> Sequence[Sampled]:
        """The undeclared topics of the statement, as they are known by now."""
        known = self.widening.known
        return [s.wider(known.of(self.topic(Name(n)))) for n, s in self._sampled.items()]

    def again(self) -> None:
        """The same offsets and samples once more, with all that is learned by now."""
        self._tables.clear()
        self._budget = None
        self.widening.again()

    def misfits(self, source: Source) -> Misfits | None:
        topic = self.snapshot(source.topic).topic
        return None if source.declared else self.widening.misfits_of(topic, source)

    def source(self, name: Name) -> Source:
        """The given table's or the declared source of that name, else a topic's as inferred."""
        if (given := self._given(name)) is not None:
            from kshell.engines.local.sources.given import given_source

            return given_source(given, self.given[given])
        if (system := self.system(name)) is not None:
            from kshell.engines.local.sources.system.faces import system_source

            return system_source(system)
        declared = self.catalog.find(name.text, name.quoted)
        return self.sample(name).source if declared is None else declared

    @staticmethod
    def is_system(name: Name) -> bool:
        """Whether a name means a system table, whatever topics there are."""
        if name.quoted or "." not in name.text:
            return False
        from kshell.engines.local.sources.system.faces import system_named

        return system_named(name, lambda _: True) is not None

    def system(self, name: Name) -> SystemTable | None:
        """The system table that a name means; raises UnknownName, with those that there are."""
        if name.quoted or "." not in name.text:
            return None
        from kshell.engines.local.sources.system.faces import system_named

        def exists(text: str) -> bool:
            if self.catalog.find(text, False) is not None:
                return True
            return any(t.name.casefold() == text.casefold() for t in self.client.topics())

        return system_named(name, exists)

    @property
    def look(self) -> Look:
        """The one look at the cluster that all of a bounded statement share."""
        from kshell.kafka.look import Look

        self._look = self._look or Look(self.connected)
        return self._look

    def ask(
        self, columns: frozenset[str], only: frozenset[str] | None = None, look: Look | None = None,
        earlier: Look | None = None,
    ) -> Asked:  # fmt: skip
        """What a query asks of a system table; of the statement's look, if none is given."""
        from kshell.engines.local.sources.system.asked import Asked

        return Asked(
            look or self.look, columns, only, self.errors, self.queries, self.properties, earlier
        )

    def read_at(self, groups: Sequence[AtGroup]) -> None:
        """Read these sources from where their groups stand; raises UnknownName, BindError."""
        from kshell.engines.local.sources.standing import standing
        from kshell.kafka.look import Look

        for at in groups:
            name = at.source
            declared = self.catalog.find(name.text, name.quoted)
            in_file = declared is not None and declared.file is not None
            if in_file or self._given(name) is not None or self.system(name) is not None:
                raise BindError(f"{name.text} is no topic: groups do not read it", place=name.place)
            topic = self.topic_name(name) if declared is None else declared.topic
            before, look = self._groups.get(topic), Look(partial(self.client_of, topic))
            found = standing(look, topic, declared, partial(self.snapshot, topic), at, before)
            self._groups[topic] = found
            self.notices += found.notices if before is None else ()

    def standing(self, topic: str) -> Standing | None:
        """Where a topic is read from, if the query says AT GROUP."""
        return self._groups.get(topic)

    def held(self, source: Source) -> pa.Table | None:
        """The rows of a plan's source that are in memory: a given table's, a file's."""
        if source.file is not None:
            return source.file.rows
        return None if source.declared else self.given.get(source.topic)

    def offsets(self, source: Source) -> Mapping[int, tuple[int, int]]:
        """Per partition [first, end) of a plan's source; rows in memory are counted."""
        if source.system:
            return {}
        if (rows := self.held(source)) is not None:
            return {0: (0, rows.num_rows)}
        return self.snapshot(source.topic).offsets

    def _given(self, name: Name) -> str | None:
        """The given table that a name means; it wins over a topic, and that is said."""
        found = given_named(self.given, name)
        if found == LAST and name.quoted and self.memory.there:  # a topic may have that name
            return None
        if found is not None and found not in self._seen:
            self._seen.add(found)
            if found == LAST:
                self.notices += self.memory.notices
                return found
            with contextlib.suppress(UsageError):  # without a cluster there are no topics
                if self.client.find(name.text) is not None:
                    text = f"{found} is the table given to this session, not the topic"
                    self.notices.append(Notice(NoticeKind.GIVEN, text))
        return found

    def __call__(self, name: Name) -> Table:
        """To scan: what is there now."""
        if (given := self._given(name)) is not None:
            from kshell.engines.local.sources.given import GivenTable

            why = "the last result" if given == LAST else "given to this session"
            made = GivenTable(given, self.given[given], why)
            return self._tables.setdefault(f"given {given}", made)
        if (system := self.system(name)) is not None:
            from kshell.engines.local.sources.system.faces import SystemScan

            return SystemScan(system, self.ask)
        declared = self.catalog.find(name.text, name.quoted)
        identity = f"topic {self.topic_name(name)}" if declared is None else declared.name
        if identity not in self._tables:
            self._tables[identity] = self._table(name, declared)
        return self._tables[identity]

    def _table(self, name: Name, declared: Source | None) -> Table:
        keeper = None if declared is None else self.keeper_of(declared)
        if declared is not None and keeper is not None:
            from kshell.engines.local.sources.kept_table import KeptTable

            rows, notices = keeper.kept(_PATIENCE)
            self.notices += notices
            return KeptTable(declared, rows)
        if declared is not None and declared.file is not None:
            from kshell.engines.local.sources.file import FileTable

            return FileTable(declared, declared.file)
        if declared is None:
            from kshell.engines.local.sources.topic import TopicTable as Made
        else:
            from kshell.engines.local.sources.declared_table import DeclaredTable as Made
        from kshell.engines.local.sources.topic import TopicRead

        source = declared or self.sample(name).source
        return Made(
            TopicRead(
                self.client_of(source.topic), self.snapshot(source.topic), source, self.errors,
                self.budget, self.properties_of(source.topic), self.widening,
                self.standing(source.topic),
            )
        )  # fmt: skip

    def catalog_for(self, query: Query) -> Catalog:
        """The catalog with the topics and the system tables that a query names.

        Windows are over streams: with one, a system table is the stream of what each look shows.
        """
        from kshell.sql.bind.sources import source_names

        if not self._groups:
            self.read_at(query.groups)
        catalog = self.catalog
        for text, quoted in source_names(query.tree):
            name = Name(text, quoted)
            found = self._given(name) is not None or self.system(name) is not None
            if found or catalog.find(text, quoted) is None:
                source = self.source(name)
                if source.system and query.window is not None:
                    from kshell.engines.local.sources.system.faces import as_stream

                    source = as_stream(source)
                catalog = catalog.with_topic(replace(source, name=text))
        return catalog
