"""Scripts: where statements end, and whether one is complete.  Light: no parser is imported.

The prompt asks `is_complete` at every Enter; `session` runs the pieces that `split` gives.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["Piece", "Token", "is_complete", "split", "tokens"]

_TOKEN = re.compile(
    r"""(?P<space>\s+)
      | (?P<comment>--[^\n]*|/\*.*?(?:\*/|\Z))
      | (?P<string>'(?:[^']|'')*'?)
      | (?P<quoted>`[^`]*`?|"(?:[^"]|"")*"?)
      | (?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)
      | (?P<word>[^\W\d]\w*|\$\{\w*\}?)
      | (?P<end>;)
      | (?P<punct>->|=>|:=|<=|>=|<>|!=|\|\||.)""",
    re.VERBOSE | re.DOTALL,
)
_ALONE = re.compile(r"\s*(help|exit|quit|\\[a-z?]+.*)\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of text: its kind (space, comment, string, quoted, number, word, end, punct)."""

    kind: str
    text: str
    start: int


@dataclass(frozen=True, slots=True)
class Piece:
    """One statement of a script without its `;`, and where it begins (1-based)."""

    text: str
    line: int
    column: int


def tokens(text: str) -> Iterator[Token]:
    """The text cut into tokens; their texts together are the text.

    >>> [t.text for t in tokens("SELECT 'a;b'") if t.kind != "space"]
    ['SELECT', "'a;b'"]
    """
    for match in _TOKEN.finditer(text):
        yield Token(match.lastgroup or "punct", match[0], match.start())


def split(text: str) -> list[Piece]:
    """The statements of a script; a `;` in a string, a name or a comment ends nothing.

    >>> [p.text for p in split("SHOW TOPICS; SELECT ';'; -- done;")]
    ['SHOW TOPICS', "SELECT ';'"]
    """
    pieces: list[Piece] = []
    begin: int | None = None
    end = 0

    def close() -> None:
        if begin is not None:
            line = text.count("\n", 0, begin) + 1
            column = begin - (text.rfind("\n", 0, begin) + 1) + 1
            pieces.append(Piece(text[begin:end], line, column))

    for token in tokens(text):
        if token.kind == "end":
            close()
            begin = None
        elif token.kind not in ("space", "comment"):
            begin = token.start if begin is None else begin
            end = token.start + len(token.text)
    close()
    return pieces


def is_complete(text: str) -> bool:
    """Whether Enter runs it: it ends with `;`, or is a word that needs none.

    >>> is_complete("SELECT 1"), is_complete("SELECT ';"), is_complete("help"), is_complete("a;")
    (False, False, True, True)
    """
    if not text.strip() or _ALONE.fullmatch(text):
        return True
    last = None
    for token in tokens(text):
        if token.kind not in ("space", "comment"):
            last = token
    return last is None or last.kind == "end"
