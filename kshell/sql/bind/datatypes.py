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

__all__ = ["arrow_type", "can_cast", "can_widen", "common_type"]

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


_WIDTH = {INTEGER: 10, BIGINT: 19}


def can_widen(source: pa.DataType, target: pa.DataType) -> bool:
    """Whether a value fits without being asked: INTEGER → BIGINT → DECIMAL → DOUBLE.

    >>> can_widen(INTEGER, DOUBLE), can_widen(DOUBLE, INTEGER)
    (True, False)
    """
    if source == target:
        return True
    if pa.types.is_decimal(target):
        whole = target.precision - target.scale
        if pa.types.is_decimal(source):
            fits = source.scale <= target.scale and source.precision - source.scale <= whole
            return bool(fits)
        return source in _WIDTH and _WIDTH[source] <= whole
    order = [INTEGER, BIGINT, DOUBLE]
    if target == DOUBLE:
        return _is_number(source)
    return source in order and target in order and order.index(source) <= order.index(target)


def common_type(types: list[pa.DataType]) -> pa.DataType | None:
    """The type that all of them widen to; None if there is none.  NULLs have no say."""
    found = [t for t in types if not pa.types.is_null(t)]
    if not found:
        return pa.null()
    widest = found[0]
    for type in found[1:]:
        joined = _join(widest, type)
        if joined is None:
            return None
        widest = joined
    return widest


def _join(left: pa.DataType, right: pa.DataType) -> pa.DataType | None:
    if left == right:
        return left
    if not (_is_number(left) and _is_number(right)):
        return None
    if DOUBLE in (left, right):
        return DOUBLE
    if pa.types.is_decimal(left) or pa.types.is_decimal(right):
        a, b = (_as_decimal(t) for t in (left, right))
        scale = max(a.scale, b.scale)
        whole = max(a.precision - a.scale, b.precision - b.scale)
        return decimal(min(whole + scale, 38), scale)
    return BIGINT


def _as_decimal(type: pa.DataType) -> pa.Decimal128Type:
    return type if pa.types.is_decimal(type) else decimal(_WIDTH[type], 0)
