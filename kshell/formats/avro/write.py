"""Columns as Avro: a writer is compiled for a schema and the type of what it gets.

A column's type may differ from the schema's: numbers widen, text becomes an enum's symbol, a
decimal gets the schema's scale, as long as no value changes.  The codec uses `writer`.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from typing import Any

import pyarrow as pa

from kshell import types
from kshell.errors import EvaluationError, Unwritable
from kshell.formats.avro.parse import Field, Node, branch_names, is_entry, within_itself
from kshell.formats.avro.schema import UNITS, decimal_of, node_type
from kshell.formats.avro.values import (
    BITS,
    Write,
    default_bytes,
    put_blocks,
    put_boolean,
    put_bytes,
    put_decimal,
    put_double,
    put_float,
    put_long,
    put_symbol,
    put_text,
)

__all__ = ["branch_of", "fields_of", "is_nullable", "writer"]

_UNABLE = "Exception caught in process (Unable to serialize record)"  # in Kafka Streams' words


class _NoFit(Exception):
    """The schema cannot hold a column of that type."""


class _Bad(Exception):
    """The schema cannot hold that value."""


def writer(node: Node, type: pa.DataType) -> Write:
    """What writes a value of the type.

    EvaluationError where the schema cannot hold the type, and Unwritable from the write where it
    refuses a value.
    """
    try:
        write = _of(node, type, "")
    except _NoFit as error:
        raise EvaluationError(
            f"{_UNABLE}: the Avro schema cannot hold the columns: {error}",
            hint="another SCHEMA_ID, or columns as the schema has them",
        ) from None

    def checked(value: Any, out: bytearray) -> None:
        try:
            write(value, out)
        except _Bad as error:
            raise Unwritable(f"{_UNABLE}: {error}") from None

    return checked


def _of(node: Node, type: pa.DataType, path: str) -> Write:
    """Writes NULL as well, where the schema has it."""
    if node.kind == "union":
        return _union(node, type, path)
    inner = _plain(node, type, path)
    where = path or "the value"

    def write(value: Any, out: bytearray) -> None:
        if value is None and node.kind != "null":
            raise _Bad(f"{where} is NULL, and the schema has no null there")
        try:
            inner(value, out)
        except (ValueError, struct.error):
            shown = repr(value)[:60]
            raise _Bad(f"{where}: {shown} is no {node.simple_name}") from None

    return write


def _union(node: Node, type: pa.DataType, path: str) -> Write:
    null = next((i for i, b in enumerate(node.parts) if b.kind == "null"), -1)
    if pa.types.is_struct(type):
        named = {name.casefold(): i for name, i in branch_names(node).items()}
        if len(named) > 1 and all(f.name.casefold() in named for f in type) and len(type):
            return _branches(node, type, named, null, path)
    place, inner = _branch(node, type, path)
    prefix, nothing = bytearray(), bytearray()
    put_long(place, prefix)
    put_long(null, nothing)
    where = path or "the value"

    def write(value: Any, out: bytearray) -> None:
        if value is not None:
            out += prefix
            inner(value, out)
        elif null < 0:
            raise _Bad(f"{where} is NULL, and the schema has no null there")
        else:
            out += nothing

    return write


def branch_of(node: Node, type: pa.DataType) -> int:
    """The place of the union's branch that is written for the type."""
    return _branch(node, type, "")[0]


def _branch(node: Node, type: pa.DataType, path: str) -> tuple[int, Write]:
    """The branch that is of the column's own type, else the first that can hold it."""
    fitting: list[tuple[int, Write]] = []
    for place, part in enumerate(node.parts):
        if part.kind == "null":
            continue
        try:
            fitting.append((place, _of(part, type, path)))
        except _NoFit:
            continue
        if not pa.types.is_nested(type) and node_type(part) == type:
            return fitting[-1]
    if not fitting:
        kinds = ", ".join(p.simple_name for p in node.parts)
        raise _NoFit(f"{path or 'the value'} is {types.ksql_name(type)}, not one of {kinds}")
    return fitting[0]


def _branches(
    node: Node, type: pa.StructType, named: Mapping[str, int], null: int, path: str
) -> Write:
    """The STRUCT's one field that is not NULL is the branch."""
    places = [(f.name, named[f.name.casefold()]) for f in type]
    inner = {
        name: (place, _of(node.parts[place], type.field(name).type, f"{path}->{name}"))
        for name, place in places
    }

    def write(value: Any, out: bytearray) -> None:
        given = [name for name, v in (value or {}).items() if v is not None]
        if not given and null >= 0:
            put_long(null, out)
            return
        if len(given) != 1:
            raise _Bad(f"{path or 'the value'} must have one field that is not NULL")
        place, put = inner[given[0]]
        put_long(place, out)
        put(value[given[0]], out)

    return write


def _nothing(value: Any, out: bytearray) -> None:
    pass


def _no_cut(value: Any, out: bytearray) -> None:
    """The text for a record nested too often in itself is not that record."""
    raise ValueError


