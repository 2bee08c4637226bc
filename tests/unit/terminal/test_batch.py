"""Scripts without a prompt: limits, time-outs, errors that do not end them, variables, assertions."""

from __future__ import annotations

import io
import os
import re
import select
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kshell.demo.broker import Demo, start
from kshell.errors import EXIT_CODES, KshellError
from tests.unit.terminal.test_cli import run

ROOT = Path(__file__).parents[3]


def fake(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "tests.terminal.fake_script", *arguments],
        stdin=subprocess.DEVNULL, capture_output=True, cwd=ROOT, timeout=30,
    )  # fmt: skip


@pytest.fixture(scope="module")
def demo():
    broker: Demo = start()
    yield broker
    broker.close()


def on(demo: Demo, *arguments: str, text: str = "") -> subprocess.CompletedProcess[str]:
    return run("-b", demo.bootstrap, *arguments, text=text)


# --define


def test_variables_are_defined(demo) -> None:
    done = on(demo, "--define", "topic=users", "--define", "n=2", "-o", "csv", "-e", "SELECT COUNT(*) > ${n} AS more FROM ${topic}")
    assert (done.returncode, done.stdout) == (0, "more\ntrue\n"), done.stderr
    done = run("--define", "city=it's=so", "-e", "SHOW VARIABLES")
    assert "city = 'it's=so'" in done.stderr


def test_a_variable_that_is_named_like_a_secret_is_listed_masked() -> None:
    done = run("--define", "pw=hunter2", "--define", "city=Rome", "-e", "SHOW VARIABLES")
    assert "pw = '********'" in done.stderr
    assert "city = 'Rome'" in done.stderr
    assert "hunter2" not in done.stdout + done.stderr


@pytest.mark.parametrize("wrong", ["novalue", "=x", "a b=c"])
def test_a_variable_has_a_name_and_a_value(wrong: str) -> None:
    done = run("--define", wrong, "-e", "SHOW VARIABLES")
    assert done.returncode == 2
    assert "--define takes name=value" in done.stderr


# Encodings


def test_bytes_that_are_not_utf8_are_an_error_with_their_place() -> None:
    command = [sys.executable, "-m", "kshell", "-b", "127.0.0.1:1"]
    for arguments, given in (([b"-e", b"SELECT 1,\n '\xff';"], b""), ([], b"SELECT 1,\n '\xff';")):
        done = subprocess.run([*command, *arguments], input=given, capture_output=True, cwd=ROOT)
        assert b"Error: the statement has bytes that are not UTF-8\n  2 \xe2\x94\x82  '" in done.stderr
        assert done.returncode == 1


def test_a_statement_is_utf8_in_any_locale() -> None:
    env = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    text = "DEFINE x = 'ü大'; SHOW VARIABLES"
    for arguments, given in (("-e", text), ()), ((), (text)):
        done = subprocess.run(
            [sys.executable, "-m", "kshell", *arguments], input="".join(given).encode(), capture_output=True,
            cwd=ROOT, env=env,
        )  # fmt: skip
        assert "x = 'ü大'" in done.stderr.decode()


# --limit


def test_limit_ends_bounded_and_continuous_answers_with_0() -> None:
    done = fake("--limit", "3", "-e", "live stream", "-e", "many")
    assert done.returncode == 0, done.stderr
    assert done.stdout.decode().splitlines() == [
        '{"k":"row1","n":1}', '{"k":"row2","n":2}', '{"k":"row3","n":3}',
        '{"n":0}', '{"n":1}', '{"n":2}',
    ]  # fmt: skip
    assert b"Error" not in done.stderr


@pytest.mark.parametrize("option", ["--limit", "--timeout"])
@pytest.mark.parametrize("wrong", ["-1", "0", "many", "nan", ""])
def test_limits_are_numbers(option: str, wrong: str) -> None:
    done = run(option, wrong, "-e", "SHOW VARIABLES")
    assert done.returncode == 2, done.stderr
    assert option in done.stderr


# --timeout


def test_timeout_ends_a_bounded_query_with_1() -> None:
    for statement in ("slow", "stuck"):
        began = time.monotonic()
        done = fake("--timeout", "1", "-e", statement, "-e", "hello")
        assert done.returncode == 1
        assert b"Error: no answer within 1 s" in done.stderr
        assert b"--timeout" in done.stderr
        assert b"hello" not in done.stdout
        assert time.monotonic() - began < 8


