"""Numbers: java.lang.Math's edges, rounding, decimals' types, GREATEST and LEAST."""

import math
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kshell.errors import BindError
from kshell.sql.java.rounding import (
    round_double_to,
    round_doubles,
    trunc_double_to,
    trunc_doubles,
)

INF, NAN = math.inf, math.nan


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ABS(-2147483648)", -2147483648),  # Java's Math.abs wraps
        ("ABS(CAST(-9223372036854775808 AS BIGINT))", -9223372036854775808),
        ("ABS(-1.50)", Decimal("1.50")),
        ("SIGN(CAST('NaN' AS DOUBLE))", 0),
        ("SIGN(0.0)", 0),
        ("CEIL(-1.7)", Decimal("-1.0")),
        ("FLOOR(-1.7)", Decimal("-2.0")),
        ("CEIL(CAST(-1.7 AS DOUBLE))", -1.0),
        ("SQRT(-1)", NAN),
        ("LN(0)", -INF),
        ("LN(-1)", NAN),
        ("LOG(13)", 2.5649493574615367),
        ("LOG(0)", -INF),
        ("LOG(2, 0)", -INF),
        ("LOG(2, -1)", NAN),
        ("LOG(1, 5)", NAN),
        ("LOG(0, 5)", NAN),
        ("LOG(-2, 5)", NAN),
        ("EXP(1000)", INF),
        ("POWER(10, 400)", INF),
        ("POWER(-8, 0.5)", NAN),
        ("POWER(1, CAST('NaN' AS DOUBLE))", NAN),
        ("POWER(-1, CAST('Infinity' AS DOUBLE))", NAN),
        ("POWER(CAST('NaN' AS DOUBLE), 0)", 1.0),
        ("ACOS(2)", NAN),
        ("ASIN(CAST(-1.1 AS DOUBLE))", NAN),
        ("COT(0)", INF),
        ("COT(CAST('-0.0' AS DOUBLE))", -INF),
        ("SIN(CAST('Infinity' AS DOUBLE))", NAN),
        ("CBRT(27)", 3.0),
        ("CBRT(-8)", -2.0),
        ("CBRT(CAST('-Infinity' AS DOUBLE))", -INF),
        ("ATAN2(1, 0)", math.pi / 2),
        ("DEGREES(PI())", 180.0),
        ("GENERATE_SERIES(3, 1)", [3, 2, 1]),
        ("GENERATE_SERIES(2, 2)", [2]),
        ("GENERATE_SERIES(5, 0, -2)", [5, 3, 1]),
        ("GEO_DISTANCE(37.4439, -122.1663, 51, 0)", 8682.459061368269),
        ("GEO_DISTANCE(0, 0, 0, 180, 'Miles')", 3959 * math.pi),
    ],
)
def test_of_constants(text, expected, value):
    found = value(text)
    assert type(found) is type(expected)
    assert found == expected or (found != found and expected != expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ROUND(CAST(0.49999999999999994 AS DOUBLE))", 0),
        ("ROUND(CAST(-1.5 AS DOUBLE))", -1),
        ("ROUND(CAST(2.5 AS DOUBLE))", 3),
        ("ROUND(CAST('NaN' AS DOUBLE))", 0),
        ("ROUND(CAST('1e300' AS DOUBLE))", 9223372036854775807),
        ("ROUND(CAST(1.005 AS DOUBLE), 2)", 1.01),  # by the digits shown
        ("ROUND(CAST(-12345.678 AS DOUBLE), -2)", -12300.0),
        ("ROUND(-2.5)", Decimal("-2")),
        ("ROUND(2.5)", Decimal("3")),
        ("ROUND(-2.45, 1)", Decimal("-2.40")),
        ("ROUND(2.45, 1)", Decimal("2.50")),
        ("ROUND(9.9)", Decimal("10")),
        ("TRUNC(-2.59)", Decimal("-2")),
        ("TRUNC(2.59, 1)", Decimal("2.50")),
        ("TRUNC(CAST(-2.59 AS DOUBLE), 1)", -2.5),
        ("TRUNC(CAST(-2.59 AS DOUBLE))", -2),
        ("TRUNC(2147483648)", 2147483648),
    ],
)
def test_rounding(text, expected, value):
    found = value(text)
    assert found == expected
    assert type(found) is type(expected)


