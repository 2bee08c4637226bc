"""A query that runs beside the prompt: CREATE … AS SELECT and INSERT INTO … SELECT.

`persistent` starts one for each; SHOW QUERIES and the toolbar read its counters.  One thread pulls
the feed, steps the graph and writes; it ends with the shell.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from enum import Enum

from kshell.catalog.model import Kind
from kshell.engines.local.continuous.feed import Feed
from kshell.engines.local.continuous.outlet import Outlet
from kshell.errors import KshellError
from kshell.sql.plan import Sink
from kshell.stream.graph import Graph

__all__ = ["Background", "State"]

_POLL = 0.2


class State(Enum):
    """How a query is."""

    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    ERROR = "ERROR"
    TERMINATED = "TERMINATED"


class Background:
    """One persistent query; `start` runs it, `stop` waits until all that it made is written."""

    def __init__(
        self,
        id: str,
        sink: Sink,
        feed: Feed,
        graph: Graph,
        outlet: Outlet,
        flush: Callable[[], None],
    ) -> None:
        self.id, self.sink, self.feed, self.outlet = id, sink, feed, outlet
        self.state = State.RUNNING
        self.error: KshellError | None = None
        self._graph, self._flush = graph, flush
        self._going = threading.Event()
        self._going.set()
        self._thread = threading.Thread(target=self._run, name=f"kshell-{id}", daemon=True)

    @property
    def kind(self) -> Kind:
        """Whether it makes a stream or a table."""
        return self.sink.target.kind

    def start(self) -> None:
        """Run until stopped."""
        self._thread.start()

    def _run(self) -> None:
        try:
            while not self.feed.cancelled:
                self._going.wait()
                runs = self.feed.poll(_POLL)
                if runs is None:
                    break
                for scan, changes in runs:
                    self.outlet.write(self._graph.step(scan, changes))
            self._flush()
        except KshellError as error:
            self._fail(error)
        except Exception as error:  # a query that dies without a word would look like a quiet one
            self._fail(KshellError(f"internal error: {error!r}"))

    def _fail(self, error: KshellError) -> None:
        self.error, self.state = error, State.ERROR
        self.feed.cancel()

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
        """End it; what was read is written first."""
        self.feed.cancel()
        self._going.set()
        if self._thread.is_alive():
            self._thread.join(10)
        if self.state is not State.ERROR:
            self.state = State.TERMINATED

    def line(self) -> str:
        """For the toolbar."""
        if self.error is not None:
            return f"{self.id} failed"
        if self.state is State.PAUSED:
            return f"{self.id} paused"
        return f"{self.id} {self.feed.rate():,.0f}/s"
