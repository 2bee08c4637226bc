"""Joins: which kind of join each is, what it is keyed by, and ksqlDB's checks.

`bind.select` calls `build_joins` with what FROM read and the names that the query needs.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from kshell.catalog.model import Column, Kind, Source, WindowType
from kshell.catalog.serde import check_map_key
from kshell.errors import BindError
from kshell.sql import plan
from kshell.sql.as_written import place_of
from kshell.sql.bind.criteria import Criteria, check_types
from kshell.sql.bind.names import Aliases, unique
from kshell.sql.bind.scope import Origin
from kshell.sql.bind.sources import From, scan
from kshell.sql.expressions import Column as Bound
from kshell.sql.expressions import Expression
from kshell.types import quote_ksql

__all__ = ["Joined", "Partitions", "build_joins", "synthetic_key", "unknown_partitions"]

Partitions = Callable[[Source], "int | None"]
"""How many partitions a source's topic has; None where that is not known."""

_WORDS = {
    plan.JoinKind.INNER: "[INNER] JOIN",
    plan.JoinKind.LEFT: "LEFT [OUTER] JOIN",
    plan.JoinKind.RIGHT: "RIGHT [OUTER] JOIN",
    plan.JoinKind.FULL: "[FULL] OUTER JOIN",
}


def unknown_partitions(source: Source) -> int | None:
    """Nothing is known of any topic."""
    return None


@dataclass(frozen=True, slots=True)
class Joined:
    """A tree of joins so far.

    `equal` are the expressions that may name its key, and `keyed` those whose value is the key in
    every row (a LEFT join's right side is not).  `names` is how messages write the columns of
    `equal`.  `foreign` means that the key is the left table's own, `rooted` that it was so
    when the joins began, `of_several` that it is a STRUCT of several columns.
    """

    node: plan.Node
    equal: tuple[Expression, ...]
    keyed: tuple[Expression, ...]
    names: tuple[str, ...]
    origins: tuple[Origin, ...]
    synthetic: bool = False
    foreign: bool = False
    rooted: bool = False
    repartitioned: bool = False
    of_several: bool = False


def synthetic_key(read: From) -> Column | None:
    """The key column that no source has, if the last join makes one: ROWKEY, or ROWKEY_n."""
    if not read.criteria:
        return None
    used = {c.name for o in read.scope.origins for c in o.source.columns()}
    name = Aliases(used).field("ROWKEY")
    equal: list[Expression] = []
    last = None
    for criteria in read.criteria:
        equal = _equal(equal, criteria)
        last = None if _columns(equal) else Column(name, criteria.left.type)
    if last is not None and _foreign(read):
        return None
    return last


def _foreign(read: From) -> bool:
    """Whether it is a join of two tables on another column than the left's key."""
    left, right = read.scope.origins[0], read.scope.origins[1]
    tables = left.source.kind is right.source.kind is Kind.TABLE
    return tables and len(read.criteria) == 1 and not _is_key(left, read.criteria[0], 0)


def _equal(before: Sequence[Expression], criteria: Criteria) -> list[Expression]:
    if criteria.kind is plan.JoinKind.FULL:
        return []
    left = list(before) if criteria.left in before else [criteria.left]
    return [*left, criteria.right]


def _columns(equal: Sequence[Expression]) -> list[Bound]:
    return [e for e in equal if isinstance(e, Bound)]


def build_joins(
    read: From, needed: Collection[str], selected: Collection[Expression], partitions: Partitions
) -> Joined:
    """The joins, left to right; `selected` are the SELECT list's expressions: they name the key."""
    first = read.scope.origins[0]
    source = scan(first, needed)
    keys = tuple(Bound(c.name, c.type) for c in source.output.key)
    joined = Joined(source, keys, keys, (), (first,))
    for index, criteria in enumerate(read.criteria):
        right = read.scope.origins[index + 1]
        last = index == len(read.criteria) - 1 and read.scope.extra
        name = next(iter(read.scope.extra)) if last else f"KSQL_JOIN_KEY_{index}"
        joined = _join(joined, right, criteria, needed, selected, partitions, name)
    return joined


