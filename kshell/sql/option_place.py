"""Where the option of WITH (…), or the property of SET, stands that an error speaks of.

`session` points errors with it: who reads options and properties sees them without their places.
"""

from __future__ import annotations

import re

from kshell.errors import KshellError, UnknownName
from kshell.sql.script import Piece
from kshell.sql.tokens import Kind, Token, place_at, tokenize

__all__ = ["option_span", "point_at", "setting_span"]


def option_span(text: str, what: str) -> tuple[int, int] | None:
    """The option's name in the statement, or the value, whichever the message names.

    >>> text = "CREATE STREAM s WITH (KAFKA_TOPIC='t', VALUE_FORMAT='JSONN')"
    >>> start, end = option_span(text, "Unknown format: JSONN")
    >>> text[start:end]
    "'JSONN'"
    """
    tokens = list(tokenize(text))
    begin = next((n for n, t in enumerate(tokens) if _with(tokens, n)), len(tokens))
    words = {w.upper() for w in re.findall(r"\w+", what)}
    listed = {w.upper() for w in re.findall(r"\[(\w+)\]", what)}
    named: list[Token] = []
    valued: list[Token] = []
    short: list[Token] = []  # DELIMITER for VALUE_DELIMITER
    for n in range(begin + 2, len(tokens) - 2):
        name, sign, value = tokens[n : n + 3]
        if sign.text != "=" or name.kind not in (Kind.WORD, Kind.QUOTED, Kind.STRING):
            continue
        full = name.value.upper()
        if full in words:
            named.append(name)
        elif full.partition("_")[2] in listed:
            short.append(name)
        if value.value.upper() in words and len(value.value) > 1:
            valued.append(value)
    found = next(iter((*named, *short, *valued)), None)
    return None if found is None else (found.start, found.end)


def setting_span(text: str, what: str) -> tuple[int, int] | None:
    """The value that a refused SET or ALTER SYSTEM gives, or the property's name if that is wrong.

    >>> text = "SET 'a.b'='1', 'kshell.dialect'='kql'"
    >>> start, end = setting_span(text, "kshell.dialect cannot be 'kql'")
    >>> text[start:end]
    "'kql'"
    """
    tokens = [t for t in tokenize(text) if t.text != ";"]
    settings: list[tuple[Token, Token, Token]] = []  # the name's first and last, and the value
    first = 2 if tokens[0].upper == "ALTER" else 1
    if tokens[0].upper == "UNSET" and len(tokens) > 1:
        return tokens[1].start, tokens[-1].end
    for n, sign in enumerate(tokens):
        if sign.text == "=" and first < n < len(tokens) - 1:
            settings.append((tokens[first], tokens[n - 1], tokens[n + 1]))
            first = n + 3  # behind the comma
    said = what.lower()
    for start, end, value in settings:
        name = start.value if start is end else text[start.start : end.end]
        if name.strip().lower() in said or len(settings) == 1:
            if said.startswith("no ") or "have no property" in said:
                return start.start, end.end
            return value.start, value.end
    return None


def _with(tokens: list[Token], n: int) -> bool:
    return tokens[n].upper == "WITH" and n + 1 < len(tokens) and tokens[n + 1].text == "("


_SPANS = {
    "CREATE": option_span,
    "ASSERT": option_span,
    "COPY": option_span,
    **dict.fromkeys(("SET", "ALTER", "UNSET"), setting_span),
}
# One of these words is near the beginning of a statement that has options or settings.
_WITH_OPTIONS = {"CREATE": {"STREAM", "TABLE"}, "ALTER": {"SYSTEM"}}


def point_at(error: KshellError, piece: Piece) -> None:
    """Give an error of a statement the place of the option, property or name that it speaks of."""
    _point_at_option(error, piece)
    _point_at_name(error, piece)


def _point_at_option(error: KshellError, piece: Piece) -> None:
    """An error of an option of WITH is at the option, not at the source's name; one of SET at its
    property or value."""
    words = piece.text.upper().split(None, 5)[:5]
    find = _SPANS.get(words[0]) if words else None
    if words and not set(words) & _WITH_OPTIONS.get(words[0], set(words)):
        find = None  # errors of other statements have their places
    if find is not None and (span := find(piece.text, error.what)) is not None:
        at = place_at(piece.text, *span, piece.line, piece.column)
        if error.place is None or (error.place.line, error.place.column) < (at.line, at.column):
            error.place = at


def _point_at_name(error: KshellError, piece: Piece) -> None:
    """An error of a name that nothing has is at the name."""
    if isinstance(error, UnknownName) and error.place is None:
        for token in tokenize(piece.text):
            if token.value.casefold() == error.name.casefold():
                at = place_at(piece.text, token.start, token.end, piece.line, piece.column)
                error.place = at
                return
