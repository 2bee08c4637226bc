"""Texts to moments: what Java 17's DateTimeFormatter gives for the same pattern and text."""

import pytest

from kshell.moments import days_of_date, millis_of, millis_of_day, zone_of

MILLIS = [
    # whole moments
    ("yyyy-MM-dd HH:mm:ss", "2018-05-11 21:58:33", "UTC", 1526075913000),
    ("yyyy-MM-dd HH:mm:ss.SSS", "2018-05-11 21:58:33.007", "UTC", 1526075913007),
    ("yyyy-MM-dd HH:mm:ss.S", "2018-05-11 21:58:33.7", "UTC", 1526075913700),
    ("yyyy-MM-dd HH:mm:ss.SSSSSSSSS", "2018-05-11 21:58:33.123456789", "UTC", 1526075913123),
    ("yyyyMMddHHmmssSSS", "20180511215833007", "UTC", 1526075913007),
    ("dd/MM/uuuu", "11/05/2018", "UTC", 1525996800000),
    ("d.M.y H:m", "1.2.2021 3:4", "UTC", 1612148640000),
    ("yy-MM-dd", "99-12-31", "UTC", 4102358400000),
    ("yyyyy-MM-dd", "02021-01-01", "UTC", 1609459200000),
    ("y-MM-dd G", "1-01-01 BC", "UTC", -62167219200000),
    ("uuuu-MM-dd", "-0001-01-01", "UTC", -62198755200000),
    ("yyyy-MM-dd", "+12345-01-01", "UTC", 327403382400000),
    # words, in any case
    ("EEE, dd MMM yyyy HH:mm:ss Z", "fri, 11 MAY 2018 21:58:33 +0100", "UTC", 1526072313000),
    ("EEEE d MMMM y", "Friday 11 May 2018", "UTC", 1525996800000),
    ("hh:mm a", "01:30 pm", "UTC", 48600000),
    ("h:mm a", "12:00 AM", "UTC", 0),
    ("K:mm a", "0:15 PM", "UTC", 44100000),
    ("k:mm", "24:15", "UTC", 900000),
    ("QQQ yyyy", "Q3 2020", "UTC", 1577836800000),
    # what is missing is of 1970-01-01 00:00
    ("yyyy", "2021", "UTC", 1609459200000),
    ("MMM-yyyy", "JAN-2022", "UTC", 1640995200000),
    ("MM/dd", "02/03", "UTC", 2851200000),
    ("HH", "07", "UTC", 25200000),
    ("mm:ss", "10:05", "UTC", 605000),
    ("DDD", "032", "UTC", 2678400000),
    ("yyyy-DDD", "2020-366", "UTC", 1609372800000),
    ("E", "Wed", "UTC", -86400000),
    ("a", "PM", "UTC", 64800000),
    # days past the end of a month, and 24:00
    ("yyyy-MM-dd", "2021-06-31", "UTC", 1625011200000),
    ("yyyy-MM-dd", "2021-02-31", "UTC", 1614470400000),
    ("yyyy-MM-dd HH:mm", "2021-01-01 24:00", "UTC", 1609545600000),
    # weeks begin on Sunday
    ("YYYY-ww-e", "2021-01-1", "UTC", 1609027200000),
    ("yyyy-MM W E", "2021-01 2 Mon", "UTC", 1609718400000),
    # offsets and zones
    ("yyyy-MM-dd'T'HH:mm:ssX", "2018-05-11T21:58:33Z", "UTC", 1526075913000),
    ("yyyy-MM-dd'T'HH:mm:ssX", "2018-05-11T21:58:33+01", "UTC", 1526072313000),
    ("yyyy-MM-dd'T'HH:mm:ss.SX", "2019-08-27T13:31:09.2+0000", "UTC", 1566912669200),
    ("yyyy-MM-dd HH:mmXXX", "2018-05-11 21:58-02:30", "UTC", 1526084880000),
    ("yyyy-MM-dd HH:mm xx", "2018-05-11 21:58 +0000", "UTC", 1526075880000),
    ("yyyy-MM-dd HH:mm O", "2018-05-11 21:58 GMT+1", "UTC", 1526072280000),
    ("yyyy-MM-dd HH:mm VV", "2018-05-11 21:58 Europe/London", "UTC", 1526072280000),
    ("yyyy-MM-dd HH:mm VV", "2018-05-11 21:58 utc+01:00", "UTC", 1526072280000),
    ("yyyy-MM-dd'T'HH:mm:ss zzz", "2018-05-11T21:58:33 PST", "UTC", 1526101113000),
    ("yyyy-MM-dd HH:mm zzzz", "2018-05-11 21:58 Central European Time", "UTC", 1526068680000),
    ("yyyy-MM-dd HH:mm", "2018-05-11 21:58", "America/Los_Angeles", 1526101080000),
    ("yyyy-MM-dd HH:mm X", "2018-05-11 21:58 Z", "America/Los_Angeles", 1526075880000),
    # a gap moves forward; of an overlap the offset that the zone had in 1970 is taken
    ("yyyy-MM-dd HH:mm", "2021-03-14 02:30", "America/Los_Angeles", 1615717800000),
    ("yyyy-MM-dd HH:mm", "2021-11-07 01:30", "America/Los_Angeles", 1636277400000),
    ("yyyy-MM-dd HH:mm", "2021-10-31 01:30", "Europe/London", 1635640200000),
    ("yyyy-MM-dd HH:mm VV", "2021-11-07 01:30 America/Los_Angeles", "UTC", 1636273800000),
    # optional parts, literals, padding
    ("yyyy-MM-dd[ HH:mm[:ss]]", "2018-05-11 21:58", "UTC", 1526075880000),
    ("yyyy-MM-dd[ HH:mm[:ss]]", "2018-05-11", "UTC", 1525996800000),
    ("[yyyy-MM-dd][dd/MM/yyyy]", "11/05/2018", "UTC", 1525996800000),
    ("HH 'o''clock'", "07 O'CLOCK", "UTC", 25200000),
    ("ppd.MM.yyyy", " 3.05.2018", "UTC", 1525305600000),
]


