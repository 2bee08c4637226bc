"""ROWKEY and ROWHEADERS in bounded queries: out of every star, and after all else of their name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest

from kshell.batch.plan import prepare
from kshell.batch.run import run
from kshell.batch.tables import Bounds, Range, Scan, TableColumn
from kshell.catalog.model import Column, FormatSpec, Kind, Source
from kshell.engines.local.sources.kept_table import KeptTable
from kshell.results import Progress
from kshell.sql import duck
from kshell.sql.clauses import Name
from kshell.sql.parse import parse

PLACES = {"ROWTIME": 5, "ROWPARTITION": 0, "ROWOFFSET": 0}


class Literal:
    """One row; names in `hidden` are pseudo columns."""

    latest = ()
    declared = False

    def __init__(self, name: str, keys: tuple[str, ...], shown: dict, hidden: dict) -> None:
        self.name, self.keys = name, keys
        self.row = {**shown, **hidden}
        rows = pa.table({n: [v] for n, v in self.row.items()})
        self.columns = tuple(
            TableColumn(n, rows.schema.field(n).type, hidden=n in hidden) for n in self.row
        )
        self.rows = rows
        self.asked: list[Bounds] = []
        self.opened: list[list[str]] = []

    def ranges(self, bounds: Bounds) -> list[Range]:
        self.asked.append(bounds)
        return [Range(0, 0, 1, 0, 1)]

    def open(self, columns: Any, ranges: Any) -> Scan:
        self.opened.append(list(columns))
        batches = (b for b in self.rows.select(list(columns)).to_batches())
        return Scan(batches, lambda: None, lambda: Progress(1, 1, 0.1))


@pytest.fixture
def tables() -> dict[str, Any]:
    return {
        # v of an undeclared topic; own has a column of that name; field a topic's JSON field.
        "a": Literal("a", ("ROWKEY",), {"v": "x", "n": 1}, {**PLACES, "ROWKEY": "ka"}),
        "own": Literal("own", ("ID",), {"ID": 1, "ROWKEY": "mine"}, PLACES),
        "field": Literal("field", ("ROWKEY_1",), {"rowkey": "f", "rowtime": 9},
                         {**PLACES, "ROWKEY_1": "kf"}),
    }  # fmt: skip


@pytest.fixture
def answer(tables: dict[str, Any]) -> Callable[[str], list[dict[str, Any]]]:
    def rows(sql: str) -> list[dict[str, Any]]:
        connection = duck.connect()

        def lookup(name: Name) -> Any:
            return tables[name.text.lower()]

        (statement,) = parse(sql)
        planned = prepare(statement.query, lookup, connection, True, 0)
        result = run(planned, connection)
        return [row for batch in result.batches for row in batch.to_pylist()]

    return rows


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        ("* FROM a", {"v": "x", "n": 1}),
        ("* EXCLUDE (n) FROM a", {"v": "x"}),
        ("* EXCLUDE (ROWKEY) FROM a", {"v": "x", "n": 1}),
        ("* REPLACE (2 AS n) FROM a", {"v": "x", "n": 2}),
        ("COLUMNS(*) FROM a", {"v": "x", "n": 1}),
        ("* FROM own", {"ID": 1, "ROWKEY": "mine"}),
        ("* FROM a, own", {"v": "x", "n": 1, "ID": 1, "ROWKEY": "mine"}),
        ("a.*, own.* FROM a, own", {"v": "x", "n": 1, "ID": 1, "ROWKEY": "mine"}),
        ("* FROM field", {"rowkey": "f", "rowtime": 9}),
        ("* FROM a, (SELECT v AS ROWKEY, ROWTIME FROM a) s",
         {"v": "x", "n": 1, "ROWKEY": "x", "ROWTIME": 5}),
        ("* FROM (SELECT ROWKEY, n FROM a) s", {"ROWKEY": "ka", "n": 1}),
        ("COUNT(*) AS c FROM a", {"c": 1}),
    ],
)  # fmt: skip
def test_a_star_never_has_them(answer, items: str, expected: dict) -> None:
    assert answer(f"SELECT {items}") == [expected]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("SELECT ROWKEY FROM a", "ka"),
        ("SELECT ROWKEY FROM own", "mine"),
        ("SELECT ROWKEY FROM field", "f"),
        ("SELECT ROWKEY_1 FROM field", "kf"),
        ("SELECT ROWKEY FROM a JOIN own ON a.n = own.ID", "mine"),
        ("SELECT own.ROWKEY FROM a JOIN own ON a.n = own.ID WHERE ROWKEY = 'mine'", "mine"),
        ("SELECT a.ROWKEY FROM a JOIN own ON a.n = own.ID WHERE ROWKEY = 'mine'", "ka"),
        ("SELECT ROWKEY FROM a, (SELECT v AS ROWKEY FROM a) s", "x"),
        ("SELECT ROWKEY FROM a, (SELECT * FROM own) s", "mine"),
        ("WITH s AS (SELECT upper(v) AS ROWKEY FROM a) SELECT ROWKEY FROM a, s", "X"),
        ("SELECT ROWKEY FROM a, (VALUES ('t')) s(ROWKEY)", "t"),
        ("SELECT v AS ROWKEY FROM a GROUP BY ROWKEY", "x"),
        ("SELECT upper(v) AS ROWKEY FROM a WHERE ROWKEY = 'X' ORDER BY ROWKEY", "X"),
        ("SELECT v AS ROWKEY FROM a GROUP BY ROWKEY HAVING ROWKEY = 'x'", "x"),
        ("SELECT ROWKEY AS k FROM a WHERE k = 'ka'", "ka"),
        ("SELECT n FROM a WHERE ROWKEY = 'ka'", 1),
        ("SELECT (SELECT MAX(ROWKEY) FROM own) AS m FROM a", "mine"),
    ],
)
def test_anything_else_of_that_name_wins(answer, query: str, expected: object) -> None:
    (row,) = answer(query)
    assert list(row.values()) == [expected]


def test_bare_over_two_that_have_only_a_key_it_is_refused(answer) -> None:
    from kshell.errors import BindError

    with pytest.raises(BindError, match="Ambiguous reference to column name"):
        answer("SELECT ROWKEY FROM a JOIN a b ON a.n = b.n")


@pytest.mark.parametrize(
    ("query", "bounds"),
    [
        ("SELECT n FROM a WHERE ROWKEY = 'ka' AND ROWTIME > 3", Bounds(keys=("ka",), time_from=4)),
        ("SELECT rowtime FROM field WHERE rowkey = 'f' AND `rowtime` > 8", Bounds()),
        ("SELECT rowtime FROM field WHERE rowkey = 'f' AND rowTime > 3", Bounds(time_from=4)),
        ("SELECT rowtime FROM field WHERE ROWKEY_1 = 'kf'", Bounds(keys=("kf",))),
        ("SELECT ID FROM own WHERE ROWKEY = 'mine'", Bounds()),
        ("SELECT ID FROM own WHERE ID = 1", Bounds(keys=(1,))),
    ],
)
def test_only_the_key_itself_prunes_partitions(answer, tables, query: str, bounds: Bounds) -> None:
    assert len(answer(query)) == 1
    (asked,) = [b for t in tables.values() for b in t.asked]
    assert asked == bounds


def test_what_is_not_named_is_not_read(answer, tables) -> None:
    answer("SELECT v FROM a")
    answer("SELECT v, ROWKEY FROM a")
    assert tables["a"].opened == [["v"], ["v", "ROWKEY"]]


def kept(*key: Column) -> KeptTable:
    source = Source("T", Kind.TABLE, "t", key, (Column("V", pa.int64()),),
                    FormatSpec("JSON"), FormatSpec("JSON"))  # fmt: skip
    values = {c.name: pa.array(["k1", "k2"], c.type) for c in key}
    times = pa.array([3, 4], pa.int64())
    rows = pa.RecordBatch.from_pydict({**values, "X": pa.array([1, 2]), "ROWTIME": times})
    return KeptTable(source, rows)


def test_a_kept_table_has_its_key_and_nothing_of_the_log(answer, tables) -> None:
    tables["t"] = kept(Column("K", pa.string()))
    assert answer("SELECT * FROM t WHERE ROWKEY = 'k2'") == [{"K": "k2", "V": 2}]
    found = answer("SELECT ROWKEY, ROWTIME, ROWPARTITION, ROWOFFSET, ROWHEADERS FROM t ORDER BY 1")
    assert found == [
        {"ROWKEY": k, "ROWTIME": t, "ROWPARTITION": None, "ROWOFFSET": None, "ROWHEADERS": None}
        for k, t in (("k1", 3), ("k2", 4))
    ]


def test_a_kept_table_with_several_key_columns_has_a_struct(answer, tables) -> None:
    tables["t"] = kept(Column("A", pa.string()), Column("B", pa.string()))
    assert answer("SELECT ROWKEY, ROWKEY->B AS b FROM t WHERE V = 1") == [
        {"ROWKEY": {"A": "k1", "B": "k1"}, "b": "k1"}
    ]


def test_a_kept_tables_own_column_wins(answer, tables) -> None:
    tables["t"] = kept(Column("ROWKEY", pa.string()))
    assert answer("SELECT *, ROWKEY AS k FROM t WHERE V = 1") == [
        {"ROWKEY": "k1", "V": 1, "k": "k1"}
    ]
