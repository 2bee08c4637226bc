"""docs/dialect.md says what the tables say."""

import pytest

from tests.duckdb.dialect_page import PAGE, page
from tests.duckdb.test_as_written import ask


def test_the_page_is_made_from_the_tables():
    assert PAGE.read_text() == page(), "python -m tests.duckdb.dialect_page writes it"


@pytest.mark.parametrize(
    ("text", "ksql", "duckdb"),
    [
        ("CAST(1.9 AS INT)", 1, 2),
        ("CAST(1.0E7 AS VARCHAR)", "1.0E7", "10000000.0"),
        ("LOG(100)", pytest.approx(4.605170185988092), 2.0),
        ("ROUND(-2.5)", -2, -3.0),
        ("7 / 2", 3, 3),
        ("sum(x) FROM (VALUES (1), (2)) v(x)", 3, 3),
    ],
)
def test_what_the_two_mean(text, ksql, duckdb):
    assert ask(f"SELECT {text}")[0] == [(ksql,)]
    assert ask(f"SELECT {text}", "duckdb")[0] == [(duckdb,)]
