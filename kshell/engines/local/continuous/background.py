"""A query that runs in the background: CREATE … AS SELECT and INSERT INTO … SELECT.

`persistent` starts one for each statement; SHOW QUERIES and the toolbar read its counters.  One
thread pulls the feed, steps the graph and writes; it ends with the shell.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from enum import Enum

import pyarrow as pa

from kshell.config import Properties
from kshell.engines.local.continuous.run import Run
from kshell.engines.local.continuous.sink_writer import Outlet
from kshell.engines.local.continuous.written_topic import WrittenTopic
from kshell.errors import KafkaError, KshellError
from kshell.kafka.client import Client
from kshell.kafka.produce import Producer
from kshell.results import Notice, NoticeKind, Running, give_back
from kshell.sql.plan import Sink
from kshell.wording import backlog

__all__ = ["Background", "State", "end_soon", "stands_at"]

_POLL = 0.2
_IDLE = 2.0  # seconds that it sleeps when it has read and written all; news wakes it
_FLUSH = 20.0  # seconds to wait for the end: longer than the producer waits for the cluster
_ASK = 1.0  # seconds to see at the end whether the cluster is there
_AWAY, _SLOW = 1.0, 10.0  # seconds that the end may take where nothing is acknowledged then


class State(Enum):
    """The state of a query."""

    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    ERROR = "ERROR"
    ENDED = "ENDED"  # it read only given tables, and has read all of them
    TERMINATED = "TERMINATED"


def stands_at(reached: Sequence[tuple[str, int, int]], most: int = 4) -> str:
    """The (topic, partition, offset) that a query would read next, of so many partitions."""
    places = [f"{topic}-{partition} at offset {offset}" for topic, partition, offset in reached]
    more = [f"{len(places) - most} more"] if len(places) > most else []
    return f"stands at {', '.join(places[:most] + more)}"


class Background:
    """One persistent query; `start` runs it, `stop` waits until all its rows are written."""

    def __init__(
        self,
        id: str,
        sink: Sink,
        run: Run,
        outlet: Outlet,
        producer: Producer,
        client: Client,
    ) -> None:
        self.id, self.sink, self.feed, self.outlet = id, sink, run.feed, outlet
        self.properties = Properties()  # those that it was started with
        self.state = State.RUNNING
        self.error: KshellError | None = None
        self._plan, self._producer = run, producer
        producer.on_stall = self._stalled
        self._client = client
        self._sink = WrittenTopic(client, sink.target.topic)
        outlet.partitions = self._sink.partitions
        self._ends = False
        self._failed_before: KshellError | None = None  # before it was to end
        self._caught_up = threading.Event()
        self._going = threading.Event()
        self._going.set()
        self._thread = threading.Thread(target=self._run, name=f"kshell-{id}", daemon=True)

    def start(self) -> None:
        """Run until stopped."""
        self._thread.start()

    def _run(self) -> None:
        try:
            seconds = _POLL
            while not self.feed.cancelled:
                self._going.wait()
                made = self._plan.poll(seconds)
                if made is None:
                    break
                self._going.wait()  # rows that came during the pause wait too
                idle = True
                for changes in made:
                    idle = False
                    self.outlet.write(changes)
                    self._producer.check()
                at_end = idle and self.feed.at_end
                if at_end:
                    self._caught_up.set()
                seconds = _IDLE if at_end and not self._producer.unwritten else _POLL
                self._producer.check()
                self._sink.check()
                self.outlet.partitions = self._sink.partitions
            if not self.feed.cancelled:
                self._producer.flush()
            self._producer.leave()
            if not self.feed.cancelled:
                self.state = State.ENDED
            self._caught_up.set()
        except KshellError as error:
            self._fail(error)
        except Exception as error:  # else a failed query would look like a quiet one
            self._fail(KshellError(f"internal error: {error!r}"))
        finally:
            give_back()

    @property
    def keeps(self) -> bool:
        """Whether it keeps a table's rows for bounded queries."""
        return self._plan.keeps

    @property
    def written(self) -> int:
        """How many records the sink's topic has acknowledged, which others can read."""
        return self._producer.acknowledged

    @property
    def late(self) -> int:
        """How many rows came after all their windows had closed."""
        return self._plan.late

    def _stalled(self, error: KafkaError) -> None:
        """Nothing was acknowledged for too long: stand still until RESUME or the end.

        What was read and what the producer holds is kept, so that nothing is lost or doubled.
        """
        if not self.feed.cancelled:
            self.error, self.state = error, State.ERROR
            self._going.clear()
            self._going.wait()
        if self.feed.cancelled and (left := self._producer.unwritten):
            raise KafkaError(f"{left:,} record{'s' * (left != 1)} left unwritten", hint=error.hint)

    @property
    def over(self) -> bool:
        """Whether it will do nothing more; after an error in which nothing was lost it may."""
        ended = self.state in (State.ENDED, State.TERMINATED)
        return ended or (self.state is State.ERROR and self.feed.cancelled)

    def _fail(self, error: KshellError) -> None:
        self.error, self.state = error, State.ERROR
        self.feed.cancel()

    def catch_up(self, seconds: float) -> bool:
        """Wait until all records from before its start are in its table; False on time-out.

        Does not wait for a query that is paused or has failed.
        """
        deadline = time.monotonic() + seconds
        while self.state is State.RUNNING and not self._caught_up.wait(_POLL):
            if time.monotonic() > deadline:
                break
        return self._caught_up.is_set()

    def kept(self, seconds: float) -> tuple[pa.RecordBatch, tuple[Notice, ...]]:
        """The table's rows, when they have caught up or after so many seconds; and a remark if they
        may not be the newest."""
        whole, lag, name = self.catch_up(seconds), self.feed.lag, self.sink.target.name
        rows = self._plan.rows()
        if self.error is not None:
            text = f"query {self.id} failed, {name} is as it was then: {self.error.what}"
        elif self.feed.note or lag or not whole:
            behind = self.feed.note or "has not read yet what was there when it began"
            if lag and not self.feed.note:
                behind = f"{lag:,} record{'s' * (lag != 1)} behind"
            text = f"query {self.id}, which keeps {name}: {behind}"
        else:
            return rows, ()
        return rows, (Notice(NoticeKind.PARTIAL, text, lag or 0),)

    def pause(self) -> None:
        """Stop reading."""
        if self.state is State.RUNNING:
            self.state = State.PAUSED
            self._going.clear()

    def resume(self) -> None:
        """Go on, also after an error in which nothing was lost."""
        if self.state is State.PAUSED or (self.state is State.ERROR and not self.over):
            self.error, self.state = None, State.RUNNING
            self._going.set()

    def _end(self, seconds: float) -> None:
        self._ends, self._failed_before = True, self.error
        self.feed.cancel()
        self._producer.hurry(seconds)
        self._going.set()

    def stop(self) -> None:
        """End the query, after it has written the records that it read; raises the error of
        that."""
        end_soon([self])
        failed = self._failed_before
        if self._thread.is_alive():
            self._thread.join(_FLUSH)
        if self._thread.is_alive():
            raise KshellError(f"query {self.id} did not end within {_FLUSH:g} s")
        if self.error is not None and self.error is not failed:
            raise KshellError(
                f"query {self.id} could not write all that it made: {self.error.what}",
                hint=self.error.hint,
            )
        if self.state is not State.ERROR:
            self.state = State.TERMINATED

    @property
    def failure(self) -> str | None:
        """What ended it or made it stand still, and where."""
        if self.error is None:
            return None
        return f"{self.error.what} ({stands_at(self.feed.reached())})"

    @property
    def note(self) -> str:
        """What it waits for, while it does."""
        return self.feed.waits or self._producer.note

    def status(self) -> Running:
        """For the toolbar."""
        writes = self.sink.target.name
        if self.error is not None:
            return Running(self.id, f"failed: {self.failure}", failed=True, writes=writes)
        if self.state is State.ENDED:
            return Running(self.id, "has read all", writes=writes)
        if self.state is State.PAUSED:
            return Running(self.id, "paused", writes=writes)
        if note := self.note:
            return Running(self.id, note, note=note, writes=writes)
        return Running(self.id, backlog(self.feed.lag, self.feed.rate()), writes=writes)


def end_soon(queries: Sequence[Background]) -> None:
    """Let queries write what they have read, and end; only a cluster that answers is waited for."""
    going = [query for query in queries if not query._ends]
    waiting = [query for query in going if query._producer.unwritten]
    away = bool(waiting) and not waiting[0]._client.answers(_ASK)
    for query in going:
        query._end(_AWAY if away else _SLOW)
