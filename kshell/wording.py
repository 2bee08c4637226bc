"""Numbers in words: so many things, how long ago, how far behind."""

from __future__ import annotations

import time

__all__ = ["ago", "backlog", "many", "time_left"]


def many(count: int, what: str) -> str:
    """So many things.

    >>> many(1, "key"), many(1_834, "change")
    ('1 key', '1,834 changes')
    """
    return f"{count:,} {what}{'' if count == 1 else 's'}"


_LENGTHS = ((3600, "h"), (60, "min"), (1, "s"))  # seconds, and what so many are called


def time_left(lag: int | None, rate: float) -> str:
    """How long a query needs for its backlog at this rate; empty if unknown or under a second.

    >>> time_left(1_204_332, 310_000.0), time_left(9_000_000, 10_000.0), time_left(5, 0.0)
    ('4 s', '15 min', '')
    """
    seconds = lag / rate if lag and rate >= 1 else 0.0
    if seconds < 1:
        return ""
    length, unit = next((n, u) for n, u in _LENGTHS if seconds >= 2 * n or n == 1)
    return f"{seconds / length:,.0f} {unit}"


def ago(moment: int, now: float | None = None) -> str:
    """How long ago a moment (ms) was.

    >>> ago(0, 90.0), ago(0, 150.0), ago(0, 200_000.0)
    ('90 s ago', '2 min ago', '2 d ago')
    """
    seconds = max((time.time() if now is None else now) - moment / 1000, 0.0)
    length, unit = next((n, u) for n, u in ((86400, "d"), *_LENGTHS) if seconds >= 2 * n or n == 1)
    return f"{seconds // length:.0f} {unit} ago"


def backlog(lag: int | None, rate: float) -> str:
    """Backlog, rate and time left, for a footer.

    >>> backlog(1_204_332, 310_000.0), backlog(0, 5.0), backlog(None, 0.0)
    ('lag 1,204,332 · 310,000/s · 4 s left', 'lag 0 · 5/s', 'lag ? · 0/s')
    """
    left = time_left(lag, rate)
    behind = "?" if lag is None else f"{lag:,}"
    return f"lag {behind} · {rate:,.0f}/s" + (f" · {left} left" if left else "")
