"""KSQL's functions over aggregates, windows and queries: DuckDB does not know their arguments' types."""

from decimal import Decimal

import pyarrow as pa
import pytest

from kshell.errors import UnknownName
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
