"""Topics behind a real schema registry, and topics with schema files: read, told and written.

Confluent's own serializers write what is read here, and their deserializers read what is written.
"""

from __future__ import annotations

import csv
import datetime
import io
import json
import os
import signal
import struct
import subprocess
import sys
import threading
import time
import uuid
from decimal import Decimal

import fastavro
import pytest
from confluent_kafka import Consumer, SerializingProducer
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.schema_registry.json_schema import JSONDeserializer, JSONSerializer
from confluent_kafka.schema_registry.protobuf import ProtobufDeserializer, ProtobufSerializer
from confluent_kafka.serialization import MessageField, SerializationContext, StringSerializer

from kshell.config import Properties
from kshell.errors import KshellError, RegistryDown, UsageError
from kshell.formats.framing import frame, write_indexes
from kshell.kafka.produce import OutgoingRecord, Producer
from kshell.results import NoticeKind, Sections, notices_of
from kshell.session import Session

from . import registry as registries
from .protos import compiled

pytestmark = [
    pytest.mark.live,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]

ORDER = {
    "type": "record", "name": "Order", "namespace": "shop",
    "fields": [
        {"name": "id", "type": "int"},
        {"name": "customer", "type": ["null", "string"], "default": None},
        {"name": "total", "type": {"type": "bytes", "logicalType": "decimal", "precision": 10, "scale": 2}},
        {"name": "placed", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "day", "type": {"type": "int", "logicalType": "date"}},
        {"name": "lines", "type": {"type": "array", "items": {"type": "record", "name": "Line", "fields": [
            {"name": "sku", "type": "string"}, {"name": "qty", "type": "int"}]}}},
        {"name": "tags", "type": {"type": "map", "values": "string"}},
        {"name": "status", "type": {"type": "enum", "name": "Status", "symbols": ["NEW", "PAID"]}},
    ],
}  # fmt: skip
KEY = {"type": "record", "name": "Key", "fields": [
    {"name": "region", "type": "string"}, {"name": "n", "type": "int"}]}  # fmt: skip
PERSON = {
    "$schema": "http://json-schema.org/draft-07/schema#", "title": "Person", "type": "object",
    "properties": {
        "name": {"type": "string"}, "age": {"type": "integer"},
        "address": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}  # fmt: skip
READING = """
syntax = "proto3";
package lab;
message Other { int32 x = 1; }
message Reading {
  string sensor = 1;
  double value = 2;
  repeated int32 raw = 3;
  map<string, int32> counts = 4;
  Unit unit = 5;
  optional int64 missing = 6;
  oneof how { string manual = 7; int64 auto = 8; }
}
enum Unit { NONE = 0; CELSIUS = 1; }
"""


def order(n: int) -> dict:
    return {
        "id": n, "customer": f"c{n}" if n % 2 else None, "total": Decimal(n * 100 + 5).scaleb(-2),
        "placed": datetime.datetime(2026, 1, 2, 3, 4, n, 678000, tzinfo=datetime.UTC),
        "day": datetime.date(2026, 1, 2), "lines": [{"sku": f"s{n}", "qty": n}],
        "tags": {"a": str(n)}, "status": "NEW",
    }  # fmt: skip


def seen(n: int) -> dict:
    """The same as a row."""
    row = order(n)
    return {
        **row, "placed": row["placed"].replace(tzinfo=None), "tags": [("a", str(n))],
    }  # fmt: skip


@pytest.fixture
def theirs(registry) -> SchemaRegistryClient:
    return SchemaRegistryClient({"url": registry.url})


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def shell(kafka, registry):
    """Makes sessions with the registry and more properties; they are closed."""
    made = []

    def open_session(**more: str) -> Session:
        given = {"schema.registry.url": registry.url, "auto.offset.reset": "earliest",
                 "kshell.files": "true",
                 **{n.replace("__", "."): v for n, v in more.items()}}  # fmt: skip
        session = Session(Properties({"bootstrap.servers": kafka.bootstrap, **given}))
        made.append(session)
        return session

    yield open_session
    for session in made:
        session.close()


@pytest.fixture
def send(kafka):
    """Produces values (and keys) with Confluent's serializers."""

    def produce(topic: str, values: list, value, key=None, keys: list | None = None) -> None:
        producer = SerializingProducer(
            {"bootstrap.servers": kafka.bootstrap, "value.serializer": value,
             "key.serializer": key or StringSerializer(), "partitioner": "murmur2_random",
             "log_level": 0}
        )  # fmt: skip
        for number, item in enumerate(values):
            producer.produce(topic, key=keys[number] if keys else f"k{number}", value=item)
        assert producer.flush(20) == 0

    return produce


@pytest.fixture
def raw(properties):
    """Produces bytes."""

    def produce(topic: str, *values: bytes | None, key: bytes | None = None) -> None:
        producer = Producer(properties)
        producer.send(topic, [OutgoingRecord(key, v) for v in values])
        producer.flush()

    return produce


def rows(session: Session, sql: str) -> list[dict]:
    (result,) = session.execute(sql)
    return [row for batch in result.batches for row in batch.to_pylist()]


def live_rows(live, count: int, seconds: float = 10) -> list[dict]:
    found: list[dict] = []
    end = time.monotonic() + seconds
    while len(found) < count and time.monotonic() < end:
        changes = live.poll(0.2)
        if changes is None:
            break
        found += changes.rows.to_pylist()
    live.cancel()
    return found


def told(session: Session, sql: str) -> str:
    """All text of a description."""
    (result,) = session.execute(sql)
    parts = getattr(result, "parts", (result,))
    return "\n".join(p.text for p in parts if hasattr(p, "text"))


def flat(answer) -> list:
    """The parts of a description, and theirs."""
    return [p for part in answer.parts for p in flat(part)] if isinstance(answer, Sections) else [answer]


def section(session: Session, sql: str, title: str) -> list[dict]:
    (result,) = session.execute(sql)
    (part,) = [p for p in flat(result) if getattr(p, "title", "").startswith(title)]
    return [row for batch in part.batches for row in batch.to_pylist()]


def records(kafka, topic: str, count: int) -> list:
    """What the topic holds, by librdkafka."""
    consumer = Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": uuid.uuid4().hex,
                         "auto.offset.reset": "earliest", "enable.auto.commit": False})  # fmt: skip
    consumer.subscribe([topic])
    found: list = []
    end = time.monotonic() + 20
    while len(found) < count and time.monotonic() < end:
        found += consumer.consume(count - len(found), 0.5)
    consumer.close()
    return found


