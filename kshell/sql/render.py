"""Bound expressions as DuckDB SQL, with KSQL's meaning.

The only way for an expression to reach DuckDB: names and constants are quoted here, and nothing of
a user's text passes as it is.  Operators wrap TRY around a column where one row may fail.
"""

from __future__ import annotations

import datetime
import hashlib
import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pyarrow as pa

from kshell.sql.casts import render_cast
from kshell.sql.expressions import (
    Call,
    Case,
    Cast,
    Column,
    Expression,
    Field,
    Lambda,
    Literal,
    MakeStruct,
    Variable,
)
from kshell.sql.functions import library
from kshell.types import STRING, duckdb_name

__all__ = ["fill", "python_call", "python_name", "quote", "quote_text", "render"]

_HOLE = re.compile(r"\{(\d+|\*)(\*?)\}")
_PYTHON = "py:"
_INFIX = {"ADD": "+", "SUBTRACT": "-", "MULTIPLY": "*", "DIVIDE": "/", "MODULO": "%"}
_DECIMAL_FUNCTIONS = "kshell.sql.java.decimals"


def quote(name: str) -> str:
    """A name as a DuckDB identifier.

    >>> quote('a"b')
    '"a""b"'
    """
    return '"' + name.replace('"', '""') + '"'


def quote_text(text: str) -> str:
    """A string constant; NUL, which DuckDB's SQL cannot carry, as chr(0)."""
    quoted = "'" + text.replace("'", "''") + "'"
    return quoted.replace("\0", "' || chr(0) || '") if "\0" in text else quoted


def _literal(value: Any, type: pa.DataType) -> str:
    if value is None:
        return "NULL" if pa.types.is_null(type) else f"CAST(NULL AS {duckdb_name(type)})"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return quote_text(value)
    if isinstance(value, bytes):
        return "'" + "".join(f"\\x{b:02X}" for b in value) + "'::BLOB"
    if isinstance(value, float):
        return f"CAST('{value!r}' AS DOUBLE)"
    if isinstance(value, int | Decimal):
        return f"CAST('{value}' AS {duckdb_name(type)})"
    if isinstance(value, datetime.date | datetime.time):
        return f"CAST('{value.isoformat()}' AS {duckdb_name(type)})"
    raise TypeError(f"no constant: {value!r}")


def python_call(call: Call) -> str:
    """`module:function` where the call is Python's to do, else an empty string."""
    if call.function in _INFIX:
        if call.variant == "decimal" and call.function in ("DIVIDE", "MULTIPLY", "MODULO"):
            return f"{_DECIMAL_FUNCTIONS}:{call.function.lower()}"
        if call.function in ("DIVIDE", "MODULO") and pa.types.is_integer(call.type):
            return ""
        return ""
    function = library()[call.function]
    if not function.forms:
        return ""
    template = function.forms[int(call.variant or 0)].template
    return template[len(_PYTHON) :] if template.startswith(_PYTHON) else ""


def python_name(call: Call) -> str:
    """The name under which a Python function is registered for these types."""
    types = [*(a.type for a in call.args), call.type]
    text = "|".join([call.function, call.variant, *map(str, types)])
    return f"ksql_{call.function.lower()}_{hashlib.md5(text.encode()).hexdigest()[:12]}"


def _operator(call: Call, args: Sequence[str]) -> str:
    sql = f"({args[0]} {_INFIX[call.function]} {args[1]})"
    if call.variant == "text":
        return f"({args[0]} || {args[1]})"
    if call.function in ("DIVIDE", "MODULO") and not pa.types.is_floating(call.type):
        # Java throws where DuckDB says NULL: an error row, not a silent NULL.
        sql = (
            f"CASE WHEN {args[1]} = 0 THEN error('/ by zero') ELSE {sql} END"
        )
    if call.variant == "decimal":
        sql = f"CAST({sql} AS {duckdb_name(call.type)})"
    return sql


def fill(template: str, args: Sequence[str]) -> str:
    """A library row's template with SQL in its holes.

    >>> fill("f({0}, {1*})", ["a", "b", "c"])
    'f(a, b, c)'
    """
    def hole(match: re.Match[str]) -> str:
        if match[1] == "*":
            return ", ".join(args)
        number = int(match[1])
        return ", ".join(args[number:]) if match[2] else args[number]

    return _HOLE.sub(hole, template)


def _entry_lambda(expression: Lambda) -> str:
    """A lambda over a map's key and value, as one over its entries."""
    body = render(expression.body)
    for param, part in zip(expression.params, ("key", "value"), strict=True):
        body = body.replace(_variable(param), f"entry.{part}")
    return f"lambda entry: {body}"


def _variable(name: str) -> str:
    return quote(f"λ{name}")


def _argument(expression: Expression) -> str:
    return render(expression)


def _call(call: Call) -> str:
    if python_call(call):
        return f"{python_name(call)}({', '.join(map(_argument, call.args))})"
    if call.function in _INFIX:
        return _operator(call, [render(a) for a in call.args])
    if call.function == "MAKE_MAP":
        keys, values = (render(a) for a in call.args)
        return f"map({keys}, {values})"
    template = library()[call.function].forms[int(call.variant or 0)].template
    entries = "entry" in template
    args = [
        _entry_lambda(a) if entries and isinstance(a, Lambda) and len(a.params) == 2 else render(a)
        for a in call.args
    ]
    return fill(template, args).replace("{type}", duckdb_name(call.type))


def render(expression: Expression) -> str:
    """DuckDB SQL that reads input columns by their quoted names.

    >>> render(Call("EQUAL", (Column("A", pa.int32()), Literal(1, pa.int32())), pa.bool_(), "0"))
    'coalesce("A" = CAST(\\'1\\' AS INTEGER), false)'
    """
    match expression:
        case Column():
            return quote(expression.name)
        case Literal():
            return _literal(expression.value, expression.type)
        case Variable():
            return _variable(expression.name)
        case Cast():
            return render_cast(render(expression.operand), expression.operand.type, expression.type)
        case Field():
            return f"struct_extract({render(expression.operand)}, {quote_text(expression.name)})"
        case MakeStruct():
            names = [f.name for f in expression.type]
            pairs = zip(names, expression.values, strict=True)
            return "{" + ", ".join(f"{quote_text(n)}: {render(v)}" for n, v in pairs) + "}"
        case Lambda():
            params = ", ".join(map(_variable, expression.params))
            return f"lambda {params}: {render(expression.body)}"
        case Case():
            return _case(expression)
        case Call():
            return _call(expression)
    raise TypeError(f"no expression: {expression!r}")


def _case(expression: Case) -> str:
    whens = " ".join(f"WHEN {render(c)} THEN {render(v)}" for c, v in expression.whens)
    default = f" ELSE {render(expression.default)}" if expression.default is not None else ""
    sql = f"CASE {whens}{default} END"
    return sql if expression.type == STRING else f"CAST({sql} AS {duckdb_name(expression.type)})"
