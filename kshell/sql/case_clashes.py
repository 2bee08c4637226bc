"""Structs with fields that differ only in case: to DuckDB they have the same name.

`stream.evaluate` gives such fields other names for DuckDB, and restores the names in the results.
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pyarrow as pa

from kshell.errors import Unsupported
from kshell.field_names import escaped_type
from kshell.sql.expressions import Call, Cast, Expression, Field
from kshell.types import STRING

__all__ = ["apart"]

# Functions that write the names of fields into a value.
_NAMING = frozenset({"TO_JSON_STRING"})


def apart(expression: Expression) -> Expression:
    """The expression over columns of `escaped_type`s; unchanged if no names clash."""
    if isinstance(expression, Cast) and expression.type == STRING:
        _check_unnamed(expression.operand)
    if isinstance(expression, Call) and expression.function in _NAMING:
        for argument in expression.args:
            _check_unnamed(argument)
    changed = {f.name: _part(getattr(expression, f.name)) for f in fields(expression)}
    if isinstance(expression, Field):
        index = expression.operand.type.get_field_index(expression.name)
        changed["name"] = escaped_type(expression.operand.type).field(index).name
    return replace(expression, **changed)


def _part(value: Any) -> Any:
    if isinstance(value, Expression):
        return apart(value)
    if isinstance(value, pa.DataType):
        return escaped_type(value)
    if isinstance(value, tuple):
        return tuple(_part(v) for v in value)
    return value


def _check_unnamed(operand: Expression) -> None:
    if escaped_type(operand.type) != operand.type:
        raise Unsupported(
            "the text of a STRUCT whose fields' names differ only in case",
            hint="build one with other names: STRUCT(a := s->`A`, b := s->`a`)",
        )
