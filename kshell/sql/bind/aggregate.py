"""GROUP BY: the grouping key, the aggregates, and what SELECT and HAVING may say beside them.

`bind.select` calls it after everything is bound: grouping expressions and aggregate calls inside
bound expressions are replaced by the columns that `plan.Aggregate` makes.  Checks are ksqlDB's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

from sqlglot import exp

from kshell.catalog.model import WINDOW_COLUMNS, Column, Kind, Window, WindowType
from kshell.catalog.serde import check_map_key
from kshell.errors import BindError
from kshell.sql import functions, plan
from kshell.sql.as_written import place_of
from kshell.sql.bind.calls import limited
from kshell.sql.bind.names import Aliases, unique
from kshell.sql.bind.projection import Item, text_list
from kshell.sql.bind.scope import SYSTEM
from kshell.sql.bind.text import text_of
from kshell.sql.clauses import Emit, Query, WindowClause
from kshell.sql.expressions import Call, Expression, columns_of, walk
from kshell.sql.expressions import Column as Bound
from kshell.types import quote_ksql

__all__ = ["Grouped", "Grouping", "aggregates_in", "build_aggregate", "check_aggregated",
           "check_bounds", "check_no_group", "has_nested_state"]  # fmt: skip

# Aggregates that cannot take a row back: a table's rows change.
_STREAM_ONLY = frozenset({
    "COLLECT_SET", "COUNT_DISTINCT", "EARLIEST_BY_OFFSET", "LATEST_BY_OFFSET", "MAX", "MIN",
    "TOPK", "TOPKDISTINCT",
})  # fmt: skip

# Aggregates whose state is a structure, which flat formats cannot hold.
_NESTED_STATE = frozenset({
    "ATTR", "AVG", "COLLECT_LIST", "COLLECT_SET", "CORRELATION", "COUNT_DISTINCT",
    "EARLIEST_BY_OFFSET", "HISTOGRAM", "LATEST_BY_OFFSET", "STDDEV_SAMP", "STDDEV_SAMPLE",
    "STDEV_SAMP", "TOPK", "TOPKDISTINCT",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Grouping:
    """GROUP BY as bound: each expression with how it was written, and HAVING's predicate."""

    items: tuple[Item, ...]
    having: Expression | None = None
    having_node: exp.Expr | None = None


@dataclass(frozen=True, slots=True)
class Grouped:
    """The aggregate's node, and the SELECT list over its columns."""

    node: plan.Node
    items: tuple[Item, ...]


def aggregates_in(expression: Expression) -> list[Call]:
    """The aggregate calls in it, outermost first."""
    return [
        e for e in walk(expression) if isinstance(e, Call) and functions.is_aggregate(e.function)
    ]


def check_bounds(expression: Expression) -> None:
    """BindError if a window's bound is used outside SELECT."""
    for name in columns_of(expression):
        if name in WINDOW_COLUMNS:
            raise BindError(
                f"Window bounds column {name} can only be used in the SELECT clause of windowed "
                "aggregations and can not be passed to aggregate functions"
            )


@dataclass(slots=True)
class _Rewriter:
    """Puts the aggregate's columns for what they stand for; collects what they do not cover."""

    keys: dict[Expression, Bound]
    aggregates: dict[Call, str] = field(default_factory=dict)
    uncovered: list[str] = field(default_factory=list)

    def rewrite(self, expression: Expression) -> Expression:
        """The expression over the aggregate's output."""
        if expression in self.keys:
            return self.keys[expression]
        if isinstance(expression, Call) and functions.is_aggregate(expression.function):
            name = self.aggregates.get(expression)
            if name is None:
                name = f"KSQL_AGG_VARIABLE_{len(self.aggregates)}"
                self.aggregates[expression] = name
            return Bound(name, expression.type)
        if isinstance(expression, Bound):
            if expression.name not in WINDOW_COLUMNS:
                self.uncovered.append(expression.name)
            return expression
        return replace(expression, **{f.name: self._part(getattr(expression, f.name))
                                      for f in fields(expression)})  # fmt: skip

    def _part(self, value: Any) -> Any:
        if isinstance(value, Expression):
            return self.rewrite(value)
        if isinstance(value, tuple):
            return tuple(self._part(v) for v in value)
        return value