def _plain(node: Node, type: pa.DataType, path: str) -> Write:
    kind = node.kind
    if kind == "record" and pa.types.is_struct(type):
        return _record(node, type, path)
    if kind == "record" and type == types.STRING and within_itself(node):
        return _no_cut
    if kind == "array" and pa.types.is_list(type):
        item = _of(node.parts[0], type.value_type, f"{path}[]")
        return lambda value, out: put_blocks(value, item, out)
    if pa.types.is_map(type):
        return _map(node, type, path)
    if pa.types.is_decimal(type) and decimal_of(node):
        return lambda value, out: put_decimal(node, value, out)
    made = _scalar(node, type)
    if made is None:
        raise _NoFit(f"{path or 'the value'} is {types.ksql_name(type)}, not {node.simple_name}")
    return made


def _scalar(node: Node, type: pa.DataType) -> Write | None:
    kind = node.kind
    if kind in BITS:
        return _number(node, type)
    if kind in ("float", "double") and type in (types.INTEGER, types.BIGINT, types.DOUBLE):
        return put_double if kind == "double" else put_float
    if type == types.STRING:
        if kind == "enum":
            return lambda value, out: put_symbol(node, value, out)
        if kind == "fixed" and node.logical == "uuid":
            return _fixed(node, lambda text: bytes.fromhex(text.replace("-", "")))
        return put_text if kind in ("string", "bytes") else None
    if type == types.BYTES:
        if kind == "fixed":
            return _fixed(node, bytes)
        return put_bytes if kind in ("bytes", "string") else None
    return put_boolean if kind == "boolean" and type == types.BOOLEAN else None


def _number(node: Node, type: pa.DataType) -> Write | None:
    if type not in (types.INTEGER, types.BIGINT, types.TIMESTAMP, types.DATE, types.TIME):
        return None
    times = type in (types.TIMESTAMP, types.TIME)
    unit = UNITS.get(node.logical, 1) if times else 1
    bound = 1 << BITS[node.kind]
    if unit == 1 and (node.kind == "long" or type in (types.INTEGER, types.DATE, types.TIME)):
        return put_long

    def write(value: Any, out: bytearray) -> None:
        value *= unit
        if not -bound <= value < bound:
            raise ValueError(value)
        put_long(value, out)

    return write


def _fixed(node: Node, convert: Callable[[Any], bytes]) -> Write:
    def write(value: Any, out: bytearray) -> None:
        data = convert(value)
        if len(data) != node.size:
            raise ValueError(value)
        out += data

    return write


def _map(node: Node, type: pa.MapType, path: str) -> Write:
    key: Write = put_text
    if node.kind == "map" and type.key_type == types.STRING:
        item = _of(node.parts[0], type.item_type, f"{path}[]")
    elif node.kind == "array" and is_entry(node.parts[0]):
        fields = node.parts[0].fields
        key = _of(fields[0].node, type.key_type, f"{path}[]->key")
        item = _of(fields[1].node, type.item_type, f"{path}[]->value")
    else:
        raise _NoFit(f"{path or 'the value'} is {types.ksql_name(type)}, not {node.simple_name}")

    def entry(pair: Any, out: bytearray) -> None:
        key(pair[0], out)
        item(pair[1], out)

    return lambda value, out: put_blocks(list(value), entry, out)


def _record(node: Node, type: pa.StructType, path: str) -> Write:
    plain: list[tuple[str, Write, bytes | None]] = []
    for f, name in fields_of(node, type):
        default = default_bytes(f) if f.has_default else None
        if name is not None:
            inner = f"{path}->{f.name}" if path else f.name
            put = _of(f.node, type.field(name).type, inner)
            plain.append((name, put, None if is_nullable(f.node) else default))
        elif default is not None:
            plain.append((f.name, _nothing, default))
        else:
            plain.append((f.name, _absent(f.node), None))

    def write(value: Any, out: bytearray) -> None:
        for name, put, default in plain:
            given = value.get(name)
            if given is None and default is not None:
                out += default
            else:
                put(given, out)

    return write


def fields_of(node: Node, type: pa.StructType) -> list[tuple[Field, str | None]]:
    """The schema's fields in order, each with the name of its column, if it has one."""
    names = [f.name for f in type]
    used: set[str] = set()
    found: list[tuple[Field, str | None]] = []
    for f in node.fields:
        name = next((n for n in names if n == f.name), None) or next(
            (n for n in names if n.casefold() == f.name.casefold() and n not in used), None
        )
        if name is not None:
            used.add(name)
        elif not f.has_default and not is_nullable(f.node):
            raise _NoFit(f"no column for its field {f.name}, which has no default")
        found.append((f, name))
    unknown = [n for n in names if n not in used]
    if unknown:
        raise _NoFit(f"it has no field for {', '.join(unknown)}")
    return found


def is_nullable(node: Node) -> bool:
    """Whether the schema has null there."""
    return node.kind == "null" or any(p.kind == "null" for p in node.parts if node.kind == "union")


def _absent(node: Node) -> Write:
    if node.kind == "null":
        return _nothing
    place = next(i for i, p in enumerate(node.parts) if p.kind == "null")
    return lambda value, out: put_long(place, out)