def test_rounding_gives_decimals_their_own_types(bound):
    large = pa.decimal128(33, 16)
    assert bound("ROUND(V)", V=large).type == pa.decimal128(17, 0)
    assert bound("TRUNC(V)", V=large).type == pa.decimal128(17, 0)
    assert bound("ROUND(V, 2)", V=large).type == large
    assert bound("CEIL(V)", V=large).type == large
    assert bound("ABS(V)", V=large).type == large


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("CEIL(V)", ["10.0", "-9.0"]),
        ("FLOOR(V)", ["9.0", "-10.0"]),
        ("ROUND(V)", ["10", "-10"]),
        ("ROUND(V, 0)", ["10.0", "-10.0"]),
        ("ROUND(V, -1)", ["10.0", "-10.0"]),
        ("ROUND(V, -2)", ["0.0", "0.0"]),
        ("TRUNC(V)", ["9", "-9"]),
        ("CEIL(V) + 1", ["11.0", "-8.0"]),
        ("CAST(CEIL(V) AS BIGINT)", [10, -9]),
        ("ARRAY[CEIL(V), 1.5]", [["10.0", "1.5"], ["-9.0", "1.5"]]),
    ],
)
def test_a_carry_makes_a_digit_more(evaluated, text, expected):
    """ksqlDB gives the type of the argument, and a value that has the digit more."""
    nines = pa.array([Decimal("9.9"), Decimal("-9.9")], pa.decimal128(2, 1))
    found = evaluated(text, V=nines)
    texts = [[str(n) for n in v] if isinstance(v, list) else str(v) if isinstance(v, Decimal) else v for v in found.values]
    assert (texts, found.errors) == (expected, [])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("CEIL(V)", ["1" + "0" * 36, "-" + "9" * 36, None]),
        ("FLOOR(V)", ["9" * 36, "-1" + "0" * 36, None]),
        ("ROUND(V)", ["1" + "0" * 36, "-1" + "0" * 36, None]),
        ("ROUND(V, W)", ["9" * 36 + ".6", "-1" + "0" * 36, None]),
        ("TRUNC(V)", ["9" * 36, "-" + "9" * 36, None]),
        ("TRUNC(V, W)", ["9" * 36 + ".5", "-" + "9" * 35 + "0", None]),
    ],
)
def test_all_digits_of_a_decimal_may_carry(evaluated, text, expected):
    most = pa.array([Decimal("9" * 36 + ".55"), Decimal("-" + "9" * 36 + ".55"), None], pa.decimal128(38, 2))
    found = evaluated(text, V=most, W=pa.array([1, -1, 2], pa.int32()))
    assert (found.values, found.errors) == ([None if e is None else Decimal(e) for e in expected], [])


def test_a_decimal_without_a_scale_has_no_digit_to_carry(bound):
    whole = pa.decimal128(38, 0)
    assert {bound(f"{f}(V)", V=whole).type for f in ("CEIL", "FLOOR", "ROUND", "TRUNC")} == {whole}


@given(st.floats(-1e12, 1e12, allow_subnormal=False), st.integers(-5, 15))
@settings(max_examples=200)
def test_a_rounded_double_is_near_and_a_cut_one_is_smaller(number, places):
    rounded, cut = round_double_to(number, places), trunc_double_to(number, places)
    step = 10.0**-places
    assert abs(rounded - number) <= step / 2 * (1 + 1e-9) + abs(number) * 1e-15
    assert abs(cut) <= abs(number)
    assert round_double_to(rounded, places) == rounded


