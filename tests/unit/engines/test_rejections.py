"""What is refused is told whole: what is wrong, where it stands, what to try."""

from __future__ import annotations

import pytest

from kshell.catalog.catalog import Catalog
from kshell.config import Properties
from kshell.errors import KshellError
from kshell.sql import cluster, producing, queries, services, transfer
from kshell.sql import statements as ast
from kshell.sql.bind.create import bind_create_as
from kshell.sql.bind.declare import build_source
from kshell.sql.bind.insert import bind_insert_values
from kshell.sql.bind.select import bind_query
from kshell.sql.parse import parse
from kshell.terminal.messages import error_lines

PROPERTIES = Properties({})
DECLARED = """
CREATE STREAM a (k VARCHAR KEY, v INT, t VARCHAR) WITH (KAFKA_TOPIC='a', VALUE_FORMAT='JSON');
CREATE STREAM b (k VARCHAR KEY, w INT) WITH (KAFKA_TOPIC='b', VALUE_FORMAT='JSON');
CREATE TABLE t (id VARCHAR PRIMARY KEY, n INT) WITH (KAFKA_TOPIC='t', VALUE_FORMAT='JSON');
"""


def build(statement: ast.CreateSource):
    return build_source(statement, PROPERTIES, lambda topic, half, format: None)


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    catalog = Catalog()
    for statement in parse(DECLARED):
        catalog = catalog.add(build(statement))
    return catalog


REFUSED = {
    "SELECT * FROM a JOIN b ON a.k = b.k EMIT CHANGES": """\
Error: A and B are both streams: stream-stream joins must have a WITHIN clause specified. None was \
provided.
  1 │ SELECT * FROM a JOIN b ON a.k = b.k EMIT CHANGES
    │                      ^
Try: JOIN … WITHIN 1 HOUR ON …""",
    "SELECT * FROM a RIGHT JOIN t ON a.k = t.id EMIT CHANGES": """\
Error: Invalid join type: right-outer join not supported for stream-table join. Got A RIGHT [OUTER] \
JOIN T.
  1 │ SELECT * FROM a RIGHT JOIN t ON a.k = t.id EMIT CHANGES
    │                            ^
Try: LEFT JOIN keeps every row of the stream""",
    "SELECT * FROM a JOIN b WITHIN 5 SECONDS ON a.k > b.k EMIT CHANGES": """\
Error: Only equality join criteria is supported.
  1 │ SELECT * FROM a JOIN b WITHIN 5 SECONDS ON a.k > b.k EMIT CHANGES
    │                                              ^
Try: ON a.x = b.y; the rest belongs to WHERE""",
    "SELECT * FROM a JOIN b WITHIN 5 SECONDS ON a.v = b.k EMIT CHANGES": """\
Error: Invalid join condition: types don't match. Got A.V{INTEGER} = B.K{STRING}.
  1 │ SELECT * FROM a JOIN b WITHIN 5 SECONDS ON a.v = b.k EMIT CHANGES
    │                      ^
Try: CAST one side to the other's type""",
    "SELECT COUNT(*) FROM a EMIT CHANGES": """\
Error: SELECT statement does not support aggregate function [COUNT(ROWTIME)] without a GROUP BY clause.
  1 │ SELECT COUNT(*) FROM a EMIT CHANGES
    │        ^^^^^
Try: GROUP BY 1 makes all rows one group; without EMIT CHANGES none is needed""",
    "SELECT k, v, COUNT(*) FROM a GROUP BY k EMIT CHANGES": """\
Error: Non-aggregate SELECT expression(s) not part of GROUP BY: V
Either add the column(s) to the GROUP BY or remove them from the SELECT.
  1 │ SELECT k, v, COUNT(*) FROM a GROUP BY k EMIT CHANGES
    │           ^
Try: or take one value per group: LATEST_BY_OFFSET(…)""",
    "SELECT k FROM a WHERE v = 'x' EMIT CHANGES": """\
Error: Error in WHERE expression: Cannot compare V (INTEGER) to 'x' (STRING) with EQUAL.
  1 │ SELECT k FROM a WHERE v = 'x' EMIT CHANGES
    │                       ^
Try: CAST one side to the other's type""",
    "CREATE TABLE x AS SELECT COUNT(*) FROM a GROUP BY k EMIT CHANGES": """\
Error: Key missing from projection (ie, SELECT). See https://cnfl.io/2LV7ouS.
The query used to build `X` must include the grouping expression K in its projection (eg, SELECT K...).
  1 │ CREATE TABLE x AS SELECT COUNT(*) FROM a GROUP BY k EMIT CHANGES
    │              ^
Try: add what is missing to SELECT""",
    "CREATE STREAM x (v INT) WITH (KAFKA_TOPIC='x', VALUE_FORMAT='JSONN')": """\
Error: Unknown format: JSONN
  1 │ CREATE STREAM x (v INT) WITH (KAFKA_TOPIC='x', VALUE_FORMAT='JSONN')
    │               ^
Try: formats: JSON, JSON_SR, AVRO, PROTOBUF, PROTOBUF_NOSR, DELIMITED, KAFKA, NONE""",
    "CREATE STREAM x (id INT PRIMARY KEY, v INT) WITH (KAFKA_TOPIC='x', VALUE_FORMAT='JSON')": """\
Error: Column `ID` is a 'PRIMARY KEY' column: please use 'KEY' for streams.
Tables have PRIMARY KEYs, which are unique and NON NULL.
Streams have KEYs, which have no uniqueness or NON NULL constraints.
  1 │ CREATE STREAM x (id INT PRIMARY KEY, v INT) WITH (KAFKA_TOPIC='x', VALUE_FORMAT='JSON')
    │                  ^^
Try: (id INT KEY, …)""",
    "CREATE TABLE x (v INT) WITH (KAFKA_TOPIC='x', VALUE_FORMAT='JSON')": """\
Error: Tables require a PRIMARY KEY. Please define the PRIMARY KEY.
  1 │ CREATE TABLE x (v INT) WITH (KAFKA_TOPIC='x', VALUE_FORMAT='JSON')
    │              ^
Try: (id INT PRIMARY KEY, …)""",
    "INSERT INTO a (k, v) VALUES ('x', 'y')": """\
Error: Expected type INTEGER for field `V` but got STRING('y')
  1 │ INSERT INTO a (k, v) VALUES ('x', 'y')
    │                                   ^^^
Try: CAST the value""",
}


