"""MIRROR into a topic that has records: where they are the first ones of the source it goes on behind them, else it asks as for any topic."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import uuid

import pytest
from confluent_kafka import Producer as Confluent

from kshell.config import Properties
from kshell.errors import KafkaError
from kshell.kafka.outgoing import OutgoingRecord
from kshell.kafka.settings import librdkafka
from kshell.session import Session

from .clusters import Cluster

pytestmark = pytest.mark.live


@pytest.fixture
def name() -> str:
    return f"g-{uuid.uuid4().hex[:10]}"


def some(count: int, partitions: int = 2, first: int = 0) -> list[OutgoingRecord]:
    return [
        OutgoingRecord(
            None if n % 5 == 0 else b"k%d" % n, None if n % 7 == 0 else b"value %d" % n, 1_600_000_000_000 + n, n % partitions,
            [("h", b"%d" % n), ("h", None)][: n % 3],
        )
        for n in range(first, first + count)
    ]  # fmt: skip


ALL = "MIRROR prod.{0} TO {0}"


def test_it_goes_on_behind_what_is_there(prod, here, shell, careful, name) -> None:
    prod.create(name, 3)
    prod.send(name, some(30, 2), "zstd")  # partition 2 is empty
    assert sum(row[3] for row in shell.sql(ALL.format(name)).rows()) == 30
    prod.send(name, some(9, 3, 100))
    plan = careful.sql(ALL.format(name))
    assert plan.rows() == [(f"offsets in {name}", "30", "up to 39")]
    assert any(n.text == f"the 30 records of {name} are the first ones of prod.{name}: it goes on behind them" for n in plan.notices)
    assert shell.sql(ALL.format(name)).rows() == [(p, 15 * (p < 2), 15 * (p < 2) + 3, 3, size, 0) for p, size in sizes(shell, name)]
    assert here.records(name) == prod.records(name)
    assert [row[3] for row in shell.sql(ALL.format(name)).rows()] == [0, 0, 0]  # nothing is left
    assert here.records(name) == prod.records(name)


def sizes(shell, name) -> list[tuple[int, int]]:
    """The bytes of each partition's last batch: three records that came alone."""
    shell.sql(f"CREATE TOPIC {name}-bytes PARTITIONS 3")
    rows = shell.sql(f"MIRROR prod.{name} TO {name}-bytes FROM OFFSETS '0:15,1:15,2:0'").rows()
    return [(row[0], row[4]) for row in rows]


def test_other_batches_of_the_same_records_are_the_same(prod, here, shell, name) -> None:
    """The target's brokers may have packed them anew, and there the source's transactions ended."""
    prod.create(name, 1)
    here.create(name, 1, compression_type="gzip")
    producer = Confluent({**librdkafka(prod.properties), "transactional.id": name, "batch.num.messages": 2})
    producer.init_transactions(20)
    for turn in range(5):
        producer.begin_transaction()
        for n in range(5):
            producer.produce(name, b"%d-%d" % (turn, n), b"k")
        producer.flush()
        producer.abort_transaction() if turn % 2 else producer.commit_transaction()
    assert shell.sql(ALL.format(name)).rows()[0][3] == 15
    prod.send(name, some(4, 1))
    assert shell.sql(ALL.format(name)).rows()[0][3] == 4
    assert here.records(name) == prod.records(name)


@pytest.mark.parametrize("own", ["CreateTime", "LogAppendTime"])
def test_times_count_unless_the_brokers_give_them(prod, here, shell, careful, name, own) -> None:
    prod.create(name, 1)
    here.create(name, 1, message_timestamp_type=own)
    prod.send(name, some(10, 1))
    here.send(name, [r._replace(timestamp=5) for r in some(10, 1)])
    goes_on = any("goes on behind" in n.text for n in careful.sql(ALL.format(name)).notices)
    assert goes_on is (own == "LogAppendTime")


OTHERS = {
    "another value": lambda r: [*r[:-1], r[-1]._replace(value=b"other")],
    "no value": lambda r: [r[0], r[1]._replace(value=None), *r[2:]],
    "another key": lambda r: [r[0]._replace(key=b"other"), *r[1:]],
    "another header": lambda r: [*r[:-1], r[-1]._replace(headers=[("x", b"")])],
    "one is missing": lambda r: r[1:],
    "one is twice": lambda r: [r[0], r[0], *r[1:]],
    "another order": lambda r: [r[1], r[0], *r[2:]],
    "more than the source has": lambda r: [*r, *some(9, 1, 50)],
    "records of a partition that the source lacks": lambda r: [*r, r[0]._replace(partition=1)],
}


@pytest.mark.parametrize("other", OTHERS)
def test_other_records_are_asked_for_as_before(prod, here, careful, name, other) -> None:
    prod.create(name, 1)
    here.create(name, 2)
    prod.send(name, some(20, 1))
    there = OTHERS[other](some(12, 1))
    here.send(name, there)
    plan = careful.sql(ALL.format(name))
    assert plan.rows() == [(f"offsets in {name}", str(len(there)), f"up to {len(there) + 20}")]
    assert any("all of" in n.text for n in plan.notices)


def test_what_is_written_while_it_is_asked_is_not_passed_over(prod, here, shell, name) -> None:
    prod.create(name, 1)
    here.create(name, 1)
    prod.send(name, some(20, 1))
    here.send(name, some(10, 1))
    session = Session(Properties({"bootstrap.servers": here.properties["bootstrap.servers"]}))
    proposal = next(iter(session.execute(ALL.format(name))))
    here.send(name, some(1, 1, 10))
    with pytest.raises(KafkaError, match=f"{name} was written to"):
        proposal.apply()
    session.close()
    assert shell.sql(ALL.format(name)).rows()[0][3] == 9
    assert here.records(name) == prod.records(name)


@pytest.mark.parametrize("kills", [2, pytest.param(15, marks=[pytest.mark.matrix, pytest.mark.timeout(300)])])
def test_a_mirror_that_is_killed_goes_on(prod, here, kafka, name, kills) -> None:
    """Killed again and again at any moment: at the end each record is there once, in order."""
    prod.create(name, 3)
    sender = Confluent({**librdkafka(prod.properties), "batch.num.messages": 5, "linger.ms": 1000, "acks": 1, "queue.buffering.max.messages": 1_000_000})
    for n in range(kills * 9000):
        sender.produce(name, b"%d" % n + b" value" * 20, b"k%d" % n, partition=n % 3)
        if not n % 2000:
            sender.poll(0)
    assert sender.flush(60) == 0
    here.create(name, 3)
    command = [sys.executable, "-m", "kshell", "-b", kafka.bootstrap, "--yes", "-e", ALL.format(name)]
    stood = 0
    for _ in range(kills):
        running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while (now := held(here, name)) < stood + 500 and running.poll() is None:
            assert time.monotonic() < deadline
            time.sleep(0.002)
        os.kill(running.pid, signal.SIGKILL)
        running.wait()
        stood = max(now, held(here, name))
    assert held(here, name) < kills * 9000
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    assert here.records(name) == prod.records(name)


def held(cluster: Cluster, name: str) -> int:
    snapshot = cluster.client.snapshot(cluster.client.topic(name), "read_uncommitted")
    return sum(end for _, end in snapshot.offsets.values())
