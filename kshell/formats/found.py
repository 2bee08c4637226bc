"""JSON that nobody declared: its columns as samples suggest them, and what does not fit those.

Bounded scans call `FoundJson.read`, which leaves nested values as the text that DuckDB takes apart;
`found_codec` is the same reader for continuous queries.  A value that does not fit makes its
record bad and is kept in a `Shape`: a bounded query goes on with wider types.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np
import orjson
import pyarrow as pa

from kshell.field_names import escaped_type
from kshell.formats.base import Decoded, Learned, Place
from kshell.formats.json_rules import fits
from kshell.formats.json_scan import (
    INEXACT,
    OTHER_FIELDS,
    OTHER_INNER_FIELDS,
    Field,
    Names,
    Types,
    scan,
)
from kshell.formats.shapes import Shape, exactly
from kshell.types import ksql_name

__all__ = [
    "FoundJson",
    "Number",
    "SparingJson",
    "comes_as_text",
    "dumps",
    "others_of",
    "unfit",
]  # fmt: skip

_LONG_NUMBER = re.compile(rb"[\d.]{16}|\d[eE]")  # it may have more digits than a double


def comes_as_text(type: pa.DataType) -> bool:
    """Whether a bounded query takes values of the type out of their JSON text by itself: nested
    ones, but for fields that DuckDB calls otherwise."""
    return bool(pa.types.is_nested(type) and escaped_type(type) == type)


class FoundJson:
    """A reader of values whose fields have the types `suggested` by so many samples.

    `wrapped` False: the one field is the whole value.
    """

    def __init__(
        self, suggested: Mapping[str, pa.DataType], samples: int, *, wrapped: bool = True
    ) -> None:
        self._suggested, self._samples, self._wrapped = suggested, samples, wrapped

    def read(self, values: pa.Array, names: Sequence[str], *, outer: bool = False) -> Decoded:
        """The named fields, nested ones as text; `outer`: fields beside them count as others."""
        types = [self._suggested[n] for n in names]
        found = scan(
            values, [Field(n, t) for n, t in zip(names, types, strict=True)],
            Names.EXACT if self._wrapped else Names.WHOLE, Types.STRICT,
        )  # fmt: skip
        flags = np.frombuffer(found.flags, np.uint8)
        inexact: Sequence[int] = np.flatnonzero(flags & INEXACT).tolist()
        columns = [
            _finished(c, t, inexact) for c, t in zip(found.columns, types, strict=True)
        ]
        nothing = {
            row for row in found.unfit if values[row].as_py().strip(b" \t\r\n") == b"null"
        }  # a value of NULL is a record of NULLs, as to a declared source
        bad = [(row, why) for row, why in found.bad if row not in nothing]
        if found.misfits:
            why = dict(bad) | {row: self._why(values[row].as_py(), names) or dict(bad)[row]
                               for row in found.misfits}  # fmt: skip
            bad = sorted(why.items())
        wanted = OTHER_INNER_FIELDS | (OTHER_FIELDS if outer else 0)
        others = np.flatnonzero(flags & wanted).tolist() if len(flags) else ()
        return Decoded(columns, bad, found.misfits, others)

    def shape(
        self, values: pa.Array, rows: Sequence[int], names: Sequence[str] | None
    ) -> Shape:
        """What the named fields (None: all) of those rows are."""
        shape, wanted = Shape(), None if names is None else set(names)
        for value in values.take(pa.array(rows, pa.int64())).to_pylist():
            fields = self._fields(_loads(value)).items()
            shape.add({n: v for n, v in fields if wanted is None or n in wanted})
        return shape

    def learn(
        self, values: pa.Array, names: Sequence[str], found: Decoded, *, whole: bool
    ) -> Learned:
        """What the samples did not have; `whole`: count fields that no column has, too."""
        out, misfits = Learned(), set(found.misfits)
        if misfits:
            out.why = dict(found.bad)[found.misfits[0]]
            out.shape = self.shape(values, found.misfits, names)
        wrong = {row for row, _ in found.bad} - misfits
        outer = self._suggested.keys() <= set(names)
        for row in found.others if whole and self._wrapped else ():
            if row not in wrong:
                value = values[row].as_py()
                out.others.update(others_of(value, self._suggested, names, outer=outer))
        return out

    def _why(self, value: bytes, names: Sequence[str]) -> str:
        fields = self._fields(json.loads(value, parse_float=Number))
        for name in names:
            for path, node, type in _misfits(fields.get(name), self._suggested[name], name):
                return unfit(path, _text(node), type, self._samples)
        return ""

    def _fields(self, value: Any) -> dict[str, Any]:
        return value if self._wrapped else dict.fromkeys(self._suggested, value)


def unfit(path: str, text: str, type: pa.DataType, samples: int) -> str:
    """Why a value is a misfit."""
    text = text if len(text) <= 60 else f"{text[:59]}…"
    kind = "NULL" if pa.types.is_null(type) else ksql_name(type)
    return f"field {path}: {text} does not fit {kind}, which {samples:,} samples suggested"


def _loads(data: bytes) -> Any:
    if not _LONG_NUMBER.search(data):
        try:
            return orjson.loads(data)
        except orjson.JSONDecodeError:
            pass  # half of a surrogate pair
    return exactly(data)


def _misfits(node: Any, type: pa.DataType, path: str) -> Iterator[tuple[str, Any, pa.DataType]]:
    """The places in a value where it is of another type than it should be."""
    if isinstance(node, dict) and pa.types.is_struct(type) and len(type):
        for field in type:
            yield from _misfits(node.get(field.name), field.type, f"{path}.{field.name}")
    elif isinstance(node, dict) and pa.types.is_map(type):
        for key, item in node.items():
            yield from _misfits(item, type.item_type, f"{path}.{key}")
    elif isinstance(node, list) and pa.types.is_list(type):
        for item in node:
            yield from _misfits(item, type.value_type, f"{path}[]")
    elif node is not None and not pa.types.is_string(type):
        plain = Decimal(node) if isinstance(node, Number) else node
        if not fits(plain, type):
            yield path, node, type


def others_of(
    value: bytes, known: Mapping[str, pa.DataType], wanted: Sequence[str], *, outer: bool
) -> list[str]:
    """The fields of a record that no column has: beside the columns (`outer`), and inside of them.

    >>> known = {"o": pa.struct([("x", pa.int64())])}
    >>> others_of(b'{"a":1,"o":{"x":1,"y":2}}', known, ["o"], outer=True)
    ['a', 'o.y']
    """
    found = []
    for name, node in _loads(value).items():
        if outer and name not in known:
            found.append(name)
        elif name in wanted:
            found += _inner_others(node, known[name], name)
    return found


def _inner_others(node: Any, type: pa.DataType, path: str) -> list[str]:
    found: list[str] = []
    if isinstance(node, dict) and pa.types.is_struct(type):
        known = {f.name: f.type for f in type}
        for name, inner in node.items():
            if name not in known:
                found.append(f"{path}.{name}")
            else:
                found += _inner_others(inner, known[name], f"{path}.{name}")
    elif isinstance(node, list) and pa.types.is_list(type):
        found += dict.fromkeys(n for i in node for n in _inner_others(i, type.value_type, path))
    return found


class Number(str):
    """A fraction as it is written."""


def _text(node: Any) -> str:
    """A value as text."""
    return node if isinstance(node, Number) else dumps(node)


def dumps(node: Any) -> str:
    """A value's JSON, its digits as they are written."""
    if isinstance(node, Number):
        return str(node)
    if isinstance(node, dict):
        return "{" + ",".join(f"{dumps(str(k))}:{dumps(v)}" for k, v in node.items()) + "}"
    if isinstance(node, list):
        return "[" + ",".join(map(dumps, node)) + "]"
    return json.dumps(node, ensure_ascii=False)


