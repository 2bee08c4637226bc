"""Expressions back to text, as ksqlDB's messages write them.

`bind` uses it for messages only: the text is not meant to be parsed again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from sqlglot import exp

from kshell.sql.as_written import folded
from kshell.types import ksql_name

__all__ = ["bare", "comparison_name", "text_of"]

Naming = Callable[[exp.Column], str]
"""How a column is written: bare, or with its source before it."""

_OPERATORS: Mapping[type[exp.Expr], str] = MappingProxyType(
    {
        exp.Add: "+", exp.Sub: "-", exp.Mul: "*", exp.Div: "/", exp.IntDiv: "/", exp.Mod: "%",
        exp.EQ: "=", exp.NEQ: "<>", exp.LT: "<", exp.LTE: "<=", exp.GT: ">", exp.GTE: ">=",
        exp.And: "AND", exp.Or: "OR", exp.NullSafeEQ: "IS NOT DISTINCT FROM",
        exp.NullSafeNEQ: "IS DISTINCT FROM", exp.DPipe: "+", exp.Like: "LIKE",
    }
)  # fmt: skip

_COMPARISONS: Mapping[type[exp.Expr], str] = MappingProxyType(
    {
        exp.EQ: "EQUAL", exp.NEQ: "NOT_EQUAL", exp.LT: "LESS_THAN",
        exp.LTE: "LESS_THAN_OR_EQUAL", exp.GT: "GREATER_THAN", exp.GTE: "GREATER_THAN_OR_EQUAL",
        exp.NullSafeEQ: "IS_NOT_DISTINCT_FROM", exp.NullSafeNEQ: "IS_DISTINCT_FROM",
    }
)  # fmt: skip


def comparison_name(node: exp.Expr) -> str:
    """ksqlDB's name of a comparison; empty for other operations."""
    return _COMPARISONS.get(type(node), "")


def bare(column: exp.Column) -> str:
    """The column's own name, in upper case unless it is quoted."""
    return "*" if isinstance(column.this, exp.Star) else folded(column.this)


def text_of(node: exp.Expr, naming: Naming = bare) -> str:
    """The expression as ksqlDB prints it: every operation in parentheses.

    >>> import sqlglot
    >>> text_of(sqlglot.parse_one("f1 * (2 + f2)"))
    '(F1 * (2 + F2))'
    """

    def text(part: exp.Expr) -> str:
        return text_of(part, naming)

    def texts(parts: list[exp.Expr]) -> str:
        return ", ".join(text(p) for p in parts)

    match node:
        case exp.Paren():
            return text(node.this)
        case exp.Column():
            return naming(node)
        case exp.Identifier():
            return folded(node)
        case exp.Literal():
            return "'" + node.name.replace("'", "''") + "'" if node.is_string else node.name
        case exp.Null():
            return "null"
        case exp.Boolean():
            return "true" if node.this else "false"
        case exp.Star():
            return "*"
        case exp.Neg():
            inner = text(node.this)
            return f"-{inner}"
        case exp.Not(this=exp.Is() as inner):
            return f"({text(inner.this)} IS NOT NULL)"
        case exp.Not(this=exp.In() as inner):
            return f"({text(inner.this)} NOT IN ({texts(inner.expressions)}))"
        case exp.Not():
            return f"(NOT {text(node.this)})"
        case exp.Is():
            return f"({text(node.this)} IS {text(node.expression).upper()})"
        case exp.In():
            return f"({text(node.this)} IN ({texts(node.expressions)}))"
        case exp.Between():
            low, high = text(node.args["low"]), text(node.args["high"])
            return f"({text(node.this)} BETWEEN {low} AND {high})"
        case exp.Cast():
            from kshell.sql.bind.datatypes import arrow_type

            return f"CAST({text(node.this)} AS {ksql_name(arrow_type(node.to, {}))})"
        case exp.Case():
            return _case_text(node, naming)
        case exp.Dot():
            return f"{text(node.this)}->{text(node.expression)}"
        case exp.Bracket():
            return f"{text(node.this)}[{texts(node.expressions)}]"
        case exp.Anonymous():
            return f"{node.name.upper()}({texts(node.expressions)})"
        case exp.Struct():
            fields = (f"{text(f.this)}:={text(f.expression)}" for f in node.expressions)
            return f"STRUCT({', '.join(fields)})"
        case exp.Array():
            return f"ARRAY[{texts(node.expressions)}]"
        case exp.Lambda():
            return f"({texts(node.expressions)}) => {text(node.this)}"
    operator = _OPERATORS.get(type(node))
    if operator is not None:
        return f"({text(node.this)} {operator} {text(node.expression)})"
    return str(node.sql())


def _case_text(node: exp.Case, naming: Naming) -> str:
    words = ["CASE"]
    if node.this is not None:
        words.append(text_of(node.this, naming))
    for branch in node.args["ifs"]:
        words.append(f"WHEN {text_of(branch.this, naming)}")
        words.append(f"THEN {text_of(branch.args['true'], naming)}")
    if node.args.get("default") is not None:
        words.append(f"ELSE {text_of(node.args['default'], naming)}")
    return "(" + " ".join([*words, "END"]) + ")"
