"""Moments as a person writes them: '10 minutes ago', '@-10m', 'yesterday', '2026-01-31T10:00'.

Called where a time column (milliseconds since 1970 in UTC) meets a string in a bounded query, and
by PRINT.
Without a zone a moment is in UTC, as in ksqlDB.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from kshell.durations import DAY_MS, UNITS

__all__ = ["parse_moment"]

_UNITS = {
    **{name.lower(): length for name, length in UNITS.items()}, "week": 7 * DAY_MS,
    "ms": 1, "s": UNITS["SECOND"], "sec": UNITS["SECOND"], "m": UNITS["MINUTE"],
    "min": UNITS["MINUTE"], "h": UNITS["HOUR"], "d": DAY_MS, "w": 7 * DAY_MS,
}  # fmt: skip
_SINCE = re.compile(r"[-+](?:\d{1,12}(?:\.\d+)?[a-z]+)+", re.IGNORECASE)  # from now: -1h30m
_PART = re.compile(r"(\d{1,12}(?:\.\d+)?)([a-z]+)", re.IGNORECASE)
_AGO = re.compile(r"(\d{1,12}(?:\.\d+)?)\s*([a-z]+)\s+ago", re.IGNORECASE)


def _midnight(now: datetime, days: int) -> datetime:
    return now.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=days)


_WORDS: dict[str, Callable[[datetime], datetime]] = {
    "now": lambda now: now,
    "today": lambda now: _midnight(now, 0),
    "yesterday": lambda now: _midnight(now, 1),
}


def _length(count: str, unit: str) -> int | None:
    """So many of a unit in milliseconds."""
    name = unit.lower()
    one = _UNITS.get(name) or _UNITS.get(name.removesuffix("s"))
    return None if one is None else int(float(count) * one)


def parse_moment(text: str, now_ms: int) -> int | None:
    """Milliseconds since 1970, or None where the text is no moment.

    >>> parse_moment("10 minutes ago", 1_000_000)
    400000
    >>> parse_moment("@-10m", 1_000_000), parse_moment("@1700000000000", 0)
    (400000, 1700000000000)
    >>> parse_moment("1970-01-01T00:00:01.5Z", 0)
    1500
    >>> parse_moment("soon", 0) is None
    True
    """
    text = text.strip()
    if text.startswith("@"):
        text = text[1:].lstrip()
        if _SINCE.fullmatch(text):
            lengths = [_length(count, unit) for count, unit in _PART.findall(text)]
            sign = -1 if text[0] == "-" else 1
            known = [length for length in lengths if length is not None]
            return now_ms + sign * sum(known) if len(known) == len(lengths) else None
        if text.isascii() and text.isdigit():
            return int(text[:19])
    if match := _AGO.fullmatch(text):
        length = _length(match[1], match[2])
        return None if length is None else now_ms - length
    now = datetime.fromtimestamp(now_ms / 1000, UTC)
    if word := _WORDS.get(text.lower()):
        return round(word(now).timestamp() * 1000)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    delta = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return delta // timedelta(milliseconds=1)
