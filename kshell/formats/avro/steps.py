"""What the compiled writer of rows does for a schema and a type; `write` is its twin.

What is rare (enums, fixed, numbers as floats, unions of records) only the twin writes.  It also
makes the errors: a value that is refused goes to it.
"""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from kshell import types
from kshell.formats.avro.parse import Node, is_entry
from kshell.formats.avro.schema import UNITS, node_type
from kshell.formats.avro.values import BITS, default_bytes, put_long
from kshell.formats.avro.write import branch_of, fields_of, is_nullable
from kshell.formats.row_writer import NotCompiled, Step

__all__ = ["steps"]

_WHOLE = frozenset({types.INTEGER, types.BIGINT, types.TIMESTAMP, types.DATE, types.TIME})
_AS_BYTES = frozenset({types.STRING, types.BYTES})


def steps(node: Node, type: pa.DataType, *, wrapped: bool) -> Sequence[Step]:
    """How a value of the type is written, or the columns if it is a record of them; NotCompiled
    where only the twin does it."""
    if not wrapped:
        return [_of(node, type, 0)]
    if node.kind != "record":
        raise NotCompiled
    return _fields(node, type)


def _of(node: Node, type: pa.DataType, place: int) -> Step:
    if node.kind != "union":
        return _plain(node, type, place)._replace(none=None)
    null = next((i for i, b in enumerate(node.parts) if b.kind == "null"), -1)
    if pa.types.is_struct(type) and sum(b.kind != "null" for b in node.parts) > 1:
        raise NotCompiled  # its fields may be the branches
    chosen = branch_of(node, type)
    made = _plain(node.parts[chosen], type, place)
    return made._replace(before=_long(chosen), none=None if null < 0 else _long(null))


def _plain(node: Node, type: pa.DataType, place: int) -> Step:
    kind = node.kind
    if kind == "record" and pa.types.is_struct(type):
        return Step(type, inner=_fields(node, type), place=place)
    if kind == "array" and pa.types.is_list(type):
        return Step(type, inner=(_of(node.parts[0], type.value_type, 0),), place=place)
    if kind == "map" and pa.types.is_map(type) and type.key_type == types.STRING:
        inner = Step(types.STRING, none=None), _of(node.parts[0], type.item_type, 1)
        return Step(type, inner=inner, place=place)
    if kind == "array" and pa.types.is_map(type) and is_entry(node.parts[0]):
        key, item = (f.node for f in node.parts[0].fields)
        inner = _of(key, type.key_type, 0), _of(item, type.item_type, 1)
        return Step(type, inner=inner, place=place)
    if kind in BITS and type in _WHOLE:
        unit = UNITS.get(node.logical, 1) if type in (types.TIMESTAMP, types.TIME) else 1
        return Step(type, place=place, unit=unit, bits=BITS[kind])
    plain = (
        (kind == "double" and type == types.DOUBLE)
        or (kind == "boolean" and type == types.BOOLEAN)
        or (kind in ("string", "bytes") and type in _AS_BYTES)
        or (kind == "bytes" and pa.types.is_decimal(type) and node_type(node) == type)
    )
    if not plain:
        raise NotCompiled
    return Step(type, place=place)


def _fields(node: Node, type: pa.StructType) -> tuple[Step, ...]:
    """The schema's fields in order; those without a column are the same in every row."""
    made = []
    for field, name in fields_of(node, type):
        default = default_bytes(field) if field.has_default else None
        if name is None:
            made.append(Step(None, _absent(field.node) if default is None else default))
            continue
        place = type.get_field_index(name)
        step = _of(field.node, type.field(place).type, place)
        if default is not None and not is_nullable(field.node):
            step = step._replace(none=default)
        made.append(step)
    return tuple(made)


def _absent(node: Node) -> bytes:
    if node.kind == "null":
        return b""
    return _long(next(i for i, p in enumerate(node.parts) if p.kind == "null"))


def _long(number: int) -> bytes:
    out = bytearray()
    put_long(number, out)
    return bytes(out)
