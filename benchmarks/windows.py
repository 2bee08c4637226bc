"""Windowed GROUP BY in this process, rows of memory through `Graph.step`: rows a CPU second.

`python benchmarks/windows.py [ROWS]`: SESSION, SLIDING and EMIT FINAL, each answer checked beside
DuckDB's; and one hot key, whose last tenth must cost what the first did.
"""

from __future__ import annotations

import json
import sys
import time

import duckdb
import numpy as np
import pyarrow as pa
from compare import KSHELL, ROOT, taken_by

from kshell.changes import Changes
from kshell.stream.graph import Graph
from tests.streams.query import Query

BEGIN = 1_700_000_000_000
STEP = 32_768
DECLARED = """CREATE STREAM s (k BIGINT KEY, v BIGINT)
    WITH (KAFKA_TOPIC='s', KEY_FORMAT='KAFKA', VALUE_FORMAT='JSON');"""
AGGREGATES = "COUNT(*) AS n, SUM(v) AS total, MAX(v) AS most"

# Window and emission; keys; how many rows come in a millisecond; DuckDB's query of the answer.
_SESSIONS = """WITH marked AS (
        SELECT *, t - lag(t, 1, t) OVER (PARTITION BY k ORDER BY t) > {gap} AS apart FROM given),
    numbered AS (
        SELECT *, sum(apart::INT) OVER (PARTITION BY k ORDER BY t) AS session FROM marked)
    SELECT k, count(*) AS n, sum(v) AS total, max(v) AS most, min(t) AS a, max(t) AS b
    FROM numbered GROUP BY k, session"""
_SLIDING = """WITH ends AS (
        SELECT DISTINCT k, t - {size} AS a FROM given
        UNION SELECT DISTINCT x.k, x.t + 1 FROM given x JOIN given y
            ON x.k = y.k AND y.t BETWEEN x.t + 1 AND x.t + 1 + {size})
    SELECT w.k, count(*) AS n, sum(v) AS total, max(v) AS most, a, a + {size} AS b
    FROM ends w JOIN given r ON w.k = r.k AND r.t BETWEEN a AND a + {size} GROUP BY w.k, a"""
_TUMBLING = """SELECT k, count(*) AS n, sum(v) AS total, max(v) AS most,
        t // {size} * {size} AS a, t // {size} * {size} + {size} AS b
    FROM given GROUP BY ALL"""
QUERIES = {
    "SESSION": ("SESSION (1 SECOND)", "CHANGES", 2000, 4, _SESSIONS.format(gap=1000), "true"),
    "SESSION EMIT FINAL": (
        "SESSION (1 SECOND)", "FINAL", 2000, 4, _SESSIONS.format(gap=1000),
        "b < {last} - 1000",
    ),
    "SESSION EMIT FINAL, 16,000 open": (
        "SESSION (16 SECONDS)", "FINAL", 1 << 40, 1, _SESSIONS.format(gap=16_000),
        "b < {last} - 16000",
    ),
    "SLIDING": ("SLIDING (SIZE 10 MILLISECONDS)", "CHANGES", 500, 4, _SLIDING.format(size=10), "true"),
    "SLIDING EMIT FINAL": (
        "SLIDING (SIZE 10 MILLISECONDS)", "FINAL", 500, 4, _SLIDING.format(size=10),
        "b < {last}",
    ),
    "TUMBLING EMIT FINAL, 16,000 open": (
        "TUMBLING (SIZE 10 SECONDS)", "FINAL", 16_000, 4, _TUMBLING.format(size=10_000),
        "b <= {last}",
    ),
}  # fmt: skip


def query(window: str, emit: str) -> Query:
    """The GROUP BY in those windows."""
    return Query.of(
        f"{DECLARED} CREATE TABLE o AS SELECT k, {AGGREGATES} FROM s WINDOW {window}"
        f" GROUP BY k EMIT {emit};"
    )


