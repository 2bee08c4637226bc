"""Brokers fail while a query writes: what is in its sink afterwards is what was in its source, once
and in order, and the query went on by itself.

They take a minute or two each: `make matrix` runs them, `make test` the short one.
"""

from __future__ import annotations

import json
import signal
import threading
import time
from collections import defaultdict
from collections.abc import Callable

import pytest
from confluent_kafka import Producer as Sender

from kshell.config import Properties
from kshell.kafka import admin
from kshell.kafka.client import Client
from kshell.session import Session

from . import realkafka
from .conftest import prepared
from .test_continuous import queries, records, start, until

pytestmark = pytest.mark.live
KEYS = 7


class Writing:
    """A thread of another client's producer that numbers records, whatever the brokers do."""

    def __init__(self, bootstrap: str) -> None:
        self._sender = Sender(
            {"bootstrap.servers": bootstrap, "enable.idempotence": True, "partitioner": "murmur2_random",
             "message.timeout.ms": 0, "log_level": 0}
        )  # fmt: skip
        self._ended = threading.Event()
        self.count = 0
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._ended.wait(0.02):
            for _ in range(20):
                n = self.count
                self._sender.produce("src", key=f"k{n % KEYS}", value=json.dumps({"N": n}), timestamp=n + 1)
                self.count += 1
            self._sender.poll(0)

    def end(self) -> None:
        self._ended.set()
        self._thread.join()
        assert self._sender.flush(60) == 0


def by_key(client: Client, topic: str) -> dict[bytes, list[int]]:
    """The numbers of each key, in the order in which they stand in its partition."""
    found = defaultdict(list)
    for key, value, _ in records(client, topic):
        found[key].append(json.loads(value)["N"])
    return dict(found)


def survived(
    brokers: list[realkafka.Broker], fault: Callable[[Session], None], replicas: int = 1, partitions: int = 3
) -> None:
    """The sink equals the source after the fault, which ends before this returns."""
    bootstrap = brokers[0].bootstrap
    properties = Properties({"bootstrap.servers": bootstrap, "auto.offset.reset": "earliest"})
    admin.create_topic(properties, "src", partitions=partitions, replicas=replicas, configs={})
    session = Session(properties)
    until(lambda: session.engine.context.client.find("src"))
    writing = Writing(bootstrap)
    list(session.execute(
        "CREATE STREAM src (k VARCHAR KEY, n BIGINT) WITH (KAFKA_TOPIC='src', VALUE_FORMAT='JSON');"
        f"CREATE STREAM s WITH (KAFKA_TOPIC='s', PARTITIONS=3, REPLICAS={replicas}) AS SELECT * FROM src EMIT CHANGES"
    ))  # fmt: skip
    query = session.engine.context.queries["CSAS_S_1"]
    until(lambda: query.written > 1000)
    fault(session)
    then = writing.count
    until(lambda: query.written > then, 60)
    writing.end()
    until(lambda: query.written >= writing.count and not query._producer.unwritten, 60)
    assert queries(session)["CSAS_S_1"]["state"] == "RUNNING"
    client = session.engine.context.client
    source, sink = by_key(client, "src"), by_key(client, "s")
    assert source == {b"k%d" % k: list(range(k, writing.count, KEYS)) for k in range(KEYS)}
    assert sink == source
    session.close()


def cluster(count: int):
    prepared()
    return realkafka.cluster(count)


@pytest.mark.matrix
@pytest.mark.timeout(300)
@pytest.mark.parametrize("partitions", [3, 120])  # so many that brokers remember what was asked
def test_a_leader_is_killed_in_a_cluster_of_three(partitions):
    with cluster(3) as brokers:

        def fault(session: Session) -> None:
            topic = session.engine.context.client.topic("src")
            killed = topic.partitions[0].leader
            brokers[killed - 1].stop(signal.SIGKILL)
            time.sleep(20)
            assert queries(session)["CSAS_S_1"]["state"] == "RUNNING"
            brokers[killed - 1].start()

        survived(brokers, fault, 3, partitions)


@pytest.mark.matrix
@pytest.mark.timeout(300)
def test_all_brokers_are_down_for_a_minute():
    with cluster(1) as brokers:

        def fault(session: Session) -> None:
            brokers[0].stop(signal.SIGKILL)
            time.sleep(20)
            (status,) = session.running()
            assert "cannot reach broker 1" in status.note or "not acknowledged" in status.note
            assert queries(session)["CSAS_S_1"]["lag"] is None
            time.sleep(40)
            assert queries(session)["CSAS_S_1"]["state"] == "RUNNING"
            brokers[0].start()

        survived(brokers, fault)


@pytest.mark.matrix
@pytest.mark.timeout(200)
@pytest.mark.parametrize("partitions", [3, 120])
def test_a_broker_stands_still_for_a_quarter_of_a_minute(partitions):
    with cluster(1) as brokers:

        def fault(session: Session) -> None:
            brokers[0].pause()
            time.sleep(15)
            brokers[0].resume()

        survived(brokers, fault, partitions=partitions)


@pytest.mark.matrix
@pytest.mark.timeout(200)
def test_a_script_says_that_its_query_waits_and_goes_on():
    with cluster(1) as brokers:
        properties = Properties({"bootstrap.servers": brokers[0].bootstrap})
        admin.create_topic(properties, "src", partitions=1, replicas=1, configs={})
        writing = Writing(brokers[0].bootstrap)
        until(lambda: writing.count > 200)
        text = """SET 'auto.offset.reset'='earliest';
          CREATE STREAM src (n BIGINT) WITH (KAFKA_TOPIC='src', VALUE_FORMAT='JSON');
          CREATE STREAM s WITH (KAFKA_TOPIC='s', PARTITIONS=1) AS SELECT * FROM src EMIT CHANGES"""
        with start(brokers[0], "-e", text) as process:
            while "still runs" not in (line := process.stderr.readline()):
                assert line, "it has ended"
            time.sleep(2)
            brokers[0].pause()
            time.sleep(20)
            brokers[0].resume()
            writing.end()
            time.sleep(5)
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=30)
        assert process.returncode == 130, said
        notes = [line for line in said.splitlines() if line.startswith("Query CSAS_S_1: ")]
        assert 1 <= len(notes) <= 20 / 5 + 1
        assert all("cannot reach broker 1" in line or "not acknowledged" in line for line in notes)
        client = Client.connect(properties)
        assert [json.loads(v)["N"] for _, v, _ in records(client, "s")] == list(range(writing.count))
        client.close()
