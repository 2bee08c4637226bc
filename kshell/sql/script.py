"""Cuts a script at semicolons, puts variables in, and says whether it is complete.

The prompt asks `is_complete` at every Enter; `session` splits, puts variables in and parses piece
by piece, because `DEFINE` changes the pieces after it.  Light: no parser is imported.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from kshell.errors import ParseError, Place
from kshell.sql.tokens import Kind, place_at, scan, tokenize

__all__ = ["Piece", "Token", "is_complete", "split", "substitute", "tokens"]

_ALONE = re.compile(r"\s*(help|exit|quit)\s*", re.IGNORECASE)
_VARIABLE = re.compile(r"\$\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of text: its kind (space, comment, string, quoted, number, word, end, punct).

    `open`: it is a string or a name in quotes without its second quote.
    """

    kind: str
    text: str
    start: int
    open: bool = False


@dataclass(frozen=True, slots=True)
class Piece:
    """One statement of a script without its `;`, and where it begins (1-based)."""

    text: str
    line: int = 1
    column: int = 1

    @property
    def place(self) -> Place:
        """The place where it begins."""
        return Place(self.line, self.column)


def tokens(text: str) -> Iterator[Token]:
    """The text cut into tokens for highlighting; joined, they are the text.

    >>> [t.text for t in tokens("SELECT 'a;b'") if t.kind != "space"]
    ['SELECT', "'a;b'"]
    """
    for token in scan(text):
        match token.kind:
            case Kind.OPEN:
                kind = {"'": "string", "/": "comment"}.get(token.text[0], "quoted")
            case Kind.SIGN:
                kind = "end" if token.text == ";" else "punct"
            case Kind.VARIABLE:
                kind = "word"
            case _:
                kind = token.kind.value
        is_open = token.kind is Kind.OPEN and kind != "comment"
        yield Token(kind, token.text, token.start, is_open)


def split(text: str) -> list[Piece]:
    """The statements of a script; a `;` in a string, a name or a comment does not end one.

    >>> [p.text for p in split("SHOW TOPICS; SELECT ';'; -- done;")]
    ['SHOW TOPICS', "SELECT ';'"]
    """
    pieces: list[Piece] = []
    begin: int | None = None
    end = 0

    def close() -> None:
        if begin is not None:
            place = place_at(text, begin, end)
            pieces.append(Piece(text[begin:end], place.line, place.column))

    for token in tokenize(text):
        if token.kind is Kind.SIGN and token.text == ";":
            close()
            begin = None
        else:
            begin = token.start if begin is None else begin
            end = token.end
    close()
    return pieces


def is_complete(text: str) -> bool:
    """Whether Enter runs the text: it ends with `;`, or is a word that does not need one.

    >>> is_complete("SELECT 1"), is_complete("SELECT ';"), is_complete("help"), is_complete("a;")
    (False, False, True, True)
    """
    if not text.strip() or _ALONE.fullmatch(text):
        return True
    last = None
    for token in tokenize(text):
        last = token
    if last is None:
        return True
    return last.kind is Kind.SIGN and last.text == ";"


def substitute(piece: Piece, variables: Mapping[str, str]) -> Piece:
    """The piece with every `${name}` replaced by its value, inside strings too, as ksqlDB does.

    Names match in any case.  Raises ParseError for a name without DEFINE.

    >>> substitute(Piece("PRINT ${T}"), {"t": "orders"}).text
    'PRINT orders'
    """
    if "${" not in piece.text:
        return piece
    known = {name.casefold(): value for name, value in variables.items()}

    def value(match: re.Match[str]) -> str:
        name = match.group(1)
        if name.casefold() in known:
            return known[name.casefold()]
        raise ParseError(
            f"variable {name} is not defined",
            hint=f"DEFINE {name} = '…'; SHOW VARIABLES lists what is defined",
            place=place_at(piece.text, *match.span(), piece.line, piece.column),
        )

    return Piece(_VARIABLE.sub(value, piece.text), piece.line, piece.column)