def build_aggregate(
    node: plan.Node,
    items: Sequence[Item],
    grouping: Grouping,
    query: Query,
    aliases: Aliases,
    properties: Mapping[str, str],
) -> Grouped:
    """Aggregate, EMIT FINAL and HAVING over the node."""
    window = query.window
    if window is not None and window.grace_ms is None and query.emit is Emit.FINAL:
        window = replace(window, grace_ms=0)  # as ksqlDB: final at the window's end
    key_columns, names = _keys(items, grouping, aliases)
    for column, name in zip(key_columns, names, strict=True):
        check_map_key(Column(name, column.type))
    rewriter = _Rewriter(
        {i.expression: c for i, c in zip(grouping.items, key_columns, strict=True)}
    )
    over = _rewrite_items(items, rewriter)
    having = None
    if grouping.having is not None:
        having = _rewrite_having(grouping, rewriter)
    calls = list(rewriter.aggregates)
    for call in calls:
        for argument in call.args:
            check_bounds(argument)
    if node.output.kind is Kind.TABLE:
        _check_table(calls, window)
    group = tuple(
        plan.Named(c.name, i.expression) for i, c in zip(grouping.items, key_columns, strict=True)
    )
    value = tuple(Column(n, c.type) for c, n in rewriter.aggregates.items())
    output = plan.Relation(
        Kind.TABLE,
        tuple(Column(c.name, c.type) for c in key_columns),
        value,
        _window(window),
    )
    aggregates = tuple((n, limited(c, properties)) for c, n in rewriter.aggregates.items())
    aggregate = plan.Aggregate(node, group, aggregates, window, output)
    final = query.emit is Emit.FINAL and window is not None
    made: plan.Node = plan.Suppress(aggregate, output) if final else aggregate
    if having is not None:
        made = plan.Filter(made, having, output)
    return Grouped(made, over)


def _window(clause: WindowClause | None) -> Window | None:
    if clause is None:
        return None
    if clause.size_ms <= 0:
        raise BindError("Window size should be larger than zero", hint="SIZE 1 MINUTE")
    advance = clause.advance_ms
    if advance is not None and not 0 < advance <= clause.size_ms:
        raise BindError(
            "Window advancement interval should be more than zero and less than window duration",
            hint="ADVANCE BY at most the SIZE",
        )
    _check_retention(clause)
    return Window(clause.type, None if clause.type is WindowType.SESSION else clause.size_ms)


def _check_retention(clause: WindowClause) -> None:
    """A window must be kept for as long as it takes records: Kafka Streams' check and words."""
    grace = clause.grace_ms or 0
    if clause.retention_ms is None or clause.retention_ms >= clause.size_ms + grace:
        return
    sizes = f"grace=[{grace}], retention=[{clause.retention_ms}]"
    if clause.type is WindowType.SESSION:
        what = (
            "The retention period of the session store must be no smaller than the session "
            f"inactivity gap plus the grace period. Got gap=[{clause.size_ms}], {sizes}"
        )
    else:
        what = (
            "The retention period of the window store must be no smaller than its window size "
            f"plus the grace period. Got size=[{clause.size_ms}], {sizes}"
        )
    raise BindError(what, hint="a longer RETENTION, or none")


def _keys(
    items: Sequence[Item], grouping: Grouping, aliases: Aliases
) -> tuple[list[Bound], list[str]]:
    """The key columns inside the plan, and how each is called outside."""
    columns: list[Bound] = []
    names: list[str] = []
    for group in grouping.items:
        found = [i.name for i in items if i.expression == group.expression]
        if len(found) > 1:
            shown = text_list([quote_ksql(n) for n in found], "and")
            raise BindError(
                f"The projection contains a key column more than once: {shown}.\n"
                "Each key column must only be in the projection once. If you intended to copy the "
                "key into the value, then consider using the AS_VALUE function to indicate which "
                "key reference should be copied."
            )
        if found:
            name = found[0]
        elif isinstance(group.expression, Bound):
            name = group.expression.name
        else:
            name = aliases.of(group.node or exp.Null(), group.expression)
        columns.append(Bound(unique(name, [*SYSTEM, *(c.name for c in columns)]),
                             group.expression.type))  # fmt: skip
        names.append(name)
    return columns, names