def _rewritten(node: Any, type: pa.DataType) -> Any:
    """A value so that text stays what it is where a parser would change its numbers."""
    if node is None:
        return None
    if pa.types.is_struct(type) and len(type):
        return {f.name: _rewritten(node[f.name], f.type) for f in type if f.name in node}
    if pa.types.is_list(type):
        return [_rewritten(item, type.value_type) for item in node]
    if pa.types.is_map(type):
        return {key: _rewritten(item, type.item_type) for key, item in node.items()}
    if pa.types.is_string(type):
        return str(node) if isinstance(node, str) else dumps(node)
    return node


def _finished(column: pa.Array, type: pa.DataType, inexact: Sequence[int]) -> pa.Array:
    """The column that was scanned, or its text where it is nested."""
    if pa.types.is_decimal(type):
        try:
            return column.cast(type)
        except pa.ArrowInvalid:  # such as one with more zeros than digits
            cells = [None if cell is None else Decimal(cell) for cell in column.to_pylist()]
            return pa.array(cells, type)
    if not inexact or not pa.types.is_nested(type):
        return column
    texts = column.to_pylist()
    for row in inexact:
        if texts[row] is not None:
            node = json.loads(texts[row], parse_float=Number)
            texts[row] = dumps(_rewritten(node, type))
    return pa.array(texts, pa.string())


def nested(column: pa.Array, type: pa.DataType) -> pa.Array:
    """Values of their JSON texts."""
    cells = (
        None if text is None else json.loads(text, parse_float=Number)
        for text in column.to_pylist()
    )
    return pa.array([_typed(cell, type) for cell in cells], type)


def _typed(node: Any, type: pa.DataType) -> Any:
    """A value that fits its type as Arrow takes it; a map is a list of pairs."""
    if node is None:
        return None
    if pa.types.is_struct(type) and len(type):
        return {f.name: _typed(node.get(f.name), f.type) for f in type}
    if pa.types.is_list(type):
        return [_typed(item, type.value_type) for item in node]
    if pa.types.is_map(type):
        return [(key, _typed(item, type.item_type)) for key, item in node.items()]
    if pa.types.is_decimal(type):
        return Decimal(node)
    if pa.types.is_floating(type):
        return float(node)
    if pa.types.is_integer(type) or pa.types.is_boolean(type):
        return node
    return node if isinstance(node, str) else dumps(node)


class SparingJson:
    """What reads values for a bounded query: nested ones come as text where DuckDB takes that."""

    def __init__(self, place: Place) -> None:
        self._types = {c.name: c.type for c in place.columns}
        self._suggested = place.suggested.keys()
        self.reader = FoundJson(place.suggested, place.samples)

    def decode(self, data: pa.Array, names: Sequence[str]) -> Decoded:
        """See `base.Codec`."""
        found = self.reader.read(data, names, outer=self._suggested <= set(names))
        types = {n: self._types[n] for n in names if pa.types.is_nested(self._types[n])}
        typed = [n for n, type in types.items() if not comes_as_text(type)]
        if not typed:
            return found
        pairs = zip(names, found.columns, strict=True)
        columns = [nested(c, self._types[n]) if n in typed else c for n, c in pairs]
        return replace(found, columns=columns)

    def learn(
        self, values: pa.Array, names: Sequence[str], found: Decoded, *, whole: bool
    ) -> Learned:
        """See `base.Found`."""
        return self.reader.learn(values, names, found, whole=whole)
