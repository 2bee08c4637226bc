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

__all__ = ["Kind", "Token", "place_at", "scan", "tokenize"]


class Kind(Enum):
    """What a token is; OPEN is a string, quoted name or comment without its end."""

    SPACE = "space"
    COMMENT = "comment"
    WORD = "word"
    QUOTED = "quoted"
    STRING = "string"
    NUMBER = "number"
    VARIABLE = "variable"
    SIGN = "sign"
    OPEN = "open"
    END = "end"


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
        """A string's or a quoted name's content; anything else as written."""
        if self.kind in (Kind.STRING, Kind.QUOTED) and self.text[0] not in "eE$":
            quote = self.text[0]
            return self.text[1:-1].replace(quote * 2, quote)
        return self.text


# Strings double their quote; nothing else is escaped, as in ksqlDB.  E'…' and $$…$$ are DuckDB's.
_TOKEN = re.compile(
    r"""
    (?P<SPACE>\s+)
    | (?P<COMMENT>--[^\r\n]*|/\*.*?\*/)
    | (?P<STRING>'[^']*(?:''[^']*)*'
        |[eE]'(?:[^'\\]|\\.|'')*'|(?P<TAG>\$(?:[^\W\d]\w*)?\$).*?(?P=TAG))
    | (?P<QUOTED>"[^"]*(?:""[^"]*)*"|`[^`]*(?:``[^`]*)*`)
    | (?P<OPEN>['"`].*|/\*.*)
    | (?P<VARIABLE>\$\{\w+\})
    | (?P<NUMBER>(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?(?!\w))
    | (?P<WORD>\w[\w@]*)
    | (?P<SIGN>->|=>|:=|<>|!=|<=|>=|\|\||::|.)
    """,
    re.VERBOSE | re.DOTALL,
)


def scan(text: str) -> Iterator[Token]:
    """All of the text as tokens, spaces and comments too."""
    for match in _TOKEN.finditer(text):
        yield Token(Kind[str(match.lastgroup)], match.group(), match.start(), match.end())


def tokenize(text: str) -> Iterator[Token]:
    """The tokens without spaces and comments.

    >>> [t.text for t in tokenize("SHOW TOPICS; -- all of them")]
    ['SHOW', 'TOPICS', ';']
    """
    return (t for t in scan(text) if t.kind not in (Kind.SPACE, Kind.COMMENT))


def place_at(text: str, start: int, end: int, line: int = 1, column: int = 1) -> Place:
    """The place of `text[start:end]`, where the text itself begins at `line` and `column`.

    >>> place_at("SHOW\\n  TOPICS", 7, 13)
    Place(line=2, column=3, length=6)
    """
    newlines = text.count("\n", 0, start)
    offset = start - (text.rfind("\n", 0, start) + 1)
    first = column if newlines == 0 else 1
    return Place(line + newlines, first + offset, max(end - start, 1))
