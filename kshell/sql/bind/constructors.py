"""ARRAY[…], MAP(…) and STRUCT(…): values made of values.

`bind.expressions` calls it and hands in how to bind what is inside.
"""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa
from sqlglot import exp

from kshell.errors import BindError
from kshell.sql import functions
from kshell.sql.as_written import folded
from kshell.sql.bind.coercion import alike
from kshell.sql.bind.text import text_of
from kshell.sql.expressions import Expression, MakeStruct

__all__ = ["make_array", "make_map", "make_struct"]

Bind = Callable[[exp.Expr], Expression]

_ALL_NULL = (
    "(see https://github.com/confluentinc/ksql/issues/4239). As a workaround, you may cast a NULL "
    "value to the desired type."
)


def _check_some(found: list[Expression], what: str) -> None:
    if not found:
        kind, needed = ("Map", "key value pair") if "map" in what else ("Array", "element")
        raise BindError(
            f"{kind} constructor cannot be empty. Please supply at least one {needed} "
            "(see https://github.com/confluentinc/ksql/issues/4239)."
        )
    if all(pa.types.is_null(e.type) for e in found):
        raise BindError(f"Cannot construct {what} {_ALL_NULL}")


def make_array(node: exp.Array, bind: Bind) -> Expression:
    """ARRAY[a, b]."""
    elements = [bind(e) for e in node.expressions]
    _check_some(elements, "an array with all NULL elements")
    return functions.resolve_scalar("MAKE_ARRAY", alike(elements))


def make_map(node: exp.Map, bind: Bind) -> Expression:
    """MAP(k := v, …)."""
    keys, values = (node.args[half].expressions for half in ("keys", "values"))
    if len(keys) != len(values):
        raise BindError("a map has a value for every key: MAP(k := v, …)")
    bound_keys, bound_values = [bind(k) for k in keys], [bind(v) for v in values]
    _check_some(bound_keys, "a map with all NULL keys")
    _check_some(bound_values, "a map with all NULL values")
    pairs = zip(alike(bound_keys), alike(bound_values), strict=True)
    return functions.resolve_scalar("MAKE_MAP", [e for pair in pairs for e in pair])


def make_struct(node: exp.Struct, bind: Bind) -> Expression:
    """STRUCT(name := value, …)."""
    names = [folded(e.this) for e in node.expressions]
    if len(set(names)) != len(names):
        raise BindError("Duplicate field names found in STRUCT: " + text_of(node))
    values = tuple(bind(e.expression) for e in node.expressions)
    pairs = [(n, v.type) for n, v in zip(names, values, strict=True)]
    return MakeStruct(values, pa.struct(pairs))
