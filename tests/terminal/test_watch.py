r"""`\watch` as a person sees it: on a pty, over a fake session."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from tests.terminal.screen import Screen

START = Callable[..., Screen]


def begin(start: START, statement: str, lines: int = 24, columns: int = 80) -> Screen:
    screen = start("tests.terminal.fake_shell", lines=lines, columns=columns)
    screen.wait("kshell>")
    screen.pump(0.5)
    screen.type(f"{statement}\r")
    return screen


def value(screen: Screen, region: str) -> int:
    match = re.search(rf"{region} +│ +(\d+)", screen.text())
    return int(match[1]) if match else -1


@pytest.mark.parametrize(("lines", "columns"), [(24, 80), (50, 200), (12, 50)])
def test_rows_change_in_place_and_what_changed_is_lit(start: START, lines: int, columns: int) -> None:
    screen = begin(start, "select counted \\watch 0.5", lines, columns)
    screen.wait("● live  watch  every 0.5 s  select counted")
    screen.until(lambda: value(screen, "north") >= 0, "rows")
    before = value(screen, "north")
    screen.until(lambda: value(screen, "north") > before + 1, "later runs")
    assert value(screen, "south") == 7
    assert screen.text().count("north") == 1

    def colours(region: str) -> set[str]:
        n = next(n for n, line in enumerate(screen.screen.display) if region in line)
        line = screen.screen.buffer[n]
        return {line[x].fg for x in range(columns) if line[x].data.isdigit()}

    screen.until(lambda: colours("north") == {"green"}, "what changed is lit")
    assert colours("south") == {"default"}
    assert re.search(r"2 rows · 1 changed", screen.text())
    screen.resize(40, 10)
    screen.until(lambda: len(screen.text().splitlines()) == 10, "ten lines")
    assert all(len(line) <= 40 for line in screen.text().splitlines())
    screen.type(" ")
    screen.wait("⏸ paused")
    screen.pump(1.0)
    held = value(screen, "north")
    screen.pump(1.0)
    assert value(screen, "north") == held
    screen.type("\x03")
    screen.gone("paused")
    screen.wait("stopped)")
    screen.type("SELECT 1;\r")
    screen.wait("(1 row,")


def test_an_outage_is_said_and_ctrl_c_leaves(start: START) -> None:
    screen = begin(start, "select breaking \\watch 0.2")
    screen.wait("broker 2 does not answer")
    screen.wait("before the outage")
    screen.type("\x03")
    screen.wait("· stopped")


def test_a_long_run_is_left_at_once(start: START) -> None:
    screen = begin(start, "select slowly \\watch")
    screen.wait("● live  watch")
    screen.wait(" the first run · ")  # and how much it has read
    assert " 0 rows" not in screen.text()
    screen.type("q")
    screen.gone("● live", 2)
    screen.wait("stopped")
    screen.type("SELECT 1;\r")
    screen.wait("(1 row,")


def test_a_continuous_query_is_refused(start: START) -> None:
    screen = begin(start, "select on \\watch")
    screen.wait("\\watch runs a query again and again")
    screen.wait("run it without \\watch")
