"""What is sent arrives, by both senders: the compiled one and its twin over confluent-kafka."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
import uuid

import pyarrow as pa
import pytest
from confluent_kafka import Consumer, TopicPartition
from hypothesis import given
from hypothesis import strategies as st

from kshell.config import Properties
from kshell.errors import Forbidden, KafkaError
from kshell.kafka import partitioner, produce, produce_py
from kshell.kafka.outgoing import HEADERS, Refused
from kshell.kafka.partitioner import partition_for, partitions_for
from kshell.kafka.produce import Outgoing, OutgoingRecord, Producer
from kshell.kafka.settings import librdkafka

_compiled = produce._impl
TIME = 1_700_000_000_000


@pytest.fixture(params=["compiled", "pure"])
def sender(request, monkeypatch):
    """Both senders."""
    if request.param == "compiled" and _compiled is None:
        pytest.skip("the compiled sender was not built here")
    monkeypatch.setattr(produce, "_impl", _compiled if request.param == "compiled" else None)
    return request.param


@pytest.fixture
def producer(sender, demo):
    made = Producer(Properties({"bootstrap.servers": demo.bootstrap}))
    assert (type(made._sender).__module__ == "kshell.kafka._produce") == (sender == "compiled")
    return made


@pytest.fixture
def topic():
    return f"p{uuid.uuid4().hex[:10]}"


@pytest.fixture
def read(demo, topic):
    """The records of the topic: (partition, key, value, time, headers), by offset in each partition."""

    def read(count: int):
        consumer = Consumer({"bootstrap.servers": demo.bootstrap, "group.id": "none", "log_level": 0})
        consumer.assign([TopicPartition(topic, n, 0) for n in range(4)])
        found, until = [], time.monotonic() + 20
        while len(found) < count and time.monotonic() < until:
            for message in consumer.consume(count, 0.2):
                assert message.error() is None, message.error()
                found.append(
                    (message.partition(), message.key(), message.value(), message.timestamp()[1], message.headers())
                )
        consumer.close()
        return sorted(found, key=lambda row: row[0])

    return read


def test_nothing_and_no_bytes_are_two_things(producer, topic, read):
    keys = pa.array([None, b"", b"k", b"kk"], pa.binary())
    values = pa.array([b"", None, b"\0v", b"x" * 70_000], pa.binary())
    times = pa.array([TIME, TIME + 1, TIME + 2, TIME + 3], pa.int64())
    places = pa.array([0, 1, 2, 3], pa.int32())
    producer.send(topic, Outgoing(keys, values, times, places))
    producer.flush()
    assert read(4) == [
        (n, k, v, t, None) for n, (k, v, t) in enumerate(zip(*(c.to_pylist() for c in (keys, values, times)), strict=True))
    ]  # fmt: skip


def test_parts_of_columns(producer, topic, read):
    whole = Outgoing(
        pa.array([b"a", None, b"c", b"d", None], pa.binary()),
        pa.array([None, b"2", b"3", None, b"5"], pa.binary()),
        pa.array([1, 2, None, 4, 5], pa.int64()),
        pa.array([0, 1, 1, None, 3], pa.int32()),
        pa.array([None, [("h", b"1"), ("h", None)], [], [("é", b"")], None], HEADERS),
    )
    before = int(time.time() * 1000)
    producer.send(topic, Outgoing(*(c.slice(1, 3) for c in (whole.keys, whole.values, whole.timestamps, whole.partitions, whole.headers))))
    producer.flush()
    found = {value: row for row in read(3) for value in [row[2]]}
    assert found[b"2"] == (1, None, b"2", 2, [("h", b"1"), ("h", None)])
    assert found[b"3"][:2] == (1, b"c")
    assert before <= found[b"3"][3] <= time.time() * 1000
    assert found[None] == (partition_for(b"d", 4), b"d", None, 4, [("é", b"")])


def test_a_record_of_the_moment_zero_is_not_one_of_now(producer, topic, read):
    whole = Outgoing(
        pa.nulls(5, pa.binary()), pa.array([b"%d" % n for n in range(5)], pa.binary()),
        pa.array([9, 0, None, 2, 0], pa.int64()), pa.repeat(pa.scalar(0, pa.int32()), 5),
    )  # fmt: skip
    before = int(time.time() * 1000)
    producer.send(topic, Outgoing(*(c.slice(1, 4) for c in (whole.keys, whole.values, whole.timestamps, whole.partitions))))
    producer.flush()
    times = {value: moment for _, _, value, moment, _ in read(4)}
    assert times.pop(b"2") >= before
    assert times == {b"1": 1, b"3": 2, b"4": 1}  # librdkafka has no 0


def test_records_one_by_one_and_the_key_decides(producer, topic, read):
    sent = [OutgoingRecord(b"key %d" % n, b"%d" % n, TIME + n) for n in range(200)]
    producer.send(topic, sent)
    producer.send(topic, [])
    producer.flush()
    found = read(200)
    assert sorted(found, key=lambda row: row[3]) == [
        (partition_for(r.key, 4), r.key, r.value, r.timestamp, None) for r in sent
    ]
    assert producer.unwritten == 0


def test_a_full_queue_is_waited_for_and_the_order_is_kept(sender, demo, topic, read, monkeypatch):
    real = produce.sender_of
    monkeypatch.setattr(produce, "sender_of", lambda settings: real({**settings, "queue.buffering.max.messages": 50}))
    producer = Producer(Properties({"bootstrap.servers": demo.bootstrap}))
    values = pa.array([b"%d" % n for n in range(2000)], pa.binary())
    producer.send(topic, Outgoing(pa.nulls(2000, pa.binary()), values, None, pa.repeat(pa.scalar(2, pa.int32()), 2000)))
    assert producer._sent == 2000
    producer.flush()
    assert [row[2] for row in read(2000)] == values.to_pylist()


def test_a_full_queue_is_waited_for_as_long_as_is_set(sender, monkeypatch):
    real = produce.sender_of
    monkeypatch.setattr(produce, "sender_of", lambda settings: real({**settings, "queue.buffering.max.messages": 5}))
    stalled: list[KafkaError] = []

    def on_stall(error: KafkaError) -> None:
        stalled.append(error)
        if len(stalled) == 2:
            raise error

    properties = Properties({"bootstrap.servers": "127.0.0.1:1", "delivery.timeout.ms": "200"})
    producer = Producer(properties, on_stall)
    with pytest.raises(KafkaError, match="5 records not acknowledged"):
        producer.send("t", [OutgoingRecord(None, b"x")] * 9)
    assert len(stalled) == 2
    assert producer.unwritten == 5


def test_a_full_queue_is_not_waited_for_long_when_the_shell_leaves(sender, monkeypatch):
    real = produce.sender_of
    monkeypatch.setattr(produce, "sender_of", lambda settings: real({**settings, "queue.buffering.max.messages": 5}))
    producer = Producer(Properties({"bootstrap.servers": "127.0.0.1:1"}))
    threading.Timer(0.1, producer.hurry, [0.2]).start()
    began = time.monotonic()
    with pytest.raises(KafkaError, match="5 records not acknowledged"):
        producer.send("t", [OutgoingRecord(None, b"x")] * 9)
    assert time.monotonic() - began < 10


def test_a_partition_that_is_not_there_is_an_error(producer, topic):
    producer.send(topic, [OutgoingRecord(None, b"x", None, 0)])
    producer.flush()
    with pytest.raises(KafkaError, match=f"topic {topic}.*[Uu]nknown partition"):
        producer.send(topic, [OutgoingRecord(None, b"x", None, 99)])
        producer.flush()


def test_a_librdkafka_that_lacks_a_function_is_not_called(monkeypatch):
    class Compiled:
        load = staticmethod(lambda path: False)

    monkeypatch.setattr(produce, "_impl", Compiled)
    assert type(produce.sender_of({"bootstrap.servers": "127.0.0.1:1"})) is produce_py.Sender
    if _compiled is not None:
        code = "import ctypes, kshell.kafka._produce as p; print(p.load(ctypes.util.find_library('c')), p.load('/not/there'))"
        done = subprocess.run([sys.executable, "-c", f"import ctypes.util; {code}"], capture_output=True, text=True)
        assert done.stdout.split() == ["False", "False"], done.stderr


@pytest.mark.parametrize(
    ("failed", "raised", "said"),
    [
        (("t", 3, 10, "too large"), KafkaError, "topic t, partition 3: too large"),
        (("t", -1, 10, "too large"), KafkaError, "topic t: too large"),
        (("t", None, 10, "too large"), KafkaError, "topic t: too large"),
        (("t", 0, 29, "no"), Forbidden, "not allowed: WRITE on topic t"),
    ],
)
def test_a_failure_is_raised_once(producer, failed, raised, said):
    producer._sender.failed.append(failed)
    with pytest.raises(raised) as found:
        producer.check()
    assert found.value.what == said
    producer.check()


def test_settings_that_librdkafka_refuses_are_an_error(sender):
    with pytest.raises(KafkaError, match="ssl.ca.location"):
        Producer(Properties({"bootstrap.servers": "x:1", "security.protocol": "SSL", "ssl.ca.location": "/not/there"}))


@pytest.mark.skipif(_compiled is None, reason="the compiled sender was not built here")
def test_a_token_is_taken_or_refused():
    asked = {"security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "OAUTHBEARER", "sasl.oauthbearer.token": "a.b.c"}
    settings = librdkafka(Properties({"bootstrap.servers": "127.0.0.1:1", **asked}))
    assert Producer(Properties({"bootstrap.servers": "127.0.0.1:1", **asked})).unwritten >= 0
    assert settings["oauth_cb"](None)[0] == "a.b.c"
    with pytest.raises(Refused, match="unexpired token"):
        _compiled.Sender({**settings, "oauth_cb": lambda _: ("a.b.c", 1)})


@given(st.lists(st.none() | st.binary(min_size=8, max_size=40)), st.integers(1, 100), st.sampled_from([0, 3, 8]))
def test_places_of_keys(keys, partitions, tail):
    given_ = pa.array([b"first", *keys, b"x" * 9], pa.binary())[1:]
    wanted = [None if k is None else partition_for(k[: len(k) - tail], partitions) for k in given_.to_pylist()]
    assert partitions_for(given_, tail, partitions).to_pylist() == wanted
    kept, partitioner._impl = partitioner._impl, None
    assert partitions_for(given_, tail, partitions).to_pylist() == wanted
    partitioner._impl = kept


def test_what_no_broker_has_taken_is_not_acknowledged(sender, demo, topic):
    nobody = Producer(Properties({"bootstrap.servers": "127.0.0.1:1", "delivery.timeout.ms": "60000"}))
    nobody.send(topic, [OutgoingRecord(b"k", b"v")] * 3)
    nobody.check()
    assert (nobody.acknowledged, nobody.unwritten) == (0, 3)
    somebody = Producer(Properties({"bootstrap.servers": demo.bootstrap}))
    somebody.send(topic, [OutgoingRecord(b"k", b"v")] * 3)
    somebody.flush()
    assert (somebody.acknowledged, somebody.unwritten) == (3, 0)
