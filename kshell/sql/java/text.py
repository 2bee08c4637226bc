"""Strings as in Java: positions and lengths count UTF-16 units.

The rows of `library/strings.toml` name these if DuckDB's own functions differ.  A NULL argument
gives NULL without a call, unless the function is marked `takes_nulls`.  Half of a surrogate pair
that stands alone becomes `?`, as when Java writes UTF-8.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable
from typing import Any, TypeVar

from kshell.value_texts import java_double

__all__ = ["chr_of_code", "chr_of_text", "concat_bytes", "concat_ws_bytes", "initcap", "instr",
           "instr_from", "instr_nth", "length", "lower", "lpad", "lpad_bytes", "replace", "rpad",
           "rpad_bytes", "split", "split_bytes", "split_to_map", "substring", "substring_bytes",
           "substring_bytes_to", "substring_to", "takes_nulls", "text", "upper"]  # fmt: skip

F = TypeVar("F", bound=Callable[..., Any])
_LARGEST = 200_000_000  # bytes of a padded value: memory is bounded
_ESCAPES = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r", '"': '"', "'": "'", "\\": "\\"}


def takes_nulls(function: F) -> F:
    """Mark a function that also takes NULLs."""
    function.takes_nulls = True  # type: ignore[attr-defined]
    return function


def _units(value: str) -> bytes:
    return value.encode("utf-16-le", "surrogatepass")


def _by_unit(value: str) -> str:
    """A character for each UTF-16 unit."""
    return value if value.isascii() else "".join(map(chr, array("H", _units(value))))


def _whole(units: bytes) -> str:
    text = units.decode("utf-16-le", "surrogatepass")
    return text.encode("utf-8", "replace").decode()


def text(value: Any) -> str:
    """Java's String.valueOf of a primitive; NULL is the word null.

    >>> text(True), text(None), text(1.0)
    ('true', 'null', '1.0')
    """
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return java_double(value) if isinstance(value, float) else str(value)


def length(value: str) -> int:
    """String.length().

    >>> length("a𝄞")
    3
    """
    return len(_units(value)) // 2


def upper(value: str) -> str:
    """UCASE of text that is not only ASCII.

    >>> upper("straße")
    'STRASSE'
    """
    return value.upper()


def lower(value: str) -> str:
    """LCASE of text that is not only ASCII."""
    return value.lower()


def initcap(value: str) -> str:
    """Each word with a capital letter and small ones after it.

    >>> initcap("the QUICK  fox's")
    "The Quick  Fox's"
    """
    out, first = [], True
    for letter in value.lower():
        title = letter.title() if first else letter
        out.append(title if len(title) == 1 else letter)
        first = letter.isspace()
    return "".join(out)


def chr_of_code(code: int) -> str | None:
    """The character of a code point."""
    if not 0 <= code <= 0x10FFFF:
        return None
    return "?" if 0xD800 <= code <= 0xDFFF else chr(code)


def chr_of_text(value: str) -> str | None:
    r"""The characters of Java's escapes (\u004b, \n) in the text; None if there is no \u first.

    >>> chr_of_text(r"\u004b")
    'K'
    """
    if len(value) < 6 or not value.startswith("\\u"):
        return None
    units, at = b"", 0
    while at < len(value):
        if value[at] != "\\" or at + 1 == len(value):
            units += _units(value[at])
            at += 1
        elif value[at + 1] == "u":
            digits = value[at + 1 :].lstrip("u")[:4]
            at = value.index(digits, at + 2) + 4 if digits else at
            units += _unit(digits)
        else:
            units += _units(_ESCAPES.get(value[at + 1], value[at + 1]))
            at += 2
    return _whole(units)


def _unit(digits: str) -> bytes:
    if len(digits) < 4:
        raise ValueError(f"four digits are needed after \\u: {digits}")
    return int(digits, 16).to_bytes(2, "little")


def instr(value: str, part: str) -> int:
    """The position of the part, from 1; 0 if it is not there."""
    return instr_nth(value, part, 1, 1)


def instr_from(value: str, part: str, position: int) -> int:
    """The same, from a position on; backwards from the end if that is negative."""
    return instr_nth(value, part, position, 1)


def instr_nth(value: str, part: str, position: int, occurrence: int) -> int:
    """The same, for the occurrence with that number.

    >>> instr_nth("corporate floor", "or", 3, 2), instr_nth("corporate floor", "or", -3, 2)
    (14, 2)
    """
    if position == 0 or occurrence < 1:
        return 0
    value, part = _by_unit(value), _by_unit(part)
    at = position - 1 if position > 0 else len(value) + position
    for _ in range(occurrence):
        found = value.find(part, at) if position > 0 else _back(value, part, at)
        if found < 0:
            return 0
        at = found + 1 if position > 0 else found - 1
    return found + 1


def _back(text: str, part: str, at: int) -> int:
    return text.rfind(part, 0, at + len(part)) if at >= 0 else -1


def _padding(size: int, wanted: int, padding: bytes) -> bytes | None:
    if wanted < 0 or not padding:
        return None
    if wanted > _LARGEST:
        raise ValueError(f"{wanted:,} bytes are more than a record can have")
    missing = max(wanted - size, 0)
    return (padding * (missing // len(padding) + 1))[:missing]


def lpad_bytes(value: bytes, size: int, padding: bytes) -> bytes | None:
    """Padded at the left, or cut, to a size; None for a negative size or no padding."""
    pad = _padding(len(value), size, padding)
    return None if pad is None else pad + value[:size]


def rpad_bytes(value: bytes, size: int, padding: bytes) -> bytes | None:
    """Padded at the right, or cut, to a size; None for a negative size or no padding."""
    pad = _padding(len(value), size, padding)
    return None if pad is None else value[:size] + pad


def lpad(value: str, size: int, padding: str) -> str | None:
    """Padded at the left, or cut, to a number of UTF-16 units.

    >>> lpad("foo", 7, "Bar"), lpad("foo", 2, "Bar"), lpad("foo", -1, "Bar")
    ('BarBfoo', 'fo', None)
    """
    made = lpad_bytes(_units(value), size * 2, _units(padding))
    return None if made is None else _whole(made)


def rpad(value: str, size: int, padding: str) -> str | None:
    """Padded at the right, or cut, to a number of UTF-16 units."""
    made = rpad_bytes(_units(value), size * 2, _units(padding))
    return None if made is None else _whole(made)


def _bounds(size: int, position: int, count: int) -> tuple[int, int]:
    start = max(size + position, 0) if position < 0 else max(min(position - 1, size), 0)
    return start, max(min(start + count, size), start)


def substring(value: str, position: int) -> str:
    """From a position (1 is the first, -1 the last) to the end."""
    return substring_to(value, position, 2**31)


def substring_to(value: str, position: int, count: int) -> str:
    """A number of UTF-16 units from a position.

    >>> substring_to("some_string", 6, 3), substring_to("abc", -2, 9), substring_to("abc", 0, 1)
    ('str', 'bc', 'a')
    """
    if value.isascii():
        start, end = _bounds(len(value), position, count)
        return value[start:end]
    units = _units(value)
    start, end = _bounds(len(units) // 2, position, count)
    return _whole(units[start * 2 : end * 2])


def substring_bytes(value: bytes, position: int) -> bytes:
    """The bytes from a position to the end."""
    return substring_bytes_to(value, position, 2**31)


def substring_bytes_to(value: bytes, position: int, count: int) -> bytes:
    """A number of bytes from a position."""
    start, end = _bounds(len(value), position, count)
    return value[start:end]


def replace(value: str, old: str, new: str) -> str:
    """Every `old` replaced; an empty one is found before each character and at the end."""
    return value.replace(old, new)


def split(value: str, delimiter: str) -> list[str]:
    """The parts between delimiters; each character if there is none.

    >>> split("..a", "."), split("abc", ""), split("", "")
    (['', '', 'a'], ['a', 'b', 'c'], [''])
    """
    return value.split(delimiter) if delimiter else list(value) or [""]


def split_bytes(value: bytes, delimiter: bytes) -> list[bytes]:
    """The parts between delimiters; each byte if there is none."""
    if delimiter:
        return value.split(delimiter)
    return [value[n : n + 1] for n in range(len(value))] or [b""]


def split_to_map(value: str, entries: str, pair: str) -> dict[str, str] | None:
    """Entries of a text as a map; those without a `pair` delimiter are left out.

    >>> split_to_map("a=1;b;c=2=3", ";", "=")
    {'a': '1', 'c': '2'}
    """
    if not entries or not pair:
        return None
    found = (entry.split(pair) for entry in value.split(entries) if pair in entry)
    return {parts[0]: parts[1] for parts in found}


@takes_nulls
def concat_bytes(*values: bytes | None) -> bytes:
    """All joined; NULLs are left out."""
    return b"".join(v for v in values if v is not None)


@takes_nulls
def concat_ws_bytes(separator: bytes | None, *values: bytes | None) -> bytes | None:
    """All joined with a separator between; NULLs are left out."""
    if separator is None:
        return None
    return separator.join(v for v in values if v is not None)
