"""The prompt as a person sees it: on a pty, over a fake session."""

from __future__ import annotations

import stat
import time
from pathlib import Path

from tests.terminal.screen import Screen


def test_topics_and_columns_are_offered_as_one_types(shell: Screen) -> None:
    shell.type("SELECT * FROM or")
    shell.wait("orders  topic")
    shell.type("\t")
    shell.wait("FROM orders")
    shell.type(" WHERE tot")
    shell.wait("total  DOUBLE")


def test_enter_takes_a_chosen_completion_and_does_not_run_it(shell: Screen) -> None:
    shell.type("PRINT us")
    shell.wait("users  topic")
    shell.type("\x1b[B\r")
    shell.gone("users  topic")
    assert "said" not in shell.text()
    shell.type(";\r")
    shell.wait("PRINT users;")
    shell.wait("(1 row,")


def test_enter_before_the_semicolon_goes_on_to_the_next_line(shell: Screen) -> None:
    shell.type("SELECT ';'\r")
    shell.wait("…")
    assert "said" not in shell.text()
    shell.type("FROM x;\r")
    shell.wait("SELECT ';'\\nFROM x;")


def test_the_toolbar_names_cluster_profile_and_running_work(shell: Screen) -> None:
    bar = shell.text().splitlines()[-1]
    assert "fake:9092 │ test │ ✗ 2 queries, 1 failing" in bar


def test_ctrl_c_at_the_prompt_takes_the_line_away(shell: Screen) -> None:
    shell.type("SELECT nonsense")
    shell.wait("nonsense")
    shell.type("\x03")
    shell.type("SELECT 2;\r")
    shell.wait("(1 row,")
    assert shell.process.isalive()


def test_ctrl_c_stops_a_scan_within_200_ms_and_the_progress_is_gone(shell: Screen) -> None:
    shell.type("slow;\r")
    shell.wait("records, ")
    began = time.monotonic()
    shell.type("\x03")
    shell.wait("stopped")
    took = time.monotonic() - began
    assert took < 0.2 + 0.1  # the pty and the screen take their time as well
    assert "records, " not in shell.text()
    shell.type("SELECT 3;\r")
    shell.wait("(1 row,")


def test_hostile_bytes_do_not_reach_the_screen(shell: Screen) -> None:
    before = len(shell.raw)
    shell.type("hostile;\r")
    shell.wait("(2 rows,")
    shell.type("outage;\r")
    shell.wait("look at broker 2")
    drawn = shell.raw[before:]
    assert b"\x1b[2J" not in drawn.replace(b"\x1b[2J\x1b[H", b"")
    assert b"\x1b]0;owned" not in drawn
    assert b"\xe2\x80\xae" not in drawn  # U+202E
    assert b"\xc2\x9b" not in drawn
    assert "[bold red]markup[/]" in shell.text()


def test_errors_have_a_caret_and_never_a_traceback(shell: Screen) -> None:
    shell.type("SELEC 1;\r")
    shell.wait("did you mean SELECT?")
    lines = [line for line in shell.text().splitlines() if "│" in line]
    assert lines[0] == "  1 │ SELEC 1;"
    assert lines[1] == "    │ ^^^^^"
    shell.type("crash;\r")
    shell.wait("internal error")
    assert "Traceback" not in shell.text()
    shell.type("SELECT 4;\r")
    shell.wait("(1 row,")


def test_history_is_private_is_suggested_and_holds_no_secret(
    shell: Screen, tmp_path: Path
) -> None:
    shell.type("SELECT remembered;\r")
    shell.wait("(1 row,")
    shell.type("SET 'sasl.password' = 'hunter2';\r")
    shell.wait("set")
    path = tmp_path / "kshell" / "history"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "remembered" in path.read_text()
    assert "hunter2" not in path.read_text()
    shell.type("SELECT rem")
    shell.wait("kshell> SELECT remembered;")  # the rest in grey


def test_backslash_commands(shell: Screen) -> None:
    shell.type("\\x\r")
    shell.wait("Answers are shown as vertical")
    shell.type("SELECT 5;\r")
    shell.wait("said │ SELECT 5;")
    shell.type("\\f nonsense\r")
    shell.wait("no format named nonsense")
    shell.type("\\o json\r")
    shell.wait("Try: \\f json sets the format")
    shell.type("\\frob\r")
    shell.wait("unknown command \\frob")
    shell.type("\\x\r")
    shell.wait("Answers are shown as table")
    shell.type("\\?\r")
    shell.wait("\\conninfo ")
    shell.type("\\d ordes\r")
    shell.wait("did you mean orders?")
    shell.type("\\q\r")
    shell.until(lambda: not shell.process.isalive(), "the end")
    assert shell.process.exitstatus == 0


def test_ctrl_d_and_exit_leave(start) -> None:  # type: ignore[no-untyped-def]
    for keys in ("\x04", "exit\r", "exit;\r"):
        screen = start("tests.terminal.fake_shell", "idle")
        screen.wait("kshell>")
        screen.wait("fake:9092")
        screen.type(keys)
        screen.until(lambda: not screen.process.isalive(), "the end")  # noqa: B023
        assert screen.process.exitstatus == 0


def test_a_cluster_that_is_not_there_is_said_and_ends_with_3(start) -> None:  # type: ignore[no-untyped-def]
    screen = start("kshell", "--bootstrap", "127.0.0.1:1")
    screen.wait("Error:", 12)
    screen.until(lambda: not screen.process.isalive(), "the end")
    assert "127.0.0.1:1" in screen.text()
    assert screen.process.exitstatus == 3
