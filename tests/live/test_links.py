"""Slow, far and broken links: what is slow is read, what is dead is an error."""

from __future__ import annotations

import random
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from kshell.config import Properties
from kshell.errors import ConnectionFailed, KafkaError, Outage
from kshell.kafka import admin
from kshell.kafka.client import Client
from kshell.kafka.produce import OutgoingRecord, Producer
from kshell.session import Session

from .conftest import prepared
from .proxy import Link, linked_broker

pytestmark = [pytest.mark.live, pytest.mark.timeout(240)]
MB = 1_000_000


@dataclass
class World:
    link: Link
    properties: Properties


@pytest.fixture(scope="module")
def broker() -> Iterator[tuple[Link, str]]:
    """A broker that is reached by a link only, whatever it is asked for."""
    prepared()
    with linked_broker() as made:
        yield made


@pytest.fixture
def world(broker) -> Iterator[World]:
    way, bootstrap = broker
    yield World(way, Properties({"bootstrap.servers": bootstrap, "kshell.sample.records": "20"}))
    way.rate = way.delay = way.between_cuts = 0.0
    way.dead = False


def filled(world: World, partitions: int, sizes: list[int]) -> str:
    """A topic with records of so many bytes in each partition, which cannot be compressed."""
    name = f"t-{uuid.uuid4().hex[:8]}"
    most = {"max.message.bytes": str(10 * MB)}
    admin.create_topic(world.properties, name, partitions=partitions, replicas=1, configs=most)
    client = Client.connect(world.properties)
    while client.find(name) is None:
        time.sleep(0.02)
    client.close()
    chance = random.Random(3)
    producer = Producer(world.properties)
    for p in range(partitions):
        for size in sizes:
            value = chance.randbytes(size // 2).hex().encode()
            producer.send(name, [OutgoingRecord(b"k", value, partition=p)])
            producer.flush()
    return name


def counted(world: World, topic: str, notes: set[str] | None = None) -> tuple[int, int]:
    """Records, and bytes of their values, by a query that reads all of them."""
    session = Session(world.properties)
    try:
        sql = f"SELECT COUNT(*) AS C, SUM(LENGTH(VALUE)) AS S FROM `{topic}`"
        (answer,) = session.execute(sql)
        if notes is not None:
            threading.Thread(target=watch, args=(answer, notes), daemon=True).start()
        (row,) = [r for b in answer.batches for r in b.to_pylist()]
        assert not answer.notices()
        return row["C"], row["S"]
    finally:
        session.close()


def watch(answer, notes: set[str]) -> None:
    """Collect what its progress says."""
    for _ in range(600):
        progress = answer.progress()
        notes.update(filter(None, [progress and progress.note]))
        time.sleep(0.1)


def test_sixteen_partitions_over_a_slow_line(world):
    """One answer with all of them would take longer than a broker may be silent."""
    topic = filled(world, 16, [500_000] * 3)  # two come in the first answer, the third in smaller ones
    world.link.rate = 1.5 * MB
    notes: set[str] = set()
    assert counted(world, topic, notes) == (48, 24 * MB)
    assert any(note.startswith("a slow link: ") for note in notes)


def test_large_records_over_a_slow_line(world):
    topic = filled(world, 1, [8 * MB] * 2)
    world.link.rate = 1.5 * MB
    assert counted(world, topic) == (2, 16 * MB)


def test_a_far_broker(world):
    topic = filled(world, 16, [10_000] * 4)
    world.link.delay = 0.1
    assert counted(world, topic) == (64, 640_000)


def test_random_cuts(world):
    """A connection that is cut is made again, and nothing is lost or read twice."""
    topic = filled(world, 8, [200_000] * 10)
    world.link.rate, world.link.between_cuts = 5 * MB, 3 * MB
    assert counted(world, topic) == (80, 16 * MB)
    assert world.link.cuts > 0


def test_a_short_connect_timeout_does_not_hurry_answers(world):
    topic = filled(world, 4, [500_000] * 4)
    world.properties = world.properties.set("kshell.connect.timeout.ms", "400")
    world.link.rate = 2 * MB
    assert counted(world, topic) == (16, 8 * MB)


def test_a_dead_link_is_an_error_within_seconds(world):
    topic = filled(world, 2, [500_000] * 20)
    session = Session(world.properties)
    world.link.rate = 1 * MB
    (answer,) = session.execute(f"SELECT VALUE FROM `{topic}`")
    batches = iter(answer.batches)
    next(batches)
    world.link.dead = True
    began = time.monotonic()
    with pytest.raises(Outage, match="was not read to its end"):
        list(batches)
    assert time.monotonic() - began < 15
    with pytest.raises((ConnectionFailed, KafkaError)):
        list(session.execute("SHOW TOPICS"))
    session.close()
