"""The live view as a person sees it: on a pty, over a fake session."""

from __future__ import annotations

import base64
import os
import re
import signal
import sys
import time
from collections.abc import Callable

import pytest

from tests.terminal.screen import Screen


def shown_count(screen: Screen) -> int:
    match = re.search(r"(\d+) rows", screen.text())
    assert match is not None
    return int(match[1])


def newest(screen: Screen) -> int:
    return max((int(n) for n in re.findall(r"row(\d+) ", screen.text())), default=0)


def test_rows_come_with_an_honest_footer(shell: Screen) -> None:
    shell.type("live stream;\r")
    shell.wait("● live  append  stream")
    shell.wait("row5 ")
    assert re.search(r"\d+ rows · 3 left out · lag 7 · 200/s", shell.text())


def test_space_pauses_and_goes_on(shell: Screen) -> None:
    shell.type("live stream;\r")
    shell.wait("row3 ")
    shell.type(" ")
    shell.wait("⏸ paused")
    shell.pump(0.3)
    before = shown_count(shell)
    shell.pump(0.5)
    assert shown_count(shell) == before
    shell.type(" ")
    shell.wait("● live")
    shell.until(lambda: shown_count(shell) > before, "more rows")


def test_q_and_ctrl_c_stop_and_the_last_frame_stays(shell: Screen) -> None:
    for key in ("q", "\x03"):
        shell.type("live stream;\r")
        shell.wait("row3 ")
        began = time.monotonic()
        shell.type(key)
        shell.wait("· stopped)")
        assert time.monotonic() - began < 0.5
        assert "● live" not in shell.text()
        assert re.search(r"row3 +│ +3", shell.text())
        shell.type("SELECT 1;\r")
        shell.wait("(1 row,")
        shell.type("\x0c")  # clear, for the next
        shell.gone("stopped")


def test_a_table_changes_in_place(shell: Screen) -> None:
    shell.type("live table;\r")
    shell.until(lambda: len(re.findall(r"key\d +│", shell.text())) == 3, "three keys")
    order = re.findall(r"key\d", shell.text())
    before = re.findall(r"│ +(\d+)", shell.text())
    shell.until(lambda: re.findall(r"│ +(\d+)", shell.text()) != before, "new numbers")
    assert re.findall(r"key\d", shell.text()) == order


def test_a_query_that_ends_by_itself_leaves_all_its_rows(shell: Screen) -> None:
    shell.type("live ending;\r")
    shell.wait("· ended)")
    assert re.findall(r"row\d", shell.text()) == ["row1", "row2", "row3"]


def test_an_outage_is_said(shell: Screen) -> None:
    shell.type("live outage;\r")
    shell.wait("cannot reach broker 2 for ")


def test_hostile_cells_and_markup_are_text(shell: Screen) -> None:
    before = len(shell.raw)
    shell.type("live hostile;\r")
    shell.wait("[bold red]markup[/]")
    shell.type("q")
    shell.wait("· stopped)")
    assert b"\x1b]0;owned" not in shell.raw[before:]
    assert b"\xe2\x80\xae" not in shell.raw[before:]


def test_a_row_that_the_terminal_finds_wider_spoils_no_other(shell: Screen) -> None:
    """Terminals do not agree how wide flags are: here each takes four columns."""
    shell.type("live flags;\r")
    shell.wait("3 keys")
    shell.type(" \x1b[H")
    shell.wait("⏸ paused")
    shell.pump(1)  # no cell is lit any more
    shell.type("\x1b[C")  # of the rows only the first is drawn anew
    shell.pump(0.3)
    assert re.search(r"^ key2 ", shell.text(), re.MULTILINE), shell.text()
    assert re.search(r"^ 3 keys", shell.text(), re.MULTILINE), shell.text()
    shell.type("q")
    shell.wait("· stopped")
    assert b"\x1b[?7h" in shell.raw[shell.raw.rindex(b"\x1b[?7l") :]  # the prompt has long lines


def test_a_resize_is_followed(shell: Screen) -> None:
    shell.type("live stream;\r")
    shell.wait("row3 ")
    shell.resize(50, 10)
    shell.until(lambda: len(shell.text().splitlines()) == 10, "ten lines")
    shell.wait("● live")
    shell.until(lambda: len(re.findall(r"row\d+ ", shell.text())) == 6, "six rows")
    assert all(len(line) <= 50 for line in shell.text().splitlines())


