"""The prompt's history: a file that only its owner can read, with the values of secrets masked.

`repl` gives it to prompt_toolkit.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path

from prompt_toolkit.history import FileHistory

from kshell.config import is_known, is_secret, state_home
from kshell.sql.tokens import Kind, Token, tokenize

__all__ = ["PrivateHistory", "masked"]

_MASK = "********"
_USER_INFO = re.compile(r"//[^/@\s'\"]+@")  # user and password in a URL
_NAMING = re.compile(r"(\s*\\ns\s+\S+\s+)(\S.*)", re.DOTALL)
_OUTSIDE = re.compile(r"\s*\\!.*", re.DOTALL)
_USER_OPTION = re.compile(r"(?<=\s)(-u|--user|--password|--token)([\s=]+)\S+")
_SET_VARIABLE = re.compile(r"(\s*\\set\s+(\S+)\s+)\S.*", re.DOTALL)
_VALUES = (Kind.STRING, Kind.OPEN, Kind.NUMBER, Kind.WORD, Kind.QUOTED, Kind.VARIABLE)
Span = tuple[int, int, str]


def masked(text: str) -> str:
    """The text with a mask for each value that is, or may be, a secret's.

    A value of SET is kept only where its name is that of a property that is no secret.

    >>> masked("SET 'client.id'='me', 'sasl.pasword'='x';")
    "SET 'client.id'='me', 'sasl.pasword'='********';"
    """
    if (naming := _NAMING.fullmatch(text)) is not None:
        return naming[1] + masked(naming[2])
    if _OUTSIDE.fullmatch(text) is not None:
        text = _USER_OPTION.sub(rf"\1\2{_MASK}", text)
    variable = _SET_VARIABLE.fullmatch(text)
    if variable is not None and is_secret(variable[2]):
        return variable[1] + _MASK
    for start, end, mask in sorted(_secrets(text), reverse=True):
        text = text[:start] + mask + text[end:]
    return _USER_INFO.sub(f"//{_MASK}@", text)


def _secrets(text: str) -> Iterator[Span]:
    """Where secrets stand, and what is put there."""
    ends = 0

    def statement(token: Token) -> int:
        nonlocal ends
        ends += token.text == ";"
        return ends

    for _, group in groupby(tokenize(text), statement):
        tokens = [t for t in group if t.text != ";"]
        words = [t.upper for t in tokens[:2]]
        if words[:1] == ["SET"]:
            yield from _of_set(tokens[1:], len(text))
        elif words == ["ALTER", "SYSTEM"]:
            yield from _of_set(tokens[2:], len(text))
        else:
            yield from (
                (value.start, value.end, _mask(value))
                for name, value in _pairs(tokens)
                if is_secret(name.value)
            )


def _pairs(tokens: list[Token]) -> Iterator[tuple[Token, Token]]:
    """Names and values that have = between them."""
    for name, sign, value in zip(tokens, tokens[1:], tokens[2:], strict=False):
        if sign.text == "=" and name.kind in _VALUES and value.kind in _VALUES:
            yield name, value


def _of_set(tokens: list[Token], end: int) -> Iterator[Span]:
    """SET's values whose names are not known to be harmless; all of it if it is not well formed."""
    rest = tokens
    while rest:
        name, sign, value = (*rest[:3], *[None] * 3)[:3]
        pair = name is not None and name.kind is Kind.STRING and sign and sign.text == "="
        if not pair or name is None or value is None:
            break
        if not is_known(name.value) or is_secret(name.value):
            yield value.start, value.end, _mask(value)
        if value.kind is not Kind.STRING or (rest[3:] and rest[3].text != ","):
            rest = rest[3:]
            break
        rest = rest[4:]
    if rest:
        yield from _malformed(rest, end)


def _malformed(tokens: list[Token], end: int) -> Iterator[Span]:
    """What comes after the name, where it is not 'name'='value'."""
    name = [tokens[0]]
    for token in tokens[1:]:
        if token.start != name[-1].end or token.text == "=":
            break
        name.append(token)
    after = tokens[len(name) :]
    if after and after[0].text == "=":
        after = after[1:]
    if after:
        yield after[0].start, end, _MASK


def _mask(value: Token) -> str:
    return f"'{_MASK}'" if value.text[0] == "'" else _MASK


class PrivateHistory(FileHistory):
    """A history file with mode 0600; in memory alone where it cannot be written."""

    def __init__(self, path: Path | None = None) -> None:
        path = path or state_home() / "history"
        self._kept = True
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(os.open(path, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600))
            os.chmod(path, 0o600)
        except OSError:
            self._kept = False
        super().__init__(str(path))

    def load_history_strings(self) -> Iterable[str]:
        return super().load_history_strings() if self._kept else ()

    def store_string(self, string: str) -> None:
        if self._kept:
            super().store_string(string)

    def append_string(self, string: str) -> None:
        super().append_string(masked(string))
