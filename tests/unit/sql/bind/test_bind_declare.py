"""CREATE STREAM and CREATE TABLE over topics."""

import pytest

from kshell.catalog.model import Column, FormatSpec, HeaderColumn, Kind, Source
from kshell.errors import BindError
from kshell.sql.bind.declare import build_source
from kshell.sql.parse import parse
from kshell.sql.statements import CreateSource
from kshell.types import BIGINT, INTEGER, STRING


def declare(text: str, **properties: str) -> Source:
    (statement,) = parse(text)
    assert isinstance(statement, CreateSource)
    return build_source(statement, {k.replace("_", "."): v for k, v in properties.items()})


def test_a_stream() -> None:
    made = declare("CREATE STREAM s (k INT KEY, `v` STRING) WITH (KAFKA_TOPIC='t', FORMAT='JSON');")
    assert (made.name, made.kind, made.topic) == ("S", Kind.STREAM, "t")
    assert made.key == (Column("K", INTEGER),)
    assert made.value == (Column("v", STRING),)
    assert made.key_format == made.value_format == FormatSpec("JSON")


def test_the_keys_format_is_kafka_and_without_a_key_none() -> None:
    keyed = declare("CREATE STREAM S (K INT KEY, V INT) WITH (KAFKA_TOPIC='t', VALUE_FORMAT='JSON');")
    assert keyed.key_format.name == "KAFKA"
    keyless = declare("CREATE STREAM S (V INT) WITH (KAFKA_TOPIC='t', VALUE_FORMAT='JSON');")
    assert keyless.key_format.name == "NONE"


def test_formats_have_defaults_in_properties() -> None:
    made = declare(
        "CREATE STREAM S (K INT KEY, V INT) WITH (KAFKA_TOPIC='t');",
        ksql_persistence_default_format_key="JSON",
        ksql_persistence_default_format_value="DELIMITED",
    )
    assert (made.key_format.name, made.value_format.name) == ("JSON", "DELIMITED")


def test_single_values_are_unwrapped_where_the_property_says_so() -> None:
    made = declare(
        "CREATE STREAM S (V INT) WITH (KAFKA_TOPIC='t', VALUE_FORMAT='JSON');",
        ksql_persistence_wrap_single_values="false",
    )
    assert made.value_format.options["WRAP_SINGLE_VALUE"] == "false"


def test_headers() -> None:
    made = declare(
        "CREATE STREAM S (V INT, A BYTES HEADER('a'), B BYTES HEADER('b')) "
        "WITH (KAFKA_TOPIC='t', VALUE_FORMAT='JSON');"
    )
    assert made.headers == (HeaderColumn("A", "a"), HeaderColumn("B", "b"))


def test_a_registry_may_know_the_columns() -> None:
    (statement,) = parse("CREATE STREAM S WITH (KAFKA_TOPIC='t', VALUE_FORMAT='AVRO');")
    assert isinstance(statement, CreateSource)
    asked = []

    def infer(topic: str, half: str, format: FormatSpec) -> tuple[Column, ...] | None:
        asked.append((topic, half, format.name))
        return (Column("A", BIGINT),)

    assert build_source(statement, {}, infer).value == (Column("A", BIGINT),)
    assert asked == [("t", "value", "AVRO")]


WITH = "WITH (KAFKA_TOPIC='t', VALUE_FORMAT='JSON')"


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        (f"CREATE STREAM S (K INT PRIMARY KEY, V INT) {WITH};",
         "Column `K` is a 'PRIMARY KEY' column: please use 'KEY' for streams."),
        (f"CREATE TABLE S (K INT KEY, V INT) {WITH};",
         "Column `K` is a 'KEY' column: please use 'PRIMARY KEY' for tables."),
        (f"CREATE TABLE S (V INT) {WITH};",
         "Tables require a PRIMARY KEY. Please define the PRIMARY KEY."),
        (f"CREATE STREAM S (ROWTIME BIGINT) {WITH};", "'ROWTIME' is a reserved column name."),
        (f"CREATE STREAM S (V INT, v INT) {WITH};", "Duplicate column names: `V`"),
        ("CREATE STREAM S (V INT) WITH (KAFKA_TOPIC='t', VALUE_FORMAT='JSON', "
         "WINDOW_TYPE='TUMBLING', WINDOW_SIZE='1 SECOND');", "Windowed sources require a key column."),
        ("CREATE STREAM S (V INT) WITH (KAFKA_TOPIC='t', VALUE_FORMAT='JSON', "
         "WINDOW_TYPE='SESSION');", "Windowed sources require a key column."),
        (f"CREATE STREAM S {WITH};", "No columns supplied."),
        (f"CREATE STREAM S (K MAP<STRING, INT> KEY, V INT) {WITH};",
         "Map keys, including types that contain maps, are not supported"),
        (f"CREATE STREAM S (H INT HEADERS, V INT) {WITH};",
         "Invalid type for HEADERS column: expected "
         "ARRAY<STRUCT<`KEY` STRING, `VALUE` BYTES>>, got INTEGER"),
        (f"CREATE STREAM S (A BYTES HEADER('a'), B BYTES HEADER('a'), V INT) {WITH};",
         "Schema already contains a HEADER('a') column."),
        ("CREATE STREAM S (V INT) WITH (VALUE_FORMAT='JSON');", 'property "KAFKA_TOPIC"'),
        ("CREATE STREAM S (V INT) WITH (KAFKA_TOPIC='t');", "missing the 'VALUE_FORMAT' property"),
        ("CREATE STREAM S (V INT) WITH (KAFKA_TOPIC='t', VALUE_FORMAT='JSON', TIMESTAMP='X');",
         "does not exist in the schema: 'X'"),
        ("CREATE STREAM S (V INT) WITH (KAFKA_TOPIC='t', VALUE_FORMAT='JSON', TIMESTAMP='V');",
         "Timestamp column, `V`, should be LONG(INT64), TIMESTAMP, or a String"),
        ("CREATE STREAM S (V INT) WITH (KAFKA_TOPIC='t', VALUE_FORMAT='JSON', VALUE_SCHEMA_ID=1);",
         "VALUE_FORMAT should support schema inference when VALUE_SCHEMA_ID is provided. "
         "Current format is JSON."),
        ("CREATE STREAM S (V INT) WITH (KAFKA_TOPIC='t', VALUE_FORMAT='AVRO', VALUE_SCHEMA_ID=1);",
         "Table elements and VALUE_SCHEMA_ID cannot both exist for create statement."),
    ],
)  # fmt: skip
def test_refused(statement: str, message: str) -> None:
    with pytest.raises(BindError) as caught:
        declare(statement)
    assert message in caught.value.what
