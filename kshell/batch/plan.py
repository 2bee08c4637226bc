"""A bounded query made ready: its DuckDB SQL, the columns it needs, and the offsets it will read.

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

from kshell.batch.rewrite import Lookup, Reference, Rewritten, rewrite
from kshell.batch.shown import Shown
from kshell.batch.tables import DUMMY, GONE, Range, Table, TableColumn
from kshell.batch.translate_error import Locate, translate_error
from kshell.errors import Place
from kshell.field_names import escaped_type, plain, plain_type
from kshell.sql.clauses import Query
from kshell.sql.spans import Draft
from kshell.types import as_moment, duckdb_name, quote_duckdb

__all__ = ["Planned", "Read", "plain_schema", "prepare", "raw_schema", "readable", "view"]

_EXPLAIN = "EXPLAIN (FORMAT JSON) "


@dataclass(frozen=True, slots=True)
class Read:
    """What one reference will read: these columns of these ranges.

    `again` says that DuckDB will scan it more than once, so that its rows must be kept.
    """

    reference: Reference
    columns: tuple[TableColumn, ...]
    ranges: tuple[Range, ...]
    again: bool = False


@dataclass(frozen=True, slots=True)
class Planned:
    """A bounded query, ready to run: `schema` is the answer's; None where its rows decide it.

    `carrying` gives the SQL with one more item selected, `locate` the place of what fails in it,
    `place` that of a span of the `draft` which the SQL is the text of.
    """

    sql: str
    query: Query
    schema: pa.Schema | None
    reads: tuple[Read, ...]
    shown: Shown
    carrying: Callable[[str], str]
    locate: Locate
    draft: Draft
    place: Callable[[int, int], Place]

    @property
    def escaped(self) -> bool:
        """Whether DuckDB calls columns or fields otherwise than a person does."""
        return any(
            name != plain(name) or escaped_type(column.type) != column.type
            for read in self.reads
            for name, column in zip(read.reference.names, read.reference.table.columns, strict=True)
        )


def _raw_name(number: int, column: int | str) -> str:
    """A raw column's name, by its number in the table: unlike any of another reference, so that
    EXPLAIN tells them apart, and without anything that it would write otherwise."""
    return f"{number}:{column}"


def _numbered(table: Table) -> dict[str, int]:
    return {column.name: n for n, column in enumerate(table.columns)}


def raw_schema(number: int, table: Table, columns: Sequence[TableColumn]) -> pa.Schema:
    """The schema of the batches that DuckDB pulls for one reference."""
    at = _numbered(table)
    fields = [(_raw_name(number, DUMMY), pa.bool_())]
    fields += [(_raw_name(number, at[c.name]), escaped_type(c.raw)) for c in columns]
    return pa.schema(fields)


def view(number: int, reference: Reference, read: Collection[str]) -> str:
    """The view that SQL sees, over a raw reader that has the columns `read` alone."""

    def raw(n: int, column: TableColumn) -> str:
        if column.name in read:
            return quote_duckdb(_raw_name(number, n))
        # DuckDB takes what is made of a constant NULL for NULL, whatever its type.
        nothing = "NULL" if column.made is None else quote_duckdb(_raw_name(number, DUMMY))
        return f"CAST({nothing} AS {duckdb_name(escaped_type(column.raw))})"

    columns = reference.table.columns
    items = ", ".join(
        f"{c.template.replace('{}', raw(n, c), 1)} AS {quote_duckdb(name)}"
        for n, (c, name) in enumerate(zip(columns, reference.names, strict=True))
        if not c.hidden or name in reference.pseudo
    )
    if DUMMY in reference.pseudo:  # DuckDB has no tables without columns
        items = ", ".join(filter(None, (items, f"NULL AS {quote_duckdb(DUMMY)}")))
    source = f"raw_{number}"
    if reference.table.latest:
        source = _last_of_each_key(number, reference.table, source)
    return f"CREATE OR REPLACE TEMP VIEW {reference.view} AS SELECT {items} FROM {source}"


def _last_of_each_key(number: int, table: Table, source: str) -> str:
    """A table over a topic: each key's last record, unless that deletes it."""
    at = _numbered(table)
    keys = ", ".join(quote_duckdb(_raw_name(number, at[name])) for name in table.latest)
    order = ", ".join(
        quote_duckdb(_raw_name(number, at[name])) + " DESC"
        for name in ("ROWPARTITION", "ROWOFFSET")
    )
    gone = quote_duckdb(_raw_name(number, at[GONE]))
    return (
        f"(SELECT * FROM {source} QUALIFY row_number() OVER (PARTITION BY {keys} ORDER BY {order})"
        f" = 1) WHERE NOT {gone}"
    )


def plain_schema(schema: pa.Schema, names: Sequence[str]) -> pa.Schema:
    """An answer's schema as a person sees it: with these names, and the fields' own."""
    return pa.schema([(n, plain_type(f.type)) for f, n in zip(schema, names, strict=True)])


# What DuckDB gives to Arrow as the bytes of its own memory.
_INNER = re.compile(r"(?:BIGNUM|BIT)((?:\[\d*\])*)")