@pytest.mark.parametrize(("pattern", "text", "zone", "expected"), MILLIS)
def test_a_text_is_a_moment(pattern, text, zone, expected):
    assert millis_of(pattern, text, zone_of(zone)) == expected


REFUSED = [
    ("yyyy-MM-dd", "2021-13-01", "MonthOfYear"),
    ("yyyy-MM-dd", "2021-1-01", "at index 5"),
    ("yyyy-MM-dd", "2021-01-01x", "unparsed text found at index 10"),
    ("yyyy-MM-dd", "20210-01-01", "at index 0"),
    ("yyyy-MM-dd", "+2021-01-01", "at index 0"),
    ("yyyy-MM-dd", "", "at index 0"),
    ("yyyy-DDD", "2021-366", "not a leap year"),
    ("DDD", "366", "Leap day cannot be parsed without supplying the year field"),
    ("EEE dd MMM yyyy", "Mon 11 May 2018", "Conflict found"),
    ("HH:mm", "24:01", "HourOfDay"),
    ("hh:mm a", "13:00 PM", "ClockHourOfAmPm"),
    ("MMM", "Jän", "at index 0"),
    ("yyyy-MM-dd HH:mmX", "2018-05-11 21:58", "at index 16"),
    ("yyyy-MM-dd VV", "2018-05-11 Mars/Base", "at index 11"),
    ("X", "+24", "out of range"),
]


@pytest.mark.parametrize(("pattern", "text", "why"), REFUSED)
def test_a_text_that_does_not_fit_is_refused(pattern, text, why):
    with pytest.raises(ValueError, match=why):
        millis_of(pattern, text)


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("yyyy-MM-ddTHH", "Unknown pattern letter: T"),
        ("b", "Unknown pattern letter: b"),
        ("HHH", "Too many pattern letters: H"),
        ("MMMMMM", "Too many pattern letters: M"),
        ("FF", "Too many pattern letters: F"),
        ("aa", "Too many pattern letters: a"),
        ("VVV", "Too many pattern letters: V"),
        ("OO", "Too many pattern letters: O"),
        ("SSSSSSSSSS", "Too many pattern letters: S"),
        ("'open", "incomplete string literal"),
        ("yyyy]", "without previous"),
        ("p", "must be followed by valid pad pattern"),
        ("{", "reserved character"),
    ],
)
def test_a_pattern_that_java_refuses_is_refused(pattern, why):
    with pytest.raises(ValueError, match=why):
        millis_of(pattern, "2021")


TIMES = [
    ("HH:mm:ss'Lit'", "00:01:05Lit", 65000),
    ("HH/mm/ss", "11/05/19", 39919000),
    ("hh:mm:ss a", "01:00:00 Pm", 46800000),
    ("HH", "23", 82800000),
    ("HH:mm", "24:00", 0),
    ("A", "86399999", 86399999),
    ("N", "1500000", 1),
]


@pytest.mark.parametrize(("pattern", "text", "expected"), TIMES)
def test_a_text_is_a_time_of_day(pattern, text, expected):
    assert millis_of_day(pattern, text) == expected


def test_a_time_has_no_date_and_starts_with_hours():
    with pytest.raises(ValueError, match="Time format contains date field"):
        millis_of_day("yyyy HH", "2021 07")
    with pytest.raises(ValueError, match="no time"):
        millis_of_day("mm:ss", "01:02")


def test_a_date_is_whole():
    assert days_of_date("dd-MMM-yyyy", "01-jan-2022") == 18993
    with pytest.raises(ValueError, match="no whole date"):
        days_of_date("MMM-yyyy", "Jan-2022")
