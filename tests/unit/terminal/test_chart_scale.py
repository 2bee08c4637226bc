"""The axes of charts."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kshell.terminal.charts.scale import moment_ticks, number_text, number_ticks, places
from kshell.terminal.times import Times

FINITE = st.floats(allow_nan=False, allow_infinity=False)


@pytest.mark.parametrize(
    ("low", "high", "most", "texts"),
    [
        (0, 97, 5, ["0", "20", "40", "60", "80"]),
        (0, 100, 3, ["0", "50", "100"]),
        (-3, 3, 4, ["-2", "0", "2"]),
        (0.1, 0.34, 3, ["0.1", "0.2", "0.3"]),
        (1200, 1310, 3, ["1.20k", "1.25k", "1.30k"]),
        (0, 2_500_000, 3, ["0", "1M", "2M"]),
        (1e15, 1e15 + 2, 3, ["1000000000000000", "1000000000000001", "1000000000000002"]),
        (0, 0.00002, 3, ["0", "1e-05", "2e-05"]),
        (0, 4e20, 3, ["0", "2e+20", "4e+20"]),
        (5, 5, 3, ["5"]),
        (0, 1, 0, []),
    ],
)
def test_ticks_of_numbers(low: float, high: float, most: int, texts: list[str]) -> None:
    assert [tick.text for tick in number_ticks(low, high, most)] == texts


@given(FINITE, FINITE, st.integers(1, 12))
def test_ticks_lie_between_the_ends(a: float, b: float, most: int) -> None:
    low, high = min(a, b), max(a, b)
    ticks = number_ticks(low, high, most)
    assert len(ticks) <= most
    slack = 1e-6 * (high / 2 - low / 2)
    assert all(low - slack <= t.value <= high + slack for t in ticks)


@given(st.lists(FINITE, min_size=1))
def test_places_are_between_0_and_1(values: list[float]) -> None:
    found = places(np.array(values), min(values), max(values))
    assert np.all((found >= 0) & (found <= 1))


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (7.0, "7"), (999.0, "999"), (1234.0, "1.234k"), (-5e6, "-5M"), (0.00001, "1e-05"),
     (123456.0, "123.5k"), (1e15, "1e+15")],
)  # fmt: skip
def test_a_number_in_few_characters(value: float, text: str) -> None:
    assert number_text(value) == text


HOUR, DAY = 3_600_000.0, 86_400_000.0


@pytest.mark.parametrize(
    ("low", "high", "texts"),
    [
        (0, 5_000, ["00:00:00", "00:00:02", "00:00:04"]),
        (0, 5, ["00:00:00.000", "00:00:00.002", "00:00:00.004"]),
        (DAY - HOUR, DAY + HOUR, ["23:00", "00:00", "01:00"]),
        (0, 3 * DAY, ["01-01", "01-03"]),
        (0, 400 * DAY, ["1970-01", "1970-07", "1971-01"]),
        (20 * DAY, 100 * DAY, ["1970-02", "1970-03", "1970-04"]),
        (-DAY, 20 * 365 * DAY, ["1970", "1980"]),
        (0, 20 * DAY, ["01-01", "01-08", "01-15"]),
        (5, 5, ["00:00:00.005"]),
        (55, 99, ["00:00:00.060", "00:00:00.080"]),
        (9 * DAY, 30 * DAY, ["01-15", "01-22", "01-29"]),
        (2 * DAY, 29 * DAY, ["1970-01"]),  # no month begins: the first moment
    ],
)
def test_ticks_of_moments(low: float, high: float, texts: list[str]) -> None:
    assert [t.text for t in moment_ticks(low, high, Times.UTC, lambda text: 3)] == texts


def test_moments_are_local_or_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Kolkata")  # 5 hours and a half before UTC
    time.tzset()
    try:
        local = moment_ticks(0, HOUR, Times.LOCAL, lambda text: 2)
        assert [(t.value, t.text) for t in local] == [(HOUR / 2, "06:00")]
    finally:
        monkeypatch.undo()
        time.tzset()
    numbers = moment_ticks(0, HOUR, Times.NUMBER, lambda text: 2)
    assert [t.text for t in numbers] == ["0", "2M"]


@pytest.mark.parametrize("high", [1e15, 1e18, 1e300])
def test_moments_beyond_the_calendar_do_not_fail(high: float) -> None:
    for times in Times:
        assert len(moment_ticks(-high, high, times, lambda text: 4)) <= 4
    assert math.isfinite(high)
