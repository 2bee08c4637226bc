"""Queries that outlive their process while processes and brokers are killed, and while processes
that were thought dead go on: each takes minutes, `make matrix` runs them."""

from __future__ import annotations

import random
import signal
import threading
import time
from collections import Counter

import pytest
from confluent_kafka import Producer as Sender

from kshell.engines.local.durable.plan import Plan
from kshell.engines.local.durable.query import Durable
from kshell.engines.local.statements import application as applications
from kshell.session import Session

from . import realkafka
from .applications import committed, eventually
from .clusters import Cluster
from .conftest import prepared
from .realkafka import Broker
from .test_durable_transactions import SCRIPT, World, rows

pytestmark = [pytest.mark.live, pytest.mark.matrix]


class Writing:
    """A thread of another client's producer that numbers records, whatever the brokers do."""

    def __init__(self, world: World, pause: float) -> None:
        self._sender = Sender({
            "bootstrap.servers": world.bootstrap, "enable.idempotence": True, "message.timeout.ms": 0,
            "partitioner": "murmur2_random", "log_level": 0,
        })  # fmt: skip
        self._topic, self._pause, self.count = world.source, pause, 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._ended.wait(self._pause):
            for key, value, timestamp, *_ in rows(10, self.count):
                self._sender.produce(self._topic, value, key, timestamp=timestamp)
            self.count += 10
            self._sender.poll(0)

    def end(self) -> int:
        """How many there are."""
        self._ended.set()
        self._thread.join()
        assert self._sender.flush(60) == 0
        return self.count


class Zombie:
    """A query that stands still at one of the points that its commits pass, until it is to go on."""

    def __init__(self, plan: Plan, point: int) -> None:
        self.query = Durable(plan, 0.001, self._passed)
        self.stopped, self.goes_on, self._left = threading.Event(), threading.Event(), point
        self.place = ""
        self.query.start()

    def _passed(self, place: str) -> None:
        self._left -= 1
        if self._left == 0:
            self.place = place
            self.stopped.set()
            self.goes_on.wait()


@pytest.mark.timeout(600)
def test_a_hundred_zombies_are_fenced(kafka, tmp_path) -> None:
    """Each stands still in the middle of a commit, goes on when the next has committed, and ends."""
    cluster = Cluster.at(kafka.bootstrap)
    world = World(cluster, kafka.bootstrap, tmp_path)
    session = Session(cluster.properties)
    application = session.engine.local.application(world.name, 0.001, "test")
    list(session.execute(SCRIPT.format(source=world.source, name=world.name)))
    applications.make_topics(session.engine.context, session.properties)
    chance, writing, places, last = random.Random(5), Writing(world, 0.02), list[str](), list[Zombie]()
    for n in range(101):
        now = [Zombie(plan, chance.randrange(7, 40)) for plan in application.plans.values()]
        for zombie in now:
            assert zombie.stopped.wait(60), (n, zombie.query.error)
        for zombie in last:  # the next one has committed, and stands still itself
            zombie.goes_on.set()
        for zombie in last:
            eventually(lambda z=zombie: z.query.fenced, bool, 30)
            assert zombie.query.fenced, (n, zombie.query.error)
            places.append(zombie.place)
        last = now
    for zombie in last:
        zombie.goes_on.set()
    world.whole(writing.end(), 60)
    seen, whole = (len(committed(world.bootstrap, f"{world.name}-copied", i)) for i in ("read_committed", "read_uncommitted"))
    for zombie in last:
        zombie.query.stop()
    session.close()
    cluster.close()
    print(f"fenced: {dict(Counter(places))}; {seen:,} records are committed, {whole - seen:,} were taken back")
    assert len(places) == 200
    assert whole > seen


def restored(cluster: Cluster, brokers: list[Broker]) -> bool:
    """Whether all brokers are in sync of all partitions."""
    topics = cluster.client.topics()
    return all(len(p.isr) == len(brokers) for topic in topics for p in topic.partitions)


@pytest.mark.timeout(2400)
def test_brokers_are_killed_too(tmp_path) -> None:
    """Fifty kills of the process; after every fourth the leader of the state, or the coordinator of
    the transactions, is killed as well."""
    prepared()
    chance, fallen = random.Random(9), list[str]()
    with realkafka.cluster(3) as brokers:
        cluster = Cluster.at(brokers[0].bootstrap)
        world = World(cluster, brokers[0].bootstrap, tmp_path, replicas=3)
        writing, down = Writing(world, 0.1), None
        for n in range(50):
            process = world.process("--commit", "20ms")
            eventually(lambda p=process: p.text, lambda text: "runs:" in text, 60)
            time.sleep(chance.random() * 2)
            if n % 4 == 3:
                if down is not None:
                    down.start()
                    assert eventually(lambda: restored(cluster, brokers), bool, 90)
                topic = chance.choice([f"_kshell.{world.name}.COUNTED.state", "__transaction_state"])
                down = brokers[cluster.client.topic(topic).partitions[0].leader - 1]
                down.stop(signal.SIGKILL)
                fallen.append(f"{down.id} ({topic.rpartition('.')[2]})")
                time.sleep(chance.random() * 4)
            assert process.process.poll() is None, process.text
            process.kill()
        assert down is not None
        down.start()
        process = world.process().ready(120)
        count = writing.end()
        world.whole(count, 180)
        assert process.terminate() == 0, process.text
        print(f"50 kills of the process, {len(fallen)} of brokers: {', '.join(fallen)}; {count:,} records")
        cluster.close()
