"""A sink leaves out the rows that its format cannot hold, and SHOW ERRORS has each of them."""

from __future__ import annotations

import json

import pyarrow as pa
import pytest

from kshell.errors import Unwritable
from kshell.formats.protobuf.pool import load, message_named
from kshell.formats.protobuf.write import Writer
from kshell.formats.registry import Schema, SchemaType
from kshell.results import Message

from .answers import rows_of

PROTO = """syntax = "proto3";
import "google/protobuf/timestamp.proto";
import "google/type/date.proto";
enum E { ZERO = 0; ONE = 1; }
message R {
  int64 n = 1; repeated int64 l = 2; map<string, int64> m = 3; E e = 4; int32 i = 5;
  google.protobuf.Timestamp t = 6; google.type.Date d = 7; repeated R2 r = 8; float f = 9; uint32 u = 10;
}
message R2 { int64 x = 1; }
"""
AVRO = {"type": "record", "name": "R", "fields": [
    {"name": "N", "type": "long"},
    {"name": "L", "type": ["null", {"type": "array", "items": "long"}], "default": None},
    {"name": "M", "type": ["null", {"type": "map", "values": "long"}], "default": None},
    {"name": "E", "type": ["null", {"type": "enum", "name": "E", "symbols": ["ZERO", "ONE"]}], "default": None},
    {"name": "I", "type": ["null", "int"], "default": None},
    {"name": "T", "type": ["null", {"type": "long", "logicalType": "timestamp-nanos"}], "default": None},
    {"name": "F", "type": ["null", "float"], "default": None},
    {"name": "DEC", "type": ["null", {"type": "bytes", "logicalType": "decimal", "precision": 3, "scale": 1}], "default": None},
]}  # fmt: skip
COLUMNS = {
    "L": "ARRAY<BIGINT>", "M": "MAP<STRING, BIGINT>", "E": "STRING", "I": "BIGINT", "T": "TIMESTAMP",
    "D": "DATE", "R": "ARRAY<STRUCT<X BIGINT>>", "F": "DOUBLE", "U": "INT", "DEC": "DECIMAL(10, 2)",
}  # fmt: skip
SCHEMAS = {"PROTOBUF": ("proto", PROTO), "AVRO": ("avsc", json.dumps(AVRO))}


@pytest.fixture
def sink(execute, topic_of, tmp_path, session):
    """Runs records of a JSON topic into a topic of another format; the numbers that came, and errors."""

    def of(format: str, column: str, *records: dict) -> tuple[list[int], list[str], dict]:
        values = [json.dumps({"N": n, **record}) for n, record in enumerate(records)]
        topic = topic_of(*values)
        end, text = SCHEMAS[format]
        file = tmp_path / f"r.{end}"
        file.write_text(text)
        execute(
            f"CREATE STREAM given (N BIGINT, {column} {COLUMNS[column]}) WITH (KAFKA_TOPIC='{topic}', VALUE_FORMAT='JSON');"
            f"CREATE STREAM written WITH (KAFKA_TOPIC='{topic}_out', VALUE_FORMAT='{format}', VALUE_SCHEMA_FILE='{file}') AS SELECT * FROM given EMIT CHANGES;"
        )
        (query,) = session.engine.context.queries.values()
        assert query.catch_up(10), query.failure
        query._producer.flush()
        (shown,) = rows_of(execute("SHOW QUERIES"))
        execute("TERMINATE ALL")
        found = [r["N"] for r in rows_of(execute("SELECT N FROM written ORDER BY N"))]
        answer = execute("SHOW ERRORS")
        errors = [] if isinstance(answer, Message) else [r["reason"] for r in rows_of(answer)]
        return found, errors, shown

    return of


@pytest.mark.parametrize(
    ("format", "column", "good", "bad", "why"),
    [
        ("PROTOBUF", "L", [1], [1, None], "Protobuf has no NULL inside an ARRAY or a MAP"),
        ("PROTOBUF", "R", [{"X": 1}], [None], "Protobuf has no NULL inside an ARRAY or a MAP"),
        ("PROTOBUF", "M", {"a": 1}, {"a": None}, "Protobuf has no NULL inside an ARRAY or a MAP"),
        ("PROTOBUF", "E", "ONE", "TWO", "E has no value 'TWO'"),
        ("PROTOBUF", "I", 1, 2**31, "2147483648 is too large"),
        ("PROTOBUF", "U", 1, -1, "-1 is too large"),
        ("PROTOBUF", "F", 0.5, 1e300, "1e+300 is too large"),
        ("AVRO", "L", [1], [1, None], "L[] is NULL"),
        ("AVRO", "M", {"a": 1}, {"a": None}, "M[] is NULL"),
        ("AVRO", "E", "ONE", "TWO", "'TWO' is no"),
        ("AVRO", "I", 1, 2**31, "2147483648 is no int"),
        ("AVRO", "T", 1, 253402300799999, "is no"),
        ("AVRO", "F", 0.5, 1e300, "1e+300 is no float"),
        ("AVRO", "DEC", 1.5, 1.25, "Decimal('1.25') is no"),
    ],
)
def test_a_value_that_the_format_cannot_hold(sink, format, column, good, bad, why):
    records = [{column: good}] * 40 + [{column: bad}] + [{column: good}, {column: bad}, {column: None}]
    found, errors, shown = sink(format, column, *records)
    assert found == [*range(40), 41, 43]
    assert len(errors) == 2
    assert all(why in error and "_out" in error for error in errors), errors
    assert (shown["written"], shown["unwritten"]) == (42, 2)


@pytest.mark.parametrize(
    ("format", "column", "value"),
    [("PROTOBUF", "T", 253402300799999), ("PROTOBUF", "T", -62135596800000), ("PROTOBUF", "D", 2932896)],
)
def test_the_last_moments_are_written(sink, format, column, value):
    assert sink(format, column, {column: value})[:2] == ([0], [])


def test_a_year_after_9999():
    message = message_named(load(Schema(SchemaType.PROTOBUF, PROTO)), "R")
    writer = Writer(message, [pa.field("D", pa.date32()), pa.field("T", pa.timestamp("ms"))])
    with pytest.raises(Unwritable, match="column D: "):
        writer.write([2932897, None])
    assert writer.write([None, 253402300800000])


def test_all_may_be_unwritable(sink):
    found, errors, _ = sink("PROTOBUF", "L", *[{"L": [None]}] * 5)
    assert (found, len(errors)) == ([], 5)
