"""Queries in the background on Flink: CREATE … AS SELECT, INSERT … SELECT, and what controls them.

A query is a job whose name has its id, so that every shell of the cluster finds it; it goes on when
this shell ends.  kshell makes the topics, Flink runs.  Those of a statement set are one job.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from kshell.catalog.catalog import RunningQuery
from kshell.catalog.model import Kind
from kshell.config import Properties
from kshell.engines.flink.connection import Connection
from kshell.engines.flink.context import FlinkContext
from kshell.engines.flink.http import FlinkDown, FlinkError, failed
from kshell.engines.flink.jobs import Job, name_of
from kshell.engines.flink.render import Script, rendered
from kshell.engines.flink.statements.begun import Begun, Insert
from kshell.engines.flink.statements.live import options_of
from kshell.engines.flink.statements.watch import Watch
from kshell.engines.local.statements import persistent
from kshell.engines.local.statements.plans import plan_sink
from kshell.errors import BindError, UnknownName, Unsupported, UsageError
from kshell.permits import check_writes
from kshell.results import Answer, Message, Running, Waiting
from kshell.sql import ddl, producing
from kshell.sql import queries as asked
from kshell.sql import statements as ast
from kshell.sql.plan import scans

__all__ = ["Queries"]

# What belongs to an open statement set, whatever engine is chosen by then.
_IN_SETS = (ast.CreateAsSelect, ast.InsertSelect, asked.EndSet, producing.Rollback)
_OF_A_SET = ("query", "queries", "statement set", "started", "END starts them")
_STARTING = 60.0  # seconds until a job runs
_PAUSE = 0.1
_SAVEPOINTS = ("execution.checkpointing.savepoint-dir", "state.savepoints.dir")
_WARNING = (
    "Whoever can reach the gateway can read what was given to it, secrets of Kafka's clients too."
)


def _queries(count: int) -> str:
    return "1 query" if count == 1 else f"{count} queries"


@dataclass(slots=True)
class _OpenSet:
    """A statement set that collects its queries until END."""

    id: str
    inserts: list[Insert] = field(default_factory=list)

    @property
    def next_id(self) -> str:
        """The id of its next query, for what Flink keeps by it."""
        return f"{self.id}-{len(self.inserts) + 1}"


class Queries:
    """The background jobs of a Flink cluster, as queries."""

    def __init__(self, flink: FlinkContext) -> None:
        self._flink = flink
        self.own: dict[str, Begun] = {}
        self.open: _OpenSet | None = None
        self._watch = Watch(flink, self.own)

    def create_as(self, statement: ast.CreateAsSelect, properties: Properties) -> Answer:
        """CREATE STREAM|TABLE … AS SELECT."""
        context = self._flink.shared
        lookup = context.lookup(properties)
        context.free_name(statement.name)
        name = statement.name.folded()
        left = ddl.left_as_is(statement, context.catalog)
        if left is not None:
            return Message(left.message)
        sink = plan_sink(lookup, statement)
        if name in context.catalog.sources:
            ddl.declare(statement, context.catalog, sink.target)  # refuses all but OR REPLACE
            raise Unsupported(
                f"{name} is there: OR REPLACE does not change a query on Flink",
                hint=f"DROP {sink.target.kind.value} {name}; and create it again",
                place=statement.place,
            )
        connection = self._flink.connection(properties)
        kind = sink.target.kind
        id = self._id(f"{'CSAS' if kind is Kind.STREAM else 'CTAS'}_{name}", connection)
        target = replace(sink.target, query_id=self.open.id if self.open else id)
        ddl.declare(statement, context.catalog, target)
        script = rendered(sink, lookup, id=id)
        self._flink.check(connection, script, properties)
        said = persistent.ensure_topic(context, lookup, sink)
        by, on = self._add(connection, id, Insert(script, sink, statement.text, properties))
        context.catalog = ddl.declare(statement, context.catalog, target).catalog
        made = f"{kind.value.capitalize()} {name} is created by query {by} {on}."
        return Message(f"{made}{said}{self._warn(script)}")

    def insert_select(self, statement: ast.InsertSelect, properties: Properties) -> Answer:
        """INSERT INTO … SELECT."""
        lookup = self._flink.shared.lookup(properties)
        sink = plan_sink(lookup, statement)
        connection = self._flink.connection(properties)
        if sink.query_id and self.open is not None:
            raise Unsupported(
                "a query of a statement set has no id of its own", hint="leave QUERY_ID out",
                place=statement.place,
            )  # fmt: skip
        id = sink.query_id or self._id("INSERTQUERY", connection)
        if sink.query_id and id in connection.queries():
            raise BindError(f"Query ID '{id}' already exists.", place=statement.place)
        script = rendered(sink, lookup, id=id)
        self._flink.check(connection, script, properties)
        lookup.snapshot(sink.target.topic)  # Flink would wait for a missing one without a word
        by, on = self._add(connection, id, Insert(script, sink, statement.text, properties))
        return Message(f"Query {by} inserts into {sink.target.name} {on}.{self._warn(script)}")

    def begin_set(self, properties: Properties) -> Answer:
        """BEGIN STATEMENT SET: the queries that follow are one job, which starts at END."""
        if self.open is not None:
            raise UsageError("a statement set is open already", hint="END starts it")
        self.open = _OpenSet(self._next_id("STATEMENT_SET", self._flink.connection(properties)))
        return Message("The queries that follow start at END, as one job.")

    def end_set(self, properties: Properties) -> Answer:
        """END: start the queries of the set; raises FlinkError, and then none of them runs."""
        open, self.open = self.open, None
        if open is None:
            raise UsageError("no statement set is open", hint="BEGIN STATEMENT SET opens one")
        if not open.inserts:
            return Message("The statement set was empty: nothing starts.")
        try:
            query = self._start(
                self._flink.connection(properties), open.id, open.inserts, properties
            )
        except BaseException:
            self._forget(open)
            raise
        return Message(f"Query {query.id} writes {query.writes} on Flink, as one job.")

    def drop_set(self) -> Answer:
        """ROLLBACK of a statement set."""
        open, self.open = self.open, None
        assert open is not None
        self._forget(open)
        return Message(f"{_queries(len(open.inserts))} dropped; none has started.")

    @property
    def held(self) -> Waiting | None:
        """The queries of the open statement set."""
        return None if self.open is None else Waiting(len(self.open.inserts), *_OF_A_SET)

    def _forget(self, open: _OpenSet) -> None:
        """Take back what its queries would have made; topics that were created stay."""
        context = self._flink.shared
        rest = {n: s for n, s in context.catalog.sources.items() if s.query_id != open.id}
        context.catalog = replace(context.catalog, sources=rest)

    def _add(self, connection: Connection, id: str, insert: Insert) -> tuple[str, str]:
        """Start a query, or put it into the open set; gives its job's id, and where it runs."""
        if self.open is None:
            self._start(connection, id, [insert], insert.properties)
            return id, "on Flink"
        check_writes(insert.properties, f"writing to {insert.sink.target.topic}")
        self.open.inserts.append(insert)
        return self.open.id, "on Flink, from END on"

    def _warn(self, script: Script) -> str:
        return f" {_WARNING}" if script.secrets else ""

    def _next_id(self, prefix: str, connection: Connection) -> str:
        """The next id that no job of the cluster has: another shell may have begun it."""
        taken = connection.queries()
        while True:
            id = self._flink.shared.next_id(prefix)
            if id not in taken and id not in self.own:
                return id

    def _id(self, prefix: str, connection: Connection) -> str:
        return self._next_id(prefix, connection) if self.open is None else self.open.next_id

    def _start(
        self,
        connection: Connection,
        id: str,
        inserts: Sequence[Insert],
        properties: Properties,
    ) -> Begun:
        query = Begun(id, inserts, {}, properties)
        query.options = self._options(query)
        for insert in inserts:
            check_writes(properties, f"writing to {insert.sink.target.topic}")
        self._submit(connection, query)
        context = self._flink.shared
        reads = frozenset(leaf.source.name for i in inserts for leaf in scans(i.sink))
        writes = frozenset(i.sink.target.name for i in inserts)
        context.catalog = context.catalog.with_query(RunningQuery(id, reads, writes))
        self.own[id] = query
        self._watch.begin()
        return query

    @staticmethod
    def _options(query: Begun) -> dict[str, str]:
        """Flink's options of its job."""
        properties = query.properties
        options = options_of(properties, name_of(query.id, query.writes))
        deliveries = {i.properties["kshell.flink.delivery"] for i in query.inserts}
        if every := properties.get("kshell.flink.checkpoint.interval.ms"):
            options["execution.checkpointing.interval"] = f"{every} ms"
        elif "exactly-once" in deliveries:
            raise UsageError(
                "exactly-once delivery needs checkpoints",
                hint="SET 'kshell.flink.checkpoint.interval.ms'='10000'",
            )
        if savepoint := properties.get("kshell.flink.savepoint"):
            options["execution.state-recovery.path"] = savepoint
        if folder := properties.get("kshell.flink.savepoints"):
            options["execution.checkpointing.savepoint-dir"] = folder
        return options

    def _submit(self, connection: Connection, query: Begun) -> None:
        """Start its job, and wait until it runs; raises FlinkError with the reason if it fails."""
        for sql in query.declarations:
            connection.service.declare(sql)
        ((job, *_),) = connection.service.run(query.statement, query.options)
        deadline = time.monotonic() + _STARTING
        while time.monotonic() < deadline:
            seen = connection.look(job)
            if seen.state == "FINISHED" or (seen.state == "RUNNING" and seen.whole):
                query.state = seen.state
                return
            if seen.state in ("FAILED", "RESTARTING"):
                why = connection.failure(job)
                if seen.state == "RESTARTING":
                    connection.cancel(job)
                raise failed(f"query {query.id}", why)
            time.sleep(_PAUSE)
        connection.cancel(job)
        raise FlinkError(
            f"query {query.id} did not start within {_STARTING:g} s: it was ended",
            hint="has the cluster free task slots?",
        )

    def control(self, statement: asked.QueryControl, properties: Properties) -> Answer:
        """TERMINATE, PAUSE and RESUME of one query or of ALL; those of this process too."""
        wanted = statement.query_id.upper()
        everything = not wanted or wanted == "ALL"
        local = self._flink.shared.queries
        if wanted in local:
            return self._flink.local.run(statement, properties)  # type: ignore[return-value]
        connection = self._flink.connection(properties)
        jobs = connection.queries()
        known = {*jobs, *(id for id, query in self.own.items() if query.savepoint)}
        if not everything and wanted not in known:
            raise UnknownName("query", wanted, sorted({*known, *local}), place=statement.place)
        if statement.action is not asked.QueryAction.TERMINATE:
            known &= self.own.keys()  # those of other shells can be ended from here, no more
        ids = sorted(known) if everything else [wanted]
        act = {
            asked.QueryAction.TERMINATE: self._terminate,
            asked.QueryAction.PAUSE: self._pause,
            asked.QueryAction.RESUME: self._resume,
        }[statement.action]
        for id in ids:
            act(connection, id, jobs.get(id), properties)
        if statement.action is asked.QueryAction.TERMINATE:
            self._await_ends(connection, [jobs[id].id for id in ids if id in jobs])
        if everything and local:
            self._flink.local.run(statement, properties)
            ids += ["local"] * len(local)
        if not ids:
            return Message("No query runs.")
        done = {"TERMINATE": "terminated", "PAUSE": "paused", "RESUME": "running again"}
        which = ids[0] if len(ids) == 1 else _queries(len(ids))
        are = "is" if len(ids) == 1 else "are"
        where = ""
        if statement.action is asked.QueryAction.PAUSE:
            saved = [self.own[id].savepoint for id in ids if id in self.own]
            where = f": {'its' if len(ids) == 1 else 'their'} state is in {', '.join(saved)}"
        return Message(f"{which} {are} {done[statement.action.value]}{where}.")

    def _terminate(
        self, connection: Connection, id: str, job: Job | None, properties: Properties
    ) -> None:
        if job is not None:
            connection.cancel(job.id)
        if self.own.pop(id, None) is not None:
            context = self._flink.shared
            context.catalog = context.catalog.without_query(id)

    @staticmethod
    def _await_ends(connection: Connection, jobs: Sequence[str]) -> None:
        """Wait until nothing of these jobs writes any more."""
        deadline = time.monotonic() + _STARTING
        for job in jobs:
            while not connection.look(job).over and time.monotonic() < deadline:
                time.sleep(_PAUSE)

    def _pause(
        self, connection: Connection, id: str, job: Job | None, properties: Properties
    ) -> None:
        if job is None:
            return  # it is paused already
        query = self.own.get(id)
        if query is None:
            raise UsageError(
                f"{id} was begun by another shell: only that one can resume it",
                hint="TERMINATE ends it",
            )
        options = {n: v for n, v in query.options.items() if n in _SAVEPOINTS}
        if folder := properties.get("kshell.flink.savepoints"):
            options = {_SAVEPOINTS[0]: folder}
        set_ = {**connection.service.settings(), **options}
        if not any(set_.get(name) for name in _SAVEPOINTS):
            raise UsageError(
                "PAUSE saves a query's state, and no folder for savepoints is set",
                hint="SET 'kshell.flink.savepoints'='file:///shared/savepoints'",
            )
        try:
            ((path, *_),) = connection.service.run(
                f"STOP JOB '{job.id}' WITH SAVEPOINT", options
            )
        except FlinkDown:
            raise
        except FlinkError as error:
            raise FlinkError(f"{id} cannot be saved, and runs on: {error.what}") from None
        query.savepoint, query.state = path, "PAUSED"

    def _resume(
        self, connection: Connection, id: str, job: Job | None, properties: Properties
    ) -> None:
        query = self.own.get(id)
        if query is None or not query.savepoint:
            return  # it runs
        again = {**query.options, "execution.state-recovery.path": query.savepoint}
        self._submit(connection, replace(query, options=again))
        query.savepoint, query.state = "", "RUNNING"

    def concerns(self, statement: ast.Statement) -> bool:
        """Whether a statement is about a query that this shell has begun on Flink."""
        if self.open is not None and isinstance(statement, _IN_SETS):
            return True
        if not self.own:
            return False
        match statement:
            case asked.QueryControl(query_id=id):
                return not id or id.upper() == "ALL" or id.upper() in self.own
            case asked.DescribeQuery(name=name):
                return name.text.upper() in self.own
            case ast.Show(what=ast.ShowWhat.QUERIES) | ast.DropSource():
                return True
        return False

    def end(self, id: str, properties: Properties) -> None:
        """End a query that this shell has begun, since what it writes is dropped."""
        if id in self.own:
            connection = self._flink.connection(properties)
            job = connection.queries().get(id)
            self._terminate(connection, id, job, properties)
            self._await_ends(connection, [job.id] if job is not None else [])

    def running(self) -> Sequence[Running]:
        """The queries that this shell has begun, as far as was last seen."""
        return [
            Running(q.id, q.status, q.unwell, q.note, q.inserts[0].sink.target.name, outlives=True)
            for q in list(self.own.values())
        ]

    def close(self) -> None:
        """Stop looking; the jobs go on."""
        self._watch.close()
