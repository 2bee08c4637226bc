"""A process that stands by follows the state of its queries, so that it goes on at once."""

from __future__ import annotations

import contextlib
import threading
from collections import Counter
from collections.abc import Iterator, Sequence

from kshell.engines.local.durable.plan import Plan
from kshell.engines.local.durable.replica import Replica
from kshell.errors import KshellError, TopicChanged
from kshell.kafka.fetch import Fetch

__all__ = ["Standby"]

_EACH = 1.0  # seconds between two looks at what has come
_MISSED = 5  # looks without a topic until it counts as deleted
_ENDING = 10.0  # seconds that what is being loaded may still take


class Standby:
    """Keeps a replica of each query's state while `follows` is entered."""

    def __init__(self, plans: Sequence[Plan]) -> None:
        self._plans = plans
        self._replicas: dict[str, Replica] = {}
        self._over = threading.Event()
        self._fetch: Fetch | None = None
        self._missed = Counter[str]()  # looks since a state topic was there that had been read
        self.gone: TopicChanged | None = None  # the state of a query was deleted
        self._thread = threading.Thread(target=self._run, name="kshell-standby", daemon=True)

    @contextlib.contextmanager
    def follows(self) -> Iterator[None]:
        """Read on inside the block, in a thread; after it the replicas are for who takes over."""
        self._thread.start()
        try:
            yield
        finally:
            self._over.set()
            if self._fetch is not None:
                self._fetch.cancel()

    def taken(self, query: str) -> Replica | None:
        """The replica of a query, as far as it came; after `follows` only."""
        self._thread.join(_ENDING)
        return None if self._thread.is_alive() else self._replicas.pop(query, None)

    def _run(self) -> None:
        while not self._over.is_set():
            for plan in self._plans:
                self._follow(plan)
            self._over.wait(_EACH)

    def _follow(self, plan: Plan) -> None:
        replica = self._replicas.get(plan.name)
        if replica is None:
            replica = self._replicas[plan.name] = Replica(plan)
        try:
            with contextlib.suppress(KshellError):  # brokers that are away: it reads on later
                topic = replica.lookup.client.find(plan.state_topic)
                if topic is None:
                    self._miss(plan, replica)
                elif not self._over.is_set():
                    del self._missed[plan.name]
                    replica.read(topic, "read_committed", self._hold)
            replica.graph()
        except Exception:  # a life says what is wrong, if it is so then
            del self._replicas[plan.name]

    def _miss(self, plan: Plan, replica: Replica) -> None:
        """A broker that has just started may not know its topics."""
        self._missed[plan.name] += replica.saved.standing is not None
        if self._missed[plan.name] > _MISSED:
            text = f"topic {plan.state_topic}, which has the state of a query, was deleted"
            self.gone = TopicChanged(text, hint=plan.anew)

    def _hold(self, fetch: Fetch) -> None:
        """The state is being read: it ends when the process is to go on."""
        self._fetch = fetch
        if self._over.is_set():
            fetch.cancel()