# What others wrote


def test_avro_of_confluent_is_read_bounded_live_printed_and_told(topic, shell, theirs, send):
    name = topic(partitions=2)
    send(name, [order(n) for n in range(6)], AvroSerializer(theirs, json.dumps(ORDER)))
    session = shell()
    assert rows(session, f"SELECT * FROM `{name}` ORDER BY id") == [seen(n) for n in range(6)]
    assert rows(session, f"SELECT lines[1]->sku AS sku, SUM(total) AS t FROM `{name}` WHERE ROWKEY = 'k3' GROUP BY 1") == [
        {"sku": "s3", "t": Decimal("3.05")}]  # fmt: skip
    (live,) = session.execute(f"SELECT id, lines, total FROM `{name}` EMIT CHANGES")
    came = live_rows(live, 6)
    assert sorted(r["id"] for r in came) == list(range(6))
    assert all(r["lines"] == order(r["id"])["lines"] for r in came)
    (printed,) = session.execute(f"PRINT `{name}` FROM BEGINNING LIMIT 6")
    assert {r["key"]: r["value"]["id"] for r in live_rows(printed, 6)} == {
        f"k{n}": n for n in range(6)}  # fmt: skip
    assert "of 6 sampled records 100% are AVRO values (schema id" in told(session, f"DESCRIBE `{name}`")
    columns = section(session, f"DESCRIBE `{name}`", "Columns")
    assert [(c["column"], c["type"]) for c in columns] == [
        ("ROWKEY", "STRING"), ("id", "INTEGER"), ("customer", "STRING"), ("total", "DECIMAL(10, 2)"),
        ("placed", "TIMESTAMP"), ("day", "DATE"), ("lines", "ARRAY<STRUCT<`sku` STRING, `qty` INTEGER>>"),
        ("tags", "MAP<STRING, STRING>"), ("status", "STRING")]  # fmt: skip
    assert {c["column"]: c["present"] for c in columns}["customer"] == "50%"


def test_protobuf_of_confluent_is_read_by_the_message_that_its_records_name(
    topic, shell, theirs, send, tmp_path
):
    name = topic()
    lab = compiled(tmp_path, "lab.proto", READING)
    made = [lab.Reading(sensor=f"s{n}", value=n / 2, raw=[n, n], counts={"k": n}, unit=1, auto=n)
            for n in range(4)]  # fmt: skip
    send(name, made, ProtobufSerializer(lab.Reading, theirs, {"use.deprecated.format": False}))
    session = shell()
    assert rows(session, f"SELECT sensor, value, raw, counts, unit, missing, how_0->auto AS auto FROM `{name}` ORDER BY sensor") == [
        {"sensor": f"s{n}", "value": n / 2, "raw": [n, n], "counts": [("k", n)], "unit": "CELSIUS",
         "missing": None, "auto": n} for n in range(4)]  # fmt: skip
    (live,) = session.execute(f"SELECT sensor, raw FROM `{name}` EMIT CHANGES")
    assert [r["raw"] for r in live_rows(live, 4)] == [[n, n] for n in range(4)]
    assert "PROTOBUF values" in told(session, f"DESCRIBE `{name}`")


