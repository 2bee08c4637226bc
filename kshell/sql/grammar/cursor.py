"""A cursor over a statement's tokens; the whole grammar is written with it.

Every refusal comes from `fail`, so each says what was found, where, and what could stand there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from kshell.durations import UNITS
from kshell.errors import ParseError, Place, nearest
from kshell.sql.clauses import Name
from kshell.sql.keywords import CLAUSES, RESERVED
from kshell.sql.script import Piece
from kshell.sql.tokens import Kind, Token, place_at, tokenize

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Cursor", "syntax_error"]

_LONGEST_MS = 10**15  # 31,700 years: a sum of a few such still is a BIGINT


def syntax_error(found: str, place: Place, expected: str = "", hint: str = "") -> ParseError:
    """A syntax error in ksqlDB's words, with the words that could stand there."""
    near = f"'{found}'" if found else "the end of the statement"
    what = f"Syntax error at or near {near} at line {place.line}:{place.column}"
    return ParseError(what + (f": expected {expected}" if expected else ""), hint=hint, place=place)


class Cursor:
    """Reads one statement's tokens; `types` are the user's types by name."""

    def __init__(self, piece: Piece, types: Mapping[str, pa.DataType]) -> None:
        self.piece = piece
        self.types = types
        self.tokens = list(tokenize(piece.text))
        self.index = 0
        end = len(piece.text)
        self._end = Token(Kind.END, "", end, end)
        for token in self.tokens:
            if token.kind is Kind.OPEN:
                raise self.fail("*/" if token.text[0] == "/" else "its closing quote", token=token)

    # Looking

    def peek(self, ahead: int = 0) -> Token:
        """The token so many places further on; after the last, the end token."""
        index = self.index + ahead
        return self.tokens[index] if index < len(self.tokens) else self._end

    def at(self, *words: str) -> bool:
        """Whether these words or signs are next, in this order."""
        return all(self._is(self.peek(i), word) for i, word in enumerate(words))

    def at_end(self) -> bool:
        """Whether no token is left."""
        return self.peek().kind is Kind.END

    @staticmethod
    def _is(token: Token, word: str) -> bool:
        return token.upper == word or (token.kind is Kind.SIGN and token.text == word)

    # Taking

    def next(self) -> Token:
        """The next token, taken."""
        token = self.peek()
        self.index += 1
        return token

    def take(self, *words: str) -> bool:
        """Takes these words if they are next."""
        if not self.at(*words):
            return False
        self.index += len(words)
        return True

    def take_any(self, *words: str) -> str:
        """Takes one of these words and returns it; the empty text if none is next."""
        for word in words:
            if self.take(word):
                return word
        return ""

    def expect(self, *words: str) -> None:
        """Takes these words, or fails."""
        for word in words:
            if not self.take(word):
                raise self.fail(word)

    def expect_any(self, *words: str) -> str:
        """Takes one of these words and returns it, or fails."""
        taken = self.take_any(*words)
        if not taken:
            raise self.fail(*words)
        return taken

    def done(self) -> None:
        """Fails if a token is left."""
        if not self.at_end():
            raise self.fail("the end of the statement")

    def name(self, what: str = "a name") -> Name:
        """An identifier: quoted, or a word that is not reserved."""
        token = self.peek()
        if token.kind is Kind.QUOTED or (token.kind is Kind.WORD and token.upper not in RESERVED):
            self.index += 1
            return Name(token.value, token.kind is Kind.QUOTED, self.place(token))
        raise self.fail(what)

    def topic(self, what: str = "the name of a topic, a stream or a table") -> Name:
        """A topic's, a source's or a group's name: quoted, or unquoted with dots and dashes."""
        first = self.peek()
        if first.kind in (Kind.QUOTED, Kind.STRING):
            self.index += 1
            return Name(first.value, True, self.place(first))
        if first.kind not in (Kind.WORD, Kind.NUMBER) or first.upper in RESERVED:
            raise self.fail(what)
        last = self.next()
        while self.peek().start == last.end and (
            self.peek().kind in (Kind.WORD, Kind.NUMBER)
            or (self.peek().kind is Kind.SIGN and self.peek().text in ".-")
        ):
            last = self.next()
        text = self.piece.text[first.start : last.end]
        return Name(text, False, self.place_of(first.start, last.end))

    def string(self, what: str = "a string in single quotes") -> str:
        """A string's content."""
        if self.peek().kind is not Kind.STRING:
            raise self.fail(what)
        return self.next().value

    def path(self) -> Name:
        """A file's path in single quotes, with its place."""
        place = self.place(self.peek())
        return Name(self.string("a file's path in single quotes"), True, place)

    def integer(self, what: str = "a whole number") -> int:
        """A whole number that is not negative."""
        token = self.peek()
        if token.kind is not Kind.NUMBER or not token.text.isascii() or not token.text.isdigit():
            raise self.fail(what)
        self.index += 1
        if len(token.text) > 18:
            raise self.fail("a smaller number", token=token)
        return int(token.text)

    def duration_ms(self) -> int:
        """`n unit` in milliseconds; so short that moments and durations can be added."""
        number = self.peek()
        count = self.integer()
        word = self.peek().upper
        unit = UNITS.get(word) or UNITS.get(word.removesuffix("S"))
        if unit is None:
            raise self.fail(*(f"{u}S" for u in reversed(tuple(UNITS))))
        self.index += 1
        if count * unit > _LONGEST_MS:
            raise self.fail("a shorter time", token=number)
        return count * unit

    def unfolded_rest(self) -> str:
        """Takes the rest of the text."""
        start = self.peek().start
        self.index = len(self.tokens)
        return self.piece.text[start:]

    # Places and failures

    def place_of(self, start: int, end: int) -> Place:
        """Where `text[start:end]` is in the script."""
        return place_at(self.piece.text, start, end, self.piece.line, self.piece.column)

    def place(self, token: Token) -> Place:
        """Where the token is in the script."""
        return self.place_of(token.start, token.end)

    def fail(self, *expected: str, token: Token | None = None) -> ParseError:
        """The error for the next token (or this one); `expected` could stand there."""
        token = token or self.peek()
        words = [e for e in expected if e.isupper()]
        close = nearest(token.text, words or CLAUSES) if token.kind is Kind.WORD else []
        hint = f"did you mean {' or '.join(close)}?" if close else ""
        shown = ", ".join(expected[:-1]) + " or " + expected[-1] if expected[1:] else expected[0]
        if token.upper in RESERVED and "name" in expected[0]:
            hint = f'{token.upper} is a reserved word: write "{token.text}" to use it as a name'
        return syntax_error(token.text[:40], self.place(token), shown, hint)
