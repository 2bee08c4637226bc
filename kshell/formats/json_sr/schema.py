"""JSON Schema as a KSQL type and back, as Kafka Connect's converter and ksqlDB do it.

integer → BIGINT, number → DOUBLE, `connect.type` narrows them; an object with properties → STRUCT
(by `connect.index`), one that has only additionalProperties → MAP; null beside one other → that
other.  What has no one type (a union of unlike, an empty schema) → VARCHAR, its JSON text.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import orjson
import pyarrow as pa

from kshell import types
from kshell.errors import BindError
from kshell.formats.registry import Schema

__all__ = ["json_schema_text", "json_schema_type"]

_MAX_COLUMNS = 5000
_MAX_DEPTH = 64
_MAX_REPEATS = 2  # how often a $ref is followed in itself
_DECIMAL = "org.apache.kafka.connect.data.Decimal"
_PRECISION = "connect.decimal.precision"

# (type, connect.type) → KSQL; for others, only the type decides.
_NUMBERS: Mapping[tuple[str, str], pa.DataType] = MappingProxyType(
    {
        ("integer", "int8"): types.INTEGER,
        ("integer", "int16"): types.INTEGER,
        ("integer", "int32"): types.INTEGER,
        ("string", "bytes"): types.BYTES,
    }
)
_PLAIN: Mapping[str, pa.DataType] = MappingProxyType(
    {
        "boolean": types.BOOLEAN,
        "integer": types.BIGINT,
        "number": types.DOUBLE,
        "string": types.STRING,
    }
)
_TITLES: Mapping[str, pa.DataType] = MappingProxyType(
    {
        "org.apache.kafka.connect.data.Timestamp": types.TIMESTAMP,
        "org.apache.kafka.connect.data.Date": types.DATE,
        "org.apache.kafka.connect.data.Time": types.TIME,
    }
)
# KSQL → the node that Connect writes.
_NODES: Mapping[pa.DataType, Mapping[str, Any]] = MappingProxyType(
    {
        types.BOOLEAN: {"type": "boolean"},
        types.INTEGER: {"type": "integer", "connect.type": "int32"},
        types.BIGINT: {"type": "integer", "connect.type": "int64"},
        types.DOUBLE: {"type": "number", "connect.type": "float64"},
        types.STRING: {"type": "string"},
        types.BYTES: {"type": "string", "connect.type": "bytes"},
        **{
            type: {
                "type": "integer",
                "title": title,
                "connect.version": 1,
                "connect.type": "int64" if type == types.TIMESTAMP else "int32",
            }
            for title, type in _TITLES.items()
        },
    }
)


def json_schema_type(schema: Schema, name: str = "") -> pa.DataType:
    """The type of the schema's values; BindError if it is not a JSON Schema.

    A JSON schema holds one type, so a `name` chooses nothing: it is the title of what is written.

    >>> from kshell.formats.registry import SchemaType
    >>> text = '{"type": "object", "properties": {"a": {"type": ["null", "integer"]}}}'
    >>> json_schema_type(Schema(SchemaType.JSON, text))
    StructType(struct<a: int64>)
    """
    root = _parse(schema.text, "the JSON schema")
    imports = {name: _parse(text, name) for name, text in schema.imports.items()}
    return _Reader(root, imports).read(root, root, Counter(), 0) or types.STRING


def _parse(text: str, what: str) -> Any:
    try:
        node = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise BindError(f"{what} is not valid JSON") from None
    if not isinstance(node, dict | bool):
        raise BindError(f"{what} is no JSON Schema: neither an object nor true or false")
    return node


class _Reader:
    def __init__(self, root: Any, imports: Mapping[str, Any]) -> None:
        self._documents = dict(imports)
        for document in (root, *imports.values()):
            if isinstance(document, dict) and isinstance(document.get("$id"), str):
                self._documents.setdefault(document["$id"].rstrip("#"), document)
        self._count = 0

    def read(self, node: Any, root: Any, path: Counter[str], depth: int) -> pa.DataType | None:
        """None for null alone, and for an object nested too often in itself."""
        self._count += 1
        if self._count > _MAX_COLUMNS or depth > _MAX_DEPTH:
            raise BindError(
                f"a JSON schema of more than {_MAX_COLUMNS:,} columns, or {_MAX_DEPTH} deep"
            )
        if not isinstance(node, dict):
            return types.STRING
        if "$ref" in node:
            return self._refer(str(node["$ref"]), root, path, depth)
        for key in ("oneOf", "anyOf"):
            if isinstance(node.get(key), list) and "properties" not in node:
                found = [self.read(n, root, path, depth + 1) for n in node[key]]
                return _one_of([f for f in found if f is not None])
        if isinstance(node.get("allOf"), list):
            return self._all_of(node, root, path, depth)
        kinds = node.get("type")
        if isinstance(kinds, list):
            each = [self.read({**node, "type": k}, root, path, depth + 1) for k in kinds]
            return _one_of([f for f in each if f is not None])
        return self._plain(str(kinds or _kind(node)), node, root, path, depth)

    def _refer(self, ref: str, root: Any, path: Counter[str], depth: int) -> pa.DataType | None:
        name, _, pointer = ref.partition("#")
        document = self._documents.get(name) if name else root
        if document is None:  # a name may be written relative to the $id
            last = name.rpartition("/")[2]
            ends = (d for n, d in self._documents.items() if n.rpartition("/")[2] == last)
            document = next(ends, None)
        found = document
        for part in pointer.split("/")[1:]:
            part = part.replace("~1", "/").replace("~0", "~")
            if isinstance(found, list) and part.isdigit() and int(part) < len(found):
                found = found[int(part)]
            else:
                found = found.get(part) if isinstance(found, dict) else None
        if found is None:
            raise BindError(f"the JSON schema refers to {ref[:200]}, which is not there")
        mark = f"{id(document)}#{pointer}"
        if path[mark] >= _MAX_REPEATS:
            return None
        path[mark] += 1
        type = self.read(found, document, path, depth + 1)
        path[mark] -= 1
        return type

    def _all_of(
        self, node: Mapping[str, Any], root: Any, path: Counter[str], depth: int
    ) -> pa.DataType | None:
        rest = {k: v for k, v in node.items() if k != "allOf"}
        parts = list(node["allOf"])
        if "properties" in rest or "type" in rest:
            parts.insert(0, rest)
        found = [self.read(n, root, path, depth + 1) for n in parts]
        real = [f for f in found if f is not None]
        structs = [f for f in real if pa.types.is_struct(f)]
        return _merge(structs) if structs else _one_of(real)

    def _plain(
        self, kind: str, node: Mapping[str, Any], root: Any, path: Counter[str], depth: int
    ) -> pa.DataType | None:
        if kind == "null":
            return None
        if kind == "object":
            return self._object(node, root, path, depth)
        if kind == "array":
            return self._array(node, root, path, depth)
        title = str(node.get("title", ""))
        if kind in ("number", "integer", "string") and title == _DECIMAL:
            return _decimal(node)
        if kind == "integer" and title in _TITLES:
            return _TITLES[title]
        connect = str(node.get("connect.type", ""))
        return _NUMBERS.get((kind, connect)) or _PLAIN.get(kind, types.STRING)

    def _array(
        self, node: Mapping[str, Any], root: Any, path: Counter[str], depth: int
    ) -> pa.DataType | None:
        items = node.get("items")
        if node.get("connect.type") == "map" and isinstance(items, dict):
            entry = self.read(items, root, path, depth + 1)
            if entry is not None and pa.types.is_struct(entry) and len(entry) == 2:
                return types.map_of(entry.field(0).type, entry.field(1).type)
        if not isinstance(items, dict):  # none, or a tuple
            return types.array_of(types.STRING)
        element = self.read(items, root, path, depth + 1)
        return None if element is None else types.array_of(element)

    def _object(
        self, node: Mapping[str, Any], root: Any, path: Counter[str], depth: int
    ) -> pa.DataType | None:
        properties = node.get("properties")
        more = node.get("additionalProperties")
        if node.get("connect.type") == "map" or (not properties and isinstance(more, dict)):
            value = self.read(more, root, path, depth + 1)
            return None if value is None else types.map_of(types.STRING, value)
        if not isinstance(properties, dict) or not properties:
            return types.STRING if depth else pa.struct([])
        ordered = sorted(properties.items(), key=_place)  # stable: the others stay as they are
        read = ((name, self.read(n, root, path, depth + 1)) for name, n in ordered)
        fields = [(name, type) for name, type in read if type is not None]
        return pa.struct(fields) if fields else None


def _kind(node: Mapping[str, Any]) -> str:
    """The type of a node without a "type"."""
    if "properties" in node or "additionalProperties" in node:
        return "object"
    return "array" if "items" in node else "string"


def _place(item: tuple[str, Any]) -> float:
    index = item[1].get("connect.index") if isinstance(item[1], dict) else None
    return index if isinstance(index, int | float) else float("inf")


def _decimal(node: Mapping[str, Any]) -> pa.DataType:
    parameters = node.get("connect.parameters")
    given = parameters if isinstance(parameters, dict) else {}

    def number(name: str, default: int) -> int:
        text = str(given.get(name, default))
        return int(text) if text.isascii() and text.isdigit() and len(text) < 4 else default

    precision = min(max(number(_PRECISION, 38), 1), 38)
    return types.decimal(precision, min(number("scale", 0), precision))


def _one_of(found: Sequence[pa.DataType]) -> pa.DataType | None:
    """The type that holds all of these."""
    different = list(dict.fromkeys(found))
    if len(different) <= 1:
        return different[0] if different else None
    if all(pa.types.is_struct(t) for t in different):
        return _merge(different)
    if all(t in (types.INTEGER, types.BIGINT) for t in different):
        return types.BIGINT
    if all(t in (types.INTEGER, types.BIGINT, types.DOUBLE) for t in different):
        return types.DOUBLE
    return types.STRING


def _merge(structs: Sequence[pa.StructType]) -> pa.StructType:
    fields: dict[str, list[pa.DataType]] = {}
    for struct in structs:
        for field in struct:
            fields.setdefault(field.name, []).append(field.type)
    return pa.struct([(name, _one_of(found)) for name, found in fields.items()])


def json_schema_text(type: pa.DataType, name: str = "") -> str:
    """The schema that Connect writes: every column may be null; a STRUCT itself is not.

    `name` is the record's, and becomes the title.

    >>> json_schema_text(pa.struct([("A", pa.string())]))
    '{"type":"object","properties":{"A":{"connect.index":0,"oneOf":[{"type":"null"},{"type":"string"}]}}}'
    >>> json_schema_text(pa.float64())
    '{"oneOf":[{"type":"null"},{"type":"number","connect.type":"float64"}]}'
    """
    node = _node(type) if pa.types.is_struct(type) else _nullable(type)
    if name:
        node["title"] = name
    return json.dumps(node, separators=(",", ":"))


def _nullable(type: pa.DataType) -> dict[str, Any]:
    return {"oneOf": [{"type": "null"}, _node(type)]}


def _node(type: pa.DataType) -> dict[str, Any]:
    if pa.types.is_struct(type):
        properties = {
            f.name: {"connect.index": i, **_nullable(f.type)} for i, f in enumerate(type)
        }
        return {"type": "object", "properties": properties}
    if pa.types.is_list(type):
        return {"type": "array", "items": _nullable(type.value_type)}
    if pa.types.is_map(type):
        return {
            "type": "object",
            "connect.type": "map",
            "additionalProperties": _nullable(type.item_type),
        }
    if pa.types.is_decimal(type):
        return {
            "type": "number",
            "title": _DECIMAL,
            "connect.version": 1,
            "connect.parameters": {"scale": str(type.scale), _PRECISION: str(type.precision)},
            "connect.type": "bytes",
        }
    if type not in _NODES:
        raise BindError(f"{types.ksql_name(type)} has no JSON schema")
    return dict(_NODES[type])
