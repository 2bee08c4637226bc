"""The statements about Kafka Connect, the registry and quotas, as data; refusals with their places."""

from __future__ import annotations

import pytest

from kshell.errors import ParseError, Place
from kshell.sql.clauses import Name, Number
from kshell.sql.cluster import Change, DropQuota, Limit, SetQuota, Whom
from kshell.sql.parse import parse
from kshell.sql.queries import QueryControl
from kshell.sql.services import (
    ConnectorAction,
    ControlConnector,
    CreateConnector,
    DescribeConnector,
    DiffSubject,
    DropConnector,
    SetCompatibility,
)
from kshell.sql.statements import Describe, Show, ShowWhat


def read(text: str):
    (statement,) = parse(text)
    return statement


def plain(configs) -> dict[str, str]:
    return {key.text: str(value) for key, value in configs}


@pytest.mark.parametrize(
    ("written", "type"), [("CREATE SOURCE CONNECTOR My_Jdbc", "source"), ("create sink connector IF NOT EXISTS my-s3", "sink")]
)
def test_create_connector_as_ksqldb_writes_it(written: str, type: str) -> None:
    made = read(f"{written} WITH ('connector.class' = 'io.X', \"tasks.max\"=4, `flush`=TRUE, `a.b`='Ab', less=-1.5);")
    assert isinstance(made, CreateConnector)
    assert made.writes
    assert (made.type, made.name.text, made.if_not_exists) == (type, written.split()[-1], "IF" in written)
    assert plain(made.configs) == {"connector.class": "io.X", "tasks.max": "4", "flush": "true", "a.b": "Ab", "less": "-1.5"}


def test_no_value_of_a_config_is_shown() -> None:
    assert "hunter2" not in repr(read("CREATE SINK CONNECTOR c WITH ('x'='hunter2')").configs)


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("DROP CONNECTOR c", DropConnector(name=Name("c", False, Place(1, 16, 1)))),
        ("DROP CONNECTOR IF EXISTS c", DropConnector(name=Name("c", False, Place(1, 26, 1)), if_exists=True)),
        ("PAUSE CONNECTOR c", ControlConnector(action=ConnectorAction.PAUSE, name=Name("c", False, Place(1, 17, 1)))),
        ("RESUME CONNECTOR c-1", ControlConnector(action=ConnectorAction.RESUME, name=Name("c-1", False, Place(1, 18, 3)))),
        ("RESTART CONNECTOR c", ControlConnector(action=ConnectorAction.RESTART, name=Name("c", False, Place(1, 19, 1)))),
        ("RESTART CONNECTOR c TASK 3", ControlConnector(action=ConnectorAction.RESTART, name=Name("c", False, Place(1, 19, 1)), task=Number(3, Place(1, 26, 1)))),
        ("DESCRIBE CONNECTOR c", DescribeConnector(name=Name("c", False, Place(1, 20, 1)))),
        ("ALTER SUBJECT s-value SET COMPATIBILITY full", SetCompatibility(subject=Name("s-value", False, Place(1, 15, 7)), level="FULL")),
        ("ALTER SUBJECT s RESET COMPATIBILITY", SetCompatibility(subject=Name("s", False, Place(1, 15, 1)), level="")),
        ("ALTER REGISTRY SET COMPATIBILITY BACKWARD_TRANSITIVE", SetCompatibility(subject=None, level="BACKWARD_TRANSITIVE")),
        ("DIFF SUBJECT s", DiffSubject(subject=Name("s", False, Place(1, 14, 1)))),
        ("DIFF SUBJECT s FROM 1 TO 3", DiffSubject(subject=Name("s", False, Place(1, 14, 1)), before=Number(1, Place(1, 21, 1)), after=Number(3, Place(1, 26, 1)))),
    ],
)  # fmt: skip
def test_statements(text: str, made) -> None:
    found = read(text)
    same = [(f, getattr(found, f), getattr(made, f)) for f in made.__dataclass_fields__ if f not in ("text", "place")]
    assert [(f, one) for f, one, _ in same] == [(f, other) for f, _, other in same]
    assert type(found) is type(made)
    assert found.writes is isinstance(made, Change)


@pytest.mark.parametrize(
    ("text", "what", "more"),
    [
        ("SHOW CONNECTORS", ShowWhat.CONNECTORS, ("", None)), ("LIST SOURCE CONNECTORS", ShowWhat.CONNECTORS, ("source", None)),
        ("SHOW SINK CONNECTORS", ShowWhat.CONNECTORS, ("sink", None)), ("SHOW PLUGINS", ShowWhat.PLUGINS, ("", None)),
        ("SHOW CONNECTOR PLUGINS", ShowWhat.PLUGINS, ("", None)), ("SHOW SUBJECTS", ShowWhat.SUBJECTS, ("", None)),
        ("SHOW SCHEMAS", ShowWhat.SCHEMAS, ("", None)), ("SHOW SCHEMAS a-value", ShowWhat.SCHEMAS, ("", "a-value")),
        ("SHOW COMPATIBILITY", ShowWhat.COMPATIBILITY, ("", None)), ("SHOW COMPATIBILITY s", ShowWhat.COMPATIBILITY, ("", "s")),
    ],
)  # fmt: skip
def test_show(text: str, what: ShowWhat, more) -> None:
    found = read(text)
    assert isinstance(found, Show)
    assert (found.what, (found.type, found.subject and found.subject.text)) == (what, more)


