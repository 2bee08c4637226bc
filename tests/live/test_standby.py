"""`kshell run --standby`: a process that waits takes over, and what is read is read once."""

from __future__ import annotations

import json
import time
import uuid
from collections import Counter

import pytest

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


def test_it_waits_takes_over_and_says_so(quick, tmp_path):
    name = f"a{uuid.uuid4().hex[:8]}"
    properties = Properties({"bootstrap.servers": quick.bootstrap})
    admin.create_topic(properties, name, partitions=2, replicas=1, configs={})
    producer, sent = Producer(properties), 0

    def send() -> None:
        nonlocal sent
        producer.send(name, rows(200, sent))
        producer.flush()
        sent += 200

    send()
    file = script(tmp_path, name, name)
    first = Process(quick.bootstrap, file, name, "--standby").ready()
    second = Process(quick.bootstrap, file, name, "--standby")
    eventually(lambda: second.text, lambda text: STANDS_BY in text)
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
    name = f"a{uuid.uuid4().hex[:8]}"
    properties = Properties({"bootstrap.servers": quick.bootstrap})
    admin.create_topic(properties, name, partitions=1, replicas=1, configs={})
    file = script(tmp_path, name, name)
    first = Process(quick.bootstrap, file, name, "--standby").ready()
    second = Process(quick.bootstrap, file, name, "--standby")
    eventually(lambda: second.text, lambda text: STANDS_BY in text)
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
