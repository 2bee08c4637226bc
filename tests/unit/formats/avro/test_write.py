"""Columns as Avro: the bytes, the schema behind them, and what is refused."""

from __future__ import annotations

import datetime
import io
import json
from decimal import Decimal

import fastavro
import pyarrow as pa
import pytest

from kshell import types
from kshell.catalog.model import Column, FormatSpec
from kshell.errors import BindError, EvaluationError
from kshell.formats.avro.codec import open_avro
from kshell.formats.avro.parse import load
from kshell.formats.avro.schema import node_type
from kshell.formats.avro.write import writer
from kshell.formats.base import Half, Place
from kshell.formats.framing import frame, split_frame
from kshell.formats.registry import Schema, SchemaType

from .common import Topic, record


def written(topic, columns, rows, **more):
    """What the codec writes for rows of values; C and Python write the same."""
    codec = topic.codec(columns, **more)
    arrays = [pa.array([r[i] for r in rows], t) for i, t in enumerate(columns.values())]
    gone = pa.array([False] * len(rows))
    made = codec.encode(arrays, gone).to_pylist()
    prefix, write = codec._writer
    assert made == list(codec._encoded(arrays, gone, prefix, write))
    return made


def logical(base, name, **more):
    return {"type": base, "logicalType": name, **more}


E_SUIT = {"type": "enum", "name": "Suit", "symbols": ["SPADES", "HEARTS"]}
DEC = logical("bytes", "decimal", precision=6, scale=2)
DAY = datetime.date(1970, 1, 11)
NOON = datetime.time(12, 0, 0, 7000)
MOMENT = datetime.datetime(1970, 1, 1, 0, 0, 1, 500000)
INNER = record(("a", "int"), name="Inner")

# KSQL type, value, schema, bytes
VALUES = [
    (types.BOOLEAN, True, "boolean", b"\x01"),
    (types.INTEGER, -1, "int", b"\x01"),
    (types.INTEGER, -1, "long", b"\x01"),
    (types.BIGINT, 64, "int", b"\x80\x01"),
    (types.BIGINT, -(2**63), "long", b"\xff" * 9 + b"\x01"),
    (types.BIGINT, 2, "double", b"\x00\x00\x00\x00\x00\x00\x00\x40"),
    (types.DOUBLE, 1.5, "float", b"\x00\x00\xc0\x3f"),
    (types.STRING, "hé", "string", b"\x06h\xc3\xa9"),
    (types.STRING, "hé", "bytes", b"\x06h\xc3\xa9"),
    (types.STRING, "HEARTS", E_SUIT, b"\x02"),
    (types.STRING, "00010203-0405-0607-0809-0a0b0c0d0e0f",
     {"type": "fixed", "name": "U", "size": 16, "logicalType": "uuid"}, bytes(range(16))),
    (types.BYTES, b"ab", "bytes", b"\x04ab"),
    (types.BYTES, b"ab", {"type": "fixed", "name": "F", "size": 2}, b"ab"),
    (types.decimal(6, 2), Decimal("-1.23"), DEC, b"\x02\x85"),
    (types.decimal(6, 2), Decimal("1.28"), DEC, b"\x04\x00\x80"),
    (types.decimal(6, 2), Decimal("-1.28"), DEC, b"\x02\x80"),
    (types.decimal(9, 4), Decimal("1.2300"), DEC, b"\x02\x7b"),
    (types.decimal(6, 2), Decimal("-1.23"), {**DEC, "type": "fixed", "name": "D", "size": 4}, b"\xff\xff\xff\x85"),
    (types.DATE, DAY, logical("int", "date"), b"\x14"),
    (types.TIME, NOON, logical("int", "time-millis"), b"\x8e\xb8\x99\x29"),
    (types.TIME, NOON, logical("long", "time-micros"), b"\xb0\xad\xde\xee\xc1\x02"),
    (types.TIMESTAMP, MOMENT, logical("long", "timestamp-millis"), b"\xb8\x17"),
    (types.TIMESTAMP, MOMENT, logical("long", "timestamp-micros"), b"\xc0\x8d\xb7\x01"),
    (types.TIMESTAMP, MOMENT, "long", b"\xb8\x17"),
    (types.BIGINT, None, ["null", "long"], b"\x00"),
    (types.BIGINT, 10, ["null", "long"], b"\x02\x14"),
    (types.BIGINT, 10, ["null", "int", "long"], b"\x04\x14"),
    (types.STRING, "x", ["bytes", "string"], b"\x02\x02x"),
    (pa.list_(types.INTEGER), [1, 2], {"type": "array", "items": "int"}, b"\x04\x02\x04\x00"),
    (pa.list_(types.INTEGER), [], {"type": "array", "items": "int"}, b"\x00"),
    (pa.map_(types.STRING, types.INTEGER), [("k", 1)], {"type": "map", "values": "int"}, b"\x02\x02k\x02\x00"),
    (pa.map_(types.STRING, types.INTEGER), [("k", 1)],
     {"type": "array", "items": record(("key", "string"), ("value", ["null", "int"]), name="E")}, b"\x02\x02k\x02\x02\x00"),
    (pa.struct([("A", types.INTEGER)]), {"A": 5}, INNER, b"\x0a"),
    (pa.struct([("int", types.INTEGER), ("inner", pa.struct([("A", types.INTEGER)]))]),
     {"int": None, "inner": {"A": 5}}, ["null", "int", INNER], b"\x04\x0a"),
    (pa.struct([("int", types.INTEGER), ("string", types.STRING)]), None, ["null", "int", "string"], b"\x00"),
]  # fmt: skip


