"""PRINT as a person sees it: on a pty of 24 lines and 80 columns, over a fake session."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from tests.terminal.screen import Screen


@pytest.fixture
def small(start: Callable[..., Screen]) -> Screen:
    screen = start("tests.terminal.fake_shell", columns=80, lines=24)
    screen.wait("kshell>")
    screen.wait("fake:9092")
    return screen


def lines_after(screen: Screen, text: str) -> list[str]:
    lines = screen.history().splitlines()
    return lines[next(n for n, line in enumerate(lines) if text in line) + 1 :]


def test_each_record_is_a_dim_line_and_its_whole_value(small: Screen) -> None:
    before = len(small.raw)
    small.type("print all;\r")
    small.wait("(3 records,")
    shown = [line.rstrip() for line in lines_after(small, "print all;")]
    text = "\n".join(shown)
    assert re.search(r"\d\d:\d\d:\d\d\.000\S* · 0@7 · key ann · trace=", text)
    assert re.search(r"\d\d:\d\d:\d\d\.000\S* · 1@3 · no key\n  a\\x1b\[2J", text)
    assert re.search(r"\d\d:\d\d:\d\d\.000\S* · 0@8\n  field VALUE: not valid UTF-8\n", text)
    first = next(n for n, line in enumerate(shown) if line == "  {")
    assert shown[first + 1] == '    "id": 1,'
    assert "".join(shown[first + 2 :]).replace(" ", "").count("long") == 40  # never cut
    drawn = small.raw[before:]
    assert b"\x1b[2m" in drawn
    assert b"\x1b]0;owned" not in drawn
    assert b"\xe2\x80\xae" not in drawn  # U+202E
    small.type("SELECT 1;\r")
    small.wait("(1 row,")


def test_without_an_end_it_goes_on_until_ctrl_c_and_what_was_shown_stays(small: Screen) -> None:
    small.type("print on;\r")
    small.wait("records of orders; Ctrl-C stops")
    small.wait("0@8")
    assert "kshell>" not in small.text().splitlines()[-1]
    small.type("\x03")
    small.wait("stopped")
    assert "0@8" in small.text()
    small.type("SELECT 1;\r")
    small.wait("(1 row,")
