"""The SELECT list: stars expanded, every item bound and named; then the projection itself.

`bind.select` calls `read_items` before it builds a plan, because a join names its key by what is
selected, and `project` after.  Rules and wording are ksqlDB's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa
from sqlglot import exp

from kshell.catalog.model import WINDOW_COLUMNS, Column
from kshell.errors import BindError, UnknownName
from kshell.sql import plan
from kshell.sql.as_written import folded, place_of
from kshell.sql.bind.expressions import Binder
from kshell.sql.bind.names import Aliases, unique
from kshell.sql.bind.scope import SYSTEM, Origin, Scope
from kshell.sql.bind.text import bare
from kshell.sql.expressions import Column as Bound
from kshell.sql.expressions import Expression, Field
from kshell.types import ksql_name, quote_ksql

__all__ = ["Item", "Reader", "Shape", "keys_missing", "project", "read_items", "text_list"]


@dataclass(frozen=True, slots=True)
class Item:
    """One output column: its name, what it is, and how it was written (None: out of a star)."""

    name: str
    expression: Expression
    node: exp.Expr | None = None


@dataclass(frozen=True, slots=True)
class Reader:
    """The inputs for reading the SELECT list."""

    binder: Binder
    aliases: Aliases
    persistent: bool
    rekeyed: tuple[Item, ...] | None = None  # PARTITION BY's columns, None without the clause

    @property
    def scope(self) -> Scope:
        """The query's sources."""
        return self.binder.scope


def read_items(nodes: Sequence[exp.Expr], reader: Reader) -> list[Item]:
    """Every item of the SELECT list, in order."""
    items: list[Item] = []
    for node in nodes:
        items += _read(node, reader)
    return items


def _read(node: exp.Expr, reader: Reader) -> Iterator[Item]:
    match node:
        case exp.Star():
            _plain_star(node)
            yield from _star(reader)
        case exp.Column(this=exp.Star()):
            origin = reader.scope.origin(node.args["table"])
            if origin is None:
                yield from _qualified_struct(node, reader)
                return
            yield from _named(_shown(origin, reader), reader)
        case exp.Dot(expression=exp.Star()):
            yield from _struct_star(reader.binder.bind(node.this), reader)
        case exp.Alias():
            yield _aliased(node, reader)
        case _:
            yield _unnamed(node, reader)


def _plain_star(node: exp.Star) -> None:
    for name in ("except_", "replace", "rename", "except"):
        if node.args.get(name):
            raise BindError(
                "SELECT * EXCLUDE and REPLACE belong to bounded queries", place=place_of(node)
            )


def _named(columns: Iterator[Column], reader: Reader) -> Iterator[Item]:
    for column in columns:
        # A windowed source's bounds are in its key: a sink has them without a column of their own.
        if reader.persistent and column.name in WINDOW_COLUMNS:
            continue
        yield Item(column.name, Bound(column.name, column.type))


def _star(reader: Reader) -> Iterator[Item]:
    scope = reader.scope
    if reader.rekeyed is not None:
        yield from reader.rekeyed
        taken = [item.expression for item in reader.rekeyed]
        for origin in scope.origins:
            for column in _value_first(origin, scope.joined):
                bound = Bound(column.name, column.type)
                if bound not in taken:
                    yield Item(column.name, bound)
        return
    for name, type in scope.extra.items():
        yield Item(name, Bound(name, type))
    for origin in scope.origins:
        yield from _named(_shown(origin, reader), reader)


def _shown(origin: Origin, reader: Reader) -> Iterator[Column]:
    """Its columns under `*`: of a topic that nobody declared the key only where a sink needs one,
    as in a bounded query."""
    keys, source = set(), origin.source
    if not source.declared and not source.system and not reader.persistent:
        keys = {origin.prefix + c.name for c in origin.source.key}
    return (c for c in origin.star() if c.name not in keys)


