"""The state that handlers of statements share: client, catalog, running queries, errors.

`engine` makes one; the modules of `statements` get it together with the session's properties, which
it does not keep.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from typing import TYPE_CHECKING, cast

from kshell.catalog.catalog import Catalog
from kshell.catalog.model import Source
from kshell.config import Properties
from kshell.engines.error_log import ErrorLog
from kshell.engines.local.sources.clusters import Clusters
from kshell.engines.local.sources.learned import Known, Widening
from kshell.engines.local.sources.lookup import Lookup, given_named
from kshell.engines.local.sources.memory import Memory
from kshell.engines.local.sources.system.tables import LISTED, SCHEMA, TABLES
from kshell.errors import BindError, Forbidden, KafkaError, Unsupported, UsageError
from kshell.field_names import plain, plain_type
from kshell.kafka.client import Client
from kshell.kafka.metadata import Topic
from kshell.results import Running
from kshell.sql.clauses import Name

if TYPE_CHECKING:
    import pyarrow as pa

    from kshell.engines.held import Held
    from kshell.engines.local.continuous.background import Background
    from kshell.engines.local.durable.application import Application
    from kshell.engines.local.kept_catalog import KeptCatalog
    from kshell.formats.registry_http import HttpSchemas
    from kshell.kafka.admin import Admin
    from kshell.kafka.look import Look

__all__ = ["Context"]

_VISIBLE = 10.0  # seconds until a change is seen in the brokers' metadata, at most


def _led(topic: Topic) -> bool:
    return all(p.leader >= 0 for p in topic.partitions)


class Context:
    """One engine's state; used by one thread at a time."""

    def __init__(
        self, client: Client | None, given: Mapping[str, pa.Table], opens_records: bool = False
    ) -> None:
        self._client = client
        self._admin: Admin | None = None
        self.given = given
        self.opens_records = opens_records  # whether live rows have the places of their records
        self.errors = ErrorLog()
        self.catalog = Catalog()
        self.kept: KeptCatalog | None = None  # where declarations are kept, at a prompt
        self.queries: dict[str, Background] = {}
        self.asserted: dict[str, set[tuple[int, int]]] = {}  # (partition, offset) by topic
        self.turns: dict[str, int] = {}  # whose turn is next of a topic's partitions
        self.held: Held | None = None  # what an open transaction holds
        self.set_open = False  # whether a statement set is, whose queries start at once here
        self.transaction_id = ""  # of this shell, made at its first COMMIT
        self.application: Application | None = None  # the file that is run, where one is
        self.known = Known()
        self.memory = Memory()
        self.clusters = Clusters()
        self._numbers = count(1)

    def connected(self) -> Client:
        """The connection to the cluster; raises UsageError if the session has none."""
        if self._client is None:
            raise UsageError(
                "no cluster named",
                hint="SET 'bootstrap.servers'='host:9092'; tables given to the session need none",
            )
        return self._client

    @property
    def has_cluster(self) -> bool:
        """Whether there is a connection."""
        return self._client is not None

    @property
    def cluster_id(self) -> str:
        """The cluster's own id; empty without a cluster, or where it has none."""
        return self._client.wire.cluster.id if self._client is not None else ""

    @property
    def client(self) -> Client:
        """The connection to the cluster; raises UsageError if the session has none."""
        return self.connected()

    def admin(self, properties: Properties) -> Admin:
        """The connection that changes the cluster, made when first needed."""
        if self._admin is None:
            from kshell.kafka.admin import Admin

            self._admin = Admin(properties)
        return self._admin

    def free_name(self, name: Name) -> None:
        """Raise BindError if a given table has that name."""
        if (given := given_named(self.given, Name(name.text))) is not None:
            raise BindError(
                f"{given} is a table given to this session: another name is needed",
                place=name.place,
            )

    def not_given(self, name: Name) -> None:
        """Raise Unsupported if it is a given table that is to be dropped or altered."""
        if (given := given_named(self.given, name)) is not None:
            raise Unsupported(
                f"{given} is a table given to this session: no statement drops or changes it",
                hint="kshell.connect(tables=…) says which tables are given",
                place=name.place,
            )

    def look(self) -> Look:
        """A look at the cluster's state as it is now."""
        from kshell.kafka.look import Look

        return Look(self.connected)

    def lookup(self, properties: Properties) -> Lookup:
        """The lookup of names in FROM, for one statement."""
        return Lookup(
            self.connected, self.catalog, self.memory.beside(self.given), self.errors, properties,
            self.keeper_of, Widening(self.known), self.memory, self.running,
            self.clusters,
        )  # fmt: skip

    def columns(self, name: str, properties: Properties) -> dict[str, pa.DataType]:
        """The columns of a declared source, a system table or a topic, which is sampled, with their
        types."""
        lookup = self.lookup(properties)
        if (system := TABLES.get(name.removeprefix(f"{SCHEMA}."))) is not None and "." in name:
            return {c.name: c.type for c in system.columns}
        source = lookup.source(Name(name, quoted=True))
        columns = source.columns() if source.declared else source.value
        return {plain(c.name): plain_type(c.type) for c in columns}

    def listed(self, what: str, properties: Properties) -> list[str]:
        """The names of each "group", "broker", "principal", "connector", "subject" … there."""
        from kshell.engines.local.durable.ledger import query_of
        from kshell.engines.local.sources.chunks import schemas_of
        from kshell.engines.local.sources.system.faces import SystemScan

        if what == "subject":
            registry = cast("HttpSchemas | None", schemas_of(properties))
            return [] if registry is None else sorted(registry.subjects())
        if what == "application":
            named = (query_of(topic.name) for topic in self.client.topics())
            return sorted({query[0] for query in named if query is not None})
        table, column = LISTED[what]
        scan = SystemScan(TABLES[table], self.lookup(properties).ask).open([column], ())
        names = {value for batch in scan.batches for value in batch.column(0).to_pylist()}
        return [str(name) for name in sorted(names)]

    def reconnect(self, client: Client) -> None:
        """Take another connection; forgets what it knows of the old cluster, keeps declarations."""
        self.close()
        self._client = client
        self.asserted.clear()
        self.known.clear()

    def close(self) -> None:
        """Disconnect."""
        self._admin = None
        self.clusters.close()
        if self._client is not None:
            self._client.close()
            self._client = None

    def make_topic(
        self,
        name: str,
        partitions: int,
        replicas: int,
        configs: Mapping[str, str],
        properties: Properties,
        *,
        may_exist: bool = False,
    ) -> None:
        """Create a topic, and wait until every partition has a leader; raises KafkaError.

        With `may_exist` another process may have created it just now.

        Those of an application wait until all of its file is known to be right.
        """
        if self.application is not None:
            from kshell.engines.local.durable.application import NewTopic

            self.application.topics[name] = NewTopic(name, partitions, replicas, configs)
            return
        if self.client.creates_topics:
            admin = self.admin(properties)
            admin.create_topic(name, partitions, replicas, configs, may_exist=may_exist)
        else:
            from kshell.kafka.admin import provoke_topic

            provoke_topic(properties, name)
        self.seen(name, lambda topic: topic is not None and _led(topic))

    def seen(self, name: str, changed: Callable[[Topic | None], bool]) -> None:
        """Wait until the brokers' metadata shows a change of a topic; raises KafkaError.

        What this shell saw before is forgotten, so that its next statement sees the change.
        """
        self.wait_for(f"topic {name}", lambda: changed(self.client.find(name)))
        self.client.forget()

    def wait_for(self, what: str, changed: Callable[[], bool]) -> None:
        """Wait until a change of the cluster can be seen; raises KafkaError.

        Nobody waits for what the user may not see.
        """
        deadline = time.monotonic() + _VISIBLE
        with contextlib.suppress(Forbidden):
            while not changed():
                if time.monotonic() > deadline:
                    raise KafkaError(f"the change of {what} is not seen after {_VISIBLE:g} s")
                time.sleep(0.05)

    def running(self) -> Sequence[Running]:
        """The queries in the background."""
        durable = [] if self.application is None else self.application.running()
        return [*durable, *(query.status() for query in self.queries.values())]

    def next_id(self, prefix: str) -> str:
        """The next query's id."""
        return f"{prefix}_{next(self._numbers)}"

    def terminate(self, id: str) -> None:
        """End a query."""
        self.queries.pop(id).stop()
        self.catalog = self.catalog.without_query(id)

    def keeper_of(self, source: Source) -> Background | None:
        """The query of this shell that keeps a table's current rows, if any."""
        for query in self.queries.values():
            if query.sink.target.name == source.name and query.keeps:
                return query
        return None