def readable(answer: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """The answer with whole numbers beyond DECIMAL(38, 0), and bits, as text."""
    kept = [_INNER.fullmatch(str(type)) for type in answer.types]
    if not any(kept):
        return answer
    items = (
        f"CAST(#{n} AS VARCHAR{found[1]})" if found else f"#{n}" for n, found in enumerate(kept, 1)
    )
    named = zip(items, answer.columns, strict=True)
    return answer.project(", ".join(f"{item} AS {quote_duckdb(name)}" for item, name in named))


def _with_moments(schema: pa.Schema, moments: Sequence[bool]) -> pa.Schema:
    """The schema that says which of its columns are times."""
    if len(moments) != len(schema) or not any(moments):
        return schema
    return pa.schema([as_moment(f) if m else f for f, m in zip(schema, moments, strict=True)])


def _scans(node: dict[str, Any], repeated: bool = False) -> Iterator[tuple[dict[str, Any], bool]]:
    """Every operator's facts, and whether it may run more than once."""
    repeated = repeated or "REC" in str(node.get("name", "")).upper().split("_")[0]
    yield node.get("extra_info", {}), repeated
    for child in node.get("children", ()):
        yield from _scans(child, repeated)


def _needed(
    connection: duckdb.DuckDBPyConnection, explain: str, references: Sequence[Reference]
) -> tuple[list[set[str]], list[bool]]:
    """Per reference, the raw columns that the plan projects, and whether it scans again."""
    ((_, text),) = connection.execute(explain).fetchall()
    needed: list[set[str]] = [set() for _ in references]
    scans = [0] * len(references)
    for root in json.loads(text):
        for info, repeated in _scans(root):
            if "SCAN" not in str(info.get("Function", "")):
                continue
            projections = info.get("Projections", [])
            projected = [projections] if isinstance(projections, str) else projections
            numbers = set()
            for name in projected:
                number, _, column = name.partition(":")
                if number.isdigit() and int(number) < len(references):
                    numbers.add(int(number))
                    columns = references[int(number)].table.columns
                    needed[int(number)].update(_columns_of(column, columns))
            for found in numbers:
                scans[found] += 1 + repeated
    return needed, [count > 1 for count in scans]


def _settled(
    connection: duckdb.DuckDBPyConnection, query: Query, rewritten: Rewritten, known: list[str]
) -> tuple[list[set[str]], list[bool]]:
    """What is needed, once DuckDB knows which macro each call means; raises BindError."""
    overloads, references = rewritten.overloads, rewritten.references

    def bind(text: str) -> object:
        return _needed(connection, f"{_EXPLAIN}{text}", references)

    if overloads is not None:
        overloads.settle_unsure(bind)
    while True:
        ran = f"{_EXPLAIN}{rewritten.sql}"
        try:
            return _needed(connection, ran, references)
        except duckdb.Error as error:
            refused = error if overloads is None else overloads.settle(error, bind)
            if refused is not None:  # of another text, if it is another error
                text = ran if refused is error else ""
                raise translate_error(refused, query, known, text, rewritten.locate) from refused


def _columns_of(projected: str, columns: Sequence[TableColumn]) -> Iterator[str]:
    """The column that a projection means: itself, or the STRUCT that it is a field of."""
    number = projected.partition(".")[0]
    if number.isdigit() and int(number) < len(columns):
        yield columns[int(number)].name


def prepare(
    query: Query,
    lookup: Lookup,
    connection: duckdb.DuckDBPyConnection,
    ksql: bool,
    now_ms: int,
) -> Planned:
    """Bind a bounded query; raises BindError, UnknownName and what `lookup` raises."""
    rewritten = rewrite(query, lookup, connection, ksql, now_ms)
    sql, references = rewritten.sql, rewritten.references
    for number, reference in enumerate(references):
        schema = raw_schema(number, reference.table, reference.table.columns)
        connection.register(f"raw_{number}", schema.empty_table())
        connection.execute(view(number, reference, {c.name for c in reference.table.columns}))
    schema = None
    if rewritten.several:
        needed = [{c.name for c in r.table.columns} for r in references]
        again = [True] * len(references)
    else:
        known = [plain(c.name) for r in references for c in r.table.columns]
        needed, again = _settled(connection, query, rewritten, known)
        ran = sql = rewritten.sql
        try:
            named = connection.sql(sql).columns  # those of the subquery are each unlike the others
            schema = readable(connection.sql(f"FROM ({sql}\n) LIMIT 0")).to_arrow_table().schema
        except duckdb.Error as error:
            raise translate_error(error, query, known, ran, rewritten.locate) from error
        names = rewritten.shown.names(named)
        schema = _with_moments(plain_schema(schema, names), rewritten.moments)
    reads = tuple(
        Read(
            reference,
            tuple(c for c in reference.table.columns if c.name in names),
            tuple(reference.table.ranges(reference.bounds)),
            twice,
        )
        for reference, names, twice in zip(references, needed, again, strict=True)
    )
    return Planned(
        sql, query, schema, reads, rewritten.shown, rewritten.carrying, rewritten.locate,
        rewritten.draft, rewritten.place,
    )  # fmt: skip
