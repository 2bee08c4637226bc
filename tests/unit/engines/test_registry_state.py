"""Subjects, schemas and compatibility as registries say them that are not at hand, and hostile answers."""

from __future__ import annotations

import json

import httpx
import pytest

from kshell.config import Properties
from kshell.engines.local.engine import LocalEngine
from kshell.engines.local.statements import subjects
from kshell.errors import RegistryError, UnknownName
from kshell.formats.registry_http import REGISTRY, HttpSchemas
from kshell.kafka.rest import Rest
from kshell.results import Message, NoticeKind, Proposal
from kshell.sql.parse import parse

from .answers import rows_of

UNSET = (404, {"error_code": 40408, "message": "Subject does not have subject-level compatibility configured"})


class Server:
    """Confluent's answers from a table; PUT and DELETE of /config are kept."""

    def __init__(self) -> None:
        self.answers: dict[str, tuple[int, object]] = {
            "GET /subjects": (200, ["b-value", "a-value"]),
            "GET /subjects/a-value/versions": (200, [2, 1]),
            "GET /config": (200, {"compatibilityLevel": "BACKWARD"}),
            "GET /config/a-value": UNSET,
        }
        self.sent: list[tuple[str, object]] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        at = f"{request.method} {request.url.raw_path.decode()}"
        if request.method != "GET":
            body = json.loads(request.content) if request.content else None
            self.sent.append((at, body))
            return httpx.Response(200, json=body or "BACKWARD")
        status, body = self.answers.get(at, (404, {"error_code": 40401, "message": "Subject not found"}))
        return httpx.Response(status, json=body)


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def run(server, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    rest = Rest(REGISTRY, ["http://registry"], httpx.Client(transport=httpx.MockTransport(server)))
    known = HttpSchemas(rest, {})
    monkeypatch.setattr(subjects, "schemas_of", lambda properties: known)
    engine = LocalEngine(None)
    yield lambda text: engine.run(parse(text)[0], Properties({}))
    engine.close()


def test_of_a_subject_of_which_nothing_is_set_the_registrys_holds(run):
    assert rows_of(run("SHOW COMPATIBILITY a-value")) == [{"of": "a-value", "compatibility": "BACKWARD", "set for": "registry"}]


def test_a_subject_takes_its_own_and_gives_it_back(run, server):
    proposal = run("ALTER SUBJECT a-value SET COMPATIBILITY FULL")
    assert isinstance(proposal, Proposal)
    assert rows_of(proposal.plan) == [{"what": "compatibility", "before": "BACKWARD (of the registry)", "after": "FULL"}]
    assert server.sent == []
    proposal.apply()
    assert server.sent == [("PUT /config/a-value", {"compatibility": "FULL"})]
    same = run("ALTER SUBJECT a-value RESET COMPATIBILITY")
    assert isinstance(same, Message)
    server.answers["GET /config/a-value"] = (200, {"compatibilityLevel": "FULL"})
    run("ALTER SUBJECT a-value RESET COMPATIBILITY").apply()
    assert server.sent[1:] == [("DELETE /config/a-value", None)]


def test_the_registrys_own_is_set_for_all(run, server):
    run("ALTER REGISTRY SET COMPATIBILITY NONE").apply()
    assert server.sent == [("PUT /config", {"compatibility": "NONE"})]


def test_no_more_subjects_are_asked_than_some(run, server, monkeypatch):
    monkeypatch.setattr(subjects, "_MOST", 1)
    answer = run("SHOW SUBJECTS EXTENDED")
    assert rows_of(answer) == [{"subject": "a-value", "versions": 2, "compatibility": "BACKWARD"}]
    (notice,) = answer.notices()
    assert (notice.kind, notice.text) == (NoticeKind.PARTIAL, "the first 1 of 2 subjects")
    assert len(rows_of(run("SHOW SUBJECTS"))) == 2


@pytest.mark.parametrize("path", ["/subjects", "/subjects/a-value/versions", "/config", "/config/a-value"])
@pytest.mark.parametrize("body", [7, "x", {"a": 1}, [{"a": 1}], None])
def test_answers_that_are_none_are_one_error(run, server, path, body):
    server.answers[f"GET {path}"] = (200, body)
    text = {"/subjects": "SHOW SUBJECTS", "/config": "SHOW COMPATIBILITY"}.get(path, "SHOW COMPATIBILITY a-value")
    with pytest.raises(RegistryError, match="is no answer"):
        run(text)


def test_the_nearest_subject_is_named(run):
    with pytest.raises(UnknownName) as raised:
        run("SHOW SCHEMAS a-valeu")
    assert raised.value.hint == "did you mean a-value or b-value?"
