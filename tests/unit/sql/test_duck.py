"""DuckDB is locked: nothing outside is in its reach, and nothing unlocks it."""

from __future__ import annotations

import duckdb
import pytest

from kshell.sql.duck import connect

outside = [1, 2, 3]  # a Python variable that a replacement scan would find


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM read_text('/etc/hostname')",
        "SELECT * FROM glob('/etc/*')",
        "SELECT getenv('HOME')",
        "COPY (SELECT 1) TO '/tmp/kshell-must-not-exist.csv'",
        "ATTACH '/tmp/kshell-must-not-exist.db'",
        "EXPORT DATABASE '/tmp/kshell-must-not-exist'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SELECT * FROM outside",
        "SET enable_external_access = true",
        "SET python_enable_replacements = true",
        "SET lock_configuration = false",
        "RESET lock_configuration",
        "PRAGMA enable_external_access",
        "SET home_directory = '/tmp'",
    ],
)
def test_refused(sql):
    with pytest.raises(duckdb.Error):
        connect().sql(sql).fetchall()


def test_divisions_are_ksqls():
    (row,) = connect().sql("SELECT 7 / 2, -7 / 2, 7.0::DOUBLE / 2, 1 / 0").fetchall()
    assert row == (3, -3, 3.5, None)
