"""INSERT INTO … VALUES into a topic whose format has types: AVRO, PROTOBUF, JSON_SR, DELIMITED.

`insert` calls it for undeclared topics.  It writes with the subject's newest schema (or, if the
registry has none, the one that the records name), and refuses other fields.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
from sqlglot import exp

from kshell.catalog.model import GIVEN, Column, FormatSpec, Source
from kshell.config import Properties
from kshell.engines.local.sources.chunks import schemas_for
from kshell.engines.local.statements.over_duckdb import not_evaluated
from kshell.engines.local.statements.record_parts import parts_of
from kshell.errors import BindError, EvaluationError, UnknownName
from kshell.field_names import meant
from kshell.formats.base import Asked, Half
from kshell.formats.by_schema import newest
from kshell.formats.source import SourceWriter
from kshell.kafka.produce import Outgoing, OutgoingRecord
from kshell.sql.as_written import place_of
from kshell.sql.bind.literals import check_constant, check_once, check_width
from kshell.sql.clauses import Name
from kshell.sql.dialect import to_duckdb
from kshell.sql.statements import InsertValues
from kshell.types import duckdb_name, ksql_name

if TYPE_CHECKING:
    from kshell.formats.registry import Schemas

__all__ = ["as_newest", "takes", "typed_records"]

_UNTYPED = frozenset({"BYTES", "JSON", "KAFKA", "NONE"})
_PSEUDO = {name: Column(name, pa.null()) for name in GIVEN if name != "ROWKEY"}


def takes(source: Source) -> bool:
    """Whether the key or the value of the source has a format with types."""
    return not {source.key_format.name, source.value_format.name} <= _UNTYPED


def typed_records(
    statement: InsertValues,
    source: Source,
    properties: Properties,
    connection: duckdb.DuckDBPyConnection,
) -> Outgoing:
    """The records to produce; BindError where columns and values do not fit."""
    schemas = schemas_for(source, properties)
    source = as_newest(source, schemas)
    named = _PSEUDO | {c.name: c for c in (*source.key, *source.value)}
    columns = [_column(n, named) for n in statement.columns]
    check_once([c.name for c in columns], statement.columns)
    columns = columns or list(source.value)
    for row in statement.rows:
        check_width([c.name for c in columns], row, statement.name.place)
    rows = [_row(row, columns, connection) for row in statement.rows]
    values = [c.name for c in columns if c in source.value]
    parts = []
    for made_row, nodes in zip(rows, statement.rows, strict=True):
        places = {c.name: place_of(node) for c, node in zip(columns, nodes, strict=True)}
        said = {c.name: made_row[c.name][0].as_py() for c in columns if c in _PSEUDO.values()}
        parts.append(parts_of(said, values, places))

    def of(column: Column) -> pa.Array:
        return pa.concat_arrays(
            [row.get(column.name, pa.nulls(1, column.type)).cast(column.type) for row in rows]
        )

    now = int(time.time() * 1000)
    times = pa.array([now if p.timestamp is None else p.timestamp for p in parts], pa.int64())
    whole = pa.array([p.whole for p in parts])
    key, value = [of(c) for c in source.key], [of(c) for c in source.value]
    try:
        made = SourceWriter(source, schemas).write(key, value, times, whole)
    except EvaluationError as error:
        # Codecs word errors as Kafka Streams does for records; here the statement is wrong.
        reason = error.what.rpartition("record): ")[2]
        hint = "give every column that takes no NULL" if "NULL" in reason else ""
        raise BindError(reason, hint=hint) from None
    given = Outgoing.of(
        OutgoingRecord(None, p.value, None, p.partition, p.headers) for p in parts
    )
    whole_or_made = pc.if_else(whole, given.values, made.values)
    return Outgoing(made.keys, whole_or_made, made.times, given.partitions, given.headers)


def as_newest(source: Source, schemas: Schemas | None) -> Source:
    """The source with the columns of its subjects' newest schemas, with which it is written."""
    if schemas is None:
        return source
    halves: dict[Half, tuple[FormatSpec, tuple[Column, ...]]] = {
        Half.KEY: (source.key_format, source.key),
        Half.VALUE: (source.value_format, source.value),
    }
    for half, (format, _) in halves.items():
        if format.name in _UNTYPED or "SCHEMA_FILE" in format.options:
            continue
        record = format.options.get("SCHEMA_FULL_NAME", "")
        asked = Asked(source.topic, half, schemas)
        found = newest(asked, record) or newest(asked, record, format.options.get("SCHEMA_ID", ""))
        if found is not None and found.format.name == format.name:
            halves[half] = found.format, tuple(Column(c.name, c.type) for c in found.columns)
    (key_format, key), (value_format, value) = halves[Half.KEY], halves[Half.VALUE]
    return replace(
        source, key_format=key_format, key=key, value_format=value_format, value=value
    )


def _column(name: Name, known: Mapping[str, Column]) -> Column:
    """The known field's spelling, if a field matches in any case."""
    found = meant(name.text, known, quoted=name.quoted)
    if len(found) != 1:
        raise UnknownName("column", name.text, found or known, place=name.place)
    return known[found[0]]


def _row(
    nodes: Sequence[exp.Expr], columns: Sequence[Column], connection: duckdb.DuckDBPyConnection
) -> Mapping[str, pa.Array]:
    made = {c.name: _value(node, c, connection) for node, c in zip(nodes, columns, strict=True)}
    return MappingProxyType(made)


def _value(node: exp.Expr, column: Column, connection: duckdb.DuckDBPyConnection) -> pa.Array:
    check_constant(node)
    text = to_duckdb(node)
    any_type = pa.types.is_null(column.type)
    cast = text if any_type else f"CAST({text} AS {duckdb_name(column.type)})"
    try:
        table = connection.sql(f"SELECT {cast}")
        found: Any = table.to_arrow_table()[0].combine_chunks()
    except duckdb.ConversionException as error:
        raise BindError(
            f"{text} is no {ksql_name(column.type)}, which {column.name} is",
            hint="CAST(… AS type) says what to make of it",
            place=place_of(node),
        ) from error
    except duckdb.Error as error:
        raise not_evaluated(node, text, error) from error
    return found
