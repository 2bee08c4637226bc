"""Strings that stand for moments where ROWTIME, WINDOWSTART or WINDOWEND is compared with them.

`bind.expressions` calls it.  ksqlDB takes partial ones: a year, a month, a day; UTC without a zone.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

from kshell.errors import BindError, Place

__all__ = ["moment_ms"]

_PARTS = re.compile(
    r"(\d{4})(?:-(\d{1,2})(?:-(\d{1,2}))?)?"
    r"(?:T(\d{1,2})(?::(\d{1,2})(?::(\d{1,2})(?:\.(\d{1,3}))?)?)?)?"
    r"(Z|[+-]\d{2}:?\d{2})?"
)


def moment_ms(text: str, place: Place | None = None) -> int:
    """Milliseconds since 1970 in UTC.

    >>> moment_ms("1970-01-01T00:00:01"), moment_ms("1970-01-02"), moment_ms("1970")
    (1000, 86400000, 0)
    >>> moment_ms("1970-01-01T01:00:00+0100")
    0
    """
    match = _PARTS.fullmatch(text.strip().replace(" ", "T", 1))
    if match is None:
        raise BindError(
            f"Failed to parse timestamp '{text}'",
            hint="write it as 2026-01-31T10:00:00.000, with +0100 for a zone",
            place=place,
        )
    year, month, day, hour, minute, second = (
        int(part or default)
        for part, default in zip(match.groups()[:6], (1, 1, 1, 0, 0, 0), strict=True)
    )
    milliseconds = int((match[7] or "0").ljust(3, "0"))
    try:
        moment = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError as error:
        raise BindError(f"Failed to parse timestamp '{text}': {error}", place=place) from None
    zone = (match[8] or "Z").replace(":", "")
    shift = 0
    if zone != "Z":
        shift = (int(zone[1:3]) * 60 + int(zone[3:5])) * 60 * (-1 if zone[0] == "-" else 1)
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds - shift) * 1000 + milliseconds
