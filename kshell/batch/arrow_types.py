"""Answers of types that Arrow has not, as text: else their bytes, or wrong numbers, would be shown.

`plan` casts a query's columns with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kshell.types import quote_duckdb

__all__ = ["arrow_cast", "in_arrow_types"]

# DuckDB's types whose values lose their meaning on the way to Arrow.
_TEXT = frozenset({"bit", "bignum", "uhugeint", "time with time zone", "variant"})


def arrow_cast(type: Any) -> str | None:
    """The DuckDB type to cast a column of this one to; None where Arrow has it.

    >>> import duckdb
    >>> arrow_cast(duckdb.type("STRUCT(a BIT[], b INTEGER)")), arrow_cast(duckdb.type("INTEGER"))
    ('STRUCT("a" VARCHAR[], "b" INTEGER)', None)
    """
    made = _made(type)
    return None if made == _made(type, frozenset()) else made


def _made(type: Any, as_text: frozenset[str] = _TEXT) -> str:
    if type.id in as_text:
        return "VARCHAR"
    if type.id == "list":
        return f"{_made(type.children[0][1], as_text)}[]"
    if type.id == "array":
        (_, child), (_, size) = type.children
        return f"{_made(child, as_text)}[{size}]"
    if type.id in ("struct", "union"):
        children = type.children[1:] if type.id == "union" else type.children  # after its tag
        fields = ", ".join(f"{quote_duckdb(n)} {_made(t, as_text)}" for n, t in children)
        return f"{type.id.upper()}({fields})"
    if type.id == "map":
        (_, key), (_, value) = type.children
        return f"MAP({_made(key, as_text)}, {_made(value, as_text)})"
    return str(type)


def in_arrow_types(sql: str, casts: Sequence[str | None]) -> str:
    """The query with those casts of its columns.

    >>> in_arrow_types("SELECT 1, 2", [None, "VARCHAR"])
    'SELECT #1, CAST(#2 AS VARCHAR) FROM (SELECT 1, 2\\n)'
    """
    if not any(casts):
        return sql
    items = (
        f"#{n}" if cast is None else f"CAST(#{n} AS {cast})" for n, cast in enumerate(casts, 1)
    )
    return f"SELECT {', '.join(items)} FROM ({sql}\n)"
