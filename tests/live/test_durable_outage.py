"""A broker that is away so long that clients forget it: queries go on when it is back."""

from __future__ import annotations

import json
import signal
import time
from collections import Counter

import pytest

import kshell
from kshell.config import Properties
from kshell.kafka import admin
from kshell.kafka.produce import Producer

from . import realkafka
from .applications import Process, committed, eventually
from .test_durable import rows, script

pytestmark = [pytest.mark.live, pytest.mark.matrix]


def test_a_query_goes_on_when_the_only_broker_is_back(own_broker, tmp_path):
    properties = Properties({"bootstrap.servers": own_broker.bootstrap})
    admin.create_topic(properties, "s", partitions=2, replicas=1, configs={})
    producer = Producer(properties)
    producer.send("s", rows(300))
    producer.flush()
    process = Process(own_broker.bootstrap, script(tmp_path, "s", "a"), "a").ready()
    eventually(lambda: committed(own_broker.bootstrap, "a-copied"), lambda found: len(found) == 300)
    own_broker.stop(signal.SIGKILL)
    time.sleep(4)
    own_broker.start()
    realkafka.wait_ready(own_broker.bootstrap, [own_broker])
    producer = Producer(properties)
    producer.send("s", rows(300, 300))
    producer.flush()
    found = eventually(lambda: committed(own_broker.bootstrap, "a-copied"), lambda found: len(found) >= 600, 40)
    assert Counter(json.loads(m.value())["N"] for m in found) == Counter(range(600))
    with kshell.connect(own_broker.bootstrap) as session:  # other tools see where it stands
        lag = "SELECT SUM(committed) FROM kafka.lag WHERE group_id = 'kshell.a.COPIED'"
        assert eventually(lambda: session.sql(lag).rows(), lambda now: now == [(600,)], 10) == [(600,)]
    began = time.monotonic()
    assert process.terminate() == 0, process.text
    assert time.monotonic() - began < 5
