"""A plan as text: what EXPLAIN prints, one step a line, inputs indented under what they feed.

`engines` call `outline`; tests read plans by it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

from kshell.sql import plan
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
from kshell.types import ksql_name

__all__ = ["outline"]

_INFIX: Mapping[str, str] = MappingProxyType(
    {
        "ADD": "+", "SUBTRACT": "-", "MULTIPLY": "*", "DIVIDE": "/", "MODULO": "%",
        "EQUAL": "=", "NOT_EQUAL": "<>", "LESS": "<", "LESS_OR_EQUAL": "<=", "GREATER": ">",
        "GREATER_OR_EQUAL": ">=", "AND": "AND", "OR": "OR",
        "IS_DISTINCT": "IS DISTINCT FROM", "IS_NOT_DISTINCT": "IS NOT DISTINCT FROM",
    }
)  # fmt: skip


def _expression_text(expression: Expression) -> str:
    """A bound expression as KSQL would write it.

    >>> import pyarrow as pa
    >>> a = Column("A", pa.int32())
    >>> _expression_text(Call("ADD", (a, Literal(1, pa.int32())), pa.int32()))
    '(A + 1)'
    """
    text = _expression_text
    match expression:
        case Column() | Variable():
            return expression.name
        case Literal():
            return _literal(expression)
        case Cast():
            return f"CAST({text(expression.operand)} AS {ksql_name(expression.type)})"
        case Field():
            return f"{text(expression.operand)}->{expression.name}"
        case Lambda():
            return f"({', '.join(expression.params)}) => {text(expression.body)}"
        case Case():
            whens = "".join(f" WHEN {text(c)} THEN {text(v)}" for c, v in expression.whens)
            default = "" if expression.default is None else f" ELSE {text(expression.default)}"
            return f"CASE{whens}{default} END"
        case MakeStruct():
            names = [f.name for f in expression.type]
            pairs = zip(names, expression.values, strict=True)
            return f"STRUCT({', '.join(f'{n} := {text(v)}' for n, v in pairs)})"
        case Call():
            operator = _INFIX.get(expression.function)
            args = [text(a) for a in expression.args]
            if operator is not None and len(args) == 2:
                return f"({args[0]} {operator} {args[1]})"
            return f"{expression.function}({', '.join(args)})"


def _literal(literal: Literal) -> str:
    if literal.value is None:
        return "NULL"
    if isinstance(literal.value, str):
        return "'" + literal.value.replace("'", "''") + "'"
    return str(literal.value).upper() if isinstance(literal.value, bool) else str(literal.value)


def outline(node: plan.Node) -> str:
    """The plan, its root first.

    Each line says what a step does; what it reads from stands below it, two spaces further in.
    """
    return "\n".join(_lines(node, 0))


def _lines(node: plan.Node, depth: int) -> Iterator[str]:
    yield "  " * depth + _line(node)
    for child in plan.children(node):
        yield from _lines(child, depth + 1)


def _named(items: Sequence[plan.Named]) -> str:
    return ", ".join(
        n.name if text == n.name else f"{n.name} = {text}"
        for n in items
        for text in [_expression_text(n.expression)]
    )


def _line(node: plan.Node) -> str:
    match node:
        case plan.Scan():
            columns = ", ".join(o if o == s else f"{o} = {s}" for o, s in node.columns)
            return f"scan {node.source.kind.value.lower()} {node.source.name}: {columns}"
        case plan.Filter():
            return f"filter {_expression_text(node.predicate)}"
        case plan.Project():
            key = f"key {_named(node.key)}; " if node.key else ""
            return f"project {key}{_named(node.value)}"
        case plan.Rekey():
            return f"partition by {_named(node.key) or 'nothing'}"
        case plan.Explode():
            return f"explode {_named(node.functions)}"
        case plan.Aggregate():
            return _aggregate_line(node)
        case plan.StreamJoin():
            key = node.output.key[0].name
            bounds = f"within {node.before_ms} ms before, {node.after_ms} ms after"
            grace = "" if node.grace_ms is None else f", grace {node.grace_ms} ms"
            return f"{node.kind.value.lower()} join of streams {bounds}{grace}: key {key}"
        case plan.StreamTableJoin():
            return f"{node.kind.value.lower()} join with a table: key {node.output.key[0].name}"
        case plan.TableJoin():
            return f"{node.kind.value.lower()} join of tables: key {node.output.key[0].name}"
        case plan.ForeignKeyJoin():
            foreign = _expression_text(node.foreign_key)
            return f"{node.kind.value.lower()} join of tables on foreign key {foreign}"
        case plan.Suppress():
            return "hold until each window is final"
        case plan.Answer():
            limit = "" if node.limit is None else f", {node.limit} rows"
            return f"show {', '.join(heading for heading, _ in node.columns)}{limit}"
        case plan.Sink():
            target = node.target
            columns = ", ".join(
                [f"{c.name} {ksql_name(c.type)} KEY" for c in target.key]
                + [f"{c.name} {ksql_name(c.type)}" for c in target.value]
            )
            formats = f"{target.key_format.name}/{target.value_format.name}"
            return f"write {target.kind.value.lower()} {target.name} ({columns}) as {formats}"


def _aggregate_line(node: plan.Aggregate) -> str:
    made = ", ".join(f"{name} = {_expression_text(call)}" for name, call in node.aggregates)
    window = ""
    if node.window is not None:
        clause = node.window
        advance = "" if clause.advance_ms is None else f" by {clause.advance_ms} ms"
        grace = f", grace {plan.grace_of(clause)} ms"
        window = f" in {clause.type.value.lower()} windows of {clause.size_ms} ms{advance}{grace}"
    return f"group by {_named(node.group)}{window}: {made}"
