"""The rows of data files: each format without and with declared columns, and what is refused."""

from __future__ import annotations

import datetime as dt
import io
import random
import uuid
from decimal import Decimal

import fastavro
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kshell.catalog.model import Column
from kshell.errors import BindError
from kshell.formats.file_rows import read_rows
from kshell.types import (
    BIGINT,
    BOOLEAN,
    DATE,
    DOUBLE,
    INTEGER,
    STRING,
    TIME,
    TIMESTAMP,
    decimal,
    ksql_name,
)

MOST = 1 << 20


def read(path, data, *columns, most=MOST):
    return read_rows(path, data, [Column(name, type) for name, type in columns], most)[0]


def parquet(table):
    out = io.BytesIO()
    pq.write_table(table, out)
    return out.getvalue()


def avro(schema, records, codec="null"):
    out = io.BytesIO()
    fastavro.writer(out, schema, records, codec)
    return out.getvalue()


def refused(path, data, *columns, **most):
    with pytest.raises(BindError) as caught:
        read(path, data, *columns, **most)
    return caught.value.what, caught.value.hint


def test_csv_has_types_nulls_and_quotes():
    data = b'\xef\xbb\xbfid,name,born,ok,pay\r\n1,"a ""b""\nc",2020-01-02,true,1.5\n2,,,false,\n3,"",,,2\n'
    rows = read("u.csv", data)
    assert {f.name: ksql_name(f.type) for f in rows.schema} == {
        "id": "BIGINT", "name": "STRING", "born": "DATE", "ok": "BOOLEAN", "pay": "DOUBLE"}
    assert rows.to_pydict() == {
        "id": [1, 2, 3], "name": ['a "b"\nc', None, ""], "born": [dt.date(2020, 1, 2), None, None],
        "ok": [True, False, None], "pay": [1.5, None, 2.0]}


def test_csv_declared_is_strict_and_by_name():
    data = b"Id,zip,at,took,pay,more\n1,007,2026-01-02T03:04:05.123,01:02:03,1.50,x\n"
    rows = read("u.csv", data, ("ZIP", STRING), ("ID", INTEGER), ("AT", TIMESTAMP), ("TOOK", TIME), ("PAY", decimal(4, 2)))
    assert rows.to_pylist() == [{
        "ZIP": "007", "ID": 1, "AT": dt.datetime(2026, 1, 2, 3, 4, 5, 123000), "TOOK": dt.time(1, 2, 3),
        "PAY": Decimal("1.50")}]
    what, _ = refused("u.csv", b"a,id\n1,2\n1,x\n", ("ID", BIGINT))
    assert what == "u.csv, line 3: column id: CSV conversion error to int64: invalid value 'x'"
    assert refused("u.csv", b'id\n"a\nb"\n', ("ID", BIGINT))[0].startswith("u.csv, row 2: column id: ")
    assert refused("u.csv", b"id,n\n1,2\n1,2,3\n")[0] == "u.csv, line 3: Expected 2 columns, got 3: 1,2,3"
    assert refused("u.csv", b"id,name\n1,2\n", ("NAMES", STRING)) == ("u.csv: no column named NAMES", "did you mean name?")
    assert refused("u.csv", b"id\n1\n", ("ID", pa.list_(BIGINT)))[0] == "u.csv: column ID: CSV has no ARRAY<BIGINT>"
    assert refused("u.csv", b"id,id\n1,1\n")[0] == "u.csv: two columns are named id"
    assert refused("u.csv", b"id\n\xff\n")[0] == "u.csv: column id is not UTF-8"
    assert "Empty CSV file" in refused("u.csv", b"")[0]
    assert read("u.csv", b"id,n\n").to_pydict() == {"id": [], "n": []}


def test_csv_keeps_whole_numbers_that_a_double_cannot_hold():
    rows = read("u.csv", b"id,f,g\n12345678901234567890,1.5,1e300\n-1,2,1\n,,\n")
    assert [ksql_name(f.type) for f in rows.schema] == ["DECIMAL(38, 0)", "DOUBLE", "DOUBLE"]
    assert rows.to_pydict() == {"id": [Decimal("12345678901234567890"), Decimal(-1), None], "f": [1.5, 2.0, None], "g": [1e300, 1.0, None]}