def test_json_of_confluent_with_an_avro_key(topic, shell, theirs, send):
    name = topic()
    people = [{"name": f"p{n}", "age": n, "address": {"city": "Rome"}} for n in range(4)]
    send(
        name, people, JSONSerializer(json.dumps(PERSON), theirs),
        AvroSerializer(theirs, json.dumps(KEY)), [{"region": "eu", "n": n} for n in range(4)],
    )  # fmt: skip
    session = shell()
    assert rows(session, f"SELECT * FROM `{name}` ORDER BY age") == people
    assert rows(session, f"SELECT ROWKEY->region AS region, SUM(age) AS s, MAX(address->city) AS c FROM `{name}` GROUP BY 1") == [
        {"region": "eu", "s": 6, "c": "Rome"}]  # fmt: skip
    assert "JSON_SR values" in told(session, f"DESCRIBE `{name}`")
    assert "of their keys are AVRO" in told(session, f"DESCRIBE `{name}`")
    session.execute(f"CREATE STREAM people WITH (KAFKA_TOPIC='{name}', KEY_FORMAT='AVRO', VALUE_FORMAT='JSON_SR')").__next__()
    assert rows(session, "SELECT ROWKEY->N AS n, NAME, ADDRESS->CITY AS city FROM people WHERE AGE = 2") == [
        {"n": 2, "NAME": "p2", "city": "Rome"}]  # fmt: skip


# What others read


COLUMNS = """ID BIGINT, NAME STRING, OK BOOLEAN, X DOUBLE, TOTAL DECIMAL(8, 2), AT TIMESTAMP, DAY DATE,
 CLOCK TIME, RAW BYTES, LIST ARRAY<INT>, DICT MAP<STRING, BIGINT>, NEST STRUCT<A INT, B ARRAY<STRUCT<C STRING>>>"""
VALUES = """7, 'Zoë', true, 1.5, 12.30, '2026-01-02T03:04:05.678', '2026-01-02', '03:04:05',
 TO_BYTES('YWI=', 'base64'), ARRAY[1, 2], MAP('k' := 9), STRUCT(A := 1, B := ARRAY[STRUCT(C := 'x')])"""


def written(shell, topic_name: str, format: str) -> None:
    session = shell()
    list(session.execute(f"CREATE STREAM s ({COLUMNS}) WITH (KAFKA_TOPIC='{topic_name}', VALUE_FORMAT='{format}')"))
    list(session.execute(f"INSERT INTO s VALUES ({VALUES})"))
    assert rows(session, "SELECT NEST->B[1]->C AS c, TOTAL, LIST FROM s") == [
        {"c": "x", "TOTAL": Decimal("12.30"), "LIST": [1, 2]}]  # fmt: skip


def test_confluent_reads_our_avro(topic, shell, theirs, kafka):
    name = topic()
    written(shell, name, "AVRO")
    (record,) = records(kafka, name, 1)
    value = AvroDeserializer(theirs)(record.value(), SerializationContext(name, MessageField.VALUE))
    moment = datetime.datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=datetime.UTC)
    assert value == {
        "ID": 7, "NAME": "Zoë", "OK": True, "X": 1.5, "TOTAL": Decimal("12.30"), "AT": moment,
        "DAY": datetime.date(2026, 1, 2), "CLOCK": datetime.time(3, 4, 5), "RAW": b"ab",
        "LIST": [1, 2], "NEST": {"A": 1, "B": [{"C": "x"}]},
        "DICT": [{"key": "k", "value": 9}],  # as Connect writes maps whose keys may be NULL
    }  # fmt: skip


def test_confluent_reads_our_protobuf(topic, shell, theirs, kafka, tmp_path):
    name = topic()
    written(shell, name, "PROTOBUF")
    text = theirs.get_latest_version(f"{name}-value").schema.schema_str
    (kind,) = vars(compiled(tmp_path, "ours.proto", text)).values()
    (record,) = records(kafka, name, 1)
    # Without the client: it would ask for ?format=serialized, which Apicurio does not know.
    read = ProtobufDeserializer(kind, {"use.deprecated.format": False})
    value = read(record.value(), SerializationContext(name, MessageField.VALUE))
    assert (value.ID, value.NAME, value.OK, value.X, value.RAW) == (7, "Zoë", True, 1.5, b"ab")
    assert (list(value.LIST), value.NEST.A, value.NEST.B[0].C) == ([1, 2], 1, "x")
    assert value.AT.ToJsonString() == "2026-01-02T03:04:05.678Z"
    assert (value.DAY.year, value.DAY.month, value.DAY.day) == (2026, 1, 2)
    assert int.from_bytes(value.TOTAL.value, "big") == 1230