def test_connector_alone_is_a_name() -> None:
    assert read("PAUSE connector") == QueryControl(action=read("PAUSE q").action, query_id="connector", text="PAUSE connector")
    assert isinstance(read("DESCRIBE connector"), Describe)


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("CREATE QUOTA FOR USER ann SET producer_byte_rate = 1048576, request_percentage=12.5",
         ([("user", "ann")], [("producer_byte_rate", 1048576.0), ("request_percentage", 12.5)], [])),
        ("ALTER QUOTA FOR USER DEFAULT CLIENT ID 'my app' SET consumer_byte_rate=1 RESET producer_byte_rate",
         ([("user", None), ("client-id", "my app")], [("consumer_byte_rate", 1.0)], ["producer_byte_rate"])),
        ("ALTER QUOTA FOR CLIENT ID DEFAULT RESET a, b", ([("client-id", None)], [], ["a", "b"])),
        ("CREATE QUOTA FOR IP '10.0.0.1' SET connection_creation_rate=5", ([("ip", "10.0.0.1")], [("connection_creation_rate", 5.0)], [])),
        ("CREATE QUOTA FOR USER 'DEFAULT' SET a=1", ([("user", "DEFAULT")], [("a", 1.0)], [])),
    ],
)  # fmt: skip
def test_quotas(text: str, made) -> None:
    found = read(text)
    assert isinstance(found, SetQuota)
    assert found.creates is text.startswith("CREATE")
    whom, limits, reset = [(w.kind, w.name) for w in found.whom], [(n.name.text, n.value) for n in found.limits], [n.text for n in found.reset]
    assert (whom, limits, reset) == made


def test_a_quota_has_its_places() -> None:
    found = read("CREATE QUOTA FOR USER ann SET rate=1")
    assert found.whom == (Whom("user", "ann", Place(1, 23, 3)),)
    assert found.limits == (Limit(Name("rate", False, Place(1, 31, 4)), 1.0),)
    assert read("DROP QUOTA IF EXISTS FOR USER ann") == DropQuota(
        whom=(Whom("user", "ann", Place(1, 31, 3)),), if_exists=True, text="DROP QUOTA IF EXISTS FOR USER ann")  # fmt: skip


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        ("CREATE SOURCE CONNECTOR c", Place(1, 26), "expected WITH"),
        ("CREATE SINK CONNECTOR c WITH ()", Place(1, 31), "a config of the connector"),
        ("CREATE SINK CONNECTOR c WITH ('a'='1', 'a'='2')", Place(1, 40, 3), "a is there twice"),
        ("CREATE SINK CONNECTOR c WITH ('password'=hunter2)", Place(1, 42, 7), "password takes a value in single quotes"),
        ("CREATE CONNECTOR c WITH ('a'='1')", Place(1, 8, 9), "SOURCE CONNECTOR or SINK CONNECTOR"),
        ("DROP CONNECTOR", Place(1, 15), "the name of a connector"),
        ("PAUSE CONNECTOR c TASK 1", Place(1, 19, 4), "the end of the statement"),
        ("RESTART c", Place(1, 9), "expected CONNECTOR"),
        ("RESTART CONNECTOR c TASK x", Place(1, 26), "a whole number"),
        ("ALTER SUBJECT s SET COMPATIBILITY SOME", Place(1, 35, 4), "BACKWARD, BACKWARD_TRANSITIVE"),
        ("ALTER REGISTRY RESET COMPATIBILITY", Place(1, 16, 5), "expected SET"),
        ("DIFF s", Place(1, 6), "expected SUBJECT"),
        ("SHOW SOURCE TABLES", Place(1, 13, 6), "expected CONNECTORS"),
        ("CREATE QUOTA FOR ann SET a=1", Place(1, 18, 3), "expected USER, CLIENT ID or IP"),
        ("CREATE QUOTA FOR IP a USER b SET x=1", Place(1, 28), "a quota is for"),
        ("CREATE QUOTA FOR USER a USER b SET x=1", Place(1, 30), "a quota is for"),
        ("CREATE QUOTA FOR USER a SET x='1'", Place(1, 31, 3), "a number"),
        ("ALTER QUOTA FOR USER a SET x=1 RESET x", Place(1, 38), "x is there twice"),
        ("CREATE QUOTA FOR USER a RESET x", Place(1, 25, 5), "expected SET"),
    ],
)  # fmt: skip
def test_refusals(text: str, place: Place, said: str) -> None:
    with pytest.raises(ParseError) as raised:
        read(text)
    assert (raised.value.place, said in raised.value.what) == (place, True), raised.value.what
    assert "hunter2" not in raised.value.what + raised.value.hint
