"""What sources are joined on: ON as read, one equality or several.

`bind.sources` reads every JOIN with it.  Several columns are one STRUCT, which is NULL where a part
of it is: ksqlDB has no such joins.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import reduce

import pyarrow as pa
from sqlglot import exp

from kshell.catalog.model import Kind, Source
from kshell.errors import BindError, Unsupported
from kshell.sql import functions, plan
from kshell.sql.as_written import place_of
from kshell.sql.bind.expressions import Binder
from kshell.sql.bind.literals import coerce
from kshell.sql.bind.names import Aliases
from kshell.sql.bind.scope import Origin, Scope
from kshell.sql.bind.text import text_of
from kshell.sql.clauses import Within
from kshell.sql.expressions import Case, Column, Expression, MakeStruct, columns_of
from kshell.sql.widening import can_widen
from kshell.types import ksql_name, quote_ksql

__all__ = ["Criteria", "Equality", "check_types", "read_criteria"]


@dataclass(frozen=True, slots=True)
class Equality:
    """left = right, with the text of each; right is the joined source's."""

    left: Expression
    right: Expression
    sides: tuple[str, str]


@dataclass(frozen=True, slots=True)
class Criteria:
    """One JOIN: its kind, both sides of ON (the right side is the joined source's), its WITHIN.

    `text` is ON as it was written.  Of several equalities `left` and `right` are STRUCTs.
    """

    kind: plan.JoinKind
    left: Expression
    right: Expression
    within: Within | None
    text: str
    node: exp.Join
    equalities: tuple[Equality, ...]


def _join_kind(join: exp.Join) -> plan.JoinKind:
    if join.args.get("using") or join.args.get("method"):
        raise Unsupported("a continuous join is written with ON a = b", place=place_of(join))
    if join.kind in ("CROSS", "SEMI", "ANTI") or join.args.get("on") is None:
        raise BindError(
            "a continuous join needs ON with one equality: JOIN … ON a.x = b.y",
            place=place_of(join),
        )
    return plan.JoinKind(join.side or "INNER")


def read_criteria(
    join: exp.Join, scope: Scope, left: Sequence[Origin], right: Origin
) -> Criteria:
    """The JOIN's; BindError where ON is no equality of the joined source and one before it."""
    kind = _join_kind(join)
    on = join.args["on"].unnest()
    text = text_of(on, scope.qualified).removeprefix("(").removesuffix(")")
    within = join.args.get("within")
    read = tuple(_equality(part, scope, left, right) for part in _conjuncts(on))
    first = read[0]
    both = (first.left, first.right)
    if len(read) > 1:
        names = _field_names(read, scope)
        both = (_struct(names, [e.left for e in read]), _struct(names, [e.right for e in read]))
    return Criteria(kind, *both, within, text, join, read)


def _conjuncts(on: exp.Expr) -> Iterator[exp.Expr]:
    on = on.unnest()
    if isinstance(on, exp.And):
        yield from _conjuncts(on.this)
        yield from _conjuncts(on.expression)
    else:
        yield on


def check_types(criteria: Criteria) -> None:
    """BindError unless both sides of each equality have one type."""
    for equality in criteria.equalities:
        both = (equality.left, equality.right)
        if both[0].type == both[1].type:
            continue
        texts = (f"{t}{{{ksql_name(e.type)}}}" for t, e in
                 zip(equality.sides, both, strict=True))  # fmt: skip
        raise BindError(
            f"Invalid join condition: types don't match. Got {' = '.join(texts)}.",
            hint="CAST one side to the other's type",
            place=place_of(criteria.node),
        )


def _field_names(read: Sequence[Equality], scope: Scope) -> list[str]:
    """A field is called as the left column, else as the right one."""
    aliases = Aliases()
    own = {o.prefix + c.name: c.name for o in scope.origins for c in o.source.columns()}
    return [
        next((aliases.field(own[side.name]) for side in (e.left, e.right)
              if isinstance(side, Column) and side.name in own), "") or aliases.column()
        for e in read
    ]  # fmt: skip


def _struct(names: Sequence[str], values: Sequence[Expression]) -> Expression:
    """The values as one, NULL where one of them is: NULL equals nothing."""
    type = pa.struct([(n, v.type) for n, v in zip(names, values, strict=True)])
    known = (functions.resolve_scalar("IS_NOT_NULL", [v]) for v in values)
    whole = reduce(lambda a, b: functions.resolve_scalar("AND", [a, b]), known)
    return Case(((whole, MakeStruct(tuple(values), type)),), None, type)


def _equality(
    on: exp.Expr, scope: Scope, left: Sequence[Origin], right: Origin
) -> Equality:
    text = text_of(on, scope.qualified)
    if not isinstance(on, exp.EQ):
        what = "Only equality join criteria is supported."
        if not isinstance(on, exp.Binary) or isinstance(on, exp.And | exp.Or):
            what = f"Unsupported join expression: {text}. Only equality join criteria is supported."
        raise BindError(what, place=place_of(on))
    binder = Binder(scope, "JOIN ON")
    nodes = (on.this, on.expression)
    bound = [binder.bind(node) for node in nodes]
    owner = {c.name: o.alias for o in scope.origins for c in o.columns()}
    owner |= {o.prefix + n: o.alias for o in scope.origins for n in o.scanned()}
    aliases = []
    for node, side in zip(nodes, bound, strict=True):
        found = {owner[name] for name in columns_of(side)}
        if len(found) != 1:
            raise BindError(
                f"Invalid comparison expression '{text_of(node, scope.qualified)}' in join "
                f"'{text}'. Each side of the join comparision must contain references from exactly "
                "one source.",
                place=place_of(node),
            )
        aliases.append(found.pop())
    first, second = aliases
    if first == second:
        raise BindError(
            "Each side of the join must reference exactly one source and not the same source. "
            f"Left side references {quote_ksql(first)} and right references {quote_ksql(second)}",
            place=place_of(on),
        )
    known = {o.alias for o in left}
    if right.alias not in aliases or not known & set(aliases):
        raise BindError(
            f"A join criteria is expected to reference the source ({quote_ksql(right.alias)}) in "
            f"the FROM clause, instead the right source references {quote_ksql(second)} and the "
            f"left source references {quote_ksql(first)}",
            place=place_of(on),
        )
    if first == right.alias:
        bound.reverse()
        nodes = (nodes[1], nodes[0])
    if not all(o.source.declared for o in scope.origins):
        bound = list(_alike(bound[0], bound[1], right.source))
    sides = (text_of(nodes[0], scope.qualified), text_of(nodes[1], scope.qualified))
    return Equality(bound[0], bound[1], sides)


def _alike(left: Expression, right: Expression, joined: Source) -> tuple[Expression, Expression]:
    """Inferred columns have the widest type of their kind: the other side widens, keys excepted."""
    if left.type != right.type and can_widen(left.type, right.type):
        return coerce(left, right.type), right
    if joined.kind is Kind.STREAM and can_widen(right.type, left.type):
        return left, coerce(right, left.type)
    return left, right
