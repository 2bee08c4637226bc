"""A transaction on the prompt, leaving with what it holds, and a COPY that Ctrl-C stops."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.terminal.screen import Screen

ROOT = Path(__file__).parents[2]


def test_the_prompt_and_the_bar_show_that_a_transaction_is_open(shell: Screen) -> None:
    shell.type("begin;\r")
    shell.wait("kshell*>")
    shell.type("insert;\r")
    shell.wait("transaction: 2 held")
    shell.type("commit;\r")
    shell.wait("2 records written")
    shell.wait("kshell> ")
    assert "transaction:" not in shell.text()


@pytest.mark.parametrize("leaves", ["\x04", "exit;\r"])
def test_leaving_with_held_records_asks_once(start, leaves: str) -> None:
    screen = start("tests.terminal.fake_shell", "idle")
    screen.wait("fake:9092")
    for text in ("begin;\r", "insert;\r"):
        screen.type(text)
        screen.wait("held")
    screen.wait("transaction: 2 held")
    screen.type(leaves)
    screen.wait("2 records of an open transaction not written: COMMIT writes")
    screen.type("two rows;\r")  # he stays, and is asked again
    screen.wait("(2 rows,")
    screen.type(leaves)
    screen.type(leaves)
    screen.until(lambda: not screen.process.isalive(), "the end")


def test_work_shows_its_progress_and_ctrl_c_says_what_was_done(shell: Screen) -> None:
    shell.type("work;\r")
    shell.wait("of 1.0M bytes")
    shell.type("\x03")
    shell.wait("records written.")
    shell.wait("stopped")
    assert re.search(r"Stopped: \d+,000 records written\.", shell.text())
    shell.type("two rows;\r")
    shell.wait("(2 rows,")


def script(text: str, *arguments: str) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.terminal.fake_script", "-e", text, *arguments],
        capture_output=True, text=True, cwd=ROOT, timeout=30, env=dict(os.environ),
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


def test_a_script_that_ends_in_a_transaction_says_so() -> None:
    code, out, err = script("begin; insert")
    assert (code, out, "2 records not written" in err) == (1, "", True)
    code, _, err = script("begin; insert; commit")
    assert (code, "not written" in err) == (0, False)


def test_the_time_of_a_statement_ends_work_and_what_was_done_is_said() -> None:
    code, out, err = script("work", "--timeout", "1")
    assert (code, out) == (1, "")
    assert re.search(r"Stopped: \d*,?000 records written", err)