@given(
    st.lists(
        st.none()
        | st.floats(-1e17, 1e17, allow_subnormal=False)
        | st.integers(-(10**7), 10**7).map(lambda n: n / 1000)
        | st.integers(-(10**7), 10**7).map(lambda n: n / 8),
        max_size=20,
    ),
    st.integers(-8, 25),
)
@settings(max_examples=400)
def test_columns_are_rounded_as_their_numbers_are(numbers, places):
    columns = pa.array(numbers, pa.float64()), pa.array([places] * len(numbers), pa.int32())
    for whole, one in ((round_doubles, round_double_to), (trunc_doubles, trunc_double_to)):
        expected = [None if n is None else one(n, places) for n in numbers]
        assert list(map(repr, whole(*columns).to_pylist())) == list(map(repr, expected))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("ROUND(CAST('NaN' AS DOUBLE), 1)", "Infinite or NaN"),
        ("GENERATE_SERIES(1, 3, 0)", "GENERATE_SERIES step cannot be zero"),
        ("GENERATE_SERIES(1, 3, -1)", "GENERATE_SERIES step has wrong sign"),
        ("GEO_DISTANCE(91, 0, 0, 0)", "latitude out of range: 91.0"),
        ("GEO_DISTANCE(1, 0, 0, 181)", "longitude out of range: 181.0"),
        ("GEO_DISTANCE(1, 0, 0, 0, 'parsec')", "no unit of distance: parsec"),
    ],
)
def test_what_fails_is_null_and_an_error(text, why, evaluated):
    found = evaluated(text)
    assert found.values == [None]
    assert [why in message for _, message in found.errors] == [True]


def test_random_is_another_number_for_each_row(evaluated):
    found = evaluated("RANDOM() + N", N=pa.array([0.0] * 50)).values
    assert len(set(found)) == 50
    assert all(0 <= number < 1 for number in found)


def test_extremes_skip_nulls_and_widen_decimals(evaluated, bound):
    a = pa.array([Decimal("1234567.89"), None], pa.decimal128(9, 2))
    b = pa.array([Decimal("0.123456"), Decimal("0.1")], pa.decimal128(7, 6))
    assert bound("GREATEST(A, B)", A=a.type, B=b.type).type == pa.decimal128(13, 6)
    assert evaluated("GREATEST(A, B)", A=a, B=b).values == [
        Decimal("1234567.890000"), Decimal("0.100000")
    ]  # fmt: skip
    assert evaluated("LEAST(A, B, NULL)", A=a, B=b).values[0] == Decimal("0.123456")


def test_a_text_beside_dates_is_one(value):
    assert value("UNIX_DATE(GREATEST(FROM_DAYS(0), NULL, '2022-06-14'))") == 19157
    assert value("UNIX_TIMESTAMP(LEAST(FROM_UNIXTIME(0), '2022-06-14'))") == 0


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("GREATEST(1, CAST(2 AS BIGINT))",
         "'GREATEST' cannot be resolved due to ambiguous method parameters (INTEGER, BIGINT)."),
        ("LEAST(1, 1.5)",
         "'LEAST' cannot be resolved due to ambiguous method parameters (INTEGER, DECIMAL(2, 1))."),
        ("LEAST(NULL, NULL)",
         "'LEAST' cannot be resolved due to ambiguous method parameters (null, null)."),
        ("GREATEST()", "'GREATEST' does not accept parameters ()."),
        ("LEAST('a', 1)", "'LEAST' does not accept parameters (STRING, INTEGER)."),
        ("ABS('x')", "'ABS' does not accept parameters (STRING)."),
        ("GEO_DISTANCE(1, 2, 'x', 3)", "'GEO_DISTANCE' does not accept parameters"),
    ],
)  # fmt: skip
def test_what_does_not_bind(text, why, bound):
    with pytest.raises(BindError) as caught:
        bound(text)
    assert f"Function {why}" in str(caught.value)