@pytest.mark.parametrize(("type", "value", "schema", "data"), VALUES)
def test_a_columns_value_as_the_schema_has_it(type, value, schema, data):
    topic = Topic()
    id = topic.id(record(("v", schema)))
    (made,) = written(topic, {"V": type}, [[value]], SCHEMA_ID=str(id))
    assert made == frame(id, data)


def is_rare(type, schema):
    """Enums, fixed, numbers as floats, decimals of other digits, unions of records."""
    text = json.dumps(schema)
    floats = schema == "float" or (schema == "double" and type == types.BIGINT)
    digits = schema == DEC and type != types.decimal(6, 2)
    branches = isinstance(schema, list) and pa.types.is_struct(type)
    return floats or digits or branches or "enum" in text or "fixed" in text


@pytest.mark.parametrize(("type", "schema"), [(type, schema) for type, _, schema, _ in VALUES])
def test_python_alone_writes_what_is_rare(type, schema):
    pytest.importorskip("kshell.formats._write")
    topic = Topic()
    codec = topic.codec({"V": type}, SCHEMA_ID=str(topic.id(record(("v", schema)))))
    codec.encode([pa.array([], type)], pa.array([], pa.bool_()))
    assert (codec._rows is None) == is_rare(type, schema)


REFUSED = [
    (types.BIGINT, 2**31, "int", "v: 2147483648 is no int"),
    (types.STRING, "CLUBS", E_SUIT, "v: 'CLUBS' is no Suit"),
    (types.BYTES, b"abc", {"type": "fixed", "name": "F", "size": 2}, "is no F"),
    (types.STRING, "no uuid", {"type": "fixed", "name": "U", "size": 16, "logicalType": "uuid"}, "is no U"),
    (types.decimal(9, 4), Decimal("1.2345"), DEC, "is no bytes"),
    (types.decimal(9, 2), Decimal("10000.00"), DEC, "is no bytes"),
    (types.BIGINT, None, "long", "v is NULL, and the schema has no null there"),
    (types.BIGINT, None, ["int", "long"], "v is NULL, and the schema has no null there"),
    (types.DOUBLE, 1e300, "float", "is no float"),
    (pa.struct([("int", types.INTEGER), ("string", types.STRING)]), {"int": 1, "string": "x"}, ["int", "string"],
     "v must have one field that is not NULL"),
    (types.STRING, "1", "int", "v is STRING, not int"),
    (types.BIGINT, 1, ["null", "string"], "v is BIGINT, not one of null, string"),
    (pa.map_(types.INTEGER, types.INTEGER), [(1, 1)], {"type": "map", "values": "int"}, "not map"),
]  # fmt: skip


@pytest.mark.parametrize(("type", "value", "schema", "why"), REFUSED)
def test_what_the_schema_cannot_hold_is_refused(type, value, schema, why):
    topic = Topic()
    id = topic.id(record(("v", schema)))
    with pytest.raises(EvaluationError, match="Unable to serialize record") as refused:
        written(topic, {"V": type}, [[value]], SCHEMA_ID=str(id))
    assert why in refused.value.what


