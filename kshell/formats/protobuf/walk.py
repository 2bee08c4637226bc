"""Protobuf messages to Arrow columns by a table of the fields that are wanted, compiled.

`decode` asks `walker` for each message type.  It gives None where `_protobuf` was not built (or
KSHELL_PURE is set), and for what the table cannot say: maps, groups, decimals, JSON texts, explicit
defaults, closed enums, numbers as other types.  `read` over upb serves then.

Both take the same records for good but for one thing: what no column asks for is walked over here
and not looked into.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from google.protobuf.descriptor import FieldDescriptor as Field

from kshell import types
from kshell.compiled import compiled
from kshell.formats.protobuf.columns import (
    JSON_TEXT,
    SPECIAL,
    UNSIGNED,
    WRAPPERS,
    is_map,
    oneof_name,
    oneofs,
)
from kshell.formats.protobuf.read import NOT_VALID, find, width
from kshell.types import ksql_name

__all__ = ["walker"]

# As in proto.h.
_MESSAGE, _ONEOF, _LIST, _PASS, _I32, _I64, _F64, _BOOL, _STRING, _BYTES = range(10)
_TIMESTAMP, _DATE, _TIME, _U64 = range(10, 14)
(_VARINT, _INT32, _UINT32, _SINT32, _SINT64, _WBOOL, _FIXED32, _SFIXED32, _FIXED64, _FLOAT, _DOUBLE,
 _LENGTH, _UINT64, _UFIXED64) = range(14)  # fmt: skip
_NOT_UTF8, _RANGE, _TOO_MANY, _NO_MEMORY, _NO_DATE, _NO_TIME = range(2, 8)

_WIRES = {
    Field.TYPE_BOOL: _WBOOL,
    Field.TYPE_INT32: _INT32,
    Field.TYPE_ENUM: _INT32,
    Field.TYPE_SINT32: _SINT32,
    Field.TYPE_SFIXED32: _SFIXED32,
    Field.TYPE_UINT32: _UINT32,
    Field.TYPE_FIXED32: _FIXED32,
    Field.TYPE_INT64: _VARINT,
    Field.TYPE_SINT64: _SINT64,
    Field.TYPE_SFIXED64: _FIXED64,
    Field.TYPE_UINT64: _UINT64,
    Field.TYPE_FIXED64: _UFIXED64,
    Field.TYPE_FLOAT: _FLOAT,
    Field.TYPE_DOUBLE: _DOUBLE,
    Field.TYPE_STRING: _LENGTH,
    Field.TYPE_BYTES: _LENGTH,
}
_UNSIGNED = (Field.TYPE_UINT64, Field.TYPE_FIXED64)
_PARTS = {
    "google.protobuf.Timestamp": (_TIMESTAMP, (types.TIMESTAMP, types.BIGINT)),
    "google.type.Date": (_DATE, (types.DATE, types.INTEGER)),
    "google.type.TimeOfDay": (_TIME, (types.TIME, types.INTEGER)),
}
_PHYSICAL = {
    _I32: pa.int32(), _DATE: pa.int32(), _TIME: pa.int32(), _I64: pa.int64(),
    _TIMESTAMP: pa.int64(), _F64: pa.float64(), _U64: pa.uint64(),
}  # fmt: skip


class _NotThus(Exception):
    """The table cannot say it."""


@dataclass(slots=True)
class _Node:
    kind: int
    path: str
    type: Any = None
    wire: int = 0
    wrapped: bool = False
    has_null: bool = True
    integral: bool = False
    entries: dict[int, tuple[int, int]] = field(default_factory=dict)  # number → node, group
    children: list[int | None] = field(default_factory=list)  # None: nothing gives the column
    child: int = 0
    group: int = -1
    width: int = 1
    first_group: int = 0
    group_count: int = 0
    names: dict[int, str] | None = None  # of an enum

    def row(self) -> tuple[Any, ...]:
        entries = [(number, node, group) for number, (node, group) in self.entries.items()]
        children = [c for c in self.children if c is not None]
        return (self.kind, self.wire, self.wrapped, self.has_null, self.integral, entries, children,
                self.child, self.group, self.width, self.first_group, self.group_count)  # fmt: skip


class _Table:
    """Nodes, the message first, and how many oneofs they have."""

    def __init__(self, message: Any, fields: Sequence[pa.Field]) -> None:
        self.nodes: list[_Node] = []
        self.groups = 0
        self._message(message, fields, "", True)

    def _add(self, node: _Node) -> int:
        self.nodes.append(node)
        return len(self.nodes) - 1

    def _message(
        self, message: Any, fields: Sequence[pa.Field], path: str, has_null: bool
    ) -> int:
        node = _Node(_MESSAGE, path, has_null=has_null, width=1 + len(fields))
        at = self._add(node)
        node.first_group = self.groups
        real = list(oneofs(message))
        self.groups += len(real)
        node.group_count = len(real)
        groups = {f.number: node.first_group + i for i, o in enumerate(real) for f in o.fields}
        by_name = {f.name: f for f in message.fields}
        by_oneof = {oneof_name(o): (node.first_group + i, o) for i, o in enumerate(real)}
        for wanted in fields:
            found = find(by_name, wanted.name)
            if found is not None:
                node.children.append(self._member(node, found, wanted, groups))
                continue
            group, oneof = find(by_oneof, wanted.name) or (-1, None)
            if oneof is None or not pa.types.is_struct(wanted.type):
                node.children.append(None)
                continue
            node.children.append(self._oneof(node, message, wanted, group, groups))
        for one in real:
            if any(f.number in node.entries for f in one.fields) or any(
                c is not None and self.nodes[c].group == groups[one.fields[0].number]
                for c in node.children
            ):
                for member in one.fields:
                    number = member.number
                    if number not in node.entries:
                        passed = self._add(_Node(_PASS, f"{path}{member.name}"))
                        node.entries[number] = passed, groups[number]
        return at

    def _member(
        self, node: _Node, found: Any, wanted: pa.Field, groups: dict[int, int]
    ) -> int:
        if found.number in node.entries:
            raise _NotThus  # two columns of one field
        made = self._field(found, wanted.type, f"{node.path}{found.name}")
        node.entries[found.number] = made, groups.get(found.number, -1)
        return made

    def _oneof(
        self, node: _Node, message: Any, wanted: pa.Field, group: int, groups: dict[int, int]
    ) -> int:
        """A STRUCT of members; their entries are the message's."""
        made = _Node(_ONEOF, f"{node.path}{wanted.name}", group=group)
        at = self._add(made)
        by_name = {f.name: f for f in message.fields}
        for inner in wanted.type:
            found = find(by_name, inner.name)
            if found is not None:
                made.children.append(self._member(node, found, inner, groups))
            else:
                made.children.append(None)
        return at

    def _field(self, found: Any, type: pa.DataType, path: str) -> int:
        if is_map(found) or found.type == Field.TYPE_GROUP:
            raise _NotThus
        if found.is_repeated:
            if not pa.types.is_list(type):
                raise _NotThus
            node = _Node(_LIST, path, has_null=False)
            at = self._add(node)
            node.child = self._one(found, type.value_type, path, False)
            self.nodes[node.child].width = width(type.value_type)
            return at
        if found.has_presence and found.message_type is None and found.has_default_value:
            raise _NotThus
        return self._one(found, type, path, found.has_presence)

    def _one(self, found: Any, type: pa.DataType, path: str, has_null: bool) -> int:
        message = found.message_type
        if message is None:
            return self._leaf(found, type, path, has_null)
        name = message.full_name
        if name in WRAPPERS and not pa.types.is_struct(type):
            at = self._leaf(message.fields_by_name["value"], type, path, has_null)
            self.nodes[at].wrapped = True
            return at
        if name in SPECIAL and not pa.types.is_struct(type):
            kind, fitting = _PARTS[name]
            if type not in fitting:
                raise _NotThus
            return self._add(_Node(kind, path, type, has_null=has_null))
        if name in JSON_TEXT or not pa.types.is_struct(type):
            raise _NotThus
        return self._message(message, list(type), f"{path}.", has_null)

    def _leaf(self, found: Any, type: pa.DataType, path: str, has_null: bool) -> int:
        node = _Node(_kind(found, type), path, type, wire=_WIRES[found.type], has_null=has_null)
        if found.type == Field.TYPE_ENUM:
            if found.enum_type.is_closed:
                raise _NotThus
            if type == types.STRING:
                node.names = {n: v.name for n, v in found.enum_type.values_by_number.items()}
        node.integral = node.kind == _F64 and found.type not in (
            Field.TYPE_FLOAT, Field.TYPE_DOUBLE
        )  # fmt: skip
        return self._add(node)


