"""Chunks of undeclared topics to columns: Kafka's numbers, codecs, bad rows, a registry that is away."""

from __future__ import annotations

import io
import json
import struct
import threading
from dataclasses import replace

import fastavro
import pyarrow as pa
import pytest

from kshell.catalog.model import Column, FormatSpec, Kind, Source
from kshell.config import Properties
from kshell.engines.local.sources import chunks as module
from kshell.engines.local.sources.chunks import Batch, Learns, reader_of
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
def read(monkeypatch):
    """What a scan of the source makes of these values (and keys)."""

    def of(source: Source, names, values, keys=None, schemas=None) -> Batch:
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
        monkeypatch.setattr(module, "schemas_for", lambda *_: schemas)
        reading = reader_of(source, names, Properties({}), learns=Learns.TYPES, sparing=True)
        return reading(0, memoryview(b""), 0, 1, ())

    return of


@pytest.mark.parametrize(
    ("type", "form", "numbers"),
    [(pa.int32(), ">i", [1, -(2**31)]), (pa.int64(), ">q", [-1, 2**62]), (pa.float64(), ">d", [1.5, -0.0])],
)
def test_kafkas_numbers(read, type, form, numbers):
    values = [struct.pack(form, numbers[0]), None, b"odd", b"", struct.pack(form, numbers[1])]
    made = read(source("KAFKA", Column("VALUE", type)), ("VALUE", "ROWOFFSET"), values)
    batch = made.of(("VALUE", "ROWOFFSET"))
    assert batch.column("VALUE").to_pylist() == [numbers[0], None, numbers[1]]
    assert batch.column("ROWOFFSET").to_pylist() == [100, 101, 104]
    wanted = f"bytes where {len(values[0])} are a number"
    assert made.lost == 2
    for record, offset, size in zip(made.bad, (102, 103), (3, 0), strict=True):
        assert (record.offset, record.timestamp, f"{size} {wanted}" in record.reason) == (offset, 5, True)


@pytest.fixture
def known() -> Remembered:
    schemas = Remembered()
    schemas.register("t-value", Schema(SchemaType.AVRO, json.dumps(TEXT)))
    return schemas


def test_a_codecs_columns_keep_their_types_and_bad_ones_their_excerpt(read, known):
    kind = source("AVRO", Column("a", pa.int32()), Column("n", NESTED))
    names = ("n", "ROWKEY", "ROWTIME", "ROWPARTITION")
    values, keys = [avro(1), b"plain", None, avro(2)[:-1], avro(3)], [b"k", b"\xff", None, b"", b"z"]
    made = read(kind, names, values, keys, known)
    assert made.columns["n"].type == NESTED
    assert made.of(names).to_pylist() == [
        {"n": {"x": "y"}, "ROWKEY": "k", "ROWTIME": 5, "ROWPARTITION": 0},
        {"n": None, "ROWKEY": None, "ROWTIME": 5, "ROWPARTITION": 0},
        {"n": {"x": "y"}, "ROWKEY": "z", "ROWTIME": 5, "ROWPARTITION": 0},
    ]
    assert made.lost == 2
    assert [(r.offset, r.excerpt) for r in made.bad] == [(101, b"plain"), (103, avro(2)[:-1])]


def test_json_comes_as_text_where_it_is_nested(read):
    alike = pa.struct([("x", pa.string()), ("X", pa.string())])  # but not where DuckDB cannot
    types = {"n": NESTED, "o": alike}
    kind = replace(source("JSON", *(Column(n, t) for n, t in types.items())), suggested=types)
    made = read(kind, ("n", "o"), [b'{"n": {"x": "y"}, "o": {"X": "1", "x": "2"}}'])
    assert made.columns["n"].to_pylist() == ['{"x": "y"}']
    assert made.columns["o"].to_pylist() == [{"x": "2", "X": "1"}]


def test_a_registry_that_is_away_leaves_no_trace_and_the_same_chunk_is_read_later(read, known, monkeypatch):
    kind, whole = source("AVRO", Column("a", pa.int32())), known.by_id

    def away(id: int) -> Schema:
        raise RegistryDown("away")

    monkeypatch.setattr(known, "by_id", away)
    with pytest.raises(RegistryDown):
        read(kind, ("a",), [b"bad", avro(1)], schemas=known)
    monkeypatch.setattr(known, "by_id", whole)
    made = read(kind, ("a",), [b"bad", avro(1)], schemas=known)
    assert (made.columns["a"].to_pylist(), made.lost, len(made.bad)) == ([1], 1, 1)


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
