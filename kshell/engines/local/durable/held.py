"""What the threads around a durable query's life see of it, and tell it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from kshell.engines.local.continuous.feed import Feed
from kshell.engines.local.durable.ledger import Owner, Standing
from kshell.engines.local.durable.replica import Replica
from kshell.errors import KafkaError
from kshell.kafka.fetch import Fetch

__all__ = ["LEAVING", "Held", "TakenOver"]

LEAVING = 5.0  # seconds that the last commit may take where brokers do not answer


class TakenOver(KafkaError):
    """Another process has the query."""

    def __init__(self, query: str) -> None:
        super().__init__(f"query {query} was taken over by another process")


class Held:
    """What the threads around a life see of it, and tell it."""

    def __init__(self, owner: Owner, passed: Callable[[str], None]) -> None:
        self.owner, self.passed = owner, passed
        self.stop = threading.Event()
        self.feed: Feed | None = None
        self.standing: Standing | None = None
        self.commits: list[float] = []  # seconds of the last ones
        self.written = 0
        self.replica: Replica | None = None  # of a process that stood by
        self.claimed = False  # whether a life has been the owner
        self._ends = 0.0
        self._fetch: Fetch | None = None

    def fetch(self, fetch: Fetch) -> None:
        """The state is being read: it ends when the query is to stop."""
        self._fetch = fetch
        if self.stop.is_set():
            fetch.cancel()

    @property
    def note(self) -> str:
        """What a read of the state waits for."""
        return "" if self._fetch is None else self._fetch.note

    def leave(self) -> None:
        """End soon; who says it again does not give it more time."""
        if not self.stop.is_set():
            self._ends = time.monotonic() + LEAVING
        self.stop.set()
        if self._fetch is not None:
            self._fetch.cancel()

    @property
    def rest(self) -> float:
        """The seconds that it still has to end."""
        return max(self._ends - time.monotonic(), 0.0)

    def leaves(self) -> bool:
        """Whether nothing is waited for any longer."""
        return self.stop.is_set() and time.monotonic() > self._ends

    def committed(self, standing: Standing, seconds: float) -> None:
        """A transaction was committed."""
        self.standing = standing
        self.commits = [*self.commits[-999:], seconds]
