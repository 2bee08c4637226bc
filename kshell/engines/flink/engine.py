"""Runs continuous queries on an Apache Flink cluster; all else runs in this process.

`chosen` calls it.  A statement is parsed and bound as for the local engine, and its plan is written
as Flink SQL: what Flink lacks is refused before anything is sent.
"""

from __future__ import annotations

from collections.abc import Sequence

from kshell.config import Properties
from kshell.engines.flink.context import FlinkContext
from kshell.engines.flink.expressions import NoEqual
from kshell.engines.flink.statements.queries import Queries
from kshell.engines.local.engine import LocalEngine
from kshell.errors import KshellError
from kshell.results import Answer, Proposal, Running, Task
from kshell.sql import ddl, producing, queries
from kshell.sql import statements as ast
from kshell.sql.clauses import Emit
from kshell.sql.statements import Statement
from kshell.sql.tokens import place_at, tokenize

__all__ = ["FlinkEngine"]


class FlinkEngine:
    """Runs what a Flink cluster is to run; its catalog and its topics are the local engine's."""

    def __init__(self, local: LocalEngine) -> None:
        self.context = FlinkContext(local)
        self.queries = Queries(self.context)

    def run(self, statement: Statement, properties: Properties) -> Answer | Proposal | Task:
        """Run one statement and give its result; raises KshellError."""
        before = self.context.shared.catalog
        try:
            return self.context.local.saved(before, self._run(statement, properties))
        except NoEqual as error:
            raise _placed(error, statement) from None

    def _run(self, statement: Statement, properties: Properties) -> Answer | Proposal | Task:
        match statement:
            case ast.Select() if self._takes(statement, properties):
                return self._select(statement, properties)
            case ast.CreateAsSelect():
                return self.queries.create_as(statement, properties)
            case ast.InsertSelect():
                return self.queries.insert_select(statement, properties)
            case queries.QueryControl():
                return self.queries.control(statement, properties)
            case queries.BeginSet():
                return self.queries.begin_set(properties)
            case queries.EndSet() if not self.context.shared.set_open:
                return self.queries.end_set(properties)
            case producing.Rollback() if self.queries.open is not None:
                return self.queries.drop_set()
            case ast.DropSource():
                made = ddl.change(statement, self.context.shared.catalog).source
                if made is not None:  # before its topic is deleted
                    self.queries.end(made.query_id, properties)
            case ast.Show(what=ast.ShowWhat.QUERIES):
                from kshell.engines.flink.statements.show_queries import show

                return show(self.context, self.queries.own, statement, properties)
            case queries.DescribeQuery(name=name):
                from kshell.engines.flink.statements.show_queries import describe

                connection = self.context.connection(properties)
                id = name.text.upper()
                job, own = connection.queries().get(id), self.queries.own.get(id)
                if job is not None or own is not None:
                    return describe(connection, job, own)
            case ast.Explain(statement=inner) if self._takes(inner, properties):
                from kshell.engines.flink.statements.explain import explain

                assert inner is not None
                return explain(self.context, inner, properties)
        return self.context.local.run(statement, properties)

    def _select(self, statement: ast.Select, properties: Properties) -> Answer:
        if statement.query.emit is Emit.BOUNDED:
            from kshell.engines.flink.statements.bounded import bounded

            return bounded(self.context, statement.query, properties)
        from kshell.engines.flink.statements.live import continuous

        return continuous(self.context, statement.query, properties)

    @staticmethod
    def _takes(statement: Statement | None, properties: Properties) -> bool:
        """Whether a statement runs on Flink."""
        if isinstance(statement, ast.Select):
            bounded = statement.query.emit is Emit.BOUNDED
            return not bounded or properties["kshell.bounded.engine"] == "flink"
        return isinstance(statement, ast.CreateAsSelect | ast.InsertSelect)

    def running(self) -> Sequence[Running]:
        """The queries that this shell has begun on Flink."""
        return self.queries.running()

    def close(self) -> None:
        """End what runs in the foreground and the session; background jobs go on."""
        self.queries.close()
        self.context.close()


def _placed(error: NoEqual, statement: Statement) -> KshellError:
    """The error at the word of the statement that it is about."""
    text, at = statement.text, statement.place
    for token in tokenize(text):
        if token.value.upper() == error.word.upper():
            return error.with_place(place_at(text, token.start, token.end, at.line, at.column))
    return error.with_place(at)
