"""A small world of sources, and statements bound in it."""

from collections.abc import Callable

import pyarrow as pa
import pytest

from kshell.catalog.catalog import Catalog
from kshell.catalog.model import Column, FormatSpec, Kind, Source
from kshell.sql import plan
from kshell.sql.bind.create import bind_create_as, bind_insert_select
from kshell.sql.bind.declare import build_source
from kshell.sql.bind.outline import outline
from kshell.sql.bind.select import bind_query
from kshell.sql.parse import parse
from kshell.sql.statements import CreateAsSelect, CreateSource, InsertSelect, Select

WORLD = """
CREATE STREAM S (K INT KEY, V INT, W STRING, ST STRUCT<A INT, B INT>, ARR ARRAY<INT>)
  WITH (KAFKA_TOPIC='s', VALUE_FORMAT='JSON');
CREATE STREAM S2 (K INT KEY, V INT, X BIGINT) WITH (KAFKA_TOPIC='s2', VALUE_FORMAT='JSON');
CREATE STREAM KEYLESS (V INT) WITH (KAFKA_TOPIC='keyless', VALUE_FORMAT='JSON');
CREATE STREAM FLAT (K INT KEY, V INT) WITH (KAFKA_TOPIC='flat', VALUE_FORMAT='DELIMITED');
CREATE STREAM MK (A INT KEY, B STRING KEY, V INT)
  WITH (KAFKA_TOPIC='mk', KEY_FORMAT='JSON', VALUE_FORMAT='JSON');
CREATE STREAM OWN (ID INT KEY, ROWKEY STRING, ROWHEADERS INT)
  WITH (KAFKA_TOPIC='own', VALUE_FORMAT='JSON');
CREATE TABLE T (ID INT PRIMARY KEY, NAME STRING, REF INT)
  WITH (KAFKA_TOPIC='t', VALUE_FORMAT='JSON');
CREATE TABLE T2 (ID INT PRIMARY KEY, NAME STRING) WITH (KAFKA_TOPIC='t2', VALUE_FORMAT='JSON');
CREATE TABLE T3 (ID INT PRIMARY KEY, NAME STRING) WITH (KAFKA_TOPIC='t3', VALUE_FORMAT='JSON');
CREATE STREAM WS (K INT KEY, V INT) WITH (KAFKA_TOPIC='ws', VALUE_FORMAT='JSON',
  WINDOW_TYPE='TUMBLING', WINDOW_SIZE='1 SECOND');
CREATE TABLE WT (ID INT PRIMARY KEY, V INT) WITH (KAFKA_TOPIC='wt', VALUE_FORMAT='JSON',
  WINDOW_TYPE='SESSION');
"""

ORDERS = Source(
    name="orders",
    kind=Kind.STREAM,
    topic="orders",
    key=(Column("ROWKEY", pa.string()),),
    value=(
        Column("userId", pa.int64()),
        Column("amount", pa.float64()),
        Column("user", pa.struct([("city", pa.string())])),
    ),
    key_format=FormatSpec("KAFKA"),
    value_format=FormatSpec("JSON"),
    declared=False,
)

TALLIES = Source(
    name="tallies",
    kind=Kind.STREAM,
    topic="tallies",
    key=(Column("ROWKEY", pa.string()),),
    value=(Column("WINDOWSTART", pa.int64()), Column("n", pa.int64())),
    key_format=FormatSpec("KAFKA"),
    value_format=FormatSpec("JSON"),
    declared=False,
)

Bind = Callable[[str], plan.Node]


@pytest.fixture(scope="session")
def world() -> Catalog:
    """Declared streams and tables, and the undeclared topics `orders` and `tallies`."""
    catalog = Catalog()
    for statement in parse(WORLD):
        assert isinstance(statement, CreateSource)
        catalog = catalog.add(build_source(statement))
    return catalog.with_topic(ORDERS).with_topic(TALLIES)


@pytest.fixture(scope="session")
def bind(world: Catalog) -> Bind:
    """The plan of a statement in the world."""

    def bound(text: str) -> plan.Node:
        (statement,) = parse(text)
        match statement:
            case Select():
                return bind_query(statement.query, world)
            case CreateAsSelect():
                return bind_create_as(statement, world)
            case InsertSelect():
                return bind_insert_select(statement, world)
        raise AssertionError(statement)

    return bound


@pytest.fixture(scope="session")
def steps(bind: Bind) -> Callable[[str], list[str]]:
    """The plan of a statement as its outline's lines, without indentation."""
    return lambda text: [line.strip() for line in outline(bind(text)).splitlines()]