def test_confluent_reads_our_json(topic, shell, theirs, kafka):
    name = topic()
    written(shell, name, "JSON_SR")
    text = theirs.get_latest_version(f"{name}-value").schema.schema_str
    (record,) = records(kafka, name, 1)
    read = JSONDeserializer(text, schema_registry_client=theirs)
    value = read(record.value(), SerializationContext(name, MessageField.VALUE))
    assert (value["ID"], value["NAME"], value["OK"], value["LIST"]) == (7, "Zoë", True, [1, 2])
    assert value["NEST"] == {"A": 1, "B": [{"C": "x"}]}


@pytest.mark.parametrize("format", ["AVRO", "PROTOBUF", "JSON_SR"])
def test_keys_of_every_format_come_back_declared_and_not(topic, shell, format):
    name = topic()
    session = shell()
    list(session.execute(
        f"CREATE STREAM s (K STRUCT<A INT, B STRING> KEY, V ARRAY<INT>) WITH (KAFKA_TOPIC='{name}', FORMAT='{format}')"))
    list(session.execute("INSERT INTO s VALUES (STRUCT(A := 1, B := 'x'), ARRAY[4, 5])"))
    assert rows(session, "SELECT K->A AS a, K->B AS b, V FROM s") == [{"a": 1, "b": "x", "V": [4, 5]}]
    (found,) = rows(session, f"SELECT ROWKEY, V FROM `{name}`")
    inner = found["ROWKEY"].get("K", found["ROWKEY"])  # a Protobuf key is a message around it
    assert (inner, found["V"]) == ({"A": 1, "B": "x"}, [4, 5])
    assert f"of their keys are {format}" in told(session, f"DESCRIBE `{name}`")


def test_an_insert_into_a_topic_uses_the_schema_that_is_there(topic, shell, theirs, send, kafka):
    name = topic()
    serializer = AvroSerializer(theirs, json.dumps(ORDER))
    send(name, [order(1)], serializer)
    session = shell()
    list(session.execute(
        f"INSERT INTO `{name}` (ROWKEY, id, total, placed, day, lines, tags, status) VALUES "
        "('me', 9, 12.5, '2026-01-02T03:04:05', '2026-01-02', ARRAY[STRUCT(sku := 'q', qty := 2)], MAP('a' := 'b'), 'PAID')"))  # fmt: skip
    theirs_read = AvroDeserializer(theirs)
    record = records(kafka, name, 2)[1]
    value = theirs_read(record.value(), SerializationContext(name, MessageField.VALUE))
    assert (record.key(), value["id"], value["status"], value["lines"]) == (
        b"me", 9, "PAID", [{"sku": "q", "qty": 2}])  # fmt: skip
    assert len(theirs.get_versions(f"{name}-value")) == 1
    with pytest.raises(KshellError, match="total is NULL"):
        list(session.execute(f"INSERT INTO `{name}` (id) VALUES (1)"))
    with pytest.raises(KshellError, match="no column named colour"):
        list(session.execute(f"INSERT INTO `{name}` (colour) VALUES (1)"))


# Schemas that change, records that are bad


def test_several_schema_ids_are_one_result(topic, shell, theirs, send):
    name = topic()
    first = {"type": "record", "name": "R", "fields": [
        {"name": "id", "type": "int"}, {"name": "x", "type": "float"}]}  # fmt: skip
    second = {"type": "record", "name": "R", "fields": [
        {"name": "id", "type": "long"}, {"name": "note", "type": "string", "default": "-"},
        {"name": "x", "type": "double"}]}  # fmt: skip
    send(name, [{"id": n, "x": 0.5} for n in range(4)], AvroSerializer(theirs, json.dumps(first)))
    send(name, [{"id": 2**40, "note": "n", "x": 0.1}], AvroSerializer(theirs, json.dumps(second)))
    session = shell()
    found = rows(session, f"SELECT id, x, note FROM `{name}` ORDER BY id DESC LIMIT 2")
    assert [(r["id"], r["x"]) for r in found] == [(2**40, 0.1), (3, 0.5)]
    assert found[0]["note"] == "n"
    ids = section(session, f"DESCRIBE `{name}` EXTENDED", "Schema ids")
    assert [(r["part"], r["kind"], r["records"]) for r in ids] == [("value", "AVRO", 4), ("value", "AVRO", 1)]
    assert ids[0]["schema id"] < ids[1]["schema id"]
    assert [r["first offsets"] for r in ids] == ["0: 0", "0: 4"]
    list(session.execute(f"CREATE STREAM s WITH (KAFKA_TOPIC='{name}', VALUE_FORMAT='AVRO')"))
    assert section(session, "DESCRIBE s EXTENDED", "Schema ids") == ids
    assert rows(session, "SELECT SUM(X) AS s, MAX(ID) AS i FROM s") == [{"s": 2.1, "i": 2**40}]


