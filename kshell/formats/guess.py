"""Guesses the format and the columns of samples without a schema, from the bytes only.

`detect` calls it with sampled keys or values.  JSON objects become columns, nested ones STRUCT;
whatever else is text, one of Kafka's primitives, or bytes becomes a single column.
"""

from __future__ import annotations

import csv
import math
import struct
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

from kshell.catalog.model import FormatSpec
from kshell.formats.shapes import Shape, plain, shape_of
from kshell.types import ksql_name

__all__ = ["Inferred", "InferredColumn", "infer_delimited", "infer_key", "infer_objects",
           "infer_single", "infer_value", "infer_whole", "json_structure", "nothing"]  # fmt: skip

_AGREE = 0.5  # the share of samples that makes a format
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
    person should know of the choice.  `shape` is what the samples suggest of fields, `single` of a
    single value that may be something else (null: nothing); `cut` are the fields whose times lose
    digits beyond milliseconds.
    """

    format: FormatSpec
    columns: tuple[InferredColumn, ...]
    agree: float
    ids: tuple[tuple[int, int], ...] = ()
    note: str = ""
    shape: Shape | None = None
    cut: tuple[str, ...] = ()
    single: pa.DataType | None = None

    @property
    def suggested(self) -> Mapping[str, pa.DataType]:
        """The types that the samples suggest of columns, which other records may not fit."""
        if self.shape is not None:
            return {name: shape.type() for name, shape in self.shape.fields.items()}
        return {} if self.single is None else {self.columns[0].name: self.single}

    def wider(self, shape: Shape) -> Inferred:
        """With what other records have beside the samples."""
        if self.shape is None:
            return self
        both = Shape()
        both.merge(self.shape)
        if self.format.options.get("WRAP_SINGLE_VALUE") == "false":  # by whatever name
            for mine, other in zip(both.fields.values(), shape.fields.values(), strict=True):
                mine.merge(other)
        else:
            both.merge(shape)
        presence = {c.name: c.presence for c in self.columns}
        columns = tuple(
            InferredColumn(name, plain(inner.type()), presence.get(name, 0))
            for name, inner in both.fields.items()
        )
        return replace(self, columns=columns, shape=both)

    @property
    def type(self) -> str:
        """The format with the type that a single value has: KAFKA STRING, AVRO."""
        single = self.format.name == "KAFKA" and len(self.columns) == 1
        return f"{self.format.name} {ksql_name(self.columns[0].type)}" if single else (
            self.format.name
        )


def _is_text(data: bytes) -> bool:
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return False
    return all(c.isprintable() or c in "\n\r\t" for c in text)


def _eight(samples: Sequence[bytes]) -> pa.DataType:
    """BIGINT or DOUBLE: doubles of everyday size are whole numbers of no everyday size.

    >>> _eight([struct.pack(">d", 1.5), struct.pack(">d", float("nan"))])
    DataType(double)
    """
    wholes = [int.from_bytes(s, "big", signed=True) for s in samples]
    doubles = [abs(struct.unpack(">d", s)[0]) for s in samples]
    sane = all(d == 0 or not math.isfinite(d) or _SMALLEST <= d <= _LARGEST for d in doubles)
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
        zeros = size == 8 and not any(map(any, samples))
        return Inferred(
            FormatSpec("KAFKA"), (InferredColumn(column, type, 1.0),), 1.0,
            single=pa.null() if zeros else type,
        )  # fmt: skip
    return Inferred(FormatSpec("BYTES"), (InferredColumn(column, pa.binary(), 1.0),), 1.0)


def nothing(format: FormatSpec, column: str) -> Inferred:
    """No sample had a value."""
    return Inferred(format, (InferredColumn(column, pa.string(), 0.0),), 1.0, single=pa.null())


def infer_key(samples: Iterable[bytes | None]) -> Inferred:
    """One column ROWKEY: text, one of Kafka's numbers, or bytes.

    >>> infer_key([b"a", b"b"]).columns[0].type
    DataType(string)
    """
    found = [s for s in samples if s is not None]
    if not found:
        return nothing(FormatSpec("KAFKA"), "ROWKEY")
    return infer_single(found, "ROWKEY")


def infer_value(samples: Iterable[bytes | None]) -> Inferred:
    """The columns of a topic's values; ignores tombstones.

    >>> [(c.name, str(c.type)) for c in infer_value([b'{"n":1,"o":{"x":[1.5]}}']).columns]
    [('n', 'int64'), ('o', 'struct<x: list<item: double>>')]
    """
    found = [s for s in samples if s is not None]
    if not found:
        return nothing(FormatSpec("NONE"), "VALUE")
    objects = infer_objects(found)
    return objects if objects.agree >= _AGREE else infer_single(found, "VALUE")


def infer_objects(samples: Sequence[bytes]) -> Inferred:
    """JSON: the fields of the samples that are objects, as columns."""
    return _of_shape(*shape_of(samples), len(samples))


def infer_whole(samples: Sequence[bytes], column: str) -> Inferred:
    """JSON of any kind as one column."""
    shape, values = shape_of(samples, column)
    shape.fields.setdefault(column, Shape())
    return _of_shape(shape, values, len(samples))


def _of_shape(shape: Shape, objects: int, samples: int) -> Inferred:
    columns = tuple(
        InferredColumn(name, plain(inner.type()), min(inner.seen / max(objects, 1), 1.0))
        for name, inner in shape.fields.items()
    )
    agree = objects / samples if samples else 1.0
    return Inferred(FormatSpec("JSON"), columns, agree, shape=shape)


def infer_delimited(samples: Sequence[bytes], format: FormatSpec, delimiter: str) -> Inferred:
    """DELIMITED: columns C1, C2, …, numbers where all samples have numbers there.

    >>> made = infer_delimited([b"a,1", b"b,2"], FormatSpec("DELIMITED"), ",")
    >>> [(c.name, str(c.type)) for c in made.columns]
    [('C1', 'string'), ('C2', 'int64')]
    """
    from kshell.formats.found_lines import cell_of

    lines = [s.decode(errors="replace") for s in samples]
    rows = list(csv.reader(lines, delimiter=delimiter))
    widths = Counter(map(len, rows)).most_common(1)
    if not widths:
        return Inferred(format, (), 1.0)
    width, agree = widths[0]
    fitting = [row for row in rows if len(row) == width]
    shape = Shape()
    for row in fitting:
        shape.add({f"C{n}": cell_of(c) if c else None for n, c in enumerate(row, 1)})
    columns = tuple(
        InferredColumn(name, plain(cells.type()), cells.seen / len(fitting))
        for name, cells in shape.fields.items()
    )
    return Inferred(format, columns, agree / len(samples), shape=shape)


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
    if pa.types.is_decimal(type):
        return f"DECIMAL({type.precision}, {type.scale})"
    names = {pa.int64(): "BIGINT", pa.float64(): "DOUBLE", pa.bool_(): "BOOLEAN"}
    return names.get(type, "VARCHAR")
