"""Connectors of a Kafka Connect in memory: what is shown is clean and without secrets."""

from __future__ import annotations

import re
import time

import pytest

from kshell.config import Properties
from kshell.engines.local.engine import LocalEngine
from kshell.engines.local.sources.system import following
from kshell.errors import UsageError
from kshell.kafka import rest
from kshell.results import Proposal, Sections
from kshell.sql.parse import parse

from ..kafka.fake_connect import fake_connect
from ..terminal.test_cli import run as command
from .answers import rows_of

CREATE = "CREATE SOURCE CONNECTOR c WITH ('connector.class'='LineSource', file='f', 'secret.sauce'='hunter2', 'x.token'='hunter3')"


@pytest.fixture
def connect():
    with fake_connect() as made:
        yield made


@pytest.fixture
def run(connect):
    engine = LocalEngine(None)
    properties = Properties({"connect.url": connect.url})
    yield lambda text: engine.run(parse(text)[0], properties)
    engine.close()


def test_passwords_by_the_plugins_word_and_by_their_names_are_masked(run, connect):
    plan = run(CREATE)
    assert isinstance(plan, Proposal)
    shown = rows_of(plan.plan)
    assert [(row["what"], row["after"]) for row in shown] == [
        ("connector", "c"), ("connector.class", "LineSource"), ("file", "f"), ("secret.sauce", "********"), ("x.token", "********"),
    ]  # fmt: skip
    assert connect.configs == {}
    plan.apply()
    assert connect.configs["c"]["secret.sauce"] == "hunter2"
    described = run("DESCRIBE CONNECTOR c")
    assert isinstance(described, Sections)
    configs = {row["name"]: row["value"] for row in rows_of(described.parts[2])}
    assert (configs["secret.sauce"], configs["x.token"], configs["file"]) == ("********", "********", "f")


def test_a_trace_has_an_end_and_no_secret(run, connect):
    run(CREATE).apply()
    connect.states["c"][1] = "FAILED"
    connect.trace = "X: jdbc:y?password=hunter2\n" + "\tat z\n" * 5000
    text = run("DESCRIBE CONNECTOR c").parts[-1].text
    assert "hunter2" not in text
    assert len(text.splitlines()) < 70
    assert re.search(r"and 4,\d+ more lines$", text)


def test_a_change_that_cannot_be_made_asks_for_nothing_more(run, connect):
    run(CREATE)
    assert not [asked for asked in connect.asked if asked.startswith(("POST", "DELETE")) or "pause" in asked]


def test_what_a_connector_is_called_cannot_steer_a_terminal(run, connect):
    bad = "a\x1b[31m\u202e\x9b"
    connect.answer("POST", "/connectors", {"name": bad, "config": {"connector.class": bad, "x": bad}})
    connect.states[bad] = ["FAILED", "FAILED"]
    connect.trace = f"X: {bad}\n\tat y"
    texts = ("SHOW CONNECTORS", f"DESCRIBE CONNECTOR '{bad}'", f"DROP CONNECTOR '{bad}'", f"RESTART CONNECTOR '{bad}' TASK 5")
    for output in ("table", "vertical"):
        done = command("--connect", connect.url, "-o", output, "--on-error", "continue", "-e", ";".join(texts))
        assert done.returncode == 1
        assert done.stderr.count("Error: ") == 1  # the last
        assert done.stdout.count("a\\x1b[31m\\u202e\\x9b") >= 4
        assert not set("\x1b\u202e\x9b") & set(done.stdout + done.stderr)


def test_one_that_goes_away_is_waited_for_by_those_who_follow(run, connect, monkeypatch):
    monkeypatch.setattr(rest, "_FIRST_WAIT", 0.0)
    monkeypatch.setattr(rest, "_REST", 0.0)
    monkeypatch.setattr(following, "_EVERY", 0.01)
    run(CREATE).apply()
    live = run("SELECT state FROM kafka.connectors EMIT CHANGES")

    def until(seen):
        deadline = time.monotonic() + 20
        while not seen():
            assert time.monotonic() < deadline
        return True

    rows = []

    def state():
        changes = live.poll(0.1)
        weights = changes.weights.to_pylist()
        rows.extend(row["state"] for row, weight in zip(changes.rows.to_pylist(), weights, strict=True) if weight > 0)
        return rows[-1:]

    try:
        assert until(lambda: state() == ["RUNNING"])
        answer, connect.answer = connect.answer, lambda *asked: (503, {})
        assert until(lambda: state() and "does not answer: HTTP 503" in live.stats().note)
        connect.states["c"] = ["PAUSED", "PAUSED"]
        connect.answer = answer
        assert until(lambda: state() == ["PAUSED"])
        assert live.stats().note == ""
    finally:
        live.cancel()


def test_without_an_address_it_is_said(run):
    engine = LocalEngine(None)
    with pytest.raises(UsageError, match="no Kafka Connect") as raised:
        engine.run(parse("SHOW PLUGINS")[0], Properties({}))
    assert raised.value.hint == "--connect URL, or connect.url"
