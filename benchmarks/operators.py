"""Stateful operators alone: rows of input a CPU second of the whole process, without a broker.

`python benchmarks/operators.py [NAME…]`: rows in memory go through `Graph.step` as the engine cuts
them, in shapes that differ in how the inputs alternate; answers are checked beside DuckDB.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

import duckdb
import numpy as np
import pyarrow as pa

from kshell.cases.statements import run_script
from kshell.cases.world import World
from kshell.changes import Changes
from kshell.engines.local.continuous.time_order import Merge, cut
from kshell.sql.plan import Scan
from kshell.stream.graph import Graph, build

START = 1_700_000_000_000
STEP = 32_768  # rows, as the engine's
_WITH = "WITH (KAFKA_TOPIC='{}', KEY_FORMAT='KAFKA', VALUE_FORMAT='JSON', PARTITIONS=1);"
STREAMS = f"""CREATE STREAM l (k BIGINT KEY, v BIGINT) {_WITH.format("l")}
    CREATE STREAM r (k BIGINT KEY, v BIGINT) {_WITH.format("r")}"""
LOOKUP = f"""CREATE STREAM l (k BIGINT KEY, v BIGINT) {_WITH.format("l")}
    CREATE TABLE r (k BIGINT PRIMARY KEY, v BIGINT) {_WITH.format("r")}"""
THREE = f"{STREAMS} CREATE STREAM m (k BIGINT KEY, v BIGINT) {_WITH.format('m')}"


@dataclass(frozen=True, slots=True)
class Input:
    """The rows of one topic."""

    keys: np.ndarray
    values: np.ndarray
    times: np.ndarray


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A query, its inputs, and the SQL over l, r (and m) that gives the sum of v and w and a count."""

    script: str
    inputs: tuple[Input, ...]
    answer: str
    target: str