def test_fields_that_no_column_gives_have_their_defaults():
    topic = Topic()
    id = topic.id(
        record(("o", ["null", "int"]), {"name": "d", "type": "string", "default": "x"}, ("a", "int"))
    )
    (made,) = written(topic, {"A": types.INTEGER}, [[5]], SCHEMA_ID=str(id))
    assert made == frame(id, b"\x00" + b"\x02x" + b"\x0a")
    (made,) = written(topic, {"A": types.INTEGER, "D": types.STRING}, [[5, None]], SCHEMA_ID=str(id))
    assert made == frame(id, b"\x00" + b"\x02x" + b"\x0a")


def test_a_null_stays_null_where_the_schema_has_one_beside_its_default():
    topic = Topic()
    id = topic.id(record({"name": "a", "type": ["int", "null"], "default": 7}))
    assert written(topic, {"A": types.INTEGER}, [[None]], SCHEMA_ID=str(id)) == [frame(id, b"\x02")]


def test_columns_and_fields_that_do_not_meet_are_told():
    topic = Topic()
    id = topic.id(record(("a", "int"), ("b", "int")))
    with pytest.raises(EvaluationError, match="no column for its field b, which has no default"):
        written(topic, {"A": types.INTEGER}, [[5]], SCHEMA_ID=str(id))
    with pytest.raises(EvaluationError, match="it has no field for C"):
        written(topic, dict.fromkeys("ABC", types.INTEGER), [[1, 2, 3]], SCHEMA_ID=str(id))
    topic.schemas.put("x", Schema(SchemaType.JSON, "{}"), 9)
    with pytest.raises(BindError, match="schema 9 is JSON, not AVRO"):
        written(topic, {"A": types.INTEGER}, [[5]], SCHEMA_ID="9")


def test_the_schema_of_the_columns_is_registered_once():
    topic = Topic()
    for _ in range(2):
        rows = written(topic, {"A": types.BIGINT}, [[1], [None]])
    assert rows == [frame(1, b"\x02\x02"), frame(1, b"\x00")]
    assert topic.schemas.latest("t-value").version == 1
    assert json.loads(topic.schemas.by_id(1).text)["name"] == "KsqlDataSourceSchema"


def test_a_topic_that_nobody_declared_keeps_its_schema():
    topic = Topic()
    id = topic.id(record(("a", "long"), name="Mine"))
    assert written(topic, {"a": types.BIGINT}, [[1]], loose=False) == [frame(id, b"\x02")]
    other = written(topic, {"b": types.BIGINT}, [[1]], loose=False)
    assert split_frame(other[0])[0] != id


def test_the_schemas_name_is_the_one_that_is_given():
    topic = Topic()
    written(topic, {"A": types.BIGINT}, [[1]], SCHEMA_FULL_NAME="com.acme.Order")
    made = json.loads(topic.schemas.by_id(1).text)
    assert (made["namespace"], made["name"]) == ("com.acme", "Order")


def test_a_keys_record_is_called_by_its_source():
    topic = Topic()
    columns = (Column("A", types.BIGINT), Column("B", types.BIGINT))
    place = Place("t", Half.KEY, FormatSpec("AVRO"), columns, schemas=topic.schemas, source="MY_ORDERS")
    one = pa.array([1], types.BIGINT)
    open_avro(place).encode([one, one], pa.array([False]))
    made = json.loads(topic.schemas.latest("t-key").schema.text)
    assert (made["namespace"], made["name"]) == ("io.confluent.ksql.avro_schemas", "MyOrdersKey")


def test_rows_that_are_gone_have_no_bytes():
    topic = Topic()
    codec = topic.codec({"A": types.BIGINT})
    found = codec.encode([pa.array([1, 2], types.BIGINT)], pa.array([True, False]))
    assert found.to_pylist() == [None, frame(1, b"\x02\x04")]


def test_an_unwrapped_null_has_no_bytes():
    topic = Topic()
    assert written(topic, {"A": types.BIGINT}, [[None], [3]], wrapped=False) == [None, frame(1, b"\x02\x06")]


def test_a_file_is_written_without_a_frame(tmp_path):
    file = tmp_path / "r.avsc"
    file.write_text(json.dumps(record(("a", "long"))))
    topic = Topic()
    topic.schemas = None
    assert written(topic, {"A": types.BIGINT}, [[5]], SCHEMA_FILE=str(file)) == [b"\x0a"]


