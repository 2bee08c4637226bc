"""Queries that & sends to the background of the prompt, each with a number.

A thread reads each: a bounded query's rows wait in a file without a name, a continuous query's in a
board.  `\\fg` shows them, `\\kill` stops one; `conversation` stops all of them at the end.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from kshell.errors import KshellError, UsageError

if TYPE_CHECKING:
    import pyarrow as pa

    from kshell.results import Live, Rows, Running
    from kshell.spill import Spill
    from kshell.terminal.board import Board
    from kshell.terminal.live_puller import Puller
    from kshell.terminal.times import Times

__all__ = ["Job", "Jobs", "LiveJob", "RowsJob"]

_POLL = 0.2
_GRACE = 1.0  # seconds to wait for a stopped query's thread


def _nothing() -> None:
    return None


class Job(Protocol):
    """One query; `ended` when it will read no more."""

    text: str
    ended: threading.Event
    error: BaseException | None

    @property
    def count(self) -> int:
        """How many rows it has."""

    def state(self) -> str:
        """What it does, in a few words."""

    def lend(self) -> tuple[Live, Board]:
        """The query and its rows, for a view to poll until `go_on`; raises UsageError."""

    def go_on(self, view: Puller) -> None:
        """Poll again when the view has polled the last time, if the query has not ended."""

    def stop(self) -> None:
        """End it."""


class RowsJob:
    """A bounded query."""

    def __init__(self, text: str, rows: Rows, times: Times) -> None:
        self.text, self.rows, self._times = text, rows, times
        self._kept: Spill | None = None
        self.ended = threading.Event()
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="kshell-job", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        from kshell.spill import Spill

        try:
            for batch in self.rows.batches:
                if self._kept is None:
                    self._kept = Spill(batch.schema, memory=0)
                self._kept.add(batch)
        except BaseException as error:
            self.error = error
        finally:
            self.ended.set()

    @property
    def count(self) -> int:
        return 0 if self._kept is None else self._kept.count

    def state(self) -> str:
        progress = self.rows.progress()
        return f"{progress.done:,} of {progress.total:,} records" if progress else "runs"

    def answer(self) -> Rows:
        """Its rows, when it has ended; raises its error."""
        from kshell.results import Rows

        def batches() -> Iterator[pa.RecordBatch]:
            while not self.ended.wait(0.1):
                pass
            if self.error is not None:
                raise self.error
            given.schema = rows.schema
            if self._kept is not None:
                given.schema = self._kept.schema
                yield from self._kept.batches()

        rows = self.rows
        given = Rows(
            rows.schema, batches(), rows.title, self.stop, rows.progress, rows.notices, rows.elides
        )
        return given

    def lend(self) -> tuple[Live, Board]:
        """Its rows as those of a query that ends; not before it has read all."""
        from kshell.changes import Changes
        from kshell.results import Live, LiveStats
        from kshell.terminal.board import Board

        if not self.ended.is_set():
            what = f"the rows of {self.text} are not there yet: it still reads"
            raise UsageError(what, hint="\\jobs says how far it is")
        schema = self.rows.schema if self._kept is None else self._kept.schema
        batches = iter(()) if self._kept is None else self._kept.batches()

        def poll(seconds: float) -> Changes | None:
            batch = next(batches, None)
            if batch is None and self.error is not None:
                raise self.error
            return None if batch is None else Changes.of(batch)

        stats = LiveStats(self.count)
        live = Live(schema, poll, _nothing, lambda: stats)
        return live, Board(schema, (), self._times)

    def go_on(self, view: Puller) -> None:
        """It has read all; only the view ends."""
        view.thread.join(_GRACE)
        view.close()

    def stop(self) -> None:
        self.rows.cancel()
        self._thread.join(_GRACE)


class LiveJob:
    """A continuous query; its rows are on a board, as in the live view."""

    def __init__(self, text: str, live: Live, times: Times) -> None:
        from kshell.terminal.board import Board

        self.text, self.live = text, live
        self.ended = threading.Event()
        self.error: BaseException | None = None
        self.board: Board = Board(live.schema, live.key, times, live.ends)
        self._left = threading.Event()
        self._begin()

    def _begin(self, view: Puller | None = None) -> None:
        self._left.clear()
        self._thread = threading.Thread(
            target=self._run, args=(view,), name="kshell-job", daemon=True
        )
        self._thread.start()

    def _run(self, view: Puller | None) -> None:
        try:
            if view is not None and view.over(self.board):
                self.error = view.error
                self.ended.set()
                return
            while not self._left.is_set():
                changes = self.live.poll(_POLL)
                if changes is None:
                    self.ended.set()
                    break
                if len(changes):
                    self.board.add(changes)
        except BaseException as error:
            self.error = error
            self.ended.set()

    @property
    def count(self) -> int:
        return self.board.rows

    def state(self) -> str:
        from kshell.wording import backlog

        stats = self.live.stats()
        return stats.note or backlog(stats.lag, stats.rate)

    def taken(self) -> tuple[Live, Board]:
        """The query and its rows, for the live view to go on with; raises its error."""
        lent = self.lend()
        if self.error is not None:
            raise self.error
        return lent

    def lend(self) -> tuple[Live, Board]:
        self._left.set()
        try:
            self._thread.join()
        except BaseException:  # Ctrl-C while a poll waits
            self._left.clear()
            raise
        live = replace(self.live, poll=self._end) if self.ended.is_set() else self.live
        return live, self.board

    def _end(self, seconds: float) -> None:
        if self.error is not None:
            raise self.error

    def go_on(self, view: Puller) -> None:
        self._begin(view)

    def stop(self) -> None:
        self._left.set()
        self.live.cancel()
        self._thread.join(_GRACE)


class Jobs:
    """The queries by number; used by the prompt's thread."""

    def __init__(self) -> None:
        self._jobs: dict[int, Job] = {}
        self._said: set[int] = set()

    def add(self, job: Job) -> int:
        """Take a query that has begun; returns its number."""
        number = max(self._jobs, default=0) + 1
        self._said.discard(number)
        self._jobs[number] = job
        return number

    def take(self, number: str) -> Job:
        """The query with the number, or the newest for "", which is no job any more.

        Raises UsageError.
        """
        if not self._jobs:
            hint = "& at the end of a query sends it there"
            raise UsageError(f"no query {number} in the background".replace("  ", " "), hint=hint)
        wanted = int(number) if number.isdecimal() else max(self._jobs) if not number else -1
        if wanted not in self._jobs:
            raise UsageError(f"no query {number} in the background", hint="\\jobs lists them")
        return self._jobs.pop(wanted)

    def numbered(self) -> dict[str, Job]:
        """The queries by number, the newest last."""
        return {str(number): job for number, job in sorted(self._jobs.items())}

    def listed(self) -> list[tuple[int, str, str]]:
        """(number, state, statement) of each."""
        return [(n, self._told(n, job), job.text) for n, job in sorted(self._jobs.items())]

    def status(self) -> list[Running]:
        """For the toolbar."""
        from kshell.results import Running

        return [
            Running(f"[{n}]", self._told(n, job), failed=job.error is not None)
            for n, job in sorted(self._jobs.items())
        ]

    def running(self) -> int:
        """How many still read."""
        return sum(not job.ended.is_set() for job in self._jobs.values())

    def news(self) -> list[str]:
        """Which have ended since the last call."""
        ended = [n for n, j in self._jobs.items() if j.ended.is_set() and n not in self._said]
        self._said.update(ended)
        return [
            f"[{n}] {self._told(n, job)}"
            + ("" if job.error is not None else f": \\fg {n} shows the answer")
            for n, job in sorted(self._jobs.items())
            if n in ended
        ]

    def _told(self, number: int, job: Job) -> str:
        if job.error is not None:
            what = job.error.what if isinstance(job.error, KshellError) else repr(job.error)
            return f"failed: {what}"
        if job.ended.is_set():
            from kshell.wording import many

            return f"done, {many(job.count, 'row')}"
        return job.state()

    def close(self) -> None:
        """Stop all."""
        while self._jobs:
            self._jobs.popitem()[1].stop()