def rows_of(keys: np.ndarray, times: np.ndarray, graph: Graph) -> Changes:
    """Rows of the stream."""
    columns = {"K": pa.array(keys), "V": pa.array(keys % 1000), "ROWTIME": pa.array(times)}
    schema = graph.scans[0].output.schema()
    return Changes.of(pa.RecordBatch.from_arrays([columns[n] for n in schema.names], schema=schema))


def timed(made: Query, batches: list[Changes]) -> tuple[list[Changes], list[float]]:
    """What comes out, and the CPU seconds of each step."""
    out, taken = [], []
    for batch in batches:
        began = time.process_time()
        out.append(made.graph.step({0: batch}))
        taken.append(time.process_time() - began)
    return out, taken


def answers(name: str, rows: int) -> None:
    """One query's speed, its answer checked."""
    window, emit, keys, per_ms, check, closed = QUERIES[name]
    made = query(window, emit)
    random = np.random.default_rng(1)
    k, at = random.integers(0, keys, rows), BEGIN + np.arange(rows) // per_ms
    batches = [rows_of(k[i : i + STEP], at[i : i + STEP], made.graph) for i in range(0, rows, STEP)]
    out, taken = timed(made, batches)
    names = ["k", "n", "total", "most", "a", "b", "w"]
    found = pa.concat_tables(
        pa.table([*c.rows.columns[:6], c.weights], names=names) for c in out
    )
    source = pa.table({"k": k, "v": k % 1000, "t": at})
    connection = duckdb.connect()
    connection.register("found", found)
    connection.register("given", source)
    expected = f"SELECT * FROM ({check}) WHERE {closed.format(last=int(at[-1]))}"
    shown = "SELECT k, n, total, most, a, b FROM found GROUP BY ALL HAVING sum(w) <> 0"
    for one, other in ((shown, expected), (expected, shown)):
        ((differ,),) = connection.sql(f"SELECT count(*) FROM (({one}) EXCEPT ALL ({other}))").fetchall()
        assert not differ, (name, differ)
    report(name, rows / sum(taken), "300,000")


def report(name: str, value: float, target: str) -> None:
    """One line."""
    print(f"{name:44s} {value:14,.2f}  target >= {target}", flush=True)


def hot(window: str, rows: int = 60_000, step: int = 1000) -> None:
    """One key, default grace: the speed of the last tenth beside the first's."""
    made = query(window, "CHANGES")
    at, k = BEGIN + 5 * np.arange(rows), np.ones(rows, np.int64)
    batches = [rows_of(k[i : i + step], at[i : i + step], made.graph) for i in range(0, rows, step)]
    _, taken = timed(made, batches)
    tenth = len(taken) // 10
    report(f"one hot key, {window}", rows / sum(taken), "300,000")
    first, last = np.median(taken[:tenth]), np.median(taken[-tenth:])
    report("  its last tenth / first tenth", first / last, "0.8")


def whole_command(records: int) -> None:
    """kshell itself on a real broker: sessions of 10,000 users, from the first record to the end."""
    import subprocess

    from continuous import DECLARED as VIEWS
    from continuous import fill

    from tests.live import realkafka

    with realkafka.broker({"log.segment.bytes": 1 << 30}) as broker:
        fill(broker.bootstrap, records)
        text = VIEWS + "SELECT userid, COUNT(*) AS n FROM views WINDOW SESSION (1 SECOND) GROUP BY userid;"
        made: list[bytes] = []
        command = [*KSHELL, "-b", broker.bootstrap, "-o", "jsonl", "-e", text]
        taken = taken_by(lambda: made.append(subprocess.check_output(command, cwd=ROOT)))
    counted = sum(json.loads(line)["N"] for line in made[0].splitlines())
    assert counted == records, counted
    report("SESSION, the whole command", records / taken.cpu, "100,000")


def main() -> None:
    """All of them."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    for name in QUERIES:
        answers(name, rows)
    for window in ("SESSION (1 MILLISECONDS)", "SESSION (1 SECOND)", "SLIDING (SIZE 5 MILLISECONDS)"):
        hot(window)
    whole_command(rows)


if __name__ == "__main__":
    main()
