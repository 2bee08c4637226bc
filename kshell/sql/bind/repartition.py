"""PARTITION BY, and table functions: the steps between WHERE and the projection.

`bind.select` calls it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from kshell.catalog.model import Column, Kind
from kshell.catalog.serde import check_map_key
from kshell.errors import BindError
from kshell.sql import functions, plan
from kshell.sql.bind.names import unique
from kshell.sql.bind.projection import Item
from kshell.sql.bind.scope import SYSTEM
from kshell.sql.expressions import Call, Expression, walk
from kshell.sql.expressions import Column as Bound

__all__ = ["Repartition", "build_explode", "rekey"]


@dataclass(frozen=True, slots=True)
class Repartition:
    """PARTITION BY as bound; no items is PARTITION BY NULL."""

    items: tuple[Item, ...]

    def shown(self) -> tuple[Item, ...]:
        """What * begins with: the new key."""
        return tuple(replace(item, node=None) for item in self.items)


def rekey(
    node: plan.Node, items: Sequence[Item], partition: Repartition
) -> tuple[plan.Node, tuple[Item, ...]]:
    """The node with its new key, and the SELECT list over it."""
    own = tuple(Bound(c.name, c.type) for c in node.output.key)
    if own and own == tuple(i.expression for i in partition.items):
        return node, tuple(items)
    if node.output.window is not None:
        raise BindError(
            "Implicit repartitioning of windowed sources is not supported. "
            "See https://github.com/confluentinc/ksql/issues/4385."
        )
    columns = (*node.output.key, *node.output.value)
    taken = {*SYSTEM, *(c.name for c in columns)}
    key: list[plan.Named] = []
    for item in partition.items:
        check_map_key(Column(item.name, item.expression.type))
        expression = item.expression
        plain = isinstance(expression, Bound) and expression.name not in SYSTEM
        name = item.name if plain else unique(item.name, taken)
        taken.add(name)
        key.append(plan.Named(name, expression))
    names = {n.name for n in key}
    output = plan.Relation(
        Kind.STREAM,
        tuple(Column(n.name, n.expression.type) for n in key),
        tuple(c for c in columns if c.name not in names),
    )
    new = {n.expression: Bound(n.name, n.expression.type) for n in key}
    over = tuple(replace(i, expression=new.get(i.expression, i.expression)) for i in items)
    return plan.Rekey(node, tuple(key), output), over


def build_explode(node: plan.Node, items: Sequence[Item]) -> tuple[plan.Node, tuple[Item, ...]]:
    """The node with the SELECT list's table functions as columns, and the list over it."""
    calls = list(dict.fromkeys(c for i in items for c in _table_calls(i.expression)))
    if not calls:
        return node, tuple(items)
    if node.output.kind is Kind.TABLE:
        raise BindError("Table source is not supported with table functions")
    for call in calls:
        inner = [c for a in call.args for c in _table_calls(a)]
        if inner:
            raise BindError(
                f"Table functions can not be nested: {call.function}({inner[0].function}())"
            )
    if any(
        isinstance(e, Call) and functions.is_aggregate(e.function)
        for i in items
        for e in walk(i.expression)
    ):
        raise BindError("Table functions cannot be used with aggregations.")
    names = {call: f"KSQL_SYNTH_{n}" for n, call in enumerate(calls)}
    value = (*node.output.value, *(Column(names[c], c.type) for c in calls))
    output = replace(node.output, value=value)
    made = plan.Explode(node, tuple(plan.Named(names[c], c) for c in calls), output)
    over = tuple(replace(i, expression=_replaced(i.expression, names)) for i in items)
    return made, over


def _table_calls(expression: Expression) -> list[Call]:
    return [
        e for e in walk(expression)
        if isinstance(e, Call) and functions.is_table_function(e.function)
    ]  # fmt: skip


def _replaced(expression: Expression, names: dict[Call, str]) -> Expression:
    if isinstance(expression, Call) and expression in names:
        return Bound(names[expression], expression.type)
    changed = {f.name: _replaced_part(getattr(expression, f.name), names)
               for f in fields(expression)}  # fmt: skip
    return replace(expression, **changed)


def _replaced_part(value: Any, names: dict[Call, str]) -> Any:
    if isinstance(value, Expression):
        return _replaced(value, names)
    if isinstance(value, tuple):
        return tuple(_replaced_part(v, names) for v in value)
    return value