@pytest.mark.parametrize("text", REFUSED)
def test_refused(catalog, text):
    with pytest.raises(KshellError) as refused:
        (statement,) = parse(text)
        match statement:
            case ast.CreateSource():
                build(statement)
            case ast.CreateAsSelect():
                bind_create_as(statement, catalog, PROPERTIES, lambda source: 1)
            case ast.InsertValues():
                bind_insert_values(statement, catalog)
            case ast.Select():
                bind_query(statement.query, catalog, PROPERTIES, None, lambda source: 1)
    assert "\n".join(error_lines(refused.value, text)) == REFUSED[text]


def test_every_statement_is_served():
    """By the engine, or by the session; nothing that parses falls through."""
    from kshell import session
    from kshell.engines.local.engine import STATEMENTS

    modules = (ast, cluster, producing, queries, services, transfer)
    named = [value for module in modules for value in vars(module).values()]
    every = {s for s in named if isinstance(s, type) and issubclass(s, ast.Statement)}
    assert every - {ast.Statement, cluster.Change} == {*STATEMENTS, *session._OWN}
    assert not set(STATEMENTS) & set(session._OWN)


def test_what_serves_a_statement_is_there():
    from importlib import import_module

    from kshell.engines.local.engine import STATEMENTS

    for served in STATEMENTS.values():
        module, _, name = served.partition(":")
        assert callable(getattr(import_module(f"kshell.engines.local.statements.{module}"), name))
