"""An engine on a cluster in memory."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

from kshell.config import Properties
from kshell.engines.local.engine import LocalEngine
from kshell.engines.local.sources.system import following
from kshell.sql.parse import parse

from ...kafka.fake_cluster import FakeCluster, FakeGroup
from ...kafka.fake_connect import FakeConnect, fake_connect
from ..answers import rows_of


@pytest.fixture(scope="session")
def connect() -> Iterator[FakeConnect]:
    """A Kafka Connect with one connector."""
    with fake_connect() as made:
        made.answer("POST", "/connectors", {"name": "lines", "config": {"connector.class": "org.x.LineSourceConnector"}})
        yield made


@pytest.fixture
def cluster() -> FakeCluster:
    """Two topics and a group that has committed in one of them, but not in its partition 2."""
    made = FakeCluster(brokers=2)
    made.topics = {"orders": [[0, 10, 1], [2, 20, 2], [5, 30, 1]], "users": [[0, 0, 2]]}
    rule = {"principal": "User:b", "host": "*", "operation": 4, "permission": 3}
    made.acls = [{"type": 2, "name": "users", "pattern": 3, "acls": [rule]}]
    made.groups = {
        "billing": FakeGroup(
            {("orders", 0): 4, ("orders", 1): 20}, {"m-1": {"orders": [0, 1]}}, broker=2
        ),
        "audit": FakeGroup({("orders", 0): 10, ("orders", 1): 2, ("orders", 2): 5}),
        "new": FakeGroup(),
    }
    return made


@pytest.fixture
def execute(cluster, connect) -> Iterator[Callable]:
    client = cluster.client()
    engine = LocalEngine(client)

    given = Properties({"connect.url": connect.url})

    def execute(text, properties=given):
        return engine.run(parse(text)[0], properties)

    execute.engine = engine
    yield execute
    client.close()


@pytest.fixture
def ask(execute) -> Callable[[str], list[tuple]]:
    return lambda text: [tuple(row.values()) for row in rows_of(execute(text))]


@pytest.fixture
def changes(execute, monkeypatch) -> Callable[[str, int], list[tuple]]:
    """The next `count` changes of a continuous answer, as (weight, values)."""
    monkeypatch.setattr(following, "_EVERY", 0.01)
    answers = {}

    def next_(text: str, count: int) -> list[tuple]:
        if text not in answers:
            answers[text] = execute(text)
        found, deadline = [], time.monotonic() + 10
        while len(found) < count:
            assert time.monotonic() < deadline, found
            made = answers[text].poll(0.1)
            assert made is not None
            found += zip(
                made.weights.to_pylist(),
                [tuple(row.values()) for row in made.rows.to_pylist()], strict=True,
            )  # fmt: skip
        return found

    yield next_
    for answer in answers.values():
        answer.cancel()
