r"""Runs a bounded statement again and again, for the live view: `\watch` on a terminal.

A run that brokers or the registry cut off is said, and the rows of the run before stay.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace

import pyarrow as pa

from kshell.errors import KshellError, Outage, RegistryDown, TopicChanged, Unreachable, UsageError
from kshell.results import (
    Event,
    LeftOut,
    Live,
    LiveStats,
    Message,
    NoticeKind,
    Remark,
    Rows,
)  # fmt: skip
from kshell.terminal.board import Board
from kshell.terminal.live_puller import Puller
from kshell.terminal.pull import interrupt
from kshell.terminal.snapshot import MOST, Snapshot

__all__ = ["OUTAGES", "NoTable", "Repeats"]

OUTAGES = (Outage, Unreachable, RegistryDown, TopicChanged)  # the next run may succeed
_GRACE = 0.15  # seconds in which a run that is stopped ends


class NoTable(KshellError):
    """The answer is not one table, which the live view needs."""


class Repeats(Puller):
    """`run` gives the answers to the statement; `every` seconds lie between two runs."""

    def __init__(self, run: Callable[[], Iterator[Event]], every: float, title: str) -> None:
        self._ask, self._every = run, every
        self._runs: deque[tuple[pa.RecordBatch, int]] = deque(maxlen=1)
        self._rows: Rows | None = None  # those that are pulled now
        self._stats = LiveStats()
        super().__init__(Live(pa.schema([]), _no_poll, self.stop, self.stats, title))

    @property
    def live(self) -> Live:
        """What a view asks of a query; nobody polls it."""
        return self._live

    def stats(self) -> LiveStats:
        """What the last run read and left out, and what this one waits for."""
        rows = self._rows
        progress = None if rows is None else rows.progress()
        if progress is None:
            return self._stats
        note = progress.note or self._stats.note
        return replace(self._stats, scanned=progress.done, note=note)

    def _pull(self) -> None:
        while not self.done.is_set():
            if not self.go.wait(0.1):
                continue
            try:
                self._once()
            except OUTAGES as error:
                self._stats = replace(self._stats, note=error.what)
            self.tell()
            self.done.wait(self._every)

    def _once(self) -> None:
        """Run the statement; its rows wait to be shown."""
        for answer in self._ask():
            match answer:
                case Rows():
                    self._keep(answer)
                case Message():
                    self._runs.append((pa.record_batch({"message": [answer.text]}), 1))
                    self._stats = LiveStats()
                case Remark():
                    pass
                case Live():
                    answer.cancel()
                    raise UsageError(
                        "\\watch runs a query again and again, and EMIT CHANGES goes on by itself",
                        hint="run it without \\watch",
                    )
                case _:
                    raise NoTable("its answer is no table")

    def _keep(self, rows: Rows) -> None:
        self._rows = rows
        kept, count = [], 0
        try:
            for batch in rows.batches:
                if self.done.is_set():
                    return
                if batch.num_rows and count < MOST:
                    kept.append(batch.slice(0, MOST - count))
                count += batch.num_rows
            self._stats = _figures(rows, count)
        finally:
            self._rows = None
        empty = pa.RecordBatch.from_pylist([], rows.schema)
        self._runs.append((pa.concat_batches(kept) if kept else empty, count))

    def hand_over(self, board: Board) -> None:
        assert isinstance(board, Snapshot)
        while self._runs:
            board.replace(*self._runs.popleft())

    def stop(self) -> None:
        """End the run."""
        self.done.set()
        rows = self._rows
        if rows is not None:
            rows.cancel()
        self.thread.join(_GRACE)
        if self.thread.is_alive():
            interrupt(self.thread)
            self.thread.join(_GRACE)
        self.close()


def _figures(rows: Rows, count: int) -> LiveStats:
    """What a run that is over has read, and what it lacks."""
    notices, progress = rows.notices(), rows.progress()
    bad = sum(n.count for n in notices if n.kind is NoticeKind.UNDECODABLE)
    note = next((n.text for n in notices if n.kind is NoticeKind.PARTIAL), "")
    return LiveStats(count, progress.done if progress else 0, bad=LeftOut(bad), note=note)


def _no_poll(seconds: float) -> None:
    return None