def test_a_description_that_runs_out_of_time_is_partial(topic, shell, theirs, send, monkeypatch):
    from kshell.engines.local.statements import schema_scan

    name = topic(partitions=2)
    send(name, [{"region": "eu", "n": n} for n in range(9)], AvroSerializer(theirs, json.dumps(KEY)))
    session = shell()
    (whole,) = session.execute(f"DESCRIBE `{name}` EXTENDED")
    assert notices_of(whole) == ()
    monkeypatch.setattr(schema_scan, "_SECONDS", -1.0)
    (part,) = session.execute(f"DESCRIBE `{name}` EXTENDED")
    assert [(n.kind, n.count) for n in notices_of(part)] == [(NoticeKind.PARTIAL, 9)]


def test_bad_records_are_rows_of_show_errors(topic, shell, theirs, send, raw):
    name = topic()
    serializer = AvroSerializer(theirs, json.dumps(KEY))
    send(name, [{"region": "eu", "n": n} for n in range(3)], serializer)
    good = serializer({"region": "eu", "n": 3}, SerializationContext(name, MessageField.VALUE))
    raw(name, b"plain text", b"\0\x7f\xff\xff\xffxx", good + b"more", good[:-1], None)
    session = shell()
    (result,) = session.execute(f"SELECT n FROM `{name}`")
    assert sorted(r["n"] for b in result.batches for r in b.to_pylist() if r["n"] is not None) == [0, 1, 2]
    assert [(n.kind, n.count) for n in result.notices()] == [(NoticeKind.UNDECODABLE, 4)]
    errors = rows(session, "SHOW ERRORS")
    assert [(e["topic"], e["partition"], e["offset"]) for e in errors] == [(name, 0, n) for n in (3, 4, 5, 6)]
    assert errors[0]["bytes"] == b"plain text"
    assert "no schema id in front" in errors[0]["reason"]
    assert "2147483647" in errors[1]["reason"]
    assert all(e["reason"] for e in errors)


# The registry: away, kept, guarded


def test_the_query_waits_for_a_registry_that_is_away_and_a_bounded_one_gives_up(
    topic, shell, theirs, send, registry
):
    name = topic()
    send(name, [{"region": "eu", "n": 1}], AvroSerializer(theirs, json.dumps(KEY)))
    newer = {**KEY, "fields": [*KEY["fields"], {"name": "more", "type": "int", "default": 0}]}
    session = shell(schema__registry__timeout__ms="300", schema__registry__wait__ms="1000")
    follow = {}
    for sql in (f"SELECT n FROM `{name}` EMIT CHANGES", f"PRINT `{name}` FROM BEGINNING"):
        (follow[sql],) = session.execute(sql)
        assert len(live_rows(_uncancelled(follow[sql]), 1)) == 1
    (bounded,) = session.execute(f"SELECT n FROM `{name}`")
    send(name, [{"region": "eu", "n": 2, "more": 3}], AvroSerializer(theirs, json.dumps(newer)))
    registry.pause()
    try:
        for live in follow.values():
            assert live_rows(_uncancelled(live), 1, 1.5) == []
            assert "does not answer" in live.stats().note
        assert [r for b in bounded.batches for r in b.to_pylist()] == [{"n": 1}]  # its end came before
        began = time.monotonic()
        with pytest.raises(RegistryDown, match="does not answer"):
            rows(session, f"SELECT n FROM `{name}`")
        assert time.monotonic() - began < 8
    finally:
        registry.resume()
    for live in follow.values():
        (row,) = live_rows(live, 1)
        assert row.get("n", row.get("value")) in (2, {"region": "eu", "n": 2})
        assert live.stats().note == ""


@pytest.mark.parametrize("comes_back", [True, False])
def test_a_bounded_scan_waits_in_the_middle(topic, shell, theirs, send, registry, comes_back):
    name = topic()
    first = AvroSerializer(theirs, json.dumps(KEY))
    newer = {**KEY, "fields": [*KEY["fields"], {"name": "more", "type": "int", "default": 0}]}
    many = [{"region": "eu", "n": n} for n in range(300)]
    send(name, many, first)  # the samples are of the ends: the schema between is met in the scan
    send(name, [{"region": "eu", "n": 1000, "more": 1}], AvroSerializer(theirs, json.dumps(newer)))
    send(name, many, first)
    session = shell(schema__registry__timeout__ms="200", schema__registry__wait__ms="20000" if comes_back else "500")
    (result,) = session.execute(f"SELECT COUNT(*) AS c, SUM(n) AS s FROM `{name}`")
    notes = []

    def watch() -> None:
        time.sleep(1.5)
        notes.append(result.progress().note)
        if comes_back:
            registry.resume()

    registry.pause()
    thread = threading.Thread(target=watch)
    thread.start()
    try:
        if comes_back:
            found = [r for b in result.batches for r in b.to_pylist()]
            assert found == [{"c": 601, "s": 2 * sum(range(300)) + 1000}]
        else:
            with pytest.raises(RegistryDown, match="does not answer"):
                list(result.batches)
    finally:
        thread.join()
        registry.resume()
    if comes_back:
        assert notes[0].startswith("waiting: the schema registry at")


