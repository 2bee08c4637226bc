"""Prepares a bounded query: its DuckDB SQL, the columns it needs, and the offsets it will read.

DuckDB's own optimizer says which columns each reference needs: the query is first planned over
empty tables, and `EXPLAIN` tells the projection of every scan.  That holds for all of DuckDB's SQL
without repeating its rules here.  `engines` calls `prepare`, and EXPLAIN shows what it gives.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa
from sqlglot import exp

from kshell.batch.rewrite import Lookup, Reference, rewrite, to_duckdb
from kshell.batch.tables import GONE, Range, Table, TableColumn, view_names
from kshell.errors import BindError, EvaluationError, KshellError, UnknownName
from kshell.sql.as_written import place_of
from kshell.sql.java.macros import failure
from kshell.sql.statements import Query
from kshell.types import duckdb_name, quote_duckdb

__all__ = ["Planned", "Read", "prepare", "raw_schema", "translate_error", "view"]

DUMMY = "#"  # the column that DuckDB picks when it needs none: it costs nothing


@dataclass(frozen=True, slots=True)
class Read:
    """What one reference will read: these columns of these ranges."""

    reference: Reference
    columns: tuple[TableColumn, ...]
    ranges: tuple[Range, ...]


@dataclass(frozen=True, slots=True)
class Planned:
    """A bounded query, ready to run: `schema` is the answer's."""

    sql: str
    tree: exp.Query
    schema: pa.Schema
    reads: tuple[Read, ...]


def _raw_name(number: int, column: str) -> str:
    """A raw column's name: unlike any of another reference, so that EXPLAIN tells them apart."""
    return f"{number}:{_cased(column)}"


def _cased(name: str) -> str:
    """The name so that it differs from one in other case, though DuckDB's names fold case.

    >>> _cased("id"), _cased("ID")
    ('id', '^I^D')
    """
    return "".join(f"^{c}" if c == "^" or c != c.lower() else c for c in name)


def raw_schema(number: int, columns: tuple[TableColumn, ...]) -> pa.Schema:
    """The schema of the batches that DuckDB pulls for one reference."""
    fields = [(_raw_name(number, DUMMY), pa.bool_())]
    return pa.schema(fields + [(_raw_name(number, c.name), c.raw) for c in columns])


def view(number: int, reference: Reference, read: Collection[str]) -> str:
    """The view that SQL sees, over a raw reader that has the columns `read` alone."""

    def raw(column: TableColumn) -> str:
        if column.name in read:
            return quote_duckdb(_raw_name(number, column.name))
        return f"CAST(NULL AS {duckdb_name(column.raw)})"

    columns = reference.table.columns
    items = ", ".join(
        f"{c.template.replace('{}', raw(c))} AS {quote_duckdb(name)}"
        for c, name in zip(columns, view_names(columns), strict=True)
    )
    source = f"raw_{number}"
    if reference.table.latest:
        source = _last_of_each_key(number, reference.table, source)
    return f"CREATE OR REPLACE TEMP VIEW {reference.view} AS SELECT {items} FROM {source}"


def _last_of_each_key(number: int, table: Table, source: str) -> str:
    """A table over a topic: each key's last record, unless that deletes it."""
    keys = ", ".join(quote_duckdb(_raw_name(number, name)) for name in table.latest)
    order = ", ".join(
        quote_duckdb(_raw_name(number, name)) + " DESC" for name in ("ROWPARTITION", "ROWOFFSET")
    )
    gone = quote_duckdb(_raw_name(number, GONE))
    return (
        f"(SELECT * FROM {source} QUALIFY row_number() OVER (PARTITION BY {keys} ORDER BY {order})"
        f" = 1) WHERE NOT {gone}"
    )


