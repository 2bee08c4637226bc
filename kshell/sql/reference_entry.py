"""How a statement is described, for HELP and docs/reference.md; `reference` has the table."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Entry"]


@dataclass(frozen=True, slots=True)
class Entry:
    """A row: its name, how it is written in short and in full, one line of help, an example, and
    the other words under which it is found."""

    name: str
    short: str
    help: str
    syntax: str
    example: str
    words: tuple[str, ...] = ()