def _uncancelled(live):
    from dataclasses import replace

    return replace(live, cancel=lambda: None)


def test_a_second_start_asks_the_registry_for_nothing(topic, shell, theirs, send, registry, monkeypatch):
    name = topic()
    send(name, [order(1)], AvroSerializer(theirs, json.dumps(ORDER)))
    assert len(rows(shell(), f"SELECT * FROM `{name}`")) == 1
    registry.pause()
    try:
        session = shell(schema__registry__timeout__ms="300")
        assert rows(session, f"SELECT * FROM `{name}`") == [seen(1)]
        assert "AVRO" in told(session, f"DESCRIBE `{name}`")
    finally:
        registry.resume()


def test_a_guarded_registry_and_its_secrets(kafka, topic, send, capsys):
    with registries.registry("alice", "s3cret!") as guarded:
        theirs = SchemaRegistryClient({"url": guarded.url, "basic.auth.user.info": "alice:s3cret!"})
        name = topic()
        send(name, [{"region": "eu", "n": 1}], AvroSerializer(theirs, json.dumps(KEY)))
        given = {"bootstrap.servers": kafka.bootstrap, "schema.registry.url": guarded.url}
        in_url = guarded.url.replace("http://", "http://alice:s3cret!@")
        for more in ({"schema.registry.basic.auth.user.info": "alice:s3cret!"},
                     {"schema.registry.url": in_url}):  # fmt: skip
            session = Session(Properties({**given, **more}))
            assert rows(session, f"SELECT n FROM `{name}`") == [{"n": 1}]
            shown = json.dumps(rows(session, "SHOW PROPERTIES"))
            session.close()
            assert "s3cret" not in shown + repr(session.properties)
        for wrong in ({}, {"schema.registry.basic.auth.user.info": "alice:gu3ss"},
                      {"schema.registry.bearer.token": "t0ken"}):  # fmt: skip
            os.environ["XDG_CACHE_HOME"] += "x"  # what is kept needs no password
            session = Session(Properties({**given, **wrong}))
            with pytest.raises(KshellError, match="refused us") as error:
                rows(session, f"SELECT n FROM `{name}`")
            session.close()
            text = str(error.value) + error.value.hint + repr(error.value)
            assert "gu3ss" not in text
            assert "t0ken" not in text


# Detection, settings, subjects


def test_detection_without_a_registry_tells_how_to_give_one(topic, theirs, send, session):
    name = topic()
    send(name, [order(1)], AvroSerializer(theirs, json.dumps(ORDER)))
    text = told(session, f"DESCRIBE `{name}`")
    assert "values are behind a schema id" in text
    assert "--registry URL" in text
    assert len(rows(session, f"SELECT VALUE FROM `{name}`")[0]["VALUE"]) > 20


@pytest.mark.parametrize(
    ("values", "format", "first"),
    [
        ([b'{"a":1}', b'{"a":2}', b'{"a":3}', b"oops"], "75% are JSON", 1),
        ([b"caf\xc3\xa9", b"tea"], "100% are KAFKA STRING", "café"),
        ([struct.pack(">i", n) for n in (5, -7)], "100% are KAFKA INTEGER", 5),
        ([struct.pack(">q", n) for n in (5, 2**40)], "100% are KAFKA BIGINT", 5),
        ([struct.pack(">d", n) for n in (0.5, 1e9)], "100% are KAFKA DOUBLE", 0.5),
        ([b"\xff\xfe\x01", b"\xff"], "100% are BYTES", b"\xff\xfe\x01"),
    ],
)
def test_detection_from_bytes(topic, shell, raw, values, format, first):
    name = topic()
    raw(name, *values)
    session = shell()
    assert format in told(session, f"DESCRIBE `{name}`")
    assert next(iter(rows(session, f"SELECT * FROM `{name}` LIMIT 1")[0].values())) == first


