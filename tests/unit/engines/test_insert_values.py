"""INSERT INTO … VALUES on the demo broker: key, headers, time, partition, tombstones; partitioners and acks."""

from __future__ import annotations

import uuid

import pytest
from confluent_kafka import Consumer, TopicPartition

from kshell.errors import BindError, KshellError, Unsupported, UsageError

TIME = 1_700_000_000_000


@pytest.fixture
def name() -> str:
    return f"i{uuid.uuid4().hex[:10]}"


@pytest.fixture
def records(demo):
    """The records of a topic as another client reads them: (partition, key, value, time, headers)."""

    def read(topic: str, count: int):
        consumer = Consumer({"bootstrap.servers": demo.bootstrap, "group.id": "none", "log_level": 0})
        consumer.assign([TopicPartition(topic, n, 0) for n in range(4)])
        found = []
        for message in consumer.consume(count, 20):
            assert message.error() is None, message.error()
            place = message.partition(), message.key(), message.value(), message.timestamp()[1], message.headers()
            found.append(place)
        consumer.close()
        return sorted(found, key=lambda row: (row[0], row[3]))

    return read


@pytest.fixture
def raw(topic_of) -> str:
    """A topic of JSON that nobody declared."""
    return topic_of('{"a": 1}')


@pytest.fixture
def declared(execute, name) -> str:
    execute(f"CREATE STREAM {name} (k STRING KEY, v INT) WITH (KAFKA_TOPIC='{name}', VALUE_FORMAT='JSON', PARTITIONS=4);")
    return name


HEADERS = "ARRAY[STRUCT(KEY := 'h', VALUE := 'x'), STRUCT(KEY := 'h', VALUE := ''), STRUCT(KEY := 'n', VALUE := NULL)]"
GIVEN = [("h", b"x"), ("h", b""), ("n", None)]


def test_all_parts_of_a_record_of_an_undeclared_topic(execute, records, raw) -> None:
    execute(f"INSERT INTO {raw} (ROWKEY, a, ROWHEADERS, ROWTIME, ROWPARTITION) VALUES ('k', 2, {HEADERS}, {TIME}, 3);")
    assert records(raw, 2)[-1] == (3, b"k", b'{"a":2}', TIME, GIVEN)


def test_all_parts_of_a_record_of_a_declared_stream(execute, records, declared) -> None:
    execute(f"INSERT INTO {declared} (k, v, ROWHEADERS, ROWTIME, ROWPARTITION) VALUES ('k', 2, {HEADERS}, {TIME}, 3);")
    assert records(declared, 1) == [(3, b"k", b'{"V":2}', TIME, GIVEN)]


def test_headers_may_be_a_map(execute, records, raw, declared) -> None:
    for topic, key in ((raw, "ROWKEY"), (declared, "k")):
        execute(f"INSERT INTO {topic} ({key}, ROWHEADERS, ROWTIME, ROWPARTITION) VALUES ('k', MAP('a' := 'b'), {TIME}, 3);")
        assert records(topic, 2 - (topic is declared))[-1][-1] == [("a", b"b")]


@pytest.mark.parametrize("value", ["NULL", "'{\"b\": 1}'", "TO_BYTES('00ff', 'hex')", "''"])
def test_the_whole_value_and_a_tombstone(execute, records, raw, declared, value) -> None:
    given = value  # DuckDB evaluates what an undeclared topic gets
    expected = {"NULL": None, "''": b""}.get(value, b"\x00\xff" if "hex" in value else b'{"b": 1}')
    for topic, key in ((raw, "ROWKEY"), (declared, "k")):
        value = value.replace("TO_BYTES('00ff', 'hex')", "from_hex('00ff')") if topic is raw else given
        execute(f"INSERT INTO {topic} ({key}, ROWVALUE, ROWTIME, ROWPARTITION) VALUES ('k', {value}, {TIME}, 3);")
        assert records(topic, 2 - (topic is declared))[-1] == (3, b"k", expected, TIME, None)


def test_a_tombstone_ends_a_key_of_a_table(execute, ask, name) -> None:
    execute(f"CREATE TABLE {name} (k STRING PRIMARY KEY, v INT) WITH (KAFKA_TOPIC='{name}', VALUE_FORMAT='JSON', PARTITIONS=1);")
    execute(f"INSERT INTO {name} (k, v) VALUES ('a', 1), ('b', 2);")
    execute(f"INSERT INTO {name} (k, ROWVALUE) VALUES ('a', NULL);")
    assert ask(f"SELECT * FROM {name};") == [{"K": "b", "V": 2}]