def test_timeout_ends_a_continuous_query_with_0() -> None:
    done = fake("--timeout", "1", "-e", "live stream", "-e", "hello")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.decode().splitlines()
    assert lines[0] == '{"k":"row1","n":1}'
    assert lines[-1] == '{"said":"hello"}'


def test_timeout_ends_a_continuous_query_with_0_also_before_it_answers() -> None:
    done = fake("--timeout", "1", "-e", "stuck EMIT CHANGES", "-e", "hello")
    assert done.returncode == 0, done.stderr
    assert b"no answer within 1 s" in done.stderr
    assert b"Error" not in done.stderr
    assert b"hello" in done.stdout


def test_timeout_ends_a_script_whose_queries_run_with_0_and_says_so(demo) -> None:
    done = on(demo, "--timeout", "10", "-e", "CREATE STREAM o1 AS SELECT orderid FROM orders EMIT CHANGES;")
    assert done.returncode == 0, done.stderr
    assert re.search(r"CSAS_O1_\d+ ended with the script", done.stderr)
    done = on(demo, "-e", "CREATE STREAM o2 AS SELECT orderid FROM orders EMIT CHANGES; EXIT;")
    assert done.returncode == 0, done.stderr
    assert re.search(r"CSAS_O2_\d+ ended with the script", done.stderr)


def test_a_query_that_fails_is_named_while_a_live_select_goes_on() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "tests.terminal.fake_script", "-o", "jsonl", "-e", "live stream"],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=ROOT,
        env={**os.environ, "FAKE_FAILS": "1"},
    ) as process:  # fmt: skip
        assert process.stderr is not None
        out, _, _ = select.select([process.stderr], [], [], 20)
        still_runs = process.poll() is None
        process.send_signal(2)
        assert process.stderr.read() == b"Query CSAS_2 failed: no topic\n"  # once
        assert out
        assert still_runs
        assert process.wait(10) == 130


# --on-error


def test_a_script_goes_on_after_errors_and_ends_with_1() -> None:
    done = fake("--on-error", "continue", "-e", "hello\n;\nSELEC 1; describe x; last")
    assert done.returncode == 1
    assert done.stdout.decode().splitlines() == ['{"said":"hello"}', '{"said":"last"}']
    assert b"SELEC is no statement" in done.stderr
    assert b"no topic named x" in done.stderr


def test_errors_have_their_places_in_the_script(demo) -> None:
    done = on(demo, "--on-error", "continue", "-e", "SELECT 1 AS a;\nSELECT nothing FROM users;\nSELECT 2 AS b;")
    assert done.returncode == 1
    assert done.stdout == '{"a":1}\n{"b":2}\n'
    assert "  2 │ SELECT nothing FROM users;" in done.stderr


def test_it_stops_where_no_cluster_is() -> None:
    began = time.monotonic()
    done = run("-b", "127.0.0.1:1", "--on-error", "continue", "-e", "SHOW TOPICS;" * 5)
    assert done.returncode == 3
    assert time.monotonic() - began < 8


def test_stop_is_the_default() -> None:
    for options in ([], ["--on-error", "stop"]):
        done = fake(*options, "-e", "describe x; hello")
        assert (done.returncode, done.stdout) == (1, b"")


# Rows as they come


