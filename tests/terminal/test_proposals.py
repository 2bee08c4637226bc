"""A change of the cluster is shown, and made after a yes alone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.terminal.screen import Screen

ROOT = Path(__file__).parents[2]


def script(*arguments: str, text: str | None = None) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.terminal.fake_script", *arguments],
        input=text, capture_output=True, text=True, cwd=ROOT, timeout=30,
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("answer", ["y", "YES", " y "])
def test_the_plan_is_shown_and_a_yes_makes_the_change(shell: Screen, answer: str) -> None:
    shell.type("propose;\r")
    shell.wait("Delete topic orders? [y/N]")
    seen = shell.text()
    assert "Topic orders is deleted." not in seen
    order = ["before", "NULL", "query CTAS_1 reads it", "[y/N]"]
    assert sorted(order, key=seen.rindex) == order
    shell.type(f"{answer}\r")
    shell.wait("Topic orders is deleted.")
    shell.type("two rows;\r")
    shell.wait("(2 rows,")
    assert shell.text().count("query CTAS_1 reads it") == 1  # the answer does not say it again


@pytest.mark.parametrize("answer", ["", "n", "yess", "\x04"])
def test_anything_else_changes_nothing(shell: Screen, answer: str) -> None:
    shell.type("propose;\r")
    shell.wait("[y/N]")
    shell.type(answer if answer == "\x04" else f"{answer}\r")
    shell.wait("Nothing was changed.")
    shell.type("two rows;\r")
    shell.wait("(2 rows,")
    assert "Topic orders is deleted." not in shell.text()


def test_ctrl_c_at_the_question_changes_nothing(shell: Screen) -> None:
    shell.type("propose;\r")
    shell.wait("[y/N]")
    shell.type("\x03")
    shell.wait("stopped")
    assert "^C" not in shell.text()
    assert "stopped" in shell.text().splitlines()  # a line of its own
    shell.type("two rows;\r")
    shell.wait("(2 rows,")
    assert "Topic orders is deleted." not in shell.text()


def test_the_question_is_on_the_screen_though_answers_go_to_a_file(shell: Screen, tmp_path: Path) -> None:
    shell.type(f"\\o {tmp_path}/out.csv\r")
    shell.wait("Answers go to")
    shell.type("propose;\r")
    shell.wait("[y/N]")
    assert "Delete topic orders" in shell.text()
    shell.type("y\r")
    shell.wait("Topic orders is deleted.")


def test_with_yes_the_prompt_does_not_ask(start) -> None:
    screen = start("tests.terminal.fake_shell", "--yes")
    screen.wait("fake:9092")
    screen.type("propose;\r")
    screen.wait("Topic orders is deleted.")
    assert "[y/N]" not in screen.text()


@pytest.mark.parametrize("how", ["-e", "-f", "stdin"])
def test_a_script_shows_the_plan_and_ends_with_0(how: str, tmp_path: Path) -> None:
    (tmp_path / "s.sql").write_text("propose; nothing")
    given = {"-e": ["-e", "propose; nothing"], "-f": ["-f", f"{tmp_path}/s.sql"], "stdin": []}[how]
    code, out, err = script(*given, text="propose; nothing" if how == "stdin" else None)
    assert (code, out) == (0, '{"what":"topic","before":"orders","after":null}\n')
    assert err == "Note: query CTAS_1 reads it\nNothing was changed: --yes makes the change.\n"


@pytest.mark.parametrize("yes", ["--yes", "-y"])
def test_a_script_with_yes_makes_the_change(yes: str) -> None:
    code, out, err = script(yes, "-e", "propose")
    assert (code, out) == (0, '{"what":"topic","before":"orders","after":null}\n')
    assert err == "Note: query CTAS_1 reads it\nTopic orders is deleted.\n"