@pytest.mark.parametrize(
    ("columns", "values", "said"),
    [
        ("ROWPARTITION", "9", "partition 9"),
        ("ROWPARTITION", "-1", "ROWPARTITION"),
        ("ROWTIME", "-5", "ROWTIME"),
        ("ROWTIME", "'now'", "ROWTIME"),
        ("ROWHEADERS", "'x'", "ROWHEADERS"),
        ("ROWHEADERS", "ARRAY[1]", "ROWHEADERS"),
        ("ROWVALUE", "1.5", "ROWVALUE"),
    ],
)
def test_what_a_pseudo_column_cannot_be_is_refused(execute, raw, declared, columns, values, said) -> None:
    for topic, key in ((raw, "ROWKEY"), (declared, "k")):
        with pytest.raises(BindError, match=said):
            execute(f"INSERT INTO {topic} ({key}, {columns}) VALUES ('k', {values});")


def test_what_cannot_be_evaluated_is_pointed_at(execute, raw) -> None:
    with pytest.raises(KshellError, match="no_such") as raised:
        execute(f"INSERT INTO {raw} (a) VALUES (no_such(1));")
    assert (raised.value.place.line, raised.value.place.column) == (1, 37)


def test_the_whole_value_stands_alone(execute, raw, declared) -> None:
    for topic, key in ((raw, "a"), (declared, "v")):
        with pytest.raises(BindError, match="whole value"):
            execute(f"INSERT INTO {topic} ({key}, ROWVALUE) VALUES (1, NULL);")


def test_an_offset_is_the_brokers(execute, declared) -> None:
    with pytest.raises(BindError, match="not allowed"):
        execute(f"INSERT INTO {declared} (k, ROWOFFSET) VALUES ('k', 1);")


# librdkafka's own examples of hashes: rd_murmur2's test and crc32 of the key.
@pytest.mark.parametrize(
    ("partitioner", "partition"),
    [("murmur2_random", (3496464228 & 0x7FFFFFFF) % 4), ("consistent_random", __import__("zlib").crc32(b"kafka") % 4)],
)
def test_the_key_chooses_the_partition(execute, records, declared, partitioner, partition) -> None:
    execute(f"SET 'partitioner'='{partitioner}';")
    execute(f"INSERT INTO {declared} (k, v) VALUES ('kafka', 2);")
    assert records(declared, 1)[0][0] == partition


def test_round_robin_goes_on_from_statement_to_statement(execute, records, declared) -> None:
    execute("SET 'partitioner'='round_robin';")
    for n in range(2):
        execute(f"INSERT INTO {declared} (k, v) VALUES ('k', {n}), ('k', {n});")
    assert [p for p, *_ in records(declared, 4)] == [0, 1, 2, 3]


@pytest.mark.parametrize("acks", ["0", "1", "all"])
def test_acks_and_what_is_said_of_them(execute, records, declared, acks) -> None:
    execute(f"SET 'acks'='{acks}';")
    said = execute(f"INSERT INTO {declared} (k, v) VALUES ('k', 1);").text
    assert ("not acknowledged" in said) == (acks == "0")
    assert records(declared, 1)[0][1] == b"k"


def test_idempotence_needs_all_acks(execute, declared) -> None:
    execute("SET 'acks'='1', 'enable.idempotence'='true';")
    with pytest.raises(UsageError, match="acks=all"):
        execute(f"INSERT INTO {declared} (k, v) VALUES ('k', 1);")


@pytest.mark.parametrize("named", ["a, a", "a, A", "ROWKEY, a, ROWKEY"])
def test_a_column_that_is_named_twice_is_an_error_at_its_place(execute, records, raw, named) -> None:
    values = ", ".join("'1'" for _ in named.split(","))
    text = f"INSERT INTO {raw} ({named}) VALUES ({values});"
    with pytest.raises(BindError, match="is named twice") as caught:
        execute(text)
    assert caught.value.place.column == text.index(named) + named.rindex(" ") + 2


@pytest.mark.parametrize("text", ["INSERT INTO kafka.lag (a) VALUES (1);", "COPY kafka.lag FROM '{}';"])
def test_the_bare_name_of_a_system_table_is_not_the_topic_of_that_name(execute, demo, tmp_path, text) -> None:
    (tmp_path / "f.jsonl").write_text('{"a": 1}')
    with pytest.raises(Unsupported, match="kafka.lag is a system table"):
        execute(text.format(tmp_path / "f.jsonl"))


def test_a_time_of_0_becomes_1_and_that_is_said(execute, records, raw) -> None:
    answer = execute(f"INSERT INTO {raw} (a, ROWTIME, ROWPARTITION) VALUES (2, 0, 3), (3, 5, 3);")
    assert [time for part, _, _, time, _ in records(raw, 3) if part == 3] == [1, 5]
    assert [n.text for n in answer.notices] == ["1 record of time 0 has time 1: librdkafka takes 0 for now"]
