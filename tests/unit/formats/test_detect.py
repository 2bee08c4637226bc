"""What a topic nobody declared is told to be, from its bytes and from a registry in memory."""

from __future__ import annotations

import io
import json
import struct

import fastavro
import pyarrow as pa
import pytest

from kshell.catalog.model import FormatSpec
from kshell.errors import RegistryDown, UsageError
from kshell.formats.base import Asked, Half
from kshell.formats.detect import detect
from kshell.formats.framing import frame, payloads
from kshell.formats.merge import merged
from kshell.formats.registry import Remembered, Schema, SchemaType

OLD = {"type": "record", "name": "R", "fields": [{"name": "a", "type": "int"}]}
NEW = {"type": "record", "name": "R", "fields": [
    {"name": "b", "type": ["null", "string"], "default": None}, {"name": "a", "type": "long"}]}  # fmt: skip


def datum(schema: dict, value: dict) -> bytes:
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(schema), value)
    return out.getvalue()


def avro(text: dict) -> Schema:
    return Schema(SchemaType.AVRO, json.dumps(text))


@pytest.fixture
def known() -> Remembered:
    schemas = Remembered()
    schemas.register("t-value", avro(OLD))
    schemas.register("t-value", avro(NEW))
    return schemas


def value(schemas, samples, setting=None):
    return detect(Asked("t", Half.VALUE, schemas, setting), samples)


def key(schemas, samples):
    return detect(Asked("t", Half.KEY, schemas), samples)


def types(told) -> list[tuple[str, pa.DataType]]:
    return [(c.name, c.type) for c in told.columns]


def test_ids_that_the_registry_knows_are_a_format_with_merged_columns(known):
    samples = [frame(1, datum(OLD, {"a": 1})), frame(2, datum(NEW, {"b": "x", "a": 2})), None, b"?"]
    told = value(known, samples)
    assert told.format.name == "AVRO"
    assert told.agree == pytest.approx(2 / 3)
    assert types(told) == [("a", pa.int64()), ("b", pa.string())]
    assert {c.name: c.presence for c in told.columns} == {"a": 1.0, "b": 0.5}
    assert told.ids == ((1, 1), (2, 1))


def test_a_key_is_one_column_whatever_its_schema(known):
    told = key(known, [frame(1, datum(OLD, {"a": 1}))])
    assert types(told) == [("ROWKEY", pa.struct([("a", pa.int32())]))]
    assert told.format.options["WRAP_SINGLE_VALUE"] == "false"


def test_without_a_registry_it_is_said_how_to_give_one():
    told = value(None, [frame(3, b"abc"), frame(3, b"defg")])
    assert told.format.name == "BYTES"
    assert "--registry" in told.note
    assert told.ids == ((3, 2),)


def test_ids_that_the_registry_does_not_know_are_said(known):
    told = value(known, [frame(99, b"abcd")] * 3)
    assert told.format.name == "BYTES"
    assert "does not know: 99" in told.note


@pytest.mark.parametrize("numbers", [range(30), range(2**33, 2**33 + 2**29, 2**24), [7, 2**40]])
def test_big_numbers_are_no_schema_ids_though_they_begin_with_zero(known, numbers):
    told = key(known, [struct.pack(">q", n) for n in numbers])
    assert (told.type, told.note) == ("KAFKA BIGINT", "")


def test_a_registry_that_is_down_is_no_registry_that_knows_nothing(known, monkeypatch):
    def down(id: int) -> Schema:
        raise RegistryDown("away")

    monkeypatch.setattr(known, "by_id", down)
    with pytest.raises(RegistryDown):
        value(known, [frame(1, b"x")])


def test_an_empty_topic_has_its_subjects_columns(known):
    told = value(known, [])
    assert (told.format.name, types(told)) == ("AVRO", [("b", pa.string()), ("a", pa.int64())])
    assert value(Remembered(), []).format.name == "NONE"


