"""docs/prompt.md and docs/live.md have the program's own tables: commands, keys, exit codes."""

from __future__ import annotations

import re
from pathlib import Path

from kshell.errors import EXIT_CODES
from kshell.terminal.commands import COMMANDS
from kshell.terminal.keys import KEYS
from kshell.terminal.live_keys import KEYS as LIVE_KEYS

DOCS = Path(__file__).parents[3] / "docs"
PAGE = (DOCS / "prompt.md").read_text()
LIVE = (DOCS / "live.md").read_text()


def rows(heading: str, page: str = PAGE) -> list[tuple[str, ...]]:
    """The table below a heading."""
    section = page.split(f"## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| ")][1:]
    cells = [re.split(r"(?<!\\)\|", line)[1:-1] for line in lines]
    return [tuple(cell.strip().replace("\\|", "|") for cell in row) for row in cells]


def test_commands() -> None:
    shown = [(f"`{f'{c.word} {c.shown}'.strip()}`" + " *" * c.ends, c.help) for c in COMMANDS]
    assert rows("Commands") == shown


def test_keys() -> None:
    assert rows("Keys") == [(key.shown, key.help) for key in KEYS]


def test_keys_of_the_live_view() -> None:
    assert rows("Keys", LIVE) == [(key.shown, key.help) for key in LIVE_KEYS]


def test_exit_codes() -> None:
    assert rows("Exit codes") == [(str(code), meaning) for code, meaning in EXIT_CODES.items()]
