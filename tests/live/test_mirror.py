"""MIRROR between two real clusters: the same records in the same partitions, each once."""

from __future__ import annotations

import time
import uuid

import pytest
from confluent_kafka import Producer as Confluent

import kshell
from kshell.errors import BindError, KafkaError, StatementError, UnknownName
from kshell.kafka.outgoing import OutgoingRecord
from kshell.kafka.settings import librdkafka

from .clusters import name_profile

pytestmark = pytest.mark.live
CODECS = ["none", "gzip", "snappy", "lz4", "zstd"]


@pytest.fixture
def name() -> str:
    return f"m-{uuid.uuid4().hex[:10]}"


def some(n: int, partitions: int = 3) -> list[OutgoingRecord]:
    """Keys, tombstones, empty values, headers twice of a name, times of their own, by partition."""
    return [
        OutgoingRecord(
            None if i % 5 == 0 else b"k%d" % i, (None, b"", b"value %d " % i * 4)[min(i % 7, 2)],
            1_600_000_000_000 + i * 1000, i % partitions,
            [("h", b"%d" % i), ("h", None), ("é", b"\xff")][: i % 4],
        )
        for i in range(n)
    ]  # fmt: skip


@pytest.mark.parametrize("codec", CODECS)
def test_every_record_is_the_same_and_batches_are_as_they_were(prod, here, shell, name, codec):
    prod.create(name, 3)
    prod.send(name, some(3000), codec)
    result = shell.sql(f"MIRROR prod.{name} TO {name}")
    assert result.rows() == [(p, 0, 1000, 1000, b, 0) for p, *_, b, _ in result.rows()]
    assert here.records(name) == prod.records(name)
    assert sum(map(len, here.records(name).values())) == 3000
    assert here.batches(name) == prod.batches(name)
    assert [n.text.split(" (")[0] for n in result.notices] == [f"prod.{name} is topic {name} of profile prod"]


def test_a_missing_topic_is_proposed_with_partitions_and_configs(prod, here, shell, careful, name):
    prod.create(name, 4, retention_ms=123456789, cleanup_policy="compact,delete", message_timestamp_type="LogAppendTime")
    prod.send(name, [OutgoingRecord(b"k", b"v", None, 2)])
    plan = careful.sql(f"MIRROR prod.{name} TO {name}")
    assert set(plan.rows()) >= {
        ("topic", None, name), ("partitions", None, "4"), ("replicas", None, "1"), ("retention.ms", None, "123456789"),
        ("cleanup.policy", None, "compact,delete"), ("message.timestamp.type", None, "CreateTime"),
    }  # fmt: skip
    assert plan.notices[0].kind.value == "PLANNED"
    assert here.client.find(name) is None
    shell.sql(f"MIRROR prod.{name} TO {name}").rows()
    assert here.records(name) == prod.records(name)  # the brokers' times, too
    configs = {key: value for key, value, _ in here.client.configs(name)}
    assert (configs["retention.ms"], len(here.client.topic(name).partitions)) == ("123456789", 4)


def test_explain_plans_and_copies_nothing(prod, here, shell, name):
    """Not even where MIRROR itself asks nobody."""
    prod.create(name, 2)
    prod.send(name, some(10, 2))
    plan = shell.sql(f"EXPLAIN MIRROR prod.{name} TO {name}").parts[0]
    assert ("partitions", None, "2") in plan.rows()
    assert here.client.find(name) is None
    here.create(name, 2)
    for emit in ("", " EMIT CHANGES"):
        plan = shell.sql(f"EXPLAIN MIRROR prod.{name} TO {name}{emit}").parts[0]
        assert [row[:2] for row in plan.rows()] == [(f"offsets in {name}", "0")]
    assert here.records(name) == {0: [], 1: []}
    assert shell.sql(f"MIRROR prod.{name} TO {name}").rows()[0][3] == 5


def test_a_topic_with_records_is_asked_for_and_from_offsets_goes_on(prod, here, shell, careful, name):
    prod.create(name)
    here.create(name)
    prod.send(name, some(10, 1))
    shell.sql(f"MIRROR prod.{name} TO {name}").rows()
    prod.send(name, some(4, 1))
    plan = careful.sql(f"MIRROR prod.{name} TO {name}")
    assert plan.rows() == [(f"offsets in {name}", "10", "up to 14")]
    assert len(here.records(name)[0]) == 10
    assert careful.sql(f"MIRROR prod.{name} TO {name} FROM OFFSETS '0:10'").rows()[0][:4] == (0, 10, 14, 4)
    assert here.records(name) == prod.records(name)
    assert careful.sql(f"MIRROR prod.{name} TO {name} FROM OFFSETS '0:3'").rows()[0][3:] == (11, here_bytes(here, name), 1)
    assert here.records(name)[0][14:] == prod.records(name)[0][3:]  # within a batch


def here_bytes(here, name) -> int:
    snapshot = here.client.snapshot(here.client.topic(name), "read_committed")
    from kshell.kafka.fetch import Fetch

    data = b"".join(bytes(c.records) for c in Fetch(here.client, snapshot, {0: (14, 25)}))
    sizes, at = [], 0
    while at < len(data):
        sizes.append(12 + int.from_bytes(data[at + 8 : at + 12], "big"))
        at += sizes[-1]
    return sum(sizes)


