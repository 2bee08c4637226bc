"""The life of a durable query between two failures: its graph, its feed and its producer.

`query` begins one after the other.  Each fences who ran the query before, loads the state and reads
on from where the query stood at its last commit.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping

from kshell.engines.local.continuous.feed import open_feed
from kshell.engines.local.continuous.sink_writer import Outlet
from kshell.engines.local.continuous.time_order import Lane, Stand, Step, cut
from kshell.engines.local.continuous.written_topic import WrittenTopic
from kshell.engines.local.durable.dead_letters import DeadLetters
from kshell.engines.local.durable.group_offsets import GroupOffsets
from kshell.engines.local.durable.held import Held, TakenOver
from kshell.engines.local.durable.inputs import identities
from kshell.engines.local.durable.ledger import (
    Ledger,
    claim,
    end_of,
    first_offsets,
    last_owner,
)
from kshell.engines.local.durable.plan import Plan
from kshell.engines.local.durable.replica import Replica
from kshell.engines.local.durable.standing import Stands, bare
from kshell.engines.local.durable.states import renamed, states
from kshell.engines.local.sources.chunks import writer_of
from kshell.errors import KshellError, Outage, TopicChanged
from kshell.kafka.metadata import Topic
from kshell.kafka.outgoing import Outgoing
from kshell.kafka.transactions import EXPIRES, Fenced, Transactions
from kshell.results import give_back
from kshell.sql.plan import scans

__all__ = ["STATE", "Life", "gone"]

_POLL = 0.1  # seconds that it waits for records before it looks at the other things
_STEP_ROWS = 1 << 15
_EXPIRES = EXPIRES  # seconds that a transaction may take
_WATCH = 1.0  # seconds between two looks whether another process has the query

_SINK, STATE = "which it writes", "which has its state"


def gone(topic: str, what: str) -> TopicChanged:
    """The error where a topic of the query was deleted; `what` says which it is."""
    return TopicChanged(f"topic {topic}, {what}, was deleted")


class Life:
    """The graph, the feed and the producer between two failures."""

    def __init__(self, plan: Plan, seconds: float, held: Held) -> None:
        self._plan, self._seconds, self._held = plan, seconds, held
        replica = held.replica or Replica(plan)
        held.replica = None
        self._lookup = lookup = replica.lookup
        self._leaves = list(scans(plan.sink))
        self._reads = [leaf.source.topic for leaf in self._leaves]
        self._written: list[WrittenTopic] = []
        self._topic = self._there(plan.state_topic, STATE)
        self._stays()
        self._there(plan.sink.target.topic, _SINK)
        written = filter(None, (plan.sink.target.topic, plan.state_topic, plan.dead_letters))
        self._transactions = Transactions(
            lookup.properties, plan.id, self._leaves_now, expires=_EXPIRES,
            largest=lookup.client.largest_batch(written),
        )  # fmt: skip
        self._stays()  # it may have been stopped just before
        self._claim()
        saved = replica.read(self._topic, "read_uncommitted", held.fetch)
        standing = saved.standing
        if standing is None and held.standing is not None:
            raise gone(plan.state_topic, STATE)
        self._dead: DeadLetters | None = None
        if plan.dead_letters:
            stood = {} if standing is None else standing.offsets()
            lookup.errors = self._dead = DeadLetters(lookup.errors, plan.name, stood)
        self._outlet = Outlet(
            plan.sink, writer_of(plan.sink, lookup.properties), self._write, self._unwritten
        )
        self._sink = WrittenTopic(lookup.client, plan.sink.target.topic, _SINK)
        self._outlet.partitions = self._sink.partitions
        state = WrittenTopic(lookup.client, plan.state_topic, STATE)
        self._written += [self._sink, state]
        self._topics = identities(plan, lookup, standing)
        self._graph = replica.graph()
        self._names = states(self._graph)
        largest = lookup.client.largest_batch([plan.state_topic])
        self._ledger = Ledger(
            replica.header, held.owner, replica.saved, self._reads, largest
        )
        lanes: Mapping[Lane, Stand] = {} if standing is None else standing.lanes
        self._feed = held.feed = open_feed(lookup, plan.sink, bounded=False, goes_on=lanes)
        self._stands = Stands(lanes)
        self._stands.reach(self._feed.starts())
        self._group = GroupOffsets(lookup.client, plan.id)
        self._due = self._watch = 0.0
        self._end = -1
        if standing is None:
            self._open()
            self._commit()  # a process that ends now does not begin elsewhere
        else:
            held.standing = standing

    def run(self) -> None:
        """Read, step and commit until the query is to stop."""
        while not self._held.stop.is_set():
            self._turn()
        self._open()
        self._commit(last=True)

    def _there(self, name: str, what: str) -> Topic:
        """A topic that was there at the start; raises TopicChanged where it is gone."""
        found = self._lookup.client.find(name)
        if found is None:
            raise gone(name, what)
        return found

    def _stays(self) -> None:
        """Between two lives another process may have come, which this one must leave alone: raises
        TakenOver."""
        held = self._held
        if not held.claimed:
            return
        nonce = last_owner(self._lookup.client, self._topic, held.fetch)
        if nonce != held.owner.nonce:
            raise TakenOver(self._plan.name)

    def _claim(self) -> None:
        """Be the owner, for all to see, before anything is read."""
        try:
            self._transactions.begin()
            self._transactions.send(self._plan.state_topic, claim(self._held.owner))
            self._transactions.commit()
            self._held.claimed = True
        except Fenced:  # by a newer one
            raise TakenOver(self._plan.name) from None

    def _write(self, records: Outgoing) -> None:
        self._transactions.send(self._plan.sink.target.topic, records)
        self._held.written += len(records)

    def _unwritten(self, why: str) -> None:
        topic = self._plan.sink.target.topic
        self._lookup.errors.evaluation(self._plan.name, f"not written to {topic}", why)

    def _turn(self) -> None:
        """Take what has come, within a moment; commit if it is time."""
        left = self._due - time.monotonic() if self._transactions.open else _POLL
        steps = self._feed.poll(max(min(left, _POLL), 0.0))
        for step in steps or ():
            for part in cut(step, _STEP_ROWS):
                self._step(part)
        if self._stands.reach(self._feed.behind()):
            self._open()
        if self._transactions.open:
            if time.monotonic() >= self._due:
                self._commit()
        else:
            self._group.follow(first_offsets(self._stands.lanes(), self._reads))
            self._look()
        self._check_written()
        self._outlet.partitions = self._sink.partitions

    def _check_written(self) -> None:
        for topic in self._written:
            topic.check()

    def _leaves_now(self) -> bool:
        """Whether a commit is waited for no longer; raises TopicChanged, for then it never ends."""
        self._check_written()
        return self._held.leaves()

    def _step(self, part: Step) -> None:
        self._open()
        for changes in self._graph.steps(bare(part)):
            self._outlet.write(changes)
        self._stands.stepped(part)
        if time.monotonic() >= self._due:
            self._commit()

    def _open(self) -> None:
        if not self._transactions.open:
            self._transactions.begin()
            # The state's partition is added to the transaction meanwhile, not when it is to end.
            self._transactions.send(self._plan.state_topic, claim(self._held.owner))
            self._held.passed("begin")
            self._due = time.monotonic() + self._seconds

    def _commit(self, *, last: bool = False) -> None:
        """Outputs are sent already: now the state, where it stands, and the end."""
        held, began = self._held, time.monotonic()
        held.passed("outputs")
        whole = self._ledger.wants_snapshot
        changed = self._graph.changed()
        parts = self._graph.snapshot() if whole else changed
        lanes = self._stands.lanes()
        offsets = first_offsets(lanes, self._reads)
        self._bury(offsets)
        records = self._ledger.commit(
            renamed(parts, self._names), lanes, self._topics, whole=whole,
            keys=self._graph.count(),
        )
        self._transactions.send(self._plan.state_topic, records)
        held.passed("deltas")
        if last:
            self._transactions.send(self._plan.state_topic, claim(held.owner, left=True))
        held.passed("offsets")
        self._transactions.commit()
        held.passed("commit")
        self._group.follow(offsets, now=last or held.standing is None)
        held.committed(self._ledger.standing, time.monotonic() - began)
        self._watch = time.monotonic() + _WATCH

    def _bury(self, offsets: Mapping[tuple[str, int], int]) -> None:
        """Write the records before these offsets that could not be decoded to their topic."""
        if self._dead is not None:
            letters = self._dead.due(self._lookup.client, offsets)
            if letters is not None:
                self._transactions.send(self._plan.dead_letters, letters)

    def _look(self) -> None:
        """An idle query sees here that another process has it: a commit of its own would tell."""
        if time.monotonic() < self._watch:
            return
        self._watch = time.monotonic() + _WATCH
        with contextlib.suppress(Outage):
            client, nonce = self._lookup.client, ""
            end = end_of(client, self._topic)
            if end != self._end:
                nonce = last_owner(client, self._topic, self._held.fetch)
            self._end = end
            if nonce not in ("", self._held.owner.nonce):
                raise TakenOver(self._plan.name)

    def close(self) -> None:
        """Stop reading, and take back what is not committed."""
        self._feed.cancel()
        if self._transactions.open:
            with contextlib.suppress(KshellError):  # the next life does it, or the brokers
                self._transactions.abort()
        give_back()
