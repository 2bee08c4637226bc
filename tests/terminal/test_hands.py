"""The keys of the prompt, on a pty: history search, running, editing, suspending, leaving."""

from __future__ import annotations

import signal
import sys
import time
from pathlib import Path

from tests.terminal.screen import Screen


def statement(screen: Screen, text: str) -> None:
    """Run a statement, and wait for its answer."""
    screen.type(text + "\r")
    screen.wait("(1 row,")


def test_ctrl_r_puts_a_statement_on_the_prompt_and_enter_runs_it(shell: Screen) -> None:
    statement(shell, "SELECT first;")
    statement(shell, "SELECT second;")
    shell.type("\x12")
    shell.wait("search")
    shell.type("fir")
    shell.until(lambda: shell.text().count("SELECT first;") == 3, "what is found")
    shell.type("\r")
    shell.gone("search")
    assert shell.text().count("SELECT first;") == 3
    assert shell.text().count(" SELECT first;\n(1 row") == 1  # it did not run
    shell.type("\r")
    shell.until(lambda: shell.text().count(" SELECT first;\n(1 row") == 2, "its answer")
    statement(shell, "SELECT third;")


def test_ctrl_c_ends_a_search_and_the_prompt_is_as_ever(shell: Screen) -> None:
    statement(shell, "SELECT first;")
    shell.type("\x12")
    shell.wait("search")
    shell.type("fir\x03")
    shell.gone("search")
    shell.type("SELECT other;\r")
    shell.wait(" SELECT other;\n(1 row")


def test_alt_enter_runs_without_a_semicolon_and_ctrl_j_breaks_the_line(shell: Screen) -> None:
    shell.type("SELECT a\nFROM b")
    shell.wait("… FROM b")
    shell.type("\x1b\r")
    shell.wait("SELECT a\\nFROM b")
    shell.type("SELECT c;\nFROM d")
    shell.wait("… FROM d")
    assert shell.text().count("(1 row,") == 1


def test_enter_typed_ahead_runs_and_what_is_typed_ahead_is_not_in_the_answer(shell: Screen) -> None:
    shell.type("brief;\r")
    shell.wait("records, ")
    shell.type("SELECT ahead;\r")
    shell.pump(0.3)
    assert "ahead" not in shell.text()
    shell.wait(" SELECT ahead;\n(1 row")
    assert shell.text().count("SELECT ahead;") == 2


def test_ctrl_z_suspends_and_fg_comes_back(start) -> None:  # type: ignore[no-untyped-def]
    screen = start("tests.terminal.shell")
    screen.wait("$")
    screen.type(f"{sys.executable} -m tests.terminal.fake_shell\r")
    screen.wait("fake:9092")
    screen.type("SELECT half")
    screen.wait("half")
    screen.type("\x1a")
    screen.wait("Stopped")
    screen.type("echo out$((40+2))side\r")
    screen.wait("out42side")
    screen.type("fg\r")
    screen.wait("fake:9092")
    screen.type("done;\r")
    screen.wait(" SELECT halfdone;\n(1 row")
    screen.type("slow;\r")  # and while a statement runs
    screen.wait("records, ")
    screen.type("\x1a")
    screen.wait("$")
    screen.type("echo out$((50+2))side\r")
    screen.wait("out52side")
    screen.type("fg\r")
    screen.wait("records, ")
    screen.type("typed\x03")
    screen.wait("stopped")
    assert "^C" not in screen.text().split("out52side")[-1]


def editor(folder: Path) -> str:
    """A program that puts a word in the place of another."""
    script = folder / "editor"
    script.write_text('#!/bin/sh\nstat -c %a "$1" > ' + str(folder / "mode") + '\nsed -i s/one/two/ "$1"\n')
    script.chmod(0o755)
    return str(script)


