"""Random values of a schema in a file, Avro or JSON Schema: one record after the other.

`datagen` asks.  Arrow's type of the schema decides, and what the schema alone knows (which values
an enum has, what may be missing, the least and the greatest number) comes as `Hint`s by path.
"""

from __future__ import annotations

import contextlib
import json
import math
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa

from kshell.catalog.model import FormatSpec
from kshell.errors import BindError
from kshell.formats.from_schema import exact_type_of
from kshell.formats.registry import Schema, SchemaType

__all__ = ["SchemaValues"]

Path = tuple[str, ...]
_FORMATS = {SchemaType.AVRO: "AVRO", SchemaType.JSON: "JSON_SR"}
_MISSING = 0.1  # the share of values that are missing, where they may be
_FEW = 3  # items of an array or a map, at most
_KINDS = 50  # different texts of a field
_DAY = 86_400_000
_ITEM, _ENTRY = "[]", "{}"


@dataclass(frozen=True, slots=True)
class Hint:
    """What a schema says of a value: whether it may be missing, the values that it may have, the
    least and the greatest, the number of bytes."""

    nullable: bool = False
    values: tuple[Any, ...] = ()
    least: float | None = None
    greatest: float | None = None
    length: int | None = None


class SchemaValues:
    """Makes records of a schema; raises BindError for a schema that is none of records."""

    def __init__(self, schema: Schema) -> None:
        if schema.type not in _FORMATS:
            raise BindError("records are made from an Avro or a JSON schema", hint=".avsc, .json")
        self.type = exact_type_of(schema, FormatSpec(_FORMATS[schema.type]))
        if not pa.types.is_struct(self.type) or not self.type.num_fields:
            raise BindError("the schema is none of records with fields")
        node = json.loads(schema.text)
        walk = _avro_hints if schema.type is SchemaType.AVRO else _json_hints
        self._hints = dict(walk(node, (), {}))

    def record(self, chance: random.Random, number: int, now: int) -> dict[str, Any]:
        """The record of that number; its times are near `now` (ms)."""
        make = _Maker(chance, number, now, self._hints)
        return {field.name: make.value(field.type, (field.name,)) for field in self.type}


@dataclass(frozen=True, slots=True)
class _Maker:
    """The values of one record."""

    chance: random.Random
    number: int
    now: int
    hints: Mapping[Path, Hint]

    def value(self, type: pa.DataType, path: Path) -> Any:
        hint, chance = self.hints.get(path, Hint()), self.chance
        if hint.nullable and chance.random() < _MISSING:
            return None
        if hint.values and (fitting := _fitting(hint.values, type)):
            return chance.choice(fitting)
        types = pa.types
        if types.is_struct(type):
            return {f.name: self.value(f.type, (*path, f.name)) for f in type}
        if types.is_list(type) or types.is_large_list(type):
            count = range(chance.randint(1, _FEW))
            return [self.value(type.value_type, (*path, _ITEM)) for _ in count]
        if types.is_map(type):
            keys = [f"key_{n}" for n in range(1, chance.randint(1, _FEW) + 1)]
            return [(key, self.value(type.item_type, (*path, _ENTRY))) for key in keys]
        return self._single(type, path, hint)

    def _single(self, type: pa.DataType, path: Path, hint: Hint) -> Any:
        chance, types = self.chance, pa.types
        earlier = self.now - chance.randrange(_DAY)
        if types.is_boolean(type):
            return chance.random() < 0.5
        if types.is_integer(type):
            if path[-1].lower() in ("id", "number"):  # tells one record from another
                return self.number
            return chance.randint(*_whole(hint, 120 if type.bit_width == 8 else 9999))
        if types.is_floating(type):
            return round(chance.uniform(*_range(hint, 100.0)), 2)
        if types.is_decimal(type):
            digits = min(type.precision, 6)
            return Decimal(chance.randrange(10**digits)).scaleb(-type.scale)
        if types.is_binary(type):
            return chance.randbytes(hint.length or 8)
        if types.is_date(type):
            return date(1970, 1, 1) + timedelta(milliseconds=earlier)
        if types.is_time(type):
            seconds = chance.randrange(86_400)
            return time(seconds // 3600, seconds // 60 % 60, seconds % 60)
        if types.is_timestamp(type):
            return pa.scalar(earlier, pa.timestamp("ms")).cast(pa.timestamp(type.unit)).value
        name = path[-1] if path[-1] not in (_ITEM, _ENTRY) else path[0]
        return f"{name}_{chance.randint(1, _KINDS)}"


def _fitting(values: Sequence[Any], type: pa.DataType) -> list[Any]:
    """Those values of an enum that the column's type holds; a text holds all, as JSON."""
    if pa.types.is_string(type):
        return [v if isinstance(v, str) else json.dumps(v) for v in values]
    kept = []
    for value in values:
        with contextlib.suppress(pa.ArrowException):
            pa.scalar(value, type)
            kept.append(value)
    return kept


def _range(hint: Hint, most: float) -> tuple[float, float]:
    """The least and the greatest that a number may be; `most` where the schema does not say."""
    if hint.least is None:
        greatest = most if hint.greatest is None else hint.greatest
        return min(0.0, greatest), greatest
    greatest = hint.least + most if hint.greatest is None else hint.greatest
    return hint.least, max(greatest, hint.least)


def _whole(hint: Hint, most: int) -> tuple[int, int]:
    least, greatest = _range(hint, most)
    return math.ceil(least), max(math.floor(greatest), math.ceil(least))


Hints = Iterator[tuple[Path, Hint]]


def _avro_hints(node: Any, path: Path, named: dict[str, Any]) -> Hints:
    """Of an Avro type; `named` are the types met by now, which may be named again."""
    nullable = False
    if isinstance(node, list):
        others = [part for part in node if part != "null"]
        nullable = len(others) < len(node)
        node = others[0] if len(others) == 1 else None
    if isinstance(node, str):
        node = named.get(node, node)
    if not isinstance(node, dict):
        yield path, Hint(nullable)
        return
    if "name" in node:
        named[node["name"]] = node
        named[".".join(str(node[n]) for n in ("namespace", "name") if n in node)] = node
    values, length = tuple(node.get("symbols", ())), node.get("size")
    yield path, Hint(nullable, values, length=length)
    inside = dict(named)
    match node.get("type"):
        case "record" if len(path) < _DEEPEST:
            for field in node["fields"]:
                yield from _avro_hints(field["type"], (*path, field["name"]), named)
        case "array":
            yield from _avro_hints(node["items"], (*path, _ITEM), inside)
        case "map":
            yield from _avro_hints(node["values"], (*path, _ENTRY), inside)


_DEEPEST = 12


def _json_hints(node: Any, path: Path, named: dict[str, Any], nullable: bool = False) -> Hints:
    """Of a JSON schema: what is not required may be missing."""
    if not isinstance(node, dict) or len(path) > _DEEPEST:
        return
    types = node.get("type")
    if isinstance(types, list) and "null" in types:
        nullable = True
    values = tuple(v for v in node.get("enum") or () if v is not None)
    if "const" in node:
        values = (node["const"],)
    yield path, Hint(nullable, values, node.get("minimum"), node.get("maximum"))
    needed = node.get("required") or ()
    for name, inner in (node.get("properties") or {}).items():
        yield from _json_hints(inner, (*path, name), named, name not in needed)
    yield from _json_hints(node.get("items"), (*path, _ITEM), named)
