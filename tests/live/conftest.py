"""Fixtures on real Kafka.  Where it cannot be had these tests are skipped, counted and told why;
with CI=true that is a failure."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import kshell
from kshell import library
from kshell.config import Properties
from kshell.kafka import admin, raw
from kshell.kafka.client import Client
from kshell.kafka.metadata import Snapshot
from kshell.kafka.produce import OutgoingRecord, Producer
from kshell.session import Session

from . import connect as connects
from . import realflink, realkafka
from . import registry as registries
from .clusters import Cluster, name_profile
from .connect import Worker
from .realflink import Flink
from .realkafka import Broker
from .registry import Registry
from .versions import broker_of


def unavailable(reason: str) -> None:
    """Skip, or fail where CI must have it."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def prepared() -> None:
    """Have real Kafka at hand, or skip."""
    try:
        realkafka.prepare()
    except realkafka.Unavailable as reason:
        unavailable(f"no real Kafka: {reason}")


def held(client: Client, topic: str) -> Snapshot:
    """What a topic holds now; waits while a partition has no leader, as after a broker's pause."""
    deadline = time.monotonic() + 30
    while (now := client.snapshot(client.topic(topic), "read_committed")).missing:
        assert time.monotonic() < deadline, f"no leader of {topic}"
        time.sleep(0.1)
    return now


@pytest.fixture(scope="session")
def kafka() -> Iterator[Broker]:
    """One broker for all tests that do it no harm; it would create topics if it were asked to."""
    prepared()
    with realkafka.broker({"auto.create.topics.enable": "true"}) as broker:
        yield broker


@pytest.fixture(scope="session")
def kafka_2_8() -> Iterator[Broker]:
    """One broker of version 2.8, which keeps its metadata in ZooKeeper and writes old formats."""
    prepared()
    with contextlib.ExitStack() as running:
        try:
            broker = running.enter_context(broker_of("2.8.2"))
        except realkafka.Unavailable as reason:
            unavailable(f"no Kafka 2.8: {reason}")
        yield broker


@pytest.fixture
def own_broker() -> Iterator[Broker]:
    """A broker of one test, which may harm it."""
    prepared()
    with realkafka.broker() as broker:
        yield broker


@pytest.fixture(scope="session")
def secure_kafka() -> Iterator[Broker]:
    """A broker with TLS, SASL and ACLs."""
    prepared()
    with realkafka.secure_broker() as broker:
        yield broker


@pytest.fixture(scope="session")
def kcat() -> str:
    """The independent client to compare with."""
    found = shutil.which("kcat")
    if found is None and hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("apt-get"):
        subprocess.run(["apt-get", "update", "-qq"], capture_output=True)
        subprocess.run(["apt-get", "install", "-y", "-qq", "kcat"], capture_output=True)
        found = shutil.which("kcat")
    if found is None:
        unavailable("kcat is not installed and cannot be")
    assert found is not None
    return found


@pytest.fixture
def properties(kafka: Broker) -> Properties:
    return Properties({"bootstrap.servers": kafka.bootstrap, "kshell.files": "true"})


@pytest.fixture
def client(properties: Properties) -> Iterator[Client]:
    client = Client.connect(properties)
    yield client
    client.close()


@pytest.fixture
def session(properties: Properties) -> Iterator[Session]:
    session = Session(properties)
    yield session
    session.close()


@pytest.fixture
def shell(kafka: Broker) -> Iterator[library.Session]:
    """A session of the library that makes changes of the cluster."""
    with kshell.connect(kafka.bootstrap, yes=True) as session:
        yield session


@pytest.fixture
def careful(kafka: Broker) -> Iterator[library.Session]:
    """One that only plans them."""
    with kshell.connect(kafka.bootstrap) as session:
        yield session


@pytest.fixture
def topic(properties: Properties, client: Client) -> Callable[..., str]:
    """Creates a topic of its own: partitions, configs, and records as (key, value) or more."""

    def create(
        records: list[OutgoingRecord] | None = None, partitions: int = 1, name: str = "", **configs
    ) -> str:
        name = name or f"t-{uuid.uuid4().hex[:12]}"
        named = {k.replace("_", "."): str(v) for k, v in configs.items()}
        admin.create_topic(properties, name, partitions=partitions, replicas=1, configs=named)
        while client.find(name) is None:  # the brokers learn of it a moment after it is created
            time.sleep(0.01)
        if records:
            producer = Producer(properties)
            producer.send(name, records)
            producer.flush()
        return name

    return create


@pytest.fixture
def ask(session: Session) -> Callable[[str], list[dict]]:
    """The rows of a bounded statement."""

    def rows(sql: str) -> list[dict]:
        (result,) = session.execute(sql)
        return [row for batch in result.batches for row in batch.to_pylist()]

    return rows


@pytest.fixture(scope="session")
def registry() -> Iterator[Registry]:
    """One schema registry for all tests; those that stop it start it again."""
    try:
        registries.prepare()
    except realkafka.Unavailable as reason:
        unavailable(f"no schema registry: {reason}")
    with registries.registry() as running:
        yield running


@pytest.fixture(scope="session")
def flink() -> Iterator[Flink]:
    """A Flink cluster with its SQL gateway for all tests."""
    try:
        realflink.prepare()
    except realkafka.Unavailable as reason:
        unavailable(f"no Flink: {reason}")
    with realflink.flink() as running:
        yield running


@pytest.fixture(scope="session")
def worker(kafka: Broker) -> Iterator[Worker]:
    """One worker of Kafka Connect for all tests."""
    try:
        connects.prepare()
    except realkafka.Unavailable as reason:
        unavailable(f"no Kafka Connect: {reason}")
    with connects.connect(kafka.bootstrap) as running:
        yield running


@pytest.fixture
def sent(monkeypatch) -> list[int]:
    """The bytes of each partition's record set in the brokers' answers."""
    sizes: list[int] = []
    decode = raw.Fetched.decode

    def counting(frame, version):
        answer = decode(frame, version)
        sizes.extend(len(part.records) for part in answer.partitions)
        return answer

    monkeypatch.setattr(raw.Fetched, "decode", counting)
    return sizes


@pytest.fixture(scope="session")
def other_kafka() -> Iterator[Broker]:
    """A second cluster, beside that of `kafka`."""
    prepared()
    with realkafka.broker() as broker:
        yield broker


@pytest.fixture
def prod(other_kafka: Broker, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Cluster]:
    """Another cluster, which the profile prod names."""
    name_profile(monkeypatch, tmp_path, other_kafka.bootstrap)
    cluster = Cluster.at(other_kafka.bootstrap)
    yield cluster
    cluster.close()


@pytest.fixture
def here(kafka: Broker) -> Iterator[Cluster]:
    """The cluster of most tests."""
    cluster = Cluster.at(kafka.bootstrap)
    yield cluster
    cluster.close()
