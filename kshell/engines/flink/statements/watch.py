"""Looks at this shell's jobs from time to time, so that the toolbar never waits for Flink.

`queries` begins it with the first query.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping

from kshell.engines.flink.context import FlinkContext
from kshell.engines.flink.http import FlinkDown, FlinkError
from kshell.engines.flink.statements.begun import Begun

__all__ = ["Watch"]

_LOOK = 2.0  # seconds between two looks
_WELL = 30.0  # seconds after its last failure when a job that runs is well again


class Watch:
    """A thread that looks, once it was begun."""

    def __init__(self, flink: FlinkContext, queries: Mapping[str, Begun]) -> None:
        self._flink, self._queries = flink, queries
        self._thread: threading.Thread | None = None
        self._ended = threading.Event()

    def begin(self) -> None:
        """Look from now on."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while not self._ended.wait(_LOOK):
            for query in list(self._queries.values()):
                self._look(query)

    def _look(self, query: Begun) -> None:
        connection = self._flink.opened(query.properties)
        if query.savepoint or connection is None:
            return
        try:
            found = [job for job in connection.jobs() if job.query == query.id]
            if found:
                failures = connection.failures(found[-1].id)
                query.saw(found[-1].state, failures[0] if failures else None, _WELL)
        except FlinkDown as error:
            query.note = error.what
        except FlinkError:
            return

    def close(self) -> None:
        """Look no more."""
        self._ended.set()
