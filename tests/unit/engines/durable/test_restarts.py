"""A query that ends anywhere and goes on from its last commit makes what one makes that never ends."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from kshell.engines.local.durable import ledger
from kshell.engines.local.durable.fingerprint import fingerprint
from kshell.engines.local.durable.ledger import Header, Ledger, Owner, saved_of
from kshell.engines.local.durable.states import Filling, renamed, states
from tests.streams.exported import held
from tests.streams.query import Query
from tests.streams.records import Record, records
from tests.unit.stream import test_joins, test_kept, test_steps, test_window_state
from tests.unit.stream.test_steps import _cells

TABLES = {**test_kept.QUERIES, **test_steps.QUERIES}
STREAMS = {**test_window_state.QUERIES, **test_joins.QUERIES}

ROWS = {"groups", "left", "right", "rows", "table", "windows"}  # the parts that are neither clocks nor ways to them

few = settings(max_examples=3, deadline=None, phases=[Phase.generate])


class Topic:
    """A state topic in memory, as compaction leaves it."""

    def __init__(self) -> None:
        self.last: dict[bytes, bytes] = {}

    def write(self, made: Any) -> None:
        for key, value in zip(made.keys.to_pylist(), made.values.to_pylist(), strict=True):
            if value is None:
                self.last.pop(key, None)
            else:
                self.last[key] = value


class Run:
    """A query between two ends."""

    def __init__(self, script: str, topic: Topic) -> None:
        self.query, self.topic = Query.of(script), topic
        graph = self.query.graph
        self.names = states(graph)
        saved = saved_of(topic.last)
        Filling(graph).load(saved)
        header = Header("", fingerprint(self.query.sink, graph), "test")
        if saved.header is not None:
            assert list(saved.header.fingerprint) == header.fingerprint
        self.ledger = Ledger(header, Owner("n", "h", 1, 0), saved, [])
        self.at = 0 if saved.standing is None else saved.standing.lanes[0, 0].next

    def commit(self, at: int) -> None:
        whole = self.ledger.wants_snapshot
        changed = self.query.graph.changed()
        parts = self.query.graph.snapshot() if whole else changed
        lanes = {(0, 0): ledger.Stand(at)}
        self.topic.write(self.ledger.commit(renamed(parts, self.names), lanes, {}, whole=whole, keys=self.query.graph.count()))


def test_all_operators_with_state_are_here():
    made = {type(o).__name__ for s in {**TABLES, **STREAMS}.values() for o in Query.of(s).graph.operators.values() if hasattr(o, "snapshot")}
    assert made == {"ColumnarAggregate", "TableAggregate", "SessionAggregate", "SlidingAggregate", "StreamJoin", "StreamTableJoin", "TableJoin", "ForeignKeyJoin", "TableSource"}


def goes_on(script: str, given: list[Record], chance: random.Random) -> None:
    """Three lives end somewhere, with what was not committed; the last one ends at the end."""
    whole = Query.of(script)
    expected = [whole.made(record) for record in given]
    topic, committed = Topic(), list[Any]()
    for life in range(4):
        run = Run(script, topic)
        assert run.at == len(committed)
        made = []
        for at, record in enumerate(given[run.at :], run.at + 1):
            made.append(run.query.made(record))
            if at == len(given) or chance.random() < 0.4:
                run.commit(at)
                committed += made
                made = []
            elif life < 3 and chance.random() < 0.15:
                break
    assert committed == expected
    # Numbers that only say an order may differ, but not how much is kept.
    graph = Run(script, topic).query.graph
    last = graph.snapshot()
    counted = sum(len(part) for name, part in held(last).items() if name.rpartition(".")[2] in ROWS and ".waiting." not in name)
    assert graph.count() == whole.graph.count() == counted
    assert {n: len(part) for n, part in held(last).items()} == {n: len(part) for n, part in held(whole.graph.snapshot()).items()}


@pytest.fixture(autouse=True)
def snapshots_soon(monkeypatch):
    monkeypatch.setattr(ledger, "_LEAST", 0)
    monkeypatch.setattr(ledger, "_MANY", 3)


@pytest.mark.parametrize("name", TABLES)
@few
@given(given=records("lr", groups=["a", "b", "c", None]), seed=st.integers(0, 1 << 30))
def test_tables(name: str, given: list[Record], seed: int) -> None:
    goes_on(TABLES[name], _cells(given, TABLES[name]), random.Random(seed))


@pytest.mark.parametrize("name", STREAMS)
@few
@given(given=records("lr"), seed=st.integers(0, 1 << 30))
def test_streams(name: str, given: list[Record], seed: int) -> None:
    goes_on(STREAMS[name], given, random.Random(seed))
