"""A query that outlives its process: outputs, state and offsets in one Kafka transaction.

`application` starts one for each persistent query of its file.  Its thread begins one `life` after
the other: what fails ends a life, and the next one goes on from the last commit.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable

from kshell.engines.local.continuous.background import State, stands_at
from kshell.engines.local.durable.held import LEAVING, Held, TakenOver
from kshell.engines.local.durable.last_words import record_failure
from kshell.engines.local.durable.ledger import Owner, last_owner
from kshell.engines.local.durable.life import STATE, Life, gone
from kshell.engines.local.durable.plan import Plan
from kshell.errors import (
    ConnectionFailed,
    Forbidden,
    KshellError,
    Outage,
    RegistryDown,
    StatementError,
    TopicChanged,
    UnknownName,
    UsageError,
)
from kshell.kafka.transactions import Fenced
from kshell.results import Running
from kshell.wording import backlog

__all__ = ["Durable"]

_TRIES = 3  # lives that may fail at the same commit
_BACK_OFF = (0.1, 0.3, 1.0, 2.0, 5.0)  # seconds
_RIVAL = (0.0, 0.2, 0.5)  # seconds between looks for who has fenced it
_PASSING = (Outage, ConnectionFailed, RegistryDown)  # what ends by itself
_FINAL = (TopicChanged, StatementError, UsageError, Forbidden)  # what another try does not mend


class Durable:
    """One query of an application: `start` runs it, `stop` commits what it has and ends it."""

    def __init__(
        self, plan: Plan, seconds: float, passed: Callable[[str], None] = lambda point: None
    ) -> None:
        self.id, self.plan = plan.name, plan
        self.state = State.RUNNING
        self.error: KshellError | None = None
        self.fenced = False  # another process has the query
        self.ready = threading.Event()  # it reads, or has failed
        self.held = Held(Owner.here(), passed)
        self._note = ""
        self._seconds = seconds
        self._thread = threading.Thread(target=self._run, name=f"kshell-{self.id}", daemon=True)

    def start(self) -> None:
        """Run until stopped, or until an error that another try does not mend."""
        self._thread.start()

    def leave(self) -> None:
        """Commit, and end soon; `stop` waits for it."""
        self.held.leave()

    def stop(self) -> None:
        """Commit, and end; raises the error that it ended with."""
        self.leave()
        self._thread.join(self.held.rest + LEAVING / 5)
        if self._thread.is_alive():
            raise KshellError(
                f"query {self.id} is left without its last commit: the brokers did not answer for"
                f" {LEAVING:g} s",
                hint="nothing is lost: it goes on from the commit before",
            )
        if self.error is not None:
            raise self.error
        self.state = State.TERMINATED

    def _run(self) -> None:
        try:
            self._lives()
        except Exception as error:  # else a failed query would look like a quiet one
            self._fail(KshellError(f"internal error: {error!r}"))
        finally:
            self.ready.set()

    def _lives(self) -> None:
        passed = tries = 0  # failures that ended by themselves, and others, since a commit
        stood = -1
        while True:
            try:
                self._live()
                return None
            except TakenOver as error:
                self.fenced = True
                return self._fail(error)
            except _PASSING as error:
                self._note = f"waiting: {error.what}"
                problem: KshellError = error
                final = False
            except KshellError as error:
                self.fenced = isinstance(error, Fenced) and self._has_rival()
                problem = TakenOver(self.plan.name) if self.fenced else error
                final = self.fenced or isinstance(error, _FINAL)
                tries += 1
            now = self.held.standing.seq if self.held.standing is not None else 0
            if now != stood:
                passed, tries, stood = 0, min(tries, 1), now
            if final or tries >= _TRIES:
                return self._fail(problem)
            wait = _BACK_OFF[min(passed, len(_BACK_OFF) - 1)]
            passed += 1
            if self.held.stop.wait(wait):
                return None  # all that is lost was not committed, and is done again

    def _live(self) -> None:
        life: Life | None = None
        try:
            life = Life(self.plan, self._seconds, self.held)
            self._note = ""
            self.ready.set()
            life.run()
        finally:
            if life is not None:
                life.close()
            elif self.held.feed is not None:  # it had begun to read
                self.held.feed.cancel()

    def _has_rival(self) -> bool:
        """Whether another process has claimed the query; a transaction that timed out looks
        the same."""
        client = self.plan.lookup().client
        topic = client.topic(self.plan.state_topic)
        for wait in _RIVAL:
            if self.held.stop.wait(wait):
                break
            if last_owner(client, topic, self.held.fetch) != self.held.owner.nonce:
                return True
        return False

    def _fail(self, error: KshellError) -> None:
        if isinstance(error, UnknownName) and error.name == self.plan.state_topic:
            error = gone(error.name, STATE)
        if isinstance(error, TopicChanged):
            error = TopicChanged(error.what, hint=self.plan.anew)  # others may have the same one
        self.error, self.state = error, State.ERROR
        if self.held.feed is not None:
            self.held.feed.cancel()
        self.ready.set()
        if not self.fenced:
            with contextlib.suppress(KshellError):  # a shell elsewhere does not see why, then
                record_failure(self.plan, self.held, self.failure)

    @property
    def failure(self) -> str:
        """What ended it, and where it stands."""
        if self.error is None:
            return ""
        standing, hint = self.held.standing, self.error.hint
        hint = f"; {hint}" if hint else ""
        if standing is None:
            return f"{self.error.what}{hint}"
        lanes = standing.lanes.items()
        places = [(self.plan.topic_of(scan), p, stand.next) for (scan, p), stand in lanes]
        return f"{self.error.what} ({stands_at(sorted(places))}){hint}"

    @property
    def note(self) -> str:
        """What it waits for, while it does."""
        feed = self.held.feed
        return self._note or self.held.note or ("" if feed is None else feed.waits)

    def status(self) -> Running:
        """For who watches the application."""
        writes = self.plan.sink.target.name
        if self.error is not None:
            return Running(self.id, f"failed: {self.failure}", failed=True, writes=writes)
        if self.note:
            return Running(self.id, self.note, note=self.note, writes=writes)
        feed = self.held.feed
        if feed is None:
            return Running(self.id, "starting", writes=writes)
        return Running(self.id, backlog(feed.lag, feed.rate()), writes=writes)
