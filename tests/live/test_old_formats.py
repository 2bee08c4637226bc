"""Record formats v0 and v1 as a real broker of 2.8 stores them: read as the records that were sent."""

from __future__ import annotations

import uuid

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic

from kshell.config import Properties
from kshell.session import Session

pytestmark = pytest.mark.live
FORMATS = {"0.9.0": 0, "0.10.2": 1}
COUNT = 300


def created(bootstrap: str, **configs: str) -> str:
    name = f"t-{uuid.uuid4().hex[:12]}"
    named = {k.replace("_", "."): v for k, v in configs.items()}
    admin = AdminClient({"bootstrap.servers": bootstrap})  # kept: the call ends with it
    admin.create_topics([NewTopic(name, 1, 1, config=named)])[name].result(10)
    return name


def written(n: int) -> tuple[bytes | None, bytes | None]:
    """The key and the value of the nth record."""
    return (None if n % 7 == 3 else b"k%d" % n), (None if n % 5 == 4 else b'{"N":%d}' % n)


def send(bootstrap: str, topic: str, codec: str, numbers: range) -> None:
    producer = Producer(
        {"bootstrap.servers": bootstrap, "compression.type": codec, "linger.ms": 50, "batch.num.messages": 40}
    )  # fmt: skip
    for n in numbers:
        key, value = written(n)
        producer.produce(topic, key=key, value=value, timestamp=1_000_000 + n)
    assert producer.flush(20) == 0


@pytest.fixture
def ask_2_8(kafka_2_8):
    session = Session(Properties({"bootstrap.servers": kafka_2_8.bootstrap}))

    def rows(sql: str) -> list[dict]:
        (result,) = session.execute(sql)
        return [row for batch in result.batches for row in batch.to_pylist()]

    yield rows
    session.close()


def millis(time) -> int:
    return round(time.timestamp() * 1000) if hasattr(time, "timestamp") else time


@pytest.mark.parametrize("codec", ["none", "gzip", "snappy", "lz4"])
@pytest.mark.parametrize("format", FORMATS)
def test_every_record_is_read(kafka_2_8, ask_2_8, format, codec):
    topic = created(kafka_2_8.bootstrap, message_format_version=format)
    send(kafka_2_8.bootstrap, topic, codec, range(COUNT))
    found = ask_2_8(f"SELECT ROWOFFSET, ROWKEY, N, ROWTIME FROM `{topic}` ORDER BY ROWOFFSET")
    wanted = [(n, k and k.decode(), n if v else None)
              for n in range(COUNT) for k, v in [written(n)]]  # fmt: skip
    assert [(r["ROWOFFSET"], r["ROWKEY"], r["N"]) for r in found] == wanted
    times = [1_000_000 + n if FORMATS[format] else -1 for n in range(COUNT)]
    assert [millis(r["ROWTIME"]) for r in found] == times
    assert ask_2_8(f"SELECT COUNT(*) AS C FROM `{topic}`") == [{"C": COUNT}]
    some = f"SELECT COUNT(*) AS C FROM `{topic}` WHERE ROWOFFSET >= 33 AND ROWOFFSET < 77"
    assert ask_2_8(some) == [{"C": 44}]


def test_a_seek_to_a_time_finds_what_is_there(kafka_2_8, ask_2_8):
    for format, count in (("0.9.0", 0), ("0.10.2", 50)):
        topic = created(kafka_2_8.bootstrap, message_format_version=format)
        send(kafka_2_8.bootstrap, topic, "gzip", range(COUNT))
        query = f"SELECT COUNT(*) AS C FROM `{topic}` WHERE ROWTIME >= {1_000_000 + COUNT - 50}"
        assert ask_2_8(query) == [{"C": count}]


def test_a_continuous_query_says_that_it_leaves_out_records_without_a_time(kafka_2_8):
    topic = created(kafka_2_8.bootstrap, message_format_version="0.9.0")
    send(kafka_2_8.bootstrap, topic, "gzip", range(20))
    session = Session(
        Properties({"bootstrap.servers": kafka_2_8.bootstrap, "auto.offset.reset": "earliest"})
    )
    (live,) = session.execute(f"SELECT N FROM `{topic}` EMIT CHANGES")
    for _ in range(50):
        if live.stats().bad.count:
            break
        live.poll(0.2)
    left_out = live.stats().bad
    assert (left_out.count, left_out.reasons) == (20, ("no time, or one from before 1970",))
    session.close()


def test_a_topic_whose_format_was_raised(kafka_2_8, ask_2_8):
    bootstrap = kafka_2_8.bootstrap
    topic = created(bootstrap, message_format_version="0.9.0")
    admin = AdminClient({"bootstrap.servers": bootstrap})
    for format, numbers in (("0.9.0", range(100)), ("0.10.2", range(100, 200)), ("2.8", range(200, COUNT))):
        resource = ConfigResource("topic", topic, {"message.format.version": format})
        admin.alter_configs([resource])[resource].result(10)
        send(bootstrap, topic, "lz4", numbers)
    assert [r["N"] for r in ask_2_8(f"SELECT N FROM `{topic}` WHERE N IS NOT NULL")] == [
        n for n in range(COUNT) if written(n)[1]
    ]


def test_the_brokers_time(kafka_2_8, ask_2_8):
    topic = created(
        kafka_2_8.bootstrap, message_format_version="0.10.2", message_timestamp_type="LogAppendTime"
    )
    send(kafka_2_8.bootstrap, topic, "gzip", range(COUNT))
    times = {millis(r["ROWTIME"]) for r in ask_2_8(f"SELECT ROWTIME FROM `{topic}`")}
    assert min(times) > 1_700_000_000_000
