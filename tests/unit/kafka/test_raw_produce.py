"""Batches as bytes to a broker in memory that fails at random and forgets: each is written once, in
order; and each refusal says what, where and why."""

from __future__ import annotations

import asyncio
import random
import struct

import pytest

from kshell.config import Properties
from kshell.errors import Forbidden, KafkaError, TopicChanged
from kshell.kafka import raw_produce
from kshell.kafka.client import Client
from kshell.kafka.metadata import Broker, Cluster, Partition, Topic
from kshell.kafka.raw import Fetched, FetchedPartition, RawFetchRequest
from kshell.kafka.raw_batches import RawBatch
from kshell.kafka.raw_messages import InitProducer, Produce
from kshell.kafka.raw_produce import RawProducer
from kshell.kafka.wire import Wire

from .conftest import make_batch

TOPIC = Topic("t", bytes(16), False, tuple(Partition(p, 1, (1,), (1,)) for p in range(2)))
LOST = ConnectionResetError("cut")


class Log:
    """A partition as KIP-98 has it: the sequence follows, or it is one of the last batches."""

    def __init__(self, remembers: int) -> None:
        self.batches: list[tuple[int, bytes]] = []  # (base offset, bytes)
        self.end = 0
        self.producers: dict[int, list[tuple[int, int, int]]] = {}  # (first, last sequence, base)
        self.remembers = remembers

    def append(self, data: bytes) -> tuple[int, int]:
        producer, _, sequence = struct.unpack_from(">qhi", data, 43)
        (delta,) = struct.unpack_from(">i", data, 23)
        known = self.producers.get(producer, [])
        for first, last, base in known[-self.remembers :]:
            if (first, last) == (sequence, sequence + delta):
                return 0, base
        expected = known[-1][1] + 1 if known else 0
        if sequence != expected and known:  # any number of a producer that is new to it
            return 45, -1
        base, self.end = self.end, self.end + delta + 1
        self.producers[producer] = [*known, (sequence, sequence + delta, base)]
        self.batches.append((base, struct.pack(">q", base) + data[8:]))
        return 0, base


class FakeWire(Wire):
    """One broker; `chance` decides what goes wrong, by a seed, `says` what is always answered."""

    def __init__(self, seed: int = 0, trouble: float = 0.0, remembers: int = 5) -> None:
        super().__init__()
        self.cluster = Cluster("c", 1, (Broker(1, "h", 1),), (TOPIC,))
        self.logs = [Log(remembers), Log(remembers)]
        self.chance, self.trouble = random.Random(seed), trouble
        self.producers = 100
        self.says: dict[int, tuple[int, str]] = {}
        self.topic_there: Topic | None = TOPIC
        self.requests = 0

    async def find(self, name: str) -> Topic | None:
        return self.topic_there

    async def send(self, node: int, request, group: str = "control"):
        await asyncio.sleep(0)
        if isinstance(request, InitProducer):
            self.producers += 1
            return {"error": 0, "producer": self.producers, "epoch": 0}
        if isinstance(request, RawFetchRequest):
            return self.fetched(request)
        assert isinstance(request, Produce)
        self.requests += 1
        return await self.produced(request._batches)

    async def produced(self, batches) -> dict:
        parts = []
        cut_before = self.chance.random() < self.trouble
        cut_after = self.chance.random() < self.trouble
        if cut_before:
            raise LOST
        for partition, data in batches.items():
            said, why = self.says.get(partition, (0, ""))
            if not said and self.chance.random() < self.trouble:
                said = self.chance.choice([6, 7, 19, 20, 56, 2])
            late = said in (7, 20)  # it is written, and not acknowledged
            code, base = self.logs[partition].append(bytes(data)) if not said or late else (said, -1)
            if self.chance.random() < self.trouble / 4:
                self.logs[partition].remembers = 1  # it was started again
            parts.append({"partition": partition, "error": said if late else code, "offset": base, "why": why})
        for _ in range(self.chance.randrange(3)):
            await asyncio.sleep(0)
        if cut_after:
            raise LOST
        return {"topics": [{"topic": "t", "partitions": parts}]}

    def fetched(self, request: RawFetchRequest) -> Fetched:
        ((partition, offset),) = request.offsets.items()
        log = self.logs[partition]
        data = b"".join(d for base, d in log.batches if base >= offset)
        return Fetched(0, [FetchedPartition(partition, 0, log.end, log.end, (), memoryview(data))])


@pytest.fixture
def producing(monkeypatch):
    monkeypatch.setattr(raw_produce, "_PAUSE", 0.0)
    clients = []

    def of(wire: FakeWire, **properties: str) -> RawProducer:
        client = Client()
        client.wire = wire
        clients.append(client)
        client.call(asyncio.sleep(0))  # its loop runs
        return RawProducer(client, TOPIC, {0: 0, 1: 0}, Properties(properties))

    yield of
    for client in clients:
        client.close()


def batches(n: int, partition: int = 0) -> list[RawBatch]:
    made, at = [], 0
    for i in range(n):
        count = 1 + i % 3
        rows = [(k, 1, b"%d" % i, b"%d-%d-%d" % (partition, i, k), []) for k in range(count)]
        made.append(RawBatch(memoryview(bytearray(make_batch(rows))), count, at, at + count))
        at += count
    return made


