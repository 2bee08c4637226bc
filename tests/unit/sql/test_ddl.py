"""CREATE, DROP and ALTER as functions of a catalog: the new one, and what the shell says."""

import pytest

from kshell.catalog.catalog import Catalog, RunningQuery
from kshell.catalog.model import Column
from kshell.errors import BindError, UnknownName
from kshell.sql.ddl import Change, change, declare
from kshell.sql.parse import parse_piece
from kshell.sql.script import split
from kshell.types import INTEGER, STRING

STREAM = "CREATE STREAM s (v STRING) WITH (KAFKA_TOPIC='t', VALUE_FORMAT='JSON');"
TABLE = STREAM.replace("STREAM s (", "TABLE s (k STRING PRIMARY KEY, ")
ELSE = "CREATE STREAM IF NOT EXISTS s (w INT) WITH (KAFKA_TOPIC='t', VALUE_FORMAT='JSON');"


def parsed(text):
    """A single statement."""
    (piece,) = split(text)
    return parse_piece(piece, {})


def run(script, catalog=None):
    """The last statement's change."""
    made = Change(catalog or Catalog(), "")
    for piece in split(script):
        made = change(parse_piece(piece, made.catalog.types), made.catalog)
    return made


def test_the_catalog_before_stays_as_it_was():
    before = Catalog()
    made = run(STREAM, before)
    assert not before.sources
    assert made.source is made.catalog.sources["S"]
    assert made.source.value == (Column("V", STRING),)
    assert made.message == "Stream S is created."


@pytest.mark.parametrize("first", [STREAM, TABLE])
def test_if_not_exists_leaves_what_is_there(first):
    before = run(first).catalog
    made = run(ELSE, before)
    assert made.catalog is before
    assert made.source is None
    kind = before.sources["S"].kind.value.lower()
    assert made.message == f"Cannot add stream S: a {kind} with the same name exists already."


def test_a_name_is_taken_once_unless_replaced():
    with pytest.raises(BindError, match="Cannot add stream 'S'"):
        run(STREAM + STREAM)
    wider = STREAM.replace("CREATE", "CREATE OR REPLACE").replace("v STRING", "v STRING, w INT")
    assert [c.name for c in run(STREAM + wider).source.value] == ["V", "W"]


def test_properties_and_a_registry_are_asked():
    bare = parsed("CREATE STREAM s WITH (KAFKA_TOPIC='t');")
    asked = []

    def infer(topic, half, format):
        asked.append((topic, half, format.name))
        return (Column("A", INTEGER),) if half == "value" else None

    made = change(bare, Catalog(), {"ksql.persistence.default.format.value": "avro"}, infer)
    assert made.source.value == (Column("A", INTEGER),)
    assert ("t", "value", "AVRO") in asked


def test_drop_gives_what_was_dropped():
    made = run(STREAM + "DROP STREAM s;")
    assert not made.catalog.sources
    assert made.source.name == "S"
    assert made.message == "Stream S is dropped."
    made = run(STREAM + "DROP STREAM s DELETE TOPIC;")
    assert made.message == "Stream S is dropped, and topic t is deleted."


def test_drop_of_what_is_not_there():
    with pytest.raises(UnknownName, match="Table S does not exist"):
        run("DROP TABLE s;")
    made = run("DROP TABLE IF EXISTS s;")
    assert made.source is None
    assert made.message == "Table S does not exist."


def test_drop_of_what_a_query_reads():
    used = run(STREAM).catalog.with_query(RunningQuery("Q", frozenset({"S"})))
    with pytest.raises(BindError, match="Cannot drop S"):
        run("DROP STREAM s;", used)


def test_alter_adds_columns():
    made = run(STREAM + "ALTER STREAM s ADD COLUMN w INT;")
    assert made.source.value == (Column("V", STRING), Column("W", INTEGER))
    assert made.source is made.catalog.sources["S"]
    assert made.message == "Stream S is altered."


def test_types():
    made = run("CREATE TYPE n AS INT;")
    assert made.catalog.types == {"N": INTEGER}
    assert made.message == "Type N is created."
    with pytest.raises(BindError, match="already registered"):
        run("CREATE TYPE n AS STRING;", made.catalog)
    gone = run("DROP TYPE n;", made.catalog)
    assert not gone.catalog.types
    assert gone.message == "Type N is dropped."
    with pytest.raises(UnknownName, match="Type N does not exist"):
        run("DROP TYPE n;", gone.catalog)


def test_a_type_that_stays_is_not_said_to_be_created():
    before = run("CREATE TYPE n AS INT;").catalog
    made = run("CREATE TYPE IF NOT EXISTS n AS STRING;", before)
    assert made.catalog.types == {"N": INTEGER}
    assert made.message == "Type N exists already: INTEGER."


def test_a_type_that_is_missing_is_not_said_to_be_dropped():
    assert run("DROP TYPE IF EXISTS n;").message == "Type N does not exist."


def test_a_query_s_target_is_declared_by_the_same_rules():
    source = run(STREAM).source
    create = parsed("CREATE STREAM s AS SELECT * FROM t;")
    assert declare(create, Catalog(), source).catalog.sources == {"S": source}
    quiet = parsed("CREATE STREAM IF NOT EXISTS s AS SELECT * FROM t;")
    assert declare(quiet, run(TABLE).catalog, source).source is None
