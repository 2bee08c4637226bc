"""What befalls the transactions of queries that outlive their process, and the topics that they
read: answers that are lost, others' transactions, time that is over, records too large, topics that
go while they run."""

from __future__ import annotations

import json
import re
import signal
import time
import uuid
from collections import Counter
from collections.abc import Iterator

import pytest
from confluent_kafka import Producer as Foreign

from kshell.kafka.admin import Admin
from kshell.kafka.produce import OutgoingRecord

from .applications import Process, committed, eventually
from .clusters import Cluster
from .conftest import prepared
from .proxy import Link, linked_broker

pytestmark = pytest.mark.live

T0 = 1_700_000_000_000
PRODUCE, INIT, PARTITIONS, ADD_OFFSETS, END, OFFSETS = 0, 22, 24, 25, 26, 28  # Kafka's API keys
SCRIPT = """
    SET 'auto.offset.reset'='earliest';
    CREATE STREAM S (K STRING KEY, N BIGINT) WITH (KAFKA_TOPIC='{source}', VALUE_FORMAT='JSON');
    CREATE STREAM COPIED WITH (KAFKA_TOPIC='{name}-copied') AS SELECT K, N FROM S EMIT CHANGES;
    CREATE TABLE COUNTED WITH (KAFKA_TOPIC='{name}-counted') AS
        SELECT K, COUNT(*) AS C, SUM(N) AS T FROM S GROUP BY K EMIT CHANGES;
"""


def rows(count: int, first: int = 0) -> list[OutgoingRecord]:
    return [OutgoingRecord(b"%d" % (i % 7), json.dumps({"N": i}).encode(), T0 + i) for i in range(first, first + count)]


class World:
    """A cluster, an application's name, and the file of its queries."""

    def __init__(self, cluster: Cluster, bootstrap: str, folder, replicas: int = 1) -> None:
        self.cluster, self.bootstrap, self._folder = cluster, bootstrap, folder
        self.name = f"a{uuid.uuid4().hex[:8]}"
        self.source = cluster.create(f"{self.name}-source", partitions=2, replicas=replicas)

    def process(self, *options: str, script: str = SCRIPT, **more) -> Process:
        file = self._folder / "queries.sql"
        file.write_text(script.format(source=self.source, name=self.name))
        return Process(self.bootstrap, file, self.name, *options, **more)

    def send(self, count: int, first: int = 0) -> None:
        self.cluster.send(self.source, rows(count, first))

    def copied(self) -> Counter[int]:
        return Counter(json.loads(m.value())["N"] for m in committed(self.bootstrap, f"{self.name}-copied"))

    def counted(self) -> dict[bytes, dict]:
        """The last row of each key; fails where a count went back or was written twice."""
        last: dict[bytes, dict] = {}
        for message in committed(self.bootstrap, f"{self.name}-counted"):
            row = json.loads(message.value())
            assert row["C"] > last.get(message.key(), {"C": 0})["C"]
            last[message.key()] = row
        return last

    def whole(self, count: int, seconds: float = 60) -> None:
        """What an undisturbed run makes of so many records: each once."""
        wanted = Counter(range(count))
        assert eventually(self.copied, lambda now: sum(now.values()) >= count, seconds) == wanted
        totals = {b"%d" % k: {"C": len(range(k, count, 7)), "T": sum(range(k, count, 7))} for k in range(7)}
        assert eventually(self.counted, lambda now: now == totals, seconds) == totals


@pytest.fixture
def world(kafka, tmp_path) -> Iterator[World]:
    made = Cluster.at(kafka.bootstrap)
    yield World(made, kafka.bootstrap, tmp_path)
    made.close()


@pytest.fixture(scope="module")
def lossy() -> Iterator[tuple[Link, str]]:
    """A broker that is reached by a link only."""
    prepared()
    with linked_broker() as made:
        yield made


