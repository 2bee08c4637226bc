"""Queries in the background on Flink: CREATE … AS SELECT, INSERT … SELECT, and what controls them.

A query is a job whose name has its id, so that every shell of the cluster finds it; it goes on when
this shell ends.  kshell makes the topics, Flink runs.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa

from kshell.catalog.catalog import RunningQuery
from kshell.catalog.model import Kind
from kshell.config import Properties
from kshell.engines.flink.connection import BACKGROUND, Connection
from kshell.engines.flink.context import FlinkContext
from kshell.engines.flink.http import FlinkDown, FlinkError
from kshell.engines.flink.jobs import Job
from kshell.engines.flink.render import Script, rendered
from kshell.engines.flink.statements.live import options_of
from kshell.engines.local.statements import persistent
from kshell.engines.local.statements.plans import plan_sink
from kshell.engines.local.statements.show import show as show_local
from kshell.errors import BindError, UnknownName, Unsupported, UsageError
from kshell.permits import check_writes
from kshell.results import Answer, Message, Rows, Running, Sections
from kshell.sql import ddl, plan
from kshell.sql import queries as asked
from kshell.sql import statements as ast
from kshell.sql.plan import scans

__all__ = ["Queries"]

_STARTING = 60.0  # seconds until a job runs
_PAUSE = 0.1
_OVER = ("FINISHED", "CANCELED", "FAILED", "")
_LOOK = 2.0  # seconds between two looks at the jobs, for the toolbar
_SAVEPOINTS = ("execution.checkpointing.savepoint-dir", "state.savepoints.dir")
_WARNING = (
    "Whoever can reach the gateway can read what was given to it, secrets of Kafka's clients too."
)


@dataclass(slots=True)
class _Query:
    """A query that this shell has begun: what it would take to begin it again."""

    id: str
    script: Script
    options: dict[str, str]
    writes: str
    properties: Properties
    state: str = "RUNNING"
    savepoint: str = ""  # where it was saved, while it is paused
    note: str = ""


class Queries:
    """The background jobs of a Flink cluster, as queries."""

    def __init__(self, flink: FlinkContext) -> None:
        self._flink = flink
        self.own: dict[str, _Query] = {}
        self._watching: threading.Thread | None = None
        self._ended = threading.Event()

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
        prefix = "CSAS" if sink.target.kind is Kind.STREAM else "CTAS"
        id = self._next_id(f"{prefix}_{name}", connection)
        target = replace(sink.target, query_id=id)
        ddl.declare(statement, context.catalog, target)
        script = rendered(sink, lookup, id=id)
        self._flink.check(connection, script, properties)
        said = persistent.ensure_topic(context, lookup, sink)
        self._start(connection, id, script, sink, properties)
        context.catalog = ddl.declare(statement, context.catalog, target).catalog
        kind, more = target.kind.value.capitalize(), f"{said}{self._warn(script)}"
        return Message(f"{kind} {name} is created by query {id} on Flink.{more}")

    def insert_select(self, statement: ast.InsertSelect, properties: Properties) -> Answer:
        """INSERT INTO … SELECT."""
        lookup = self._flink.shared.lookup(properties)
        sink = plan_sink(lookup, statement)
        connection = self._flink.connection(properties)
        id = sink.query_id or self._next_id("INSERTQUERY", connection)
        if sink.query_id and any(j.name == BACKGROUND + id for j in self._live(connection)):
            raise BindError(f"Query ID '{id}' already exists.", place=statement.place)
        script = rendered(sink, lookup, id=id)
        self._flink.check(connection, script, properties)
        lookup.snapshot(sink.target.topic)  # Flink would wait for a missing one without a word
        self._start(connection, id, script, sink, properties)
        return Message(f"Query {id} inserts into {sink.target.name} on Flink.{self._warn(script)}")

    def _warn(self, script: Script) -> str:
        return f" {_WARNING}" if script.secrets else ""

    def _next_id(self, prefix: str, connection: Connection) -> str:
        """The next id that no job of the cluster has: another shell may have begun it."""
        taken = {job.name for job in self._live(connection)}
        while True:
            id = self._flink.shared.next_id(prefix)
            if BACKGROUND + id not in taken and id not in self.own:
                return id

    @staticmethod
    def _live(connection: Connection) -> list[Job]:
        return [j for j in connection.jobs() if not j.over and j.name.startswith(BACKGROUND)]

    def _start(
        self,
        connection: Connection,
        id: str,
        script: Script,
        sink: plan.Sink,
        properties: Properties,
    ) -> None:
        check_writes(properties, f"writing to {sink.target.topic}")
        options = options_of(properties, BACKGROUND + id)
        every = properties.get("kshell.flink.checkpoint.interval.ms")
        if every:
            options["execution.checkpointing.interval"] = f"{every} ms"
        elif properties["kshell.flink.delivery"] == "exactly-once":
            raise UsageError(
                "exactly-once delivery needs checkpoints",
                hint="SET 'kshell.flink.checkpoint.interval.ms'='10000'",
            )
        if savepoint := properties.get("kshell.flink.savepoint"):
            options["execution.state-recovery.path"] = savepoint
        if folder := properties.get("kshell.flink.savepoints"):
            options["execution.checkpointing.savepoint-dir"] = folder
        query = _Query(id, script, options, sink.target.name, properties)
        self._submit(connection, query)
        context = self._flink.shared
        reads = frozenset(leaf.source.name for leaf in scans(sink))
        context.catalog = context.catalog.with_query(RunningQuery(id, reads, sink.target.name))
        self.own[id] = query
        self._watch()

    def _submit(self, connection: Connection, query: _Query) -> None:
        """Start its job, and wait until it runs; raises FlinkError with the reason if it fails."""
        connection.ready()
        for sql in query.script.declarations:
            connection.service.declare(sql)
        ((job, *_),) = connection.service.run(query.script.statement, query.options)
        deadline = time.monotonic() + _STARTING
        while time.monotonic() < deadline:
            state = connection.state(job)
            if state in ("RUNNING", "FINISHED"):
                query.state = state
                return
            if state in ("FAILED", "RESTARTING"):
                why = connection.failure(job)
                if state == "RESTARTING":
                    connection.cancel(job)
                raise FlinkError(f"query {query.id} failed on Flink: {why}")
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
        jobs = {job.name.removeprefix(BACKGROUND): job for job in self._live(connection)}
        known = {*jobs, *(id for id, query in self.own.items() if query.savepoint)}
        if not everything and wanted not in known:
            raise UnknownName("query", wanted, sorted({*known, *local}), place=statement.place)
        ids = sorted(known) if everything else [wanted]
        act = {
            asked.QueryAction.TERMINATE: self._terminate,
            asked.QueryAction.PAUSE: self._pause,
            asked.QueryAction.RESUME: self._resume,
        }[statement.action]
        for id in ids:
            act(connection, id, jobs.get(id))
        if statement.action is asked.QueryAction.TERMINATE:
            self._await_ends(connection, [jobs[id].id for id in ids if id in jobs])
        if everything and local:
            self._flink.local.run(statement, properties)
            ids += ["local"] * len(local)
        if not ids:
            return Message("No query runs.")
        done = {"TERMINATE": "terminated", "PAUSE": "paused", "RESUME": "running again"}
        which = ids[0] if len(ids) == 1 else f"{len(ids)} queries"
        are = "is" if len(ids) == 1 else "are"
        return Message(f"{which} {are} {done[statement.action.value]}.")

    def _terminate(self, connection: Connection, id: str, job: Job | None) -> None:
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
            while connection.state(job) not in _OVER and time.monotonic() < deadline:
                time.sleep(_PAUSE)

    def _pause(self, connection: Connection, id: str, job: Job | None) -> None:
        if job is None:
            return  # it is paused already
        query = self.own.get(id)
        if query is None:
            raise UsageError(
                f"{id} was begun by another shell: only that one can resume it",
                hint="TERMINATE ends it",
            )
        set_ = {**connection.service.settings(), **query.options}
        if not any(set_.get(name) for name in _SAVEPOINTS):
            raise UsageError(
                "PAUSE saves a query's state, and no folder for savepoints is set",
                hint="SET 'kshell.flink.savepoints'='file:///shared/savepoints', before the query"
                " is created",
            )
        ((path, *_),) = connection.service.run(
            f"STOP JOB '{job.id}' WITH SAVEPOINT",
            {n: v for n, v in query.options.items() if n in _SAVEPOINTS},
        )
        query.savepoint, query.state = path, "PAUSED"

    def _resume(self, connection: Connection, id: str, job: Job | None) -> None:
        query = self.own.get(id)
        if query is None or not query.savepoint:
            return  # it runs
        again = {**query.options, "execution.state-recovery.path": query.savepoint}
        self._submit(connection, replace(query, options=again))
        query.savepoint, query.state = "", "RUNNING"

    def show(self, statement: ast.Show, properties: Properties) -> Answer:
        """SHOW QUERIES: the cluster's jobs that kshell began, and the queries of this process."""
        connection = self._flink.connection(properties)
        latest = {j.name: j for j in connection.jobs() if j.name.startswith(BACKGROUND)}
        shown = [j for j in latest.values() if not j.over or j.state == "FAILED"]
        rows = [self._row(connection, job) for job in shown]
        for query in self.own.values():
            if query.savepoint:
                rows.append({"query": query.id, "state": "PAUSED", "writes": query.writes,
                             "error": f"saved in {query.savepoint}"})  # fmt: skip
        table = pa.Table.from_pylist(rows, _SHOWN)
        if not statement.extended:
            table = table.drop_columns(["job"])
        answer: Answer = Message("No query of kshell runs on Flink.")
        if rows:
            answer = Rows.of(table, "On Flink")
        if not self._flink.shared.queries:
            return answer
        here = show_local(self._flink.shared, statement, properties)
        return Sections((answer, here))

    def _row(self, connection: Connection, job: Job) -> Mapping[str, object]:
        id = job.name.removeprefix(BACKGROUND)
        own = self.own.get(id)
        row: dict[str, object] = {
            "query": id, "state": job.state, "writes": own.writes if own else None, "job": job.id,
            "runs for s": job.duration // 1000,
        }  # fmt: skip
        manager = connection.manager
        if manager is None:
            row["error"] = connection.why_no_manager or None
            return row
        read, written = manager.counts(job.id)
        why = manager.failure(job.id) if job.state in ("FAILED", "RESTARTING", "FAILING") else ""
        return row | {"read": read, "written": written, "error": why or None,
                      "checkpoints": manager.checkpoints(job.id)}  # fmt: skip

    def concerns(self, statement: ast.Statement) -> bool:
        """Whether a statement is about a query that this shell has begun on Flink."""
        if not self.own:
            return False
        match statement:
            case asked.QueryControl(query_id=id):
                return not id or id.upper() == "ALL" or id.upper() in self.own
            case ast.Show(what=ast.ShowWhat.QUERIES) | ast.DropSource():
                return True
        return False

    def ends_with(self, name: str, properties: Properties) -> None:
        """End the query that writes a source which was dropped."""
        for id in [q.id for q in self.own.values() if q.writes == name and q.id.startswith("C")]:
            connection = self._flink.connection(properties)
            jobs = {j.name.removeprefix(BACKGROUND): j for j in self._live(connection)}
            self._terminate(connection, id, jobs.get(id))
            self._await_ends(connection, [jobs[id].id] if id in jobs else [])

    def _watch(self) -> None:
        """Look at the jobs from time to time, so that the toolbar never waits for them."""
        if self._watching is None:
            self._watching = threading.Thread(target=self._look, daemon=True)
            self._watching.start()

    def _look(self) -> None:
        while not self._ended.wait(_LOOK):
            for query in list(self.own.values()):
                if query.savepoint:
                    continue
                try:
                    connection = self._flink.connection(query.properties)
                    found = [j for j in connection.jobs() if j.name == BACKGROUND + query.id]
                except FlinkDown as error:
                    query.note = error.what
                    continue
                except FlinkError:
                    continue
                query.note = ""
                if found:
                    query.state = found[-1].state

    def running(self) -> Sequence[Running]:
        """The queries that this shell has begun, as far as was last seen."""
        return [
            Running(q.id, f"{q.state.lower()} on Flink", q.state in ("FAILED", "RESTARTING"),
                    q.note, q.writes, outlives=True)
            for q in list(self.own.values())
        ]  # fmt: skip

    def close(self) -> None:
        """Stop looking; the jobs go on."""
        self._ended.set()


_SHOWN = pa.schema(
    [("query", pa.string()), ("state", pa.string()), ("writes", pa.string()),
     ("runs for s", pa.int64()), ("read", pa.int64()), ("written", pa.int64()),
     ("checkpoints", pa.int64()), ("error", pa.string()), ("job", pa.string())]
)  # fmt: skip
