"""Bound expressions as DuckDB SQL, with KSQL's meaning.

Every expression for DuckDB is made here: this module quotes names and constants, and passes on no
text of the user.  With `render`, a row that fails makes the statement fail; with `tolerant`, it
gives NULL, or NULL for the element of an array, map or struct that fails, as in ksqlDB.
"""

from __future__ import annotations

import datetime
import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from types import MappingProxyType
from typing import Any

import pyarrow as pa

from kshell.sql.arithmetic import (
    ARITHMETIC,
    arithmetic_in_lambda,
    arithmetic_sql,
    python_arithmetic,
)
from kshell.sql.casts import let, render_cast
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
    walk,
)
from kshell.sql.functions import template_of
from kshell.sql.map_order import in_order
from kshell.types import STRING, duckdb_name, is_numeric, quote_duckdb, quote_text

# DuckDB says how many rows there are only by the arguments: `duck` takes one where there are none.
NO_ARGUMENT = "true"

__all__ = ["fill_template", "lambda_params", "python_call", "python_in", "python_name",
           "render", "tolerant"]  # fmt: skip

_HOLE = re.compile(
    r"\{(?:(?P<all>\*)|(?P<rest>\d+)\*|(?P<arg>\d+)|(?P<body>\d+)\|(?P<params>[^{}]*)"
    r"|(?P<type>type)|py:(?P<python>[\w.:]+))\}"
)
_PYTHON = re.compile(r"\{py:([\w.:]+)\}|^py:([\w.:]+)$")
_FRESH = re.compile(r"λ([a-z]*)")  # in a template: its own lambda parameter

# Calls that are never NULL, and fail only if an operand fails: a chain of AND with only these need
# not stop early.
DECIDED = frozenset(
    ("IS_NULL", "IS_NOT_NULL", "EQUAL", "NOT_EQUAL", "LESS", "LESS_OR_EQUAL", "GREATER",
     "GREATER_OR_EQUAL", "IS_DISTINCT", "IS_NOT_DISTINCT", "BETWEEN", "IN", "LIKE")
)  # fmt: skip
_SAFE = DECIDED | {"AND", "OR", "NOT"}
_ALIKE = frozenset(("EQUAL", "NOT_EQUAL", "IS_DISTINCT", "IS_NOT_DISTINCT", "IN"))


def _nothing() -> Mapping[str, str]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True)
class _Scope:
    """The meaning of names for an expression, and how to write a part of a constructor."""

    columns: Mapping[str, str] = field(default_factory=_nothing)
    variables: Mapping[str, str] = field(default_factory=_nothing)
    part: str = "%s"


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
    """`module:function` if Python does the call, wholly or in part; else empty."""
    if call.function in ARITHMETIC:
        return python_arithmetic(call)
    return python_in(template_of(call))


def python_in(template: str) -> str:
    """The `module:function` that a template calls, or an empty string.

    >>> python_in("CASE WHEN {0} = '' THEN {py:a.b:c} END")
    'a.b:c'
    """
    found = _PYTHON.search(template)
    return (found[1] or found[2]) if found else ""


def python_name(call: Call) -> str:
    """The name under which a Python function is registered for these types."""
    types = [*(a.type for a in call.args), call.type]
    text = "|".join([call.function, call.variant, python_call(call), *map(str, types)])
    return f"ksql_{call.function.lower()}_{hashlib.md5(text.encode()).hexdigest()[:12]}"


def fill_template(
    template: str,
    args: Sequence[str],
    bodies: Mapping[int, Callable[[Sequence[str]], str]] = MappingProxyType({}),
    names: Mapping[str, str] = MappingProxyType({}),
) -> str:
    """A library row's template, filled with SQL.

    `{0}` is an argument, `{*}` all, `{1*}` all from the second on; `{1|a,b}` is the body of the
    lambda that is the second argument, with a and b for its parameters (`bodies` makes it); `names`
    has the texts for `{type}` and for the Python function, and the depth that makes the name of a
    parameter λ unique.

    >>> fill_template("f({0}, {1*})", ["a", "b", "c"])
    'f(a, b, c)'
    """

    def hole(match: re.Match[str]) -> str:
        if match["all"]:
            return ", ".join(args)
        if match["rest"]:
            return ", ".join(args[int(match["rest"]) :])
        if match["arg"]:
            return args[int(match["arg"])]
        if match["body"]:
            return bodies[int(match["body"])](match["params"].split(","))
        if match["type"]:
            return names["type"]
        return f"{names['python']}({', '.join(args) or NO_ARGUMENT})"

    if template.startswith("py:"):
        return f"{names['python']}({', '.join(args) or NO_ARGUMENT})"
    return _HOLE.sub(hole, _fresh(template, names.get("depth", "")))


def lambda_params(template: str, depth: str) -> dict[int, list[str]]:
    """The SQL for the parameters of each lambda, by its number among the arguments.

    >>> lambda_params("list_filter({0}, lambda λ: {1|λ.key,λ.value})", "5")
    {1: ['"λ5".key', '"λ5".value']}
    """
    holes = _HOLE.finditer(_fresh(template, depth))
    return {int(h["body"]): h["params"].split(",") for h in holes if h["body"]}


def _fresh(template: str, depth: str) -> str:
    return _FRESH.sub(lambda m: quote_duckdb(f"λ{depth}{m[1]}"), template)


def _body(expression: Lambda, scope: _Scope) -> Callable[[Sequence[str]], str]:
    def made(params: Sequence[str]) -> str:
        known = dict(zip(expression.params, params, strict=True))
        inner = replace(scope, variables={**scope.variables, **known})
        return _render(expression.body, inner)

    return made


