"""KSQL's tokens: enough to cut a script and to read every statement that is not a query.

`script` and `grammar` use it.  It exists beside sqlglot's tokenizer because importing that costs
130 ms, and SHOW TOPICS does not need it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from kshell.errors import Place

__all__ = ["Kind", "Token", "place_at", "tokenize"]


class Kind(Enum):
    """What a token is; OPEN is a string, quoted name or comment without its end."""

    WORD = "word"
    QUOTED = "quoted name"
    STRING = "string"
    NUMBER = "number"
    VARIABLE = "variable"
    SIGN = "sign"
    OPEN = "unfinished"
    END = "the end of the statement"


@dataclass(frozen=True, slots=True)
class Token:
    """A token and where it stands in its text: `text[start:end]`."""

    kind: Kind
    text: str
    start: int
    end: int

    @property
    def upper(self) -> str:
        """The word in upper case; empty for what can be no keyword."""
        return self.text.upper() if self.kind is Kind.WORD else ""

    @property
    def value(self) -> str:
        """A string's or a quoted name's content, as written otherwise."""
        if self.kind in (Kind.STRING, Kind.QUOTED):
            quote = self.text[0]
            return self.text[1:-1].replace(quote * 2, quote)
        return self.text


# Strings double their quote; nothing else is escaped, as in ksqlDB.
_TOKEN = re.compile(
    r"""
    (?P<space>\s+|--[^\r\n]*|/\*.*?\*/)
    | (?P<STRING>'[^']*(?:''[^']*)*')
    | (?P<QUOTED>"[^"]*(?:""[^"]*)*"|`[^`]*(?:``[^`]*)*`)
    | (?P<OPEN>['"`].*|/\*.*)
    | (?P<VARIABLE>\$\{\w+\})
    | (?P<NUMBER>(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?(?!\w))
    | (?P<WORD>\w[\w@]*)
    | (?P<SIGN>->|=>|:=|<>|!=|<=|>=|\|\||::|.)
    """,
    re.VERBOSE | re.DOTALL,
)


def tokenize(text: str) -> Iterator[Token]:
    """The tokens of the text in order, without spaces and comments.

    >>> [t.text for t in tokenize("SHOW TOPICS; -- all of them")]
    ['SHOW', 'TOPICS', ';']
    """
    for match in _TOKEN.finditer(text):
        name = match.lastgroup
        if name != "space" and name is not None:
            yield Token(Kind[name], match.group(), match.start(), match.end())


def place_at(text: str, start: int, end: int, line: int = 1, column: int = 1) -> Place:
    """The place of `text[start:end]`, where the text itself begins at `line` and `column`.

    >>> place_at("SHOW\\n  TOPICS", 7, 13)
    Place(line=2, column=3, length=6)
    """
    newlines = text.count("\n", 0, start)
    offset = start - (text.rfind("\n", 0, start) + 1)
    first = column if newlines == 0 else 1
    return Place(line + newlines, first + offset, max(end - start, 1))