def test_what_is_set_of_a_topic_comes_before_what_is_detected(topic, shell, raw, tmp_path, monkeypatch):
    from kshell.config.sources import gather

    name = topic()
    raw(name, b"a;1;2.5", b"b;2;")
    session = shell()
    assert rows(session, f"SELECT * FROM `{name}` LIMIT 1") == [{"VALUE": "a;1;2.5"}]
    list(session.execute(f"SET 'topic.{name}.value.format'='DELIMITED'"))
    list(session.execute(f"SET 'topic.{name}.value.delimiter'=';'"))
    assert rows(session, f"SELECT * FROM `{name}`") == [
        {"C1": "a", "C2": 1, "C3": 2.5}, {"C1": "b", "C2": 2, "C3": None}]  # fmt: skip
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "kshell").mkdir()
    (tmp_path / "kshell" / "config.toml").write_text(f'[profile.lab.topic.{name}]\nvalue.format = "BYTES"\n')
    profile = gather(profile="lab").properties
    bytes_session = shell(**{n.replace(".", "__"): profile[n] for n in profile if n.startswith("topic.")})
    assert rows(bytes_session, f"SELECT VALUE FROM `{name}` LIMIT 1") == [{"VALUE": b"a;1;2.5"}]
    with pytest.raises(UsageError, match="value.format cannot be 'capnproto'"):
        rows(shell(**{f"topic__{name}__value__format": "capnproto"}), f"SELECT * FROM `{name}`")


@pytest.mark.parametrize("strategy", ["record", "topic_record"])
def test_subjects_by_other_strategies(topic, shell, theirs, kafka, strategy):
    name = topic()
    names = {"record": "RecordNameStrategy", "topic_record": "TopicRecordNameStrategy"}
    session = shell(value__subject__name__strategy=names[strategy])
    record = f"shop.R{uuid.uuid4().hex[:6]}"
    list(session.execute(
        f"CREATE STREAM s (A INT) WITH (KAFKA_TOPIC='{name}', VALUE_FORMAT='AVRO', VALUE_AVRO_SCHEMA_FULL_NAME='{record}')"))
    list(session.execute("INSERT INTO s VALUES (5)"))
    subject = record if strategy == "record" else f"{name}-{record}"
    assert json.loads(theirs.get_latest_version(subject).schema.schema_str)["name"] in (record, record.split(".")[1])
    assert rows(session, "SELECT A FROM s") == [{"A": 5}]
    list(session.execute(
        f"CREATE STREAM t WITH (KAFKA_TOPIC='{name}', VALUE_FORMAT='AVRO', VALUE_AVRO_SCHEMA_FULL_NAME='{record}')"))
    assert rows(session, "SELECT A FROM t") == [{"A": 5}]
    id = theirs.get_latest_version(subject).schema_id
    list(session.execute(f"CREATE STREAM u WITH (KAFKA_TOPIC='{name}', VALUE_FORMAT='AVRO', VALUE_SCHEMA_ID={id})"))
    assert rows(session, "SELECT A FROM u") == [{"A": 5}]


# Schema files


FILE_AVRO = {"type": "record", "name": "A", "fields": [
    {"name": "id", "type": "int"}, {"name": "tags", "type": {"type": "array", "items": "string"}}]}  # fmt: skip
FILE_PROTO = 'syntax = "proto3"; package p; message First { int32 f = 1; } message A { int32 id = 1; repeated string tags = 2; }'
FILE_JSON = {"type": "object", "properties": {
    "id": {"type": "integer"}, "tags": {"type": "array", "items": {"type": "string"}}}}  # fmt: skip


def _in_file(kind: str, folder) -> tuple[str, str, str, bytes, bytes]:
    """(file, format, message, payload, what stands between a frame and the payload)."""
    if kind == "avsc":
        (folder / "a.avsc").write_text(json.dumps(FILE_AVRO))
        out = io.BytesIO()
        fastavro.schemaless_writer(out, fastavro.parse_schema(FILE_AVRO), {"id": 7, "tags": ["x"]})
        return str(folder / "a.avsc"), "AVRO", "", out.getvalue(), b""
    if kind == "json":
        (folder / "a.json").write_text(json.dumps(FILE_JSON))
        return str(folder / "a.json"), "JSON_SR", "", b'{"id":7,"tags":["x"]}', b""
    module = compiled(folder, "a.proto", FILE_PROTO)
    file = folder / f"a.{kind}"
    payload = module.A(id=7, tags=["x"]).SerializeToString()
    return str(file), "PROTOBUF", "p.A", payload, write_indexes([1])


