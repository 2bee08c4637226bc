"""Pushdown never changes an answer: each predicate beside the same one that nothing can be read from."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kshell.batch.plan import prepare
from kshell.batch.run import run
from kshell.batch.tables import Bounds, Range, Scan, TableColumn
from kshell.results import Progress
from kshell.sql import duck
from kshell.sql.parse import parse

TIMES = [-1, 0, 999, 1000, 5000, 2**53, 2**63 - 1]


class Log:
    """Rows of which a scan gives only those that the bounds leave."""

    name, keys, latest, declared = "log", ("ROWKEY",), (), False
    columns = (
        *(TableColumn(n, pa.int64(), hidden=True) for n in ("ROWTIME", "ROWOFFSET", "ROWPARTITION")),
        TableColumn("ROWKEY", pa.string(), hidden=True),
        TableColumn("n", pa.int64()),
    )

    def __init__(self) -> None:
        self.rows = [
            {"ROWTIME": t, "ROWOFFSET": n, "ROWPARTITION": n % 3, "ROWKEY": "ab"[n % 2], "n": n} for n, t in enumerate(TIMES)
        ]
        self.bounds = Bounds()

    def ranges(self, bounds: Bounds) -> list[Range]:
        self.bounds = bounds
        return [Range(0, 0, len(self.rows), 0, len(self.rows))]

    def _left(self, row: dict[str, Any]) -> bool:
        b = self.bounds
        return (
            (b.partitions is None or row["ROWPARTITION"] in b.partitions)
            and (b.keys is None or row["ROWKEY"] in b.keys)
            and (b.offset_from is None or row["ROWOFFSET"] >= b.offset_from)
            and (b.offset_to is None or row["ROWOFFSET"] < b.offset_to)
            and (b.time_from is None or row["ROWTIME"] >= b.time_from)
            and (b.time_to is None or row["ROWTIME"] < b.time_to)
        )

    def open(self, columns: Any, ranges: Any) -> Scan:
        types = {c.name: c.raw for c in self.columns}
        kept = [r for r in self.rows if self._left(r)]
        arrays = [pa.array([r[c] for r in kept], types[c]) for c in columns]
        batch = pa.RecordBatch.from_arrays(arrays, names=list(columns))
        return Scan((b for b in [batch]), lambda: None, lambda: Progress(1, 1, 0.1))


def answer(where: str) -> list[int] | str:
    (statement,) = parse(f"SELECT n FROM log WHERE {where}")
    with duck.connect() as connection:
        log = Log()
        try:
            result = run(prepare(statement.query, lambda name: log, connection, False, 0), connection)
            return sorted(row["n"] for batch in result.batches for row in batch.to_pylist())
        except Exception as error:
            return type(error).__name__


numbers = st.sampled_from(
    ["-1", "0", "1000", "999.5", "1e400::DOUBLE", "'infinity'::DOUBLE", "(-1e19)", "1e30", "9223372036854775807", "NULL",
     "2 * 500", "-(-1000)", "'nan'::DOUBLE", "99999999999999999999", "3", "1.0"]
)  # fmt: skip
columns = st.sampled_from(["ROWTIME", "ROWOFFSET", "ROWPARTITION", "log.rowtime", "n"])
tests = st.one_of(
    st.builds("{} {} {}".format, columns, st.sampled_from(["<", "<=", "=", ">=", ">", "<>", "IS DISTINCT FROM"]), numbers),
    st.builds("{} {} {}".format, numbers, st.sampled_from(["<", "<=", "=", ">=", ">"]), columns),
    st.builds("{} BETWEEN {} AND {}".format, columns, numbers, numbers),
    st.builds("{} {} ({}, {})".format, columns, st.sampled_from(["IN", "NOT IN"]), numbers, numbers),
    st.builds("ROWKEY {} ('a', {})".format, st.sampled_from(["IN", "NOT IN"]), st.sampled_from(["'b'", "NULL"])),
    st.sampled_from(["ROWTIME < '1970-01-01T00:00:01'", "ROWTIME >= TIMESTAMP '1970-01-01 00:00:05'", "ROWTIME = '1969-12-31T23:59:59.999'"]),
)
joined = st.builds("{} {} {}".format, tests, st.sampled_from(["AND", "OR", "AND NOT"]), tests)


@settings(deadline=None, max_examples=120)
@given(st.one_of(tests, joined))
def test_a_predicate_and_the_same_one_made_opaque(where: str) -> None:
    assert answer(where) == answer(f"coalesce(({where}), false) OR n < -5")


def test_it_narrows_at_all() -> None:
    log = Log()
    (statement,) = parse("SELECT n FROM log WHERE ROWTIME > 5 AND ROWOFFSET <= 3.5 AND ROWPARTITION IN (0, 1)")
    with duck.connect() as connection:
        prepare(statement.query, lambda name: log, connection, False, 0)
    assert log.bounds == Bounds(frozenset({0, 1}), None, None, 4, 6, None)


@pytest.mark.parametrize("joined", ["ASOF JOIN log b ON a.n >= b.n", "POSITIONAL JOIN log b"])
def test_joins_that_choose_their_rows_before_where_are_not_narrowed(joined: str) -> None:
    asked = []
    (statement,) = parse(f"SELECT a.n FROM log a {joined} WHERE b.ROWOFFSET < 3")
    with duck.connect() as connection:
        log = Log()
        log.ranges = lambda bounds: asked.append(bounds) or []  # type: ignore[method-assign]
        prepare(statement.query, lambda name: log, connection, False, 0)
    assert asked == [Bounds(), Bounds()]