def shape(rows: int, block: int, keys: int, of: int = 2) -> tuple[Input, ...]:
    """Inputs that take turns: `block` rows each, a millisecond apart."""
    random = np.random.default_rng(7)
    out = []
    for side in range(of):
        n = np.arange(rows // of)
        times = START + n + n // block * block * (of - 1) + side * block
        out.append(Input(random.integers(0, keys, len(n)), random.integers(0, 1000, len(n)), times))
    return tuple(out)


def ending(inputs: tuple[Input, ...]) -> tuple[Input, ...]:
    """The same, and rows a day later with keys of their own, which end all waits and wait on."""
    last = START + 10**9
    return tuple(
        Input(np.append(i.keys, -1 - n), np.append(i.values, 0), np.append(i.times, last + n))
        for n, i in enumerate(inputs)
    )


def hot(rows: int) -> tuple[Input, ...]:
    """One key, a row of each side every millisecond."""
    n = np.arange(rows // 2)
    return tuple(Input(np.ones(len(n), np.int64), n % 1000, START + n) for _ in "lr")


def join(kind: str, within: str, where: str = "", declared: str = STREAMS) -> str:
    """The statement of a join of l and r."""
    key = "ROWKEY" if kind.startswith("FULL") else "l.k"
    return f"""{declared} CREATE STREAM o AS SELECT {key}, l.v AS v, r.v AS w
        FROM l {kind} r {within} ON l.k = r.k {where};"""


def matched(kind: str, within: int, where: str = "true") -> str:
    """The same in DuckDB."""
    return f"""SELECT count(*), sum(l.v)::BIGINT, sum(r.v)::BIGINT FROM l {kind} r
        ON l.k = r.k AND abs(l.t - r.t) <= {within} WHERE {where}"""


def benchmarks(rows: int) -> dict[str, Benchmark]:
    """All of them, by name."""
    seconds = "WITHIN 2 SECONDS GRACE PERIOD 1 SECOND"
    keys = 4000
    asof = """SELECT count(*), sum(l.v)::BIGINT, sum(r.v)::BIGINT FROM l {kind} JOIN r
        ON l.k = r.k AND r.t < l.t"""
    three = """SELECT count(*), sum(l.v)::BIGINT, sum(r.v)::BIGINT FROM l
        JOIN r ON l.k = r.k AND abs(l.t - r.t) <= 2000
        JOIN m ON l.k = m.k AND abs(greatest(l.t, r.t) - m.t) <= 2000"""
    return {
        "inner, 1:1": Benchmark(join("JOIN", seconds), shape(rows, 1, keys), matched("JOIN", 2000), "300 k (1 M)"),
        "inner, blocks of 1000": Benchmark(join("JOIN", seconds), shape(rows, 1000, keys), matched("JOIN", 2000), ""),
        "inner, 1:1, WHERE": Benchmark(join("JOIN", seconds, "WHERE l.v > 500"), shape(rows, 1, keys), matched("JOIN", 2000, "l.v > 500"), "300 k (1 M)"),
        "left with GRACE, 1:1": Benchmark(join("LEFT JOIN", seconds), ending(shape(rows, 1, keys)), matched("LEFT JOIN", 2000, "l.k >= 0"), "300 k (1 M)"),
        "full with GRACE, 1:1": Benchmark(join("FULL OUTER JOIN", seconds), ending(shape(rows, 1, keys)), matched("FULL JOIN", 2000, "coalesce(l.k, r.k) >= 0"), "300 k (1 M)"),
        "inner, default grace, 1:1": Benchmark(join("JOIN", "WITHIN 2 SECONDS"), shape(rows, 1, keys), matched("JOIN", 2000), "300 k (1 M)"),
        "inner, one hot key": Benchmark(join("JOIN", "WITHIN 1 MILLISECONDS"), hot(min(rows, 60_000)), matched("JOIN", 1), "last tenth >= 0.8"),
        "inner, one hot key, 1000 matches": Benchmark(join("JOIN", "WITHIN 500 MILLISECONDS"), hot(min(rows, 20_000)), matched("JOIN", 500), ""),
        "stream-table, 1:1": Benchmark(join("JOIN", "", "", LOOKUP), shape(rows, 1, keys), asof.format(kind="ASOF"), "300 k (1 M)"),
        "stream-table left, 1:1": Benchmark(join("LEFT JOIN", "", "", LOOKUP), shape(rows, 1, keys), asof.format(kind="ASOF LEFT"), "300 k (1 M)"),
        "three streams, 1:1:1": Benchmark(
            f"""{THREE} CREATE STREAM o AS SELECT l.k, l.v AS v, r.v AS w FROM l
                JOIN r {seconds} ON l.k = r.k JOIN m {seconds} ON l.k = m.k;""",
            shape(rows, 1, keys, 3), three, "300 k"),
    }  # fmt: skip


def graph_of(script: str) -> Graph:
    """The last query's graph."""
    world = World()
    run_script(world, script)
    return build(list(world.queries.values())[-1])


def batch(scan: Scan, rows: Input) -> Changes:
    """A topic's rows as its scan gives them."""
    columns = {"K": rows.keys, "V": rows.values, "ROWTIME": rows.times}
    sources = dict(scan.columns)
    schema = scan.output.schema()
    arrays = [pa.array(columns[sources.get(f.name, f.name)], f.type) for f in schema]
    return Changes.of(pa.RecordBatch.from_arrays(arrays, schema=schema))


def merged(
    scans: tuple[Scan, ...], inputs: tuple[Input, ...], size: int
) -> Iterator[dict[int, Changes]]:
    """The steps, as the engine orders and cuts them."""
    merge = Merge([(n, 0) for n in range(len(inputs))])
    for number, (scan, rows) in enumerate(zip(scans, inputs, strict=True)):
        merge.put((number, 0), batch(scan, rows))
    for step in merge.take([]):
        yield from cut(step, size)


def run(name: str, benchmark: Benchmark) -> None:
    """Steps, prints, and checks."""
    graph = graph_of(benchmark.script)
    inputs = benchmark.inputs
    kinds = [scan.source.topic for scan in graph.scans]
    steps = list(merged(graph.scans, inputs, 1000 if "hot" in name else STEP))
    count, v, w, largest, marks = 0, 0, 0, 0, []
    began = time.process_time()
    for step in steps:
        for out in graph.steps(step):
            count += len(out)
            largest = max(largest, out.rows.nbytes)
            v += total(out.rows.column("V"))
            w += total(out.rows.column("W"))
        marks.append((sum(map(len, step.values())), time.process_time()))
    taken = time.process_time() - began
    rows = sum(len(i.keys) for i in inputs)
    line = f"{name:36s} {rows / taken:12,.0f} rows a CPU second; {count:,} results"
    if "hot" in name:
        line += f"; last tenth / first {tenths(began, marks):.2f}; largest part {largest >> 20} MiB"
    print(f"{line}; target {benchmark.target or '-'}", flush=True)
    expected = in_duckdb(benchmark.answer, dict(zip(kinds, inputs, strict=True)))
    assert (count, v, w) == expected, (name, (count, v, w), expected)


def total(column: pa.Array) -> int:
    """The sum of a column of numbers."""
    return int(column.drop_null().to_numpy().sum())


def tenths(began: float, marks: list[tuple[int, float]]) -> float:
    """The speed of the last tenth of the steps by that of the first."""
    part = max(len(marks) // 10, 1)
    ends = [began, *(at for _, at in marks)]
    first = sum(n for n, _ in marks[:part]) / (ends[part] - ends[0])
    last = sum(n for n, _ in marks[-part:]) / (ends[-1] - ends[-1 - part])
    return last / first


def in_duckdb(query: str, inputs: dict[str, Input]) -> tuple[int, ...]:
    """The answer."""
    connection = duckdb.connect()
    for name, rows in inputs.items():
        table = pa.table({"k": rows.keys, "v": rows.values, "t": rows.times})
        connection.register(f"rows_{name}", table)
        connection.execute(f"CREATE TABLE {name} AS SELECT * FROM rows_{name}")
    return tuple(int(n or 0) for n in connection.execute(query).fetchone())


def merge(rows: int) -> None:
    """Two topics that alternate, put in order."""
    graph = graph_of(join("JOIN", "WITHIN 1 SECOND"))
    for block in (1, 100, rows):
        inputs = shape(rows, block, 10)
        batches = [batch(s, i) for s, i in zip(graph.scans, inputs, strict=True)]
        turn = Merge([(0, 0), (1, 0)])
        began = time.process_time()
        count = 0
        for start in range(0, rows // 2 + STEP, STEP):
            for number, changes in enumerate(batches):
                turn.put((number, 0), changes.slice(start, STEP))
            more = [] if start >= rows // 2 else [(0, 0), (1, 0)]
            for step in turn.take(more):
                count += sum(len(c) for part in cut(step, STEP) for c in part.values())
        taken = time.process_time() - began
        assert count == rows
        print(f"merge, blocks of {block:<22,} {rows / taken:12,.0f} rows a CPU second; target 5 M",
              flush=True)  # fmt: skip


def main() -> None:
    """All, or those whose name has one of the words given."""
    rows = 600_000
    words = sys.argv[1:]
    if not words or "merge" in words:
        merge(4_000_000)
    for name, benchmark in benchmarks(rows).items():
        if not words or any(word in name for word in words):
            run(name, benchmark)


if __name__ == "__main__":
    main()
