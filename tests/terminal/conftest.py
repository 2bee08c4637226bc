"""A shell on a pty, over a session that needs no broker."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.terminal.screen import Screen

ROOT = Path(__file__).parents[2]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Screen]]:
    """Starts `python -m …` on a pty with a state folder of its own."""
    screens: list[Screen] = []

    def begin(*arguments: str, term: str = "xterm-256color", **size: int) -> Screen:
        env = {
            "TERM": term,
            "XDG_STATE_HOME": str(tmp_path),
            "XDG_CONFIG_HOME": str(tmp_path / "config"),
        }
        command = [sys.executable, "-m", *arguments]
        screens.append(Screen(command, env, cwd=str(ROOT), **size))
        return screens[-1]

    yield begin
    for screen in screens:
        screen.close()


@pytest.fixture
def shell(start: Callable[..., Screen]) -> Screen:
    """The prompt of the fake shell, ready."""
    screen = start("tests.terminal.fake_shell")
    screen.wait("kshell>")
    screen.wait("fake:9092")
    return screen