def _join(
    left: Joined,
    right: Origin,
    criteria: Criteria,
    needed: Collection[str],
    selected: Collection[Expression],
    partitions: Partitions,
    synthetic: str,
) -> Joined:
    _check_kinds(left, right, criteria)
    check_types(criteria)
    foreign = _is_foreign(left, right, criteria)
    _check_within(left, right, criteria)
    _check_windows(left, right)
    left_node = left.node if foreign else _keyed(left.node, left.keyed, criteria.left, needed)
    right_scan = scan(right, needed)
    own_key = tuple(Bound(c.name, c.type) for c in right_scan.output.key)
    right_node = _keyed(right_scan, own_key, criteria.right, needed)
    if foreign:
        return _foreign_join(left, right, right_node, criteria, needed)
    moved = (left.repartitioned or left_node is not left.node, right_node is not right_scan)
    _check_partitions(left, right, moved, partitions)
    equal = _equal(left.equal if _made(left) else [criteria.left], criteria)
    columns = _columns(equal)
    chosen = [c for c in columns if c in selected] or columns
    key = Column(chosen[0].name if chosen else synthetic, criteria.left.type)
    # The repartition topic's key is serialized; a map in it has no one order.
    if left_node is not left.node or right_node is not right_scan:
        check_map_key(key)
    output = plan.Relation(
        _kind(left.node, right_node),
        (key,),
        _passing(left_node, right_node, key, needed),
        left_node.output.window,
    )
    names = _names(left, criteria, equal)
    origins = (*left.origins, right)
    node = _node(left_node, right_node, criteria, output)
    keyed = (Bound(key.name, key.type), *_always_key(criteria, equal, output.kind))
    return Joined(
        node, tuple(equal), keyed, names, origins,
        synthetic=not chosen, rooted=left.rooted, repartitioned=any(moved),
        of_several=len(criteria.equalities) > 1,
    )  # fmt: skip


def _always_key(criteria: Criteria, equal: Sequence[Expression], kind: Kind) -> list[Expression]:
    """Those that equal the key even where one side has no row; tables cannot be keyed anew."""
    if criteria.kind is plan.JoinKind.INNER or kind is Kind.TABLE:
        return list(equal)
    if criteria.kind is plan.JoinKind.LEFT:
        return [e for e in equal if e != criteria.right]
    return [criteria.right] if criteria.kind is plan.JoinKind.RIGHT else []


def _made(left: Joined) -> bool:
    """Whether the left side is itself a join."""
    return len(left.origins) > 1


def _names(left: Joined, criteria: Criteria, equal: Sequence[Expression]) -> tuple[str, ...]:
    known = dict(zip(_columns(left.equal), left.names, strict=False)) if _made(left) else {}
    for equality in criteria.equalities:
        for side, text in zip((equality.left, equality.right), equality.sides, strict=True):
            if isinstance(side, Bound):
                known[side] = text
    return tuple(known[c] for c in _columns(equal))


def _kind(left: plan.Node, right: plan.Node) -> Kind:
    kinds = {left.output.kind, right.output.kind}
    return Kind.TABLE if kinds == {Kind.TABLE} else Kind.STREAM


def _passing(
    left: plan.Node, right: plan.Node, key: Column, needed: Collection[str]
) -> tuple[Column, ...]:
    sides = (c for node in (left, right) for c in (*node.output.key, *node.output.value))
    return tuple(dict.fromkeys(c for c in sides if c.name != key.name and c.name in needed))