@pytest.mark.timeout(240)
@pytest.mark.parametrize(
    "loses", [{END: 0.5}, pytest.param({PRODUCE: 0.1, INIT: 0.3, PARTITIONS: 0.1, ADD_OFFSETS: 0.1, END: 0.3, OFFSETS: 0.1}, marks=pytest.mark.matrix)],
    ids=["of commits", "of all requests"],
)  # fmt: skip
def test_the_answers_are_lost(lossy, tmp_path, loses) -> None:
    """The brokers have done what was asked, and nobody hears of it."""
    way, bootstrap = lossy
    cluster = Cluster.at(bootstrap)
    world = World(cluster, bootstrap, tmp_path)
    world.send(200)
    process = world.process("--commit", "20ms").ready()
    way.lost.clear()
    way.loses = loses
    for first in range(200, 1200, 50):
        world.send(50, first)
        time.sleep(0.1)
    way.loses = {}
    print(f"answers lost: {dict(way.lost)}")
    assert way.lost[END] >= 3
    world.whole(1200)
    assert process.terminate() == 0, process.text
    cluster.close()


def foreign(world: World, topic: str) -> Foreign:
    """Another's producer, whose transaction on a topic is open."""
    made = Foreign({"bootstrap.servers": world.bootstrap, "transactional.id": f"foreign-{topic}"})
    made.init_transactions(30)
    made.begin_transaction()
    for partition in range(1 if topic.endswith(".state") else 2):
        made.produce(topic, json.dumps({"N": -1}).encode(), b"0", partition)
    assert made.flush(30) == 0
    return made


OPEN = r"Query {}: waiting: \d+ records? of {}, partitions? [0-1, ]+, behind an open transaction"


def test_it_waits_for_anothers_transaction_on_its_source(world) -> None:
    world.send(70)
    process = world.process().ready()
    world.whole(70)
    other = foreign(world, world.source)
    world.send(70, 70)
    said = OPEN.format("COPIED", world.source)
    assert re.search(said, eventually(lambda: process.text, lambda text: re.search(said, text), 30)), process.text
    assert len(world.copied()) == 70  # nothing is read over it
    other.abort_transaction(30)
    world.whole(140)
    assert process.terminate() == 0, process.text


def test_it_waits_for_anothers_transaction_on_its_state(world) -> None:
    world.send(70)
    assert world.process().ready().terminate() == 0
    world.send(70, 70)
    topic = f"_kshell.{world.name}.COUNTED.state"
    other = foreign(world, topic)
    process = world.process()
    said = OPEN.format("COUNTED", re.escape(topic))
    assert re.search(said, eventually(lambda: process.text, lambda text: re.search(said, text), 30)), process.text
    other.abort_transaction(30)
    world.whole(140)
    assert process.terminate() == 0, process.text


def test_a_transaction_whose_time_is_over_is_done_again(world) -> None:
    """The process stands still in the middle of one; the brokers end it."""
    world.send(70)
    moments = json.dumps([[13, "stop"]])
    process = world.process("--commit", "1ms", faulty=(moments,), env={"EXPIRES": "2"})
    text = eventually(lambda: process.text, lambda text: "stop at" in text, 30)
    assert "stop at" in text
    world.send(70, 70)
    time.sleep(5)
    process.process.send_signal(signal.SIGCONT)
    world.whole(140)
    assert process.terminate() == 0, process.text
    assert "failed" not in process.text


LARGE_STATE = """
    SET 'auto.offset.reset'='earliest';
    CREATE STREAM S (K STRING KEY, N BIGINT) WITH (KAFKA_TOPIC='{source}', VALUE_FORMAT='JSON');
    CREATE TABLE COUNTED WITH (KAFKA_TOPIC='{name}-counted') AS
        SELECT K, COUNT(*) AS C, LEN(LATEST_BY_OFFSET(LPAD(CAST(N AS STRING), 3000000, 'x'))) AS T FROM S GROUP BY K EMIT CHANGES;
"""


