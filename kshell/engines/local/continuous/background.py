"""A query that runs beside the prompt: CREATE … AS SELECT and INSERT INTO … SELECT.

`persistent` starts one for each; SHOW QUERIES and the toolbar read its counters.  One thread pulls
the feed, steps the graph and writes; it ends with the shell.
"""

from __future__ import annotations

import threading
import time
from enum import Enum

import pyarrow as pa

from kshell.engines.local.continuous.run import Run
from kshell.engines.local.continuous.sink_writer import Outlet
from kshell.errors import KshellError, Outage, TopicChanged, UnknownName
from kshell.kafka.client import Client
from kshell.kafka.produce import Producer
from kshell.results import Notice, NoticeKind, Running
from kshell.sql.plan import Sink

__all__ = ["Background", "State"]

_POLL = 0.2
_WATCH = 2.0  # seconds between two looks at the sink's topic
_FLUSH = 40.0  # seconds that the end may take: longer than a record waits to be acknowledged


class State(Enum):
    """How a query is."""

    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    ERROR = "ERROR"
    ENDED = "ENDED"  # it read given tables alone, and all of them
    TERMINATED = "TERMINATED"


class Background:
    """One persistent query; `start` runs it, `stop` waits until all that it made is written."""

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
        self.state = State.RUNNING
        self.error: KshellError | None = None
        self._plan, self._producer = run, producer
        topic = client.topic(sink.target.topic)
        self._client, self._topic_id = client, topic.id
        outlet.partitions = len(topic.partitions)
        self._due = 0.0
        self._caught_up = threading.Event()
        self._going = threading.Event()
        self._going.set()
        self._thread = threading.Thread(target=self._run, name=f"kshell-{id}", daemon=True)

    def start(self) -> None:
        """Run until stopped."""
        self._thread.start()

    def _run(self) -> None:
        try:
            while not self.feed.cancelled:
                self._going.wait()
                made = self._plan.poll(_POLL)
                if made is None:
                    break
                self._going.wait()  # what came while it was being paused waits too
                idle = True
                for changes in made:
                    idle = False
                    self.outlet.write(changes)
                    self._producer.check()
                if idle and self.feed.at_end:
                    self._caught_up.set()
                self._producer.check()
                self._check_sink()
            self._producer.flush()
            if not self.feed.cancelled:
                self.state = State.ENDED
            self._caught_up.set()
        except KshellError as error:
            self._fail(error)
        except Exception as error:  # a query that dies without a word would look like a quiet one
            self._fail(KshellError(f"internal error: {error!r}"))

    def _check_sink(self) -> None:
        """Now and then: the topic must be the one that it was.

        The producer would look for one that is gone for minutes, and find one created anew.
        """
        now = time.monotonic()
        if now < self._due:
            return
        self._due = now + _WATCH
        name = self.sink.target.topic
        try:
            topic = self._client.topic(name)
        except Outage:
            return
        except UnknownName:
            raise TopicChanged(f"topic {name}, which it writes, was deleted") from None
        self.outlet.partitions = len(topic.partitions)
        if topic.id != self._topic_id:
            raise TopicChanged(f"topic {name}, which it writes, was deleted and created anew")

    def _fail(self, error: KshellError) -> None:
        self.error, self.state = error, State.ERROR
        self.feed.cancel()

    def catch_up(self, seconds: float) -> bool:
        """Wait until what was there when it began is in its table; False where that takes longer.

        A query that is paused or has failed is not waited for.
        """
        deadline = time.monotonic() + seconds
        while self.state is State.RUNNING and not self._caught_up.wait(_POLL):
            if time.monotonic() > deadline:
                break
        return self._caught_up.is_set()

    def kept(self, seconds: float) -> tuple[pa.RecordBatch, tuple[Notice, ...]]:
        """The table's rows once they have caught up, or after so many seconds; and what to say
        of them where they may not be the newest."""
        assert self.outlet.rows is not None  # what makes it a keeper
        whole, lag, name = self.catch_up(seconds), self.feed.lag, self.sink.target.name
        rows = self.outlet.rows.snapshot()
        if self.error is not None:
            text = f"query {self.id} failed, {name} is as it was then: {self.error.what}"
        elif self.feed.note or lag or not whole:
            behind = self.feed.note or "has not read yet what was there when it began"
            if lag and not self.feed.note:
                behind = f"{lag:,} record{'s' * (lag != 1)} behind"
            text = f"query {self.id}, which keeps {name}: {behind}"
        else:
            return rows, ()
        return rows, (Notice(NoticeKind.PARTIAL, text, lag),)

    def pause(self) -> None:
        """Read no further."""
        if self.state is State.RUNNING:
            self.state = State.PAUSED
            self._going.clear()

    def resume(self) -> None:
        """Go on."""
        if self.state is State.PAUSED:
            self.state = State.RUNNING
            self._going.set()

    def stop(self) -> None:
        """End it; what was read is written first.  Raises what this went wrong with."""
        failed = self.error
        self.feed.cancel()
        self._going.set()
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

    def status(self) -> Running:
        """For the toolbar."""
        if self.error is not None:
            return Running(self.id, f"failed: {self.error.what}", failed=True)
        if self.state is State.ENDED:
            return Running(self.id, "has read all")
        if self.state is State.PAUSED:
            return Running(self.id, "paused")
        if self.feed.note:
            return Running(self.id, self.feed.note)
        return Running(self.id, f"{self.feed.rate():,.0f}/s, lag {self.feed.lag:,}")
