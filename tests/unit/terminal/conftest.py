"""Bytes that a terminal would obey, and whether any of them is left in a text."""

from __future__ import annotations

import unicodedata

import pytest

# ESC and C1 sequences, NUL, DEL, bell, line ends, bidi, zero width, private use, rich's markup.
HOSTILE = (
    "a\x1b[2Jb\x1b]0;title\x07\x9b31mc\x00\x7f\u202ed\u200be\ufeff\ue000\U000f0000\r\n\tf"
    "[bold red]g[/bold red]"
)


def obeyed(text: str) -> list[str]:
    """Characters in the text that a terminal would obey; spaces and line ends are not."""
    return [
        c for c in text if c != "\n" and unicodedata.category(c) in ("Cc", "Cf", "Co", "Cs", "Zl")
    ]


@pytest.fixture
def hostile() -> str:
    return HOSTILE


@pytest.fixture
def unclean():  # type: ignore[no-untyped-def]
    return obeyed
