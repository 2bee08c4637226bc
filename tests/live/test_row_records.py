"""The record of a live row on a real cluster: retention deletes it, and brokers stop answering."""

from __future__ import annotations

import json
import time

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from kshell.config import Properties
from kshell.errors import KafkaError, Outage
from kshell.kafka import admin
from kshell.kafka.produce import OutgoingRecord, Producer
from kshell.results import Live
from kshell.session import Session

pytestmark = pytest.mark.live


def records(count: int) -> list[OutgoingRecord]:
    return [OutgoingRecord(b"k", json.dumps({"n": n}).encode(), 1_000 + n) for n in range(count)]


def begun(session: Session, topic: str) -> Live:
    """A live query of the topic that has read all of its ten records."""
    list(session.execute("SET 'auto.offset.reset'='earliest'"))
    (live,) = session.execute(f'SELECT n FROM "{topic}" EMIT CHANGES')
    assert isinstance(live, Live)
    seen: list[int] = []
    while len(seen) < 10:
        changes = live.poll(5)
        assert changes is not None
        if changes.places is not None:
            seen += changes.places.column("ROWOFFSET").to_pylist()
    assert seen == list(range(10))
    return live


def read(live: Live, offset: int) -> dict[str, object]:
    assert live.record is not None
    printed = live.record(0, offset)
    while (part := printed.poll(1)) is not None:
        if len(part):
            return part.rows.to_pylist()[0]
    raise AssertionError("nothing was read")


def test_a_record_that_was_deleted_since_is_gone(properties, topic, kafka) -> None:
    name = topic(records(10))
    session = Session(properties, opens_records=True)
    live = begun(session, name)
    assert read(live, 3)["value"] == '{"n": 3}'
    own = AdminClient({"bootstrap.servers": kafka.bootstrap})
    for future in list(own.delete_records([TopicPartition(name, 0, 5)]).values()):
        future.result(10)
    with pytest.raises(KafkaError, match="offset 3 is gone: the log starts at 5"):
        read(live, 3)
    assert read(live, 5)["timestamp"] == 1_005
    live.cancel()
    session.close()


def _once_led(live: Live, offset: int) -> dict[str, object]:
    """The record, once the broker leads again: for a while after a pause it does not."""
    end = time.monotonic() + 30
    while True:
        try:
            return read(live, offset)
        except Outage:
            if time.monotonic() > end:
                raise
            time.sleep(0.2)


def test_an_outage_is_an_error_within_seconds(own_broker) -> None:
    properties = Properties({"bootstrap.servers": own_broker.bootstrap})
    admin.create_topic(properties, "t", partitions=1, replicas=1, configs={})
    producer = Producer(properties)
    producer.send("t", records(10))
    producer.flush()
    session = Session(properties, opens_records=True)
    live = begun(session, "t")
    own_broker.pause()
    began = time.monotonic()
    with pytest.raises(Outage, match="cannot reach|no broker"):
        read(live, 3)
    assert time.monotonic() - began < 20
    own_broker.resume()
    assert _once_led(live, 3)["value"] == '{"n": 3}'
    live.cancel()
    session.close()
