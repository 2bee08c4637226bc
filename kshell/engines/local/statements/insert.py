"""INSERT INTO … VALUES, into a declared source or a topic.

`engine` dispatches here.  A declared source accepts the same values as in ksqlDB, in its formats;
an undeclared topic accepts fields of any name as JSON, and the pseudo columns that INSERT may set.
"""

from __future__ import annotations

import datetime
import decimal
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import orjson
import pyarrow as pa
from sqlglot import exp

from kshell.catalog.model import GIVEN, RESERVED, Source
from kshell.config import Properties
from kshell.engines.local.sources.chunks import schemas_for
from kshell.engines.local.statements.outbox import Outbox, check_target, zero_times
from kshell.engines.local.statements.record_parts import parts_of
from kshell.errors import BindError, KshellError, Place, UnknownName
from kshell.field_names import escaped, meant, plain
from kshell.formats.source import SourceWriter
from kshell.kafka.partitioner import encode_key
from kshell.kafka.produce import Outgoing, OutgoingRecord
from kshell.results import Answer, Message
from kshell.sql.as_written import place_of, pointing_at
from kshell.sql.bind.insert import BoundInsert, InsertRow, bind_insert_values
from kshell.sql.bind.literals import check_once, check_width
from kshell.sql.clauses import Name
from kshell.sql.statements import InsertValues
from kshell.stream.evaluate import values_of
from kshell.wording import many

if TYPE_CHECKING:
    from kshell.engines.local.context import Context

__all__ = ["insert_values", "records_of"]


def insert_values(
    context: Context, statement: InsertValues, properties: Properties
) -> Answer:
    """Write the rows; the message comes when every row is acknowledged."""
    check_target(context, statement.name)
    declared = context.catalog.find(statement.name.text, statement.name.quoted)
    if declared is not None:
        bound = bind_insert_values(statement, context.catalog)
        topic = declared.topic
        records: Outgoing | list[OutgoingRecord] = _declared(bound, properties)
    else:
        topic, records = _undeclared(context, statement, properties)
    outbox = Outbox(context, topic, properties)
    made = records if isinstance(records, Outgoing) else Outgoing.of(records)
    times = made.timestamps
    said = tuple(zero_times(0 if times is None else times.to_pylist().count(0)))
    places = _places("ROWPARTITION", statement)
    if context.held is not None:
        context.held.add(topic, outbox.placed(made, places))
        return Message(f"{many(len(records), 'record')} held for {topic} until COMMIT.", said)
    outbox.send(made, places)
    outbox.flush()
    return Message(f"{many(len(records), 'record')} written to {topic}.{outbox.remark}", said)


def _places(column: str, statement: InsertValues) -> list[Place | None]:
    """Where the value of a column stands in each row; empty where it is not named."""
    at = [n for n, name in enumerate(statement.columns) if name.text.upper() == column]
    return [place_of(row[at[0]]) for row in statement.rows] if at else []


def _declared(bound: BoundInsert, properties: Properties) -> list[OutgoingRecord]:
    # Only ROWTIME sets the record's time; a source's time column is written like other columns.
    target = replace(bound.target, timestamp_column="")
    writer = SourceWriter(target, schemas_for(target, properties))
    records: list[OutgoingRecord] = []
    width = len(target.key)
    for row in bound.rows:
        arrays = _evaluated(row, target)
        given = arrays[width + len(row.value) :]
        said = dict(zip(row.pseudo, (_python(a) for a in given), strict=True))
        parts = parts_of(said, row.given, row.places)
        at = int(time.time() * 1000) if parts.timestamp is None else parts.timestamp
        made = writer.write(
            arrays[:width], arrays[width : width + len(row.value)], pa.array([at], pa.int64()),
            pa.array([parts.whole]),
        )  # fmt: skip
        key, value, when = (a[0].as_py() for a in (made.keys, made.values, made.times))
        value = parts.value if parts.whole else value
        records.append(OutgoingRecord(key, value, when, parts.partition, parts.headers))
    return records