@pytest.mark.matrix
def test_a_state_larger_than_a_record(world) -> None:
    world.send(7)
    process = world.process(script=LARGE_STATE).ready()
    found = eventually(world.counted, lambda now: len(now) == 7)
    assert process.terminate() == 0, process.text
    world.send(7, 7)
    process = world.process(script=LARGE_STATE).ready()
    found = eventually(world.counted, lambda now: {row["C"] for row in now.values()} == {2})
    assert {row["T"] for row in found.values()} == {3_000_000}
    assert process.terminate() == 0, process.text


def test_a_record_of_the_state_that_the_topic_refuses(world) -> None:
    """Its own topic takes not even where the query stands: an error with the offset, and never a loop."""
    topic = f"_kshell.{world.name}.COUNTED.state"
    process = world.process().ready()
    Admin(world.cluster.properties).alter_configs(topic, {"max.message.bytes": "300"})
    time.sleep(1)
    world.cluster.send(world.source, [OutgoingRecord(uuid.uuid4().hex.encode(), b'{"N":1}', T0 + i) for i in range(3000)])
    text = eventually(lambda: process.text, lambda text: "failed" in text)
    assert f"Query COUNTED failed: cannot write: topic {topic}, partition 0: " in text
    assert "Message size too large" in text
    assert re.search(f"stands at {world.source}-0 at offset [0-9]+", text)
    assert "max.message.bytes of the topic allows more" in text
    assert text.count("failed") == 1
    assert process.terminate() == 1


@pytest.mark.parametrize(
    ("gone", "anew", "busy"),
    [("state", True, True),
     *(pytest.param(*case, marks=pytest.mark.matrix) for case in [
         ("state", False, False), ("state", False, True), ("state", True, False), ("sink", False, True), ("sink", True, True),
         ("source", False, False), ("source", True, False)])],
)  # fmt: skip
def test_a_topic_is_deleted_while_it_runs(world, gone, anew, busy) -> None:
    """The broker would make another when it is asked for: what is in it is never taken for the old one's."""
    world.send(70)
    process = world.process().ready()
    world.whole(70)
    topic = {"source": world.source, "state": f"_kshell.{world.name}.COUNTED.state", "sink": f"{world.name}-counted"}[gone]
    Admin(world.cluster.properties).delete_topic(topic)
    if anew:
        eventually(lambda: world.cluster.client.find(topic), lambda found: found is None)
        world.cluster.create(topic, 2 if gone == "source" else 1)
    for first in range(70, 140, 7) if busy else ():
        world.send(7, first)
        time.sleep(0.1)
    text = eventually(lambda: process.text, lambda text: "COUNTED failed" in text, 20)
    assert re.search(f"Query COUNTED failed: topic {re.escape(topic)},? .*was deleted", text), text
    assert "--reset COUNTED" in text
    assert process.terminate() == 1
    if gone == "source" and not anew:
        world.cluster.create(topic, 2)
    process = world.process()
    assert process.wait() == 1
    assert topic in process.text
    assert re.search("--reset (COUNTED|COPIED)", process.text), process.text


def test_records_are_deleted_before_it_has_read_them(world) -> None:
    world.send(70)
    process = world.process().ready()
    world.whole(70)
    process.process.send_signal(signal.SIGSTOP)
    time.sleep(1.5)  # the fetch that a broker holds for half a second is answered: empty
    world.send(70, 70)
    (_, end), _ = world.cluster.client.snapshot(world.cluster.client.topic(world.source), "read_committed").offsets.values()
    Admin(world.cluster.properties).delete_records(world.source, {0: end - 3})
    process.process.send_signal(signal.SIGCONT)
    text = eventually(lambda: process.text, lambda text: text.count("failed") == 2, 20)
    assert text.count("is gone (stands at") == 2, text
    assert "--reset COUNTED" in text
    assert process.wait() == 1
    process = world.process()
    assert process.wait() == 1
    assert "were not read" in process.text
    world.whole(70)
