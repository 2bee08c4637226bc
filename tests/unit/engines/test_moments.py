"""Which columns of an answer are times: a pseudo column as it is, and its MIN or MAX."""

from __future__ import annotations

import pyarrow as pa
import pytest

from kshell.config import Properties
from kshell.results import Live, Rows
from kshell.session import Session
from kshell.types import as_moment, is_moment

SCHEMA = pa.schema([as_moment(pa.field("made", pa.int64())), ("n", pa.int64())])
TABLES = {
    "t": pa.table({"n": pa.array([1, 2], pa.int64()), "s": ["a", "b"]}),
    "kept": pa.table([[0, 86_400_000], [1, 2]], schema=SCHEMA),
}


def times(sql: str) -> list[str]:
    session = Session(Properties({}), tables=TABLES)
    try:
        (answer,) = session.execute(sql)
        assert isinstance(answer, Rows | Live)
        if isinstance(answer, Rows):
            list(answer.batches)
        else:
            answer.cancel()
        return [f.name for f in answer.schema if is_moment(f)]
    finally:
        session.close()


@pytest.mark.parametrize(
    ("sql", "named"),
    [
        ("SELECT ROWTIME, n FROM t", ["ROWTIME"]),
        ("SELECT rowtime AS x, t.ROWTIME y FROM t", ["x", "y"]),
        ("SELECT MIN(ROWTIME) a, max(rowtime) AS b, MAX(n) c FROM t", ["a", "b"]),
        ("SELECT s, MAX(ROWTIME) FROM t GROUP BY s", ["MAX(ROWTIME)"]),
        ("SELECT MAX(ROWTIME) OVER (ORDER BY n) w FROM t", ["w"]),
        ("SELECT ROWTIME + 1, -ROWTIME, ROWTIME - ROWTIME, ROWTIME // 1000 FROM t", []),
        ("SELECT ROWOFFSET, n, COUNT(ROWTIME) OVER () c, CAST(ROWTIME AS BIGINT) k FROM t", []),
        ("SELECT MAX(ROWTIME) - MIN(ROWTIME) AS span FROM t", []),
        ("SELECT *, ROWTIME AS at FROM t", ["at"]),
        ("SELECT * FROM (SELECT ROWTIME AS at, n FROM t)", ["at"]),
        ("SELECT MIN(at) m FROM (SELECT ROWTIME AS at FROM t)", ["m"]),
        ("WITH c AS (SELECT n, ROWTIME AS at FROM t) SELECT at, n FROM c", ["at"]),
        ("WITH c(a, b) AS (SELECT n, ROWTIME FROM t) SELECT * FROM c", ["b"]),
        ("SELECT a.ROWTIME AS x, b.n FROM t a JOIN t b ON a.n = b.n", ["x"]),
        ("SELECT ROWTIME FROM t UNION ALL SELECT ROWTIME FROM t", ["ROWTIME"]),
        ("SELECT ROWTIME FROM t UNION ALL SELECT n FROM t", []),
        ("SELECT n FROM t UNION ALL SELECT ROWTIME FROM t", []),
        ("SELECT * FROM (SELECT ROWTIME x FROM t UNION ALL SELECT n FROM t)", []),
        ("SELECT * FROM kept", ["made"]),
        ("SELECT made AS x, n FROM kept", ["x"]),
        ("SELECT * REPLACE (made + 1 AS made) FROM kept", []),
        ("SELECT * EXCLUDE (n) FROM kept", ["made"]),
        ("FROM kept", ["made"]),
        ("SELECT ROWTIME FROM t ORDER BY ROWTIME DESC LIMIT 1", ["ROWTIME"]),
        ("SELECT n, ROWTIME FROM t EMIT CHANGES LIMIT 2", ["ROWTIME"]),
        ("SELECT * FROM kept EMIT CHANGES LIMIT 1", ["made"]),
        ("SELECT k.made AS at, t.n FROM kept k JOIN t WITHIN 1 HOUR ON k.n = t.n EMIT CHANGES", ["at"]),
        ("SELECT n, ROWTIME AS at, ROWTIME + 1 AS no FROM t EMIT CHANGES LIMIT 2", ["at"]),
        ("SELECT s, MAX(ROWTIME) AS m, MAX(n) AS k FROM t GROUP BY s EMIT CHANGES LIMIT 2", ["m"]),
        (
            "SELECT s, WINDOWSTART AS b, WINDOWEND, COUNT(*) AS c FROM t"
            " WINDOW TUMBLING (SIZE 1 HOUR) GROUP BY s EMIT CHANGES LIMIT 2",
            ["b", "WINDOWEND"],
        ),
        (
            "SELECT s, WINDOWSTART, COUNT(*) AS c, WINDOWEND - WINDOWSTART AS size FROM t"
            " WINDOW TUMBLING (SIZE 1 HOUR) GROUP BY s",
            ["WINDOWSTART"],
        ),
    ],
)
def test_times(sql: str, named: list[str]) -> None:
    assert times(sql) == named


def test_a_moment_meets_a_time_as_people_write_it() -> None:
    session = Session(Properties({}), tables=TABLES)
    try:
        (answer,) = session.execute("SELECT n FROM kept WHERE made >= '1970-01-02'")
        assert isinstance(answer, Rows)
        assert [b.to_pylist() for b in answer.batches if b.num_rows] == [[{"n": 2}]]
    finally:
        session.close()
