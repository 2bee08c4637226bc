"""Mutated Avro records of many shapes; a fifth of them is held against the decoder in Python."""

from __future__ import annotations

import io
import json
import random
from collections.abc import Callable
from typing import Any

import fastavro
import numpy as np
import pyarrow as pa

from kshell.formats.avro import program
from kshell.formats.avro.parse import load
from kshell.formats.avro.program import Columns
from kshell.formats.avro.schema import node_type
from kshell.formats.registry import Schema, SchemaType
from kshell.types import stored_type

from .mutate import mutate

_FLAT = {"type": "record", "name": "Flat", "fields": [
    {"name": "a", "type": "long"}, {"name": "b", "type": ["null", "string"]},
    {"name": "c", "type": "double"}, {"name": "d", "type": "boolean"},
    {"name": "e", "type": ["int", "null"]}, {"name": "f", "type": "float"}]}  # fmt: skip
_POINT = {"type": "record", "name": "Point", "fields": [
    {"name": "x", "type": "int"}, {"name": "y", "type": ["null", "string"]}]}  # fmt: skip
_DEEP = {"type": "record", "name": "Deep", "fields": [
    {"name": "list", "type": {"type": "array", "items": _POINT}},
    {"name": "map", "type": {"type": "map", "values": ["null", {"type": "array", "items": "long"}]}},
    {"name": "union", "type": ["null", "string", "Point", {"type": "map", "values": "Point"}]},
    {"name": "entries", "type": {"type": "array", "items": {"type": "record", "name": "Entry",
        "fields": [{"name": "key", "type": ["null", "int"]}, {"name": "value", "type": "string"}]}}},
    {"name": "enum", "type": {"type": "enum", "name": "Enum", "symbols": ["A", "BB", "CCC"]}},
    {"name": "fixed", "type": {"type": "fixed", "name": "Fixed", "size": 5}},
    {"name": "dec", "type": {"type": "bytes", "logicalType": "decimal", "precision": 30, "scale": 5}},
    {"name": "at", "type": {"type": "long", "logicalType": "timestamp-micros"}},
    {"name": "time", "type": {"type": "int", "logicalType": "time-millis"}},
    {"name": "nothing", "type": {"type": "array", "items": "null"}},
    {"name": "lists", "type": {"type": "array", "items": {"type": "array", "items": "boolean"}}}]}  # fmt: skip
_TREE = {"type": "record", "name": "Tree", "fields": [
    {"name": "v", "type": "int"}, {"name": "kids", "type": {"type": "array", "items": "Tree"}},
    {"name": "up", "type": ["null", "Tree"]}, {"name": "by", "type": {"type": "map", "values": "Tree"}}]}  # fmt: skip


def _flat(chance: random.Random) -> Any:
    return {"a": chance.getrandbits(63), "b": chance.choice([None, "", "text \u2603 more"]), "c": 1.5,
            "d": True, "e": chance.choice([None, -7]), "f": 0.5}  # fmt: skip


def _deep(chance: random.Random) -> Any:
    point = {"x": chance.randrange(-9, 9), "y": chance.choice([None, "y"])}
    return {"list": [point] * chance.randrange(4),
            "map": {f"k{n}": chance.choice([None, [1, 2]]) for n in range(chance.randrange(12))},
            "union": chance.choice([None, "text", point, {"k": point}]),
            "entries": [{"key": n, "value": "v"} for n in range(chance.randrange(4))],
            "enum": chance.choice(["A", "BB", "CCC"]), "fixed": b"fixed", "dec": b"\x01\x02",
            "at": 1_700_000_000_000_000, "time": 5000, "nothing": [None] * chance.randrange(3),
            "lists": [[True], []]}  # fmt: skip


def _tree(chance: random.Random, depth: int = 3) -> Any:
    kids = [_tree(chance, depth - 1) for _ in range(chance.randrange(3))] if depth else []
    up = _tree(chance, 0) if depth and chance.random() < 0.5 else None
    return {"v": 3, "kids": kids, "up": up, "by": {"k": _tree(chance, 0)} if depth == 2 else {}}


def _plain(schema: Any) -> Any:
    text = json.dumps(schema).replace("logicalType", "was")
    return fastavro.parse_schema(json.loads(text))


def _shown(array: pa.Array) -> str:
    """The values as text: NaN is itself, and a moment may be one that Python has not."""
    return repr(array.cast(stored_type(array.type)).to_pylist())


def fuzz_avro(chance: random.Random) -> Callable[[], None]:
    seeds: list[tuple[Columns, list[Any], list[bytes]]] = []
    for schema, make in ((_FLAT, _flat), (_DEEP, _deep), (_TREE, _tree)):
        node = load(Schema(SchemaType.AVRO, json.dumps(schema)))
        written = []
        for _ in range(40):
            out = io.BytesIO()
            fastavro.schemaless_writer(out, _plain(schema), make(chance))
            written.append(out.getvalue())
        fields = list(node_type(node))
        for wanted in (fields, fields[1::2], fields[:1], []):
            columns = Columns(pa.struct(wanted), loose=False)
            programs = [columns.program(node, None, header) for header in (0, 5)]
            seeds.append((columns, programs, written))

    def once() -> None:
        columns, programs, written = chance.choice(seeds)
        rows: list[bytes] = []
        for _ in range(20):
            row = mutate(chance, chance.choice(written))
            for _ in range(chance.randrange(3)):  # a count or an index at one end of its range
                at = chance.randrange(len(row) + 1)
                row[at:at] = chance.choice((b"\xff" * 9 + b"\x01", b"\xfe" * 9 + b"\x01", b"\x01", b"\x80"))
            rows.append(bytes(row))
        values = pa.array(rows, pa.binary())
        which = np.array([chance.choice((-1, 0, 0, 0, 0, 0, 1)) for _ in rows], np.int32)
        array, bad = columns.decode(values, which, programs)
        array.validate(full=True)
        if chance.random() < 0.2:
            kept, program._avro = program._avro, None
            try:
                slowly, also_bad = columns.decode(values, which, programs)
            finally:
                program._avro = kept
            assert bad == also_bad, (bad, also_bad)
            assert _shown(array) == _shown(slowly), rows

    return once
