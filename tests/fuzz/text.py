"""Mutated JSON and DELIMITED records: the quick ways and the slow ones take and read the same."""

from __future__ import annotations

import random
from collections.abc import Callable

import orjson
import pyarrow as pa

from kshell.catalog.model import Column, FormatSpec
from kshell.errors import BindError, CorruptRecord
from kshell.formats import json_scan, json_scan_py
from kshell.formats.base import Half, Place
from kshell.formats.json_sr.schema import json_schema_text, json_schema_type
from kshell.formats.open import open_codec
from kshell.formats.registry import Schema, SchemaType

from .mutate import mutate

ROWS = 20
_FLAT = {"I": pa.int32(), "L": pa.int64(), "D": pa.float64(), "S": pa.string(), "B": pa.bool_(), "Y": pa.binary(),
         "DT": pa.date32(), "T": pa.time32("ms"), "TS": pa.timestamp("ms"), "N": pa.decimal128(6, 2)}  # fmt: skip
_NESTED = {"A": pa.list_(pa.int32()), "AS": pa.list_(pa.string()), "M": pa.map_(pa.string(), pa.float64()),
           "R": pa.struct([("X", pa.int64()), ("y", pa.list_(pa.decimal128(4, 1)))])}  # fmt: skip


def _place(format: str, columns: dict[str, pa.DataType]) -> Place:
    given = tuple(Column(n, t) for n, t in columns.items())
    return Place("t", Half.VALUE, FormatSpec(format), given)


def fuzz_declared_json(chance: random.Random) -> Callable[[], None]:
    """The codec over the compiled scanner, and over its twin."""
    columns = _FLAT | _NESTED
    record = {"I": -1, "l": "12", "D": 1.5e3, "S": "é☃\n", "B": True, "Y": "aGk=", "DT": 19000, "T": 1000,
              "TS": 1_700_000_000_000, "N": "1.50", "A": [1, None, "2"], "as": ["x", 1], "M": {"k": 1.5, "j": None},
              "R": {"x": 5, "y": [1.5]}}  # fmt: skip
    odd = {"S": {"a": [1.10]}, "I": 1.9, "L": 2**63 - 1, "N": 12.3, "D": "2.5", "A": None, "M": {}, "R": {"X": "7"}}
    seeds = [orjson.dumps(record), orjson.dumps(odd), orjson.dumps(record, option=orjson.OPT_INDENT_2), b"null",
             b'{"S":"\\ud83d\\ude00\\ud800","L":-9223372036854775808,"D":1e400,"N":1e-9}']  # fmt: skip
    made, names = open_codec(_place("JSON", columns)), list(columns)
    ways = [json_scan._scan, json_scan_py.scan]

    def once() -> None:
        rows = [bytes(mutate(chance, chance.choice(seeds))) for _ in range(ROWS)]
        values = pa.array([r if chance.random() < 0.97 else None for r in rows], pa.binary())
        found = []
        for way in ways:
            json_scan._scan = way
            decoded = made.decode(values, names)
            for column in decoded.columns:
                column.validate(full=True)
            found.append(([row for row, _ in decoded.bad], [str(c.to_pylist()) for c in decoded.columns]))
        assert found[0] == found[1], values.to_pylist()

    return once


def fuzz_delimited(chance: random.Random) -> Callable[[], None]:
    """Lines as whole columns, and one by one."""
    lines = ["-1,12,1.5,x y,true,aGk=,1,1000,2000,1.50", '"1",2,1e3,"a,""b""\nc",FALSE,,,,,', "é,,NaN,☃,,,,,,",
             "007,-0,.5, ,t,=,1,86400000,-1,123.456"]  # fmt: skip
    seeds = [line.encode() for line in lines]
    made, wanted = open_codec(_place("DELIMITED", _FLAT)), list(range(len(_FLAT)))

    def once() -> None:
        rows = [bytes(mutate(chance, chance.choice(seeds))) for _ in range(ROWS)]
        found = made.decode(pa.array(rows, pa.binary()), list(_FLAT))
        bad = dict(found.bad)
        columns = [c.to_pylist() for c in found.columns]
        for i, row in enumerate(rows):
            try:
                slowly = [pa.array([v], t) for v, t in zip(made._read(row, wanted), _FLAT.values(), strict=True)]
            except CorruptRecord:
                assert i in bad, row
                continue
            assert i not in bad, (row, bad[i])
            assert str([c[0].as_py() for c in slowly]) == str([c[i] for c in columns]), row

    return once


def fuzz_json_schema(chance: random.Random) -> Callable[[], None]:
    """Schemas that are JSON, or nearly."""
    struct = pa.struct(list((_FLAT | _NESTED).items()))
    other = {"allOf": [{"$ref": "#/d/x"}, {"properties": {"a": {"type": ["null", "integer"]}}}], "d": {"x": {"$ref": "#"}}}
    seeds = [json_schema_text(struct).encode(), orjson.dumps(other)]

    def once() -> None:
        text = bytes(mutate(chance, chance.choice(seeds))).decode(errors="replace")
        try:
            assert isinstance(json_schema_type(Schema(SchemaType.JSON, text)), pa.DataType)
        except BindError:
            pass

    return once
