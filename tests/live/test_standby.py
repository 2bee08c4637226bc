"""`kshell run --standby`: a process that waits takes over, and what is read is read once."""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections import Counter

import pytest

import kshell
from kshell.config import Properties
from kshell.kafka import admin
from kshell.kafka.produce import Producer

from . import realkafka
from .applications import Process, committed, eventually
from .conftest import prepared
from .test_durable import rows, script

pytestmark = pytest.mark.live
STANDS_BY = "stands by"


@pytest.fixture(scope="module")
def quick():
    """A broker that lets members be missed after two seconds."""
    prepared()
    with realkafka.broker({"group.min.session.timeout.ms": 2000}) as broker:
        yield broker


def application(broker, partitions: int = 1) -> tuple[str, Properties]:
    """The name of a new application, and of the topic that it reads."""
    name, properties = f"a{uuid.uuid4().hex[:8]}", Properties({"bootstrap.servers": broker.bootstrap})
    admin.create_topic(properties, name, partitions=partitions, replicas=1, configs={})
    return name, properties


def two(broker, file, name: str) -> tuple[Process, Process]:
    """One process that runs it, and one that stands by."""
    first = Process(broker.bootstrap, file, name, "--standby").ready()
    second = Process(broker.bootstrap, file, name, "--standby")
    eventually(lambda: second.text, lambda text: STANDS_BY in text)
    return first, second


def test_it_waits_takes_over_and_says_so(quick, tmp_path):
    name, properties = application(quick, 2)
    producer, sent = Producer(properties), 0

    def send() -> None:
        nonlocal sent
        producer.send(name, rows(200, sent))
        producer.flush()
        sent += 200

    send()
    file = script(tmp_path, name, name)
    first, second = two(quick, file, name)
    assert "runs:" not in second.text
    send()
    killed = time.monotonic()
    first.kill()
    second.ready()
    took = time.monotonic() - killed
    assert took < 15, took
    third = Process(quick.bootstrap, file, name, "--standby")
    eventually(lambda: third.text, lambda text: STANDS_BY in text)
    send()
    left = time.monotonic()
    assert second.terminate() == 0, second.text
    third.ready()
    print(f"after SIGKILL {took:.2f} s, after SIGTERM {time.monotonic() - left:.2f} s")
    send()
    found = eventually(lambda: committed(quick.bootstrap, f"{name}-copied"), lambda found: len(found) >= sent)
    assert third.terminate() == 0, third.text
    found = committed(quick.bootstrap, f"{name}-copied")
    assert Counter(json.loads(m.value())["N"] for m in found) == Counter(range(sent))
    last: dict[bytes, dict] = {}
    for message in committed(quick.bootstrap, f"{name}-counted"):  # no count went back, or was written twice
        row = json.loads(message.value())
        assert row["C"] > last.get(message.key(), {"C": 0})["C"]
        last[message.key()] = row
    keys = Counter(record.key for record in rows(sent, 0))
    assert {key: row["C"] for key, row in last.items()} == keys


def test_one_that_waits_leaves_at_once(quick, tmp_path):
    name, _ = application(quick)
    file = script(tmp_path, name, name)
    first, second = two(quick, file, name)
    alone = Process(quick.bootstrap, file, name)
    assert alone.wait() == 2
    assert f"application {name} is run with --standby on 127.0.0.1" in alone.text
    assert Process(quick.bootstrap, file, name, "--check").wait() == 0
    began = time.monotonic()
    assert second.terminate() == 0, second.text
    assert time.monotonic() - began < 5
    assert first.process.poll() is None
    assert first.terminate() == 0, first.text
    alone = Process(quick.bootstrap, file, name).ready()
    assert alone.terminate() == 0, alone.text


def test_a_reset_is_refused_while_others_stand_by_and_ends_one_that_runs_alone(quick, tmp_path):
    name, properties = application(quick)
    producer = Producer(properties)
    producer.send(name, rows(500))
    producer.flush()
    file = script(tmp_path, name, name)
    stands = Process(quick.bootstrap, file, name, "--standby").ready()
    refused = Process(quick.bootstrap, file, name, "--standby", "--reset")
    assert refused.wait() == 2
    assert "stop those first" in refused.text
    assert stands.terminate() == 0, stands.text
    alone = Process(quick.bootstrap, file, name).ready()
    eventually(lambda: committed(quick.bootstrap, f"{name}-copied"), lambda found: len(found) >= 500)
    stop = threading.Event()

    def write() -> None:
        n = 500
        while not stop.wait(0.01):
            producer.send(name, rows(1, n))
            n += 1
        producer.flush()

    writer = threading.Thread(target=write)
    writer.start()
    anew = Process(quick.bootstrap, file, name, "--reset").ready()
    assert alone.wait() != 0
    stop.set()
    writer.join()
    count = len(committed(quick.bootstrap, name))
    last: dict[bytes, dict] = {}

    def counted() -> dict[bytes, dict]:
        for message in committed(quick.bootstrap, f"{name}-counted"):
            last[message.key()] = json.loads(message.value())
        return last

    eventually(counted, lambda found: sum(row["C"] for row in found.values()) == count)
    assert {key: row["C"] for key, row in last.items()} == Counter(record.key for record in rows(count))
    assert anew.terminate() == 0, anew.text


def test_two_that_start_at_once_for_the_first_time(quick, tmp_path):
    for _ in range(2):
        name, _ = application(quick)
        file = script(tmp_path, name, name)
        both = [Process(quick.bootstrap, file, name, "--standby") for _ in range(2)]
        eventually(lambda both=both: [p.text for p in both], lambda said: sum("runs:" in s for s in said) == sum(STANDS_BY in s for s in said) == 1)
        assert [p.terminate() for p in both] == [0, 0], [p.text for p in both]


def test_a_state_that_was_deleted_is_said_by_both(quick, tmp_path):
    name, properties = application(quick)
    file = script(tmp_path, name, name)
    first, second = two(quick, file, name)
    time.sleep(2)
    state = f"_kshell.{name}.COPIED.state"
    admin.Admin(properties).delete_topic(state)
    assert second.wait() == 1
    assert f"topic {state}, which has the state of a query, was deleted" in second.text
    text = eventually(lambda: first.text, lambda text: "failed" in text)
    assert f"topic {state}, which has its state, was deleted" in text
    assert "--reset COPIED" in text
    assert first.terminate() == 1
    with kshell.connect(quick.bootstrap, yes=True) as shell:  # its group goes too, or the next start would be refused
        shell.sql(f"DROP APPLICATION {name}")
    again = Process(quick.bootstrap, file, name).ready()
    assert again.terminate() == 0, again.text