def _call(call: Call, scope: _Scope) -> str:
    if call.function in ("AND", "OR"):
        return _logical(call, scope)
    part = scope.part if call.function == "MAKE_ARRAY" else "%s"
    args = [
        "" if isinstance(a, Lambda) else part % _render(a, scope) for a in call.args
    ]
    if call.function in _ALIKE:
        args = [in_order(sql, a.type) for sql, a in zip(args, call.args, strict=True)]
    if call.function in ARITHMETIC:
        if python_arithmetic(call):
            return f"{python_name(call)}({', '.join(args) or NO_ARGUMENT})"
        if scope.variables and call.variant != "text":
            return arithmetic_in_lambda(call, args)
        return arithmetic_sql(call, args)
    if call.function == "MAKE_MAP":
        return _map(call, args)
    template = template_of(call)
    names = {"type": duckdb_name(call.type), "depth": str(len(scope.variables))}
    if python_in(template):
        names["python"] = python_name(call)
    bodies = {n: _body(a, scope) for n, a in enumerate(call.args) if isinstance(a, Lambda)}
    return _filled(template, args, bodies, names)


def _filled(
    template: str,
    args: Sequence[str],
    bodies: Mapping[int, Callable[[Sequence[str]], str]],
    names: Mapping[str, str],
) -> str:
    """`fill_template`; an argument that the template has several times is computed only once."""
    whole = template.count("{*}") + len(_PYTHON.findall(template))

    def done(n: int, args: Sequence[str]) -> str:
        if n == len(args):
            return fill_template(template, args, bodies, names)
        if whole + template.count(f"{{{n}}}") < 2:
            return done(n + 1, args)
        return let(args[n], lambda held: done(n + 1, [*args[:n], held, *args[n + 1 :]]))

    return done(0, args)


def _map(call: Call, args: Sequence[str]) -> str:
    """MAP(…): of equal keys, the last one counts, as in Java's HashMap."""
    keys = call.args[0]
    texts = keys.args if isinstance(keys, Call) else ()
    written = [k.value for k in texts if isinstance(k, Literal)]
    if len(written) == len(texts) == len(set(written)) and None not in written:
        return f"map({args[0]}, {args[1]})"
    function = "java_text_map" if keys.type == pa.list_(STRING) else "java_map"
    return f"{function}({args[0]}, {args[1]})"


def _may_fail(expression: Expression) -> bool:
    for part in walk(expression):
        if isinstance(part, Call) and part.function not in _SAFE:
            return True
        if isinstance(part, Cast) and not (
            is_numeric(part.operand.type) and pa.types.is_floating(part.type)
        ):
            return True
    return False


def _sides(expression: Expression, name: str) -> list[Expression]:
    """a AND b AND c as a list, in any nesting."""
    if isinstance(expression, Call) and expression.function == name:
        return [side for arg in expression.args for side in _sides(arg, name)]
    return [expression]


def _logical(call: Call, scope: _Scope) -> str:
    """AND and OR as in Java: a side is not evaluated if one before it decides, or is NULL."""
    sides = _sides(call, call.function)
    rendered = [_render(side, scope) for side in sides]
    decided = all(isinstance(s, Call) and s.function in DECIDED for s in sides[:-1])
    if decided and not any(_may_fail(side) for side in sides[1:]):
        return "(" + f" {call.function} ".join(rendered) + ")"
    test, found = ("%s", "true") if call.function == "OR" else ("NOT %s", "false")
    whens = (f"WHEN {test % s} THEN {found} WHEN {s} IS NULL THEN NULL" for s in rendered[:-1])
    return f"CASE {' '.join(whens)} ELSE {rendered[-1]} END"


def render(expression: Expression, columns: Mapping[str, str] = MappingProxyType({})) -> str:
    """DuckDB SQL that reads input columns by their quoted names, or by the SQL in `columns`.

    >>> render(Call("EQUAL", (Column("A", pa.int32()), Literal(1, pa.int32())), pa.bool_(), "0"))
    'coalesce("A" = CAST(\\'1\\' AS INTEGER), false)'
    """
    return _render(expression, _Scope(columns))


def tolerant(expression: Expression, columns: Mapping[str, str] = MappingProxyType({})) -> str:
    """The same, with NULL for a part that fails: an element of a constructor, else the whole.

    >>> tolerant(Cast(Column("A", pa.string()), pa.date32()))
    'TRY(java_date("A"))'
    """
    return f"TRY({_render(expression, _Scope(columns, part='TRY(%s)'))})"


def _render(expression: Expression, scope: _Scope) -> str:
    match expression:
        case Column():
            return scope.columns.get(expression.name) or quote_duckdb(expression.name)
        case Literal():
            return _literal(expression.value, expression.type)
        case Variable():
            return scope.variables[expression.name]
        case Cast():
            operand = _render(expression.operand, scope)
            return render_cast(operand, expression.operand.type, expression.type)
        case Field():
            operand = _render(expression.operand, scope)
            return f"struct_extract({operand}, {quote_text(expression.name)})"
        case MakeStruct():
            names = [f.name for f in expression.type]
            values = (scope.part % _render(v, scope) for v in expression.values)
            pairs = (f"{quote_text(n)}: {v}" for n, v in zip(names, values, strict=True))
            return "{" + ", ".join(pairs) + "}"
        case Case():
            return _case(expression, scope)
        case Call():
            return _call(expression, scope)
    raise TypeError(f"no expression: {expression!r}")


def _case(expression: Case, scope: _Scope) -> str:
    whens = " ".join(
        f"WHEN {_render(c, scope)} THEN {_render(v, scope)}" for c, v in expression.whens
    )
    default = expression.default
    rest = "" if default is None else f" ELSE {_render(default, scope)}"
    sql = f"CASE {whens}{rest} END"
    return sql if expression.type == STRING else f"CAST({sql} AS {duckdb_name(expression.type)})"
