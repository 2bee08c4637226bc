"""Charts as a person sees them: over a live view, and of the last result."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from kshell.terminal.widths import width_of
from tests.terminal.screen import Screen

SIZES = [(24, 80), (50, 200), (12, 50)]


def begin(start: Callable[..., Screen], lines: int, columns: int) -> Screen:
    screen = start("tests.terminal.fake_shell", lines=lines, columns=columns)
    screen.wait("kshell>")
    screen.wait("fake:9092")
    return screen


def newest(screen: Screen) -> int:
    """The number beside the first region."""
    found = re.search(r"^ r0 +(\d+) │", screen.text(), re.MULTILINE)
    return int(found[1]) if found else 0


def goes_on(screen: Screen) -> None:
    """Wait until the number changes."""
    screen.until(lambda: newest(screen) > 0, "a number")
    before = newest(screen)
    screen.until(lambda: newest(screen) > before, "a newer number")


@pytest.mark.parametrize(("lines", "columns"), SIZES)
def test_windows_are_charted_live_and_c_goes_back(start, lines: int, columns: int) -> None:
    screen = begin(start, lines, columns)
    screen.type("live windows;\r")
    screen.wait("● live  table")
    for close in ("c", "q", "\x1b"):
        screen.type("c")
        screen.wait("● live  chart  views by region, WINDOWSTART")
        screen.wait("c close")
        goes_on(screen)
        text = screen.text()
        assert len(text.splitlines()) == lines
        assert all(width_of(line) <= columns for line in text.splitlines())
        assert all(re.search(rf"^ r{k} +\d+ │.*█$", text, re.MULTILINE) for k in range(3))
        screen.type(close)
        screen.wait("● live  table")
        screen.wait("q stop")


def test_a_chart_follows_a_resize(start) -> None:
    screen = begin(start, 24, 80)
    screen.type("live windows;\r")
    screen.wait("● live  table")
    screen.type("c")
    screen.wait("● live  chart")
    screen.resize(40, 10)
    screen.until(lambda: len(screen.text().splitlines()) == 10, "ten lines")
    screen.until(lambda: all(len(line) <= 40 for line in screen.text().splitlines()), "40 columns")
    screen.until(lambda: newest(screen) > 0, "a number")
    screen.resize(120, 30)
    screen.until(lambda: len(screen.text().splitlines()) == 30, "thirty lines")


def test_ctrl_c_in_a_chart_leaves_the_rows_as_they_are_then(start) -> None:
    screen = begin(start, 40, 80)
    screen.type("live windows;\r")
    screen.wait("● live  table")
    screen.type("c")
    screen.wait("● live  chart")
    screen.until(lambda: newest(screen) > 30, "more than 30 views")
    screen.type("\x03")
    screen.wait("stopped)")
    found = re.findall(r"^ r0 +│ .* │ +(\d+)", screen.text(), re.MULTILINE)
    assert max(map(int, found)) > 30


@pytest.mark.parametrize(("lines", "columns"), SIZES)
def test_the_last_result_is_charted(start, lines: int, columns: int) -> None:
    screen = begin(start, lines, columns)
    screen.type("\\chart n\r")
    screen.wait("n by ROWTIME")
    screen.wait("└──")
    screen.until(lambda: "kshell>" in screen.text().partition("└")[2], "the prompt below")
    text = screen.text()
    assert "┤" in text
    assert "▞" in text or "▀" in text
    assert all(width_of(line) <= columns for line in text.splitlines())


def test_an_ascii_terminal_gets_ascii(start, monkeypatch) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    screen = begin(start, 24, 80)
    screen.type("\\chart n\r")
    screen.wait("n by ROWTIME")
    screen.wait("+---")
    screen.type("live windows;\r")
    screen.wait("table")
    screen.type("c")
    screen.wait("chart  views")
    screen.wait("#")
    assert all(byte < 128 for byte in screen.raw)
    assert "\\u" not in screen.text()


@pytest.mark.parametrize("no_color", ["", "1"])
def test_no_color_is_heeded(start, monkeypatch, no_color: str) -> None:
    monkeypatch.setenv("NO_COLOR", no_color)
    screen = begin(start, 24, 80)
    begun = len(screen.raw)
    screen.type("\\chart n\r")
    screen.wait("└──")
    screen.type("live windows;\r")
    screen.wait("● live")
    screen.type("c")
    screen.wait("c close")
    coloured = [line for line in screen.raw[begun:].split(b"\n") if "▀".encode() in line or "█".encode() in line]
    assert coloured
    assert any(b"\x1b[36m" in line for line in coloured) == (not no_color)