@pytest.mark.parametrize("kind", ["avsc", "proto", "desc", "json"])
def test_schema_files_by_setting_and_by_statement_framed_or_not(topic, session, raw, tmp_path, kind):
    file, format, message, payload, between = _in_file(kind, tmp_path)
    bare, framed = topic(), topic()
    raw(bare, payload, payload)
    raw(framed, frame(88, between + payload))
    for name, count in ((bare, 2), (framed, 1)):
        list(session.execute(f"SET 'topic.{name}.value.schema.file'='{file}'"))
        if message:
            list(session.execute(f"SET 'topic.{name}.value.schema.name'='{message}'"))
        assert rows(session, f"SELECT * FROM `{name}`") == [{"id": 7, "tags": ["x"]}] * count
        assert f"100% are {format} values" in told(session, f"DESCRIBE `{name}`")
        more = f", VALUE_SCHEMA_FULL_NAME='{message}'" if message else ""
        list(session.execute("DROP STREAM IF EXISTS s"))
        list(session.execute(
            f"CREATE STREAM s WITH (KAFKA_TOPIC='{name}', VALUE_FORMAT='{format}', VALUE_SCHEMA_FILE='{file}'{more})"))
        assert rows(session, "SELECT ID, TAGS FROM s") == [{"ID": 7, "TAGS": ["x"]}] * count
    if kind != "json":
        list(session.execute(f"INSERT INTO `{bare}` (id, tags) VALUES (8, ARRAY['y'])"))
        assert {"id": 8, "tags": ["y"]} in rows(session, f"SELECT * FROM `{bare}`")


# The command line


def run(kafka, *arguments: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "kshell", "-b", kafka.bootstrap, *arguments]
    done = subprocess.run(command, capture_output=True, timeout=60)
    return subprocess.CompletedProcess(
        command, done.returncode, done.stdout.decode(), done.stderr.decode()
    )  # not text=True, which would make \\n of \\r


def test_options_of_the_command_line(topic, kafka, registry, theirs, send, raw, tmp_path):
    name, by_file = topic(), topic()
    send(name, [{"region": "eu", "n": 1}], AvroSerializer(theirs, json.dumps(KEY)))
    done = run(kafka, "--registry", registry.url, "-e", f"SELECT * FROM `{name}`")
    assert (done.stdout, done.returncode) == ('{"region":"eu","n":1}\n', 0), done.stderr
    file, _, message, payload, _ = _in_file("proto", tmp_path)
    raw(by_file, payload)
    done = run(kafka, "--schema", f"{by_file}={file}#{message}", "-e", f"SELECT * FROM `{by_file}`")
    assert (done.stdout, done.returncode) == ('{"id":7,"tags":["x"]}\n', 0), done.stderr
    done = run(kafka, "--registry", "http://bob:hush@127.0.0.1:1", "-e", f"SELECT * FROM `{name}`")
    assert done.returncode == 3
    assert "http://127.0.0.1:1 does not answer: connection refused" in " ".join(done.stderr.split())
    assert "hush" not in done.stderr


@pytest.mark.parametrize(("output", "delimiter"), [("csv", ","), ("tsv", "\t")])
def test_formulas_are_disarmed_where_asked(topic, kafka, raw, output, delimiter):
    name = topic()
    cells = ["=1+1", "+1", "-1+2", "@SUM(A1)", "\t=1", "\r=1", "plain", "2-1"]
    raw(name, *(json.dumps({"a": c, "n": -5}).encode() for c in cells))
    done = run(kafka, "--csv-safe", "-o", output, "-e", f"SELECT a, n FROM `{name}`")
    if output == "csv":
        table = list(csv.reader(io.StringIO(done.stdout, newline="")))[1:]
        assert [row[0][0] for row in table[:6]] == ["'"] * 6
        assert [row[1] for row in table] == ["-5"] * len(cells)
    else:
        table = [line.split(delimiter) for line in done.stdout.splitlines()[1:]]
        assert [row[0][0] for row in table[:4]] == ["'"] * 4
    assert [row[0] for row in table[6:8]] == ["plain", "2-1"]


def test_the_registry_process_ends(registry):
    assert registry.process is not None
    assert registry.process.poll() is None
    os.kill(registry.process.pid, signal.SIGCONT)


@pytest.mark.parametrize("partitioner", ["murmur2_random", "consistent_random"])
def test_a_key_is_found_whoever_placed_it(topic, kafka, ask, partitioner):
    from confluent_kafka import Producer as Sender

    name = topic(partitions=4)
    sender = Sender({"bootstrap.servers": kafka.bootstrap, "partitioner": partitioner})
    for n in range(40):
        sender.produce(name, key=f"k{n}", value=b'{"n":%d}' % n)
    assert sender.flush(20) == 0
    assert ask(f"SELECT n FROM `{name}` WHERE ROWKEY IN ('k3', 'k17') ORDER BY n") == [{"n": 3}, {"n": 17}]


def test_fields_whose_names_differ_in_case_alone_are_two_columns(topic, raw, ask):
    name = topic()
    raw(name, b'{"a":1,"A":2}')
    assert ask(f"SELECT * FROM `{name}`") == [{"a": 1, "A": 2}]
