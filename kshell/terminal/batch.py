"""Runs a script without a prompt, and says how it went by an exit code.

`cli` calls it.  A script stays while its queries run, and says which of them end with it.
"""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from kshell.errors import ConnectionFailed, Interrupted, KshellError
from kshell.sql.script import split
from kshell.sql.tokens import tokenize

if TYPE_CHECKING:
    import pyarrow as pa

    from kshell.changes import Changes
    from kshell.results import Event, Live, Message, Rows, Running, Task, Waiting
    from kshell.session import Session
    from kshell.sql.script import Piece
    from kshell.terminal.show import Shower

__all__ = ["Batch"]

_PARTIAL = 4  # the exit code if every statement ran, but an answer is incomplete
_LOOK = 0.2  # seconds between two checks of the queries that a script left running


class _Queries:
    """Says on stderr what the queries in the background wait for, and which failed, each once."""

    def __init__(self, session: Session) -> None:
        from kshell.terminal.messages import Outages

        self._session, self._outages = session, Outages()
        self._due = 0.0
        self.failed: set[str] = set()

    def meanwhile(self) -> None:
        """Look a few times a second, however often this is called."""
        if time.monotonic() >= self._due:
            self._due = time.monotonic() + _LOOK
            self.look()

    def look(self) -> None:
        """Say what is new."""
        from kshell.terminal.messages import note

        for query in self._session.running():
            self._outages.tell(f"Query {query.id}", query.note)
            if query.failed and query.id not in self.failed:
                self.failed.add(query.id)
                note(f"Query {query.id} {query.state}")


@dataclass(frozen=True, slots=True)
class Batch:
    """How scripts are run: the options of the command line.  None: no limit."""

    output: str
    csv_safe: bool = False
    seconds: float | None = None  # for each statement
    limit: int | None = None  # rows of each answer
    goes_on: bool = False  # after a statement that failed
    yes: bool = False  # changes of the cluster are made without a question

    def run(self, session: Session, text: str) -> int:
        """Run the script; draws its errors and returns the exit code."""
        from kshell.terminal.show import Shower

        queries = _Queries(session)
        shower = Shower(
            self.output, self.csv_safe, properties=lambda: session.properties,
            meanwhile=queries.meanwhile,
        )  # fmt: skip
        if self.yes:
            shower.accept = lambda question: True
        try:
            with session.remembering(text):
                code = self._statements(session, text, shower, queries)
            held = session.held
            if held is not None and held.count:
                _say_dropped(held)
                code = code or KshellError.exit_code
            return code or (_PARTIAL if shower.partial else 0)
        finally:
            _end(session)

    def _statements(
        self, session: Session, text: str, shower: Shower, queries: _Queries
    ) -> int:
        code = 0
        try:
            for piece in split(text):
                try:
                    if not self._statement(session, piece, shower):
                        break
                except (ConnectionFailed, Interrupted):
                    raise
                except KshellError as error:
                    if not self.goes_on:
                        raise
                    _draw(error, text)
                    code = KshellError.exit_code
            else:
                sys.stdout.flush()
                self._stay(session, queries)
            sys.stdout.flush()
            queries.look()
        except KshellError as error:
            queries.look()
            if not isinstance(error, Interrupted):
                _draw(error, text)
            return error.exit_code
        # What failed queries did not write is missing.
        return KshellError.exit_code if queries.failed else code

    def _statement(self, session: Session, piece: Piece, shower: Shower) -> bool:
        """Run one statement and draw its answers; False means leave."""
        from kshell.terminal.messages import note
        from kshell.terminal.pull import stepwise

        answers = stepwise(session.execute_piece(piece), self.seconds)
        with contextlib.closing(answers):
            try:
                began = time.monotonic()
                for answer in answers:
                    deadline = None if self.seconds is None else began + self.seconds
                    if not shower.show(self._within(answer, deadline)):
                        return False
                    began = time.monotonic()
            except TimeoutError:
                what = f"no answer within {self.seconds:g} s"
                if not _is_continuous(piece):
                    raise KshellError(what, hint="--timeout allows more") from None
                note(what)
        return True

    def _within(self, answer: Event, deadline: float | None) -> Event:
        """The answer, ended by the limit and the time."""
        from kshell.results import Live, Rows, Task

        match answer:
            case Task() if deadline is not None:
                return _worked_until(answer, deadline)
            case Rows():
                if self.limit is not None:
                    answer.batches = _first_rows(answer, self.limit)
                if deadline is not None:
                    answer.batches = _until(answer, deadline)
                return answer
            case Live():
                return _ended(answer, self.limit, deadline)
            case _:
                return answer

    def _stay(self, session: Session, watched: _Queries) -> None:
        """Keep a script going while its queries run, until it is stopped or its time is over.

        Raises KshellError when no query runs any more.
        """
        from kshell.terminal.messages import note

        queries = [query for query in session.running() if not query.outlives]
        if queries:
            ids = ", ".join(q.id for q in queries)
            note(f"{ids} still run{'s' * (len(queries) == 1)}; Ctrl-C stops.")
        deadline = None if self.seconds is None else time.monotonic() + self.seconds
        while queries and (deadline is None or time.monotonic() < deadline):
            watched.look()
            if len(watched.failed) == len(queries):
                failed = ", ".join(sorted(watched.failed))
                raise KshellError(f"no query runs any more: {failed} failed")
            time.sleep(_LOOK)
            queries = [query for query in session.running() if not query.outlives]


