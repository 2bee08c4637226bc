"""Bound expressions: typed, resolved, and independent of how they were written.

`bind` makes them from sqlglot trees, `render` turns them into DuckDB SQL, operators evaluate them.
There are only these nodes: everything else in KSQL (operators, IN, BETWEEN, LIKE, subscripts,
constructors) is a `Call` of a row in `library/*.toml`, named in upper case.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

import pyarrow as pa

__all__ = ["Call", "Case", "Cast", "Column", "Expression", "Field", "Lambda", "Literal",
           "MakeStruct", "Variable", "columns_of", "walk"]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the operator's input, by its exact name."""

    name: str
    type: pa.DataType


@dataclass(frozen=True, slots=True)
class Literal:
    """A constant as Python holds it (None for NULL; Decimal, bytes, date, … by its type)."""

    value: Any
    type: pa.DataType  # pa.null() for an untyped NULL


@dataclass(frozen=True, slots=True)
class Call:
    """A function, operator or constructor; `variant` numbers the overload in the library,
    or is `py:module:function` for a user's function.

    Arguments already have the types of the overload: coercions are explicit `Cast`s.
    """

    function: str
    args: tuple[Expression, ...]
    type: pa.DataType
    variant: str = ""


@dataclass(frozen=True, slots=True)
class Cast:
    """CAST(operand AS type), explicit or by coercion."""

    operand: Expression
    type: pa.DataType


@dataclass(frozen=True, slots=True)
class Case:
    """Searched CASE; a simple CASE is bound into one."""

    whens: tuple[tuple[Expression, Expression], ...]
    default: Expression | None
    type: pa.DataType


@dataclass(frozen=True, slots=True)
class Field:
    """operand->name."""

    operand: Expression
    name: str
    type: pa.DataType


@dataclass(frozen=True, slots=True)
class MakeStruct:
    """STRUCT(name := value, …); the names are in the type."""

    values: tuple[Expression, ...]
    type: pa.DataType


@dataclass(frozen=True, slots=True)
class Variable:
    """A lambda's parameter inside its body."""

    name: str
    type: pa.DataType


@dataclass(frozen=True, slots=True)
class Lambda:
    """(params) => body; `type` is the body's."""

    params: tuple[str, ...]
    body: Expression
    type: pa.DataType


Expression = Column | Literal | Call | Cast | Case | Field | MakeStruct | Variable | Lambda


def _parts(value: object) -> Iterator[Expression]:
    if isinstance(value, Expression):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from _parts(item)


def walk(expression: Expression) -> Iterator[Expression]:
    """The expression and all expressions in it, outermost first."""
    yield expression
    for slot in fields(expression):
        for part in _parts(getattr(expression, slot.name)):
            yield from walk(part)


def columns_of(expression: Expression) -> list[str]:
    """The input columns that it reads, in order of appearance, each once.

    >>> i = pa.int32()
    >>> columns_of(Call("ADD", (Column("A", i), Column("A", i)), i))
    ['A']
    """
    return list(dict.fromkeys(e.name for e in walk(expression) if isinstance(e, Column)))
