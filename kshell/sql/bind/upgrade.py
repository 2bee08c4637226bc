"""CREATE OR REPLACE … AS SELECT: checks whether a query can replace a running one.

`engines` and `cases` ask before they end the old query.  As in ksqlDB, filters and projections may
change; the source, the key, the aggregates and their windows may not (state and repartitioned
records depend on them), and joins, table functions and EMIT FINAL cannot be replaced at all.
"""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import Any

from kshell.catalog.model import Kind
from kshell.errors import BindError
from kshell.sql import plan
from kshell.sql.expressions import Call, Column, Expression, Literal

__all__ = ["check_upgrade"]

_HINT = "DROP it with its query and CREATE it anew: that reads from the start"

_PASSIVE = (plan.Sink, plan.Filter, plan.Project)

# As ksqlDB's messages call them.
_FIXED: MappingProxyType[type[Any], str] = MappingProxyType(
    {
        plan.Explode: "StreamFlatMap",
        plan.ForeignKeyJoin: "ForeignKeyTableTableJoin",
        plan.StreamJoin: "StreamStreamJoin",
        plan.StreamTableJoin: "StreamTableJoin",
        plan.Suppress: "TableSuppress",
        plan.TableJoin: "TableTableJoin",
    }
)


def check_upgrade(old: plan.Sink, new: plan.Sink) -> None:
    """BindError unless the new query can go on where the old one is."""
    _check(old, new)


def _check(old: plan.Node, new: plan.Node) -> None:
    old, new = _below(old), _below(new)
    for node in (old, new):
        if type(node) in _FIXED:
            raise BindError(f"Upgrades not yet supported for {_FIXED[type(node)]}", hint=_HINT)
    if _name(old) != _name(new):
        raise _differs(_name(old), "class", _name(old), _name(new))
    match old, new:
        case plan.Scan(), plan.Scan():
            _match(old, new, _SCAN)
        case plan.Rekey(), plan.Rekey():
            _match(old, new, _REKEY)
            _check(old.input, new.input)
        case plan.Aggregate(), plan.Aggregate():
            _match(old, new, _AGGREGATE)
            _check(old.input, new.input)


def _below(node: plan.Node) -> plan.Node:
    """The first step that matters, under those that may come and go."""
    while isinstance(node, _PASSIVE):
        node = node.input
    return node


def _name(node: plan.Node) -> str:
    match node:
        case plan.Scan():
            windowed = "Windowed" if node.source.window is not None else ""
            return f"{windowed}{node.source.kind.value.capitalize()}Source"
        case plan.Rekey():
            return "StreamSelectKey"
        case plan.Aggregate() if node.input.output.kind is Kind.TABLE:
            return "TableAggregate"
        case plan.Aggregate():
            return "StreamWindowedAggregate" if node.window is not None else "StreamAggregate"
    return type(node).__name__


# What must be the same, in the order it is looked at.
_SCAN: tuple[tuple[str, Callable[[Any], object]], ...] = (
    ("topicName", lambda s: s.source.topic),
    ("formats", lambda s: f"{s.source.key_format.name}, {s.source.value_format.name}"),
    ("timestampColumn", lambda s: s.source.timestamp_column),
)
_REKEY: tuple[tuple[str, Callable[[Any], object]], ...] = (
    ("keyExpressions", lambda r: _list(n.expression for n in r.key)),
)
_AGGREGATE: tuple[tuple[str, Callable[[Any], object]], ...] = (
    ("aggregate functions", lambda a: _list(call for _, call in a.aggregates)),
    ("window expression", lambda a: a.window),
    ("group by clause", lambda a: _list(n.expression for n in a.group)),
)


def _match(
    old: plan.Node, new: plan.Node, parts: tuple[tuple[str, Callable[[Any], object]], ...]
) -> None:
    for what, of in parts:
        before, after = of(old), of(new)
        if before != after:
            raise _differs(_name(old), what, before, after)


def _differs(step: str, what: str, before: object, after: object) -> BindError:
    return BindError(
        f"Query is not upgradeable. Plan step of type {step} must have matching {what}. "
        f"Values differ: {before} vs. {after}",
        hint=_HINT,
    )


def _list(expressions: Any) -> str:
    return "[" + ", ".join(_text(e) for e in expressions) + "]"


def _text(expression: Expression) -> str:
    match expression:
        case Column():
            return expression.name
        case Literal():
            return repr(expression.value)
        case Call():
            return f"{expression.function}({', '.join(_text(a) for a in expression.args)})"
    return str(expression)
