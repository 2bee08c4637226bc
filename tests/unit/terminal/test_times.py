"""Moments as text, in zones with and without whole hours, and where the calendar ends."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kshell.terminal.times import Times, is_time, time_texts
from kshell.types import as_moment


@pytest.fixture
def zone(monkeypatch):  # type: ignore[no-untyped-def]
    def change(name: str) -> None:
        monkeypatch.setenv("TZ", name)
        time.tzset()

    yield change
    monkeypatch.undo()
    time.tzset()


def ms(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)


@pytest.mark.parametrize(
    ("name", "summer", "winter"),
    [
        ("Europe/Lisbon", "2024-07-01 13:30:00.250+01", "2024-12-01 12:30:00.250+00"),
        ("Asia/Kolkata", "2024-07-01 18:00:00.250+05:30", "2024-12-01 18:00:00.250+05:30"),
        ("America/St_Johns", "2024-07-01 10:00:00.250-02:30", "2024-12-01 09:00:00.250-03:30"),
    ],
)
def test_local_time_with_its_offset(zone, name, summer, winter) -> None:
    zone(name)
    moments = [ms("2024-07-01T12:30:00.250Z"), None, ms("2024-12-01T12:30:00.250Z")]
    assert time_texts(pa.array(moments, pa.int64()), Times.LOCAL) == [summer, None, winter]


def test_timestamps_have_the_digits_of_their_unit() -> None:
    for unit, text in (
        ("s", "1970-01-01 00:00:01Z"),
        ("ms", "1970-01-01 00:00:00.001Z"),
        ("us", "1970-01-01 00:00:00.000001Z"),
        ("ns", "1970-01-01 00:00:00.000000001Z"),
    ):
        assert time_texts(pa.array([1], pa.int64()).cast(pa.timestamp(unit)), Times.UTC) == [text]


def test_a_record_without_a_time_and_times_beyond_the_calendar_are_numbers() -> None:
    far = [-1, 2**62, -(2**62)]
    for times in (Times.UTC, Times.LOCAL):
        assert time_texts(pa.array(far, pa.int64()), times) == [str(n) for n in far]
    endless = pa.array([2**63 - 1, 1 - 2**63], pa.int64()).cast(pa.timestamp("us"))
    assert time_texts(endless, Times.LOCAL) == ["infinity", "-infinity"]


def test_which_columns_are_times() -> None:
    number, moment = pa.field("n", pa.int64()), as_moment(pa.field("t", pa.int64()))
    stamp = pa.field("s", pa.timestamp("ms"))
    assert [is_time(f, Times.LOCAL) for f in (number, moment, stamp)] == [False, True, True]
    assert not any(is_time(f, Times.NUMBER) for f in (number, moment, stamp))


@given(st.lists(st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30)), max_size=20))
def test_what_is_shown_means_the_same_moment(moments) -> None:
    values = [round(m.replace(tzinfo=UTC).timestamp() * 1000) for m in moments]
    for times in (Times.LOCAL, Times.UTC):
        shown = time_texts(pa.array(values, pa.int64()), times)
        assert [v if v == -1 else ms(t) for t, v in zip(shown, values, strict=True)] == values
