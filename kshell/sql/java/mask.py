"""MASK and similar functions: replace letters and digits by one character of each kind.

The rows of `library/strings.toml` name these.  A NULL mask leaves its kind as it is.
"""

from __future__ import annotations

import unicodedata

from kshell.sql.java.text import takes_nulls

__all__ = ["mask", "mask_keep_left", "mask_keep_right", "mask_left", "mask_right"]

_KINDS = {"Lu": 0, "Ll": 1, "Nd": 2}
_OTHER = 3
_DEFAULT = ("X", "x", "n", "-")


def _masked(text: str, masks: tuple[str | None, ...]) -> str:
    out = []
    for letter in text:
        mask = masks[_KINDS.get(unicodedata.category(letter), _OTHER)]
        # Java counts UTF-16 units: a character of two units is two characters of the kind "other".
        if mask:
            out.append(mask[0] * (2 if ord(letter) > 0xFFFF else 1))
        else:
            out.append(letter)
    return "".join(out)


def _masks(given: tuple[str | None, ...]) -> tuple[str | None, ...]:
    return given or _DEFAULT


def _checked(count: int | None, name: str) -> int:
    if count is None or count < 0:
        raise ValueError(f"function {name} requires a non-negative number")
    return count


@takes_nulls
def mask(value: str | None, *masks: str | None) -> str | None:
    """The whole text masked.

    >>> mask("My Test $123")
    'Xx-Xxxx--nnn'
    """
    return None if value is None else _masked(value, _masks(masks))


@takes_nulls
def mask_left(value: str | None, count: int | None, *masks: str | None) -> str | None:
    """The first characters masked."""
    count = _checked(count, "mask_left")
    return None if value is None else _masked(value[:count], _masks(masks)) + value[count:]


@takes_nulls
def mask_right(value: str | None, count: int | None, *masks: str | None) -> str | None:
    """The last characters masked."""
    count = _checked(count, "mask_right")
    if value is None:
        return None
    at = max(len(value) - count, 0)
    return value[:at] + _masked(value[at:], _masks(masks))


@takes_nulls
def mask_keep_left(value: str | None, count: int | None, *masks: str | None) -> str | None:
    """All but the first characters masked."""
    count = _checked(count, "mask_keep_left")
    return None if value is None else value[:count] + _masked(value[count:], _masks(masks))


@takes_nulls
def mask_keep_right(value: str | None, count: int | None, *masks: str | None) -> str | None:
    """All but the last characters masked."""
    count = _checked(count, "mask_keep_right")
    if value is None:
        return None
    at = max(len(value) - count, 0)
    return _masked(value[:at], _masks(masks)) + value[at:]
