"""Connectors of a real Kafka Connect, with its file connectors: made, shown, paused, restarted, ended."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator

import pytest

import kshell
from kshell.errors import BindError, ConnectDown, Place, StatementError, UnknownName
from kshell.library import Session
from tests.unit.terminal.test_cli import run

from .realkafka import free_port

pytestmark = pytest.mark.live


def session(kafka, url: str, **how) -> Session:
    return kshell.connect(kafka.bootstrap, properties={"connect.url": url}, **how)


@pytest.fixture
def shell(kafka, worker) -> Iterator[Session]:
    with session(kafka, worker.url, yes=True) as opened:
        yield opened


@pytest.fixture
def careful(kafka, worker) -> Iterator[Session]:
    with session(kafka, worker.url) as opened:
        yield opened


@pytest.fixture
def name(shell) -> Iterator[str]:
    made = f"c-{uuid.uuid4().hex[:8]}"
    yield made
    shell.sql(f"DROP CONNECTOR IF EXISTS {made}")


def comes(look: Callable[[], bool], seconds: float = 15) -> bool:
    deadline = time.monotonic() + seconds
    while not look() and time.monotonic() < deadline:
        time.sleep(0.1)
    return look()


def state(shell: Session, name: str) -> list[tuple]:
    return shell.sql(f"SELECT type, state, tasks, tasks_failed FROM kafka.connectors WHERE name = '{name}'").rows()


def test_a_file_goes_to_a_topic_and_the_topic_to_a_file(shell, careful, name, tmp_path) -> None:
    source, sink = tmp_path / "in", tmp_path / "out"
    source.write_text("one\ntwo\n")
    text = f"CREATE SOURCE CONNECTOR {name} WITH ('connector.class'='FileStreamSource', file='{source}', topic='t-{name}', 'database.password'='hunter2')"
    plan = careful.sql(text)
    assert plan.rows() == [
        ("connector", None, name), ("connector.class", None, "FileStreamSource"), ("database.password", None, "********"),
        ("file", None, str(source)), ("topic", None, f"t-{name}"),
    ]  # fmt: skip
    assert state(shell, name) == []
    assert shell.sql(text).text == f"Connector {name} is created."
    assert state(shell, name) == [("source", "RUNNING", 1, 0)]
    assert shell.sql(text.replace("CONNECTOR", "CONNECTOR IF NOT EXISTS")).text == f"Connector {name} exists already."
    with pytest.raises(BindError, match="exists already") as raised:
        shell.sql(text)
    assert raised.value.place == Place(1, text.index(name) + 1, len(name))
    assert comes(lambda: sorted(shell.sql(f"SELECT value FROM `t-{name}`").rows()) == [("one",), ("two",)])

    other = f"{name}-sink"
    shell.sql(f"CREATE SINK CONNECTOR {other} WITH ('connector.class'='org.apache.kafka.connect.file.FileStreamSinkConnector', file='{sink}', topics='t-{name}')")
    assert comes(lambda: sink.exists() and sink.read_text() == "one\ntwo\n")
    kinds = {row[0]: row[1] for row in shell.sql("SHOW SINK CONNECTORS").rows()}
    assert kinds[other] == "sink"
    assert name not in kinds
    described = shell.sql(f"DESCRIBE CONNECTOR {name}")
    about, tasks, configs = described.parts
    assert about.text.startswith(f"Connector {name}: source, RUNNING at 127.0.0.1:")
    assert f"Its topics: t-{name}." in about.text
    assert [row[:2] for row in tasks.rows()] == [(0, "RUNNING")]
    assert ("database.password", "********") in configs.rows()
    assert ("file", str(source)) in configs.rows()
    assert careful.sql(f"DROP CONNECTOR {other}").rows() == [("sink connector", f"{other}, RUNNING", None)]
    assert state(shell, other) != []
    assert shell.sql(f"DROP CONNECTOR {other}").text == f"Connector {other} is deleted."
    assert state(shell, other) == []
    with pytest.raises(UnknownName, match=f"no connector named {other}"):
        shell.sql(f"DROP CONNECTOR {other}")


def test_pause_resume_and_restart(shell, careful, name, tmp_path) -> None:
    (tmp_path / "in").write_text("x\n")
    shell.sql(f"CREATE SOURCE CONNECTOR {name} WITH ('connector.class'='FileStreamSource', file='{tmp_path}/in', topic='t-{name}')")
    assert careful.sql(f"PAUSE CONNECTOR {name}").rows() == [
        (f"connector {name}", "RUNNING", "PAUSED"), ("task 0", "RUNNING", "PAUSED"),
    ]  # fmt: skip
    assert state(shell, name)[0][1] == "RUNNING"
    assert shell.sql(f"PAUSE CONNECTOR {name}").text == f"Connector {name} is paused."
    assert state(shell, name)[0][1] == "PAUSED"
    assert shell.sql(f"PAUSE CONNECTOR {name}").text == f"Connector {name} is PAUSED already."
    assert shell.sql(f"RESUME CONNECTOR {name}").text == f"Connector {name} is resumed."
    assert state(shell, name)[0][1] == "RUNNING"
    assert shell.sql(f"RESTART CONNECTOR {name}").text == f"Connector {name} is restarted."
    assert shell.sql(f"RESTART CONNECTOR {name} TASK 0").text == f"Task 0 of connector {name} is restarted."
    text = f"RESTART CONNECTOR {name} TASK 7"
    with pytest.raises(BindError, match="has no task 7") as raised:
        shell.sql(text)
    assert (raised.value.hint, raised.value.place) == ("its tasks: 0", Place(1, len(text), 1))


def test_a_task_that_failed_is_said_with_its_trace_and_restarts(shell, name, tmp_path) -> None:
    folder = tmp_path / "later"
    shell.sql(f"CREATE TOPIC t-{name}")
    made = shell.sql(f"CREATE SINK CONNECTOR {name} WITH ('connector.class'='FileStreamSink', file='{folder}/out', topics='t-{name}')")
    (notice,) = made.notices
    assert notice.text == (
        "task 0 has failed: org.apache.kafka.connect.errors.ConnectException:"
        f" Couldn't find or create file '{folder}/out' for FileStreamSinkTask"
    )
    assert state(shell, name) == [("sink", "RUNNING", 1, 1)]
    why = shell.sql("SHOW CONNECTORS").to_arrow().to_pylist()
    assert [row["why"] for row in why if row["name"] == name] == [notice.text.removeprefix("task 0 has failed: ")]
    trace = shell.sql(f"DESCRIBE CONNECTOR {name}").parts[-1].text
    assert trace.startswith("Task 0 has failed:\n")
    assert "FileStreamSinkTask.start(FileStreamSinkTask.java" in trace
    folder.mkdir()
    assert shell.sql(f"RESTART CONNECTOR {name} TASK 0").notices == ()
    assert comes(lambda: state(shell, name) == [("sink", "RUNNING", 1, 0)])


@pytest.mark.parametrize(
    ("text", "said", "at"),
    [
        ("CREATE SOURCE CONNECTOR n WITH ('connector.class'='FileStreamSourc', file='x', topic='t')", "no plugin named FileStreamSourc", "'connector.class'"),
        ("CREATE SOURCE CONNECTOR n WITH ('connector.class'='FileStreamSink', file='x', topics='t')", "is a sink connector", "'connector.class'"),
        ("CREATE SOURCE CONNECTOR n WITH (file='x')", "a connector has a connector.class", "n WITH"),
        ("CREATE SOURCE CONNECTOR n WITH ('connector.class'='FileStreamSource', file='x')", 'topic: Missing required configuration "topic"', "n WITH"),
        ("CREATE SOURCE CONNECTOR n WITH ('connector.class'='FileStreamSource', topic='t', 'tasks.max'='no')", "tasks.max: Invalid value no", "'tasks.max'"),
        ("CREATE SOURCE CONNECTOR n WITH ('connector.class'='FileStreamSource', topic='t', name='m')", "the connector is named n", "name='m'"),
        ("DESCRIBE CONNECTOR nn", "no connector named nn", "nn"),
        ("RESUME CONNECTOR nn", "no connector named nn", "nn"),
    ],
)  # fmt: skip
def test_refusals_and_their_places(careful, text, said, at) -> None:
    with pytest.raises(BindError) as raised:
        careful.sql(text)
    assert said in raised.value.what
    assert raised.value.place is not None
    assert raised.value.place.column == text.index(at) + 1


def test_explain_shows_the_plan_also_on_a_read_only_connection(kafka, worker, tmp_path) -> None:
    with kshell.connect(kafka.bootstrap, yes=True, properties={"connect.url": worker.url, "kshell.read.only": "true"}) as read_only:
        text = f"CREATE SOURCE CONNECTOR e WITH ('connector.class'='FileStreamSource', file='{tmp_path}/in', topic='e')"
        (plan,) = read_only.sql(f"EXPLAIN {text}").parts
        assert plan.rows()[0] == ("connector", None, "e")
        for change in (text, "DROP CONNECTOR e", "PAUSE CONNECTOR e", "RESTART CONNECTOR e"):
            with pytest.raises(StatementError, match="read only"):
                read_only.sql(change)
        assert read_only.sql("SELECT name FROM kafka.connectors WHERE name = 'e'").rows() == []


def test_plugins_of_connectors_come_first(shell) -> None:
    rows = shell.sql("SHOW CONNECTOR PLUGINS").rows()
    assert [(n.rpartition(".")[2], t) for n, t, _ in rows[:2]] == [("FileStreamSinkConnector", "sink"), ("FileStreamSourceConnector", "source")]
    assert {t for _, t, _ in rows} >= {"transformation", "converter"}


def test_the_command_needs_no_brokers_to_show_connectors(worker) -> None:
    done = run("--connect", worker.url, "-e", "SHOW PLUGINS", "-o", "csv")
    assert (done.returncode, done.stderr) == (0, "")
    assert "FileStreamSinkConnector,sink," in done.stdout


def test_one_that_is_down_is_one_plain_error(kafka) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    with session(kafka, url) as away, pytest.raises(ConnectDown, match=f"Kafka Connect at {url} does not answer: connection refused"):
        away.sql("SHOW CONNECTORS").rows()
    done = run("-b", kafka.bootstrap, "--connect", url, "-e", "SHOW CONNECTORS")
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.count("does not answer") == 1


def test_connectors_are_followed(shell, kafka, worker, name, tmp_path) -> None:
    (tmp_path / "in").write_text("x\n")
    with session(kafka, worker.url) as other:
        seen = iter(other.sql(f"SELECT name, type FROM kafka.connectors WHERE name = '{name}' EMIT CHANGES LIMIT 1"))
        shell.sql(f"CREATE SOURCE CONNECTOR {name} WITH ('connector.class'='FileStreamSource', file='{tmp_path}/in', topic='t-{name}')")
        assert [batch.rows.to_pylist() for batch in seen if batch.rows.num_rows] == [[{"name": name, "type": "source"}]]
