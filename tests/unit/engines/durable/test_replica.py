"""A replica that follows a state topic at odd moments has what one has that reads it at the end."""

from __future__ import annotations

import random
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kshell.engines.local.durable import replica as replica_module
from kshell.engines.local.durable.fingerprint import fingerprint
from kshell.engines.local.durable.ledger import Header, saved_of
from kshell.engines.local.durable.replica import Replica
from kshell.engines.local.durable.states import Filling
from kshell.errors import BindError
from tests.streams.exported import held
from tests.streams.query import Query
from tests.streams.records import Record, records
from tests.unit.stream.test_steps import _cells

from .test_restarts import STREAMS, TABLES, Run, Topic, few, snapshots_soon

__all__ = ["snapshots_soon"]


class Log(Topic):
    """A state topic as it is read: `compact` leaves out what was replaced up to then."""

    id = b"1"

    def __init__(self) -> None:
        super().__init__()
        self.log: list[tuple[int, bytes, bytes | None]] = []
        self.end = 0

    def write(self, made: Any) -> None:
        super().write(made)
        for key, value in zip(made.keys.to_pylist(), made.values.to_pylist(), strict=True):
            self.log.append((self.end, key, value))
            self.end += 1

    def compact(self) -> None:
        newest = {key: offset for offset, key, _ in self.log}
        self.log = [row for row in self.log if newest[row[1]] == row[0]]

    def snapshot(self, topic: Log, ends: str) -> Any:
        made = SimpleNamespace(offsets={0: (0, self.end)})
        return SimpleNamespace(check_whole=lambda: made)


def read_log(client, topic: Log, first: int, end: int, hold) -> list[tuple[bytes, bytes | None]]:
    return [(key, value) for offset, key, value in topic.log if first <= offset < end]


def replica_of(script: str, topic: Log) -> Replica:
    def header(graph) -> Header:
        return Header("", fingerprint(Query.of(script).sink, graph), "test")

    plan = SimpleNamespace(
        name="Q", lookup=lambda: SimpleNamespace(client=topic), graph=lambda lookup: Query.of(script).graph, header=header
    )
    return Replica(plan)  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def logs(monkeypatch):
    monkeypatch.setattr(replica_module, "records_between", read_log)


def follows(script: str, given: list[Record], chance: random.Random) -> None:
    topic = Log()
    replica, run = replica_of(script, topic), Run(script, topic)
    for at, record in enumerate(given, 1):
        run.query.made(record)
        if chance.random() < 0.6:
            run.commit(at)
        if chance.random() < 0.2:
            topic.compact()
        if chance.random() < 0.3:
            replica.read(topic, "read_committed", lambda fetch: None)  # type: ignore[arg-type]
            if chance.random() < 0.7:
                replica.graph()
    replica.read(topic, "read_uncommitted", lambda fetch: None)  # type: ignore[arg-type]
    saved, fresh = saved_of(topic.last), Filling(Query.of(script).graph)
    fresh.load(saved)
    assert held(replica.graph().snapshot()) == held(fresh.graph.snapshot())
    assert replica.saved.standing == saved.standing
    assert set(saved.keys) <= set(replica.saved.keys)


@pytest.mark.parametrize("name", TABLES)
@few
@given(given=records("lr", groups=["a", "b", "c", None]), seed=st.integers(0, 1 << 30))
def test_tables(name: str, given: list[Record], seed: int) -> None:
    follows(TABLES[name], _cells(given, TABLES[name]), random.Random(seed))


@pytest.mark.parametrize("name", STREAMS)
@few
@given(given=records("lr"), seed=st.integers(0, 1 << 30))
def test_streams(name: str, given: list[Record], seed: int) -> None:
    follows(STREAMS[name], given, random.Random(seed))


COUNT = next(iter(TABLES))


def filled(script: str) -> tuple[Log, Run]:
    topic = Log()
    run = Run(script, topic)
    for at, record in enumerate(_cells([Record("l", "a", (1,), 1), Record("l", "b", (2,), 2)], script), 1):
        run.query.made(record)
        run.commit(at)
    return topic, run


def test_a_topic_that_was_created_anew_is_read_from_its_start() -> None:
    topic, _ = filled(TABLES[COUNT])
    replica = replica_of(TABLES[COUNT], topic)
    replica.read(topic, "read_committed", lambda fetch: None)  # type: ignore[arg-type]
    assert sum(len(part) for part in held(replica.graph().snapshot()).values()) > 0
    other = Log()
    other.id = b"2"
    replica.lookup.client = other  # type: ignore[misc]
    replica.read(other, "read_committed", lambda fetch: None)  # type: ignore[arg-type]
    assert held(replica.graph().snapshot()) == held(Query.of(TABLES[COUNT]).graph.snapshot())
    assert replica.saved.standing is None


def test_the_state_of_another_query_is_refused() -> None:
    topic, _ = filled(TABLES[COUNT])
    other = next(script for script in TABLES.values() if fingerprint(Query.of(script).sink, Query.of(script).graph) != fingerprint(Query.of(TABLES[COUNT]).sink, Query.of(TABLES[COUNT]).graph))
    replica = replica_of(other, topic)
    replica.read(topic, "read_committed", lambda fetch: None)  # type: ignore[arg-type]
    with pytest.raises(BindError):
        replica.graph()


def test_another_query_that_began_behind_the_first_look_is_refused() -> None:
    """A topic that is empty at first: whoever was reset writes another header then, and the epoch is the same."""
    script = TABLES[COUNT]
    topic = Log()
    other = next(s for s in TABLES.values() if fingerprint(Query.of(s).sink, Query.of(s).graph) != fingerprint(Query.of(script).sink, Query.of(script).graph))
    replica = replica_of(other, topic)
    replica.read(topic, "read_committed", lambda fetch: None)  # type: ignore[arg-type]
    replica.graph()
    run = Run(script, topic)
    run.query.made(Record("l", "a", (1,), 1))
    run.commit(1)
    replica.read(topic, "read_committed", lambda fetch: None)  # type: ignore[arg-type]
    with pytest.raises(BindError):
        replica.graph()