def _evaluated(row: InsertRow, target: Source) -> list[pa.Array]:
    """The values of the key's, the value's and the pseudo columns; an error stands at its value."""
    expressions = [*row.key, *row.value, *row.pseudo.values()]
    try:
        return values_of(expressions)
    except KshellError:
        names = [*(c.name for c in (*target.key, *target.value)), *row.pseudo]
        for name, expression in zip(names, expressions, strict=True):
            with pointing_at(row.places.get(name)):
                values_of([expression])
        raise


def _python(column: pa.Array) -> Any:
    return column[0].as_py()


def _undeclared(
    context: Context, statement: InsertValues, properties: Properties
) -> tuple[str, Outgoing | list[OutgoingRecord]]:
    from kshell.engines.local.statements.insert_typed import takes, typed_records
    from kshell.engines.local.statements.over_duckdb import evaluator
    from kshell.sql.duck import connect

    source = context.lookup(properties).sample(statement.name).source
    topic = source.topic
    if source.value_format.name == "NONE" and not statement.columns:
        raise BindError(
            f"topic {topic} is empty", hint="name the columns: INSERT INTO t (a, b) …",
            place=statement.name.place,
        )  # fmt: skip
    connection = connect()
    try:
        if takes(source):
            return topic, typed_records(statement, source, properties, connection)
        return topic, records_of(statement, source, evaluator(connection))
    finally:
        connection.close()


def _plain(value: Any) -> Any:
    if isinstance(value, decimal.Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.decode("latin-1")
    raise TypeError


def _column(name: Name, source: Source) -> str:
    """The pseudo column or the field that a name means; one of another name is a new field."""
    upper, fields = name.text.upper(), [plain(c.name) for c in source.value]
    reserved = upper in GIVEN and upper in RESERVED
    if reserved and (not name.quoted or (name.text == upper and upper not in fields)):
        return upper
    found = meant(name.text, fields, quoted=name.quoted)
    if len(found) > 1:
        names = " or ".join(sorted(found))
        raise BindError(f"{name.text} could be {names}", place=name.place)
    if found:
        return _field(found[0])
    if upper in (*GIVEN, source.key[0].name) and not (name.quoted and name.text != upper):
        return upper
    return _field(name.text)


def _field(name: str) -> str:
    """A field's name among those of pseudo columns."""
    return escaped(name) if name in GIVEN else name


def records_of(
    statement: InsertValues, source: Source, evaluate: Callable[[exp.Expr], Any]
) -> list[OutgoingRecord]:
    """The records to produce; raises BindError where columns and values do not fit."""
    single = source.value_format.name in ("KAFKA", "BYTES")
    names = [_column(n, source) for n in statement.columns]
    check_once(names, statement.columns)
    if not names:
        names = [_field(plain(c.name)) for c in source.value]
    if single:
        unknown = [n for n in names if n.upper() not in ("VALUE", *GIVEN)]
        if unknown:
            place = next((n.place for n in statement.columns if n.text == unknown[0]), None)
            raise UnknownName("column", unknown[0], ["VALUE", *GIVEN], place=place)
    made = []
    for row in statement.rows:
        check_width(names, row, statement.name.place)
        values = {n: evaluate(v) for n, v in zip(names, row, strict=True)}
        places = {plain(n): place_of(v) for n, v in zip(names, row, strict=True)}
        key = values.pop(source.key[0].name, None)
        said = {n: values.pop(n) for n in GIVEN if n in values}
        values = {plain(n): value for n, value in values.items()}
        parts = parts_of(said, values, places)
        encoded = None
        if isinstance(key, str) and pa.types.is_binary(source.key[0].type):
            encoded = key.encode()
        elif key is not None:
            encoded = encode_key(key, source.key[0].type)
            if encoded is None:
                raise BindError(
                    f"the key {key!r} is no {source.key[0].type} as the topic has them",
                    place=places.get(plain(source.key[0].name)),
                )
        if parts.whole:
            value = parts.value
        else:
            value = _single(values) if single else orjson.dumps(values, default=_plain)
        made.append(
            OutgoingRecord(encoded, value, parts.timestamp, parts.partition, parts.headers)
        )
    return made


def _single(values: dict[str, Any]) -> bytes | None:
    value = next(iter(values.values()), None)
    if value is None or isinstance(value, bytes):
        return value
    return str(value).encode()
