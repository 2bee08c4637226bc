"""`kshell datagen`: what is in its records, that a seed repeats them, and what it refuses."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from datetime import date

import jsonschema
import pytest

import kshell
from kshell.config import Properties
from kshell.demo.datagen import QUICKSTARTS, Datagen
from kshell.demo.generators import MAKERS
from kshell.demo.schema_values import SchemaValues
from kshell.errors import BindError, UnknownName, UsageError
from kshell.formats.registry import Remembered, Schema, SchemaType
from kshell.formats.schema_files import read_schema_file

from ..terminal.test_cli import run

NOW = 1_800_000_000_000
ORDER = {
    "type": "record", "name": "Order", "namespace": "shop", "fields": [
        {"name": "id", "type": "long"},
        {"name": "state", "type": {"type": "enum", "name": "State", "symbols": ["NEW", "PAID"]}},
        {"name": "city", "type": ["null", "string"], "default": None},
        {"name": "total", "type": {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}},
        {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "day", "type": {"type": "int", "logicalType": "date"}},
        {"name": "clock", "type": {"type": "int", "logicalType": "time-millis"}},
        {"name": "hash", "type": {"type": "fixed", "name": "H", "size": 4}},
        {"name": "lines", "type": {"type": "array", "items": {"type": "record", "name": "Line", "fields": [
            {"name": "qty", "type": "int"}, {"name": "was", "type": "State"}]}}},
        {"name": "more", "type": {"type": "map", "values": "double"}},
        {"name": "ok", "type": "boolean"}, {"name": "f", "type": "float"}, {"name": "b", "type": "bytes"},
    ],
}  # fmt: skip
PERSON = {
    "type": "object", "required": ["id", "age", "kind", "tags"], "properties": {
        "id": {"type": "integer"}, "age": {"type": "integer", "minimum": 18, "maximum": 20},
        "score": {"type": "number", "minimum": -1, "maximum": 0}, "kind": {"enum": ["a", "b"], "type": "string"},
        "tags": {"type": "array", "items": {"type": "string"}},
        "at": {"type": "object", "required": ["zip"], "properties": {"zip": {"type": "string"}}},
        "old": {"type": "boolean"},
    },
}  # fmt: skip


def schema(node, type=SchemaType.AVRO) -> Schema:
    return Schema(type, json.dumps(node))


def made(kind="", seed="1", format="JSON", of=None, key="", known=None) -> Datagen:
    return Datagen.of(kind, "t", seed, format, of, key, Properties(), known)


def rows(batch) -> list[dict]:
    return [json.loads(value) for value in batch.values.to_pylist()]


@pytest.mark.parametrize("kind", MAKERS)
def test_a_quickstart_writes_the_columns_it_says(kind):
    assert set(QUICKSTARTS) == set(MAKERS)
    batch = made(kind).batch(5, [NOW, NOW + 1])
    names = [field.name for field in QUICKSTARTS[kind]]
    for number, row in enumerate(rows(batch), 5):
        _, value = MAKERS[kind](random.Random(f"1 {number}"), number, NOW + number - 5)
        assert row == value
        assert list(row) == names
    assert batch.timestamps.to_pylist() == [NOW, NOW + 1]
    assert all(batch.keys.to_pylist())


@pytest.mark.parametrize("kind", MAKERS)
def test_the_same_seed_makes_the_same_records_however_they_are_cut(kind):
    times = [NOW + n for n in range(20)]
    whole = made(kind).batch(0, times)
    parts = [made(kind).batch(first, times[first : first + 5]) for first in range(0, 20, 5)]
    assert whole.values.to_pylist() == [v for part in parts for v in part.values.to_pylist()]
    assert whole.values.to_pylist() != made(kind, seed="2").batch(0, times).values.to_pylist()


def test_another_field_is_the_key():
    batch = made("orders", key="orderid").batch(7, [NOW])
    assert batch.keys.to_pylist() == [b"7"]
    with pytest.raises(UnknownName, match="no field named usr") as raised:
        made("orders", key="usr")
    assert "userid" in raised.value.hint
    with pytest.raises(BindError, match="cannot be a key"):
        made("orders", key="address")


def test_records_of_an_avro_schema_are_readable_by_it():
    import io

    import fastavro

    known = Remembered()
    batch = made(format="AVRO", of=schema(ORDER), known=known).batch(0, [NOW] * 200)
    assert known.latest("t-value").schema == schema(ORDER)
    parsed = fastavro.parse_schema(json.loads(json.dumps(ORDER)))
    found = [fastavro.schemaless_reader(io.BytesIO(value[5:]), parsed) for value in batch.values.to_pylist()]
    assert {value[:5] for value in batch.values.to_pylist()} == {b"\0" + known.latest("t-value").id.to_bytes(4, "big")}
    assert [row["id"] for row in found] == list(range(200))
    assert {row["state"] for row in found} == {"NEW", "PAID"} == {line["was"] for row in found for line in row["lines"]}
    assert 0 < sum(row["city"] is None for row in found) < 100
    assert {len(row["hash"]) for row in found} == {4}
    assert all(isinstance(row["day"], date) for row in found)
    assert batch.keys.to_pylist()[:2] == [b"0", b"1"]


def test_records_of_a_json_schema_are_valid_by_it():
    found = rows(made(of=schema(PERSON, SchemaType.JSON)).batch(0, [NOW] * 200))
    for row in found:
        jsonschema.validate({n: v for n, v in row.items() if v is not None}, PERSON)
    assert {row["age"] for row in found} == {18, 19, 20}
    assert 0 < sum(row["score"] is None for row in found) < 100


def test_an_avro_schema_as_json():
    (row,) = rows(made(of=schema(ORDER)).batch(3, [NOW]))
    assert row["id"] == 3
    assert row["state"] in ("NEW", "PAID")


@pytest.mark.parametrize("node", ['"string"', '{"type":"array","items":"int"}', '{"type":"record","name":"R","fields":[]}'])
def test_a_schema_that_is_none_of_records_is_refused(node):
    with pytest.raises(BindError):
        SchemaValues(Schema(SchemaType.AVRO, node))


def test_a_schema_that_refers_to_itself_ends():
    node = {"type": "record", "name": "N", "fields": [{"name": "v", "type": "int"}, {"name": "next", "type": ["null", "N"]}]}
    assert set(SchemaValues(schema(node)).record(random.Random(1), 0, NOW)) == {"v", "next"}


def test_avro_without_a_registry_is_refused():
    with pytest.raises(UsageError, match="Avro needs the schema registry"):
        made("users", format="AVRO")


# The command


def test_it_creates_its_topic_and_ends_at_the_limit(demo):
    done = run("datagen", "clickstream", "-b", demo.bootstrap, "--limit", "3000", "--seed", "7")
    assert (done.returncode, done.stdout) == (0, "")
    assert "Topic clickstream is created." in done.stderr
    assert "clickstream: 3,000 records, " in done.stderr
    with kshell.connect(demo.bootstrap) as session:
        assert session.sql("SELECT COUNT(*), MIN(ROWTIME), COUNT(DISTINCT ip) > 50 FROM clickstream").rows() == [(3000, 1_767_225_600_000, True)]
        first = session.sql("SELECT * FROM clickstream ORDER BY time LIMIT 20").to_arrow()
    again = run("datagen", "clickstream", "-b", demo.bootstrap, "--limit", "3000", "--seed", "7", "--topic", "clicks2")
    assert again.returncode == 0
    with kshell.connect(demo.bootstrap) as session:
        other = session.sql("SELECT * FROM clicks2 ORDER BY time LIMIT 20").to_arrow()
    assert first.num_rows == 20
    assert first.to_pylist() == other.to_pylist()


def test_it_keeps_to_the_rate_and_ctrl_c_ends_it_with_all_acknowledged(demo):
    process = subprocess.Popen(
        [sys.executable, "-m", "kshell", "datagen", "orders", "--topic", "rated", "-b", demo.bootstrap, "--rate", "50"],
        stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    with kshell.connect(demo.bootstrap) as session:
        deadline = time.monotonic() + 20
        while not any(row[0] == "rated" for row in session.sql("SHOW TOPICS").rows()):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        time.sleep(2)
        os.killpg(process.pid, signal.SIGINT)
        _, said = process.communicate(timeout=20)
        assert process.returncode == 130
        ((count, spread),) = session.sql("SELECT COUNT(*), MAX(ROWTIME) - MIN(ROWTIME) FROM rated").rows()
    assert f"rated: {count} records, " in said
    assert count / (spread / 1000) == pytest.approx(50, rel=0.3)


@pytest.mark.parametrize(
    ("arguments", "said", "hint"),
    [
        ((), "takes a kind of records, or --schema FILE", "pageviews | users"),
        (("pageview",), "datagen knows no pageview", "did you mean pageviews?"),
        (("users", "--rate", "0"), "is no number above 0", "--help"),
        (("users", "--format", "XML"), "invalid choice", "--help"),
        (("--schema", "/nowhere.avsc"), "--schema needs --topic", ""),
        (("--schema", "/nowhere.avsc", "--topic", "t"), "cannot be read", ""),
        (("users", "--limt", "3"), "no option --limt", "did you mean --limit?"),
        (("users", "--format", "avro"), "Avro needs the schema registry", "--registry URL"),
    ],
)
def test_the_commands_refusals(arguments, said, hint):
    done = run("datagen", *arguments, "-b", "127.0.0.1:1")
    assert done.returncode == 2
    assert said in done.stderr
    assert hint in done.stderr


def test_a_read_only_connection_is_refused(demo):
    done = run("datagen", "users", "--topic", "never", "-b", demo.bootstrap, "-X", "kshell.read.only=true")
    assert done.returncode == 1
    assert "read only" in done.stderr


def test_a_cluster_that_does_not_answer_is_one_error():
    done = run("datagen", "users", "-b", "127.0.0.1:1", "-X", "kshell.connect.timeout.ms=500")
    assert done.returncode == 3
    assert done.stderr.count("Error:") == 1


@pytest.mark.parametrize(
    ("node", "made"),
    [({"enum": ["a", None, 3]}, {"a", "3"}), ({"enum": [1, 2]}, {"1", "2"}), ({"enum": [1, "x"], "type": "integer"}, {1}), ({"enum": [True]}, {"true"})],
)
def test_an_enum_of_several_types_gives_what_the_column_holds(tmp_path, node, made) -> None:
    file = tmp_path / "s.json"
    file.write_text(json.dumps({"type": "object", "properties": {"e": node}, "required": ["e"]}))
    values = Datagen.of("", "t", "1", "JSON", read_schema_file(str(file)), "", Properties({}), None).batch(0, [1] * 60).values
    assert {json.loads(v)["e"] for v in values.to_pylist()} == made
