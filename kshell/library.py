"""kshell in a program or a notebook: `connect` gives a `Session`, and each statement a `Result`.

    with kshell.connect("localhost:9092") as session:
        frame = session.sql("SELECT * FROM orders").to_arrow().to_pandas()

The package exports these three; a program needs no other part of kshell.
"""

from __future__ import annotations

import warnings
import weakref
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Self

from kshell import session as shell
from kshell.config import Properties, Scope, scope_of
from kshell.errors import KshellError, Unsupported, UsageError
from kshell.result import Result
from kshell.results import (
    Goodbye,
    Notice,
    NoticeKind,
    Proposal,
    Remark,
    Rows,
    Spooling,
    Task,
)
from kshell.sql.script import split

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Result", "Session", "connect"]


def connect(
    bootstrap: str | None = None,
    *,
    properties: Mapping[str, object] | None = None,
    tables: Mapping[str, pa.Table] | None = None,
    files: bool = False,
    yes: bool = False,
) -> Session:
    """A session at the cluster with these brokers (`"host:9092,…"`), already connected.

    `properties` are as for `SET` and `-X`.  `tables` are Arrow tables by name, for FROM; with only
    these, kshell needs no broker.  With `files`, statements may read and write local
    files.  With `yes`, statements that change the cluster (CREATE TOPIC, RESET GROUP, …) do so;
    without, their answer is the plan alone.  Raises ConnectionFailed, UsageError, UnknownName.
    """
    values = {name: _text(value) for name, value in (properties or {}).items()}
    if files:
        values["kshell.files"] = "true"
    if bootstrap is not None:
        values["bootstrap.servers"] = bootstrap
    session = Session(Properties(values), tables=tables, yes=yes)
    session.connect()
    return session


def _planned(proposal: Proposal) -> Rows:
    """The plan of a change that is not made, which its first notice says."""
    unchanged = Notice(
        NoticeKind.PLANNED, "nothing was changed: kshell.connect(…, yes=True) makes the change"
    )
    return replace(proposal.plan, notices=lambda: (unchanged, *proposal.notices))


def _text(value: object) -> str:
    """A property's value as in SET: True is 'true'."""
    return str(value).lower() if isinstance(value, bool) else str(value)


class Session(shell.Session):
    """One user's statements at one cluster.  For one thread; as a context manager it closes.

    A running event loop does not disturb it: it works on its own thread.
    """

    def __init__(
        self, properties: Properties, *, tables: Mapping[str, pa.Table] | None = None,
        yes: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(properties, tables=tables)
        self._yes = yes
        self._results: weakref.WeakSet[Result] = weakref.WeakSet()
        self._closed = False

    def sql(self, text: str) -> Result:
        """Run one statement.  A bounded answer is read when the program asks for its rows.

        Raises KshellError with its place in the text.
        """
        if not split(text):
            raise UsageError("there is no statement to run")
        if len(split(text)) != 1:
            raise UsageError("sql takes one statement", hint="run takes a script of many")
        results = list(self._answers(text))
        if not results:
            raise Unsupported("EXIT ends a script: close ends the session")
        if len(results) > 1:  # RUN SCRIPT
            raise UsageError("sql takes one statement", hint="run takes a script of many")
        return results[0]

    def run(self, script: str) -> list[Result]:
        """Run a script's statements in turn; reads each bounded answer to its end.

        Raises the first error, with the results before it in its `results`.
        """
        results: list[Result] = []
        try:
            for result in self._answers(script):
                if result.bounded:
                    result.to_arrow()
                results.append(result)
        except KshellError as error:
            error.results = results
            raise
        return results

    def _answers(self, text: str) -> Iterator[Result]:
        if self._closed:
            raise UsageError("this session was closed", hint="kshell.connect makes a new one")
        events = self.execute(text)
        for event in events:
            match event:
                case Remark():
                    warnings.warn(event.text, stacklevel=3)
                case Goodbye():
                    return
                case Spooling():
                    raise Unsupported("SPOOL is the shell's: a Result has the rows")
                case Proposal() if self._yes:
                    event.accepted = True  # the next event says what was done
                case Task():
                    result = Result(event.work())
                    self._results.add(result)
                    yield result
                case _:
                    result = Result(_planned(event) if isinstance(event, Proposal) else event)
                    self._results.add(result)
                    yield result

    def change(self, names: Iterable[str], properties: Properties) -> list[str]:
        """As the shell's, but the connection does not change under an answer that is read there."""
        names = tuple(names)
        anew = any(scope_of(name) is Scope.CONNECTION for name in names)
        if anew and any(result.open for result in self._results):
            raise UsageError(
                "the connection cannot change while an answer is open",
                hint="read it to its end, or close it",
            )
        return super().change(names, properties)

    def close(self) -> None:
        """Stop all queries and disconnect; KshellError if a query could not write its rows.

        What an open transaction or statement set holds is dropped, with a warning.
        """
        held = self.held
        if held is not None and held.count:
            warnings.warn(
                f"closed in an open {held.inside}: {held.many} not {held.becomes}", stacklevel=2
            )
        self._closed = True
        for result in list(self._results):
            result.close()
        super().close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        try:
            self.close()
        except KshellError as lost:
            if error is None:
                raise
            error.add_note(lost.what)
