"""How a writer's schema becomes the columns wanted: Avro's resolution rules, worked out beforehand.

`resolve` gives a graph of `Op`, which `_avro` runs in C and `pure` in Python with the same answers;
`program` calls it for each schema that records of a topic have.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import pyarrow as pa

from kshell import types
from kshell.errors import BindError, KshellError
from kshell.formats.avro.ops import Code, Fit, Op, Slot
from kshell.formats.avro.parse import Field, Node, branch_names, is_entry, options, within_itself
from kshell.formats.avro.schema import UNITS, decimal_of
from kshell.formats.avro.values import default_bytes

__all__ = ["resolve"]

_MAX_OPS = 20_000
_CUT = "…".encode()  # a record nested too often in itself


def resolve(writer: Node, slot: Slot, reader: Node | None, *, loose: bool) -> Op:
    """The Op that reads a datum of `writer` into the slot.

    `reader` is the schema with defaults and aliases, if there is one; `loose` names match in
    any case where they do not match exactly.
    """
    return _Resolver(loose).read(writer, slot, reader, "")


# (Avro type, logical type or "") → KSQL type → (code, x, y).
_DATE, _TIME, _STAMP = types.DATE, types.TIME, types.TIMESTAMP
_INTS: Mapping[pa.DataType, tuple[Code, int, int]] = {
    types.INTEGER: (Code.INT, 0, 0),
    types.BIGINT: (Code.INT, 0, 0),
    types.DOUBLE: (Code.LONG_DOUBLE, 0, Fit.INT),
    types.STRING: (Code.LONG_TEXT, 0, Fit.INT),
    _DATE: (Code.SCALED, 1, Fit.DATE),
    _TIME: (Code.SCALED, 1, Fit.TIME),
    _STAMP: (Code.SCALED, 1, Fit.INT),
}
_LONGS: Mapping[pa.DataType, tuple[Code, int, int]] = {
    types.INTEGER: (Code.SCALED, 1, Fit.INT),
    types.BIGINT: (Code.LONG, 0, 0),
    types.DOUBLE: (Code.LONG_DOUBLE, 0, Fit.LONG),
    types.STRING: (Code.LONG_TEXT, 0, Fit.LONG),
    _TIME: (Code.SCALED, 1, Fit.TIME),
    _STAMP: (Code.LONG, 0, 0),
}
_SCALARS: Mapping[str, Mapping[pa.DataType, tuple[Code, int, int]]] = MappingProxyType(
    {
        "boolean": {
            types.BOOLEAN: (Code.BOOLEAN, 0, 0),
            types.STRING: (Code.BOOLEAN_TEXT, 0, 0),
        },
        "int": _INTS,
        "long": _LONGS,
        "float": {types.DOUBLE: (Code.FLOAT, 0, 0)},
        "double": {types.DOUBLE: (Code.DOUBLE, 0, 0)},
        "string": {types.STRING: (Code.TEXT, 0, 0), types.BYTES: (Code.BYTES, 0, 0)},
        "bytes": {types.STRING: (Code.TEXT, 0, 0), types.BYTES: (Code.BYTES, 0, 0)},
    }
)
_LEAST = {Code.NULL: 0, Code.RECORD: 0, Code.CONSTANT: 0, Code.MISSING: 0, Code.UNFIT: 0}
_SKIPS = {
    "null": Code.NULL,
    "boolean": Code.BOOLEAN,
    "int": Code.INT,
    "long": Code.LONG,
    "float": Code.FLOAT,
    "double": Code.DOUBLE,
    "bytes": Code.BYTES,
    "string": Code.BYTES,
}


class _Resolver:
    def __init__(self, loose: bool) -> None:
        self._loose = loose
        self._skips: dict[int, Op] = {}
        self._count = 0

    def _op(self, code: Code, slot: Slot | None, path: str, x: int = 0, y: int = 0) -> Op:
        self._count += 1
        if self._count > _MAX_OPS:
            raise BindError(f"an Avro schema with more than {_MAX_OPS:,} parts")
        least = {Code.FLOAT: 4, Code.DOUBLE: 8, Code.FIXED: x, Code.UUID: 16}.get(code)
        if least is None:
            least = _LEAST.get(code, 1)
        if code is Code.DECIMAL and x:
            least = x
        return Op(code, -1 if slot is None else slot.number, x, y, least=least, path=path)

    # What is wanted.

    def read(self, node: Node, slot: Slot, reader: Node | None, path: str) -> Op:
        if node.kind == "union":
            return self._union(node, slot, reader, path)
        if reader is not None and reader.kind == "union":
            reader = _like(node, reader)
        if node.kind == "null":
            return self._op(Code.NULL, slot, path)
        type = slot.type
        if pa.types.is_struct(type) and node.kind == "record":
            return self._record(node, slot, reader, path)
        if pa.types.is_map(type):
            return self._map(node, slot, reader, path)
        if pa.types.is_list(type) and node.kind == "array":
            op = self._op(Code.ARRAY, slot, path)
            inner = reader.parts[0] if reader is not None and reader.kind == "array" else None
            op.children.append(self.read(node.parts[0], slot.children[0], inner, f"{path}[]"))
            return op
        if type == types.STRING and node.kind == "record" and within_itself(node):
            return self._cut(node, slot, path)
        return self._scalar(node, slot, reader, path)

    def _cut(self, node: Node, slot: Slot, path: str) -> Op:
        op = self._op(Code.CUT, slot, path)
        op.data = _CUT
        op.children.append(self.skip(node))
        return op

    def _unfit(self, node: Node, slot: Slot, path: str) -> Op:
        name = node.simple_name if not node.logical else f"{node.kind} ({node.logical})"
        op = self._op(Code.UNFIT, slot, path)
        op.symbols = (f"Avro {name} cannot be {types.ksql_name(slot.type)}",)
        return op

    def _union(self, node: Node, slot: Slot, reader: Node | None, path: str) -> Op:
        branches = options(node)
        if len(branches) == 1 and len(node.parts) <= 2:
            op = self.read(branches[0], slot, reader, path)
            if op.null >= 0 or len(node.parts) == 1:  # its index must be read all the same
                return self._any(node, [op], slot, path)
            op.null = next(i for i, b in enumerate(node.parts) if b.kind == "null")
            op.least = 1
            return op
        if pa.types.is_struct(slot.type):
            named = branch_names(node)
            found = [_find(f.name, named, self._loose) for f in slot.type]
            if found and all(name is not None for name in found):
                return self._branches(node, slot, [named[str(n)] for n in found], reader, path)
        return self._any(
            node, [self.read(b, slot, reader, path) for b in node.parts], slot, path
        )

    def _any(self, node: Node, ops: list[Op], slot: Slot | None, path: str) -> Op:
        op = self._op(Code.UNION, slot, path)
        op.children = ops
        return op

    def _branches(
        self, node: Node, slot: Slot, places: list[int], reader: Node | None, path: str
    ) -> Op:
        """A child for each branch; x of them in front are those of the slot's fields."""
        op = self._op(Code.BRANCHES, slot, path)
        for place, branch in enumerate(node.parts):
            if place in places:
                inner = slot.children[places.index(place)]
                name = slot.type.field(places.index(place)).name
                op.children.append(self.read(branch, inner, reader, _below(path, name)))
            elif branch.kind == "null":
                op.children.append(self._op(Code.NULL, None, path))
            else:
                op.children.append(self.skip(branch))
        return op

    def _record(self, node: Node, slot: Slot, reader: Node | None, path: str) -> Op:
        op = self._op(Code.RECORD, slot, path)
        if reader is not None and reader.kind != "record":
            reader = None
        named = {f.name: i for i, f in enumerate(node.fields)}
        known = {f.name: f for f in reader.fields} if reader is not None else {}
        taken: dict[int, tuple[Slot, Field | None]] = {}
        missing: list[Op] = []
        for number, wanted in enumerate(slot.type):
            inner = slot.children[number]
            read_as = known.get(_find(wanted.name, known, self._loose) or "")
            place = self._written(wanted.name, named, read_as)
            if place is None or place in taken:
                missing.append(self._absent(inner, read_as, _below(path, wanted.name)))
            else:
                taken[place] = inner, read_as
        for i, f in enumerate(node.fields):
            if i in taken:
                inner, read_as = taken[i]
                inner_reader = read_as.node if read_as is not None else None
                name = slot.type.field(slot.children.index(inner)).name
                op.children.append(self.read(f.node, inner, inner_reader, _below(path, name)))
            else:
                op.children.append(self.skip(f.node))
        op.children += missing
        op.least = sum(c.least for c in op.children)
        return op

    def _written(self, name: str, named: Mapping[str, int], read_as: Field | None) -> int | None:
        """The writer's field: of that name, or of one that the reader's field had before."""
        found = _find(name, named, self._loose)
        if found is None and read_as is not None:
            names = (read_as.name, *read_as.aliases)
            found = next((n for n in names if n in named), None)
        return None if found is None else named[found]

    def _absent(self, slot: Slot, read_as: Field | None, path: str) -> Op:
        if read_as is None or not read_as.has_default or read_as.default is None:
            return self._op(Code.MISSING, slot, path)
        op = self._op(Code.CONSTANT, slot, path)
        try:
            op.data = default_bytes(read_as)
        except KshellError as error:
            unfit = self._op(Code.UNFIT, slot, path)
            unfit.symbols = (f"its default: {error.what}",)
            return unfit
        op.children.append(self.read(read_as.node, slot, read_as.node, path))
        return op

    def _map(self, node: Node, slot: Slot, reader: Node | None, path: str) -> Op:
        keys, items = slot.children
        if node.kind == "map" and keys.type == types.STRING:
            op = self._op(Code.MAP, slot, path)
            inner = reader.parts[0] if reader is not None and reader.kind == "map" else None
            op.children = [
                self._op(Code.TEXT, keys, path),
                self.read(node.parts[0], items, inner, f"{path}[]"),
            ]
            return op
        if node.kind != "array" or not is_entry(node.parts[0]) or pa.types.is_nested(keys.type):
            return self._unfit(node, slot, path)
        op = self._op(Code.MAP, slot, path, 1)
        key, value = node.parts[0].fields
        op.children = [
            self.read(key.node, keys, None, path),
            self.read(value.node, items, None, f"{path}[]"),
        ]
        return op

    def _scalar(self, node: Node, slot: Slot, reader: Node | None, path: str) -> Op:
        type = slot.type
        if pa.types.is_decimal(type):
            digits = decimal_of(node)
            if digits is None:
                return self._unfit(node, slot, path)
            return self._op(
                Code.DECIMAL, slot, path, node.size, type.scale - digits[1]
            )
        if node.kind == "enum" and type == types.STRING:
            op = self._op(Code.ENUM, slot, path)
            op.symbols = node.symbols
            if reader is not None and reader.kind == "enum":
                _known_symbols(op, reader)
            return op
        if node.kind == "fixed":
            if type == types.STRING and node.logical == "uuid" and node.size == 16:
                return self._op(Code.UUID, slot, path)
            if type == types.BYTES:
                return self._op(Code.FIXED, slot, path, node.size)
            return self._unfit(node, slot, path)
        row = _SCALARS.get(node.kind, {}).get(type)
        if row is None:
            return self._unfit(node, slot, path)
        code, x, y = row
        unit = UNITS.get(node.logical, 1) if node.kind == "long" else 1
        if unit > 1 and type == _STAMP:
            code, x, y = Code.SCALED, unit, Fit.LONG
        elif unit > 1 and type == _TIME:
            code, x, y = Code.SCALED, unit, Fit.TIME
        return self._op(code, slot, path, x, y)

    # What is not.

    def skip(self, node: Node) -> Op:
        """Passes over a value; a recursive type's Op is a loop."""
        known = self._skips.get(id(node))
        if known is not None:
            return known
        code = _SKIPS.get(node.kind)
        if code is not None:
            op = self._op(code, None, "")
        elif node.kind == "enum":
            op = self._op(Code.ENUM, None, "")
            op.symbols = node.symbols
        elif node.kind == "fixed":
            op = self._op(Code.FIXED, None, "", node.size)
        else:
            op = self._op(_NESTED[node.kind], None, "")
        self._skips[id(node)] = op
        if node.kind == "record":
            op.children = [self.skip(f.node) for f in node.fields]
            op.least = sum(c.least for c in op.children)
        elif node.kind == "map":
            op.children = [self._op(Code.BYTES, None, ""), self.skip(node.parts[0])]
        elif node.parts:
            op.children = [self.skip(p) for p in node.parts]
        return op


_NESTED = {"record": Code.RECORD, "array": Code.ARRAY, "map": Code.MAP, "union": Code.UNION}


def _below(path: str, name: str) -> str:
    return f"{path}->{name}" if path else name


def _find(name: str, among: Mapping[str, Any], loose: bool) -> str | None:
    """The key of that name, exactly or else, if loose, in another case."""
    if name in among:
        return name
    if not loose:
        return None
    folded = name.casefold()
    return next((k for k in among if k.casefold() == folded), None)


def _like(node: Node, union: Node) -> Node | None:
    """The branch of the reader's union that reads such a node."""
    same = [b for b in options(union) if b.kind == node.kind]
    named = [b for b in same if b.simple_name == node.simple_name]
    return next(iter(named or same), None)


def _known_symbols(op: Op, reader: Node) -> None:
    """What the reader's enum does not have becomes its default, if it has one; else is refused."""
    default = reader.props.get("default")
    if default in reader.symbols:
        known = set(reader.symbols)
        op.symbols = tuple(s if s in known else str(default) for s in op.symbols)
