"""docs/dialect.md says what the tables say."""

import pytest

from kshell.sql import duck
from kshell.sql.functions import AGGREGATE, library
from kshell.sql.words import DUCKDB_AGGREGATES
from tests.duckdb.dialect_page import PAGE, page
from tests.duckdb.test_as_written import ask


def test_the_page_is_made_from_the_tables():
    assert PAGE.read_text() == page(), "python -m tests.duckdb.dialect_page writes it"


def test_duckdbs_aggregates_are_those_that_it_has():
    with duck.connect() as connection:
        rows = connection.execute("SELECT upper(function_name) FROM duckdb_functions() WHERE function_type = 'aggregate'").fetchall()
    ours = {name for name, function in library().items() if function.kind == AGGREGATE}
    assert ours & {name for (name,) in rows} == DUCKDB_AGGREGATES


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
