"""ASSERT SCHEMA, against a registry in memory."""

from __future__ import annotations

import pytest

from kshell.config import Properties
from kshell.engines.local.statements import asserts as asserted
from kshell.errors import EvaluationError, UsageError
from kshell.formats.registry import Remembered, Schema, SchemaType
from kshell.sql.parse import parse


@pytest.fixture
def check(monkeypatch):
    known = Remembered()
    known.put("t-value", Schema(SchemaType.AVRO, '"string"'), 7)
    monkeypatch.setattr(asserted, "schemas_of", lambda properties: known)

    def run(sql: str) -> str:
        (statement,) = parse(sql)
        return asserted.assert_schema(None, statement, Properties({})).text

    return run


def test_what_the_registry_has(check):
    assert check("ASSERT SCHEMA SUBJECT 't-value'") == "Schema with subject name t-value exists."
    assert check("ASSERT SCHEMA ID 7") == "Schema id 7 exists."
    told = "Schema with subject name t-value id 7 exists."
    assert check("ASSERT SCHEMA SUBJECT 't-value' ID 7") == told
    told = "Schema with subject name nope does not exist."
    assert check("ASSERT NOT EXISTS SCHEMA SUBJECT nope") == told


@pytest.mark.parametrize(
    ("sql", "what"),
    [
        ("ASSERT SCHEMA SUBJECT nope", "Schema with subject name nope does not exist"),
        ("ASSERT SCHEMA SUBJECT 't-value' ID 8",
         "Schema with subject name t-value id 8 does not exist"),
        ("ASSERT NOT EXISTS SCHEMA ID 7", "Schema id 7 exists"),
    ],
)  # fmt: skip
def test_what_it_has_not(check, sql, what):
    with pytest.raises(EvaluationError, match=f"^{what}$"):
        check(sql)


def test_without_a_registry_there_is_nobody_to_ask():
    (statement,) = parse("ASSERT SCHEMA ID 1")
    with pytest.raises(UsageError, match="none is named"):
        asserted.assert_schema(None, statement, Properties({}))