def test_rows_come_as_they_are_made_in_every_format_that_streams() -> None:
    for name, first in (("jsonl", b'{"k":"row1","n":1}\n'), ("csv", b"k,n\n")):
        with subprocess.Popen(
            [sys.executable, "-m", "tests.terminal.fake_script", "-o", name, "-e", "live stream"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, cwd=ROOT,
        ) as process:  # fmt: skip
            assert process.stdout is not None
            assert process.stdout.readline() == first
            process.terminate()
            assert process.wait(10) == 143


def test_arrow_and_parquet_are_whole_when_a_continuous_query_ends() -> None:
    for name in ("arrow", "parquet"):
        done = fake("-o", name, "--timeout", "1", "-e", "live stream")
        assert done.returncode == 0, done.stderr
        data = io.BytesIO(done.stdout)
        table = pa.ipc.open_stream(data).read_all() if name == "arrow" else pq.read_table(data)
        assert table.slice(0, 2).to_pydict() == {"k": ["row1", "row2"], "n": [1, 2]}


def test_parquet_is_whole_after_ctrl_c(tmp_path: Path) -> None:
    path = tmp_path / "out.parquet"
    with path.open("wb") as out, subprocess.Popen(
        [sys.executable, "-m", "tests.terminal.fake_script", "-o", "parquet", "-e", "live stream"],
        stdin=subprocess.DEVNULL, stdout=out, cwd=ROOT,
    ) as process:  # fmt: skip
        end = time.monotonic() + 20
        while not path.stat().st_size and time.monotonic() < end:
            time.sleep(0.1)
        time.sleep(1)
        process.send_signal(2)
        assert process.wait(10) == 130
    assert pq.read_table(path).num_rows >= 1


# ASSERT (SELECT …)


def test_an_assertion_that_holds_is_said_and_one_that_does_not_ends_with_1(demo) -> None:
    done = on(demo, "-e", "ASSERT (SELECT COUNT(*) > 0 FROM users); SELECT 1 AS a")
    assert (done.returncode, done.stdout) == (0, '{"a":1}\n'), done.stderr
    done = on(demo, "-e", "ASSERT (SELECT COUNT(*) < 0 FROM users); SELECT 1 AS a")
    assert (done.returncode, done.stdout) == (1, "")
    assert "FALSE" in done.stderr


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("SELECT COUNT(*) FROM users WHERE FALSE", "0, which is BIGINT"),
        ("SELECT NULL::BOOLEAN", "NULL"),
        ("SELECT userid = '' FROM users", "more than one row"),
        ("SELECT TRUE FROM users WHERE FALSE", "no row"),
        ("SELECT TRUE AS a, TRUE AS b", "2 columns"),
        ("SELECT 'yes'", "'yes', which is"),
    ],
)
def test_what_does_not_hold_is_shown(demo, query: str, said: str) -> None:
    done = on(demo, "-e", f"ASSERT ({query})")
    assert done.returncode == 1
    assert said in done.stderr, done.stderr


def test_within_asks_again_until_it_holds(demo) -> None:
    script = (
        "CREATE STREAM o3 AS SELECT orderid FROM orders EMIT CHANGES;"
        "ASSERT (SELECT COUNT(*) >= 2 FROM o3) WITHIN 30 SECONDS; EXIT;"
    )
    done = on(demo, "-e", script)
    assert done.returncode == 0, done.stderr
    began = time.monotonic()
    done = on(demo, "-e", "ASSERT (SELECT FALSE) WITHIN 1 SECOND")
    assert done.returncode == 1
    assert "FALSE" in done.stderr
    assert "1 s" in done.stderr
    assert time.monotonic() - began > 1


def test_an_assertion_is_bounded(demo) -> None:
    done = on(demo, "-e", "ASSERT (SELECT TRUE FROM users EMIT CHANGES)")
    assert done.returncode == 1
    assert "EMIT" in done.stderr


def test_an_error_in_an_assertion_has_its_place(demo) -> None:
    done = on(demo, "-e", "ASSERT (\n SELECT nothing FROM users)")
    assert done.returncode == 1
    assert "  2 │  SELECT nothing FROM users)" in done.stderr


# Exit codes


def test_the_exit_codes_are_one_table() -> None:
    shown = run("--help").stdout
    for code, meaning in EXIT_CODES.items():
        assert re.search(rf"(?m)^ +{code} +{re.escape(meaning)}$", shown), code
    page = (ROOT / "docs" / "prompt.md").read_text()
    rows = re.findall(r"(?m)^\| (\d+) \| (.+) \|$", page)
    assert {int(code): meaning for code, meaning in rows} == EXIT_CODES


def test_every_error_ends_with_a_code_of_the_table() -> None:
    def below(kind: type[KshellError]):
        yield kind
        for sub in kind.__subclasses__():
            yield from below(sub)

    assert {error.exit_code for error in below(KshellError)} <= set(EXIT_CODES)
    assert set(EXIT_CODES) == {0, 1, 2, 3, 4, 5, 130, 143}


def test_sigterm_ends_with_143() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "tests.terminal.fake_script", "-e", "live stream"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, cwd=ROOT,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        process.stdout.readline()
        process.terminate()
        assert process.wait(10) == 143


# Commands are only typed


@pytest.mark.parametrize("script", ["\\! echo hacked", "SELECT 1 AS a \\g | echo hacked", "\\e", "SELECT 1 &"])
def test_no_script_runs_a_command(demo, script: str, tmp_path: Path) -> None:
    (tmp_path / "s.sql").write_text(script + ";")
    for arguments in (["-e", script], ["-f", str(tmp_path / "s.sql")], ["-e", f"RUN SCRIPT '{tmp_path}/s.sql'"]):
        done = on(demo, *arguments)
        assert done.returncode == 1
        assert "hacked" not in done.stdout
        assert "what a person types at the prompt" in done.stderr + done.stdout, done.stderr
