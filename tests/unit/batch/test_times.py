"""Moments as people write them."""

from __future__ import annotations

import pytest

from kshell.batch.times import parse_moment

NOW = 1_700_000_000_000  # 2023-11-14T22:13:20Z


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("now", NOW),
        ("10 minutes ago", NOW - 600_000),
        ("1 hour ago", NOW - 3_600_000),
        ("90s ago", NOW - 90_000),
        ("1.5 days ago", NOW - 129_600_000),
        ("2 weeks ago", NOW - 1_209_600_000),
        ("500 ms ago", NOW - 500),
        ("today", 1_699_920_000_000),
        ("yesterday", 1_699_833_600_000),
        ("1970-01-01", 0),
        ("1970-01-01T00:00:01.234", 1234),
        ("1970-01-01T01:00:00+01:00", 0),
        ("1969-12-31T23:59:59.999Z", -1),
        ("@-10m", NOW - 600_000),
        ("@-1h30m", NOW - 5_400_000),
        ("@+2 days", None),
        ("@+2days", NOW + 172_800_000),
        ("@1700000000000", NOW),
        ("@1970-01-01T00:00:01Z", 1000),
        ("@yesterday", 1_699_833_600_000),
        ("@-10", None),
        ("@-5parsecs", None),
        ("@", None),
        ("9" * 400 + " days ago", None),
        ("soon", None),
        ("10 parsecs ago", None),
        ("", None),
    ],
)
def test_moment(text, expected):
    assert parse_moment(text, NOW) == expected