def _keyed(
    node: plan.Node, equal: Sequence[Expression], key: Expression, needed: Collection[str]
) -> plan.Node:
    """The node keyed by the expression: itself, if it is."""
    own = node.output.key
    if len(own) == 1 and key in equal:
        return node
    if node.output.window is not None:
        raise BindError(
            "Implicit repartitioning of windowed sources is not supported. "
            "See https://github.com/confluentinc/ksql/issues/4385."
        )
    columns = (*node.output.key, *node.output.value)
    name = (
        key.name if isinstance(key, Bound) else unique("KSQL_JOIN_KEY", [c.name for c in columns])
    )
    value = tuple(c for c in columns if c.name != name and c.name in needed)
    output = plan.Relation(node.output.kind, (Column(name, key.type),), value)
    return plan.Rekey(node, (plan.Named(name, key),), output)


def _node(
    left: plan.Node, right: plan.Node, criteria: Criteria, output: plan.Relation
) -> plan.Node:
    if output.kind is Kind.TABLE:
        return plan.TableJoin(left, right, criteria.kind, output)
    if right.output.kind is Kind.TABLE:
        return plan.StreamTableJoin(left, right, criteria.kind, output)
    within = criteria.within
    assert within is not None  # checked before
    return plan.StreamJoin(
        left, right, criteria.kind, within.before_ms, within.after_ms, within.grace_ms, output
    )


def _foreign_join(
    left: Joined, right: Origin, right_node: plan.Node, criteria: Criteria, needed: Collection[str]
) -> Joined:
    node = left.node
    keys = {c.name for c in node.output.key}
    sides = (*node.output.value, *right_node.output.key, *right_node.output.value)
    value = tuple(c for c in sides if c.name not in keys and c.name in needed)
    output = plan.Relation(Kind.TABLE, node.output.key, value)
    made = plan.ForeignKeyJoin(node, right_node, criteria.kind, criteria.left, output)
    equal = tuple(Bound(c.name, c.type) for c in node.output.key)
    origin = left.origins[0]
    names = tuple(f"{origin.alias}.{c.name.removeprefix(origin.prefix)}" for c in node.output.key)
    origins = (*left.origins, right)
    return Joined(made, equal, equal, names, origins, foreign=True, rooted=True)


def _is_key(origin: Origin, criteria: Criteria, side: int) -> bool:
    """Whether that side of ON is all of the source's key, 0 the left and 1 the right side."""
    keys = [Bound(origin.prefix + c.name, c.type) for c in origin.source.key]
    given = [(e.left, e.right)[side] for e in criteria.equalities]
    return len(given) == len(keys) > 0 and set(given) == set(keys)


def _got(left: Joined, right: Origin, criteria: Criteria) -> str:
    first = left.origins[0].source.name
    return f"Got {first} {_WORDS[criteria.kind]} {right.source.name}."


def _check_kinds(left: Joined, right: Origin, criteria: Criteria) -> None:
    place = place_of(criteria.node)
    if left.node.output.kind is Kind.TABLE:
        if right.source.kind is Kind.STREAM:
            raise BindError(
                "Invalid join order: table-stream joins are not supported; only stream-table "
                f"joins. {_got(left, right, criteria)}",
                hint="put the stream before the table",
                place=place,
            )
        return
    if right.source.kind is Kind.STREAM:
        return
    if criteria.kind in (plan.JoinKind.FULL, plan.JoinKind.RIGHT):
        word = "full" if criteria.kind is plan.JoinKind.FULL else "right"
        raise BindError(
            f"Invalid join type: {word}-outer join not supported for stream-table join. "
            f"{_got(left, right, criteria)}",
            place=place,
        )
    if not _is_key(right, criteria, 1):
        raise BindError(
            "Invalid join condition: stream-table joins require to join on the table's primary "
            f"key. Got {criteria.text}.",
            place=place,
            hint=_key_hint(right),
        )


def _key_hint(origin: Origin) -> str:
    keys = ", ".join(c.name for c in origin.source.key)
    return f"{origin.alias}'s primary key is {keys}"