def _say_dropped(held: Waiting) -> None:
    from kshell.terminal.messages import note

    note(f"The script ended in an open {held.inside}: {held.many} not {held.becomes}.")


def _draw(error: KshellError, text: str) -> None:
    from kshell.terminal.messages import draw_error

    with contextlib.suppress(OSError):
        sys.stdout.flush()
    draw_error(error, text)


def _is_continuous(piece: Piece) -> bool:
    """Whether its words say that it is a query that goes on."""
    return any(token.upper == "EMIT" for token in tokenize(piece.text))


def _first_rows(rows: Rows, limit: int) -> Iterator[pa.RecordBatch]:
    """The first rows; then the query is stopped."""
    batches = rows.batches

    def first() -> Iterator[pa.RecordBatch]:
        left = limit
        for batch in batches:
            yield batch.slice(0, left)
            left -= batch.num_rows
            if left <= 0:
                rows.cancel()
                return

    return first()


def _until(rows: Rows, deadline: float) -> Iterator[pa.RecordBatch]:
    """The rows until then; raises TimeoutError if there would be more."""
    batches = rows.batches
    over = threading.Event()

    def end() -> None:
        over.set()
        rows.cancel()

    timer = threading.Timer(max(deadline - time.monotonic(), 0), end)
    timer.daemon = True
    timer.start()

    def until() -> Iterator[pa.RecordBatch]:
        try:
            yield from batches
        except Exception:
            if not over.is_set():
                raise
        finally:
            timer.cancel()
        if over.is_set():
            raise TimeoutError

    return until()


def _worked_until(task: Task, deadline: float) -> Task:
    """The work until then; raises KshellError that says what was done."""
    over = threading.Event()

    def work() -> Message:
        def end() -> None:
            over.set()
            task.cancel()

        timer = threading.Timer(max(deadline - time.monotonic(), 0), end)
        timer.daemon = True
        timer.start()
        message = task.work()
        timer.cancel()
        if over.is_set():
            raise KshellError(message.text, hint="--timeout allows more")
        return message

    return replace(task, work=work)


def _ended(live: Live, limit: int | None, deadline: float | None) -> Live:
    """A continuous answer that ends after so many rows, and then."""
    left = limit

    def poll(seconds: float) -> Changes | None:
        nonlocal left
        if (left is not None and left <= 0) or (
            deadline is not None and time.monotonic() >= deadline
        ):
            return None
        changes = live.poll(seconds)
        if changes is not None and left is not None:
            changes = changes.slice(0, left)
            left -= len(changes)
        return changes

    return replace(live, poll=poll)


def _end(session: Session) -> None:
    """End the script's queries, after they have written what they read, and say so."""
    from kshell.terminal.messages import note

    running = session.running()
    ended: list[Running] = [q for q in running if not (q.failed or q.outlives)]
    session.close()
    for query in ended:
        note(f"Query {query.id} ended with the script.")
