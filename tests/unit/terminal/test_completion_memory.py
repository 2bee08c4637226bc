"""What completion learns beside the prompt: names, columns, and what was used."""

from __future__ import annotations

import threading
import time

import pyarrow as pa
import pytest

from kshell.engines.base import Named
from kshell.errors import KshellError
from kshell.results import Running
from kshell.terminal.completion.memory import Memory


class FakeSession:
    """Counts what is asked of it; `gate` holds samples back, `columns_of` may be an error."""

    def __init__(self):
        self.variables = {"day": "1"}
        self.gate = threading.Event()
        self.gate.set()
        self.asked = []
        self.columns_of = {"a": {"x": pa.int64()}, "b": {"y": pa.string()}, "A": {"Z": pa.int64()}}
        self.named = [Named("a", "topic", 2), Named("b", "topic", 1)]
        self.offline = False

    def refresh(self):
        if self.offline:
            raise KshellError("no broker")

    def names(self):
        return self.named

    def columns(self, name):
        self.asked.append(name)
        assert self.gate.wait(5)
        found = self.columns_of[name]
        if isinstance(found, Exception):
            raise found
        return found

    def listed(self, what):
        self.asked.append(what)
        assert self.gate.wait(5)
        if self.offline:
            raise KshellError("no broker")
        return ["billing"]

    def functions(self):
        return {}

    def types(self):
        return ("T",)

    def running(self):
        return (Running("Q_1", "5/s"),)


@pytest.fixture
def session():
    return FakeSession()


@pytest.fixture
def arrivals():
    return []


@pytest.fixture
def memory(session, arrivals):
    made = Memory(lambda: arrivals.append(time.monotonic()))
    made.learn(session)
    return made


def names_of(table):
    return None if table is None else [c.name for c in table.columns.entries]


def until(condition):
    end = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def wait_for(memory, name):
    until(lambda: memory.known().table(name) is not None)
    return names_of(memory.known().table(name))


def test_before_the_session_is_there_nothing_is_known_and_it_asks_again(session, arrivals):
    memory = Memory(lambda: arrivals.append(memory.waiting))
    assert len(memory.known().sources) == 0
    memory.learn(session)
    assert arrivals == [True]
    known = memory.known()
    assert [s.name for s in known.sources.entries] == ["a", "b"]
    assert (known.types, known.queries, known.variables) == (("T",), {"Q_1": "5/s"}, ("day",))


def test_columns_come_in_the_background_and_it_never_waits(memory, session, arrivals):
    session.gate.clear()
    before = len(arrivals)
    began = time.monotonic()
    assert memory.known().table("a") is None
    assert memory.known().table("a") is None
    assert time.monotonic() - began < 1
    assert memory.waiting
    session.gate.set()
    assert wait_for(memory, "a") == ["x"]
    assert len(arrivals) == before + 1
    assert session.asked == ["a"]


def test_a_name_that_no_source_has_is_not_asked_for(memory, session):
    assert memory.known().table("nothing") is None
    assert session.asked == []


def test_a_sample_that_fails_is_a_source_without_columns(memory, session):
    session.columns_of["a"] = KshellError("no broker")
    assert wait_for(memory, "a") == []
    session.columns_of["b"] = ValueError("a bug")
    assert wait_for(memory, "b") == []


def test_names_that_only_the_cluster_has_come_in_the_background(memory, session, arrivals, monkeypatch):
    session.gate.clear()
    before = len(arrivals)
    assert memory.known().listed("group") == ()
    assert memory.known().listed("group") == ()
    assert memory.waiting
    session.gate.set()
    until(lambda: memory.known().listed("group") == ("billing",))
    assert session.asked == ["group"]
    assert len(arrivals) == before + 1
    session.offline = True  # what was known stays
    monkeypatch.setattr("kshell.terminal.completion.memory._LISTED_FRESH", 0.0)
    assert memory.known().listed("group") == ("billing",)
    until(lambda: session.asked[:2] == ["group", "group"])
    until(lambda: len(arrivals) == before + 2)
    assert memory.known().listed("group") == ("billing",)


def test_the_last_used_source_is_seen_first(memory):
    wait_for(memory, "a")
    wait_for(memory, "b")
    assert [t.source for t in memory.known().seen] == ["b", "a"]
    memory.used("SELECT x FROM a;")
    assert [t.source for t in memory.known().seen] == ["a", "b"]
    used = memory.known().used
    assert used["a"] > used["x"]
    assert "select" not in used


def test_a_statement_that_names_a_source_makes_it_seen(memory):
    memory.used("DESCRIBE b;")
    until(lambda: [t.source for t in memory.known().seen] == ["b"])


def test_after_a_statement_that_changes_things_columns_are_asked_for_again(memory, session):
    wait_for(memory, "a")
    assert memory.used("SHOW TOPICS;") is False
    session.columns_of["a"] = {"x": pa.int64(), "new": pa.int64()}
    assert names_of(memory.known().table("a")) == ["x"]
    assert memory.used("INSERT INTO a (new) VALUES (1);") is True
    until(lambda: names_of(memory.known().table("a")) == ["x", "new"])


def test_the_last_result_has_other_columns_after_each_statement(memory, session):
    assert memory.used("SELECT 1;") is True  # the first makes it
    session.named.append(Named("_", "table"))
    session.columns_of["_"] = {"x": pa.int64()}
    memory.learn(session)
    assert wait_for(memory, "_") == ["x"]
    session.columns_of["_"] = {"y": pa.int64()}
    assert memory.used("SELECT 2 AS y;") is False
    until(lambda: names_of(memory.known().table("_")) == ["y"])


def test_a_declared_source_comes_before_a_topic_of_its_name(memory, session):
    session.named.append(Named("A", "stream", 2))
    memory.learn(session)
    assert wait_for(memory, "a") == ["Z"]
    assert [s.text for s in memory.known().sources.entries] == ["A", "`a`", "b"]


def test_names_of_the_history_count_as_used(session):
    memory = Memory()
    memory.learn(session, iter(["SELECT x FROM b;", "SELECT x FROM a;"]))  # the newest first
    used = memory.known().used
    assert used["b"] > used["a"]


def test_an_outage_keeps_the_names(memory, session):
    session.offline = True
    memory.learn(session)
    assert [s.name for s in memory.known().sources.entries] == ["a", "b"]


def test_only_so_many_used_names_are_kept(memory):
    memory.used("SELECT " + ", ".join(f"c{n}" for n in range(1000)))
    assert len(memory.known().used) == 200
    assert "c999" in memory.known().used