def test_arrows_scroll_back_and_pause(shell: Screen) -> None:
    shell.resize(90, 10)
    shell.type("live stream;\r")
    shell.until(lambda: newest(shell) >= 12, "twelve rows")
    shell.type("\x1b[A" * 9)  # the first shows the cursor, on the last row
    shell.wait("⏸ paused")
    shell.pump(0.3)
    assert 0 < newest(shell) <= shown_count(shell) - 3


SIZES = [(24, 80), (50, 200), (12, 50)]


def begin(start: Callable[..., Screen], statement: str, lines: int, columns: int) -> Screen:
    screen = start("tests.terminal.fake_shell", lines=lines, columns=columns)
    screen.wait("kshell>")
    screen.wait("fake:9092")
    screen.type(f"{statement};\r")
    return screen


def fits(screen: Screen) -> None:
    """The last line has the keys, and nothing of it is cut."""
    screen.wait("q stop")  # lines come one by one
    text = screen.text().splitlines()
    assert len(text) == screen.screen.lines
    assert text[-1].endswith("q stop")
    assert "…" not in text[-1]


@pytest.mark.parametrize(("lines", "columns"), SIZES)
def test_a_limit_prints_as_many_rows(start, lines: int, columns: int) -> None:
    for mode in ("", "t"):
        screen = begin(start, "live keys 17 2000 limit", lines, columns)
        screen.wait("● live")
        screen.type(mode)
        screen.wait("(2,000 rows · ended)", 30)
        screen.pump(0.3)
        found = [int(n) for n in re.findall(r"^ key\d+ +│ +(\d+)", screen.history(), re.MULTILINE)]
        assert found == list(range(2000))


@pytest.mark.parametrize(("lines", "columns"), SIZES)
def test_keys_and_changes_are_counted(start, lines: int, columns: int) -> None:
    screen = begin(start, "live keys 17 1834", lines, columns)
    room = lines - 4
    keys = "17 keys" if room >= 17 else f"{room} of 17 keys"
    screen.wait(f" {keys}", 30)
    fits(screen)
    screen.wait("1,834 changes", 30)
    if columns >= 80:
        screen.wait("1,834 changes · lag ?")
    screen.pump(0.3)
    seen = screen.text()
    screen.type("q")
    screen.wait("stopped")
    screen.gone("q stop")
    told = " ".join(screen.text().split())
    rows = re.findall(r"key\d+ +│ +\d+", seen)
    assert len(rows) == min(room, 17)
    assert re.findall(r"key\d+ +│ +\d+", screen.history())[-len(rows) :] == rows
    if room < 17:
        assert f"({room} of 17 keys shown · 1,834 changes · stopped; \\last for all)" in told
    else:
        assert "(17 keys · 1,834 changes · stopped)" in told


@pytest.mark.parametrize(("lines", "columns"), SIZES)
def test_every_key_is_reached(start, lines: int, columns: int) -> None:
    screen = begin(start, "live keys 120 120", lines, columns)
    screen.wait(f"{lines - 4} of 120 keys", 30)

    def page() -> list[str]:
        return re.findall(r"key\d+", screen.text())

    def turned(before: list[str]) -> bool:
        """Whether another page is drawn from its first row to its last."""
        now = page()
        return len(now) == len(before) and now[0] != before[0] and now[-1] != before[-1]

    seen = set(page())
    while "key119" not in seen:
        before = page()
        screen.type("\x1b[6~")
        screen.until(lambda before=before: turned(before), "another page", 3)
        seen.update(page())
    assert len(seen) == 120
    screen.type("\x1b[H")
    screen.wait("key0 ")


@pytest.mark.parametrize(("lines", "columns"), SIZES)
def test_columns_are_counted_and_reached(start, lines: int, columns: int) -> None:
    screen = begin(start, "live wide", lines, columns)
    screen.wait("columns →")
    fits(screen)
    match = re.search(r"\+(\d+) columns →", screen.text())
    assert match is not None
    shown = len(re.findall(r"column_\d+", screen.text().splitlines()[1]))
    assert int(match[1]) == 60 - shown
    screen.type(">")
    screen.wait("column_59")
    screen.wait(f"← +{60 - len(re.findall('column_', screen.text().splitlines()[1]))}")
    screen.type("q")
    screen.wait("of 60 columns shown")


