"""The command line without a broker: usage errors, exit codes, streams."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kshell import __version__
from kshell.session import Session
from kshell.terminal import cli
from kshell.terminal.batch import Batch
from kshell.terminal.options import SUBCOMMANDS

ROOT = Path(__file__).parents[3]


def run(*arguments: str, text: str = "", home: Path | None = None) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "XDG_CONFIG_HOME": str(home or "/nonexistent")}
    return subprocess.run(
        [sys.executable, "-m", "kshell", *arguments],
        input=text, capture_output=True, text=True, env=env, cwd=ROOT, timeout=30,
    )  # fmt: skip


def test_version_and_help_go_to_stdout() -> None:
    assert run("--version").stdout == f"kshell {__version__}\n"
    shown = run("--help")
    assert shown.returncode == 0
    for option in ("--bootstrap", "--execute", "--file", "--output", "--demo", "--profile"):
        assert option in shown.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--bootstrp", "x:1"], "did you mean --bootstrap"),
        (["--output", "xml", "-e", "x"], "table"),
        (["-X", "novalue", "-e", "x"], "name=value"),
        (["-X", "sasl.usrname=x", "-e", "x"], "did you mean sasl.username?"),
        (["-X", "kshell.sample.records=many", "-e", "x"], "whole number"),
        (["--profile", "prod", "-e", "x"], "no profile named prod"),
        (["-f", "/nonexistent.sql"], "/nonexistent.sql cannot be read"),
        (["-e", "SHOW TOPICS;"], "--bootstrap"),
    ],
)
def test_usage_errors_end_with_2_and_say_what_to_try(arguments, said) -> None:
    done = run(*arguments)
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_the_demo_is_set_up_before_a_timeout_counts(monkeypatch) -> None:
    """`--timeout` is for statements: the broker is there and the session is connected to it."""
    connected = []

    def begun(batch: Batch, session: Session, text: str) -> int:
        connected.append(session._engine is not None)
        return 0

    monkeypatch.setattr(Batch, "run", begun)
    assert cli.run(["--demo", "--timeout", "1", "-e", "SHOW TOPICS"]) == 0
    assert connected == [True]


def test_a_profile_with_a_misspelt_name_gets_the_nearest(tmp_path) -> None:
    (tmp_path / "kshell").mkdir()
    (tmp_path / "kshell" / "config.toml").write_text('[profile.prod]\n"client.id" = "x"\n')
    assert "did you mean prod?" in run("--profile", "prd", "-e", "x", home=tmp_path).stderr


def test_nobody_at_the_address_ends_with_3_and_names_it() -> None:
    began = time.monotonic()
    done = run("-b", "127.0.0.1:1", "-e", "SHOW TOPICS;")
    assert done.returncode == 3
    assert "127.0.0.1:1" in done.stderr
    assert time.monotonic() - began < 8


def test_a_syntax_error_ends_with_1_and_points_at_the_word() -> None:
    done = run("-b", "127.0.0.1:1", "-e", "SHOW VARIABLES;\nSELEC 1;")
    assert done.returncode == 1
    assert "  2 │ SELEC 1;\n    │ ^^^^^\n" in done.stderr


def test_statements_come_from_a_file_and_from_standard_input(tmp_path) -> None:
    script = tmp_path / "s.sql"
    script.write_text("DEFINE a = 'from file';\nSHOW VARIABLES;\n")
    assert "from file" in run("-f", str(script)).stderr
    assert "from stdin" in run("-f", "-", text="DEFINE a = 'from stdin'; SHOW VARIABLES;").stderr
    assert "from stdin" in run(text="DEFINE a = 'from stdin'; SHOW VARIABLES;").stderr
    both = run("-e", "DEFINE a = 'x'", "-c", "SHOW VARIABLES")
    assert "a = 'x'" in both.stderr


def test_a_secret_is_never_said() -> None:
    done = run("-b", "127.0.0.1:1", "-X", "sasl.password=hunter2", "-e", "SHOW TOPICS;")
    assert "hunter2" not in done.stdout + done.stderr


FAKE = """
import sys
from kshell.terminal import cli
from tests.terminal.fake_shell import FakeSession
FakeSession.running = lambda self: ()  # a script stays with queries that run
cli.open_session = lambda options, stack: FakeSession()
sys.exit(cli.run(sys.argv[1:]))
"""


def fake(*arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", FAKE, *arguments],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT,
    )  # fmt: skip


def test_a_continuous_answer_is_flushed_row_by_row_and_ctrl_c_ends_with_130() -> None:
    with fake("-e", "live stream") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b'{"k":"row1","n":1}\n'
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        assert process.wait(5) == 130
        assert time.monotonic() - began < 1
        assert b"Traceback" not in (process.stderr.read() if process.stderr else b"")


def test_a_table_in_a_pipe_is_the_new_rows() -> None:
    with fake("-e", "live table", "-o", "csv") as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(5)]
        assert lines == [b"k,n\n", b"key1,1\n", b"key2,2\n", b"key0,3\n", b"key1,4\n"]
        process.send_signal(signal.SIGINT)
        process.wait(5)


def test_an_outage_of_a_continuous_answer_is_said_on_stderr() -> None:
    with fake("-e", "live outage") as process:
        assert process.stderr is not None
        assert re.fullmatch(rb"Note: cannot reach broker 2 for \d s\n", process.stderr.readline())
        time.sleep(1)  # the note changes with each row, twenty times
        process.send_signal(signal.SIGINT)
        process.wait(5)
        assert b"Note" not in process.stderr.read()


def test_a_closed_pipe_ends_it_quietly() -> None:
    with fake("-e", "live stream") as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(5) == 1  # not all of it was written
        assert process.stderr is not None
        assert process.stderr.read() == b""


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
def test_a_full_disk_is_a_plain_error() -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run([sys.executable, "-c", FAKE, "-e", "hello"], stdout=full, stderr=subprocess.PIPE, cwd=ROOT)
    assert (done.returncode, done.stderr) == (1, b"Error: the output cannot be written: No space left on device\n")


def test_a_spooled_file_has_its_name_when_it_is_whole(tmp_path) -> None:
    from kshell.terminal.spool import spool

    path = tmp_path / "out.txt"
    path.write_text("before")
    spool(str(path), replace=True)
    try:
        print("now")
        assert path.read_text() == "before"
    finally:
        spool("")
    assert path.read_text() == "now\n"
    assert os.listdir(tmp_path) == ["out.txt"]


def test_ctrl_c_in_a_bounded_scan_ends_with_130_at_once() -> None:
    with fake("-e", "hello", "-e", "slow") as process:
        assert process.stdout.readline() == b'{"said":"hello"}\n'
        time.sleep(0.3)
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        assert process.wait(5) == 130
        assert time.monotonic() - began < 0.5


def test_a_pipe_gets_jsonl_and_no_colour() -> None:
    with fake("-e", "hello") as process:
        out, _ = process.communicate(timeout=10)
        assert out == b'{"said":"hello"}\n'


@pytest.mark.parametrize(
    ("statements", "code"),
    [
        (["partial"], 4),
        (["partial message"], 4),
        (["partial sections"], 4),
        (["partial description"], 4),
        (["partial", "hello"], 4),
        (["partial", "exit"], 4),
        (["undecodable", "empty"], 0),
        (["partial", "describe x"], 1),
        (["describe x", "partial"], 1),
    ],
)
def test_a_partial_answer_ends_with_4_unless_a_statement_failed(statements, code) -> None:
    with fake(*(part for text in statements for part in ("-e", text))) as process:
        _, err = process.communicate(timeout=20)
        assert process.returncode == code, err
        if code == 4:
            assert b"PARTIAL: " in err
        assert b"\x1b" not in err


def test_a_partial_answer_of_a_file_or_standard_input_ends_with_4(tmp_path) -> None:
    script = tmp_path / "s.sql"
    script.write_text("partial")
    with fake("-f", str(script)) as process:
        assert process.wait(20) == 4
    piped = subprocess.run([sys.executable, "-c", FAKE], input=b"partial", capture_output=True, cwd=ROOT)
    assert piped.returncode == 4


def test_what_an_answer_leaves_out_is_said_below_it() -> None:
    with fake("-e", "undecodable") as process:
        out, err = process.communicate(timeout=20)
        assert (out, err) == (b'{"said":"undecodable"}\n', b"Note: 1 record could not be decoded\n")


def test_records_that_a_live_answer_left_out_are_said_at_its_end() -> None:
    with fake("-e", "live ending") as process:
        _, err = process.communicate(timeout=20)
        assert process.returncode == 0
        assert err.startswith(b"Note: 3 records are not in the answer")


def test_a_bug_is_one_line_and_with_debug_a_traceback() -> None:
    with fake("-e", "crash") as process:
        _, err = process.communicate(timeout=10)
        assert process.returncode == 1
        assert b"internal error: ZeroDivisionError" in err
        assert b"Traceback" not in err
    with fake("--debug", "-e", "crash") as process:
        assert b"Traceback" in process.communicate(timeout=10)[1]


def test_a_command_after_options_is_said_to_come_first() -> None:
    assert tuple(cli._COMMANDS) == SUBCOMMANDS
    done = run("-b", "127.0.0.1:1", "config", "show")
    assert done.returncode == 2
    assert "Try: config comes first: kshell config --help" in done.stderr
