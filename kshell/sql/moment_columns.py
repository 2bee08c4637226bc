"""Which columns of a continuous plan are times: pseudo columns, by any name, and their MIN and MAX.

Statements that show a plan's rows ask `answer_schema`; what is computed of a time is a number.
"""

from __future__ import annotations

import pyarrow as pa

from kshell.catalog.model import TIME_COLUMNS
from kshell.field_names import plain
from kshell.sql import plan
from kshell.sql.expressions import Call, Column, Expression
from kshell.types import as_moment

__all__ = ["answer_schema", "moments"]

_EXTREMES = frozenset({"MIN", "MAX"})


def answer_schema(node: plan.Answer) -> pa.Schema:
    """The columns of an answer as a person sees them."""
    types, times = node.output.schema(), moments(node.input)
    fields = [
        (pa.field(plain(heading), types.field(name).type), name in times)
        for heading, name in node.columns
    ]
    return pa.schema([as_moment(f) if t else f for f, t in fields])


def moments(node: plan.Node) -> frozenset[str]:
    """The names of a node's output columns that are times in milliseconds."""
    made: set[str] = set(TIME_COLUMNS)
    match node:
        case plan.Scan():
            times = node.source.moments.union(TIME_COLUMNS)
            made |= {column for column, source in node.columns if source in times}
        case plan.Project():
            before = moments(node.input)
            made |= {n.name for n in (*node.key, *node.value) if _is_one(n.expression, before)}
        case plan.Aggregate():
            before = moments(node.input)
            made |= {n.name for n in node.group if _is_one(n.expression, before)}
            made |= {name for name, call in node.aggregates if _is_one(call, before)}
        case plan.Rekey():
            before = moments(node.input)
            made |= before | {n.name for n in node.key if _is_one(n.expression, before)}
        case _:
            for child in plan.children(node):
                made |= moments(child)
    return frozenset(made)


def _is_one(expression: Expression, before: frozenset[str]) -> bool:
    """Whether it is a time as it was, or the first or last of several."""
    if isinstance(expression, Call) and expression.function in _EXTREMES:
        return len(expression.args) == 1 and _is_one(expression.args[0], before)
    return isinstance(expression, Column) and expression.name in before