def test_csv_names_may_be_quoted_and_have_line_breaks():
    data = b'\xef\xbb\xbf"a\nb","c,d"\n1,2\n'
    assert read("u.csv", data).to_pydict() == {"a\nb": [1], "c,d": [2]}
    assert read("u.csv", data, ("c,d", STRING)).to_pydict() == {"c,d": ["2"]}
    assert "Empty CSV file" in refused("u.csv", b"", ("A", STRING))[0]


JSON_ROWS = [{"id": 1, "o": {"x": [1.5]}, "n": None}, {"id": 2, "o": None, "n": None}]


@pytest.mark.parametrize(("path", "data"), [
    ("u.jsonl", b'{"id":1,"o":{"x":[1.5]},"n":null}\n\n{"id":2}\n'),
    ("u.jsonl", b'\xef\xbb\xbf{"id":1,"o":{"x":[1.5]},"n":null}\n{"id":2}'),
    ("u.ndjson", b'{"id":1,"o":{"x":[1.5]},"n":null}\r\n{"id":2}'),
    ("u.json", b'[{"id":1,"o":{"x":[1.5]},"n":null},\n {"id":2}]\n'),
    ("u.json", b'\xef\xbb\xbf{"id":1,"o":{"x":[1.5]},\n"n":null}\n{"id":2}'),
])  # fmt: skip
def test_json_is_read_as_a_topic_is(path, data):
    rows = read(path, data)
    assert [ksql_name(f.type) for f in rows.schema] == ["BIGINT", "STRUCT<`x` ARRAY<DOUBLE>>", "STRING"]
    assert rows.to_pylist() == JSON_ROWS


def test_json_beyond_the_first_objects_widens_the_types():
    lines = b'{"a":1}\n' * 1500 + b'{"a":"x","b":{"c":2}}\n{"a":9007199254740993}\n'
    rows = read("u.jsonl", lines)
    assert [(f.name, ksql_name(f.type)) for f in rows.schema] == [("a", "STRING"), ("b", "STRUCT<`c` BIGINT>")]
    assert rows.slice(1499).to_pylist() == [
        {"a": "1", "b": None}, {"a": "x", "b": {"c": 2}}, {"a": "9007199254740993", "b": None}]


def test_json_declared_takes_what_a_declared_topic_takes():
    data = b'{"id":"5","Pay":1.10,"o":{"x":1}}\n{"id":6,"pay":2}\n'
    wanted = ("ID", BIGINT), ("PAY", decimal(4, 2)), ("O", pa.struct([("X", INTEGER)]))
    assert read("u.jsonl", data, *wanted).to_pylist() == [
        {"ID": 5, "PAY": Decimal("1.10"), "O": {"X": 1}}, {"ID": 6, "PAY": Decimal("2.00"), "O": None}]
    what, _ = refused("u.jsonl", b'{"id":1}\n\n{"id":"x"}\n', ("ID", BIGINT))
    assert what.startswith("u.jsonl, line 3: ")
    assert refused("u.jsonl", b'{"id":1}\n{"id":2\n')[0].startswith("u.jsonl, line 2: ")
    assert refused("u.json", b'[{"id":1},\n{"id":2\n')[0].startswith("u.json, line ")
    assert refused("u.json", b'[{"id":1}\n{"id":2}]')[0] == "u.json, line 2: a comma is missing between two objects"
    assert refused("u.json", b'[{"id":1}')[0] == "u.json, line 1: the array has no end"
    assert refused("u.json", b'[{"id":1}]\n5')[0] == "u.json, line 2: there is more after the array"
    assert refused("u.json", '["é",\n5]'.encode())[0].startswith("u.json, line 1: ")
    assert refused("u.jsonl", b'{"id":1}\n', ("IDS", BIGINT)) == ("u.jsonl: no column named IDS", "did you mean id?")
    assert read("u.jsonl", b"", ("ID", BIGINT)).num_rows == 0
    assert refused("u.jsonl", b"")[0] == "u.jsonl: it has no objects with fields"


