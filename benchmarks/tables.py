"""Operators of tables alone: rows of input a CPU second of the whole process, without a broker.

`python benchmarks/tables.py [NAME…]`: rows in memory go through the graph as the engine cuts them;
what the table then holds is checked beside DuckDB.
"""

from __future__ import annotations

import sys
import time

import numpy as np
import pyarrow as pa
from operators import STEP, Input, batch, in_duckdb, merged, shape

from kshell.cases.statements import run_script
from kshell.cases.world import World
from kshell.sql.plan import Sink
from kshell.stream.graph import Graph, build
from kshell.stream.rows import Layout, latest

_WITH = "WITH (KAFKA_TOPIC='{}', KEY_FORMAT='KAFKA', VALUE_FORMAT='JSON', PARTITIONS=1);"
TABLES = f"""CREATE TABLE l (k BIGINT PRIMARY KEY, v BIGINT) {_WITH.format("l")}
    CREATE TABLE r (k BIGINT PRIMARY KEY, v BIGINT) {_WITH.format("r")}"""
STREAM = f"CREATE STREAM l (k BIGINT KEY, v BIGINT) {_WITH.format('l')}"
NEWEST = """WITH a AS (SELECT k, arg_max(v, t) AS v FROM l GROUP BY k),
    b AS (SELECT k, arg_max(v, t) AS v FROM r GROUP BY k)"""
SUMS = "count(*), coalesce(sum(a.v), 0)::BIGINT, coalesce(sum(b.v), 0)::BIGINT"


def sink_of(script: str) -> Sink:
    """The last query's plan."""
    world = World()
    run_script(world, script)
    return list(world.queries.values())[-1]


def sums(rows: pa.RecordBatch) -> tuple[int, ...]:
    """How many there are, and the sums of V and W."""
    columns = (rows.column(n).drop_null() for n in ("V", "W"))
    return (rows.num_rows, *(int(c.to_numpy().sum()) for c in columns))


def timed(graph: Graph, sink: Sink, inputs: tuple[Input, ...]) -> float:
    """CPU seconds of all steps, with the records that a sink would write."""
    steps = list(merged(graph.scans, inputs, STEP))
    layout = Layout(sink.input.output)
    began = time.process_time()
    for step in steps:
        for made in graph.steps(step):
            latest(made, layout)
    return time.process_time() - began


def join(name: str, statement: str, inputs: tuple[Input, ...], answer: str) -> None:
    """Runs, prints and checks one."""
    sink = sink_of(f"{TABLES} {statement}")
    graph = build(sink, keeps=True)
    taken = timed(graph, sink, inputs)
    rows = sum(len(i.keys) for i in inputs)
    print(f"{name:36s} {rows / taken:12,.0f} rows a CPU second; target 300 k (1 M)", flush=True)
    expected = in_duckdb(f"{NEWEST} {answer}", dict(zip("lr", inputs, strict=False)))
    assert sums(graph.rows()) == expected, (name, sums(graph.rows()), expected)


def updates(rows: int, keys: int) -> Input:
    """Every key in turn, scattered."""
    n = np.arange(rows)
    return Input(n * 7919 % keys, n % 1000, 1_700_000_000_000 + n)


def kept(rows: int, keys: int) -> None:
    """A CTAS that counts, beside the aggregate alone; then a read of the whole table."""
    sink = sink_of(f"""{STREAM} CREATE TABLE o AS SELECT k, COUNT(*) AS v, SUM(v) AS w FROM l
        GROUP BY k;""")
    inputs = (updates(rows, keys),)
    seconds: dict[str, list[float]] = {"alone": [], "kept": [], "read": []}
    for _ in range(3):
        graph = build(sink)
        steps = [{0: c} for c in _slices(batch(graph.scans[0], inputs[0]))]
        began = time.process_time()
        for step in steps:
            graph.step(step)
        seconds["alone"].append(time.process_time() - began)
        graph = build(sink, keeps=True)
        seconds["kept"].append(timed(graph, sink, inputs))
        began = time.process_time()
        made = graph.rows()
        seconds["read"].append(time.process_time() - began)
        assert sums(made)[:2] == (keys, rows)
    alone, with_table, read = (sorted(s)[1] for s in seconds.values())
    print(
        f"CTAS, {keys:,} keys, {rows:,} updates: {with_table:.2f} s beside {alone:.2f} s alone:"
        f" {with_table / alone:.2f} x, target 1.5; a read of it all {read:.3f} s",
        flush=True,
    )


def _slices(changes):
    return [changes.slice(n, STEP) for n in range(0, len(changes), STEP)]


def main() -> None:
    """All, or those whose name has one of the words given."""
    words = sys.argv[1:]
    rows, keys = 600_000, 100_000
    inputs = shape(rows, 1, keys)
    random = np.random.default_rng(3)
    foreign = (
        Input(inputs[0].keys, random.integers(0, keys, rows // 2), inputs[0].times),
        inputs[1],
    )
    made = {
        f"table-table, {kind}, 1:1": (
            f"""CREATE TABLE o AS SELECT {key}, l.v AS v, r.v AS w
                FROM l {kind} JOIN r ON l.k = r.k;""",
            inputs,
            f"SELECT {SUMS} FROM a {kind} JOIN b ON a.k = b.k",
        )
        for kind, key in (("INNER", "l.k"), ("LEFT", "l.k"), ("FULL", "ROWKEY AS k"))
    }
    made |= {
        f"foreign key, {kind}, 1:1": (
            f"""CREATE TABLE o AS SELECT l.k, l.v AS v, r.v AS w
                FROM l {kind} JOIN r ON l.v = r.k;""",
            foreign,
            f"SELECT {SUMS} FROM a {kind} JOIN b ON a.v = b.k",
        )
        for kind in ("INNER", "LEFT")
    }
    made["GROUP BY of a table"] = (
        "CREATE TABLE o AS SELECT v AS g, COUNT(*) AS v, SUM(k) AS w FROM l GROUP BY v;",
        inputs[:1],
        """SELECT (SELECT count(DISTINCT v) FROM l), sum(n)::BIGINT, sum(s)::BIGINT
            FROM (SELECT count(*) AS n, sum(k) AS s FROM a GROUP BY v)""",
    )
    for name, benchmark in made.items():
        if not words or any(w in name for w in words):
            join(name, *benchmark)
    if not words or "CTAS" in words:
        kept(3_000_000, 1_000_000)


if __name__ == "__main__":
    main()
