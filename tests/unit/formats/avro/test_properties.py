"""Any schema, any value: fastavro and both of kshell's decoders agree, and what is written is read."""

from __future__ import annotations

import datetime
import io
import json
from decimal import Decimal

import fastavro
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kshell import types
from kshell.formats.avro import program
from kshell.formats.avro.parse import load
from kshell.formats.avro.program import Columns
from kshell.formats.avro.schema import avro_text, node_type
from kshell.formats.avro.write import writer
from kshell.formats.registry import Schema, SchemaType
from kshell.types import stored_type

from .common import Topic, datum

EPOCH = datetime.datetime(1970, 1, 1)
TEXT = st.text(st.characters(codec="utf-8"), max_size=12)
INT, LONG = st.integers(-(2**31), 2**31 - 1), st.integers(-(2**63), 2**63 - 1)
FLOAT = st.floats(width=32, allow_nan=False)
MILLIS = st.integers(-(2**45), 2**45)


def same(value):
    return value


def moment(millis):
    return EPOCH + datetime.timedelta(milliseconds=millis)


def clock(millis):
    return (EPOCH + datetime.timedelta(milliseconds=millis)).time()


# schema, values as fastavro takes them with no logical type, what they are in KSQL
LEAVES = [
    ("boolean", st.booleans(), same),
    ("int", INT, same),
    ("long", LONG, same),
    ("float", FLOAT, same),
    ("double", st.floats(allow_nan=False), same),
    ("string", TEXT, same),
    ("bytes", st.binary(max_size=12), same),
    ({"type": "int", "logicalType": "date"}, st.integers(-700_000, 2_900_000), lambda d: moment(d * 86_400_000).date()),
    ({"type": "int", "logicalType": "time-millis"}, st.integers(0, 86_399_999), clock),
    ({"type": "long", "logicalType": "time-micros"}, st.integers(0, 86_399_999_999), lambda v: clock(v // 1000)),
    ({"type": "long", "logicalType": "timestamp-millis"}, MILLIS, moment),
    ({"type": "long", "logicalType": "timestamp-micros"}, st.integers(-(2**55), 2**55), lambda v: moment(v // 1000)),
]  # fmt: skip


@st.composite
def decimals(draw, number):
    precision = draw(st.integers(1, 38))
    scale = draw(st.integers(0, precision))
    unscaled = st.integers(-(10**precision) + 1, 10**precision - 1)
    schema = {"logicalType": "decimal", "precision": precision, "scale": scale}
    if draw(st.booleans()):
        schema |= {"type": "fixed", "name": f"Dec{number}", "size": 17}
        return schema, unscaled.map(lambda n: n.to_bytes(17, "big", signed=True)), _decimal(scale)
    size = draw(st.integers(17, 20))
    least = unscaled.map(lambda n: n.to_bytes(n.bit_length() // 8 + 1, "big", signed=True))
    wide = unscaled.map(lambda n: n.to_bytes(size, "big", signed=True))
    return {**schema, "type": "bytes"}, least | wide, _decimal(scale)


def _decimal(scale):
    return lambda data: Decimal(
        f"{int.from_bytes(data, 'big', signed=True)}E-{scale}"
    )


class Names:
    def __init__(self):
        self.count = 0

    def next(self):
        self.count += 1
        return self.count


@st.composite
def schemas(draw, names, depth=3):
    """A schema, values for it, and what becomes of each."""
    kinds = ["leaf", "leaf", "decimal", "enum", "fixed", "optional"]
    kinds += ["array", "map", "record", "union"] * (depth > 0)
    kind = draw(st.sampled_from(kinds))
    number = names.next()
    if kind == "leaf":
        return draw(st.sampled_from(LEAVES))
    if kind == "decimal":
        return draw(decimals(number))
    if kind == "enum":
        symbols = [f"S{n}" for n in range(draw(st.integers(1, 4)))]
        return {"type": "enum", "name": f"E{number}", "symbols": symbols}, st.sampled_from(symbols), same
    if kind == "fixed":
        size = draw(st.integers(0, 5))
        return {"type": "fixed", "name": f"F{number}", "size": size}, st.binary(min_size=size, max_size=size), same
    if kind == "optional":
        schema, values, become = draw(st.sampled_from(LEAVES) | decimals(number))
        union = ["null", schema] if draw(st.booleans()) else [schema, "null"]
        return union, st.none() | values, lambda v: None if v is None else become(v)
    if kind == "array":
        schema, values, become = draw(schemas(names, depth - 1))
        return {"type": "array", "items": schema}, st.lists(values, max_size=4), lambda v: [become(i) for i in v]
    if kind == "map":
        schema, values, become = draw(schemas(names, depth - 1))
        return (
            {"type": "map", "values": schema},
            st.dictionaries(TEXT, values, max_size=12),
            lambda v: [(k, become(i)) for k, i in v.items()],
        )
    if kind == "record":
        return draw(records(names, depth))
    schema, values, become = draw(records(names, depth))
    name = schema["name"]

    def branch(value):
        whole = {"string": None, "long": None, name: None}
        if value is None:
            return None
        key = "string" if isinstance(value, str) else "long" if isinstance(value, int) else name
        return {**whole, key: become(value) if key == name else value}

    return ["null", "string", schema, "long"], st.none() | TEXT | LONG | values, branch


@st.composite
def records(draw, names, depth):
    inner = draw(st.lists(schemas(names, depth - 1), min_size=1, max_size=4))
    schema = {
        "type": "record", "name": f"R{names.next()}",
        "fields": [{"name": f"f{n}", "type": s} for n, (s, _, _) in enumerate(inner)],
    }  # fmt: skip
    values = st.fixed_dictionaries({f"f{n}": v for n, (_, v, _) in enumerate(inner)})
    becomes = {f"f{n}": b for n, (_, _, b) in enumerate(inner)}
    return schema, values, lambda v: {k: become(v[k]) for k, become in becomes.items()}


@st.composite
def topics(draw):
    schema, values, become = draw(records(Names(), 3))
    return schema, draw(st.lists(values, max_size=6)), become


def _plain(schema):
    """The schema without logical types: fastavro then takes and gives what is written."""
    if isinstance(schema, list):
        return [_plain(s) for s in schema]
    if not isinstance(schema, dict):
        return schema
    made = {k: v for k, v in schema.items() if k not in ("logicalType", "precision", "scale")}
    for key in ("type", "items", "values"):
        if isinstance(made.get(key), dict | list):
            made[key] = _plain(made[key])
    if "fields" in made:
        made["fields"] = [{**f, "type": _plain(f["type"])} for f in made["fields"]]
    return made


def both(columns, payloads, used):
    """What C and Python make of the same bytes, which must be the same."""
    values = pa.array(payloads, pa.binary())
    which = np.zeros(len(payloads), np.int32)
    found = []
    for implementation in {program._avro, None}:
        kept, program._avro = program._avro, implementation
        try:
            array, bad = columns.decode(values, which, [used])
        finally:
            program._avro = kept
        array.validate(full=True)
        found.append((array.to_pylist(), bad))
    assert all(repr(f) == repr(found[0]) for f in found)
    return found[0]


QUICK = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


@QUICK
@given(topics())
def test_what_fastavro_writes_is_read(topic):
    schema, values, become = topic
    node = load(Schema(SchemaType.AVRO, json.dumps(schema)))
    columns = Columns(node_type(node), loose=False)
    plain = _plain(schema)
    rows, bad = both(columns, [datum(plain, v) for v in values], columns.program(node, None, 0))
    assert bad == []
    assert rows == [become(v) for v in values]


@QUICK
@given(topics(), st.data())
def test_some_of_the_columns_are_as_of_all(topic, data):
    schema, values, become = topic
    node = load(Schema(SchemaType.AVRO, json.dumps(schema)))
    fields = data.draw(st.lists(st.sampled_from(list(node_type(node))), unique=True))
    columns = Columns(pa.struct(fields), loose=False)
    plain = _plain(schema)
    rows, bad = both(columns, [datum(plain, v) for v in values], columns.program(node, None, 0))
    assert bad == []
    assert rows == [{f.name: become(v)[f.name] for f in fields} for v in values]


@QUICK
@given(topics(), st.data())
def test_broken_bytes_are_the_same_to_both(topic, data):
    schema, values, _ = topic
    node = load(Schema(SchemaType.AVRO, json.dumps(schema)))
    fields = list(node_type(node))[: data.draw(st.integers(0, 4))]
    columns = Columns(pa.struct(fields), loose=False)
    plain = _plain(schema)
    payloads = []
    for value in values:
        broken = bytearray(datum(plain, value))
        for _ in range(data.draw(st.integers(0, 3))):
            at = data.draw(st.integers(0, len(broken)))
            if data.draw(st.booleans()):
                broken[at : at + 1] = bytes([data.draw(st.sampled_from((0, 1, 2, 3, 127, 128, 255)))])
            else:
                del broken[at : at + data.draw(st.integers(1, 4))]
        payloads.append(bytes(broken))
    both(columns, payloads, columns.program(node, None, 0))


# A KSQL type and its values.
SCALARS = [
    (types.BOOLEAN, st.booleans()),
    (types.INTEGER, INT),
    (types.BIGINT, LONG),
    (types.DOUBLE, st.floats(allow_nan=False)),
    (types.STRING, TEXT),
    (types.BYTES, st.binary(max_size=12)),
    (types.DATE, st.dates()),
    (types.TIME, st.integers(0, 86_399_999).map(clock)),
    (types.TIMESTAMP, MILLIS.map(moment)),
    (types.decimal(38, 10), st.integers(-(10**38) + 1, 10**38 - 1).map(lambda n: Decimal(f"{n}E-10"))),
    (types.decimal(5, 5), st.integers(-99999, 99999).map(lambda n: Decimal(f"{n}E-5"))),
]  # fmt: skip


@st.composite
def typed(draw, depth=2):
    kind = draw(st.sampled_from(["scalar"] * 3 + ["list", "map", "struct"] * (depth > 0)))
    if kind == "scalar":
        return draw(st.sampled_from(SCALARS))
    type, values = draw(typed(depth - 1))
    values = st.none() | values
    if kind == "list":
        return pa.list_(type), st.lists(values, max_size=4)
    if kind == "map":
        pairs = st.dictionaries(TEXT, values, max_size=4).map(lambda d: list(d.items()))
        return pa.map_(types.STRING, type), pairs
    inner = [(type, values), *draw(st.lists(typed(depth - 1), max_size=3))]
    fields = {f"F{n}": st.none() | v for n, (_, v) in enumerate(inner)}
    return pa.struct([(f"F{n}", t) for n, (t, _) in enumerate(inner)]), st.fixed_dictionaries(fields)


@st.composite
def tables(draw):
    columns = draw(st.lists(typed(), min_size=1, max_size=4))
    type = pa.struct([(f"C{n}", t) for n, (t, _) in enumerate(columns)])
    row = st.fixed_dictionaries({f"C{n}": st.none() | v for n, (_, v) in enumerate(columns)})
    return type, draw(st.lists(row, max_size=5))


def _fastavro_form(type, value):
    """A value as fastavro gives it for the schema that ksqlDB writes."""
    if value is None:
        return None
    if pa.types.is_struct(type):
        return {f.name: _fastavro_form(f.type, value[f.name]) for f in type}
    if pa.types.is_list(type):
        return [_fastavro_form(type.value_type, v) for v in value]
    if pa.types.is_map(type):
        return [{"key": k, "value": _fastavro_form(type.item_type, v)} for k, v in value]
    return value.replace(tzinfo=datetime.UTC) if pa.types.is_timestamp(type) else value


@QUICK
@given(tables())
def test_what_is_written_is_read_by_fastavro_and_by_us(table):
    type, rows = table
    text = avro_text(type)
    node = load(Schema(SchemaType.AVRO, text))
    assert node_type(node) == type
    write = writer(node, type)
    payloads = []
    for value in pa.array(rows, type).cast(stored_type(type)).to_pylist():
        out = bytearray()
        write(value, out)
        payloads.append(bytes(out))
    parsed = fastavro.parse_schema(json.loads(text))
    for payload, row in zip(payloads, rows, strict=True):
        stream = io.BytesIO(payload)
        assert fastavro.schemaless_reader(stream, parsed, parsed) == _fastavro_form(type, row)
        assert stream.read() == b""
    columns = Columns(type, loose=True)
    found, bad = both(columns, payloads, columns.program(node, node, 0))
    assert (found, bad) == (rows, [])


@QUICK
@given(tables(), st.data())
def test_what_c_writes_python_writes(table, data):
    type, rows = table
    pytest.importorskip("kshell.formats._write")
    codec = Topic().codec({f.name: f.type for f in type})
    columns = [pa.array([r[f.name] for r in rows], f.type) for f in type]
    gone = pa.array(data.draw(st.lists(st.booleans(), min_size=len(rows), max_size=len(rows))), pa.bool_())
    made = codec.encode(columns, gone)
    made.validate(full=True)
    assert codec._rows is not None
    assert made.to_pylist() == list(codec._encoded(columns, gone, *codec._writer))
    # Parts of longer columns: their buffers begin elsewhere.
    doubled = [pa.concat_arrays([c, c])[len(rows) // 2 : len(rows) // 2 + len(rows)] for c in columns]
    found = codec._rows.write(doubled, gone, codec._writer[0])
    assert found is not None
    assert found.to_pylist() == list(codec._encoded(doubled, gone, *codec._writer))
