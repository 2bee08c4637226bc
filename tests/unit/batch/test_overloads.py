"""KSQL's functions over aggregates, windows and queries: DuckDB does not know their arguments' types."""

import contextlib
from decimal import Decimal

import pyarrow as pa
import pytest

from kshell.config import Properties
from kshell.errors import UnknownName
from kshell.session import Session
from tests.duckdb.test_as_written import TABLES
from tests.duckdb.test_as_written import ask as ask_of

TABLES["m"] = pa.table({"k": ["a", "a", "b"], "d": [1.5, 2.5, -3.25],
                        "x": pa.array([Decimal("1.5"), Decimal("2.5"), Decimal("99999999999999999.9")])})  # fmt: skip


def ask(text):
    return ask_of(text)[0]


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("SELECT ROUND(AVG(d)) FROM m WHERE k = 'a'", [(2,)]),
        ("SELECT LEN(MAX(k)), ABS(MIN(d)), UCASE(MIN(k)) FROM m", [(1, 3.25, "A")]),
        ("SELECT LEN(COLLECT_LIST(k)), LEN(list(k ORDER BY k)), LEN(ARRAY_AGG(d)) FROM m", [(3, 3, 3)]),
        ("SELECT GREATEST(MAX(d), 1), GREATEST(first(d ORDER BY d), -4), LEAST(MAX(d), 9) FROM m", [(2.5, -3.25, 2.5)]),
        ("SELECT LEN(TRIM(SUBSTRING(MAX(k), 1, 1))), INSTR(MAX(k), 'b') FROM m", [(1, 1)]),
        ("SELECT k, ROUND(SUM(d)) FROM m GROUP BY k HAVING ROUND(SUM(d)) > 0 ORDER BY ABS(SUM(d))", [("a", 4)]),
        ("SELECT LEN((SELECT MAX(k) FROM m)), ROUND(MAX(d) OVER ()) FROM m LIMIT 1", [(1, 3)]),
        ("SELECT ROUND(SUM(CASE WHEN LEN(k) = 1 THEN ROUND(d) ELSE 0 END)) FROM m", [(2,)]),
        ("SELECT CEIL(MAX(x)), FLOOR(MAX(x)), TRUNC(MAX(x)), ROUND(MAX(x)) FROM m",
         [(Decimal(10**17), Decimal(10**17 - 1), 10**17 - 1, 10**17)]),
    ],
)  # fmt: skip
def test_functions_of_aggregates(text, rows):
    assert ask(text) == rows


@pytest.mark.parametrize(
    ("item", "value"),
    [
        ("CEIL(99999999999999999.9)", Decimal(10**17)),
        ("FLOOR(-99999999999999999.9)", Decimal(-(10**17))),
        ("ABS(-99999999999999999.9)", Decimal("99999999999999999.9")),
        ("TRUNC(99999999999999999.9)", 10**17 - 1),
        ("ROUND(-2.5)", -2),
        ("ROUND(2.5)", 3),
        ("GREATEST(99999999999999999.9, 1)", Decimal("99999999999999999.9")),
        ("ROUND(CAST('NaN' AS DOUBLE))", 0),
        ("CEIL(5)", 5),
    ],
)
def test_decimals_keep_their_digits(item, value):
    assert ask(f"SELECT {item}") == [(value,)]


@pytest.mark.parametrize(
    ("item", "value"),
    [
        ("1e5+1", 100001.0), ("1e308+1e308", float("inf")), ("2E1-1e1", 10.0),
        ("'{a:0}'::STRUCT(a INT)", {"a": 0}), ("TRY_CAST('x' AS STRUCT(a STRUCT(b INT)))", None),
        ("[1, 2]::BIGINT ARRAY", [1, 2]), ("X'41'::VARCHAR", "A"), ("COALESCE(*COLUMNS('^id$|^v$'))", 1),
    ],
)  # fmt: skip
def test_words_that_only_look_like_ksqls_stay_as_they_are(item, value):
    assert ask(f"SELECT {item} FROM t WHERE id = 1") == [(value,)]


def test_what_is_wrong_in_the_arguments_is_what_is_said():
    with pytest.raises(UnknownName, match="no column named nope"):
        ask("SELECT ROUND(AVG(nope)) FROM m")


@pytest.mark.parametrize(
    ("items", "types"),
    [
        # As in continuous queries: the argument's type, or its digits before the point.
        ("CEIL(x), FLOOR(x), ROUND(x), TRUNC(x), ROUND(x, 1), TRUNC(x, 0)", ["18,1", "18,1", "17,0", "17,0", "18,1", "18,1"]),
        ("ROUND(AVG(d)), ROUND(SUM(x)), ROUND(MAX(x), 0), CEIL(MIN(x))", [None, "37,0", "18,1", "18,1"]),
        ("ROUND(CEIL(x), -1), ABS(ROUND(x)), MAX(ROUND(x)) OVER ()", ["18,1", "17,0", "17,0"]),
        ("ROUND(2.45, 1), ROUND(d, 1), ROUND(1)", ["3,2", None, None]),
    ],
)  # fmt: skip
def test_a_rounded_decimal_has_its_own_type(items, types):
    with contextlib.closing(Session(Properties({}), tables=TABLES)) as session:
        (answer,) = session.execute(f"SELECT {items} FROM m")
        list(answer.batches)
    found = [f"{t.precision},{t.scale}" if pa.types.is_decimal(t) else None for t in answer.schema.types]
    assert found == types


def test_a_carry_makes_a_digit_more():
    assert ask("SELECT CEIL(9.9), FLOOR(-9.9), ROUND(9.9), ROUND(-99.95, 1), CEIL(9.9) = 10, CAST(CEIL(9.9) AS STRING)") == [
        (Decimal("10.0"), Decimal("-10.0"), Decimal(10), Decimal("-99.90"), True, "10.0")
    ]  # fmt: skip