def _rewrite_items(items: Sequence[Item], rewriter: _Rewriter) -> tuple[Item, ...]:
    over: list[Item] = []
    bad: list[str] = []
    place = None
    for item in items:
        rewriter.uncovered.clear()
        over.append(replace(item, expression=rewriter.rewrite(item.expression)))
        if rewriter.uncovered:
            bad.append(text_of(item.node) if item.node is not None else item.name)
            place = place or place_of(item.node)
    rewriter.uncovered.clear()
    if bad:
        raise BindError(
            "Non-aggregate SELECT expression(s) not part of GROUP BY: "
            f"{', '.join(dict.fromkeys(bad))}\n"
            "Either add the column(s) to the GROUP BY or remove them from the SELECT.",
            place=place,
        )
    return tuple(over)


def _rewrite_having(grouping: Grouping, rewriter: _Rewriter) -> Expression:
    assert grouping.having is not None
    check_bounds(grouping.having)
    having = rewriter.rewrite(grouping.having)
    if rewriter.uncovered:
        raise BindError(
            "Non-aggregate HAVING expression not part of GROUP BY: "
            + ", ".join(dict.fromkeys(rewriter.uncovered)),
            place=place_of(grouping.having_node),
        )
    return having


def _check_table(calls: Sequence[Call], window: WindowClause | None) -> None:
    bad = list(dict.fromkeys(c.function for c in calls if c.function in _STREAM_ONLY))
    if bad:
        raise BindError(
            f"The aggregation function{'s' if len(bad) > 1 else ''} {text_list(bad, 'and')} cannot "
            "be applied to a table source, only to a stream source."
        )
    if window is not None:
        raise BindError("WINDOW applies to streams: a table's rows have no one time")


def check_aggregated(items: Sequence[Item], grouping: Grouping) -> None:
    """BindError where GROUP BY has nothing to aggregate: ksqlDB makes no table of that."""
    expressions = [i.expression for i in items]
    if grouping.having is not None:
        expressions.append(grouping.having)
    if not any(aggregates_in(e) for e in expressions):
        raise BindError(
            "GROUP BY requires aggregate functions in either the SELECT or HAVING clause.",
            hint="COUNT(*) AS n is one; EMIT CHANGES without a sink needs none",
        )


def check_no_group(items: Sequence[Item], sink: Kind | None) -> None:
    """BindError if there are aggregates without GROUP BY; `sink` is what is created, if any."""
    calls = [c for i in items for c in aggregates_in(i.expression)]
    if not calls:
        return
    _rewrite_items(items, _Rewriter({}))
    statement = "SELECT" if sink is None else f"CREATE {sink.value} AS SELECT"
    names = (_call_text(c) for c in dict.fromkeys(calls))
    raise BindError(
        f"{statement} statement does not support aggregate function [{', '.join(names)}] without a "
        "GROUP BY clause.",
        hint="GROUP BY 1 makes all rows one group; without EMIT CHANGES none is needed",
    )


def _call_text(call: Call) -> str:
    arguments = [a.name if isinstance(a, Bound) else "…" for a in call.args] or ["ROWTIME"]
    return f"{call.function}({', '.join(arguments)})"


def has_nested_state(node: plan.Node) -> bool:
    """Whether an aggregate in the plan keeps more than a plain value."""
    return any(
        call.function in _NESTED_STATE
        for step in _steps(node)
        if isinstance(step, plan.Aggregate)
        for _, call in step.aggregates
    )


def _steps(node: plan.Node) -> list[plan.Node]:
    found: list[plan.Node] = [node]
    for child in plan.children(node):
        found += _steps(child)
    return found