@pytest.mark.parametrize(("lines", "columns"), SIZES)
def test_help_sort_filter_and_a_row(start, lines: int, columns: int) -> None:
    screen = begin(start, "live keys 17 34", lines, columns)
    screen.wait("of 17 keys" if lines < 21 else "17 keys")
    screen.type("?")
    screen.wait("The keys of this view")
    screen.wait("q close")
    screen.type("q")
    screen.wait("● live  table")
    screen.type("\x1b[Cs")
    screen.wait("by n ↓")
    assert re.search(r"key16 +│ +33", screen.text().splitlines()[3])
    screen.type("/key1\r")
    screen.wait("8 of 17 match")  # key1 and key10 to key16
    screen.type("\r")
    screen.wait("2 changes, the last at ")
    screen.type("\x1b")
    screen.wait("8 of 17 match")
    screen.type("\x1b")
    screen.gone("match")
    screen.type("t")
    screen.wait("changelog")
    screen.wait("+U key16")
    screen.type("q")
    screen.wait("stopped")


def test_the_changelog_shows_what_was_before_it_was_asked_for(start) -> None:
    screen = begin(start, "live keys 3 9", 24, 80)
    screen.wait("9 changes")
    screen.type("t")
    screen.wait("+U key2")
    lines = re.findall(r"([+-][IUD]) key(\d) +│ +(\d)", screen.text())
    expected = []
    for n in range(9):
        expected += [("-U", str(n % 3), str(n - 3))] if n >= 3 else []
        expected.append(("+U" if n >= 3 else "+I", str(n % 3), str(n)))
    assert lines == expected
    screen.wait("15 lines · 3 keys · 9 changes")


def test_what_stays_is_what_the_keys_before_q_asked_for(start) -> None:
    screen = begin(start, "live keys 3 9", 24, 80)
    screen.wait("9 changes")
    screen.type("t /key1\rq")
    screen.wait("stopped")
    screen.gone("q stop")
    found = re.findall(r"([+-][IUD]) key(\d) +│ +(\d)", screen.text())
    assert found == [("+I", "1", "1"), ("-U", "1", "1"), ("+U", "1", "4"), ("-U", "1", "4"),
                     ("+U", "1", "7")]  # fmt: skip
    screen.wait("(5 of 15 match")


def test_what_keys_before_q_asked_for_is_done(start, tmp_path) -> None:
    screen = begin(start, "live keys 3 9", 24, 80)
    screen.wait("9 changes")
    one, two = tmp_path / "one.csv", tmp_path / "two.csv"
    screen.type(f"w{one}\r/key1\rw{two}\ryq")
    screen.wait("stopped")
    assert one.read_text() == "k,n\nkey0,6\nkey1,7\nkey2,8\n"
    assert two.read_text() == "k,n\nkey1,7\n"
    copied = f"\x1b]52;c;{base64.b64encode(b'key1').decode()}\x07".encode()
    assert copied in screen.raw


def test_escape_never_stops(shell: Screen) -> None:
    shell.type("live stream;\r")
    shell.wait("row3 ")
    shell.type("\x1b")
    before = shown_count(shell)
    shell.until(lambda: shown_count(shell) > before + 3, "more rows")
    shell.type("q")
    shell.wait("stopped")


def test_no_frame_is_in_the_history(shell: Screen) -> None:
    shell.type("live stream;\r")
    shell.until(lambda: newest(shell) > 30, "many rows")
    shell.type("q")
    shell.wait("stopped")
    assert "● live" not in shell.history()


LINE = 5_000  # bytes a second


def test_a_slow_line_gets_what_a_key_did_and_no_old_pictures(shell: Screen) -> None:
    shell.type("live stream;\r")
    shell.wait("● live")
    shell.rate = LINE
    shell.until(lambda: newest(shell) > 40, "a full screen", 30)
    shell.pump(3)
    for key, answer in ((" ", "⏸ paused"), (" ", "● live"), ("t", "changelog"), ("?", "The keys of")):
        before, began = len(shell.raw), time.monotonic()
        shell.type(key)
        shell.wait(answer, 20)
        took = time.monotonic() - began
        # What was on its way, at most one frame that waited, and this one.
        assert len(shell.raw) - before < 8_000, key
        assert took < 8_000 / LINE + 1, key
    shell.type("qq")
    shell.wait("· stopped", 20)


def test_a_slow_line_delays_no_key(shell: Screen, tmp_path) -> None:
    path = tmp_path / "rows.csv"
    shell.type("live stream;\r")
    shell.wait("● live")
    shell.rate = LINE
    shell.until(lambda: newest(shell) > 40, "a full screen", 30)
    shell.type(f"w{path}\r")
    began = time.monotonic()
    while not path.exists():
        assert time.monotonic() - began < 5
        time.sleep(0.005)
    # On a free machine 10 ms: nothing of it waits for the line, which nobody reads meanwhile.
    assert time.monotonic() - began < 0.5
    shell.type("q")
    shell.wait("· stopped", 20)


