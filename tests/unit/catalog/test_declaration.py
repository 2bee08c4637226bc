"""A source's own CREATE statement declares the same source again."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kshell.catalog.catalog import Catalog
from kshell.catalog.declaration import source_text, type_text
from kshell.catalog.model import Column, Source
from kshell.sql import ddl
from kshell.sql.parse import parse_piece
from kshell.sql.script import Piece


def declared(text: str, properties: dict[str, str] | None = None) -> Source:
    def infer(topic: str, half: str, format: object) -> tuple[Column, ...] | None:
        from kshell.types import STRING

        return (Column("A", STRING),)

    source = ddl.change(parse_piece(Piece(text)), Catalog(), properties or {}, infer).source
    assert source is not None
    return source


@pytest.mark.parametrize(
    "text",
    [
        "CREATE STREAM s (a INT) WITH (kafka_topic='t', value_format='JSON')",
        "CREATE SOURCE STREAM `s x` (`a``b` INT) WITH (kafka_topic='it''s', format='JSON')",
        "CREATE TABLE t (k INT PRIMARY KEY, v DECIMAL(9,2)) WITH (kafka_topic='t', format='JSON')",
        "CREATE STREAM s (k STRING KEY, k2 INT KEY, v STRUCT<`x y` MAP<STRING, ARRAY<DATE>>>)"
        " WITH (kafka_topic='t', key_format='DELIMITED', value_format='JSON_SR')",
        "CREATE STREAM s (h ARRAY<STRUCT<key STRING, value BYTES>> HEADERS)"
        " WITH (kafka_topic='t', value_format='JSON')",
        "CREATE STREAM s (a INT, h BYTES HEADER('it''s')) WITH (kafka_topic='t', format='JSON')",
        "CREATE STREAM s (a INT) WITH (kafka_topic='t', value_format='JSON', key_format='KAFKA')",
        "CREATE STREAM s (a INT) WITH (kafka_topic='t', value_format='JSON',"
        " wrap_single_value='false')",
        "CREATE STREAM s (a STRING, b INT) WITH (kafka_topic='t', value_format='DELIMITED',"
        " value_delimiter='|', timestamp='a', timestamp_format='yyyy-MM-dd''T''HH:mm')",
        "CREATE STREAM s (k INT KEY, `ts` BIGINT) WITH (kafka_topic='t', format='JSON',"
        " timestamp='`ts`', window_type='TUMBLING', window_size='10 SECONDS')",
        "CREATE TABLE s (k INT PRIMARY KEY, v INT) WITH (kafka_topic='t', format='JSON',"
        " window_type='SESSION', sourced_by_connector='jdbc')",
        "CREATE TABLE s (k INT PRIMARY KEY, v INT) WITH (kafka_topic='t', format='JSON',"
        " window_type='SLIDING', window_size='1 MINUTE')",
        "CREATE STREAM s WITH (kafka_topic='t', value_format='AVRO', value_schema_id=7)",
        "CREATE STREAM s WITH (kafka_topic='t', value_format='AVRO')",
        "CREATE STREAM s (a INT) WITH (kafka_topic='t', value_format='PROTOBUF',"
        " value_protobuf_nullable_representation='WRAPPER', value_schema_full_name='x.Y')",
    ],
)
def test_it_declares_the_same(text: str) -> None:
    source = declared(text)
    again = declared(source_text(source))
    assert replace(again, sql="") == replace(source, sql="")
    assert source_text(again) == source_text(source)
    assert dict(again.value_format.options) == dict(source.value_format.options)
    assert dict(again.key_format.options) == dict(source.key_format.options)


def test_what_set_said_is_written_out() -> None:
    properties = {
        "ksql.persistence.default.format.key": "JSON",
        "ksql.persistence.default.format.value": "AVRO",
        "ksql.persistence.wrap.single.values": "false",
    }
    source = declared("CREATE STREAM s (k INT KEY, a INT) WITH (kafka_topic='t')", properties)
    assert source_text(source) == (
        "CREATE STREAM `S` (`K` INTEGER KEY, `A` INTEGER) WITH (KAFKA_TOPIC='t', KEY_FORMAT='JSON',"
        " VALUE_FORMAT='AVRO', WRAP_SINGLE_VALUE='false')"
    )


def test_the_columns_of_a_schema_with_an_id_are_left_to_it() -> None:
    source = declared("CREATE STREAM s WITH (kafka_topic='t', value_format='AVRO',"
                      " value_schema_id=7)")  # fmt: skip
    assert source.value
    assert source_text(source) == (
        "CREATE STREAM `S` WITH (KAFKA_TOPIC='t', VALUE_FORMAT='AVRO', VALUE_SCHEMA_ID='7')"
    )


def test_a_type() -> None:
    made = ddl.change(parse_piece(Piece("CREATE TYPE a AS STRUCT<x INT, y ARRAY<DECIMAL(4, 2)>>")),
                      Catalog()).catalog  # fmt: skip
    text = type_text("A", made.types["A"])
    assert ddl.change(parse_piece(Piece(text)), Catalog()).catalog.types == made.types
