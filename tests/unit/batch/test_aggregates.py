"""KSQL's aggregates in bounded queries: the same meaning as live, through DuckDB."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest

from kshell.batch.plan import prepare
from kshell.batch.run import run
from kshell.batch.tables import Bounds, Range, Scan, TableColumn
from kshell.errors import UnknownName
from kshell.results import Progress
from kshell.sql import duck
from kshell.sql.clauses import Name
from kshell.sql.parse import parse
from kshell.sql.statements import Select

# The second record by offset arrives last, as with several partitions.
RECORDS: dict[str, list[Any]] = {
    "K": ["a", "a", "a", "b"],
    "N": [1, None, 3, 9],
    "S": ["x", "y", "x", "z"],
    "L": [[1, 2], None, [3], []],
    "ROWTIME": [0, 1, 2, 3],
    "ROWOFFSET": [0, 2, 3, 1],
}
TYPES = {"K": pa.string(), "N": pa.int32(), "S": pa.string(), "L": pa.list_(pa.int32()),
         "ROWTIME": pa.int64(), "ROWOFFSET": pa.int64()}  # fmt: skip


class Literals:
    name = "t"
    keys = ("K",)
    latest: tuple[str, ...] = ()
    declared = False
    columns = tuple(TableColumn(n, t, hidden=n.startswith("ROW")) for n, t in TYPES.items())

    def ranges(self, bounds: Bounds) -> list[Range]:
        return [Range(0, 0, 4, 0, 4)]

    def open(self, columns: Any, ranges: Any) -> Scan:
        order = [0, 2, 3, 1]
        rows = pa.table({c: pa.array(RECORDS[c], TYPES[c]) for c in columns}).take(order)
        return Scan((b for b in rows.to_batches()), lambda: None, lambda: Progress(4, 4, 0.1))


@pytest.fixture
def answer() -> Callable[[str], list[dict[str, Any]]]:
    def rows(sql: str) -> list[dict[str, Any]]:
        def lookup(name: Name) -> Literals:
            if re.fullmatch("t|u", name.text, re.IGNORECASE):
                return Literals()
            raise UnknownName("topic", name.text, ["t"], place=name.place)

        connection = duck.connect()
        (statement,) = parse(sql)
        assert isinstance(statement, Select)
        result = run(prepare(statement.query, lookup, connection, True, 0), connection)
        return [row for batch in result.batches for row in batch.to_pylist()]

    return rows


@pytest.mark.parametrize(
    ("call", "value"),
    [
        ("COLLECT_LIST(N)", [1, None, 3]),
        ("COLLECT_LIST(S)", ["x", "y", "x"]),
        ("COUNT_DISTINCT(S)", 2),
        ("EARLIEST_BY_OFFSET(N)", 1),
        ("LATEST_BY_OFFSET(N)", 3),
        ("LATEST_BY_OFFSET(S)", "x"),
        ("EARLIEST_BY_OFFSET(N, 2)", [1, 3]),
        ("EARLIEST_BY_OFFSET(N, 2, false)", [1, None]),
        ("LATEST_BY_OFFSET(N, 2, false)", [None, 3]),
        ("LATEST_BY_OFFSET(N, false)", 3),
        ("TOPK(N, 2)", [3, 1]),
        ("TOPKDISTINCT(S, 5)", ["y", "x"]),
        (
            "TOPK(S, N, 2)",
            [{"sort_col": "y", "col0": None}, {"sort_col": "x", "col0": 1}],
        ),
        ("STDDEV_SAMPLE(N)", 2**0.5),
        ("SUM_LIST(L)", 6),
        ("ATTR(K)", "a"),
        ("ATTR(S)", None),
        ("AVG(N)", 2.0),
        ("MAX(N)", 3),
    ],
)
def test_value(answer: Callable[[str], list[dict[str, Any]]], call: str, value: Any) -> None:
    assert answer(f"SELECT {call} AS v FROM t WHERE K = 'a'") == [{"v": value}]


def test_a_set_has_each_value_once(answer: Callable[[str], list[dict[str, Any]]]) -> None:
    (row,) = answer("SELECT COLLECT_SET(S) AS v FROM t")
    assert sorted(row["v"]) == ["x", "y", "z"]


def test_forms_of_one_function_stand_side_by_side(
    answer: Callable[[str], list[dict[str, Any]]],
) -> None:
    rows = answer("SELECT LATEST_BY_OFFSET(N) AS a, LATEST_BY_OFFSET(N, 1) AS b FROM t")
    assert rows == [{"a": 3, "b": [3]}]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT LATEST_BY_OFFSET(x) AS v FROM (SELECT N AS x FROM t WHERE N = 9) q",
        "WITH q AS (SELECT N AS x FROM t WHERE N = 9) SELECT LATEST_BY_OFFSET(x) AS v FROM q",
        "SELECT LATEST_BY_OFFSET(a.N) AS v FROM t a JOIN u b ON a.K = b.K WHERE a.K = 'b'",
    ],
)
def test_rows_without_offsets_of_their_own(
    answer: Callable[[str], list[dict[str, Any]]], sql: str
) -> None:
    assert answer(sql) == [{"v": 9}]
