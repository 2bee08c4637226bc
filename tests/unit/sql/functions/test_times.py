"""KSQL's functions of time: patterns, zones, units, and rows that fail."""

import datetime

import pyarrow as pa
import pytest

DATE, TIME, TIMESTAMP = pa.date32(), pa.time32("ms"), pa.timestamp("ms")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("UNIX_TIMESTAMP(PARSE_TIMESTAMP('2018-05-11T21:58', 'yyyy-MM-dd''T''HH:mm'))",
         1526075880000),
        ("UNIX_TIMESTAMP(PARSE_TIMESTAMP('2018-05-11', 'yyyy-MM-dd', '-08:00'))", 1526025600000),
        ("STRINGTOTIMESTAMP('10-04-19 12:00:17Z', 'yy-MM-dd HH:mm:ssX')", 1271678417000),
        ("STRINGTOTIMESTAMP('2018-05-11', 'yyyy-MM-dd', 'Europe/London')", 1525993200000),
        ("TIMESTAMPTOSTRING(1526075913000, 'yyyy-MM-dd HH:mm:ss zzz')", "2018-05-11 21:58:33 UTC"),
        ("TIMESTAMPTOSTRING(1526075913000, 'HH:mm zzz', 'America/Los_Angeles')", "14:58 PDT"),
        ("FORMAT_TIMESTAMP(FROM_UNIXTIME(0), 'HH zzz')", "00 GMT"),
        ("FORMAT_DATE(PARSE_DATE('2021-06-31', 'yyyy-MM-dd'), 'dd')", "30"),
        ("UNIX_DATE(PARSE_DATE('1969', 'yyyy'))", -365),
        ("STRINGTODATE('2018-05-11Lit', 'yyyy-MM-dd''Lit''')", 17662),
        ("DATETOSTRING(-1, 'dd-MM-yyyy''Sophia''')", "31-12-1969Sophia"),
        ("UNIX_TIMESTAMP(CONVERT_TZ(FROM_UNIXTIME(1526075913000), 'UTC', 'Asia/Kolkata'))",
         1526095713000),
        ("UNIX_TIMESTAMP(TIMESTAMPADD(MILLISECONDS, -5, FROM_UNIXTIME(2)))", -3),
        ("UNIX_TIMESTAMP(TIMESTAMPSUB(MINUTE, 1, FROM_UNIXTIME(60001)))", 1),
        ("UNIX_TIMESTAMP(TIMESTAMPADD(DAYS, 30, FROM_UNIXTIME(0)))", 2592000000),
        # Java's days are cut towards zero, on both sides of 1970
        ("UNIX_DATE(DATEADD(HOURS, 47, FROM_DAYS(3)))", 4),
        ("UNIX_DATE(DATESUB(HOURS, 1, FROM_DAYS(3)))", 2),
        ("UNIX_DATE(DATESUB(HOURS, 1, FROM_DAYS(0)))", 0),
        ("UNIX_DATE(DATEADD(DAYS, -10, FROM_DAYS(3)))", -7),
        ("FORMAT_TIME(TIMESUB(MILLISECONDS, 10, PARSE_TIME('00', 'HH')), 'HH:mm:ss.SSS')",
         "23:59:59.990"),
        ("FORMAT_TIME(TIMEADD(DAYS, 3, PARSE_TIME('11:05', 'HH:mm')), 'HH:mm')", "11:05"),
        # so many days are more nanoseconds than a long has
        ("FORMAT_TIME(TIMEADD(DAYS, 2000000000, PARSE_TIME('00', 'HH')), 'HH:mm:ss.SSS')",
         "23:47:16.854"),
        ("FORMAT_TIME(TIMESUB(DAYS, 2000000000, PARSE_TIME('00', 'HH')), 'HH:mm:ss.SSS')",
         "00:12:43.145"),
    ],
)  # fmt: skip
def test_of_constants(text, expected, value):
    assert value(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "PARSE_TIMESTAMP(NULL, 'yyyy')",
        "PARSE_TIMESTAMP('2021', NULL)",
        "PARSE_TIMESTAMP('2021', 'yyyy', NULL)",
        "FORMAT_TIMESTAMP(NULL, 'yyyy')",
        "FORMAT_DATE(NULL, 'yyyy')",
        "FORMAT_TIME(NULL, 'HH')",
        "PARSE_TIME('11', NULL)",
        "PARSE_DATE(NULL, 'yyyy')",
        "CONVERT_TZ(NULL, 'UTC', 'UTC')",
        "TIMEADD(HOURS, NULL, PARSE_TIME('11', 'HH'))",
        "TIMESUB(HOURS, 1, CAST(NULL AS TIME))",
        "DATEADD(DAYS, NULL, FROM_DAYS(1))",
        "TIMESTAMPADD(DAYS, 1, CAST(NULL AS TIMESTAMP))",
        "FROM_UNIXTIME(NULL)",
        "FROM_DAYS(NULL)",
    ],
)
def test_null_gives_null(text, value):
    assert value(text) is None


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("PARSE_TIMESTAMP('not a time', 'yyyy')", "'not a time' could not be parsed at index 0"),
        ("PARSE_TIMESTAMP('2021', 'yyyy', 'Mars')", "Unknown time-zone ID: Mars"),
        ("PARSE_TIMESTAMP('2021', 'bbb')", "Unknown pattern letter: b"),
        ("PARSE_DATE('2021 11', 'yyyy HH')", "Date format contains time field."),
        ("PARSE_TIME('2021 11', 'yyyy HH')", "Time format contains date field."),
        ("FORMAT_DATE(FROM_DAYS(0), 'HH')", "Unsupported field: HourOfDay"),
        ("FORMAT_TIME(PARSE_TIME('11', 'HH'), 'yyyy')", "Unsupported field: YearOfEra"),
        ("STRINGTODATE('Jan-2022', 'MMM-yyyy')", "no whole date"),
        ("CONVERT_TZ(FROM_UNIXTIME(0), 'UTC', 'Mars')", "Unknown time-zone ID: Mars"),
        ("TIMESTAMPADD(YEARS, 1, FROM_UNIXTIME(0))", "no unit with a length of its own: YEARS"),
    ],
)
def test_what_fails_is_null_and_an_error(text, why, evaluated):
    found = evaluated(text)
    assert found.values == [None]
    ((column, message),) = found.errors
    assert column == "R"
    assert why in message


