"""Guesses the format and the columns of samples without a schema, from the bytes only.

`detect` calls it with sampled keys or values.  JSON objects become columns, nested ones STRUCT;
whatever else is text, one of Kafka's primitives, or bytes becomes a single column.
"""

from __future__ import annotations

import csv
import struct
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import pyarrow as pa

from kshell.catalog.model import FormatSpec
from kshell.types import ksql_name

__all__ = ["Inferred", "InferredColumn", "infer_delimited", "infer_key", "infer_objects",
           "infer_single", "infer_value", "json_structure"]  # fmt: skip

_MAP_FIELDS = 64  # a nested object with more names than this is a map
_AGREE = 0.5  # the share of samples that makes a format
_BIGINT = 2**63
_EXACT = 2**53  # the whole numbers that a double holds
_SMALLEST, _LARGEST = 1e-12, 1e15  # of the doubles that are taken for such


@dataclass(frozen=True, slots=True)
class InferredColumn:
    """A column, and the share of the samples in which it was present and not null."""

    name: str
    type: pa.DataType
    presence: float


@dataclass(frozen=True, slots=True)
class Inferred:
    """A format, its columns, and the share of the samples that agrees.

    `ids` are the schema ids in front of the samples, each with how many have it; `note` is what a
    person should know of the choice.
    """

    format: FormatSpec
    columns: tuple[InferredColumn, ...]
    agree: float
    ids: tuple[tuple[int, int], ...] = ()
    note: str = ""

    @property
    def type(self) -> str:
        """The format with the type that a single value has: KAFKA STRING, AVRO."""
        single = self.format.name == "KAFKA" and len(self.columns) == 1
        return f"{self.format.name} {ksql_name(self.columns[0].type)}" if single else (
            self.format.name
        )


class _Shape:
    """What was seen at one place of the samples."""

    def __init__(self) -> None:
        self.kinds: set[type] = set()
        self.seen = 0
        self.large = False
        self.element: _Shape | None = None
        self.fields: dict[str, _Shape] = {}

    def add(self, value: Any) -> None:
        if value is None:
            return
        self.seen += 1
        self.kinds.add(type(value))
        if isinstance(value, int) and not -_BIGINT <= value < _BIGINT:
            self.large = True
        elif isinstance(value, list):
            self.element = self.element or _Shape()
            for item in value:
                self.element.add(item)
        elif isinstance(value, dict):
            for name, item in value.items():
                self.fields.setdefault(name, _Shape()).add(item)

    def type(self) -> pa.DataType:
        if self.kinds == {int}:
            return pa.float64() if self.large else pa.int64()
        if self.kinds and self.kinds <= {int, float}:
            return pa.float64()
        if self.kinds == {bool}:
            return pa.bool_()
        if self.kinds == {list}:
            assert self.element is not None
            return pa.list_(self.element.type())
        if self.kinds == {dict} and self.fields:
            return self._object()
        return pa.string()

    def _object(self) -> pa.DataType:
        if len(self.fields) > _MAP_FIELDS:
            together = _Shape()
            for shape in self.fields.values():
                together.kinds |= shape.kinds
                together.large |= shape.large
            scalar = not together.kinds & {list, dict}
            return pa.map_(pa.string(), together.type() if scalar else pa.string())
        return pa.struct([(name, shape.type()) for name, shape in self.fields.items()])


def _is_text(data: bytes) -> bool:
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return False
    return all(c.isprintable() or c in "\n\r\t" for c in text)


def _eight(samples: Sequence[bytes]) -> pa.DataType:
    """BIGINT or DOUBLE: doubles of everyday size are whole numbers of no everyday size."""
    wholes = [int.from_bytes(s, "big", signed=True) for s in samples]
    doubles = [abs(struct.unpack(">d", s)[0]) for s in samples]
    sane = all(d == 0 or _SMALLEST <= d <= _LARGEST for d in doubles)
    return pa.float64() if sane and any(abs(w) > _EXACT for w in wholes) else pa.int64()


