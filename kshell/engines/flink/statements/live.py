"""A continuous SELECT on Flink: its rows in the same live view as those of this process."""

from __future__ import annotations

import time

import pyarrow as pa

from kshell.catalog.model import Kind
from kshell.changes import Changes
from kshell.config import Properties
from kshell.engines.flink.connection import Connection
from kshell.engines.flink.context import FlinkContext
from kshell.engines.flink.http import FlinkDown, FlinkError, failed
from kshell.engines.flink.render import Script, rendered
from kshell.engines.flink.rows import changes_of
from kshell.engines.flink.service import Page
from kshell.engines.local.statements.live import cut, key_headings
from kshell.engines.local.statements.plans import plan_query
from kshell.results import Live, LiveStats
from kshell.sql import plan
from kshell.sql.clauses import Query
from kshell.sql.moment_columns import answer_schema

__all__ = ["Foreground", "continuous", "options_of"]

_PAUSE = 0.02  # seconds between two questions for rows
_LOOK = 1.0  # seconds between two looks at the job
_AWAY = 5.0  # seconds without an answer after which the query ends
_LAST = 2.0  # seconds to wait for the rows of a job that has ended


def options_of(properties: Properties, name: str) -> dict[str, str]:
    """Flink's options of a statement, by the properties."""
    idle = properties["kshell.flink.idle.timeout.ms"]
    options = {"pipeline.name": name, "table.exec.source.idle-timeout": f"{idle} ms"}
    if parallelism := properties.get("kshell.flink.parallelism"):
        options["parallelism.default"] = parallelism
    if ttl := properties.get("kshell.flink.state.ttl.ms"):
        options["table.exec.state.ttl"] = f"{ttl} ms"
    return options


class Foreground:
    """A SELECT that runs on Flink, and what has come of it."""

    def __init__(
        self, connection: Connection, script: Script, schema: pa.Schema, options: dict[str, str]
    ) -> None:
        self._connection, self._schema = connection, schema
        self.rows, self.read, self.note = 0, 0, ""
        self.cancelled = self.over = False
        self._began = self._heard = time.monotonic()
        self._looked = self._began
        self._rate = 0.0
        for sql in script.declarations:
            connection.service.declare(sql)
        once = {**options, "restart-strategy.type": "disable"}
        self._submitted = connection.service.submit(script.statement, once)

    def poll(self, seconds: float) -> Changes | None:
        """The next changes, or none after so many seconds; None after the end."""
        deadline = time.monotonic() + seconds
        while not self.over:
            page = self._page()
            if page is None:
                self.over = True
                break
            if page.rows:
                return changes_of(page.rows, self._schema)
            self._look()
            if time.monotonic() >= deadline:
                return Changes.none(self._schema)
            time.sleep(_PAUSE)
        return None

    def _page(self) -> Page | None:
        if self.cancelled:
            return None
        try:
            page = self._connection.service.poll(self._submitted)
        except FlinkDown as error:
            if time.monotonic() - self._heard > _AWAY:
                self.cancel()
                raise
            self.note = error.what
            return Page()
        except FlinkError as error:
            raise error if error.hint else failed("the query", error.what) from None
        self._heard, self.note = time.monotonic(), ""
        return page

    def _look(self) -> None:
        """See whether the job still runs: the gateway gives empty pages when it does not."""
        now = time.monotonic()
        if now - self._looked < _LOOK or not self._submitted.job:
            return
        self._looked = now
        try:
            seen = self._connection.look(self._submitted.job)
        except FlinkError:
            return
        before, self.read = self.read, seen.read
        self._rate = max(self.read - before, 0) / _LOOK
        if seen.state == "FAILED":
            raise failed("the query", self._connection.failure(self._submitted.job))
        if seen.state == "CANCELED" and not self.cancelled:
            raise FlinkError("the query's job was cancelled on Flink")

    def cancel(self) -> None:
        """End the query; its job ends when it may."""
        if not self.cancelled:
            self.cancelled = True
            self._connection.stop_soon(self._submitted)

    def stats(self) -> LiveStats:
        """For the footer: the backlog is not known."""
        return LiveStats(self.rows, self.read, self._rate, None, note=self.note)


def continuous(flink: FlinkContext, query: Query, properties: Properties) -> Live:
    """Rows as they change."""
    lookup = flink.shared.lookup(properties)
    node = plan_query(lookup, query)
    script = rendered(node, lookup)
    connection = flink.connection(properties)
    flink.check(connection, script, properties)
    schema = answer_schema(node)
    running = Foreground(
        connection, script, schema, options_of(properties, connection.foreground_name())
    )
    limit, table = node.limit, node.output.kind is Kind.TABLE

    def poll(seconds: float) -> Changes | None:
        if limit is not None and running.rows >= limit:
            running.cancel()
            return None
        changes = running.poll(seconds)
        if changes is None:
            return None
        if limit is not None:
            changes = changes.slice(0, cut(changes.weights, limit - running.rows))
        running.rows += changes.there().true_count
        return changes

    names = [leaf.source.name for leaf in plan.scans(node)]
    hints = _hints(node, properties)
    return Live(
        schema, poll, running.cancel, running.stats, f"{', '.join(names)} on Flink",
        key_headings(node) if table else (), (*connection.notices(), *lookup.notices),
        limit is not None, None, hints,
    )  # fmt: skip


def _hints(node: plan.Answer, properties: Properties) -> tuple[str, ...]:
    hints = []
    if properties["auto.offset.reset"] != "earliest":
        hints.append(
            "Streams begin with what comes next. SET 'auto.offset.reset'='earliest'; reads what is"
            " there, too."
        )
    if plan.closes(node):
        hints.append(
            "A window's row comes when the window has closed: when a later record comes, after its"
            " end and grace."
        )
    return tuple(hints)
