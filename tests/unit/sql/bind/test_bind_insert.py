"""INSERT VALUES into declared sources."""

from decimal import Decimal

import pytest

from kshell.catalog.catalog import Catalog
from kshell.errors import BindError
from kshell.sql.bind.declare import build_source
from kshell.sql.bind.insert import BoundInsert, bind_insert_values
from kshell.sql.expressions import Cast, Literal
from kshell.sql.parse import parse
from kshell.sql.statements import CreateSource, InsertValues
from kshell.types import BIGINT, DOUBLE, INTEGER, STRING, TIMESTAMP, decimal

DECLARED = """
CREATE STREAM S (K INT KEY, V BIGINT, D DECIMAL(6, 2), X DOUBLE, TS TIMESTAMP)
  WITH (KAFKA_TOPIC='s', VALUE_FORMAT='JSON');
CREATE STREAM H (K INT KEY, V INT, HS BYTES HEADER('h'))
  WITH (KAFKA_TOPIC='h', VALUE_FORMAT='JSON');
CREATE TABLE T (ID INT PRIMARY KEY, NAME STRING) WITH (KAFKA_TOPIC='t', VALUE_FORMAT='JSON');
CREATE SOURCE STREAM R (K INT KEY, V INT) WITH (KAFKA_TOPIC='r', VALUE_FORMAT='JSON');
CREATE STREAM W (K INT KEY, V INT) WITH (KAFKA_TOPIC='w', VALUE_FORMAT='JSON',
  WINDOW_TYPE='SESSION');
"""


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    made = Catalog()
    for statement in parse(DECLARED):
        assert isinstance(statement, CreateSource)
        made = made.add(build_source(statement))
    return made


def insert(text: str, catalog: Catalog) -> BoundInsert:
    (statement,) = parse(text)
    assert isinstance(statement, InsertValues)
    return bind_insert_values(statement, catalog)


def test_values_take_their_columns_types(catalog: Catalog) -> None:
    bound = insert("INSERT INTO S VALUES (1, 2, 3.5, 4, '2020-01-01T00:00:00');", catalog)
    assert bound.target.name == "S"
    (row,) = bound.rows
    assert row.key == (Literal(1, INTEGER),)
    assert row.value == (
        Literal(2, BIGINT),
        Literal(Decimal("3.50"), decimal(6, 2)),
        Literal(4.0, DOUBLE),
        Cast(Literal("2020-01-01T00:00:00", STRING), TIMESTAMP),
    )
    assert row.pseudo == {}


def test_named_columns_in_any_order_with_rowtime_and_the_rest_null(catalog: Catalog) -> None:
    (row,) = insert("INSERT INTO S (V, ROWTIME, K) VALUES (-7, 1000, 1);", catalog).rows
    assert row.key == (Literal(1, INTEGER),)
    assert row.value[0] == Literal(-7, BIGINT)
    assert row.value[2] == Literal(None, DOUBLE)
    assert row.pseudo == {"ROWTIME": Literal(1000, BIGINT)}


def test_a_streams_key_may_be_null(catalog: Catalog) -> None:
    (row,) = insert("INSERT INTO S (V) VALUES (1);", catalog).rows
    assert row.key == (Literal(None, INTEGER),)


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("INSERT INTO T VALUES (1);", "Expected a value for each column. Expected Columns: "
         "[`ID`, `NAME`]. Got (1)"),
        ("INSERT INTO T (ID) VALUES (1, 'a');",
         "Expected number columns and values to match: [`ID`], [1, 'a']"),
        ("INSERT INTO T VALUES ('x', 'a');",
         "Expected type INTEGER for field `ID` but got STRING('x')"),
        ("INSERT INTO T VALUES (3000000000, 'a');",
         "Expected type INTEGER for field `ID` but got BIGINT(3000000000)"),
        ("INSERT INTO T (NAME) VALUES ('a');", "Value for primary key column(s) `ID` is required"),
        ("INSERT INTO T VALUES (NULL, 'a');", "Value for primary key column(s) `ID` is required"),
        ("INSERT INTO T (ID, NAM) VALUES (1, 'a');", "Column name `NAM` does not exist."),
        ("INSERT INTO T (ID, id) VALUES (1, 2);", "Column `ID` is named twice."),
        ("INSERT INTO S (ROWOFFSET) VALUES (1);", "`ROWOFFSET` is not allowed"),
        ("INSERT INTO H VALUES (1, 2, NULL);", "Cannot insert into HEADER columns: HS"),
        ("INSERT INTO R VALUES (1, 2);", "Cannot insert values into read-only stream: R"),
        ("INSERT INTO W VALUES (1, 2);", "Cannot insert values into windowed stream/table!"),
        ("INSERT INTO `s` VALUES (1);", "Hint: try removing double quotes from the source name."),
        ("INSERT INTO T VALUES (V, 'a');", "VALUES column 'V' cannot be resolved."),
    ],
)  # fmt: skip
def test_what_does_not_fit(catalog: Catalog, statement: str, message: str) -> None:
    with pytest.raises(BindError) as caught:
        insert(statement, catalog)
    assert message in caught.value.what


def test_headers_may_be_left_out(catalog: Catalog) -> None:
    (row,) = insert("INSERT INTO H (K, V) VALUES (1, 2);", catalog).rows
    assert row.value == (Literal(2, INTEGER),)
