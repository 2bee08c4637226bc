"""Types as sqlglot reads them in CAST: to Arrow, and which casts there are.

`bind.expressions` calls it.  The table of casts is ksqlDB's.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import pyarrow as pa
from sqlglot import exp

from kshell.errors import BindError, UnknownName
from kshell.sql.as_written import folded
from kshell.types import (
    BIGINT,
    BOOLEAN,
    BYTES,
    DATE,
    DOUBLE,
    INTEGER,
    PRIMITIVES,
    STRING,
    TIME,
    TIMESTAMP,
    decimal,
)  # fmt: skip

__all__ = ["arrow_type", "can_cast"]

_BY_KIND: Mapping[str, pa.DataType] = MappingProxyType(
    {
        "BOOLEAN": BOOLEAN, "INT": INTEGER, "INTEGER": INTEGER, "BIGINT": BIGINT,
        "DOUBLE": DOUBLE, "TEXT": STRING, "VARCHAR": STRING, "STRING": STRING,
        "VARBINARY": BYTES, "BYTES": BYTES, "TIME": TIME, "DATE": DATE, "TIMESTAMP": TIMESTAMP,
        "TIMESTAMPNTZ": TIMESTAMP, "TIMESTAMP_MS": TIMESTAMP,
    }
)  # fmt: skip

_DEEPEST = 64


def arrow_type(node: object, types: Mapping[str, pa.DataType], depth: int = 0) -> pa.DataType:
    """The Arrow type of what stands after AS in a CAST; `types` are the user's.

    >>> arrow_type(exp.DataType.build("ARRAY<INT>"), {})
    ListType(list<item: int32>)
    """
    if depth > _DEEPEST:
        raise BindError("the type nests too deeply")
    if not isinstance(node, exp.DataType):
        raise BindError("a type is needed: CAST(… AS INT)")
    kind = node.this
    name = getattr(kind, "value", None) or str(kind)
    if name == "USER-DEFINED":
        return _user_type(node, types)
    inner = node.expressions
    if name in ("ARRAY", "LIST") and len(inner) == 1:
        return pa.list_(arrow_type(inner[0], types, depth + 1))
    if name == "MAP" and len(inner) == 2:
        return pa.map_(*(arrow_type(e, types, depth + 1) for e in inner))
    if name == "STRUCT":
        return pa.struct([_field(field, types, depth) for field in node.expressions])
    if name == "DECIMAL" and len(node.expressions) == 2:
        digits = [p.name for p in node.expressions]
        if not all(d.isdigit() for d in digits):
            raise BindError(f"DECIMAL({', '.join(digits)}): whole numbers are needed")
        precision, scale = (int(d) for d in digits)
        if not 1 <= precision <= 38 or scale > precision:
            raise BindError(f"DECIMAL({precision}, {scale}): 1 to 38 digits, of them the scale")
        return decimal(precision, scale)
    if name in _BY_KIND:
        return _BY_KIND[name]
    return _named(name, types)


def _field(node: exp.Expr, types: Mapping[str, pa.DataType], depth: int) -> pa.Field:
    identifier = node.this
    if not isinstance(identifier, exp.Identifier) or not isinstance(
        node.args.get("kind"), exp.Expr
    ):
        raise BindError("a field of a STRUCT is a name and a type: STRUCT<A INT>")
    name = folded(identifier)
    return pa.field(name, arrow_type(node.args["kind"], types, depth + 1))


def _user_type(node: exp.Expr, types: Mapping[str, pa.DataType]) -> pa.DataType:
    kind = node.args.get("kind")
    return _named(kind if isinstance(kind, str) else getattr(kind, "name", str(kind)), types)


def _named(name: str, types: Mapping[str, pa.DataType]) -> pa.DataType:
    for known, type in types.items():
        if known in (name, name.upper()):
            return type
    names = [n for p in PRIMITIVES for n in p.names]
    raise UnknownName(
        "type", name, [*names, *types], what=f"Cannot resolve unknown type: {name.upper()}"
    )


_NUMBERS = (INTEGER, BIGINT, DOUBLE)

# From → to, beside numbers among themselves, the same type, and anything to STRING.
_CASTS: Mapping[object, tuple[object, ...]] = MappingProxyType(
    {
        STRING: (BOOLEAN, *_NUMBERS, TIME, DATE, TIMESTAMP, BYTES),
        DATE: (TIMESTAMP,),
        TIMESTAMP: (TIME, DATE),
    }
)


def _is_number(type: pa.DataType) -> bool:
    return type in _NUMBERS or bool(pa.types.is_decimal(type))


def can_cast(source: pa.DataType, target: pa.DataType) -> bool:
    """Whether CAST takes it.

    >>> can_cast(STRING, pa.list_(INTEGER)), can_cast(INTEGER, STRING)
    (False, True)
    """
    if source == target or pa.types.is_null(source):
        return True
    if target == STRING:
        return bool(source != BYTES)
    if _is_number(source) and _is_number(target):
        return True
    if source == STRING and pa.types.is_decimal(target):
        return True
    if target in _CASTS.get(source, ()):
        return bool(target != BYTES)
    if pa.types.is_list(source) and pa.types.is_list(target):
        return can_cast(source.value_type, target.value_type)
    if pa.types.is_map(source) and pa.types.is_map(target):
        return can_cast(source.key_type, target.key_type) and can_cast(
            source.item_type, target.item_type
        )
    if pa.types.is_struct(source) and pa.types.is_struct(target):
        before = {f.name: f.type for f in source}
        return all(can_cast(before[f.name], f.type) for f in target if f.name in before)
    return False