@pytest.mark.parametrize(
    ("samples", "type", "agree"),
    [
        ([b'{"a":1}', b'{"a":2}', b"no"], "JSON", 2 / 3),
        ([b'{"a":1}', b"no", b"nor"], "KAFKA STRING", 1.0),
        ([b"tea", "Zoë".encode(), b"\xff"], "KAFKA STRING", 2 / 3),
        ([struct.pack(">i", -5)], "KAFKA INTEGER", 1.0),
        ([struct.pack(">d", 1.5), struct.pack(">d", -2e6)], "KAFKA DOUBLE", 1.0),
        ([b"\x00\x01", b"\xff\xfe\xfd"], "BYTES", 1.0),
        ([], "NONE", 1.0),
    ],
)
def test_what_the_bytes_alone_tell(samples, type, agree):
    told = value(None, samples)
    assert (told.type, told.agree) == (type, pytest.approx(agree))


@pytest.mark.parametrize(
    ("setting", "samples", "columns"),
    [
        (FormatSpec("BYTES"), [b"text"], [("VALUE", pa.binary())]),
        (FormatSpec("KAFKA"), [b"text"], [("VALUE", pa.string())]),
        (FormatSpec("DELIMITED", {"DELIMITER": "|"}), [b"a|1|2.5"],
         [("C1", pa.string()), ("C2", pa.int64()), ("C3", pa.float64())]),
        (FormatSpec("JSON"), [b'{"x":true}', b"nonsense", b"nor this"], [("x", pa.bool_())]),
        (FormatSpec("AVRO"), [frame(1, datum(OLD, {"a": 1})), b"x", b"y"], [("a", pa.int32())]),
        (FormatSpec("AVRO", {"SCHEMA_ID": "1"}), [], [("a", pa.int32())]),
    ],
)  # fmt: skip
def test_a_setting_decides(known, setting, samples, columns):
    told = value(known, samples, setting)
    assert (told.format.name, types(told)) == (setting.name, columns)


def test_a_setting_that_cannot_be_is_an_error(known):
    with pytest.raises(UsageError, match="is THRIFT, which needs a schema's file"):
        value(known, [b"x"], FormatSpec("THRIFT"))
    with pytest.raises(UsageError, match="there is no schema registry"):
        value(None, [b"x"], FormatSpec("AVRO"))
    with pytest.raises(UsageError, match="neither its records nor"):
        value(Remembered(), [b"x"], FormatSpec("PROTOBUF"))


@pytest.mark.parametrize(
    ("older", "newer", "both"),
    [
        (pa.int32(), pa.int64(), pa.int64()),
        (pa.float64(), pa.int32(), pa.float64()),
        (pa.binary(), pa.string(), pa.string()),
        (pa.decimal128(5, 2), pa.decimal128(6, 4), pa.decimal128(7, 4)),
        (pa.list_(pa.int32()), pa.list_(pa.float64()), pa.list_(pa.float64())),
        (pa.map_(pa.string(), pa.int32()), pa.map_(pa.string(), pa.int64()), pa.map_(pa.string(), pa.int64())),
        (pa.bool_(), pa.string(), pa.string()),  # nothing holds both: the newer
    ],
)
def test_promotion(older, newer, both):
    assert merged(older, newer) == both
    nested = merged(pa.struct([("f", older), ("x", pa.bool_())]), pa.struct([("y", pa.bool_()), ("f", newer)]))
    assert nested == pa.struct([("f", both), ("x", pa.bool_()), ("y", pa.bool_())])


def test_payloads_of_slices_short_records_and_nulls():
    column = pa.array([b"1234567", b"abc", None, frame(1, b"xyz"), frame(2, b"")], pa.binary())
    assert payloads(column).to_pylist() == [b"67", b"", None, b"xyz", b""]
    assert payloads(column.slice(1, 3)).to_pylist() == [b"", None, b"xyz"]
