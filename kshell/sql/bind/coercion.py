"""Expressions side by side take one type: IN (…), ARRAY[…], MAP(…), and numbers beside each other.

`bind.expressions` and `bind.constructors` call it.  As ksqlDB documents it, the first one that
is not NULL tells the kind: beside a number or BOOLEAN a text that is written out is read as one,
beside a text every constant becomes text, and arrays, maps and structs agree part by part.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import TypeAlias

import pyarrow as pa

from kshell.errors import BindError
from kshell.sql import functions
from kshell.sql.bind.datatypes import can_cast
from kshell.sql.bind.literals import coerce, number, scaled
from kshell.sql.expressions import Call, Cast, Expression, Literal, MakeStruct
from kshell.sql.widening import common_type
from kshell.types import BOOLEAN, DOUBLE, STRING, is_numeric, ksql_name

__all__ = ["alike", "numbers_alike"]

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
_BOOLEANS = {"true": True, "yes": True, "false": False, "no": False}

# What stands in a list: an expression, or a part of one of which only the type is known.
_Value: TypeAlias = "Expression | pa.DataType"


def alike(values: Sequence[Expression]) -> list[Expression]:
    """The values in the type that they have in common; BindError if there is none.

    >>> from kshell.types import INTEGER
    >>> [v.value for v in alike([Literal(1, INTEGER), Literal("2", STRING)])]
    [1, 2]
    """
    type = _common(values)
    return list(values) if pa.types.is_null(type) else [_converted(v, type) for v in values]


def numbers_alike(left: Expression, right: Expression) -> tuple[Expression, Expression]:
    """Two numbers in their common type; anything else as it is."""
    if left.type == right.type or not (is_numeric(left.type) and is_numeric(right.type)):
        return left, right
    type = common_type([left.type, right.type])
    assert type is not None  # numbers have one
    return coerce(left, type), coerce(right, type)


def _type(value: _Value) -> pa.DataType:
    return value if isinstance(value, pa.DataType) else value.type


def _common(values: Sequence[_Value]) -> pa.DataType:
    known = [v for v in values if not pa.types.is_null(_type(v))]
    if not known:
        return pa.null()
    first = _type(known[0])
    for kind in (pa.types.is_list, pa.types.is_map, pa.types.is_struct):
        if kind(first):
            unlike = next((v for v in known if not kind(_type(v))), None)
            if unlike is not None:
                raise _no_operator(first, unlike)
            return _common_nested(known)
    for value in known[1:]:
        joined = _joined(first, value)
        if joined is None:
            raise _no_operator(first, value)
        first = joined
    return first


def _common_nested(values: Sequence[_Value]) -> pa.DataType:
    first = _type(values[0])
    if pa.types.is_list(first):
        return pa.list_(_common([e for v in values for e in _elements(v)]))
    if pa.types.is_map(first):
        halves = [_entries(v) for v in values]
        return pa.map_(*(_common([e for h in halves for e in h[i]]) for i in (0, 1)))
    fields: dict[str, list[_Value]] = {}
    for value in values:
        for name, part in _fields(value).items():
            fields.setdefault(name, []).append(part)
    return pa.struct([(name, _common(parts)) for name, parts in fields.items()])


def _elements(array: _Value) -> Sequence[_Value]:
    if isinstance(array, Call) and array.function == "MAKE_ARRAY":
        return array.args
    return [_type(array).value_type]


def _entries(map: _Value) -> tuple[Sequence[_Value], Sequence[_Value]]:
    if isinstance(map, Call) and map.function == "MAKE_MAP":
        keys, items = map.args
        return _elements(keys), _elements(items)
    type = _type(map)
    return [type.key_type], [type.item_type]


def _fields(struct: _Value) -> dict[str, _Value]:
    type = _type(struct)
    parts = struct.values if isinstance(struct, MakeStruct) else [f.type for f in type]
    return dict(zip((f.name for f in type), parts, strict=True))


def _joined(type: pa.DataType, value: _Value) -> pa.DataType | None:
    """The type of what was before and of one value more."""
    other = _type(value)
    if type == other or (type == STRING and isinstance(value, Literal)):
        return type
    text = value.value if isinstance(value, Literal) and other == STRING else None
    if is_numeric(type):
        return common_type([type, other if text is None else _number_in(text, type).type])
    if text is None:
        return None
    if type == BOOLEAN:
        _boolean_in(text)
        return type
    return type if can_cast(STRING, type) else None


def _no_operator(type: pa.DataType, value: _Value) -> BindError:
    return BindError(
        f"operator does not exist: {ksql_name(type)} = {ksql_name(_type(value))}",
        hint="you might need to add explicit casts",
    )


def _no_value(text: str, type: pa.DataType) -> BindError:
    return BindError(f'invalid input syntax for type {ksql_name(type)}: "{text}".')


def _number_in(text: str, type: pa.DataType) -> Literal:
    """The number of the text, in the narrowest type that holds it."""
    try:
        if _NUMBER.fullmatch(text.strip()):
            return number(text.strip())
    except BindError:
        pass
    raise _no_value(text, type)


def _boolean_in(text: str) -> bool:
    """true, yes, false, no, or what one of them begins with."""
    plain = text.strip().lower()
    for word, value in _BOOLEANS.items():
        if plain and word.startswith(plain):
            return value
    raise _no_value(text, BOOLEAN)


def _converted(value: Expression, type: pa.DataType) -> Expression:
    if value.type == type or pa.types.is_null(value.type):
        return coerce(value, type)
    if isinstance(value, Literal) and value.type == STRING and value.value is not None:
        return _from_text(value.value, type)
    if isinstance(value, MakeStruct):
        parts = _fields(value)
        made = (_converted(_part(parts, f), f.type) for f in type)
        return replace(value, values=tuple(made), type=type)
    if isinstance(value, Call) and value.function == "MAKE_ARRAY":
        return _array(value, type.value_type)
    if isinstance(value, Call) and value.function == "MAKE_MAP":
        keys, items = value.args
        made_of = (_array(keys, type.key_type), _array(items, type.item_type))
        return replace(value, args=made_of, type=type)
    return coerce(value, type)


def _part(parts: dict[str, _Value], field: pa.Field) -> Expression:
    part = parts.get(field.name)
    return part if isinstance(part, Expression) else Literal(None, field.type)


def _array(array: Expression, element: pa.DataType) -> Expression:
    assert isinstance(array, Call)
    return functions.resolve_scalar("MAKE_ARRAY", [_converted(e, element) for e in array.args])


def _from_text(text: str, type: pa.DataType) -> Expression:
    if type == BOOLEAN:
        return Literal(_boolean_in(text), type)
    if not is_numeric(type):
        return Cast(Literal(text, STRING), type)
    found = _number_in(text, type)
    if pa.types.is_decimal(type):
        return Literal(scaled(Decimal(text.strip()), type), type)
    return Literal(float(text) if type == DOUBLE else found.value, type)
