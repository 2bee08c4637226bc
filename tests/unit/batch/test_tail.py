"""Reading backwards: as little as possible, and the same answer as reading everything."""

from __future__ import annotations

import random
import time

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kshell.batch.plan import prepare
from kshell.batch.tables import Range, Scan, TableColumn
from kshell.batch.tail import answer, tail_of
from kshell.results import Progress
from kshell.sql.parse import parse


class Log:
    """Partitions of (offset, timestamp), with gaps; `read` counts the records handed out."""

    name, keys, latest, declared = "log", (), (), False
    columns = (
        TableColumn("n", pa.int64()),
        TableColumn("ROWTIME", pa.int64(), hidden=True),
        TableColumn("ROWOFFSET", pa.int64(), hidden=True),
    )

    def __init__(self, partitions: list[list[tuple[int, int]]]) -> None:
        self.partitions = partitions
        self.read = 0

    def ranges(self, bounds):
        ends = [p[-1][0] + 1 if p else 0 for p in self.partitions]
        return [Range(i, 0, end, 0, end) for i, end in enumerate(ends)]

    def time_of_end(self, ranges, time):
        return {
            r.partition: next((o for o, t in self.partitions[r.partition] if t >= time), r.end)
            for r in ranges
        }

    def open(self, columns, ranges):
        rows = [
            {"n": o * 10, "ROWTIME": t, "ROWOFFSET": o, "rowoffset": 1_000_000 - o}
            for r in ranges
            for o, t in self.partitions[r.partition]
            if r.start <= o < r.end
        ]
        self.read += len(rows)
        schema = pa.schema([(c.name, c.raw) for c in self.columns if c.name in columns])
        batch = pa.RecordBatch.from_pylist([{c: r[c] for c in columns} for r in rows], schema)
        return Scan((b for b in [batch]), lambda: None, lambda: Progress(0, 0, 0))


def ask(log: Log, sql: str) -> list[dict]:
    connection = duckdb.connect()
    (statement,) = parse(sql)
    planned = prepare(statement.query, lambda name: log, connection, False, int(time.time()))
    return [row for batch in answer(planned, connection).batches for row in batch.to_pylist()]


def in_order(partitions: int, length: int) -> Log:
    return Log([[(o, o * 100 + p) for o in range(length)] for p in range(partitions)])


@pytest.mark.parametrize("column", ["ROWTIME", "ROWOFFSET"])
def test_the_last_rows_of_a_long_log_read_only_its_tail(column):
    log = in_order(2, 10_000)
    rows = ask(log, f"SELECT n FROM log ORDER BY {column} DESC LIMIT 2")
    assert [r["n"] for r in rows] == [99_990, 99_990]
    assert log.read <= 2 * 512


def test_a_field_named_like_the_order_is_read_whole():
    log = in_order(1, 10_000)
    log.columns = (TableColumn("n", pa.int64()), TableColumn("rowoffset", pa.int64()),
                   *(c for c in Log.columns if c.hidden))  # fmt: skip
    rows = ask(log, "SELECT n, ROWOFFSET AS o FROM log ORDER BY `rowoffset` DESC LIMIT 1")
    assert rows == [{"n": 0, "o": 0}]


def test_the_order_column_is_not_in_the_answer():
    assert ask(in_order(1, 3), "SELECT * FROM log ORDER BY ROWOFFSET DESC LIMIT 1") == [{"n": 20}]


def test_a_filter_makes_it_read_on_until_there_are_enough():
    log = in_order(1, 20_000)
    rows = ask(log, "SELECT n FROM log WHERE n < 1000 ORDER BY ROWOFFSET DESC LIMIT 1")
    assert rows == [{"n": 990}]


def test_an_old_record_with_a_late_timestamp_is_found():
    log = in_order(1, 10_000)
    log.partitions[0][5] = (5, 99_999_999)
    rows = ask(log, "SELECT ROWOFFSET FROM log ORDER BY ROWTIME DESC LIMIT 2")
    assert rows == [{"ROWOFFSET": 5}, {"ROWOFFSET": 9999}]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT n FROM log ORDER BY ROWTIME LIMIT 2",
        "SELECT n FROM log ORDER BY ROWTIME DESC",
        "SELECT n FROM log ORDER BY n DESC LIMIT 2",
        "SELECT DISTINCT n FROM log ORDER BY ROWTIME DESC LIMIT 2",
        "SELECT COUNT(*) FROM log ORDER BY ROWTIME DESC LIMIT 2",
        "SELECT UNNEST([n, n]) FROM log ORDER BY ROWTIME DESC LIMIT 2",
        "SELECT n FROM log ORDER BY ROWTIME DESC LIMIT 2 OFFSET 1",
        "SELECT n AS ROWTIME FROM log ORDER BY ROWTIME DESC LIMIT 2",
        "SELECT n FROM log JOIN log b USING (n) ORDER BY ROWTIME DESC LIMIT 2",
    ],
)
def test_what_must_be_read_forwards(sql):
    assert tail_of(parse(sql)[0].query.tree) is None


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from(["ROWTIME", "ROWOFFSET"]), st.integers(1, 700))
def test_equal_to_reading_everything(seed, column, limit):
    chance = random.Random(seed)
    log = Log(
        [
            [(o, chance.randrange(10_000)) for o in range(chance.randrange(3000)) if o % 3 != p]
            for p in range(3)
        ]
    )
    got = ask(log, f"SELECT {column} v FROM log ORDER BY {column} DESC LIMIT {limit}")
    field = 1 if column == "ROWTIME" else 0
    values = sorted((r[field] for p in log.partitions for r in p), reverse=True)
    assert [r["v"] for r in got] == values[:limit]