ROW = {
    "I": (types.INTEGER, 7),
    "L": (types.BIGINT, -(2**60)),
    "D": (types.DOUBLE, 0.25),
    "B": (types.BOOLEAN, True),
    "S": (types.STRING, "hé"),
    "Y": (types.BYTES, b"\xff"),
    "N": (types.decimal(10, 2), Decimal("-12345.67")),
    "DAY": (types.DATE, DAY),
    "TS": (types.TIMESTAMP, MOMENT),
    "LIST": (pa.list_(types.INTEGER), [1, None]),
    "REC": (pa.struct([("X", types.INTEGER)]), {"X": None}),
    "MAP": (pa.map_(types.STRING, types.DOUBLE), [("k", 1.5)]),
}
IN_FASTAVRO = {
    "I": 7, "L": -(2**60), "D": 0.25, "B": True, "S": "hé", "Y": b"\xff", "N": Decimal("-12345.67"),
    "DAY": DAY, "TS": MOMENT.replace(tzinfo=datetime.UTC), "LIST": [1, None], "REC": {"X": None},
    "MAP": [{"key": "k", "value": 1.5}],
}  # fmt: skip


def test_fastavro_reads_what_is_written():
    topic = Topic()
    (made,) = written(topic, {k: t for k, (t, _) in ROW.items()}, [[v for _, v in ROW.values()]])
    id, payload = split_frame(made)
    schema = fastavro.parse_schema(json.loads(topic.schemas.by_id(id).text))
    stream = io.BytesIO(payload)
    assert fastavro.schemaless_reader(stream, schema, schema) == IN_FASTAVRO
    assert stream.read() == b""


class ConfluentRegistry:
    """`Schemas` over confluent_kafka's own registry client."""

    def __init__(self, client):
        self._client = client

    def by_id(self, id):
        return Schema(SchemaType.AVRO, self._client.get_schema(id).schema_str)

    def latest(self, subject):
        return None

    def register(self, subject, schema):
        from confluent_kafka.schema_registry import Schema as Theirs

        return self._client.register_schema(subject, Theirs(schema.text, "AVRO"))

    def subject(self, topic, half, record=""):
        return f"{topic}-{half}"


@pytest.fixture
def confluent():
    from confluent_kafka.schema_registry import SchemaRegistryClient

    return SchemaRegistryClient.new_client({"url": "mock://avro"})


def test_confluents_deserializer_reads_what_is_written(confluent):
    from confluent_kafka.schema_registry.avro import AvroDeserializer
    from confluent_kafka.serialization import MessageField, SerializationContext

    topic = Topic()
    topic.schemas = ConfluentRegistry(confluent)
    (made,) = written(topic, {k: t for k, (t, _) in ROW.items()}, [[v for _, v in ROW.values()]])
    found = AvroDeserializer(confluent)(made, SerializationContext("t", MessageField.VALUE))
    assert found == IN_FASTAVRO


def test_what_confluents_serializer_writes_is_read(confluent):
    from confluent_kafka.schema_registry.avro import AvroSerializer
    from confluent_kafka.serialization import MessageField, SerializationContext

    schema = record(("id", "long"), ("at", logical("long", "timestamp-millis")), ("n", ["null", DEC]))
    serialize = AvroSerializer(confluent, json.dumps(schema))
    value = {"id": 5, "at": MOMENT.replace(tzinfo=datetime.UTC), "n": Decimal("1.25")}
    made = serialize(value, SerializationContext("t", MessageField.VALUE))
    topic = Topic()
    topic.schemas = ConfluentRegistry(confluent)
    columns = {"ID": types.BIGINT, "AT": types.TIMESTAMP, "N": types.decimal(6, 2)}
    found = topic.codec(columns).decode(pa.array([made], pa.binary()), list(columns))
    assert [c[0].as_py() for c in found.columns] == [5, MOMENT, Decimal("1.25")]


def test_a_record_that_is_cut_is_written_only_where_it_is_null():
    schema = json.dumps(record(("v", "int"), ("next", ["null", "N"]), name="N"))
    node = load(Schema(SchemaType.AVRO, schema))
    write = writer(node, node_type(node, marks=True))
    out = bytearray()
    write({"v": 1, "next": {"v": 2, "next": None}}, out)
    assert out == b"\x02\x02\x04\x00"
    with pytest.raises(EvaluationError, match="next: '…' is no N"):
        write({"v": 1, "next": {"v": 2, "next": "…"}}, bytearray())
