"""Whole columns give what their rows give, and what was printed is read back."""

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kshell.moments import format_timestamp, millis_of, zone_of
from kshell.moments.columns import (
    format_dates,
    format_times,
    format_timestamps,
    millis_of_days,
    millis_of_texts,
    millis_or_null,
)
from kshell.moments.layout import layout_of
from kshell.moments.lenient import lenient_of

FIXED = (
    "yyyy-MM-dd'T'HH:mm:ss.SSSX", "yyyyMMddHHmmssSSS", "yyyy-MM-dd HH:mm:ss", "dd-MMM-yyyy HH",
    "yyyy/MM/dd", "uuuu-MM-dd HH:mm:ss.SSSSSSSSS", "yyyy-MM-dd HH:mm:ss.S",
)  # fmt: skip
VARYING = (
    "d.M.yyyy H:mm", "d MMMM y h:mm:ss a", "M/d/yy hh a", "dd-MMM-yy", "H:m:s.SSS", "u/M/d'T'H:mX",
)  # fmt: skip
EXACT = (
    "yyyy-MM-dd'T'HH:mm:ss.SSSXXX", "uuuuMMddHHmmssSSSX", "EEE, d MMM y h:m:s.SSS a VV",
    "yyyy-DDD A x", "YYYY-ww-e HH:mm:ss.SSS Z", "d/M/y H:m:s:n OOOO", "G yyyy MM dd N ZZZZZ",
)  # fmt: skip
ZONES = ("UTC", "+05:30", "America/Los_Angeles", "Australia/Lord_Howe", "Asia/Kathmandu")

zones = st.sampled_from(ZONES).map(zone_of)
moments = st.integers(-(10**13), 10**14) | st.integers(0, 2 * 10**12)


# Since 1972 all of these zones are whole minutes from UTC, which is what the patterns can show.
@given(st.sampled_from(EXACT), st.integers(63_072_000_000, 10**14), zones)
@settings(max_examples=300)
def test_what_is_printed_with_its_offset_is_read_back(pattern, millis, zone):
    shown = format_timestamp(pattern, millis, zone)
    read = millis_of(pattern, shown)
    # A region's name does not tell which of two equal hours it was: the first is read.
    assert read == millis or ("VV" in pattern and abs(read - millis) in (1_800_000, 3_600_000))


@given(st.sampled_from(FIXED), st.lists(st.none() | moments, max_size=20), zones)
@settings(max_examples=150)
def test_a_column_is_printed_as_its_rows_are(pattern, values, zone):
    shown = format_timestamps(pattern, pa.array(values, pa.int64()), zone).to_pylist()
    assert shown == [None if v is None else format_timestamp(pattern, v, zone) for v in values]


@given(
    st.sampled_from((*FIXED, *VARYING, "mm:ss", "MM/yyyy")),
    st.lists(st.none() | st.tuples(moments, st.integers(0, 30), st.sampled_from("0123456789zZ+"))),
    zones,
)
@settings(max_examples=400)
def test_a_column_is_read_as_its_rows_are(pattern, rows, zone):
    texts = []
    for row in rows:
        text = None
        if row is not None:
            millis, at, character = row
            text = format_timestamp(pattern, millis, zone)
            text = text[:at] + character + text[at + 1 :]
            try:
                millis_of(pattern, text, zone)
            except ValueError:
                text = None
        texts.append(text)
    column = pa.array(["before", *texts], pa.string()).slice(1)
    expected = [None if t is None else millis_of(pattern, t, zone) for t in texts]
    assert millis_of_texts(pattern, column, zone).to_pylist() == expected


def test_fixed_patterns_have_a_layout_and_others_none():
    assert all(layout_of(pattern) is not None for pattern in FIXED)
    for pattern in (*VARYING, "yyyy-MM-dd HH:mm VV", "yyyy-MM-dd[ HH]", "yyyy-MM-dd E"):
        assert layout_of(pattern) is None
    assert all(lenient_of(pattern) is not None for pattern in VARYING)
    for pattern in ("dMyyyy", "d/M", "h:mm", "d/M/yyyy VV", "mm:ss", "yyyy-MM"):
        assert lenient_of(pattern) is None


def test_a_row_that_does_not_fit_fails_the_column():
    with pytest.raises(ValueError, match="'2021-02-xx' could not be parsed at index 8"):
        millis_of_texts("yyyy-MM-dd", pa.array(["2021-02-01", "2021-02-xx"]))


def test_rows_that_do_not_fit_may_be_null():
    column = pa.array(["2021-02-01", "2021-02-xx", None, "2021-06-31", ""])
    expected = [1612137600000, None, None, 1625011200000, None]
    assert millis_or_null("yyyy-MM-dd", column).to_pylist() == expected
    assert millis_or_null("yyyy-MM-dd[ HH]", column).to_pylist() == expected
    with pytest.raises(ValueError, match="Unknown pattern letter"):
        millis_or_null("bbb", column)


def test_a_moment_beyond_the_milliseconds_of_a_long_is_refused():
    assert millis_or_null("y-M-d", pa.array(["999999999-1-1", "12345-1-1"])).to_pylist() == [
        None, 327403382400000
    ]  # fmt: skip


def test_days_past_a_months_end_are_its_last_in_columns_too():
    column = pa.array(["2021-06-31", "2020-02-30", "2021-06-30"])
    assert millis_of_texts("yyyy-MM-dd", column).to_pylist() == [
        1625011200000, 1582934400000, 1625011200000
    ]  # fmt: skip


def test_dates_and_times_have_columns():
    days = pa.array([0, None, 18993], pa.int32()).cast(pa.date32())
    assert format_dates("dd-MMM-yyyy", days).to_pylist() == ["01-Jan-1970", None, "01-Jan-2022"]
    assert format_dates("D", days).to_pylist() == ["1", None, "1"]
    times = pa.array([46800123, None], pa.int64())
    assert format_times("HH:mm:ss.SSS", times).to_pylist() == ["13:00:00.123", None]
    assert millis_of_days("HH:mm", pa.array(["13:00", None])).to_pylist() == [46800000, None]