def test_the_editor_changes_the_statement_and_does_not_run_it(start, tmp_path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setenv("VISUAL", editor(tmp_path))
    shell = start("tests.terminal.fake_shell")
    shell.wait("fake:9092")
    shell.type("SELECT 'one';\x18\x05")
    shell.wait("SELECT 'two';")
    shell.pump(0.3)
    assert "(1 row," not in shell.text()
    shell.type("\r")
    shell.wait(" SELECT 'two';\n(1 row")
    shell.type("SELECT 'one again';\r")
    shell.wait(" SELECT 'one again';\n(1 row")
    shell.type("\\e\r")
    shell.wait("kshell> SELECT 'two again';")
    shell.pump(0.3)
    assert shell.text().count("(1 row,") == 2
    assert (tmp_path / "mode").read_text() == "600\n"


def test_f4_is_vi_and_back(shell: Screen) -> None:
    shell.type("\x1bOS")
    shell.wait("│ vi")
    shell.type("SELECT abc;\x1b")
    shell.pump(0.5)
    shell.type("0dwiPRINT \x1b")
    shell.wait("PRINT abc;")
    shell.type("\r")
    shell.wait(" PRINT abc;\n(1 row")
    shell.wait("│ vi")
    shell.type("\x1bOS")
    shell.gone("│ vi")
    shell.type("x\x01SELECT \r;\r")
    shell.pump(0.2)


def test_the_property_chooses_vi(start) -> None:  # type: ignore[no-untyped-def]
    shell = start("tests.terminal.fake_shell", "vi")
    shell.wait("│ vi")


def test_ctrl_d_asks_once_where_queries_run(shell: Screen) -> None:
    shell.type("\x04")
    shell.wait("CTAS_1 still runs: Ctrl-D again ends it")
    assert shell.process.isalive()
    shell.type("SELECT 1;\r")
    shell.wait("(1 row,")
    shell.type("\x04")
    shell.until(lambda: shell.text().count("still runs") == 2, "the question again")
    shell.type("\x04")
    shell.until(lambda: not shell.process.isalive(), "the end")
    assert shell.process.exitstatus == 0


def test_once_stops_a_statement_that_heeds_nothing_and_the_prompt_goes_on(shell: Screen) -> None:
    shell.type("stuck;\r")
    shell.gone("Tab completes")
    shell.pump(0.3)
    began = time.monotonic()
    shell.type("\x03")
    shell.wait("stopped")
    assert time.monotonic() - began < 1
    assert "^C" not in shell.text()
    statement(shell, "SELECT 1;")


def test_ctrl_c_ends_a_program_and_its_caret_is_not_in_what_it_wrote(shell: Screen) -> None:
    shell.type("\\! printf wai''ting; sleep 30\r")
    shell.wait("waiting")
    shell.type("\x03")
    shell.wait("stopped")
    assert "^C" not in shell.text()
    assert {"waiting", "stopped"} <= set(shell.text().splitlines())
    statement(shell, "SELECT 1;")


def test_ctrl_c_stops_where_the_parent_ignored_it(start) -> None:  # type: ignore[no-untyped-def]
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # as a script's `&` does
    try:
        screen = start("tests.terminal.fake_shell")
    finally:
        signal.signal(signal.SIGINT, before)
    screen.wait("fake:9092")
    screen.type("slow;\r")
    screen.wait("records, ")
    screen.type("\x03")
    screen.wait("stopped")


def test_three_times_ends_with_130_whatever_it_does(shell: Screen) -> None:
    shell.type("stuck while drawn;\r")
    shell.wait(" n")
    shell.wait("──")
    shell.pump(0.3)
    for _ in range(2):
        shell.type("\x03")
        shell.pump(0.5)
        assert shell.process.isalive()
    shell.type("\x03")
    shell.until(lambda: not shell.process.isalive(), "the end", 3)
    assert shell.process.exitstatus == 130
    assert "^C" not in shell.text()


def test_ctrl_c_at_the_prompt_never_leaves(shell: Screen) -> None:
    for _ in range(5):
        shell.type("SELECT x\x03")
        shell.pump(0.2)
    assert "^C" not in shell.text()
    statement(shell, "SELECT 1;")


def test_interrupts_are_counted_anew_for_each_statement(shell: Screen) -> None:
    for _ in range(4):
        shell.type("slow;\r")
        shell.wait("records, ")
        shell.type("\x03")
        shell.gone("records, ")
        shell.pump(0.3)
    statement(shell, "SELECT 1;")


def test_a_script_that_is_stopped_ends_with_130_and_no_caret(start) -> None:  # type: ignore[no-untyped-def]
    for name, begun in (("slow", "records, "), ("live stream", "live"), ("stuck while drawn", "──")):
        screen = start("tests.terminal.fake_script", "-e", name)
        screen.wait(begun)
        screen.type("\x03")
        screen.pump(0.5)
        if screen.process.isalive():
            screen.type("\x03")
        screen.until(lambda: not screen.process.isalive(), "the end", 3)  # noqa: B023
        assert screen.process.exitstatus == 130, name
        assert "^C" not in screen.text()


def test_the_terminal_is_as_before_afterwards(start, tmp_path) -> None:  # type: ignore[no-untyped-def]
    screen = start("tests.terminal.shell")
    screen.wait("$")
    before, after = tmp_path / "before", tmp_path / "after"
    command = f"{sys.executable} -m tests.terminal.fake_shell idle"
    screen.type(f"stty -a > {before}; {command}; stty -a > {after}; cmp {before} {after} && echo sa''me\r")
    screen.wait("fake:9092")
    screen.type("SELECT 1;\r")
    screen.wait("(1 row,")
    screen.type("\x04")
    screen.wait("same")


def test_a_narrow_low_terminal_is_usable(start) -> None:  # type: ignore[no-untyped-def]
    shell = start("tests.terminal.fake_shell", columns=50, lines=12)
    shell.wait("fake:9092")
    assert len(shell.text().splitlines()[-1]) <= 50
    assert "lists\nstatements" in shell.text()
    shell.type("slow;\r")
    shell.wait("60.0k rec")
    assert sum("░░" in line or "/s, " in line for line in shell.text().splitlines()) == 1
    shell.type("\x03")
    shell.wait("stopped")
    assert "░░" not in shell.text()
    shell.type("SELECT 1;\r")
    shell.wait("(1 row,")
    shell.type("\\?\r")
    shell.wait("kshell>")
    assert all(len(line) <= 50 for line in shell.history().splitlines())


def test_a_dumb_terminal_has_a_plain_prompt(start) -> None:  # type: ignore[no-untyped-def]
    shell = start("tests.terminal.fake_shell", term="dumb")
    shell.wait("kshell>")
    before = len(shell.raw)
    shell.type("SELECT 1;\r")
    shell.wait("(1 row,")
    assert b"\x1b" not in shell.raw[before:]
    shell.type("SELECT 2\r")
    shell.pump(0.3)
    shell.type("FROM x;\r")
    shell.wait("SELECT 2\\nFROM x;")
    shell.until(lambda: shell.text().endswith("kshell>"), "the prompt")
    shell.type("\x04\x04")
    shell.until(lambda: not shell.process.isalive(), "the end")


def test_an_ascii_locale_gets_ascii(start, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    shell = start("tests.terminal.fake_shell")
    shell.wait("fake:9092")
    shell.type("SELECT a\r")
    shell.pump(0.3)
    shell.type("FROM b;\r")
    shell.wait("(1 row,")
    shell.type("SELEC 1;\r")
    shell.wait("did you mean SELECT")
    assert all(byte < 128 for byte in shell.raw), [b for b in shell.raw if b > 127]
    assert "\\u" not in shell.text()
    assert "?" not in shell.text().replace("\\?", "").replace("SELECT?", "")
    assert "---" in shell.text()




def test_ctrl_z_suspends_the_live_view_and_gives_the_terminal_back(start, tmp_path) -> None:  # type: ignore[no-untyped-def]
    screen = start("tests.terminal.shell")
    screen.wait("$")
    before, after = tmp_path / "before", tmp_path / "after"
    screen.type(f"stty -a > {before}\r")
    screen.type(f"{sys.executable} -m tests.terminal.fake_shell\r")
    screen.wait("fake:9092")
    screen.type("live stream;\r")
    screen.wait("● live")
    screen.type("\x1a")
    screen.wait("Stopped")
    assert "● live" not in screen.text()
    screen.type(f"stty -a > {after}; cmp {before} {after} && echo sa''me\r")
    screen.wait("same")
    screen.type("fg\r")
    screen.wait("● live")
    screen.type("q")
    screen.wait("· stopped)")
    screen.type("SELECT 1;\r")
    screen.wait("(1 row")


def test_ctrl_z_while_a_statement_runs_gives_the_terminal_back(start, tmp_path) -> None:  # type: ignore[no-untyped-def]
    """Also to a shell that sets no modes itself."""
    screen = start("tests.terminal.shell", "dash")
    screen.wait("$")
    before, after = tmp_path / "before", tmp_path / "after"
    screen.type(f"stty -a > {before}\r")
    screen.type(f"{sys.executable} -m tests.terminal.fake_shell\r")
    screen.wait("fake:9092")
    screen.type("slow;\r")
    screen.wait("records, ")
    screen.type("\x1a")
    screen.wait("Stopped")
    screen.type(f"stty -a > {after}; cmp {before} {after} && echo sa''me\r")
    screen.wait("same")
    screen.type("fg\r")
    screen.pump(0.5)
    screen.type("\x03")
    screen.wait("stopped")
    screen.type("SELECT 1;\r")
    screen.wait("(1 row")


def test_the_c_locale_gets_ascii(start, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setenv("LC_ALL", "C")
    shell = start("tests.terminal.fake_shell")
    shell.wait("fake:9092")
    shell.type("SELECT 1;\r")
    shell.wait("(1 row,")
    assert all(byte < 128 for byte in shell.raw)
    assert "---" in shell.text()
