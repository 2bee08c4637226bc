"""DuckDB, locked: the only place where a connection is made.

User SQL reaches it only as what `batch` and `render` write; should something slip through, there is
no file, no network, no extension and no Python variable for it to reach.
"""

from __future__ import annotations

import duckdb

__all__ = ["aggregate_names", "connect"]

_LOCKED = (
    "SET enable_external_access = false",
    "SET autoinstall_known_extensions = false",
    "SET autoload_known_extensions = false",
    "SET allow_community_extensions = false",
    "SET python_enable_replacements = false",
    "SET integer_division = true",  # as KSQL: whole numbers divide to whole numbers
    "SET error_on_division_by_zero = false",
    "SET TimeZone = 'UTC'",
    "SET lock_configuration = true",
)


def connect() -> duckdb.DuckDBPyConnection:
    """A new in-memory database that can reach nothing outside itself.

    >>> connect().sql("SELECT 7 / 2").fetchall()
    [(3,)]
    """
    connection = duckdb.connect(":memory:")
    for statement in _LOCKED:
        connection.execute(statement)
    return connection


def aggregate_names(connection: duckdb.DuckDBPyConnection) -> frozenset[str]:
    """Upper-case names of DuckDB's aggregate functions."""
    query = "SELECT DISTINCT upper(function_name) FROM duckdb_functions() WHERE function_type = 'aggregate'"
    return frozenset(name for (name,) in connection.sql(query).fetchall())
