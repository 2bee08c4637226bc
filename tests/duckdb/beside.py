"""One question asked of kshell and of plain DuckDB over the same Arrow tables.

`cases` and `test_random` use it.  The outcome is SAME, REFUSED (kshell does not answer), DIFFERENT, or
APART, with the reason: plain DuckDB does not answer either, or its answer is not decided by the question.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from kshell.config import Properties
from kshell.errors import KshellError
from kshell.session import Session

__all__ = ["Answer", "Outcome", "Verdict", "ask", "plain_connection", "plainly", "session_over"]

SETTINGS = (
    "SET integer_division = true",
    "SET error_on_division_by_zero = false",
    "SET TimeZone = 'UTC'",
    "SET python_enable_replacements = false",
    "SET enable_external_access = false",
)
_NOTHING = {"no table": pa.table({"x": [1]})}  # so that no cluster is asked for
Answer = tuple[int, list[tuple[object, ...]]]


class Outcome(Enum):
    """How kshell's answer stands to plain DuckDB's."""

    SAME = "same"
    REFUSED = "refused"
    DIFFERENT = "different"
    APART = "apart"


@dataclass(frozen=True)
class Verdict:
    """An outcome, and what led to it."""

    outcome: Outcome
    why: str = ""


def plain_connection() -> duckdb.DuckDBPyConnection:
    """DuckDB with kshell's settings and nothing else of kshell's."""
    connection = duckdb.connect(":memory:")
    for setting in SETTINGS:
        connection.execute(setting)
    return connection


_open: list[tuple[Mapping[str, pa.Table], Mapping[str, str], Session]] = []


def _same(one: Mapping[str, pa.Table], other: Mapping[str, pa.Table]) -> bool:
    return one.keys() == other.keys() and all(one[name] is other[name] for name in one)


def session_over(tables: Mapping[str, pa.Table], properties: Mapping[str, str]) -> Session:
    """A session without a cluster; the last one where it is for the same tables."""
    if _open and _same(_open[0][0], tables) and _open[0][1] == properties:
        return _open[0][2]
    while _open:
        _open.pop()[2].close()
    made = Session(Properties(dict(properties)), tables=tables)
    _open.append((dict(tables), dict(properties), made))
    return made


def _value(value: object) -> object:
    """Numbers as text of ten digits or of their exact value, NaN equal to itself."""
    if isinstance(value, bool):
        return value
    if isinstance(value, float):
        return "NaN" if math.isnan(value) else f"{value + 0.0:.10g}".replace("e+", "e")
    if isinstance(value, int):
        return str(value) if abs(value) < 10**15 else f"{Decimal(value)}"
    if isinstance(value, Decimal):
        whole = value == value.to_integral_value()
        return str(int(value)) if whole else f"{value.normalize():f}"
    if isinstance(value, dict):
        return {k: _value(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_value(v) for v in value]
    if isinstance(value, tuple) and not hasattr(value, "months"):
        return tuple(_value(v) for v in value)
    return value


def rows_of(table: pa.Table) -> Answer:
    """The number of columns, and the rows."""
    columns = [[_value(v) for v in c.to_pylist()] for c in table.columns]
    return table.num_columns, list(zip(*columns, strict=True))


def plainly(
    connection: duckdb.DuckDBPyConnection, tables: Mapping[str, pa.Table], sql: str
) -> Answer:
    """Plain DuckDB's answer; raises duckdb.Error."""
    for name, table in tables.items():
        connection.register(name, table)
    try:
        answer = connection.sql(sql)
        return rows_of(answer.to_arrow_table()) if answer is not None else (0, [])
    finally:
        for name in tables:
            connection.unregister(name)


def _shown_by_kshell(session: Session, sql: str) -> Answer:
    *_, answer = session.execute(sql)
    return rows_of(pa.Table.from_batches(list(answer.batches), answer.schema))


def _sorted(rows: list[tuple[object, ...]]) -> list[str]:
    return sorted(map(repr, rows))


def _backwards(table: pa.Table) -> pa.Table:
    return table.take(pc.indices_nonzero(pa.array([True] * len(table)))[::-1]) if len(table) else table


def _in_order(sql: str) -> bool:
    """Whether the question itself, and not a part of it, has an ORDER BY."""
    depth, outside = 0, []
    for character in sql:
        depth += {"(": 1, ")": -1}.get(character, 0)
        outside.append(character if depth == 0 else " ")
    return re.search(r"\border\s+by\b", "".join(outside), re.IGNORECASE) is not None


def _undecided(
    connection: duckdb.DuckDBPyConnection, tables: Mapping[str, pa.Table], sql: str, first: Answer,
    in_order: bool,
) -> bool:
    """Whether plain DuckDB itself answers otherwise: asked again, or of the rows in another order."""
    shape = (lambda rows: list(map(repr, rows))) if in_order else _sorted
    for again in (tables, {n: _backwards(t) for n, t in tables.items()}):
        try:
            if shape(plainly(connection, again, sql)[1]) != shape(first[1]):
                return True
        except duckdb.Error:
            return True
    return False


def ask(
    connection: duckdb.DuckDBPyConnection, tables: Mapping[str, pa.Table], sql: str,
    properties: Mapping[str, str],
) -> Verdict:
    """Ask both."""
    try:
        expected = plainly(connection, tables, sql)
    except (duckdb.Error, pa.ArrowException, OverflowError, ValueError) as error:
        return Verdict(Outcome.APART, f"plain DuckDB: {str(error).splitlines()[0]}")
    session = session_over(tables or _NOTHING, properties)
    try:
        found = _shown_by_kshell(session, sql)
    except KshellError as error:
        return Verdict(Outcome.REFUSED, str(error).splitlines()[0])
    except Exception as error:  # a fault of kshell's: it is to be seen in the list
        return Verdict(Outcome.REFUSED, f"INTERNAL {type(error).__name__}: {error}")
    if found == expected:
        return Verdict(Outcome.SAME)
    if found[0] != expected[0] or _sorted(found[1]) != _sorted(expected[1]):
        if _undecided(connection, tables, sql, expected, in_order=False):
            return Verdict(Outcome.APART, "the order of rows or the moment decides the answer")
        return Verdict(Outcome.DIFFERENT, f"{str(expected)[:300]}\n    kshell: {str(found)[:300]}")
    if not _in_order(sql) or _undecided(connection, tables, sql, expected, in_order=True):
        return Verdict(Outcome.SAME)
    return Verdict(Outcome.DIFFERENT, f"in order: {str(expected)[:200]}\n    kshell: {str(found)[:200]}")
