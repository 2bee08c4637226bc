"""Brokers without Java, and a cluster in memory against which the real engine runs statements."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator

import pytest

from kshell.config import Properties
from kshell.demo.broker import Demo, start
from kshell.engines.local.engine import LocalEngine
from kshell.engines.local.statements import persistent
from kshell.kafka.admin import Admin
from kshell.kafka.metadata import Partition, Snapshot, Topic
from kshell.kafka.produce import Producer
from kshell.session import Session
from kshell.sql.parse import parse

from .answers import rows_of

PROPERTIES = Properties({"auto.offset.reset": "earliest"})


class Cluster:
    """Topics in memory, behind the calls of `Client` that statements make."""

    properties = PROPERTIES
    creates_topics = True
    usual = (("retention.ms", "604800000"), ("cleanup.policy", "delete"))

    def __init__(self) -> None:
        self.made: dict[str, dict[str, str]] = {}
        self._topics: dict[str, Topic] = {}

    def put(self, name: str, partitions: int, replicas: int, configs: dict[str, str]) -> None:
        copies = tuple(range(replicas if replicas > 0 else 1))
        parts = tuple(Partition(n, 0, copies, copies) for n in range(partitions))
        self._topics[name] = Topic(name, bytes(16), False, parts)
        self.made[name] = configs

    def topics(self) -> tuple[Topic, ...]:
        return tuple(self._topics.values())

    def find(self, name: str) -> Topic | None:
        return self._topics.get(name)

    def forget(self) -> None:
        pass

    def topic(self, name: str) -> Topic:
        return self._topics[name]

    def snapshot(self, topic: Topic, isolation: str) -> Snapshot:
        return Snapshot(topic, {p.id: (0, 0) for p in topic.partitions}, int(isolation == "read_committed"))

    def configs(self, name: str) -> list[tuple[str, str, bool]]:
        said = self.made[name]
        return [(n, said.get(n, v), n not in said) for n, v in self.usual]

    def largest_batch(self, topics: Iterable[str]) -> None:
        return None


@pytest.fixture
def cluster(monkeypatch) -> Cluster:
    made = Cluster()

    def create_topic(self, topic, partitions, replicas, configs, *, may_exist=False):
        made.put(topic, partitions, replicas, dict(configs))

    monkeypatch.setattr(Admin, "create_topic", create_topic)
    monkeypatch.setattr(persistent, "_start", lambda context, id, *rest: id)
    return made


@pytest.fixture
def run(cluster):
    engine = LocalEngine(cluster)

    def run(text, properties=PROPERTIES):
        told = ""
        for statement in parse(text):
            told = engine.run(statement, properties).text
        return told

    run.engine, run.context, run.properties = engine, engine.context, PROPERTIES
    run.read = lambda text: (parse(text)[0], PROPERTIES)
    return run


@pytest.fixture(scope="session")
def demo() -> Iterator[Demo]:
    """A running broker with the demo's topics."""
    broker = start()
    yield broker
    broker.close()


@pytest.fixture(scope="session")
def other_demo() -> Iterator[Demo]:
    """Another cluster."""
    broker = start()
    yield broker
    broker.close()


@pytest.fixture
def session(demo) -> Iterator[Session]:
    """A session on the demo's broker that reads from the first record."""
    properties = {"bootstrap.servers": demo.bootstrap, "auto.offset.reset": "earliest"}
    made = Session(Properties({**properties, "kshell.files": "true"}))
    yield made
    made.close()


@pytest.fixture
def execute(session):
    """A script's last result."""
    return lambda text: list(session.execute(text))[-1]


@pytest.fixture
def ask(execute):
    """The rows of a bounded statement, as dictionaries."""
    return lambda text: rows_of(execute(text))


@pytest.fixture
def rows(ask):
    """The rows of a bounded statement, as tuples."""
    return lambda text: [tuple(row.values()) for row in ask(text)]


@pytest.fixture(scope="session")
def topic_of(demo):
    """Makes a topic of values, all of them in one partition."""

    def of(*values: str | bytes | None) -> str:
        name = f"v{uuid.uuid4().hex[:10]}"
        producer = Producer(Properties({"bootstrap.servers": demo.bootstrap}))
        encoded = (v.encode() if isinstance(v, str) else v for v in values)
        producer.send(name, [(None, value, None, 0, None) for value in encoded])
        producer.flush()
        return name

    return of
