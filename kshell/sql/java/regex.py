r"""java.util.regex by the `regex` module: translates patterns and replacements.

The rows of `library/strings.toml` name these.  Differences: `\d \w \s` are ASCII in Java, `.` and
`$` know more line ends, and there are `\z`, `\Q…\E`, `\0n`, `\x{h}`, `\k<name>`, POSIX's and Java's
own classes, and `$1` in replacements.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import regex

__all__ = ["extract", "extract_all", "extract_all_group", "extract_group", "replace_all",
           "split_to_array"]  # fmt: skip

_LINE_END = r"(?:\r\n|[\n\r\u0085\u2028\u2029])"
_DOLLAR = rf"(?:(?={_LINE_END}\Z)(?<!\r(?=\n))|\Z)"
_DOT = r"[^\n\r\u0085\u2028\u2029]"
_FLAG = regex.compile(r"\(\?[a-zA-Z]*([ms])")
_LETTERS = {
    "d": "[0-9]", "D": "[^0-9]", "w": "[a-zA-Z0-9_]", "W": "[^a-zA-Z0-9_]",
    "s": r"[ \t\n\x0B\f\r]", "S": r"[^ \t\n\x0B\f\r]",
    "z": r"\Z", "Z": _DOLLAR, "e": r"\x1b",
    "h": r"[ \t\xA0\u1680\u180e\u2000-\u200a\u202f\u205f\u3000]",
}  # fmt: skip
_PROPERTIES = {
    "lower": "[a-z]", "upper": "[A-Z]", "alpha": "[a-zA-Z]", "digit": "[0-9]",
    "alnum": "[a-zA-Z0-9]", "ascii": r"[\x00-\x7F]", "blank": r"[ \t]",
    "cntrl": r"[\x00-\x1F\x7F]", "xdigit": "[0-9a-fA-F]", "space": r"[ \t\n\x0B\f\r]",
    "punct": r"[!-/:-@\[-`{-~]", "graph": "[!-~]", "print": "[ -~]",
    "javalowercase": r"\p{Lowercase}", "javauppercase": r"\p{Uppercase}",
    "javawhitespace": r"\p{White_Space}", "javaletter": r"\p{L}", "javadigit": r"\p{Nd}",
    "javaletterordigit": r"[\p{L}\p{Nd}]", "javaalphabetic": r"\p{Alphabetic}",
}  # fmt: skip


def _property(name: str, negated: bool) -> str:
    r"""\p{name} in the module's syntax."""
    plain = name.casefold()
    found = _PROPERTIES.get(plain)
    if found is None:
        bare = plain[2:] if plain.startswith(("is", "in")) and len(plain) > 3 else name
        return rf"\{'P' if negated else 'p'}{{{bare}}}"
    if not negated:
        return found
    return f"[^{found}]" if not found.startswith("[") else "[^" + found[1:]


class _Reader:
    """Reads a Java pattern once and translates it."""

    def __init__(self, pattern: str) -> None:
        self.text = pattern
        self.at = 0
        self.depth = 0  # of [ … ]
        flags = set(_FLAG.findall(pattern))
        self.bare = {"$": "$" if "m" in flags else _DOLLAR, ".": "." if "s" in flags else _DOT}
        self.out: list[str] = []

    def read(self) -> str:
        while self.at < len(self.text):
            self._one()
        return "".join(self.out)

    def _one(self) -> None:
        letter = self.text[self.at]
        if letter == "\\":
            self._escape()
            return
        if letter == "[":
            self.depth += 1
        elif letter == "]" and self.depth:
            self.depth -= 1
        elif letter in self.bare and not self.depth:
            letter = self.bare[letter]
        elif self.depth and letter in "|~-" and self.text[self.at + 1 : self.at + 2] == letter:
            letter = "\\" + letter  # the module has set operators that Java does not have
        self.out.append(letter)
        self.at += 1

    def _escape(self) -> None:
        mark = self.text[self.at + 1 : self.at + 2]
        rest = self.text[self.at + 2 :]
        self.at += 2
        if mark == "Q":
            literal, _, _ = rest.partition("\\E")
            self.at += len(literal) + 2
            self.out.append(regex.escape(literal))
        elif mark in ("p", "P"):
            name = rest[1 : rest.index("}")] if rest.startswith("{") else rest[:1]
            self.at += len(name) + (2 if rest.startswith("{") else 0)
            self.out.append(_property(name, mark == "P"))
        elif mark == "x" and rest.startswith("{"):
            digits = rest[1 : rest.index("}")]
            self.at += len(digits) + 2
            self.out.append(regex.escape(chr(int(digits, 16))))
        elif mark == "k" and rest.startswith("<"):
            name = rest[1 : rest.index(">")]
            self.at += len(name) + 2
            self.out.append(f"(?P={name})")
        elif mark == "0":
            digits = rest[: 3 if rest[:1] in "0123" else 2]
            digits = digits[: len(digits) - len(digits.lstrip("01234567"))]
            self.at += len(digits)
            self.out.append(regex.escape(chr(int(digits, 8))))
        else:
            self.out.append(_LETTERS.get(mark, "\\" + mark))