def test_patterns_of_rows_and_a_row_that_fails(evaluated):
    found = evaluated(
        "PARSE_DATE(D, F)",
        D=pa.array(["2018-05-11", "11/05/2019", "wrong", None, "01-Jan-2022"]),
        F=pa.array(["yyyy-MM-dd", "dd/MM/yyyy", "dd/MM/yyyy", "yyyy", "dd-MMM-yyyy"]),
    )
    assert found.values == [
        datetime.date(2018, 5, 11), datetime.date(2019, 5, 11), None, None,
        datetime.date(2022, 1, 1),
    ]  # fmt: skip
    assert ["'wrong' could not be parsed" in message for _, message in found.errors] == [True]


def test_now_is_now(value):
    before = datetime.datetime.now(datetime.UTC)
    millis, days = value("UNIX_TIMESTAMP()"), value("UNIX_DATE()")
    after = datetime.datetime.now(datetime.UTC)
    assert before.timestamp() * 1000 - 1 <= millis <= after.timestamp() * 1000 + 1
    epoch = datetime.date(1970, 1, 1)
    assert (before.date() - epoch).days <= days <= (after.date() - epoch).days


def test_types(bound):
    assert bound("PARSE_TIME('1', 'H')").type == TIME
    assert bound("PARSE_DATE('1', 'd')").type == DATE
    assert bound("PARSE_TIMESTAMP('1', 'd')").type == TIMESTAMP
    assert bound("STRINGTODATE('1', 'd')").type == pa.int32()
    assert bound("STRINGTOTIMESTAMP('1', 'd')").type == pa.int64()
