"""The live view as a person sees it: on a pty, over a fake session."""

from __future__ import annotations

import re
import time

from tests.terminal.screen import Screen


def shown_count(screen: Screen) -> int:
    match = re.search(r"(\d+) rows ·", screen.text())
    assert match is not None
    return int(match[1])


def newest(screen: Screen) -> int:
    return max((int(n) for n in re.findall(r"row(\d+) ", screen.text())), default=0)


def test_rows_come_with_an_honest_footer(shell: Screen) -> None:
    shell.type("live stream;\r")
    shell.wait("● live  stream")
    shell.wait("row5 ")
    assert re.search(r"\d+ rows · \d+0 scanned · lag 7 · 200/s · 3 left out", shell.text())


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


def test_q_escape_and_ctrl_c_stop_and_the_last_frame_stays(shell: Screen) -> None:
    for key in ("q", "\x1b", "\x03"):
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


def test_a_resize_is_followed(shell: Screen) -> None:
    shell.type("live stream;\r")
    shell.wait("row3 ")
    shell.resize(50, 10)
    shell.until(lambda: len(shell.text().splitlines()) == 10, "ten lines")
    shell.wait("● live")
    shell.until(lambda: len(re.findall(r"row\d+ ", shell.text())) == 5, "five rows")
    assert all(len(line) <= 50 for line in shell.text().splitlines())


def test_arrows_scroll_back_and_pause(shell: Screen) -> None:
    shell.resize(90, 10)
    shell.type("live stream;\r")
    shell.until(lambda: newest(shell) >= 12, "twelve rows")
    shell.type("\x1b[A\x1b[A\x1b[A")
    shell.wait("⏸ paused")
    shell.pump(0.3)
    assert 0 < newest(shell) <= shown_count(shell) - 3