@lru_cache(maxsize=512)
def _compiled(pattern: str) -> regex.Pattern[str]:
    try:
        return regex.compile(_Reader(pattern).read(), regex.VERSION1)
    except (regex.error, ValueError, OverflowError) as error:
        raise ValueError(f"Invalid regular expression pattern: {pattern}: {error}") from None


def extract(pattern: str, value: str) -> str | None:
    """The first match."""
    return extract_group(pattern, value, 0)


def extract_group(pattern: str, value: str, group: int) -> str | None:
    """A group of the first match; None if there is no match or no such group.

    >>> extract_group("(.*) (.*)", "steven zhang", 2)
    'zhang'
    """
    compiled = _compiled(pattern)
    if not 0 <= group <= compiled.groups:
        return None
    found = compiled.search(value)
    text: str | None = found[group] if found else None
    return text


def extract_all(pattern: str, value: str) -> list[str | None] | None:
    """Every match."""
    return extract_all_group(pattern, value, 0)


def extract_all_group(pattern: str, value: str, group: int) -> list[str | None] | None:
    """A group of every match; None if there is no such group."""
    compiled = _compiled(pattern)
    if not 0 <= group <= compiled.groups:
        return None
    return [match[group] for match in compiled.finditer(value)]


@lru_cache(maxsize=512)
def _parts(replacement: str, groups: int) -> tuple[str | int, ...]:
    r"""Java's replacement: $1, ${name}, and \ before a literal character."""
    parts: list[str | int] = []
    at = 0
    while at < len(replacement):
        letter = replacement[at]
        if letter == "\\":
            if at + 1 == len(replacement):
                raise ValueError("character to be escaped is missing")
            parts.append(replacement[at + 1])
            at += 2
        elif letter == "$":
            part, at = _reference(replacement, at + 1, groups)
            parts.append(part)
        else:
            parts.append(letter)
            at += 1
    return tuple(parts)


def _reference(replacement: str, at: int, groups: int) -> tuple[str | int, int]:
    rest = replacement[at:]
    if rest.startswith("{") and "}" in rest:
        name = rest[1 : rest.index("}")]
        return "$" + name, at + len(name) + 2
    if not rest[:1].isdigit():
        raise ValueError(f"Illegal group reference in {replacement}")
    number, at = int(rest[0]), at + 1
    if number > groups:
        raise ValueError(f"No group {number}")
    # More digits belong to the number if a group with that number exists.
    while replacement[at : at + 1].isdigit() and number * 10 + int(replacement[at]) <= groups:
        number, at = number * 10 + int(replacement[at]), at + 1
    return number, at


def replace_all(value: str, pattern: str, replacement: str) -> str:
    """Every match replaced.

    >>> replace_all("John Smith", "(\\\\w+) (\\\\w+)", "$2, $1")
    'Smith, John'
    """
    compiled = _compiled(pattern)
    parts = _parts(replacement, compiled.groups)

    def made(match: Any) -> str:
        texts = (
            match[part] if isinstance(part, int)
            else match[part[1:]] if len(part) > 1
            else part
            for part in parts
        )  # fmt: skip
        return "".join(t or "" for t in texts)

    replaced: str = compiled.sub(made, value)
    return replaced


def split_to_array(value: str, pattern: str) -> list[str]:
    """The parts between matches; each character for an empty pattern.

    >>> split_to_array("aXbXXc", "X+")
    ['a', 'b', 'c']
    """
    if not pattern:
        return list(value) or [""]
    parts, at = [], 0
    for match in _compiled(pattern).finditer(value):
        if match.end() == 0:  # nothing before the first character
            continue
        parts.append(value[at : match.start()])
        at = match.end()
    return [*parts, value[at:]]
