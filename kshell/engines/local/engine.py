"""The engine that runs statements in this process, directly against the brokers.

`session` calls `run`; `STATEMENTS` has the function for each kind of statement.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, cast

from kshell.catalog.catalog import Catalog
from kshell.config import Properties
from kshell.engines.base import Named
from kshell.engines.local.context import Context
from kshell.errors import KshellError, Unsupported, UsageError
from kshell.kafka.client import Client
from kshell.results import Answer, Live, Proposal, Rows, Running, Sections, Task, Waiting
from kshell.sql import cluster, producing, queries, services, transfer
from kshell.sql import statements as ast
from kshell.sql.statements import Statement

if TYPE_CHECKING:
    import pyarrow as pa

    from kshell.engines.local.durable.application import Application

__all__ = ["LocalEngine"]

IN_TRANSACTION = ("record", "records", "transaction", "written", "COMMIT writes")
_OTHER_SERVERS = ("connect.url", "schema.registry.url")
_SHOWN = 1 << 14  # rows of the last result that are drawn at a time
# The handler of each statement: a function of a module of `statements`, imported when first needed.
STATEMENTS: Mapping[type[Statement], str] = {
    ast.AlterSource: "declare:change",
    cluster.AlterTopic: "alter_topic:alter_topic",
    ast.AssertQuery: "assert_query:assert_query",
    ast.AssertSchema: "asserts:assert_schema",
    ast.AssertSource: "asserts:assert_source",
    ast.AssertTopic: "asserts:assert_topic",
    ast.AssertValues: "asserts:assert_values",
    cluster.Consume: "consume:consume",
    cluster.CreateAcl: "acls:create_acl",
    producing.Begin: "transaction:begin",
    queries.BeginSet: "statement_set:begin_set",
    producing.Commit: "transaction:commit",
    producing.CopyFrom: "copy_from:copy_from",
    producing.CopyTo: "copy_to:copy_to",
    ast.CreateAsSelect: "persistent:create_as",
    ast.CreateFromFile: "declare:create_from_file",
    ast.CreateSource: "declare:create",
    cluster.CreateTopic: "create_topic:create_topic",
    cluster.DropQuota: "quotas:drop_quota",
    cluster.SetQuota: "quotas:set_quota",
    services.ControlConnector: "connectors:control_connector",
    services.CreateConnector: "connectors:create_connector",
    services.DescribeConnector: "connectors:describe_connector",
    services.DiffSubject: "schema_diff:diff_subject",
    services.DropConnector: "connectors:drop_connector",
    services.SetCompatibility: "subjects:set_compatibility",
    ast.CreateType: "declare:change",
    cluster.DeleteRecords: "delete_records:delete_records",
    ast.Describe: "describe:describe",
    ast.DescribeFunction: "describe:describe_function",
    queries.DescribeQuery: "queries:describe_query",
    ast.DescribeGroup: "show_system:describe_group",
    ast.DropSource: "declare:drop",
    cluster.DropApplication: "applications:drop_application",
    cluster.DropAcl: "acls:drop_acl",
    cluster.DropGroup: "drop_group:drop_group",
    cluster.DropTopic: "drop_topic:drop_topic",
    ast.DropType: "declare:change",
    cluster.DropUser: "users:drop_user",
    queries.EndSet: "statement_set:end_set",
    cluster.ElectLeaders: "elect_leaders:elect_leaders",
    ast.Explain: "explain:explain",
    ast.History: "history:history",
    ast.InsertSelect: "persistent:insert_select",
    ast.InsertValues: "insert:insert_values",
    transfer.Mirror: "mirror:mirror",
    ast.Print: "print_topic:print_topic",
    queries.QueryControl: "persistent:control",
    cluster.ReassignTopic: "reassign_topic:reassign_topic",
    producing.Rollback: "transaction:rollback",
    transfer.Redrive: "redrive:redrive",
    cluster.ResetGroup: "reset_group:reset_group",
    queries.SaveQueries: "save_queries:save_queries",
    ast.Select: "select:select",
    cluster.SetUser: "users:set_user",
    ast.Show: "show:show",
}
# Statements that write by themselves: a transaction would seem to hold their records.
_AT_ONCE = (ast.CreateAsSelect, ast.InsertSelect, producing.CopyFrom)


def _plan_alone(answer: Answer | Proposal | Task) -> Answer:
    """What EXPLAIN of a change of the cluster answers: its plan, which nobody is asked about."""
    assert not isinstance(answer, Task)
    return Sections((answer.plan,), answer.notices) if isinstance(answer, Proposal) else answer


class LocalEngine:
    """Calls the handler of each statement; all handlers share one `Context`."""

    def __init__(
        self,
        client: Client | None,
        given: Mapping[str, pa.Table] = MappingProxyType({}),
        opens_records: bool = False,
    ) -> None:
        if given:
            from kshell.engines.local.sources.given import given_table

            given = {name: given_table(name, rows) for name, rows in given.items()}
        self.context = Context(client, given, opens_records)
        self._kept_in: Path | None = None  # the folder where declarations are kept

    @classmethod
    def connect(
        cls,
        properties: Properties,
        given: Mapping[str, pa.Table] = MappingProxyType({}),
        opens_records: bool = False,
    ) -> LocalEngine:
        """An engine connected to the cluster in the properties; raises ConnectionFailed.

        With tables given to it, or another server to ask, it needs no cluster.
        """
        others = [name for name in _OTHER_SERVERS if name in properties]
        if (given or others) and "bootstrap.servers" not in properties:
            return cls(None, given, opens_records)
        return cls(Client.connect(properties), given, opens_records)

    def reconnect(self, properties: Properties) -> list[str]:
        """Connect again; if that raises, the old connection stays.

        With another cluster come the declarations that are kept of it: `keep`.
        """
        if self.context.held is not None:
            raise UsageError(
                "the connection cannot change while a transaction is open",
                hint="COMMIT writes what is held, ROLLBACK drops it",
            )
        if not all(q.over for q in self.context.queries.values()):
            raise UsageError(
                "the connection cannot change while a query runs",
                hint="TERMINATE ALL ends them; SHOW QUERIES lists them",
            )
        try:
            client = Client.connect(properties)
        except KshellError as error:
            error.hint = "; ".join(filter(None, (error.hint, "the old connection stays")))
            raise
        before = self.context.cluster_id
        self.context.reconnect(client)
        if self._kept_in is None or self.context.cluster_id == before:
            return []
        self.context.catalog = Catalog()
        return self.keep(self._kept_in, properties)

    def keep(self, folder: Path, properties: Properties) -> list[str]:
        """Declare what earlier prompts declared on this cluster, and keep what is declared now.

        Returns what is not as it was, a sentence each.
        """
        self._kept_in = folder
        if not (cluster := self.context.cluster_id):
            return []
        from kshell.engines.local.kept_catalog import KeptCatalog
        from kshell.engines.local.statements.kept import load

        self.context.kept = KeptCatalog(folder, cluster)
        return load(self.context, self.context.kept, properties)

    def run(self, statement: Statement, properties: Properties) -> Answer | Proposal | Task:
        """Run one statement and give its result; raises KshellError."""
        if self.context.application is not None:
            from kshell.engines.local.statements.application import ALLOWED

            if not isinstance(statement, ALLOWED):
                raise Unsupported(
                    "this statement has no place in a file that kshell run keeps running",
                    hint="CREATE …, INSERT INTO … SELECT, SET and DEFINE may stand there",
                    place=statement.place,
                )
        inner = statement.statement if isinstance(statement, ast.Explain) else None
        if isinstance(inner, cluster.Change):
            return _plan_alone(self._served(inner, properties))
        answer = self._served(statement, properties)
        if isinstance(answer, Proposal) and not answer.asks:
            return answer.apply()
        return answer

    def _served(self, statement: Statement, properties: Properties) -> Answer | Proposal | Task:
        """What the statement's handler answers."""
        served = STATEMENTS.get(type(statement))
        if served is None:
            words = re.sub(r"(?<!^)(?=[A-Z])", " ", type(statement).__name__).upper()
            raise Unsupported(f"{words} is not supported yet", place=statement.place)
        if self.context.held is not None and isinstance(statement, _AT_ONCE):
            raise UsageError(
                "a transaction is open, and it takes INSERT … VALUES alone",
                hint="COMMIT or ROLLBACK first", place=statement.place,
            )  # fmt: skip
        module, _, name = served.partition(":")
        serve = getattr(import_module(f"kshell.engines.local.statements.{module}"), name)
        before = self.context.catalog
        answer: Answer | Proposal | Task = serve(self.context, statement, properties)
        return self.saved(before, answer)

    def saved(
        self, before: Catalog, answer: Answer | Proposal | Task
    ) -> Answer | Proposal | Task:
        """The answer of a statement; what it changed in the catalog is kept for later prompts."""
        kept = self.context.kept
        if kept is None or self.context.catalog is before:
            return answer
        from kshell.engines.local.statements.kept import save

        return save(self.context, kept, before, cast(Answer, answer))

    def remember(self, answer: Answer, properties: Properties, text: str) -> Answer:
        """The answer of the SELECT `text`, which is the last result when it was read."""
        memory = self.context.memory
        if isinstance(answer, Live):
            return memory.keep_live(answer, properties, text)
        if isinstance(answer, Rows):
            memory.keep_rows(answer, properties, text)
        return answer

    def last(self, text: str) -> Rows:
        """The last result, if there is a text that of this SELECT and whole; raises UsageError."""
        memory = self.context.memory
        if not memory.there:
            why, hint = memory.missing
            raise UsageError(why, hint=hint)
        if text and (memory.text != text or memory.notices):
            raise UsageError("the last result is not that of this statement")
        table, lacks = memory.table(), memory.notices
        batches = iter(table.to_batches(max_chunksize=_SHOWN))
        return Rows(table.schema, batches, notices=lambda: lacks)

    def names(self) -> Sequence[Named]:
        """Given tables, declared sources, topics and system tables; asks the cluster, if there is
        one."""
        from kshell.engines.local.sources.system.tables import TABLES

        context = self.context
        topics = context.client.topics() if context.has_cluster else ()
        partitions = {t.name: len(t.partitions) for t in topics}
        return (
            *(Named(name, "table") for name in context.memory.beside(context.given)),
            *(
                Named(name, source.kind.value.lower(), partitions.get(source.topic, 0))
                for name, source in context.catalog.sources.items()
            ),
            *(
                Named(t.name, "topic", len(t.partitions), t.internal or t.name.startswith("_"))
                for t in topics
            ),
            *(Named(table.full_name, "system table") for table in TABLES.values()),
        )

    def columns(self, name: str, properties: Properties) -> Mapping[str, pa.DataType]:
        """Columns of a topic or source with their types, for completion; may read samples."""
        return self.context.columns(name, properties)

    def listed(self, what: str, properties: Properties) -> Sequence[str]:
        """The names of each "group", "broker" …, for completion; asks the cluster."""
        return self.context.listed(what, properties)

    def types(self) -> Mapping[str, pa.DataType]:
        """The types made by CREATE TYPE, by name."""
        return self.context.catalog.types

    def running(self) -> Sequence[Running]:
        """The queries in the background."""
        return self.context.running()

    @property
    def held(self) -> Waiting | None:
        """What waits for COMMIT; None without an open transaction."""
        held = self.context.held
        return None if held is None else Waiting(len(held), *IN_TRANSACTION)

    def application(
        self, name: str, seconds: float, version: str, dead_letters: str = ""
    ) -> Application:
        """From now on queries are bound for an application, and not started; raises UsageError."""
        from kshell.engines.local.durable.application import Application

        self.context.application = Application(name, seconds, version, dead_letters)
        return self.context.application

    def close(self) -> None:
        """Stop every query and disconnect; raises the first failure to write."""
        self.context.memory.forget()
        failed: KshellError | None = None
        queries = self.context.queries
        if queries:
            from kshell.engines.local.continuous.background import end_soon

            end_soon([*queries.values()])
        while queries:
            try:
                queries.pop(next(iter(queries))).stop()
            except KshellError as error:
                failed = failed or error
        self.context.close()
        if failed is not None:
            raise failed
