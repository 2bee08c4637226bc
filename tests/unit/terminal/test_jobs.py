"""Queries that & sends to the background of the prompt."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from kshell.errors import KshellError, UsageError
from kshell.results import Event, Notice, NoticeKind, Rows
from kshell.terminal.commands import enter
from kshell.terminal.conversation import Conversation
from tests.terminal.fake_shell import FakeSession


class Slow(FakeSession):
    """`wait n`: n rows, after `go` is set; `fail`: an error after `go` is set."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.stopped = threading.Event()

    def running(self) -> tuple[()]:
        return ()

    def execute(self, text: str) -> Iterator[Event]:
        word, _, rest = text.strip().rstrip(";").partition(" ")
        if word not in ("wait", "fail"):
            yield from super().execute(text)
            return

        def batches() -> Iterator[pa.RecordBatch]:
            while not self.go.wait(0.01):
                if self.stopped.is_set():
                    return
            if word == "fail":
                raise KshellError("it broke")
            for n in range(int(rest)):
                yield pa.record_batch({"n": [n]})

        notice = Notice(NoticeKind.PARTIAL, "not all")
        schema = pa.schema([("n", pa.int64())])
        yield Rows(schema, batches(), cancel=self.stopped.set, notices=lambda: (notice,))


@pytest.fixture
def session() -> Slow:
    return Slow()


@pytest.fixture
def talk(session: Slow) -> Iterator[Conversation]:
    made = Conversation(lambda: session, "csv")  # type: ignore[arg-type, return-value]
    yield made
    made.close()


def until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_bounded_query_runs_beside_the_prompt_and_fg_shows_its_rows(talk: Conversation, session: Slow, capsys) -> None:
    enter(talk, "wait 3 &;")
    assert "[1]" in capsys.readouterr().err
    enter(talk, "SELECT 1;")
    assert "SELECT 1" in capsys.readouterr().out
    assert [q.failed for q in talk.jobs.status()] == [False]
    session.go.set()
    until(lambda: talk.jobs.news() == ["[1] done, 3 rows: \\fg 1 shows the answer"])
    assert talk.jobs.news() == []
    enter(talk, "\\jobs")
    shown = capsys.readouterr().out
    assert "1" in shown
    assert "wait 3" in shown
    enter(talk, "\\fg 1")
    shown = capsys.readouterr()
    assert shown.out == "n\n0\n1\n2\n"
    assert "PARTIAL: not all" in shown.err
    assert talk.jobs.status() == []


def test_fg_waits_for_a_query_that_still_runs(talk: Conversation, session: Slow, capsys) -> None:
    enter(talk, "wait 2 &")
    threading.Timer(0.2, session.go.set).start()
    enter(talk, "\\fg")
    assert capsys.readouterr().out == "n\n0\n1\n"


def test_kill_stops_a_query(talk: Conversation, session: Slow, capsys) -> None:
    enter(talk, "wait 2 &")
    enter(talk, "\\kill 1")
    assert session.stopped.is_set()
    assert talk.jobs.status() == []
    enter(talk, "\\kill 1")
    assert "no query 1 in the background" in capsys.readouterr().err


def test_a_query_that_fails_is_said_and_fg_gives_its_error(talk: Conversation, session: Slow, capsys) -> None:
    enter(talk, "fail &")
    session.go.set()
    until(lambda: talk.jobs.news() == ["[1] failed: it broke"])
    assert [q.failed for q in talk.jobs.status()] == [True]
    capsys.readouterr()
    enter(talk, "\\fg 1")
    assert "Error: it broke" in capsys.readouterr().err
    assert talk.jobs.status() == []


def test_only_the_last_statement_goes_to_the_background(talk: Conversation, session: Slow, capsys) -> None:
    enter(talk, "SELECT 1; wait 1 &")
    assert capsys.readouterr().out == "said\nSELECT 1;\n"
    assert len(talk.jobs.status()) == 1


def test_a_live_query_goes_on_in_the_background(talk: Conversation, capsys) -> None:
    enter(talk, "live ending &")
    until(lambda: talk.jobs.news() == ["[1] done, 3 rows: \\fg 1 shows the answer"])
    enter(talk, "live table &")
    until(lambda: "scanned" in talk.jobs.status()[1].state or "lag 7" in talk.jobs.status()[1].state)
    enter(talk, "\\kill 2")
    assert len(talk.jobs.status()) == 1


def test_leaving_stops_them(talk: Conversation, session: Slow) -> None:
    enter(talk, "wait 2 &")
    talk.close()
    assert session.stopped.is_set()


def test_a_statement_with_a_message_runs_as_ever(talk: Conversation, capsys) -> None:
    enter(talk, "SET 'x'='y' &;")
    assert capsys.readouterr().out == "set\n"
    assert talk.jobs.status() == []


def test_the_connection_stays_while_they_run(talk: Conversation, session: Slow) -> None:
    from kshell.session import Session

    real = Session.open({})
    talk.session = lambda: real
    real.execute = session.execute  # type: ignore[method-assign]
    enter(talk, "wait 2 &")
    with pytest.raises(UsageError, match="while a query runs"):
        real.change(["bootstrap.servers"], real.properties)
    enter(talk, "\\kill 1")
    real.change(["bootstrap.servers"], real.properties)


def test_rows_that_wait_are_in_no_file_that_others_see(talk: Conversation, session: Slow, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    session.go.set()
    enter(talk, "wait 5 &")
    until(talk.jobs.news)
    assert list(tmp_path.iterdir()) == []