def test_parquet_keeps_its_types_as_ksql_has_them():
    table = pa.table({
        "id": pa.array([1, 2], pa.uint8()), "f": pa.array([0.5, None], pa.float32()),
        "at": pa.array([dt.datetime(2026, 1, 2, 3, 4, 5, 1999)] * 2, pa.timestamp("us", "UTC")),
        "l": pa.array([[1], None], pa.large_list(pa.int16())), "s": pa.array(["a", "b"]).dictionary_encode(),
        "m": pa.array([[("k", 1)], None], pa.map_(pa.string(), pa.int32())),
    })  # fmt: skip
    rows = read("u.parquet", parquet(table))
    assert [ksql_name(f.type) for f in rows.schema] == [
        "INTEGER", "DOUBLE", "TIMESTAMP", "ARRAY<INTEGER>", "STRING", "MAP<STRING, INTEGER>"]
    assert rows.to_pylist()[0] == {
        "id": 1, "f": 0.5, "at": dt.datetime(2026, 1, 2, 3, 4, 5, 1000), "l": [1], "s": "a", "m": [("k", 1)]}
    known = uuid.UUID("12345678-1234-5678-1234-567812345678")
    odd = pa.table({
        "u": pa.array([known.bytes], pa.uuid()), "h": pa.array([1.5], pa.float16()), "n": pa.nulls(1),
        "d": pa.array([Decimal("1.5")], pa.decimal256(50, 1)), "t": pa.array([dt.time(1, 2, 3, 4567)], pa.time64("us")),
        "s": pa.array([{"a": 1}], pa.struct([("a", pa.uint64())])),
    })  # fmt: skip
    rows = read("u.parquet", parquet(odd))
    assert [ksql_name(f.type) for f in rows.schema] == [
        "BYTES", "DOUBLE", "STRING", "DECIMAL(38, 1)", "TIME", "STRUCT<`a` DECIMAL(20, 0)>"]
    assert rows.to_pylist() == [{
        "u": known.bytes, "h": 1.5, "n": None, "d": Decimal("1.5"), "t": dt.time(1, 2, 3, 4000), "s": {"a": Decimal(1)}}]
    assert refused("u.parquet", parquet(pa.table({"d": pa.array([1], pa.duration("s"))})))[0] == (
        "u.parquet: column d: KSQL has no type for duration[s]")
    assert refused("u.parquet", b"PAR1")[0].startswith("u.parquet: ")


def test_parquet_declared_is_strict():
    nested = pa.array([{"City": "x", "n": 1}], pa.struct([("City", pa.string()), ("n", pa.int64())]))
    data = parquet(pa.table({"Id": ["7"], "o": nested, "at": pa.array([1_500], pa.timestamp("us"))}))
    wanted = ("ID", BIGINT), ("O", pa.struct([("CITY", STRING)]))
    assert read("u.parquet", data, *wanted).to_pylist() == [{"ID": 7, "O": {"CITY": "x"}}]
    assert refused("u.parquet", data, ("O", pa.struct([("TOWN", STRING)])))[0] == "u.parquet: no column named TOWN"
    what, hint = refused("u.parquet", data, ("AT", TIMESTAMP))
    assert what.startswith("u.parquet, row 1: column AT is no TIMESTAMP: ")
    assert hint == "declare another type, or mend the file"
    many = parquet(pa.table({"n": ["1"] * 70 + ["x"] + ["2"] * 30}))
    assert refused("u.parquet", many, ("N", BIGINT))[0].startswith("u.parquet, row 71: column N is no BIGINT: ")
    assert refused("u.parquet", many, ("N", BOOLEAN))[0].startswith("u.parquet, row 71: ")


AVRO = {"type": "record", "name": "U", "fields": [
    {"name": "id", "type": "long"}, {"name": "name", "type": ["null", "string"]},
    {"name": "pay", "type": {"type": "bytes", "logicalType": "decimal", "precision": 6, "scale": 2}},
    {"name": "at", "type": {"type": "long", "logicalType": "timestamp-micros"}},
    {"name": "tags", "type": {"type": "map", "values": "int"}},
    {"name": "kind", "type": {"type": "enum", "name": "K", "symbols": ["A", "B"]}},
]}  # fmt: skip


@pytest.mark.parametrize("codec", ["null", "deflate"])
def test_avro_has_the_types_of_its_schema(codec):
    moment = dt.datetime(2026, 1, 2, 3, 4, 5, 1999, tzinfo=dt.UTC)
    record = {"id": 1, "name": None, "pay": Decimal("1.50"), "at": moment, "tags": {"k": 1}, "kind": "B"}
    rows = read("u.avro", avro(AVRO, [record] * 3, codec))
    assert [ksql_name(f.type) for f in rows.schema] == [
        "BIGINT", "STRING", "DECIMAL(6, 2)", "TIMESTAMP", "MAP<STRING, INTEGER>", "STRING"]
    assert rows.num_rows == 3
    assert rows.to_pylist()[2] == {
        "id": 1, "name": None, "pay": Decimal("1.50"), "at": dt.datetime(2026, 1, 2, 3, 4, 5, 1000),
        "tags": [("k", 1)], "kind": "B"}