def _value_first(origin: Origin, joined: bool) -> Iterator[Column]:
    """After PARTITION BY the old key is a value like others, behind them; in a join with the
    pseudo columns before it."""
    columns = list(origin.columns())
    keys = len(origin.source.key)
    yield from columns[keys:]
    if joined:
        for name, type in origin.reserved.items():
            yield Column(origin.prefix + name, type)
    yield from columns[:keys]


def _struct_star(operand: Expression, reader: Reader) -> Iterator[Item]:
    if not pa.types.is_struct(operand.type):
        raise BindError("->* takes the fields of a STRUCT, and this is none")
    for field in operand.type:
        yield Item(reader.aliases.field(field.name), Field(operand, field.name, field.type))


def _qualified_struct(node: exp.Column, reader: Reader) -> Iterator[Item]:
    identifier = node.args["table"]
    if len(reader.scope.owners(identifier)) == 1:
        column = reader.binder.bind(exp.Column(this=identifier.copy()))
        if pa.types.is_struct(column.type):
            return _struct_star(column, reader)
    shown = folded(identifier)
    raise UnknownName(
        "source",
        identifier.name,
        [o.alias for o in reader.scope.origins],
        what=f"'{shown}' is not a valid stream/table name or alias.",
        place=place_of(node),
    )


def _aliased(node: exp.Alias, reader: Reader) -> Item:
    identifier = node.args["alias"]
    quoted = bool(identifier.args.get("quoted"))
    name = identifier.name if quoted else identifier.name.upper()
    if not reader.scope.origins[0].source.declared and not reader.persistent:
        name = identifier.name
    same = isinstance(node.this, exp.Column) and bare(node.this) == name
    if name in reader.scope.reserved() and not same:
        raise BindError(
            f"{quote_ksql(name)} is a reserved column name. You cannot use it as an alias for a "
            "column.",
            place=place_of(identifier),
        )
    _check_reserved(name, node.this, reader)
    return Item(name, reader.binder.bind(node.this), node.this)


def _check_reserved(name: str, node: exp.Expr, reader: Reader) -> None:
    if reader.persistent and name in reader.scope.reserved():
        raise BindError(
            f"Reserved column name in select: {quote_ksql(name)}. "
            "Please remove or alias the column.",
            place=place_of(node),
        )


def _unnamed(node: exp.Expr, reader: Reader) -> Item:
    if isinstance(node, exp.Column) and not reader.scope.joined:
        _check_reserved(bare(node), node, reader)
    bound = reader.binder.bind(node)
    if isinstance(node, exp.Column) and (pseudo := reader.scope.pseudo_name(node)):
        return Item(pseudo, bound, node)
    if isinstance(node, exp.Column) and isinstance(bound, Bound):
        name = _column_name(bound, reader.scope)
        _check_reserved(name, node, reader)
        return Item(name, bound, node)
    return Item(reader.aliases.of(node, bound), bound, node)


def _column_name(bound: Bound, scope: Scope) -> str:
    """In a join a column keeps its own name unless another source has it too."""
    for origin in scope.origins if scope.joined else ():
        if origin.prefix and bound.name.startswith(origin.prefix):
            plain = bound.name.removeprefix(origin.prefix)
            if any(c.name == bound.name for c in origin.columns()) or plain in scope.reserved():
                return bound.name if scope.clashes(plain) else plain
    return bound.name


