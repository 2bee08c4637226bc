"""The command as a user runs it: exit codes, streams, pipes, signals."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time

import pytest

from kshell.kafka.produce import OutgoingRecord, Producer

pytestmark = pytest.mark.live
KSHELL = [sys.executable, "-m", "kshell"]


@pytest.fixture
def kshell(kafka, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))

    def run(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*KSHELL, "-b", kafka.bootstrap, *arguments], input=stdin,
            capture_output=True, text=True, timeout=60,
        )  # fmt: skip

    return run


@pytest.fixture
def ten(topic) -> str:
    return topic([OutgoingRecord(None, b'{"n":%d,"s":"x,%d"}' % (n, n)) for n in range(10)])


def test_answers_go_to_stdout_and_all_else_to_stderr(kshell, ten):
    done = kshell("-e", f"SELECT n FROM `{ten}` WHERE n > 7 ORDER BY n; SET 'client.id'='me'")
    assert (done.returncode, done.stdout) == (0, '{"n":8}\n{"n":9}\n')
    assert "client.id is set" in done.stderr


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("csv", "n,s\n3,\"x,3\"\n"),
        ("tsv", "n\ts\n3\tx,3\n"),
        ("json", '[\n{"n":3,"s":"x,3"}\n]\n'),
        ("markdown", "| n | s |\n|---:|---|\n| 3 | x,3 |\n"),
        ("table", " n │ s\n───┼─────\n 3 │ x,3\n"),
    ],
)
def test_outputs(kshell, ten, name, expected):
    done = kshell("-o", name, "-e", f"SELECT * FROM `{ten}` WHERE n = 3")
    assert [line.rstrip() for line in done.stdout.splitlines()] == expected.splitlines()


def test_scripts_from_a_file_and_from_standard_input(kshell, ten, tmp_path):
    script = f"-- a comment; with a semicolon\nSELECT COUNT(*) AS c FROM `{ten}`;\n"
    (tmp_path / "s.sql").write_text(script)
    for arguments, stdin in ((["-f", str(tmp_path / "s.sql")], ""), (["-f", "-"], script), ([], script)):
        assert kshell(*arguments, stdin=stdin).stdout == '{"c":10}\n'


def test_exit_codes(kshell, ten):
    assert kshell("-e", f"SELECT nope FROM `{ten}`").returncode == 1
    assert kshell("-e", "SELEC 1").returncode == 1
    assert kshell("--nope").returncode == 2
    assert kshell("-X", "nope=1", "-e", "SHOW TOPICS").returncode == 2
    assert kshell("-f", "/no/such/file").returncode == 2
    none = subprocess.run(
        [*KSHELL, "-b", "127.0.0.1:1", "-e", "SHOW TOPICS"], capture_output=True, text=True
    )
    assert none.returncode == 3
    assert "127.0.0.1:1" in none.stderr


def test_errors_point_and_suggest(kshell, ten):
    done = kshell("-e", f"SELECT 1;\nSELECT m FROM `{ten}`")
    assert done.stderr.splitlines()[-4:-1] == [
        "Error: no column named m; 10 records looked at",
        f"  2 │ SELECT m FROM `{ten}`",
        "    │        ^",
    ]
    assert done.stderr.splitlines()[-1].startswith("Try: ")
    done = kshell("--outputt", "csv")
    assert "did you mean --output?" in done.stderr
    done = kshell("-e", "SET 'auto.offset.rest'='earliest'")
    assert "did you mean auto.offset.reset?" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_closed_pipe_ends_it_quietly(kafka, topic):
    name = topic([OutgoingRecord(None, b'{"n":%d}' % n) for n in range(20_000)])
    command = f"{sys.executable} -m kshell -b {kafka.bootstrap} -e 'SELECT * FROM `{name}`' | head -2"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, timeout=60)
    assert len(done.stdout.splitlines()) == 2
    assert done.stderr == ""


def test_a_continuous_query_writes_each_row_at_once_and_ctrl_c_ends_it(kafka, topic, properties):
    name = topic([OutgoingRecord(None, b'{"n":0}')])
    running = subprocess.Popen(
        [*KSHELL, "-b", kafka.bootstrap, "-X", "auto.offset.reset=earliest", "-e",
         f"SELECT n FROM `{name}` EMIT CHANGES"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert json.loads(running.stdout.readline()) == {"n": 0}
        producer = Producer(properties)
        producer.send(name, [OutgoingRecord(None, b'{"n":1}')])
        producer.flush()
        assert json.loads(running.stdout.readline()) == {"n": 1}
        began = time.monotonic()
        running.send_signal(signal.SIGINT)
        assert running.wait(10) == 130
        assert time.monotonic() - began < 2
        assert running.stderr.read() == ""
    finally:
        running.kill()