def test_no_answer_of_the_terminal_is_left_for_the_shell(start) -> None:
    screen = start("tests.terminal.shell")
    screen.wait("$")
    screen.type(f"{sys.executable} -m tests.terminal.fake_live\r")
    screen.wait("● live", 20)
    screen.pump(1)
    assert b"\x1b[6n" in screen.raw
    screen.rate = LINE  # so that an answer is still to come
    screen.pump(2)
    screen.type("q")
    screen.wait("stopped)")
    screen.type("echo done\r")
    screen.wait("\ndone")
    assert "R" not in screen.text().split("· stopped")[1].replace("done", "")
    assert "[" not in screen.text().split("· stopped")[1]


def test_a_terminal_that_does_not_answer_gets_all_frames(shell: Screen) -> None:
    shell.screen.write_process_input = lambda data: None
    shell.type("live stream;\r")
    shell.until(lambda: newest(shell) > 60, "frames", 20)
    before = shown_count(shell)
    shell.pump(1)
    assert shown_count(shell) - before > 8  # 20 rows come each second
    shell.type("q")
    shell.wait("· stopped")


def child_of(pid: int) -> int:
    with open(f"/proc/{pid}/task/{pid}/children") as children:
        return int(children.read().split()[0])


@pytest.mark.parametrize("how", ["key", "TSTP", "STOP"])
def test_a_view_that_was_stopped_goes_on(start, how: str) -> None:
    """Ctrl-Z and SIGTSTP give the terminal back; after SIGSTOP, of which nobody hears, it is taken again."""
    screen = start("tests.terminal.shell", lines=24, columns=80)
    screen.wait("$")
    screen.type(f"{sys.executable} -m tests.terminal.fake_live\r")
    screen.wait("row3 ", 20)
    if how == "key":
        screen.type("\x1a")
    else:
        os.kill(child_of(screen.process.pid), getattr(signal, f"SIG{how}"))
    screen.wait("Stopped")
    if how != "STOP":
        assert "● live" not in screen.text()
        screen.type("echo again\r")
        screen.wait("\nagain")
    screen.pump(0.3)  # after SIGSTOP the shell may get an answer of the terminal
    screen.type("\x15fg\r")
    screen.wait("● live")
    screen.gone("Stopped")
    before = shown_count(screen)
    screen.until(lambda: shown_count(screen) > before, "more rows")
    screen.type(" ")
    screen.wait("⏸ paused")
    screen.type("q")
    screen.wait("stopped)")
    assert "^[" not in screen.text() or how == "STOP"
    screen.type("echo done\r")
    screen.wait("\ndone")


def test_a_terminal_that_goes_ends_it_whatever_is_open(start, tmp_path) -> None:
    """Where SIGHUP is ignored, as under nohup, only reading and writing say that it is gone."""
    errors = tmp_path / "errors"
    screen = start("tests.terminal.shell", "dash")
    screen.wait("$")
    command = f"{sys.executable} -m kshell --demo -e 'SELECT * FROM orders EMIT CHANGES'"
    screen.type(f"trap '' HUP; exec {command} 2>{errors}\r")
    screen.wait("● live", 30)
    screen.type("/1")
    screen.wait("/1_")
    screen.process.ptyproc.fileobj.close()
    end = time.monotonic() + 5
    while screen.process.isalive():
        assert time.monotonic() < end
        time.sleep(0.02)
    assert errors.read_text() == "Error: the output cannot be written: Input/output error\n"


def test_enter_opens_the_record_of_a_row(start) -> None:
    sql = "SELECT UCASE(userid) AS u FROM orders EMIT CHANGES"
    screen = start("kshell", "--demo", "-e", sql, lines=24, columns=80)
    screen.wait("USER_", 30)
    screen.type("\r")
    screen.wait(" of orders", 20)
    screen.wait('"userid": "User_')
    assert re.search(r"^Record \d@\d+ of orders\ntime  20\d\d-", screen.text())
    assert re.search(r"\nkey  \d+\nvalue\n  \{\n", screen.text())
    user = re.search('"userid": "(User_[0-9]+)"', screen.text())
    assert user is not None
    screen.type("\x1b[F")  # End
    screen.wait("u  STRING")
    assert f"\n  {user[1].upper()}" in screen.text()
    screen.type("\x1b")
    screen.wait("● live")
    screen.type("q")
    screen.wait("stopped)")
