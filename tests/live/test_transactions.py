"""Transactions of both senders on real Kafka: all or nothing, offsets with the records, one owner."""

from __future__ import annotations

import pyarrow as pa
import pytest
from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, TopicPartition
from confluent_kafka.admin import AdminClient

from kshell.kafka import produce
from kshell.kafka.outgoing import Outgoing, Refused
from kshell.kafka.settings import librdkafka

pytestmark = pytest.mark.live
_compiled = produce._impl
WAIT = 20.0


@pytest.fixture(params=["compiled", "pure"])
def sender(request, monkeypatch, properties):
    """Makes a sender with a transactional id."""
    if request.param == "compiled" and _compiled is None:
        pytest.skip("the compiled sender was not built here")
    monkeypatch.setattr(produce, "_impl", _compiled if request.param == "compiled" else None)

    def of(id: str):
        made = produce.sender_of({**librdkafka(properties), "transactional.id": id, "delivery.report.only.error": True})
        made.init_transactions(WAIT)
        return made

    return of


def values(*texts: bytes) -> Outgoing:
    return Outgoing(pa.nulls(len(texts), pa.binary()), pa.array(texts, pa.binary()))


def committed(properties, topic: str) -> list[bytes]:
    """What a reader of committed records sees."""
    consumer = Consumer({**librdkafka(properties), "group.id": "none", "isolation.level": "read_committed", "enable.partition.eof": True})
    consumer.assign([TopicPartition(topic, 0, 0)])
    found = []
    while (message := consumer.poll(WAIT)) is not None and message.error() is None:
        found.append(message.value())
    consumer.close()
    return found


def test_all_or_nothing_and_offsets_with_it(sender, topic, properties):
    name, group = topic([], partitions=1), f"g-{id(sender)}"
    member = Consumer({"group.id": group, "log_level": 0}).consumer_group_metadata()  # it joins nothing
    one = sender(f"tx-{name}")
    one.begin()
    assert one.send(name, values(b"1", b"2")) == 2
    one.send_offsets(member, [(name, 0, 7)], WAIT)
    one.commit(WAIT)
    one.begin()
    assert one.send(name, values(b"3")) == 1
    one.send_offsets(member, [(name, 0, 9)], WAIT)
    one.flush(WAIT)
    one.abort(WAIT)
    one.begin()
    one.send(name, values(b"4"))
    one.commit(WAIT)
    assert committed(properties, name) == [b"1", b"2", b"4"]
    admin = AdminClient(librdkafka(properties))
    (future,) = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)]).values()
    assert [(p.topic, p.offset) for p in future.result().topic_partitions] == [(name, 7)]


def test_a_successor_fences_who_was_before(sender, topic, properties):
    name = topic([], partitions=1)
    before = sender(f"tx-{name}")
    before.begin()
    before.send(name, values(b"old"))
    before.flush(WAIT)
    after = sender(f"tx-{name}")
    after.begin()
    after.send(name, values(b"new"))
    after.commit(WAIT)
    with pytest.raises(Refused) as raised:
        before.commit(WAIT)
    assert raised.value.fatal
    assert committed(properties, name) == [b"new"]
    with pytest.raises(Refused) as raised:
        before.send(name, values(b"late"))
    assert raised.value.fatal


def test_what_is_out_of_order_is_refused(sender, topic):
    one = sender(f"tx-{topic([], partitions=1)}")
    with pytest.raises(Refused) as raised:
        one.commit(WAIT)
    assert not raised.value.fatal