def _is_foreign(left: Joined, right: Origin, criteria: Criteria) -> bool:
    """Whether a join of tables is on another column than the left's key, with its checks."""
    if left.node.output.kind is not Kind.TABLE:
        return False
    place = place_of(criteria.node)
    if not _is_key(right, criteria, 1):
        raise BindError(
            "Invalid join condition: table-table joins require to join on the primary key of the "
            f"right input table. Got {criteria.text}.",
            place=place,
            hint=_key_hint(right),
        )
    if _is_own_key(left, criteria):
        return False
    if _made(left):
        raise BindError(
            "Invalid join condition: foreign-key table-table joins are not supported as part of "
            f"n-way joins. Got {criteria.text}.",
            place=place,
        )
    if criteria.kind in (plan.JoinKind.FULL, plan.JoinKind.RIGHT):
        word = "FULL" if criteria.kind is plan.JoinKind.FULL else "RIGHT"
        raise BindError(f"{word} OUTER JOIN on a foreign key is not supported", place=place)
    return True


def _is_own_key(left: Joined, criteria: Criteria) -> bool:
    """Whether the left side of ON is what the left side's rows are keyed by.

    After a foreign-key join that is the first table's key alone.
    """
    own = len(left.node.output.key) == 1 and criteria.left in left.keyed
    return own or (not left.rooted and any(_is_key(o, criteria, 0) for o in left.origins))


def _check_within(left: Joined, right: Origin, criteria: Criteria) -> None:
    kinds = (left.node.output.kind, right.source.kind)
    if kinds == (Kind.STREAM, Kind.STREAM):
        if criteria.within is None:
            raise BindError(
                f"{left.origins[0].alias} and {right.alias} are both streams: stream-stream joins "
                "must have a WITHIN clause specified. None was provided.",
                hint="JOIN … WITHIN 1 HOUR ON …",
                place=place_of(criteria.node),
            )
        return
    if criteria.within is not None:
        word = "Stream-Table" if kinds[0] is Kind.STREAM else "Table-Table"
        raise BindError(
            f"A window definition was provided for a {word} join. These joins are not windowed. "
            "Please drop the window definition (ie. the WITHIN clause) and try to execute your "
            "join again.",
            place=place_of(criteria.node),
        )


def _check_windows(left: Joined, right: Origin) -> None:
    first = left.node.output.window
    second = right.source.window
    if first is None and second is None:
        return
    if first is None or second is None:
        lines = [
            f"{quote_ksql(origin.alias)} is "
            + (f"{window.type.value} windowed" if window is not None else "not windowed")
            for origin, window in ((left.origins[0], first), (right, second))
        ]
        raise BindError("Can not join windowed source to non-windowed source.\n" + "\n".join(lines))
    if (first.type is WindowType.SESSION) != (second.type is WindowType.SESSION):
        raise BindError(
            f"Incompatible windowed sources.\nLeft source: {first.type.value}\n"
            f"Right source: {second.type.value}\n"
            "Session windowed sources can only be joined to other session windowed sources, and "
            "may still not result in expected behaviour as session bounds must be an exact match "
            "for the join to work\nHopping and tumbling windowed sources can only be joined to "
            "other hopping and tumbling windowed sources"
        )


def _check_partitions(
    left: Joined, right: Origin, moved: tuple[bool, bool], partitions: Partitions
) -> None:
    """Two topics read as they are must be partitioned alike; a repartitioned side adapts."""
    if any(moved):
        return
    first = left.origins[0]
    a, b = partitions(first.source), partitions(right.source)
    if a is None or b is None or a == b:
        return
    names = (quote_ksql(first.alias), quote_ksql(right.alias))
    raise BindError(
        f"Can't join {names[0]} with {names[1]} since the number of partitions don't match. "
        f"{names[0]} partitions = {a}; {names[1]} partitions = {b}. Please repartition either one "
        "so that the number of partitions match."
    )