def project(node: plan.Node, items: Sequence[Item], persistent: bool) -> tuple[plan.Project, Shape]:
    """The projection over the node, and how its columns are called outside.

    Key columns come in the input's order, values in the order written.  A key that a query without
    a sink does not select stays, hidden, since it is what a table's rows are known by.
    """
    keys = {c.name: c for c in node.output.key}
    selected: dict[str, list[Item]] = {name: [] for name in keys}
    values: list[Item] = []
    for item in items:
        _check_typed(item)
        expression = item.expression
        if isinstance(expression, Bound) and expression.name in keys:
            selected[expression.name].append(item)
        else:
            values.append(item)
    if persistent:
        _check_repeated(selected)
    inside: dict[int, str] = {}
    taken: set[str] = set(SYSTEM)
    key_named, key_outside = [], []
    for name, column in keys.items():
        chosen = selected[name][:1]
        outside = chosen[0].name if chosen else name
        hidden = unique(outside, taken)
        taken.add(hidden)
        for item in selected[name]:
            inside[id(item)] = hidden
        key_named.append(plan.Named(hidden, Bound(name, column.type)))
        key_outside.append(Column(outside, column.type))
    value_named, value_outside = [], []
    for item in values:
        expression = item.expression
        if not persistent and isinstance(expression, Bound) and expression.name in _riding(node):
            inside[id(item)] = expression.name
            continue
        hidden = unique(item.name, taken)
        taken.add(hidden)
        inside[id(item)] = hidden
        value_named.append(plan.Named(hidden, expression))
        value_outside.append(Column(item.name, expression.type))
    _check_duplicates(key_outside, "key", persistent)
    _check_duplicates(value_outside, "value", persistent)
    output = replace(
        node.output,
        key=tuple(Column(n.name, n.expression.type) for n in key_named),
        value=tuple(Column(n.name, n.expression.type) for n in value_named),
    )
    columns = tuple((item.name, inside[id(item)]) for item in items)
    shape = Shape(tuple(key_outside), tuple(value_outside), columns)
    return plan.Project(node, tuple(key_named), tuple(value_named), output), shape


@dataclass(frozen=True, slots=True)
class Shape:
    """How a projection's columns are called outside, key and value, and (heading, column) pairs."""

    key: tuple[Column, ...]
    value: tuple[Column, ...]
    columns: tuple[tuple[str, str], ...]


def _riding(node: plan.Node) -> tuple[str, ...]:
    """The pseudo columns that pass every projection by themselves."""
    return ("ROWTIME", *WINDOW_COLUMNS) if node.output.window is not None else ("ROWTIME",)


def _check_typed(item: Item) -> None:
    if pa.types.is_null(item.expression.type):
        raise BindError(
            "Can't infer a type of null. Please explicitly cast it to a required type, "
            "e.g. CAST(null AS VARCHAR).",
            place=place_of(item.node),
        )


_ONCE = (
    "\nEach key column must only be in the projection once. If you intended to copy the key into "
    "the value, then consider using the AS_VALUE function to indicate which key reference should "
    "be copied."
)


def _check_repeated(selected: dict[str, list[Item]]) -> None:
    for name, items in selected.items():
        names = sorted({item.name for item in items})
        if len(items) > 1:
            raise BindError(
                f"The projection contains a key column ({quote_ksql(name)}) more than once, "
                f"aliased as: {text_list(names, 'and')}.{_ONCE}",
                place=place_of(items[-1].node),
            )


def _check_duplicates(columns: Sequence[Column], half: str, persistent: bool) -> None:
    seen: set[str] = set()
    for column in columns if persistent else ():
        if column.name in seen:
            raise BindError(
                f"Duplicate {half} columns found in schema: {quote_ksql(column.name)} "
                + ksql_name(column.type) + (" KEY" if half == "key" else ""),
                hint="give one of them another name with AS",
            )
        seen.add(column.name)


def keys_missing(
    sink: str, kind: str, keys: Sequence[str], joiner: str, note: str = ""
) -> BindError:
    """A sink's key is not in the projection; `joiner` is "and" where all are needed, else "or"."""
    many = len(keys) > 1
    example = ", ".join(keys) if joiner == "and" else keys[0]
    return BindError(
        f"Key{'s' if many and joiner == 'and' else ''} missing from projection (ie, SELECT). "
        "See https://cnfl.io/2LV7ouS.\n"
        f"The query used to build {quote_ksql(sink)} must include the {kind}{'s' if many else ''} "
        f"{text_list(keys, joiner)} in its projection (eg, SELECT {example}...).{note}"
    )


def text_list(words: Sequence[str], joiner: str) -> str:
    """Words as a sentence has them.

    >>> text_list(["a", "b", "c"], "or")
    'a, b or c'
    """
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} {joiner} {words[-1]}"
