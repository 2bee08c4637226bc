"""Avro schemas as KSQL types and back, as Kafka Connect's converter and ksqlDB do it.

enum → VARCHAR, fixed → BYTES, float → DOUBLE, logical types → DECIMAL, DATE, TIME, TIMESTAMP; null
beside one other type → that type; a union of several → a STRUCT with a field for each.  A record
that holds itself is followed twice, then left out (in topics that nobody declared, the text `…`),
as is one without fields.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import pyarrow as pa

from kshell import types
from kshell.errors import BindError
from kshell.formats.avro.parse import Node, branch_names, is_entry, load, options
from kshell.formats.registry import Schema

__all__ = ["DEFAULT_NAME", "UNITS", "avro_text", "avro_type", "cut_times", "decimal_of",
           "exact_type", "key_name", "node_type", "once"]  # fmt: skip

_MAX_REPEATS = 2  # how often a record is followed in itself
_MAX_COLUMNS = 5000  # of all depths
_MAX_DIGITS = 38
_MAX_CUT = 100  # times that are named
_NAMESPACE = "io.confluent.ksql.avro_schemas"
DEFAULT_NAME = f"{_NAMESPACE}.KsqlDataSourceSchema"
_CONNECT = "org.apache.kafka.connect.data"

_PLAIN: Mapping[str, pa.DataType] = MappingProxyType(
    {
        "boolean": types.BOOLEAN,
        "int": types.INTEGER,
        "long": types.BIGINT,
        "float": types.DOUBLE,
        "double": types.DOUBLE,
        "string": types.STRING,
        "enum": types.STRING,
        "bytes": types.BYTES,
        "fixed": types.BYTES,
    }
)
_LOGICAL: Mapping[tuple[str, str], pa.DataType] = MappingProxyType(
    {
        ("int", "date"): types.DATE,
        ("int", "time-millis"): types.TIME,
        ("long", "time-micros"): types.TIME,
        ("long", "timestamp-millis"): types.TIMESTAMP,
        ("long", "timestamp-micros"): types.TIMESTAMP,
        ("long", "timestamp-nanos"): types.TIMESTAMP,
        ("long", "local-timestamp-millis"): types.TIMESTAMP,
        ("long", "local-timestamp-micros"): types.TIMESTAMP,
        ("long", "local-timestamp-nanos"): types.TIMESTAMP,
        ("fixed", "uuid"): types.STRING,
    }
)
# How many of its logical type's units are a millisecond; 1 where it is not here.
UNITS: Mapping[str, int] = MappingProxyType(
    {
        "time-micros": 1000,
        "timestamp-micros": 1000,
        "timestamp-nanos": 1_000_000,
        "local-timestamp-micros": 1000,
        "local-timestamp-nanos": 1_000_000,
    }
)


def avro_type(schema: Schema, name: str = "") -> pa.DataType:
    """The type of the schema's values; `name` is the record's of a union of several.

    >>> from kshell.formats.registry import SchemaType
    >>> text = '{"type": "record", "name": "R", "fields": [{"name": "a", "type": "float"}]}'
    >>> avro_type(Schema(SchemaType.AVRO, text))
    StructType(struct<a: double>)
    """
    return node_type(_named(schema, name))


def exact_type(schema: Schema, name: str = "") -> pa.DataType:
    """As `avro_type` for a topic that nobody declared: what is nested too often is the text `…`."""
    return node_type(_named(schema, name), marks=True)


def cut_times(schema: Schema, name: str = "") -> tuple[str, ...]:
    """The fields whose times have more digits than milliseconds, which KSQL's types have not.

    Each is the names on the way to it; empty for a time alone.

    >>> from kshell.formats.registry import SchemaType
    >>> text = '{"type": "long", "logicalType": "timestamp-micros"}'
    >>> record = f'{{"type": "record", "name": "R", "fields": [{{"name": "a", "type": {text}}}]}}'
    >>> cut_times(Schema(SchemaType.AVRO, record))
    ('a',)
    """
    return tuple(_cut(_named(schema, name), {}))


def _cut(node: Node, known: dict[int, list[str]]) -> list[str]:
    """Below a node; `known` has the records that were seen, those within themselves as empty."""
    if node.kind == "long" and node.logical in UNITS:
        return [""]
    if id(node) in known:
        return known[id(node)]
    known[id(node)] = []
    found = [path for part in node.parts for path in _cut(part, known)]
    for f in node.fields:
        found += [f"{f.name}.{path}" if path else f.name for path in _cut(f.node, known)]
    known[id(node)] = list(dict.fromkeys(found))[:_MAX_CUT]
    return known[id(node)]


def once(type: pa.DataType, newest: Schema) -> pa.DataType:
    """The type without the fields that the newest schema has by another name."""
    return _once(type, load(newest))


def _once(type: pa.DataType, node: Node) -> pa.DataType:
    if node.kind == "union" and len(options(node)) == 1:
        return _once(type, options(node)[0])
    if pa.types.is_list(type) and node.kind == "array":
        return types.array_of(_once(type.value_type, node.parts[0]))
    if not pa.types.is_struct(type) or node.kind != "record":
        return type
    own = {f.name: f.node for f in node.fields}
    older = {name for f in node.fields for name in f.aliases} - own.keys()
    kept = [f for f in type if f.name not in older]
    return pa.struct(
        [(f.name, _once(f.type, own[f.name]) if f.name in own else f.type) for f in kept]
    )


def _named(schema: Schema, name: str) -> Node:
    node = load(schema)
    if name and node.kind == "union":
        return next((b for b in node.parts if b.name == name), node)
    return node


def node_type(node: Node, *, marks: bool = False) -> pa.DataType:
    """As `avro_type`, or with `marks` as `exact_type`; BindError where there are too many columns,
    or none."""
    try:
        found = _Types(marks).read(node, Counter())
    except RecursionError:
        raise BindError("the Avro schema is nested too deep") from None
    if found is None:
        raise BindError(f"the Avro schema ({node.simple_name}) holds no column")
    return found


def decimal_of(node: Node) -> tuple[int, int] | None:
    """Precision and scale of a decimal that DECIMAL can hold; None for any other type."""
    if node.logical != "decimal" or node.kind not in ("bytes", "fixed"):
        return None
    precision, scale = node.props.get("precision"), node.props.get("scale", 0)
    if not isinstance(precision, int) or not isinstance(scale, int):
        return None
    return (precision, scale) if 0 <= scale <= precision <= _MAX_DIGITS and precision else None


class _Types:
    def __init__(self, marks: bool) -> None:
        self._marks = marks
        self._count = 0

    def read(self, node: Node, path: Counter[str]) -> pa.DataType | None:
        """None for null alone, and for a record nested too often in itself that is not marked."""
        self._count += 1
        if self._count > _MAX_COLUMNS:
            raise BindError(f"an Avro schema of more than {_MAX_COLUMNS:,} columns")
        digits = decimal_of(node)
        if digits is not None:
            return types.decimal(*digits)
        if node.kind == "record":
            return self._record(node, path)
        if node.kind == "union":
            return self._union(node, path)
        if node.kind == "array":
            return self._array(node.parts[0], path)
        if node.kind == "map":
            value = self.read(node.parts[0], path)
            return None if value is None else types.map_of(types.STRING, value)
        return _LOGICAL.get((node.kind, node.logical)) or _PLAIN.get(node.kind)

    def _array(self, item: Node, path: Counter[str]) -> pa.DataType | None:
        found = self.read(item, path)
        if found is None:
            return None
        paired = is_entry(item) and pa.types.is_struct(found) and len(found) == 2
        if paired and not pa.types.is_nested(found.field(0).type):
            return types.map_of(found.field(0).type, found.field(1).type)
        return types.array_of(found)

    def _union(self, node: Node, path: Counter[str]) -> pa.DataType | None:
        branches = options(node)
        if len(branches) == 1:
            return self.read(branches[0], path)
        read = [(name, self.read(node.parts[i], path)) for name, i in branch_names(node).items()]
        fields = [(name, type) for name, type in read if type is not None]
        return pa.struct(fields) if fields else None

    def _record(self, node: Node, path: Counter[str]) -> pa.DataType | None:
        if path[node.name] >= _MAX_REPEATS:
            return types.STRING if self._marks else None
        path[node.name] += 1
        read = [(f.name, self.read(f.node, path)) for f in node.fields]
        path[node.name] -= 1
        fields = [(name, type) for name, type in read if type is not None]
        return pa.struct(fields) if fields else None


def key_name(source: str) -> str:
    """The full name of a source's key record.

    >>> key_name("MY_ORDERS")
    'io.confluent.ksql.avro_schemas.MyOrdersKey'
    """
    return f"{_NAMESPACE}.{''.join(word.capitalize() for word in source.split('_'))}Key"


# KSQL → the node that Connect writes, without the null beside it.
_NODES: Mapping[pa.DataType, Any] = MappingProxyType(
    {
        types.BOOLEAN: "boolean",
        types.INTEGER: "int",
        types.BIGINT: "long",
        types.DOUBLE: "double",
        types.STRING: "string",
        types.BYTES: "bytes",
        **{
            type: {
                "type": base,
                "connect.version": 1,
                "connect.name": f"{_CONNECT}.{name}",
                "logicalType": logical,
            }
            for type, base, name, logical in (
                (types.DATE, "int", "Date", "date"),
                (types.TIME, "int", "Time", "time-millis"),
                (types.TIMESTAMP, "long", "Timestamp", "timestamp-millis"),
            )
        },
    }
)


def avro_text(type: pa.DataType, name: str = DEFAULT_NAME) -> str:
    """The schema that ksqlDB writes: every column may be null, and is where it is not given.

    >>> avro_text(pa.int64())
    '["null","long"]'
    >>> avro_text(pa.struct([("A", pa.string())]), "n.R")  # doctest: +ELLIPSIS
    '{"type":"record","name":"R","namespace":"n","fields":[{"name":"A","type":["null","string"],...
    """
    node = _record(type, name) if pa.types.is_struct(type) else ["null", _node(type, name)]
    return json.dumps(node, separators=(",", ":"))


def _record(type: pa.StructType, name: str) -> dict[str, Any]:
    namespace, _, simple = name.rpartition(".")
    fields = [
        {"name": f.name, "type": ["null", _node(f.type, f"{name}_{f.name}")], "default": None}
        for f in type
    ]
    node: dict[str, Any] = {"type": "record", "name": simple}
    if namespace:
        node["namespace"] = namespace
    return {**node, "fields": fields, "connect.name": name}


def _node(type: pa.DataType, name: str) -> Any:
    if pa.types.is_struct(type):
        return _record(type, name)
    if pa.types.is_list(type):
        return {"type": "array", "items": ["null", _node(type.value_type, name)]}
    if pa.types.is_map(type):
        return _map(type, name)
    if pa.types.is_decimal(type):
        return {
            "type": "bytes",
            "scale": type.scale,
            "precision": type.precision,
            "connect.version": 1,
            "connect.parameters": {
                "scale": str(type.scale),
                "connect.decimal.precision": str(type.precision),
            },
            "connect.name": f"{_CONNECT}.Decimal",
            "logicalType": "decimal",
        }
    if type not in _NODES:
        raise BindError(f"{types.ksql_name(type)} has no Avro schema")
    return _NODES[type]


def _map(type: pa.MapType, name: str) -> dict[str, Any]:
    """Connect's way to write a map whose keys are optional, as all of ksqlDB's are: entries."""
    namespace, _, simple = name.rpartition(".")
    entry: dict[str, Any] = {"type": "record", "name": simple}
    if namespace:
        entry["namespace"] = namespace
    parts = (
        ("key", _node(type.key_type, f"{name}_MapKey")),
        ("value", _node(type.item_type, f"{name}_MapValue")),
    )
    entry["fields"] = [{"name": n, "type": ["null", t], "default": None} for n, t in parts]
    return {"type": "array", "items": {**entry, "connect.internal.type": "MapEntry"}}
