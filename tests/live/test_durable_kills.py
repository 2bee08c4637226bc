"""Queries that outlive their process while processes and brokers are killed, and while processes
that were thought dead go on: each takes minutes, `make matrix` runs them."""

from __future__ import annotations

import json
import random
import re
import signal
import threading
import time

import pytest
from confluent_kafka import Producer as Sender

from . import realkafka
from .applications import Process, committed, eventually
from .clusters import Cluster
from .conftest import prepared
from .realkafka import Broker
from .test_durable_transactions import World, rows

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


@pytest.mark.timeout(1800)
def test_zombies_are_fenced(kafka, tmp_path) -> None:
    """Each is stopped in the middle of a commit, goes on when another has committed, and ends."""
    cluster = Cluster.at(kafka.bootstrap)
    world = World(cluster, kafka.bootstrap, tmp_path)
    chance, writing, stopped, fenced = random.Random(5), Writing(world, 0.05), list[str](), 0
    before: Process | None = None
    for n in range(101):
        moments = json.dumps([[chance.randrange(12, 60), "stop"]])
        after = world.process("--commit", "1ms", faulty=(moments,))
        text = eventually(lambda p=after: p.text, lambda now: "stop at" in now)
        stopped += re.findall("stop at (.*)", text)
        assert len(stopped) == n + 1, text
        if before is not None:
            before.process.send_signal(signal.SIGCONT)
            assert before.wait(30) == 5, before.text
            fenced += 1
        before = after
    assert before is not None
    before.kill()
    process = world.process().ready()
    world.whole(writing.end(), 120)
    assert process.terminate() == 0, process.text
    seen, all_of_it = (len(committed(world.bootstrap, f"{world.name}-copied", i)) for i in ("read_committed", "read_uncommitted"))
    print(f"{fenced} of 100 fenced, stopped at {', '.join(sorted(set(stopped)))};"
          f" {seen:,} records are committed, {all_of_it - seen:,} were taken back")  # fmt: skip
    assert fenced == 100
    assert all_of_it > seen
    cluster.close()


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
