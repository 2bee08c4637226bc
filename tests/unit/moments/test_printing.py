"""Moments as texts: what Java 17's DateTimeFormatter prints in the locale en-US."""

import pytest

from kshell.moments import format_date, format_time, format_timestamp, zone_of

MAY = 1526075913007  # 2018-05-11T21:58:33.007Z

SHOWN = [
    ("yyyy-MM-dd HH:mm:ss.SSS", MAY, "UTC", "2018-05-11 21:58:33.007"),
    ("G GGGG GGGGG", MAY, "UTC", "AD Anno Domini A"),
    ("y yy yyy yyyy yyyyy u", MAY, "UTC", "2018 18 2018 2018 02018 2018"),
    ("M MM MMM MMMM MMMMM L LLL", MAY, "UTC", "5 05 May May M 5 May"),
    ("d dd D DDD", MAY, "UTC", "11 11 131 131"),
    ("E EEEE EEEEE e ee c", MAY, "UTC", "Fri Friday F 6 06 6"),
    ("Q QQ QQQ QQQQ", MAY, "UTC", "2 02 Q2 2nd quarter"),
    ("Y w ww W F", MAY, "UTC", "2018 19 19 2 4"),
    ("YYYY-ww", 1609372800000, "UTC", "2021-01"),  # 2020-12-31
    ("a h hh H k K m s", MAY, "UTC", "PM 9 09 21 21 9 58 33"),
    ("k K h", 0, "UTC", "24 0 12"),
    ("S SS SSSSSSSSS n A N", MAY, "UTC", "0 00 007000000 7000000 79113007 79113007000000"),
    ("X XX XXX x xx xxx Z ZZZZZ", MAY, "UTC", "Z Z Z +00 +0000 +00:00 +0000 Z"),
    ("X XX XXX Z ZZZZ O OOOO", MAY, "Asia/Kolkata",
     "+0530 +0530 +05:30 +0530 GMT+05:30 GMT+5:30 GMT+05:30"),
    ("VV z zzzz v vvvv", MAY, "America/Los_Angeles",
     "America/Los_Angeles PDT Pacific Daylight Time PT Pacific Time"),
    ("VV z zzzz O", MAY, "UTC", "UTC UTC Coordinated Universal Time GMT"),
    ("zzz", 1704067200000, "Europe/London", "GMT"),
    ("zzz", MAY, "Europe/London", "BST"),
    ("zzz", MAY, "Europe/Dublin", "IST"),
    ("zzz VV", MAY, "+05:30", "+05:30 +05:30"),
    ("XXXXX XXXX", -4_000_000_000_000, "Europe/Paris", "+00:09:21 +000921"),  # 1843
    ("yyyy G", -62167219200001, "UTC", "0002 BC"),
    ("uuuu", -62198755200000, "UTC", "-0001"),
    ("yyyy", 327403382400000, "UTC", "+12345"),
    ("'on' dd 'o''clock' ''", MAY, "UTC", "on 11 o'clock '"),
    ("ppH pppM", 3_600_000, "UTC", " 1   1"),
]  # fmt: skip


@pytest.mark.parametrize(("pattern", "millis", "zone", "expected"), SHOWN)
def test_a_moment_is_a_text(pattern, millis, zone, expected):
    assert format_timestamp(pattern, millis, zone_of(zone)) == expected


def test_a_date_has_no_time():
    assert format_date("dd-MM-yyyy'Sophia'", -1) == "31-12-1969Sophia"
    assert format_date("yyyy[ HH]", 0) == "1970"
    with pytest.raises(ValueError, match="Unsupported field: HourOfDay"):
        format_date("yyyy HH", 0)


def test_a_time_has_no_date_and_no_zone():
    assert format_time("HH:mm:ss.SSS", 46800123) == "13:00:00.123"
    with pytest.raises(ValueError, match="Unsupported field: YearOfEra"):
        format_time("yyyy", 0)
    with pytest.raises(ValueError, match="ZoneId"):
        format_time("HH X", 0)


@pytest.mark.parametrize("id", ["PDT", "EST", "europe/london", "+19:00", "UTC+", "", "Mars"])
def test_a_zone_that_java_does_not_have_is_refused(id):
    with pytest.raises(ValueError, match="[Zz]one"):
        zone_of(id)


@pytest.mark.parametrize(
    ("id", "shown"), [("Z", "Z"), ("+0530", "+05:30"), ("GMT+2", "GMT+02:00"), ("UT", "UT")]
)
def test_a_zone_has_javas_name(id, shown):
    assert zone_of(id).id == shown
