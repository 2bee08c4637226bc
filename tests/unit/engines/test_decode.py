"""Chunks of undeclared topics to columns: Kafka's numbers, codecs, bad rows, a registry that is away."""

from __future__ import annotations

import io
import json
import struct
import threading

import fastavro
import pyarrow as pa
import pytest

from kshell.catalog.model import Column, FormatSpec, Kind, Source
from kshell.engines.error_log import ErrorLog
from kshell.engines.local.sources import decode as module
from kshell.engines.local.sources.decode import Decoder
from kshell.engines.local.sources.registry_wait import RegistryWait
from kshell.errors import RegistryDown
from kshell.formats.framing import frame
from kshell.formats.registry import Remembered, Schema, SchemaType
from kshell.kafka.records import Decoded

TEXT = {"type": "record", "name": "R", "fields": [
    {"name": "a", "type": "int"}, {"name": "n", "type": {"type": "record", "name": "N", "fields": [
        {"name": "x", "type": "string"}]}}]}  # fmt: skip
NESTED = pa.struct([("x", pa.string())])


def source(format: str, *columns: Column) -> Source:
    key = (Column("ROWKEY", pa.string()),)
    return Source("t", Kind.STREAM, "t", key, columns, FormatSpec("KAFKA"), FormatSpec(format),
                  declared=False)  # fmt: skip


def avro(a: int) -> bytes:
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(TEXT), {"a": a, "n": {"x": "y"}})
    return frame(1, out.getvalue())


@pytest.fixture
def chunk(monkeypatch):
    """Gives a decoder a chunk of these values (and keys)."""

    def of(decoder: Decoder, values, keys=None) -> tuple[pa.RecordBatch, int]:
        rows = len(values)
        batch = pa.record_batch(
            {
                "offset": pa.array(range(100, 100 + rows), pa.int64()),
                "timestamp": pa.array([5] * rows, pa.int64()),
                "key": pa.array(keys or [None] * rows, pa.binary()),
                "value": pa.array(values, pa.binary()),
            }
        )
        monkeypatch.setattr(module, "decode", lambda *_, **__: Decoded(batch, []))
        made = decoder.batch(0, memoryview(b""), 0, 1, ())
        return made.rows, made.bad

    return of


@pytest.mark.parametrize(
    ("type", "form", "numbers"),
    [(pa.int32(), ">i", [1, -(2**31)]), (pa.int64(), ">q", [-1, 2**62]), (pa.float64(), ">d", [1.5, -0.0])],
)
def test_kafkas_numbers(chunk, type, form, numbers):
    errors = ErrorLog()
    decoder = Decoder(source("KAFKA", Column("VALUE", type)), ("VALUE", "ROWOFFSET"), errors)
    values = [struct.pack(form, numbers[0]), None, b"odd", b"", struct.pack(form, numbers[1])]
    batch, bad = chunk(decoder, values)
    assert batch.column("VALUE").to_pylist() == [numbers[0], None, numbers[1]]
    assert batch.column("ROWOFFSET").to_pylist() == [100, 101, 104]
    assert (bad, [(r.offset, r.reason) for r in errors.rows()]) == (
        2, [(102, f"3 bytes where {len(values[0])} are a number"), (103, f"0 bytes where {len(values[0])} are a number")])  # fmt: skip


@pytest.fixture
def known() -> Remembered:
    schemas = Remembered()
    schemas.register("t-value", Schema(SchemaType.AVRO, json.dumps(TEXT)))
    return schemas


def test_a_codecs_columns_keep_their_types_and_bad_ones_their_excerpt(chunk, known):
    errors = ErrorLog()
    kind = source("AVRO", Column("a", pa.int32()), Column("n", NESTED))
    decoder = Decoder(kind, ("n", "ROWKEY", "ROWTIME", "ROWPARTITION"), errors, known)
    assert decoder.schema().field("n").type == NESTED
    batch, bad = chunk(decoder, [avro(1), b"plain", None, avro(2)[:-1], avro(3)], [b"k", b"\xff", None, b"", b"z"])
    assert batch.schema.equals(decoder.schema())
    assert batch.to_pylist() == [
        {"n": {"x": "y"}, "ROWKEY": "k", "ROWTIME": 5, "ROWPARTITION": 0},
        {"n": None, "ROWKEY": None, "ROWTIME": 5, "ROWPARTITION": 0},
        {"n": {"x": "y"}, "ROWKEY": "z", "ROWTIME": 5, "ROWPARTITION": 0},
    ]
    assert bad == 2
    assert [(r.offset, r.excerpt) for r in errors.rows()] == [(101, b"plain"), (103, avro(2)[:-1])]


def test_json_comes_as_text_where_it_is_nested(chunk):
    decoder = Decoder(source("JSON", Column("n", NESTED)), ("n",), ErrorLog())
    assert decoder.schema().field("n").type == pa.string()
    batch, _ = chunk(decoder, [b'{"n": {"x": "y"}}'])
    assert batch.column("n").to_pylist() == ['{"x": "y"}']


def test_a_registry_that_is_away_leaves_no_trace_and_the_same_chunk_is_read_later(chunk, known, monkeypatch):
    errors = ErrorLog()
    decoder = Decoder(source("AVRO", Column("a", pa.int32())), ("a",), errors, known)
    whole = known.by_id

    def away(id: int) -> Schema:
        raise RegistryDown("away")

    monkeypatch.setattr(known, "by_id", away)
    with pytest.raises(RegistryDown):
        chunk(decoder, [b"bad", avro(1)])
    assert errors.total == 0
    monkeypatch.setattr(known, "by_id", whole)
    batch, bad = chunk(decoder, [b"bad", avro(1)])
    assert (batch.column("a").to_pylist(), bad, errors.total) == ([1], 1, 1)


def test_a_wait_for_the_registry_is_said_and_ends():
    wait = RegistryWait(30)
    tries, notes = [], []

    def work() -> str:
        tries.append(1)
        notes.append(wait.note)
        if len(tries) < 3:
            raise RegistryDown("it is away")
        return "done"

    assert wait.of(work) == "done"
    assert notes == ["", "waiting: it is away", "waiting: it is away"]
    assert wait.note == ""

    def down() -> str:
        raise RegistryDown("it is away")

    with pytest.raises(RegistryDown):
        RegistryWait(0).of(down)
    long = RegistryWait(30)
    threading.Timer(0.1, long.leave).start()
    with pytest.raises(RegistryDown):
        long.of(down)
