"""Where the option of WITH (…) stands that an error speaks of.

`session` points errors of CREATE with it: `bind` and `catalog` see options without their places.
"""

from __future__ import annotations

import re

from kshell.sql.tokens import Kind, Token, tokenize

__all__ = ["option_span"]


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


def _with(tokens: list[Token], n: int) -> bool:
    return tokens[n].upper == "WITH" and n + 1 < len(tokens) and tokens[n + 1].text == "("