def infer_single(samples: Sequence[bytes], column: str) -> Inferred:
    """One column: text, one of Kafka's numbers where all samples have its size, or bytes."""
    texts = sum(map(_is_text, samples)) / len(samples)
    if texts > _AGREE:
        return Inferred(
            FormatSpec("KAFKA"), (InferredColumn(column, pa.string(), 1.0),), texts
        )
    size, count = Counter(map(len, samples)).most_common(1)[0]
    if size in (4, 8) and count == len(samples):
        type = pa.int32() if size == 4 else _eight(samples)
        return Inferred(FormatSpec("KAFKA"), (InferredColumn(column, type, 1.0),), 1.0)
    return Inferred(FormatSpec("BYTES"), (InferredColumn(column, pa.binary(), 1.0),), 1.0)


def infer_key(samples: Iterable[bytes | None]) -> Inferred:
    """One column ROWKEY: text, one of Kafka's numbers, or bytes.

    >>> infer_key([b"a", b"b"]).columns[0].type
    DataType(string)
    """
    found = [s for s in samples if s is not None]
    if not found:
        return Inferred(FormatSpec("KAFKA"), (InferredColumn("ROWKEY", pa.string(), 0.0),), 1.0)
    return infer_single(found, "ROWKEY")


def infer_value(samples: Iterable[bytes | None]) -> Inferred:
    """The columns of a topic's values; ignores tombstones.

    >>> [(c.name, str(c.type)) for c in infer_value([b'{"n":1,"o":{"x":[1.5]}}']).columns]
    [('n', 'int64'), ('o', 'struct<x: list<item: double>>')]
    """
    found = [s for s in samples if s is not None]
    if not found:
        return Inferred(FormatSpec("NONE"), (InferredColumn("VALUE", pa.string(), 0.0),), 1.0)
    objects = infer_objects(found)
    return objects if objects.agree >= _AGREE else infer_single(found, "VALUE")


def infer_objects(samples: Sequence[bytes]) -> Inferred:
    """JSON: the fields of the samples that are objects, as columns."""
    root = _Shape()
    objects = 0
    for sample in samples:
        try:
            value = orjson.loads(sample)
        except orjson.JSONDecodeError:
            continue
        if isinstance(value, dict):
            objects += 1
            root.add(value)
    columns = tuple(
        InferredColumn(name, shape.type(), shape.seen / objects)
        for name, shape in root.fields.items()
    )
    return Inferred(FormatSpec("JSON"), columns, objects / len(samples) if samples else 1.0)


def infer_delimited(samples: Sequence[bytes], format: FormatSpec, delimiter: str) -> Inferred:
    """DELIMITED: columns C1, C2, …, numbers where all samples have numbers there.

    >>> made = infer_delimited([b"a,1", b"b,2"], FormatSpec("DELIMITED"), ",")
    >>> [(c.name, str(c.type)) for c in made.columns]
    [('C1', 'string'), ('C2', 'int64')]
    """
    lines = [s.decode(errors="replace") for s in samples]
    rows = list(csv.reader(lines, delimiter=delimiter))
    widths = Counter(map(len, rows)).most_common(1)
    if not widths:
        return Inferred(format, (), 1.0)
    width, agree = widths[0]
    fitting = [row for row in rows if len(row) == width]
    columns = []
    for number, cells in enumerate(zip(*fitting, strict=True), 1):
        there = [c for c in cells if c]
        presence = len(there) / len(fitting)
        columns.append(InferredColumn(f"C{number}", _cell_type(there), presence))
    return Inferred(format, tuple(columns), agree / len(samples))


def _cell_type(cells: Sequence[str]) -> pa.DataType:
    for convert, type in ((int, pa.int64()), (float, pa.float64())):
        try:
            for cell in cells:
                convert(cell)
        except ValueError:
            continue
        if cells:
            return type
    return pa.string()


def json_structure(type: pa.DataType) -> Any:
    """A nested type as DuckDB's from_json wants it described.

    >>> json_structure(pa.struct([("x", pa.list_(pa.int64()))]))
    {'x': ['BIGINT']}
    """
    if pa.types.is_struct(type):
        return {field.name: json_structure(field.type) for field in type}
    if pa.types.is_list(type):
        return [json_structure(type.value_type)]
    if pa.types.is_map(type):
        return f"MAP(VARCHAR, {json_structure(type.item_type)})"
    names = {pa.int64(): "BIGINT", pa.float64(): "DOUBLE", pa.bool_(): "BOOLEAN"}
    return names.get(type, "VARCHAR")