def bodies(log: Log) -> list[bytes]:
    return [data[61:] for _, data in log.batches]


@pytest.mark.parametrize("remembers", [5, 1])
@pytest.mark.parametrize("seed", range(12))
def test_each_batch_once_and_in_order(producing, seed, remembers):
    wire = FakeWire(seed, 0.15, remembers)
    producer = producing(wire)
    sent = [batches(60, 0), batches(60, 1)]
    wanted = [[bytes(b.data[61:]) for b in part] for part in sent]
    for i in range(0, 60, 7):
        for partition in (0, 1):
            producer.put(partition, sent[partition][i : i + 7])
    producer.flush()
    assert [bodies(log) for log in wire.logs] == wanted
    assert producer.reached == {0: sent[0][-1].next, 1: sent[1][-1].next}
    assert [(lane.records, lane.bytes) for lane in producer.lanes.values()] == [
        (sum(b.count for b in part), sum(len(b.data) for b in part)) for part in sent
    ]


def test_several_partitions_go_in_one_request(producing):
    wire = FakeWire()
    producer = producing(wire)
    producer.put(0, batches(400))
    producer.put(1, batches(400, 1))
    producer.flush()
    assert wire.requests < 800


def test_sequence_numbers_begin_again_at_0(producing):
    wire = FakeWire()
    producer = producing(wire)
    producer.put(0, batches(1))
    producer.flush()
    producer.lanes[0].sequence = (1 << 31) - 2
    producer.put(0, [batches(3)[2], batches(1)[0]])
    while wire.requests < 2:
        pass
    lane = producer.lanes[0]
    while lane.sequence > 100:
        pass
    assert lane.sequence == 2  # 2147483646, 2147483647, 0; 1
    producer.close()


@pytest.mark.parametrize(
    ("code", "why", "kind", "what", "hint"),
    [
        (10, "", KafkaError, "topic t, partition 1: the batch of the source's offsets 0 to 0 is too large", "'max.message.bytes'='"),
        (29, "", Forbidden, "not allowed: WRITE on topic t", "ACLs"),
        (31, "", Forbidden, "not allowed: WRITE on topic t (before Kafka 3.0 IDEMPOTENT_WRITE on the cluster too)", "ACLs"),
        (87, "no key", KafkaError, "topic t, partition 1: the batch of the source's offsets 0 to 0 was refused", "without a key"),
        (32, "", KafkaError, "refused: INVALID_TIMESTAMP (32)", "message.timestamp.before.max.ms"),
        (2, "", KafkaError, "CORRUPT_MESSAGE (2)", ""),
    ],
)  # fmt: skip
def test_refusals_say_where_and_why(producing, code, why, kind, what, hint):
    wire = FakeWire()
    wire.says[1] = code, why
    producer = producing(wire)
    producer.put(1, batches(3))
    with pytest.raises(kind) as raised:
        producer.flush()
    assert what in raised.value.what
    assert why in raised.value.what
    assert hint in raised.value.hint
    with pytest.raises(kind):
        producer.put(0, batches(1))


def test_a_topic_that_goes_away(producing):
    wire = FakeWire()
    wire.says[0], wire.topic_there = (3, ""), None
    producer = producing(wire)
    producer.put(0, batches(1))
    with pytest.raises(TopicChanged, match="topic t was deleted while it was being written"):
        producer.flush()


def test_no_acknowledgement_for_long(producing):
    wire = FakeWire()
    wire.says[0] = 19, ""
    producer = producing(wire, **{"delivery.timeout.ms": "300"})
    producer.put(0, batches(2))
    with pytest.raises(KafkaError, match="topic t: 2 batches not acknowledged for"):
        producer.flush()


def test_what_was_acknowledged_and_is_gone(producing):
    """Another leader has less: the copy would have a hole."""
    wire = FakeWire()
    producer = producing(wire)
    producer.put(0, batches(4))
    producer.flush()
    log = wire.logs[0]
    del log.batches[2:]
    log.end, log.producers = log.batches[-1][0] + 2, {producer.lanes[0].producer: [(0, 2, 0)]}
    producer.put(0, batches(1))
    with pytest.raises(KafkaError, match="topic t, partition 0: offsets 3 to 6 are gone, and the broker had"):
        producer.flush()


def test_a_broker_that_forgot_the_producer(producing):
    wire = FakeWire()
    producer = producing(wire)
    first, then = batches(2), batches(4)[2:]
    wanted = [bytes(b.data[61:]) for b in (*first, *then)]
    producer.put(0, first)
    producer.flush()
    wire.logs[0].producers = {producer.lanes[0].producer: [(0, 90, 0)]}  # another number follows
    producer.put(0, then)
    producer.flush()
    assert bodies(wire.logs[0]) == wanted


def test_leaving_waits_only_a_moment(producing, monkeypatch):
    monkeypatch.setattr(raw_produce, "_LEAVING", 0.2)
    wire = FakeWire()
    wire.says[0] = 19, ""
    producer = producing(wire)
    producer.put(0, batches(2))
    while not wire.requests:
        pass
    producer.leave()
    producer.put(0, batches(1))
    producer.flush()
    assert producer.unacknowledged == 1  # the other was not sent
    assert producer.reached == {}


