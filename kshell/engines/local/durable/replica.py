"""A query's state as its topic has it, in a graph that is ready to go on.

A `life` makes one when it begins.  Of a process that stands by, `standby` has one of each query,
which follows the topic while another process writes it: who takes over reads only the rest.
"""

from __future__ import annotations

from collections.abc import Callable

from kshell.engines.local.durable.fingerprint import check_upgrade
from kshell.engines.local.durable.ledger import Header, Saved, is_state, records_between, saved_of
from kshell.engines.local.durable.plan import Plan
from kshell.engines.local.durable.states import Filling
from kshell.kafka.fetch import Fetch
from kshell.kafka.metadata import Topic
from kshell.stream.graph import Graph

__all__ = ["Replica"]

_LOADED = b""  # in place of a value that is in the graph


class Replica:
    """Reads a state topic from where it stopped reading, and fills a graph with what has come."""

    def __init__(self, plan: Plan) -> None:
        self._plan, self.lookup = plan, plan.lookup()
        self._id = b""  # of the topic
        self._next = 0
        self._last: dict[bytes, bytes] = {}  # the last value of each key
        self.header = Header("", (), "")  # of the graph
        self.saved = Saved()  # what was read, without the parts of the state that are loaded
        self._filling: Filling | None = None
        self._epoch = -1  # the snapshot that the graph was filled with

    def read(self, topic: Topic, ends: str, hold: Callable[[Fetch], None]) -> Saved:
        """Read on; gives what was read, without the parts of the state that are loaded.

        `ends` are "read_uncommitted" for the high watermark, which waits for transactions that are
        open, or "read_committed" for the first of them.  `hold` gets the read, which may be
        cancelled.
        """
        if topic.id != self._id:
            self._id, self._next, self._last, self._epoch = topic.id, 0, {}, -1
        first, end = self.lookup.client.snapshot(topic, ends).check_whole().offsets[0]
        start = max(first, self._next)
        for key, value in records_between(self.lookup.client, topic, start, end, hold):
            if value is None:
                self._last.pop(key, None)
            else:
                self._last[key] = value
        self._next = max(end, self._next)
        self.saved = saved_of({k: v for k, v in self._last.items() if v != _LOADED})
        return self.saved

    def graph(self) -> Graph:
        """The graph with all that was read; raises BindError where the state is another query's."""
        saved = self.saved
        epoch = 0 if saved.standing is None else saved.standing.epoch
        if self._filling is None or epoch != self._epoch:
            graph = self._plan.graph(self.lookup)
            self.header = self._plan.header(graph)
            self._filling, self._epoch = Filling(graph), epoch
        # One that has begun anew as another query writes its header behind the first look.
        if saved.header is not None:
            check_upgrade(self._plan.name, saved.header.fingerprint, self.header.fingerprint)
        self._filling.load(saved)
        keys = [key for key in self._last if is_state(key)]
        self._last |= dict.fromkeys(keys, _LOADED)
        self.saved = Saved(saved.header, saved.owner, saved.standing, keys=keys)
        return self._filling.graph
