"""INSERT INTO … VALUES into a declared source: each row's expressions, typed as its columns are.

`engines` evaluate what comes out and write it.  Checks and wording are ksqlDB's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa
from sqlglot import exp

from kshell.catalog.catalog import Catalog
from kshell.catalog.model import (
    GIVEN,
    RESERVED,
    WINDOW_COLUMNS,
    Column,
    Kind,
    Source,
)
from kshell.errors import BindError, KshellError, Place, UnknownName
from kshell.field_names import DECLARED, meant
from kshell.sql.as_written import odd_one, place_of, pointing_at
from kshell.sql.bind.advice import advised
from kshell.sql.bind.create import insert_target
from kshell.sql.bind.expressions import Binder
from kshell.sql.bind.literals import check_once, coerce
from kshell.sql.bind.scope import Scope
from kshell.sql.bind.text import text_of
from kshell.sql.clauses import Name
from kshell.sql.expressions import Expression, Literal
from kshell.sql.statements import InsertValues
from kshell.sql.widening import can_widen
from kshell.types import BYTES, DATE, STRING, TIME, TIMESTAMP, ksql_name, quote_ksql

__all__ = ["BoundInsert", "bind_insert_values"]

# Columns beside the target's own; a null type takes what is given as it is.
_GIVEN = {
    name: Column(name, pa.null() if name in ("ROWHEADERS", "ROWVALUE") else RESERVED[name])
    for name in GIVEN if name != "ROWKEY"
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class InsertRow:
    """A row to write: an expression without columns for every key and value column of the target.

    `pseudo` has what is given of the record besides, by pseudo column; ROWTIME is milliseconds
    since 1970.  `given` names the value's columns that have a value.  `places` says where the value
    of each column stands.
    """

    key: tuple[Expression, ...]
    value: tuple[Expression, ...]
    pseudo: Mapping[str, Expression] = field(default_factory=dict)
    given: tuple[str, ...] = ()
    places: Mapping[str, Place | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BoundInsert:
    """The statement, bound: where the rows go, and the rows."""

    target: Source
    rows: tuple[InsertRow, ...]


def bind_insert_values(statement: InsertValues, catalog: Catalog) -> BoundInsert:
    """The rows of INSERT VALUES; BindError where columns and values do not fit."""
    try:
        return _bind(statement, catalog)
    except KshellError as error:
        raise advised(error, statement.name.place) from error.__cause__


def _bind(statement: InsertValues, catalog: Catalog) -> BoundInsert:
    target = insert_target(statement.name, catalog, "insert values into")
    place = statement.name.place
    kind = target.kind.value.lower()
    if target.file is not None:
        raise BindError(
            f"Cannot insert values into {target.name}: it is read from {target.file.path}",
            hint="write the rows into the file, and CREATE OR REPLACE reads it again", place=place,
        )  # fmt: skip
    if target.read_only:
        raise BindError(f"Cannot insert values into read-only {kind}: {target.name}", place=place)
    if target.window is not None:
        raise BindError("Cannot insert values into windowed stream/table!", place=place)
    columns = _columns(statement, target)
    rows = tuple(_row(row, columns, target, catalog, bool(statement.columns))
                 for row in statement.rows)  # fmt: skip
    return BoundInsert(target, rows)


def _columns(statement: InsertValues, target: Source) -> tuple[Column, ...]:
    """The columns that the values are for, in their order; ROWTIME may be one that is named."""
    if not statement.columns:
        columns = tuple(target.columns())
    else:
        columns = tuple(_named(name, target) for name in statement.columns)
        check_once([c.name for c in columns], statement.columns)
    headers = {h.name for h in target.headers}
    chosen = [c.name for c in columns if c.name in headers]
    if chosen:
        raise BindError(
            f"Cannot insert into HEADER columns: {', '.join(chosen)}",
            place=next(
                (name.place for name, c in zip(statement.columns, columns, strict=False)
                 if c.name in headers), statement.name.place,
            ),
            hint="name the other columns: INSERT INTO … (…) VALUES (…)",
        )
    return columns


def _named(name: Name, target: Source) -> Column:
    folded = name.folded()
    known = _GIVEN | {c.name: c for c in target.columns()}
    if folded in (*RESERVED, *WINDOW_COLUMNS) and folded not in known:
        raise BindError(
            f"Inserting into column {quote_ksql(folded)} is not allowed.", place=name.place
        )
    found = meant(name.text, known, quoted=name.quoted, turns=DECLARED)
    if len(found) != 1:
        raise UnknownName(
            "column", folded, found or known,
            what=f"Column name {quote_ksql(folded)} does not exist.", place=name.place,
        )  # fmt: skip
    return known[found[0]]


def _row(
    nodes: Sequence[exp.Expr],
    columns: Sequence[Column],
    target: Source,
    catalog: Catalog,
    named: bool,
) -> InsertRow:
    if len(nodes) != len(columns):
        names = ", ".join(quote_ksql(c.name) for c in columns)
        values = ", ".join(text_of(n) for n in nodes)
        what = f"Expected a value for each column. Expected Columns: [{names}]. Got ({values})"
        if named:
            what = f"Expected number columns and values to match: [{names}], [{values}]"
        raise BindError(what, place=odd_one(nodes, len(columns)))
    binder = Binder(Scope(()), "VALUES", catalog.types)
    given, places = dict[str, Expression](), dict[str, Place | None]()
    for node, column in zip(nodes, columns, strict=True):
        places[column.name] = place_of(node)
        with pointing_at(place_of(node)):
            given[column.name] = _typed(binder.bind(node), column, node)
    own = {c.name for c in target.columns()}
    pseudo = {name: given[name] for name in given if name not in own}
    if target.kind is Kind.TABLE:
        _check_key(given, target, places)

    def of(wanted: Sequence[Column]) -> tuple[Expression, ...]:
        return tuple(given.get(c.name, Literal(None, c.type)) for c in wanted)

    held = tuple(c.name for c in target.value if c.name in given)
    return InsertRow(of(target.key), of(target.value), pseudo, held, places)


def _check_key(
    given: Mapping[str, Expression], target: Source, places: Mapping[str, Place | None]
) -> None:
    for column in target.key:
        value = given.get(column.name)
        if value is None or (isinstance(value, Literal) and value.value is None):
            names = ", ".join(quote_ksql(c.name) for c in target.key)
            raise BindError(
                f"Failed to insert values into '{target.name}'. Value for primary key column(s) "
                f"{names} is required for tables",
                place=places.get(column.name),
            )


def _typed(value: Expression, column: Column, node: exp.Expr) -> Expression:
    if pa.types.is_null(column.type):
        return value
    if not _fits(value.type, column.type):
        raise BindError(
            f"Expected type {ksql_name(column.type)} for field {quote_ksql(column.name)} but got "
            f"{ksql_name(value.type)}({text_of(node)})",
            place=place_of(node),
        )
    return coerce(value, column.type)


def _fits(source: pa.DataType, target: pa.DataType) -> bool:
    """What a value becomes without CAST: wider numbers, and times from strings."""
    if pa.types.is_null(source) or can_widen(source, target):
        return True
    if source == STRING:
        return target in (DATE, TIME, TIMESTAMP, BYTES)
    if pa.types.is_list(source) and pa.types.is_list(target):
        return _fits(source.value_type, target.value_type)
    if pa.types.is_map(source) and pa.types.is_map(target):
        return _fits(source.key_type, target.key_type) and _fits(source.item_type, target.item_type)
    if pa.types.is_struct(source) and pa.types.is_struct(target):
        types = {f.name: f.type for f in target}
        return all(f.name in types and _fits(f.type, types[f.name]) for f in source)
    return False