def _kind(found: Any, type: pa.DataType) -> int:
    scalar = found.type
    if scalar == Field.TYPE_BOOL and type == types.BOOLEAN:
        return _BOOL
    if scalar == Field.TYPE_STRING and type == types.STRING:
        return _STRING
    if scalar == Field.TYPE_BYTES and type == types.BYTES:
        return _BYTES
    if scalar == Field.TYPE_ENUM and type == types.STRING:
        return _I32
    if scalar in (Field.TYPE_FLOAT, Field.TYPE_DOUBLE):
        if type == types.DOUBLE:
            return _F64
    elif _WIRES[scalar] not in (_WBOOL, _LENGTH):
        if type == types.BIGINT:
            return _I64
        if type == UNSIGNED and scalar in _UNSIGNED:
            return _U64
        if type == types.INTEGER and scalar not in _UNSIGNED:
            return _I32
        if type == types.DOUBLE and scalar not in (*_UNSIGNED, Field.TYPE_ENUM):
            return _F64
    raise _NotThus


class Walker:
    """Records of one message type as columns."""

    def __init__(self, module: Any, table: _Table, fields: Sequence[pa.Field]) -> None:
        self._nodes, self._fields = table.nodes, fields
        self._table = module.Table([n.row() for n in table.nodes], table.groups)

    def read(
        self, data: pa.Buffer | None, starts: Any, ends: Any
    ) -> tuple[list[pa.Array], list[tuple[int, str]]]:
        """A column for each field of the messages at [start, end), and the bad ones with why."""
        made, failed = self._table.walk(data, starts, ends)
        rows = len(starts)
        columns = [
            pa.nulls(rows, f.type) if at is None else self._array(made, at, f.type)
            for at, f in zip(self._nodes[0].children, self._fields, strict=True)
        ]
        return columns, [(row, self._reason(why, at)) for row, why, at in failed]

    def _reason(self, why: int, at: int) -> str:
        node = self._nodes[max(at, 0)]
        reason = {
            _NOT_UTF8: "not valid UTF-8",
            _RANGE: f"a value too large for {ksql_name(node.type)}" if node.type else "",
            _NO_DATE: "no date",
            _NO_TIME: "no time of a day",
            _TOO_MANY: "too many values",
        }.get(why)
        if reason is None:
            return NOT_VALID
        return f"field {node.path}: {reason}" if node.path else reason

    def _array(self, made: Any, at: int, type: pa.DataType) -> pa.Array:
        node = self._nodes[at]
        rows, valid, values, offsets, data = made[at]
        bits = _bits(valid) if rows and not np.frombuffer(valid, np.uint8).all() else None
        if node.kind in (_MESSAGE, _ONEOF):
            inner = [
                pa.nulls(rows, f.type) if c is None else self._array(made, c, f.type)
                for c, f in zip(node.children, type, strict=True)
            ]
            return pa.Array.from_buffers(type, rows, [bits], children=inner)
        if node.kind == _LIST:
            element = self._array(made, node.child, type.value_type)
            return pa.Array.from_buffers(type, rows, [bits, offsets], children=[element])
        if node.kind in (_STRING, _BYTES):
            return pa.Array.from_buffers(type, rows, [bits, offsets, data])
        if node.kind == _BOOL:
            return pa.Array.from_buffers(type, rows, [bits, _bits(values)])
        plain = pa.Array.from_buffers(_PHYSICAL[node.kind], rows, [bits, values])
        if node.names is not None:
            return _enum(plain, node.names)
        return plain if plain.type == type else plain.cast(type)


def _bits(flags: pa.Buffer) -> pa.Buffer:
    return pa.py_buffer(np.packbits(np.frombuffer(flags, np.uint8), bitorder="little"))


def _enum(numbers: pa.Array, names: dict[int, str]) -> pa.Array:
    """The names of an enum's numbers; a number without one is its digits."""
    known = pc.index_in(numbers, pa.array(list(names), pa.int32()), skip_nulls=True)
    found = pa.array(list(names.values()), pa.string()).take(known)
    if found.null_count == numbers.null_count:
        return found
    return pc.coalesce(found, numbers.cast(pa.string()))


def walker(message: Any, fields: Sequence[pa.Field]) -> Walker | None:
    """What reads the columns of that message; None where the table cannot say them."""
    module = compiled("kshell.formats._protobuf")
    if module is None:
        return None
    try:
        return Walker(module, _Table(message, fields), fields)
    except _NotThus:
        return None
