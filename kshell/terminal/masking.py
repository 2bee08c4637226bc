"""Masks the values of secrets in statements: what is kept or drawn of them has none.

`history` keeps the masked text, `messages` draws it below an error.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby

from kshell.config import MASK, is_known, is_secret
from kshell.config.properties import is_secret_like
from kshell.errors import Place, nearest
from kshell.sql.tokens import Kind, Token, tokenize

__all__ = ["masked", "masked_at", "without_secrets"]

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
    for start, end, mask in sorted(_spans(text), reverse=True):
        text = text[:start] + mask + text[end:]
    return text


def masked_at(text: str, place: Place) -> tuple[str, Place]:
    """The masked text, and where a place of the text is in it.

    >>> masked_at("SET 'sasl.password'='x' 1", Place(1, 25, 1))[1]
    Place(line=1, column=32, length=1)
    """
    lines = text.split("\n")
    if place.line > len(lines):
        return masked(text), place
    start = sum(len(line) + 1 for line in lines[: place.line - 1]) + place.column - 1
    end = start + place.length
    for first, last, mask in sorted(_spans(text), reverse=True):
        text = text[:first] + mask + text[last:]
        moved = len(mask) - (last - first)
        start = start + moved if start >= last else min(start, first) if end > first else start
        end = end + moved if end >= last else max(first + len(mask), start) if end > first else end
    before = text[:start]
    line = before.count("\n") + 1
    return text, Place(line, start - (before.rfind("\n") + 1) + 1, max(end - start, 1))


def without_secrets(words: str, text: str) -> str:
    """What is said of a statement, without the secrets of its text.

    >>> without_secrets("near 'x2'", "SET sasl.password=x2")
    "near '********'"
    """
    for start, end, _ in _spans(text):
        secret = text[start:end].strip("'\"`")
        if secret:
            words = words.replace(f"'{secret}'", f"'{MASK}'")
    return words


def _spans(text: str) -> list[Span]:
    """All that is masked, none of it twice."""
    found: list[Span] = []
    if (naming := _NAMING.fullmatch(text)) is not None:
        at = len(naming[1])
        return [(start + at, end + at, mask) for start, end, mask in _spans(naming[2])]
    if _OUTSIDE.fullmatch(text) is not None:
        found += [(m.end(2), m.end(), MASK) for m in _USER_OPTION.finditer(text)]
    variable = _SET_VARIABLE.fullmatch(text)
    if variable is not None and is_secret(variable[2]):
        return [(len(variable[1]), len(text), MASK)]
    found += _secrets(text)
    found += [(m.start() + 2, m.end() - 1, MASK) for m in _USER_INFO.finditer(text)]
    found.sort()
    return [
        span
        for n, span in enumerate(found)
        if not any(span[0] < end and start < span[1] for start, end, _ in found[:n])
    ]


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
        elif _sets_user(words):
            yield from _of_user(tokens[2:])
        else:
            yield from (
                (value.start, value.end, _mask(value))
                for name, value in _pairs(tokens)
                if is_secret(name.value) or is_secret_like(name.value)
            )
            if "CONNECTOR" in [t.upper for t in tokens[:3]]:
                yield from _of_configs(tokens)


_IN_CONFIG = re.compile(r"(?i)(?:passw(?:or)?d|pwd|secret|token|credentials?)\s*=\s*([^\s;&,']+)")


def _of_configs(tokens: list[Token]) -> Iterator[Span]:
    """Secrets inside of a connector's configs, as in the URL of a database, and those whose names
    have dots and no quotes."""
    for n, sign in enumerate(tokens[1:-1], 1):
        first = n - 1
        while first > 0 and tokens[first - 1].end == tokens[first].start:
            first -= 1
        value = tokens[n + 1]
        name = "".join(t.text for t in tokens[first:n])
        if sign.text == "=" and value.kind in _VALUES and is_secret_like(name):
            yield value.start, value.end, _mask(value)
    for token in tokens:
        if token.kind in (Kind.STRING, Kind.OPEN):
            for match in _IN_CONFIG.finditer(token.text):
                yield token.start + match.start(1), token.start + match.end(1), MASK


def _sets_user(words: list[str]) -> bool:
    """Whether it is CREATE or ALTER USER, mistyped or not."""
    return len(words) == 2 and all(
        nearest(word, meant)
        for word, meant in zip(words, (("CREATE", "ALTER"), ("USER",)), strict=True)
    )


_USERS_WORDS = ("PASSWORD", "MECHANISM", "ITERATIONS", "SCRAM", "SHA")


def _of_user(tokens: list[Token]) -> Iterator[Span]:
    """All after the user's name that may be a password, mistyped ones too."""
    after = 1
    while after < len(tokens) and tokens[after].start == tokens[after - 1].end:
        after += 1  # a name with dashes
    for before, token in zip(tokens[after - 1 :], tokens[after:], strict=False):
        is_word = token.kind is Kind.WORD and bool(nearest(token.text, _USERS_WORDS, like=0.8))
        is_count = token.kind is Kind.NUMBER and (
            before.upper == "ITERATIONS" or token.text in ("256", "512")
        )
        if token.kind in _VALUES and not is_word and not is_count:
            yield token.start, token.end, _mask(token)


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
        hides = is_secret(name.value) or name.value.endswith(".command")
        if not is_known(name.value) or hides:
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
        yield after[0].start, end, MASK


def _mask(value: Token) -> str:
    return f"'{MASK}'" if value.text[0] == "'" else MASK