def test_transactions_what_was_aborted_and_what_is_open(prod, here, shell, name):
    prod.create(name, 1)
    producer = Confluent({**librdkafka(prod.properties), "transactional.id": name, "batch.num.messages": 2})
    producer.init_transactions(20)
    for turn in range(6):
        producer.begin_transaction()
        for i in range(5):
            producer.produce(name, b"%d-%d" % (turn, i), b"k", headers=[("t", b"%d" % turn)])
        producer.flush()
        if turn < 5:
            producer.abort_transaction() if turn % 2 else producer.commit_transaction()
    result = shell.sql(f"MIRROR prod.{name} TO {name}")
    assert result.rows()[0][:4] == (0, 0, 30, 15)
    assert result.notices[-1].text == "5 offsets behind an open transaction are not copied"
    wanted = [b"%d-%d" % (turn, i) for turn in (0, 2, 4) for i in range(5)]
    for isolation in ("read_committed", "read_uncommitted"):
        assert [row[2] for row in here.records(name, isolation)[0]] == wanted
    assert here.records(name) == prod.records(name)
    producer.commit_transaction()


def test_a_compacted_topic(prod, here, shell, name):
    prod.create(name, 1, cleanup_policy="compact", segment_ms=100, min_cleanable_dirty_ratio=0.01, delete_retention_ms=1)
    for codec in ("none", "zstd"):
        for _ in range(3):
            prod.send(name, [OutgoingRecord(b"%d" % (i % 50), b"v%d" % i) for i in range(400)], codec)
    deadline = time.monotonic() + 30
    while len(prod.records(name)[0]) > 900 and time.monotonic() < deadline:
        time.sleep(0.1)
        prod.send(name, [OutgoingRecord(b"last", b"roll")])
    held = prod.records(name)[0]
    assert len(held) < 900  # it was compacted
    with kshell.connect(prod.properties["bootstrap.servers"], yes=True) as of_prod:
        of_prod.sql(f"ALTER TOPIC {name} SET 'cleanup.policy'='delete'")
    while (now := prod.records(name)[0]) != held:
        held = now
        time.sleep(0.3)
    row = shell.sql(f"MIRROR prod.{name} TO {name}").rows()[0]
    assert row[5] > 0  # batches with gaps
    assert row[3] == len(held) == here.client.snapshot(here.client.topic(name), "read_committed").offsets[0][1]
    assert here.records(name)[0] == prod.records(name)[0] == held


def test_what_is_refused(prod, here, shell, kafka, name, monkeypatch, tmp_path):
    prod.create(name, 3)
    here.create(name, 2)

    def error(text: str, kind: type, session=shell):
        with pytest.raises(kind) as raised:
            session.sql(text).rows()
        return raised.value

    fewer = error(f"MIRROR prod.{name} TO {name}", BindError)
    assert fewer.what == f"topic {name} has 2 partitions, and prod.{name} has 3: each is copied to that of its number"
    assert fewer.hint == f"ALTER TOPIC {name} PARTITIONS 3"
    assert error(f"MIRROR {name} TO {name}", BindError).what == f"topic {name} cannot be copied to itself"
    assert error(f"MIRROR prod.{name}x TO {name}", UnknownName).hint.startswith(f"did you mean prod.{name}")
    gone = error(f"MIRROR prod.{name} TO prod.{name}2 FROM OFFSETS '1:5'", BindError)
    assert gone.what == f"topic prod.{name}, partition 1: offset 5 is not there, the log ends at 0"
    assert "has no partition 7" in error(f"MIRROR {name} TO prod.x FROM OFFSETS '7:0'", BindError).what
    with kshell.connect(kafka.bootstrap, properties={"kshell.read.only": True}, yes=True) as reader:
        assert "read only" in error(f"MIRROR prod.{name} TO {name}", StatementError, reader).what
    name_profile(monkeypatch, tmp_path, kafka.bootstrap, "careful", "read_only = true\n")
    assert "read only" in error(f"MIRROR prod.{name} TO careful.{name}", StatementError).what


def test_a_batch_that_is_too_large_names_its_place(prod, here, shell, name):
    prod.create(name, 1)
    here.create(name, 1, max_message_bytes=2000)
    prod.send(name, [OutgoingRecord(None, b"small")])
    prod.send(name, [OutgoingRecord(None, b"x" * 5000), OutgoingRecord(None, b"y")])
    with pytest.raises(KafkaError) as raised:
        shell.sql(f"MIRROR prod.{name} TO {name}").rows()
    assert f"topic {name}, partition 0: the batch of the source's offsets 1 to 2 is too large" in raised.value.what
    assert f"ALTER TOPIC {name} SET 'max.message.bytes'=" in raised.value.hint
    assert f"MIRROR prod.{name} TO {name} FROM OFFSETS '0:1' goes on" in raised.value.hint
    assert [row[2] for row in here.records(name)[0]] == [b"small"]


def test_continuous(prod, here, shell, name):
    prod.create(name, 2)
    here.create(name, 2)
    prod.send(name, some(10, 2))
    result = shell.sql(f"MIRROR prod.{name} TO {name} EMIT CHANGES")
    changes = iter(result)
    next(changes)
    prod.send(name, some(6, 2))
    deadline = time.monotonic() + 20
    while sum(map(len, here.records(name).values())) < 16 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert here.records(name) == prod.records(name)
    changes.close()
