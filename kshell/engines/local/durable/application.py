"""The queries of one file that outlive its process: bound first, all of them, and then started.

The context has one where a file is run; `statements.persistent` adds queries instead of starting
them, and `statements.application` checks and starts it.
"""

from __future__ import annotations

import contextvars
import re
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from kshell.engines.local.durable.plan import Plan
from kshell.engines.local.durable.query import Durable
from kshell.engines.local.durable.standby import Standby
from kshell.engines.local.sources.lookup import Lookup
from kshell.errors import BindError, KshellError, Place, Unsupported, UsageError
from kshell.kafka.transactions import EXPIRES
from kshell.results import Running
from kshell.sql.plan import Sink, scans

__all__ = ["Application", "NewTopic"]

_NAME = re.compile(r"[A-Za-z0-9_-]{1,80}")  # without dots, so that no two applications share a name
_LONGEST = 30.0  # seconds between two commits
_QUERY = re.compile(r"[A-Za-z0-9._-]{1,140}")


@dataclass(frozen=True, slots=True)
class NewTopic:
    """A topic that is to be created before the queries start."""

    name: str
    partitions: int
    replicas: int
    configs: Mapping[str, str]


@dataclass
class Application:
    """A name, and what is to run under it; `seconds` are between two commits, `version` is this
    kshell's."""

    name: str
    seconds: float
    version: str
    dead_letters: str = ""  # the topic of records that cannot be decoded; empty: there is none
    plans: dict[str, Plan] = field(default_factory=dict)
    topics: dict[str, NewTopic] = field(default_factory=dict)
    queries: list[Durable] = field(default_factory=list)
    standby: Standby | None = None  # of a process that has waited for its turn

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise UsageError(
                f"{self.name!r} is no name of an application",
                hint="letters, digits, _ and -, at most 80 of them",
            )
        if self.seconds > _LONGEST:
            raise UsageError(
                f"commits are at most {_LONGEST:g} s apart: the brokers end a transaction after"
                f" {EXPIRES:g} s",
                hint="--commit 1s",
            )

    @property
    def group(self) -> str:
        """The group of the processes that stand by."""
        return f"kshell.{self.name}"

    def add(
        self, sink: Sink, statement: str, lookup: Callable[[], Lookup], place: Place | None
    ) -> str:
        """One more query; gives its name.  Raises BindError and Unsupported, with the place.

        `lookup` gives a new look at the cluster, under the properties that hold at the statement.
        """
        name = sink.query_id or sink.target.name
        if name in self.plans:
            raise BindError(
                f"two queries of the file are named {name}",
                hint="INSERT INTO … WITH (QUERY_ID='name') SELECT … gives a query its own name",
                place=place,
            )
        if not _QUERY.fullmatch(name):
            raise BindError(
                f"{name!r} cannot be the name of a query that is kept: topics are named after it",
                hint="letters, digits, ., _ and -",
                place=place,
            )
        if lookup().properties["isolation.level"] != "read_committed":
            raise BindError(
                "isolation.level is read_uncommitted: a query that outlives the shell reads what is"
                " committed alone",
                hint="UNSET 'isolation.level'",
                place=place,
            )
        _check_sources(sink, place)
        self.plans[name] = Plan(
            self.name, name, sink, statement, lookup, self.version, contextvars.copy_context(),
            place, self.dead_letters,
        )  # fmt: skip
        return name

    def run(self) -> None:
        """Start all of them; their topics are there."""
        self.queries = [Durable(plan, self.seconds) for plan in self.plans.values()]
        for query in self.queries:
            if self.standby is not None:
                query.held.replica = self.standby.taken(query.id)
            query.start()
        self.standby = None

    def follows(self) -> AbstractContextManager[None]:
        """Read what another process writes of the state, inside the block: `run` goes on at once
        then."""
        self.standby = Standby(list(self.plans.values()))
        return self.standby.follows()

    def running(self) -> list[Running]:
        """How each query is."""
        return [query.status() for query in self.queries]

    @property
    def taken_over(self) -> bool:
        """Whether another process runs one of the queries now."""
        return any(query.fenced for query in self.queries)

    def stop(self) -> list[KshellError]:
        """Commit all, and end; gives the errors of those that failed."""
        for query in self.queries:
            query.leave()
        failed = []
        for query in self.queries:
            try:
                query.stop()
            except KshellError as error:
                failed.append(error)
        return failed


def _check_sources(sink: Sink, place: Place | None) -> None:
    """Raise Unsupported where a source has no offsets to go on from."""
    for leaf in scans(sink):
        source = leaf.source
        what = "a system table" if source.system else "a file" if source.file is not None else ""
        if what:
            raise Unsupported(
                f"{source.name} is {what}: a query that outlives the shell reads topics alone",
                hint="write its rows to a topic: INSERT INTO … SELECT",
                place=place,
            )
