"""A table of literals in place of a topic."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from kshell.batch.plan import Planned, prepare
from kshell.batch.run import run
from kshell.batch.tables import Bounds, Range, Scan, TableColumn
from kshell.errors import UnknownName
from kshell.results import Progress
from kshell.sql.clauses import Name
from kshell.sql.parse import parse
from kshell.sql.statements import Select

RECORDS: dict[str, list[Any]] = {
    "region": ["eu", "us", "eu", "asia"],
    "amount": [10, 20, 30, None],
    "item": ['{"x":1}', '{"x":2}', None, '{"x":4}'],
    "ROWTIME": [1000, 2000, 3000, 4000],
    "ROWOFFSET": [0, 1, 2, 3],
    "ROWPARTITION": [0, 0, 1, 1],
    "ROWKEY": ["a", "b", "c", "d"],
}


class LiteralTable:
    """`opened` and `asked` record what the plan wanted of it."""

    name = "orders"
    declared = False
    keys = ("ROWKEY",)
    latest: tuple[str, ...] = ()
    columns = (
        TableColumn("region", pa.string()),
        TableColumn("amount", pa.int64()),
        TableColumn("item", pa.string(), "from_json({}, '{\"x\":\"BIGINT\"}')", made=pa.struct([("x", pa.int64())])),
        *(TableColumn(n, pa.int64(), hidden=True) for n in ("ROWTIME", "ROWOFFSET")),
        TableColumn("ROWPARTITION", pa.int64(), hidden=True),
        TableColumn("ROWKEY", pa.string(), hidden=True),
    )

    def __init__(self) -> None:
        self.opened: list[list[str]] = []
        self.asked: list[Bounds] = []
        self.cancelled = 0
        self.fail: Exception | None = None

    def ranges(self, bounds: Bounds) -> list[Range]:
        self.asked.append(bounds)
        return [Range(0, 0, 4, 0, 4)]

    def open(self, columns: Sequence[str], ranges: Sequence[Range]) -> Scan:
        self.opened.append(list(columns))

        def batches() -> Any:
            if self.fail is not None:
                raise self.fail
            if not columns:
                yield pa.RecordBatch.from_struct_array(pa.array([{}] * 4, pa.struct([])))
                return
            types = {c.name: c.raw for c in self.columns}
            arrays = [pa.array(RECORDS[c], types[c]) for c in columns]
            yield pa.RecordBatch.from_arrays(arrays, names=list(columns))

        def cancel() -> None:
            self.cancelled += 1

        return Scan(batches(), cancel, lambda: Progress(4, 4, 0.1))


@pytest.fixture
def table() -> LiteralTable:
    return LiteralTable()


@pytest.fixture
def plan(table: LiteralTable) -> Callable[[str], tuple[Planned, duckdb.DuckDBPyConnection]]:
    connection = duckdb.connect()

    def lookup(name: Name) -> LiteralTable:
        if re.fullmatch("orders|other", name.text, re.IGNORECASE):
            return table
        raise UnknownName("topic", name.text, ["orders", "other"], place=name.place)

    def planned(sql: str) -> tuple[Planned, duckdb.DuckDBPyConnection]:
        (statement,) = parse(sql)
        assert isinstance(statement, Select)
        return prepare(statement.query, lookup, connection, False, 1_000_000), connection

    return planned


@pytest.fixture
def answer(plan: Callable[[str], tuple[Planned, Any]]) -> Callable[[str], list[dict[str, Any]]]:
    def rows(sql: str) -> list[dict[str, Any]]:
        result = run(*plan(sql))
        return [row for batch in result.batches for row in batch.to_pylist()]

    return rows