def _scans(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node.get("extra_info", {})
    for child in node.get("children", ()):
        yield from _scans(child)


def _needed(
    connection: duckdb.DuckDBPyConnection, sql: str, references: Sequence[Reference]
) -> list[set[str]]:
    """Per reference, the raw columns that the optimized plan projects."""
    ((_, text),) = connection.execute(f"EXPLAIN (FORMAT JSON) {sql}").fetchall()
    needed: list[set[str]] = [set() for _ in references]
    for root in json.loads(text):
        for info in _scans(root):
            if "SCAN" not in str(info.get("Function", "")):
                continue
            projections = info.get("Projections", [])
            for name in [projections] if isinstance(projections, str) else projections:
                number, _, column = name.partition(":")
                if number.isdigit() and int(number) < len(references):
                    columns = references[int(number)].table.columns
                    needed[int(number)].update(_columns_of(column, columns))
    return needed


def _columns_of(projected: str, columns: Sequence[TableColumn]) -> Iterator[str]:
    """The columns that a projection may mean: itself, or the STRUCT that it is a field of."""
    for column in columns:
        raw = _cased(column.name)
        if projected == raw or (
            pa.types.is_struct(column.raw) and projected.startswith(f"{raw}.")
        ):
            yield column.name


_UNKNOWN_COLUMN = re.compile(
    r'(?:Referenced column|(?:Table|Values list) ".*?" does not have a column named) "(.+?)"'
)
_UNKNOWN_TABLE = re.compile(r'Referenced table "(.+?)" not found')
_UNKNOWN_FUNCTION = re.compile(r"Function with name (\S+) does not exist")


def translate_error(error: duckdb.Error, tree: exp.Query, columns: list[str]) -> KshellError:
    """DuckDB's error in kshell's words, with the place of the word that it names."""
    text = str(error)
    for pattern, kind, known in (
        (_UNKNOWN_COLUMN, "column", columns),
        (_UNKNOWN_TABLE, "source", [t.alias_or_name for t in tree.find_all(exp.Table)]),
        (_UNKNOWN_FUNCTION, "function", []),
    ):
        if match := pattern.search(text):
            name = match[1]
            nodes = (n for n in tree.find_all(exp.Identifier, exp.Anonymous) if n.name == name)
            place = next((p for n in nodes if (p := place_of(n))), None)
            return UnknownName(kind, name, known, place=place)
    first = re.sub(r"^[\w ]*Error: ", "", failure(error))
    first = re.sub(r"\bref_\d+\b", "the table", first)
    if isinstance(error, duckdb.BinderException | duckdb.CatalogException | duckdb.ParserException):
        return BindError(first)
    return EvaluationError(
        first,
        hint="TRY(expression) is NULL where it fails; with EMIT CHANGES every expression is, and"
        " SHOW ERRORS has the row",
    )


def prepare(
    query: Query,
    lookup: Lookup,
    connection: duckdb.DuckDBPyConnection,
    functions: Callable[[exp.Query], exp.Query],
    now_ms: int,
) -> Planned:
    """Bind a bounded query; raises BindError, UnknownName and what `lookup` raises."""

    def evaluate(node: exp.Expr) -> Any:
        try:
            constant = exp.select(node.copy())
            table = connection.sql(to_duckdb(functions(constant))).to_arrow_table()
        except duckdb.Error as error:
            raise translate_error(error, query.tree, []) from error
        return table.column(0)[0].as_py()

    rewritten = rewrite(query.tree, lookup, evaluate, now_ms, functions)
    sql = to_duckdb(rewritten.tree)
    references = rewritten.references
    for number, reference in enumerate(references):
        schema = raw_schema(number, tuple(reference.table.columns))
        connection.register(f"raw_{number}", schema.empty_table())
        connection.execute(view(number, reference, {c.name for c in reference.table.columns}))
    try:
        needed = _needed(connection, sql, references)
        schema = connection.sql(f"FROM ({sql}) LIMIT 0").to_arrow_table().schema
    except duckdb.Error as error:
        known = [c.name for r in references for c in r.table.columns]
        raise translate_error(error, query.tree, known) from error
    reads = tuple(
        Read(
            reference,
            tuple(c for c in reference.table.columns if c.name in names),
            tuple(reference.table.ranges(reference.bounds)),
        )
        for reference, names in zip(references, needed, strict=True)
    )
    return Planned(sql, rewritten.tree, schema, reads)
