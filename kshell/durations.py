"""Lengths of time in milliseconds, by their units' names.  Light to import."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

__all__ = ["DAY_MS", "UNITS"]

DAY_MS = 86_400_000

# The units of windows, grace periods and retentions; each may be written with an S behind it.
UNITS: Mapping[str, int] = MappingProxyType(
    {
        "MILLISECOND": 1,
        "SECOND": 1_000,
        "MINUTE": 60_000,
        "HOUR": 3_600_000,
        "DAY": DAY_MS,
    }
)
