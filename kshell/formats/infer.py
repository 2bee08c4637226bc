"""What is in a topic that nobody declared: the format and the columns, told from samples.

Called with the sampled keys or values of a topic.  JSON objects become columns, nested ones STRUCT;
whatever else is text, one of Kafka's primitives, or bytes becomes a single column.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import pyarrow as pa

__all__ = ["Inferred", "InferredColumn", "infer_key", "infer_value", "json_structure"]

_MAP_FIELDS = 64  # a nested object with more names than this is a map
_AGREE = 0.5  # the share of samples that makes a format
_BIGINT = 2**63


@dataclass(frozen=True, slots=True)
class InferredColumn:
    """A column, and the share of the samples in which it was present and not null."""

    name: str
    type: pa.DataType
    presence: float


@dataclass(frozen=True, slots=True)
class Inferred:
    """A format's name (JSON, KAFKA, BYTES, NONE), its columns, and the share that agrees."""

    format: str
    columns: tuple[InferredColumn, ...]
    agree: float



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


def _primitive(samples: Sequence[bytes]) -> tuple[pa.DataType, float]:
    """The type of samples that are no JSON objects, and the share that agrees with it."""
    texts = sum(map(_is_text, samples)) / len(samples)
    if texts > _AGREE:
        return pa.string(), texts
    size, count = Counter(map(len, samples)).most_common(1)[0]
    by_size = {4: pa.int32(), 8: pa.int64()}
    if size in by_size and count == len(samples):
        return by_size[size], 1.0
    return pa.binary(), 1.0


def infer_key(samples: Iterable[bytes | None]) -> Inferred:
    """One column ROWKEY: text, one of Kafka's whole numbers, or bytes.

    >>> infer_key([b"a", b"b"]).columns[0].type
    DataType(string)
    """
    found = [s for s in samples if s is not None]
    if not found:
        return Inferred("KAFKA", (InferredColumn("ROWKEY", pa.string(), 0.0),), 1.0)
    type, agree = _primitive(found)
    name = "BYTES" if pa.types.is_binary(type) else "KAFKA"
    return Inferred(name, (InferredColumn("ROWKEY", type, 1.0),), agree)


def infer_value(samples: Iterable[bytes | None]) -> Inferred:
    """The columns of a topic's values; tombstones tell nothing.

    >>> [(c.name, str(c.type)) for c in infer_value([b'{"n":1,"o":{"x":[1.5]}}']).columns]
    [('n', 'int64'), ('o', 'struct<x: list<item: double>>')]
    """
    found = [s for s in samples if s is not None]
    if not found:
        return Inferred("NONE", (InferredColumn("VALUE", pa.string(), 0.0),), 1.0)
    root = _Shape()
    objects = 0
    for sample in found:
        try:
            value = orjson.loads(sample)
        except orjson.JSONDecodeError:
            continue
        if isinstance(value, dict):
            objects += 1
            root.add(value)
    if objects / len(found) >= _AGREE:
        columns = tuple(
            InferredColumn(name, shape.type(), shape.seen / objects)
            for name, shape in root.fields.items()
        )
        return Inferred("JSON", columns, objects / len(found))
    type, agree = _primitive(found)
    name = "BYTES" if pa.types.is_binary(type) else "KAFKA"
    return Inferred(name, (InferredColumn("VALUE", type, 1.0),), agree)


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