def test_avro_declared_and_refused():
    data = avro(AVRO, [{"id": 5, "name": "7", "pay": Decimal(1), "at": 0, "tags": {}, "kind": "A"}])
    assert read("u.avro", data, ("NAME", DOUBLE), ("ID", STRING)).to_pylist() == [{"NAME": 7.0, "ID": "5"}]
    assert refused("u.avro", data, ("KIND", DATE))[0].startswith("u.avro, row 1: column KIND is no DATE")
    assert refused("u.avro", avro("long", [1]))[0] == "u.avro: its values are no records"
    assert refused("u.avro", b"Obj\x01")[0].startswith("u.avro: ")
    text = {"type": "record", "name": "U", "fields": [{"name": "u", "type": {"type": "string", "logicalType": "uuid"}}]}
    known = uuid.UUID("12345678-1234-5678-1234-567812345678")
    assert read("u.avro", avro(text, [{"u": known}])).to_pylist() == [{"u": str(known)}]


def test_columns_whose_times_lose_digits_are_named():
    fine, coarse = dt.datetime(2026, 1, 2, 3, 4, 5, 1999), dt.datetime(2026, 1, 2, 3, 4, 5, 1000)
    table = pa.table({"a": [fine], "b": [coarse], "c": [[fine]], "d": [dt.time(1, 2, 3, 1)]})
    assert read_rows("u.parquet", parquet(table), [], MOST)[1] == ("a", "c", "d")
    assert read_rows("u.csv", b"a,b\n2026-01-02T03:04:05.123456,2026-01-02\n", [], MOST)[1] == ("a",)
    schema = {"type": "record", "name": "U", "fields": [
        {"name": name, "type": {"type": "long", "logicalType": "timestamp-micros"}} for name in ("a", "b")]}
    found, cut = read_rows("u.avro", avro(schema, [{"a": fine, "b": coarse}]), [], MOST)
    assert (cut, found.column("a").to_pylist()) == (("a",), [coarse])


@pytest.mark.parametrize(("path", "data"), [
    ("u.avro", avro({"type": "record", "name": "U", "fields": [
        {"name": "id", "type": "long"}, {"name": "name", "type": ["null", "string"]}]},
        [{"id": n, "name": None if n % 2 else "x"} for n in range(40)], "deflate")),
    ("u.parquet", parquet(pa.table({"id": [1, 2, 3] * 20, "l": [[1], [], None] * 20}))),
    ("u.json", b'[{"id":1,"l":[1,{"b":null}]},{"id":2.5}]'), ("u.jsonl", b'{"id":1,"o":{"x":"y"}}\n{"id":2}\n'),
    ("u.csv", b'id,name\n1,"a\nb"\n2,\n'),
])  # fmt: skip
def test_damaged_files_are_refused_or_read(path, data):
    chance = random.Random(7)
    refusals = read_well = 0
    for _ in range(250):
        damaged = bytearray(data)
        for _ in range(chance.randint(1, 4)):
            at = chance.randrange(len(damaged))
            damaged[at : at + chance.randint(0, 3)] = chance.randbytes(chance.randint(0, 2))
        columns = chance.choice(([], [("ID", BIGINT)]))
        try:
            read(path, bytes(damaged), *columns)
        except BindError as error:
            refusals += error.what.startswith(path)
            continue
        read_well += 1
    assert refusals > 50
    assert refusals + read_well == 250


def test_rows_that_need_more_memory_than_may_be_are_refused():
    squeezed = parquet(pa.table({"t": ["x" * 1000] * 5000}))
    assert len(squeezed) < 100_000
    what, hint = refused("u.parquet", squeezed, most=100_000)
    assert what == "u.parquet: its rows have more than 100,000 bytes in memory"
    assert "kshell.file.max.bytes" in hint
    assert read("u.parquet", squeezed, most=6_000_000).num_rows == 5000


def test_another_ending_is_refused():
    assert refused("u.txt", b"a") == (
        "u.txt: its name does not say what it holds", "one of .csv, .json, .jsonl, .ndjson, .parquet, .avro")
