r"""`\split` as a person sees it: on a pty, over a fake session."""

from __future__ import annotations

import itertools
import re
import time
from collections.abc import Callable

import pytest

from tests.terminal.screen import Screen

SIZES = [(24, 80), (50, 200), (12, 50)]
START = Callable[..., Screen]


def begin(start: START, lines: int, columns: int, *jobs: str, **more: str) -> Screen:
    screen = start("tests.terminal.fake_shell", lines=lines, columns=columns, **more)
    screen.wait("kshell>")
    screen.pump(0.5)
    for n, job in enumerate(jobs, 1):
        screen.type(f"{job} &;\r")
        screen.wait(f"\\kill {n}")
    return screen


def rows(screen: Screen) -> list[str]:
    return screen.text().splitlines()


def title(screen: Screen, job: int) -> tuple[int, int]:
    """The line and column of a view's number; (-1, -1) while it is not drawn."""
    for n, line in enumerate(screen.screen.display):
        if (at := line.find(f"[{job}] live")) >= 0:
            return n, at
    return -1, -1


def stands_out(screen: Screen, job: int) -> bool:
    line, column = title(screen, job)
    return line >= 0 and bool(screen.screen.buffer[line][column].reverse)


@pytest.mark.parametrize(("lines", "columns"), SIZES)
def test_both_are_seen_and_tab_moves(start: START, lines: int, columns: int) -> None:
    screen = begin(start, lines, columns, "live stream", "live table")
    screen.type("\\split\r")
    screen.wait("q leave")
    screen.wait("[2] live table")
    screen.until(lambda: re.search(r"row\d+ ", screen.text()), "rows of the stream")
    screen.until(lambda: re.search(r"key\d ", screen.text()), "rows of the table")
    (first, _), (second, column) = title(screen, 1), title(screen, 2)
    if columns >= 120:
        assert (first, second) == (0, 0)
        assert column > columns // 2
    else:
        assert (first, second) == (0, lines // 2)
    assert len(rows(screen)) == lines
    assert all(len(line) <= columns for line in rows(screen))
    assert (stands_out(screen, 1), stands_out(screen, 2)) == (True, False)
    screen.type("\t")
    screen.until(lambda: stands_out(screen, 2) and not stands_out(screen, 1), "the other title")
    screen.type(" ")
    screen.wait("⏸ paused")
    assert "[1]" in next(line for line in rows(screen) if "● live" in line)
    screen.type(" t")
    screen.wait("changelog  [2]")
    screen.wait("append  [1]")
    screen.type("\t?")
    screen.wait("The keys of this view")
    screen.type("q")
    screen.gone("The keys of this view")
    screen.type("q")
    screen.until(lambda: " ".join(screen.history().split()).count("· goes on") == 2, "what stays")
    assert "● live" not in screen.history()
    screen.type("\\jobs\r")
    screen.wait("[2] ")
    screen.until(lambda: len(re.findall(r"^\[\d\] +lag 7", screen.text(), re.MULTILINE)) == 2, "jobs")


def test_a_resize_arranges_them_anew(start: START) -> None:
    screen = begin(start, 24, 130, "live stream", "live table")
    screen.type("\\split 1 2\r")
    screen.until(lambda: title(screen, 2)[0] == 0, "beside each other")
    screen.resize(100, 24)
    screen.until(lambda: title(screen, 2)[0] == 12, "one above the other")
    screen.resize(50, 8)
    screen.wait("too small for two: Tab shows the other")
    screen.wait("[1] live")
    assert "[2] live" not in screen.text()
    screen.type("\t")
    screen.wait("[2] live")
    assert "[1] live" not in screen.text()
    screen.resize(160, 30)
    screen.gone("too small")
    screen.until(lambda: title(screen, 2)[1] > 80, "beside each other")
    screen.pump(0.3)
    assert all(len(line) <= 160 for line in rows(screen))
    screen.type("q")
    screen.wait("goes on")


def test_ctrl_c_stops_both(start: START) -> None:
    screen = begin(start, 24, 80, "live stream", "live table")
    screen.type("\\split\r")
    screen.wait("[2] live table")
    screen.wait(" 8 of ")
    screen.type("\x03")
    screen.gone("● live")
    screen.until(lambda: screen.text().count("· stopped") == 2, "both are stopped")
    assert "\\fg 1 for all" not in screen.text()  # nothing is there any more for \\fg
    screen.type("\\jobs\r")
    screen.until(lambda: "[1]  " not in screen.text().split("\\jobs")[-1], "no jobs")


def test_what_a_query_writes_is_shown(start: START) -> None:
    screen = begin(start, 24, 80, "live stream")
    screen.type("\\split 1 ctas_1\r")
    screen.wait("[CTAS_1] counts")
    screen.until(lambda: re.search(r"key\d ", screen.text()), "rows of the table")
    screen.type("q")
    screen.wait("goes on")


def test_a_number_that_is_no_job(start: START) -> None:
    screen = begin(start, 24, 80, "live stream", "live table")
    screen.type("\\split 1 9\r")
    screen.wait("no query 9 in the background")
    screen.wait("in the background: 1, 2, CTAS_1")


def test_a_dumb_terminal_is_refused_and_fg_has_lines(start: START) -> None:
    screen = begin(start, 24, 80, term="dumb")

    prompts = itertools.count(1)

    def enter(text: str) -> None:
        wanted = next(prompts)  # what is typed before the prompt reads is not a line for it
        screen.until(lambda: screen.text().count("kshell>") == wanted, "the next prompt")
        screen.pump(0.3)
        screen.type(f"{text}\r")

    for text in ("live stream &;", "live table &;", "\\split"):
        enter(text)
    screen.wait("\\split needs a terminal on which it can draw")
    enter("\\fg 1")
    screen.wait('{"k":"row')
    assert b"\x1b[?1049h" not in screen.raw


def test_without_colours_and_utf8(start: START, monkeypatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("LC_ALL", "C")
    screen = begin(start, 24, 130, "live stream", "live table")
    before = len(screen.raw)
    screen.type("\\split\r")
    screen.wait("[2] live table")
    screen.until(lambda: re.search(r"key\d ", screen.text()), "rows of the table")
    assert stands_out(screen, 1)
    screen.type("q")
    screen.wait("goes on")
    drawn = screen.raw[before:]
    drawn = drawn[drawn.index(b"\x1b[?1049h") : drawn.index(b"\x1b[?1049l")]
    assert drawn.isascii()
    assert not re.search(rb"\x1b\[[0-9;]*[34]\d[;m]", drawn)


def test_frames_come_at_most_ten_times_a_second(start: START) -> None:
    screen = begin(start, 24, 130, "live stream", "live stream")
    screen.type("\\split\r")
    screen.wait("[2] live stream")
    began = time.monotonic()
    before = len(screen.raw)
    while time.monotonic() - began < 3:
        screen.pump(0.1)
    drawn = screen.raw[before:]
    # Each frame has another count in the last line, and writes that line once.
    assert 5 <= drawn.count(b"\x1b[24;1H") <= 31
