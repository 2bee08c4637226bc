"""The state of a real schema registry: subjects, schemas, compatibility, what differs between versions."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator

import pytest
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient

import kshell
from kshell.errors import BindError, Place, StatementError, UnknownName
from kshell.library import Session
from tests.unit.terminal.test_cli import run

pytestmark = pytest.mark.live


def fields(*more: str) -> str:
    text = ",".join(['{"name":"id","type":"long"}', *more])
    return f'{{"type":"record","name":"Order","namespace":"shop","fields":[{text}]}}'


OLD = fields('{"name":"total","type":"double"}', '{"name":"city","type":["null","string"],"default":null}')
NEW = fields('{"name":"total","type":"double","doc":"in EUR"}', '{"name":"note","type":["null","string"],"default":null}')


@pytest.fixture
def theirs(registry) -> SchemaRegistryClient:
    return SchemaRegistryClient({"url": registry.url})


@pytest.fixture
def subject(theirs) -> str:
    """One with two versions of an Avro schema."""
    name = f"s-{uuid.uuid4().hex[:8]}-value"
    for text in (OLD, NEW):
        theirs.register_schema(name, Schema(text, "AVRO"))
    return name


@pytest.fixture
def shell(kafka, registry) -> Iterator[Session]:
    with kshell.connect(kafka.bootstrap, yes=True, properties={"schema.registry.url": registry.url}) as opened:
        yield opened


@pytest.fixture
def careful(kafka, registry) -> Iterator[Session]:
    with kshell.connect(kafka.bootstrap, properties={"schema.registry.url": registry.url}) as opened:
        yield opened


def test_subjects_and_their_schemas(shell, theirs, subject) -> None:
    assert [row[0] for row in shell.sql("SHOW SUBJECTS").rows()] == sorted(theirs.get_subjects())
    theirs.set_compatibility(subject, "FORWARD")
    extended = {row[0]: row[1:] for row in shell.sql("SHOW SUBJECTS EXTENDED").rows()}
    assert extended[subject] == (2, "FORWARD")
    rows = shell.sql(f"SHOW SCHEMAS {subject}").rows()
    assert [(version, type, json.loads(text)) for version, _, type, text in rows] == [
        (1, "AVRO", json.loads(OLD)), (2, "AVRO", json.loads(NEW)),
    ]  # fmt: skip
    ids = [id for _, id, *_ in rows]
    assert ids == [theirs.get_version(subject, n).schema_id for n in (1, 2)]
    newest = {row[0]: row[1:4] for row in shell.sql("SHOW SCHEMAS").rows()}
    assert newest[subject] == (2, ids[1], "AVRO")


def test_versions_differ_field_by_field(shell, subject) -> None:
    rows = [
        ("changed", "total", "double", 'double, doc "in EUR"'),
        ("added", "note", None, "null or string, default null"),
        ("removed", "city", "null or string, default null", None),
    ]
    answer = shell.sql(f"DIFF SUBJECT {subject}")
    assert answer.title == f"{subject}: version 1 to 2"
    assert answer.schema.names == ["change", "field", "before", "after"]
    assert answer.rows() == rows
    assert shell.sql(f"DIFF SUBJECT {subject} FROM 1 TO 2").rows() == rows
    back = shell.sql(f"DIFF SUBJECT {subject} FROM 2 TO 1").rows()
    assert sorted(back) == sorted(({"added": "removed", "removed": "added"}.get(c, c), f, after, before) for c, f, before, after in rows)
    assert shell.sql(f"DIFF SUBJECT {subject} FROM 2").text == f"Versions 2 and 2 of {subject} have the same fields."


def test_versions_of_json_schema_and_protobuf(shell, theirs) -> None:
    name = f"s-{uuid.uuid4().hex[:8]}"
    old = {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "object", "properties": {"c": {"type": "integer"}}}}}
    new = {"type": "object", "required": ["a"], "properties": {"a": {"type": "string"}, "b": {"type": "object", "properties": {"c": {"type": "number", "minimum": 0}}}}}
    proto = 'syntax = "proto3";\nmessage M {\n  string a = 1;\n  int32 b = 2;\n}\n'
    shell.sql("ALTER REGISTRY SET COMPATIBILITY NONE")
    try:
        for node in (old, new):
            theirs.register_schema(f"{name}-j", Schema(json.dumps(node), "JSON"))
        for text in (proto, proto.replace("  int32 b = 2;\n", "  int64 b = 2;\n  bool c = 3;\n")):
            theirs.register_schema(f"{name}-p", Schema(text, "PROTOBUF"))
    finally:
        shell.sql("ALTER REGISTRY SET COMPATIBILITY BACKWARD")
    assert shell.sql(f"DIFF SUBJECT {name}-j").rows() == [
        ("changed", "a", "string", "string, required"), ("changed", "b.c", "integer", "number, minimum 0"),
    ]  # fmt: skip
    lines = shell.sql(f"DIFF SUBJECT {name}-p")
    assert lines.schema.names[1] == "line"
    assert [(c, b and b.strip(), a and a.strip()) for c, _, b, a in lines.rows()] == [
        ("changed", "int32 b = 2;", "int64 b = 2;"), ("added", None, "bool c = 3;"),
    ]  # fmt: skip


def test_compatibility_is_shown_and_set(shell, careful, theirs, subject) -> None:
    """Of a subject of which nothing is set this registry says NONE; others say that nothing is."""
    assert shell.sql("SHOW COMPATIBILITY").rows() == [("all subjects", "BACKWARD", "registry")]
    first = f"ALTER SUBJECT {subject} SET COMPATIBILITY FULL_TRANSITIVE"
    assert [row[2] for row in careful.sql(first).rows()] == ["FULL_TRANSITIVE"]
    assert theirs.get_compatibility(subject) != "FULL_TRANSITIVE"
    assert shell.sql(first).text == f"The compatibility of subject {subject} is FULL_TRANSITIVE."
    assert theirs.get_compatibility(subject) == "FULL_TRANSITIVE"
    assert shell.sql(first).text == f"The compatibility of subject {subject} is FULL_TRANSITIVE already."
    assert shell.sql(f"SHOW COMPATIBILITY {subject}").rows() == [(subject, "FULL_TRANSITIVE", "subject")]
    assert careful.sql(f"ALTER SUBJECT {subject} SET COMPATIBILITY FORWARD").rows() == [("compatibility", "FULL_TRANSITIVE", "FORWARD")]
    back = f"ALTER SUBJECT {subject} RESET COMPATIBILITY"
    assert careful.sql(back).rows() == [("compatibility", "FULL_TRANSITIVE", "BACKWARD (of the registry)")]
    shell.sql(back)
    assert theirs.get_compatibility(subject) == "NONE"


@pytest.mark.parametrize(
    ("text", "said", "at"),
    [
        ("SHOW SCHEMAS nope-value", "no subject named nope-value", "nope-value"),
        ("SHOW COMPATIBILITY nope-value", "no subject named nope-value", "nope-value"),
        ("ALTER SUBJECT nope-value SET COMPATIBILITY FULL", "no subject named nope-value", "nope-value"),
        ("DIFF SUBJECT nope-value", "no subject named nope-value", "nope-value"),
    ],
)
def test_refusals_and_their_places(careful, text, said, at) -> None:
    with pytest.raises(UnknownName, match=said) as raised:
        careful.sql(text)
    assert raised.value.place == Place(1, text.index(at) + 1, len(at))


def test_versions_that_are_not_there(careful, theirs, subject) -> None:
    text = f"DIFF SUBJECT {subject} FROM 9"
    with pytest.raises(BindError, match="has no version 9") as raised:
        careful.sql(text)
    assert (raised.value.hint, raised.value.place) == ("its versions: 1, 2", Place(1, len(text), 1))
    with pytest.raises(BindError, match="has no version before 1"):
        careful.sql(f"DIFF SUBJECT {subject} TO 1")


def test_a_read_only_connection_changes_nothing(kafka, registry, subject) -> None:
    given = {"schema.registry.url": registry.url, "kshell.read.only": "true"}
    with kshell.connect(kafka.bootstrap, yes=True, properties=given) as session:
        (plan,) = session.sql(f"EXPLAIN ALTER SUBJECT {subject} SET COMPATIBILITY FULL").parts
        assert [row[2] for row in plan.rows()] == ["FULL"]
        with pytest.raises(StatementError, match="read only"):
            session.sql(f"ALTER SUBJECT {subject} SET COMPATIBILITY FULL")
        assert [row[1] for row in session.sql(f"SHOW COMPATIBILITY {subject}").rows()] != ["FULL"]


def test_without_a_registry_it_is_said(kafka) -> None:
    done = run("-b", kafka.bootstrap, "-e", "SHOW SUBJECTS")
    assert done.returncode == 2
    assert "no schema registry" in done.stderr
    assert "--registry URL" in done.stderr
