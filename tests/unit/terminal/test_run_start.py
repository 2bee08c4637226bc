"""A start of `kshell run` while the cluster elects a controller, a leader or a coordinator."""

from __future__ import annotations

import json
from concurrent.futures import Future
from types import SimpleNamespace

import pytest
from confluent_kafka import KafkaError as Told
from confluent_kafka import KafkaException

from kshell.config import Properties
from kshell.errors import Forbidden, KafkaError, Outage
from kshell.kafka.admin import Admin
from kshell.session import Session
from kshell.terminal import run_command, settings
from kshell.terminal.run_log import JsonLog


@pytest.mark.parametrize(
    ("code", "kind"),
    [(Told._TIMED_OUT, Outage), (Told.NOT_CONTROLLER, Outage), (Told._TRANSPORT, Outage),
     (Told.UNKNOWN_TOPIC_OR_PART, KafkaError), (Told.INVALID_CONFIG, KafkaError),
     (Told.TOPIC_AUTHORIZATION_FAILED, Forbidden)],
)  # fmt: skip
def test_an_admin_request_that_may_work_later(code, kind):
    refused = Future()
    refused.set_exception(KafkaException(Told(code)))
    with pytest.raises(KafkaError) as raised:
        Admin(Properties()).answer(refused, "describe topic t", ("DESCRIBE", "topic t"))
    assert type(raised.value) is kind


class Lines(list):
    def log(self) -> JsonLog:
        return JsonLog("a", lambda line: self.append(json.loads(line)))

    @property
    def told(self) -> list[tuple[str, str]]:
        return [(line["event"], line["message"]) for line in self]


def test_an_outage_is_waited_for_and_told_once(monkeypatch):
    monkeypatch.setattr(run_command, "_AGAIN", 0.01)
    left, lines = [Outage("no controller")] * 3, Lines()

    def attempt() -> str:
        if left:
            raise left.pop()
        return "done"

    assert run_command._patient(attempt, lines.log()) == "done"
    assert lines.told == [("waiting", "no controller"), ("goes on", "it goes on")]
    assert all("query" not in line for line in lines)


def test_it_is_not_waited_for_without_end(monkeypatch):
    monkeypatch.setattr(run_command, "_AGAIN", 0.01)
    monkeypatch.setattr(run_command, "_PATIENCE", 0.1)

    def attempt() -> None:
        raise Outage("no controller")

    with pytest.raises(Outage, match="no controller"):
        run_command._patient(attempt, Lines().log())


def test_other_errors_are_told_at_once():
    tries = []

    def attempt() -> None:
        tries.append(1)
        raise KafkaError("no such config")

    with pytest.raises(KafkaError, match="no such config"):
        run_command._patient(attempt, Lines().log())
    assert len(tries) == 1


def test_the_file_is_run_also_where_the_settings_have_remarks(monkeypatch, tmp_path, capsys):
    file, ran = tmp_path / "q.sql", []
    file.write_text("CREATE STREAM s AS SELECT * FROM t;")
    session = SimpleNamespace(variables={}, close=lambda: None)
    monkeypatch.setattr(Session, "open", lambda *given: session)
    monkeypatch.setattr(settings, "remarks", lambda *given: ["the password goes in plain text"])
    monkeypatch.setattr(run_command, "_run", lambda s, options, text, address, log: ran.append(text) or 0)
    assert run_command.main([str(file), "--app", "a", "-b", "localhost:1"]) == 0
    assert ran == ["CREATE STREAM s AS SELECT * FROM t;"]
    assert "the password goes in plain text" in capsys.readouterr().err
