"""Brokers fail while MIRROR writes: what is there afterwards is what the source has, once and in order.

`make matrix` runs most of them, `make test` the one whose broker is killed and started again.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable

import pytest
from confluent_kafka import Producer as Confluent

import kshell
from kshell.kafka import admin
from kshell.kafka.settings import librdkafka

from . import realkafka
from .clusters import Cluster, name_profile
from .conftest import prepared
from .proxy import linked_broker

pytestmark = pytest.mark.live
PARTITIONS = 3


@pytest.fixture
def source(other_kafka, monkeypatch, tmp_path):
    """A topic of many small batches in the cluster of profile prod."""
    name_profile(monkeypatch, tmp_path, other_kafka.bootstrap)
    cluster = Cluster.at(other_kafka.bootstrap)
    yield cluster
    cluster.close()


def small_batches(cluster: Cluster, name: str, batches: int, each: int = 10) -> None:
    cluster.create(name, PARTITIONS)
    sender = Confluent({**librdkafka(cluster.properties), "batch.num.messages": each, "linger.ms": 1000, "acks": 1, "queue.buffering.max.messages": 1_000_000})
    for i in range(batches * each):
        sender.produce(name, b"%d" % i + b" value" * 30, b"k%d" % i, partition=i % PARTITIONS)
        if not i % 5000:
            sender.poll(0)
    assert sender.flush(60) == 0


class Copying:
    """MIRROR in a thread, and how far it is."""

    def __init__(self, bootstrap: str, name: str) -> None:
        self._session = kshell.connect(bootstrap, yes=True)
        self._result = self._session.sql(f"MIRROR prod.{name} TO {name}")
        self.rows: list[tuple] = []
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self.rows = self._result.rows()
        except Exception as error:
            self._error = error

    @property
    def running(self) -> bool:
        return self._thread.is_alive()

    def end(self, seconds: float) -> list[tuple]:
        self._thread.join(seconds)
        assert not self.running
        self._session.close()
        if self._error is not None:
            raise self._error
        return self.rows


def copied(cluster: Cluster, name: str) -> int:
    try:
        snapshot = cluster.client.snapshot(cluster.client.topic(name), "read_uncommitted")
    except kshell.errors.KshellError:
        return 0
    return sum(end for _, end in snapshot.offsets.values())


def after(cluster: Cluster, name: str, records: int, copying: Copying) -> None:
    """Wait until so many are there."""
    deadline = time.monotonic() + 60
    while copied(cluster, name) < records:
        assert copying.running
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_a_broker_is_killed_and_started_again(source, own_broker):
    small_batches(source, "one", 2500)
    disturbed(source, own_broker, "one", lambda: (own_broker.stop(signal.SIGKILL), own_broker.start()), 1)


@pytest.mark.matrix
@pytest.mark.parametrize("emit", ["", pytest.param(" EMIT CHANGES", marks=pytest.mark.matrix)])
def test_ctrl_c_says_how_it_goes_on(source, kafka, tmp_path, emit):
    name = f"stopped{len(emit)}"
    small_batches(source, name, 3000)
    target = Cluster.at(kafka.bootstrap)
    target.create(name, PARTITIONS)
    command = [sys.executable, "-m", "kshell", "-b", kafka.bootstrap, "--yes", "-e"]
    text = f"MIRROR prod.{name} TO {name}{emit}"
    running = subprocess.Popen([*command, text], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 30
    while copied(target, name) < 1000 and time.monotonic() < deadline:
        time.sleep(0.01)
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=20)
    assert running.returncode == 130
    at = copied(target, name)
    assert 1000 <= at < copied(source, name)
    goes_on = next(line for line in said.splitlines() if "goes on" in line)
    assert "not acknowledged" not in goes_on
    again = goes_on[goes_on.index("MIRROR") :].removesuffix(" goes on").removesuffix(" EMIT CHANGES")
    subprocess.run([*command, again], check=True, capture_output=True)
    assert target.records(name) == source.records(name)
    target.close()


@pytest.mark.matrix
@pytest.mark.timeout(300)
def test_a_broker_is_killed_again_and_again(source, own_broker):
    small_batches(source, "more", 9000)
    disturbed(source, own_broker, "more", lambda: (own_broker.stop(signal.SIGKILL), own_broker.start()), 3)


@pytest.mark.matrix
@pytest.mark.timeout(300)
def test_a_broker_is_stopped_in_order_and_started_again(source, own_broker):
    """It then remembers the last batch of each producer alone."""
    small_batches(source, "two", 8000)
    disturbed(source, own_broker, "two", lambda: (own_broker.stop(), own_broker.start()), 3)


@pytest.mark.matrix
@pytest.mark.timeout(300)
def test_a_broker_is_paused(source, own_broker):
    small_batches(source, "three", 9000)
    disturbed(source, own_broker, "three", lambda: (own_broker.pause(), time.sleep(8), own_broker.resume()), 2)


def disturbed(source: Cluster, broker, name: str, disturb: Callable[[], object], times: int) -> None:
    target = Cluster.at(broker.bootstrap)
    target.create(name, PARTITIONS)
    total = copied(source, name)
    copying = Copying(broker.bootstrap, name)
    for turn in range(times):
        after(target, name, min(total * (2 * turn + 1) // (3 * times), total - 1), copying)
        disturb()
    rows = copying.end(90)
    assert sum(row[3] for row in rows) == total
    assert target.records(name) == source.records(name)
    target.close()


@pytest.mark.matrix
@pytest.mark.timeout(300)
def test_leaders_of_three_brokers_are_killed_in_turn(source):
    prepared()
    small_batches(source, "four", 12000)
    with realkafka.cluster(3) as brokers:
        target = Cluster.at(brokers[0].bootstrap)
        admin.create_topic(target.properties, "four", partitions=PARTITIONS, replicas=3, configs={"min.insync.replicas": "2"})
        time.sleep(1)
        copying = Copying(brokers[0].bootstrap, "four")
        for turn, broker in enumerate(brokers):
            after(target, "four", 120000 * (turn + 1) // 5, copying)
            broker.stop(signal.SIGKILL)
            time.sleep(4)
            broker.start()
            time.sleep(4)
        copying.end(120)
        assert target.records("four") == source.records("four")
        target.close()


@pytest.mark.matrix
@pytest.mark.timeout(300)
def test_connections_are_cut_at_random(source, tmp_path):
    prepared()
    small_batches(source, "five", 6000)
    with linked_broker() as (between, bootstrap):
        target = Cluster.at(bootstrap)
        target.create("five", PARTITIONS)
        between.between_cuts = 30_000.0
        copying = Copying(bootstrap, "five")
        copying.end(120)
        between.between_cuts = 0.0
        assert between.cuts > 5
        assert target.records("five") == source.records("five")
        target.close()
