"""Structs with fields that differ only in case: to DuckDB they have the same name.

`stream.evaluate` gives such fields other names for DuckDB, and restores the names in the results.
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pyarrow as pa

from kshell.errors import Unsupported
from kshell.sql.expressions import Call, Cast, Expression, Field
from kshell.types import STRING, parts

__all__ = ["apart", "apart_type", "relabelled"]

# Functions that write the names of fields into a value.
_NAMING = frozenset({"TO_JSON_STRING"})


def apart_type(type: pa.DataType) -> pa.DataType:
    """The type with fields of different names for DuckDB, in the same order.

    >>> apart_type(pa.struct([("A", pa.int32()), ("a", pa.int64())]))
    StructType(struct<A: int32, a_1: int64>)
    """
    if not _clashes(type):
        return type
    if pa.types.is_struct(type):
        taken: set[str] = set()
        made = []
        for number, field in enumerate(type):
            name = field.name
            while name.casefold() in taken:
                name += f"_{number}"
            taken.add(name.casefold())
            made.append((name, apart_type(field.type)))
        return pa.struct(made)
    if pa.types.is_list(type):
        return pa.list_(apart_type(type.value_type))
    return pa.map_(apart_type(type.key_type), apart_type(type.item_type))


def _clashes(type: pa.DataType) -> bool:
    if pa.types.is_struct(type):
        names = {field.name.casefold() for field in type}
        if len(names) < type.num_fields:
            return True
    return any(_clashes(part) for part in parts(type))


def apart(expression: Expression) -> Expression:
    """The expression over columns of `apart_type`s; unchanged if no names clash."""
    if isinstance(expression, Cast) and expression.type == STRING:
        _check_unnamed(expression.operand)
    if isinstance(expression, Call) and expression.function in _NAMING:
        for argument in expression.args:
            _check_unnamed(argument)
    changed = {f.name: _part(getattr(expression, f.name)) for f in fields(expression)}
    if isinstance(expression, Field):
        index = expression.operand.type.get_field_index(expression.name)
        changed["name"] = apart_type(expression.operand.type).field(index).name
    return replace(expression, **changed)


def _part(value: Any) -> Any:
    if isinstance(value, Expression):
        return apart(value)
    if isinstance(value, pa.DataType):
        return apart_type(value)
    if isinstance(value, tuple):
        return tuple(_part(v) for v in value)
    return value


def _check_unnamed(operand: Expression) -> None:
    if _clashes(operand.type):
        raise Unsupported(
            "the text of a STRUCT whose fields' names differ only in case",
            hint="build one with other names: STRUCT(a := s->`A`, b := s->`a`)",
        )


class _Relabelled:
    """An array that gives Arrow another type with the same layout."""

    def __init__(self, array: pa.Array, type: pa.DataType) -> None:
        self._array, self._type = array, type

    def __arrow_c_array__(self, requested_schema: object = None) -> tuple[object, object]:
        return self._type.__arrow_c_schema__(), self._array.__arrow_c_array__()[1]


def relabelled(array: pa.Array, type: pa.DataType) -> pa.Array:
    """The array with this type, which differs only in names.

    >>> relabelled(pa.array([{"x": 1}]), pa.struct([("y", pa.int64())])).to_pylist()
    [{'y': 1}]
    """
    return array if array.type == type else pa.array(_Relabelled(array, type))
