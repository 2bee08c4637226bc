"""Finds the part of a topic that can match a WHERE: seeks, stops and partition pruning.

`rewrite` gives it the conjuncts that hold for every row of one reference; those that it understands
narrow the `Bounds`.  The query keeps the whole predicate, so a bound may be too wide, never too
narrow.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from sqlglot import exp

from kshell.batch.tables import Bounds

__all__ = ["PushdownNames", "bounds_of", "conjuncts"]

Evaluate = Callable[[exp.Expr], Any]

_FLIP: dict[type[exp.Expr], type[exp.Expr]] = {
    exp.LT: exp.GT, exp.GT: exp.LT, exp.LTE: exp.GTE, exp.GTE: exp.LTE, exp.EQ: exp.EQ,
}  # fmt: skip


def conjuncts(predicate: exp.Expr | None) -> Iterable[exp.Expr]:
    """The parts that AND joins.

    >>> from sqlglot import parse_one
    >>> [c.sql() for c in conjuncts(parse_one("a = 1 AND (b = 2 AND c = 3 OR d)"))]
    ['a = 1', '(b = 2 AND c = 3 OR d)']
    """
    if predicate is None:
        return
    node = predicate.unnest()
    if isinstance(node, exp.And):
        yield from conjuncts(node.left)
        yield from conjuncts(node.right)
    else:
        yield predicate


@dataclass(frozen=True, slots=True)
class _Test:
    """One conjunct as `column op values`, the constants evaluated."""

    column: str
    op: type[exp.Expr]
    values: tuple[Any, ...]


# What may stand in a constant: nothing that could give another value when the query runs.
_STEADY = (
    exp.Literal, exp.Boolean, exp.Null, exp.Neg, exp.Paren, exp.Add, exp.Sub, exp.Mul, exp.Cast,
    exp.DataType,
)  # fmt: skip


def _constant(node: exp.Expr) -> bool:
    return all(isinstance(part, _STEADY) for part in node.walk())


def _tests(part: exp.Expr, evaluate: Evaluate) -> Iterable[_Test]:
    node = part.unnest()
    if isinstance(node, exp.Between) and isinstance(node.this, exp.Column):
        yield from _tests(exp.GTE(this=node.this, expression=node.args["low"]), evaluate)
        yield from _tests(exp.LTE(this=node.this, expression=node.args["high"]), evaluate)
        return
    if isinstance(node, exp.In) and isinstance(node.this, exp.Column):
        items = node.expressions
        if items and all(_constant(i) for i in items):
            yield _Test(node.this.name.upper(), exp.In, tuple(evaluate(i) for i in items))
        return
    if type(node) not in _FLIP:
        return
    left, right, op = node.this, node.expression, type(node)
    if not isinstance(left, exp.Column):
        left, right, op = right, left, _FLIP[op]
    if isinstance(left, exp.Column) and _constant(right):
        yield _Test(left.name.upper(), op, (evaluate(right),))


def _highest(old: int | None, new: int) -> int:
    return new if old is None else max(old, new)


def _lowest(old: int | None, new: int) -> int:
    return new if old is None else min(old, new)


def _interval(test: _Test) -> tuple[int | None, int | None] | None:
    """[from, to) of whole numbers that pass; None if the constants are not numbers."""
    if any(isinstance(v, bool) or not isinstance(v, int | float | Decimal) for v in test.values):
        return None
    low, high = min(test.values), max(test.values)
    if test.op is exp.GT:
        return math.floor(low) + 1, None
    if test.op is exp.GTE:
        return math.ceil(low), None
    if test.op is exp.LT:
        return None, math.ceil(high)
    if test.op is exp.LTE:
        return None, math.floor(high) + 1
    return math.ceil(low), math.floor(high) + 1  # = and IN


@dataclass(frozen=True, slots=True)
class PushdownNames:
    """What a query calls a table's key, and its pseudo columns: not those that a column hides."""

    keys: frozenset[str]
    pseudo: frozenset[str]


def _narrow(bounds: Bounds, test: _Test, names: PushdownNames) -> Bounds:
    if test.column in names.keys and test.op in (exp.EQ, exp.In):
        values = tuple(v for v in test.values if v is not None)
        if bounds.keys is not None:
            values = tuple(v for v in values if v in bounds.keys)
        return replace(bounds, keys=values)
    places = {"ROWTIME", "ROWOFFSET", "ROWPARTITION"} & names.pseudo
    if test.column not in places or not test.values:
        return bounds
    interval = _interval(test)
    if interval is None:
        return bounds
    low, high = interval
    if test.column == "ROWPARTITION":
        if test.op not in (exp.EQ, exp.In):
            return bounds
        wanted = frozenset(int(v) for v in test.values if v == int(v))
        return replace(
            bounds, partitions=wanted if bounds.partitions is None else wanted & bounds.partitions
        )
    name = "time" if test.column == "ROWTIME" else "offset"
    changes: dict[str, Any] = {}
    if low is not None:
        changes[f"{name}_from"] = _highest(getattr(bounds, f"{name}_from"), low)
    if high is not None:
        changes[f"{name}_to"] = _lowest(getattr(bounds, f"{name}_to"), high)
    return replace(bounds, **changes)


def bounds_of(
    parts: Iterable[exp.Expr], names: PushdownNames, evaluate: Evaluate
) -> Bounds:
    """What the conjuncts leave of a table whose columns have those names."""
    bounds = Bounds()
    for part in parts:
        for test in _tests(part, evaluate):
            if any(v is None for v in test.values) and test.op is not exp.In:
                continue  # a comparison with NULL passes nothing, and the query will see that
            bounds = _narrow(bounds, test, names)
    return bounds
