"""The words of a .proto text.  `parse` reads them; the grammar is the Protobuf language's own."""

from __future__ import annotations

import re
from dataclasses import dataclass

from kshell.errors import BindError

__all__ = ["Token", "Tokens"]

_MAX_TEXT = 4 << 20  # characters
_PATTERN = re.compile(
    r"""(?P<space>\s+|//[^\n]*|/\*.*?\*/)
    |(?P<string>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')
    |(?P<number>(?:0[xX][0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)[fF]?(?![\w]))
    |(?P<word>[A-Za-z_]\w*)
    |(?P<sign>[^\s\w])""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(
    r"\\(x[0-9a-fA-F]{1,2}|[0-7]{1,3}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|.)", re.DOTALL
)
_NAMED = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}


@dataclass(frozen=True, slots=True)
class Token:
    """A word, its kind (word, number, string, sign, end) and where it begins in the text."""

    kind: str
    text: str
    at: int


def _unescape(text: str) -> str:
    def one(match: re.Match[str]) -> str:
        code = match.group(1)
        if code[0] in "xuU" and len(code) > 1:
            number = int(code[1:], 16)
        elif code[0] in "01234567":
            number = int(code, 8)
        else:
            return _NAMED.get(code, code)
        return chr(number) if number < 0x110000 else "�"

    return _ESCAPE.sub(one, text)


class Tokens:
    """A cursor over the words of a text.

    >>> words = Tokens('option a = "b";')
    >>> words.next().text, words.take("option"), words.name()
    ('option', False, 'a')
    """

    def __init__(self, text: str) -> None:
        if len(text) > _MAX_TEXT:
            raise BindError(f"a .proto text of more than {_MAX_TEXT:,} characters")
        self._text = text
        self._all: list[Token] = []
        at = 0
        while at < len(text):
            match = _PATTERN.match(text, at)
            if match is None:
                self._at = at
                raise self._error(at, f"{text[at]!r} cannot stand here")
            if match.lastgroup != "space":
                self._all.append(Token(str(match.lastgroup), match.group(), at))
            at = match.end()
        self._end = Token("end", "the end of the text", len(text))
        self._at = 0

    @property
    def peek(self) -> Token:
        """The next word, which stays."""
        return self._all[self._at] if self._at < len(self._all) else self._end

    def next(self) -> Token:
        """The next word."""
        token = self.peek
        self._at += 1
        return token

    def at(self, text: str) -> bool:
        """Whether the next word is this one."""
        return self.peek.text == text and self.peek.kind != "string"

    def take(self, text: str) -> bool:
        """Takes the word if it is the next."""
        if self.at(text):
            self._at += 1
            return True
        return False

    def mark(self) -> int:
        """Where the cursor is, for `back`."""
        return self._at

    def back(self, mark: int) -> None:
        """To where it was."""
        self._at = mark

    def expect(self, text: str) -> None:
        """Takes the word; BindError if it is not the next."""
        if not self.take(text):
            raise self.error(f"expected {text}")

    def name(self) -> str:
        """A single name."""
        if self.peek.kind != "word":
            raise self.error("expected a name")
        return self.next().text

    def path(self) -> str:
        """A name with dots, perhaps with one in front."""
        text = "." if self.take(".") else ""
        text += self.name()
        while self.take("."):
            text += "." + self.name()
        return text

    def string(self) -> str:
        """A string; several in a row are one."""
        if self.peek.kind != "string":
            raise self.error("expected a string")
        text = ""
        while self.peek.kind == "string":
            text += _unescape(self.next().text[1:-1])
        return text

    def whole(self) -> int:
        """A whole number, perhaps with a sign."""
        sign = -1 if self.take("-") else 1
        text = self.peek.text
        try:
            if self.peek.kind != "number" or len(text) > 24:
                raise ValueError
            if text[:2] in ("0x", "0X"):
                number = int(text, 16)
            else:
                number = int(text, 8 if len(text) > 1 and text[0] == "0" else 10)
        except ValueError:
            raise self.error("expected a whole number") from None
        self._at += 1
        return sign * number

    def skip_statement(self) -> None:
        """Past the next ; or past the block that begins before it."""
        depth = 0
        while self.peek.kind != "end":
            token = self.next()
            if token.kind == "string":
                continue
            if token.text in "{[(":
                depth += 1
            elif token.text in "}])":
                depth -= 1
                if depth == 0 and token.text == "}":
                    self.take(";")
                    return
            elif token.text == ";" and depth == 0:
                return
        raise self.error("expected ;")

    def error(self, what: str) -> BindError:
        """What is wrong at the next word."""
        return self._error(self.peek.at, f"{what}, not {self.peek.text[:40]}")

    def _error(self, at: int, what: str) -> BindError:
        line = self._text.count("\n", 0, at) + 1
        column = at - (self._text.rfind("\n", 0, at) + 1) + 1
        return BindError(f"the .proto schema, line {line}, column {column}: {what}")
