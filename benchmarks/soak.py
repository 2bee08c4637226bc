"""Windowed queries over 5 M records whose time moves on: state and memory must stay as they are.

`python benchmarks/soak.py [RECORDS [NAME…]]` (`make soak`): each record has a key of its own and comes 1 ms
after the last, with GRACE PERIOD 1 SECOND and RETENTION 1 MINUTE.  State and RSS are taken at each
tenth; from the third on neither may grow.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from kshell.changes import Changes
from kshell.sql.plan import Scan
from tests.streams.query import Query

BEGIN = 1_700_000_000_000
STEP = 32_768
DECLARED = "".join(
    f"""CREATE STREAM {name} (k BIGINT KEY, v BIGINT)
    WITH (KAFKA_TOPIC='{name}', KEY_FORMAT='KAFKA', VALUE_FORMAT='JSON');"""
    for name in "lr"
)
KEPT = ", RETENTION 1 MINUTE, GRACE PERIOD 1 SECOND)"
QUERIES = {
    f"{window.split()[0]} EMIT {emit}": f"""CREATE TABLE o AS SELECT k, COUNT(*) AS n, SUM(v) AS s,
        LATEST_BY_OFFSET(v) AS last, COLLECT_LIST(v) AS c FROM l WINDOW {window}{KEPT}
        GROUP BY k EMIT {emit};"""
    for window in (
        "TUMBLING (SIZE 1 SECOND",
        "HOPPING (SIZE 1 SECOND, ADVANCE BY 500 MILLISECONDS",
        "SESSION (1 SECOND",
        "SLIDING (SIZE 1 SECOND",
    )
    for emit in ("CHANGES", "FINAL")
} | {
    "LEFT JOIN": """CREATE STREAM o AS SELECT l.k, l.v AS a, r.v AS b FROM l LEFT JOIN r
        WITHIN 1 SECOND GRACE PERIOD 1 SECOND ON l.k = r.k;"""
}


def rss() -> int:
    """Memory of this process, in MiB."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4 // 1024


def rows_of(scan: Scan, keys: np.ndarray, times: np.ndarray, order: np.ndarray | None) -> Changes:
    """Rows of a stream."""
    schema = scan.output.schema()
    names = dict(scan.columns)
    columns = {"K": pa.array(keys), "V": pa.array(keys % 1000), "ROWTIME": pa.array(times)}
    arrays = [columns[names.get(name, name)] for name in schema.names]
    made = Changes.of(pa.RecordBatch.from_arrays(arrays, schema=schema))
    return made if order is None else Changes(made.rows, made.weights, pa.array(order))


def soak(name: str, records: int) -> None:
    """One query; fails if its state or the memory grows."""
    graph = Query.of(DECLARED + QUERIES[name]).graph
    random = np.random.default_rng(2)
    state, memory = [], []
    began = time.process_time()
    done = 0
    for tenth in range(1, 11):
        while done < records * tenth // 10:
            n = min(STEP, records * tenth // 10 - done)
            keys, times = random.integers(0, 1 << 40, n), BEGIN + np.arange(done, done + n)
            places = np.arange(n)
            step = {}
            for i, scan in enumerate(graph.scans):
                mine = places[i :: len(graph.scans)]
                order = mine if len(graph.scans) > 1 else None
                step[i] = rows_of(scan, keys[mine], times[mine], order)
            graph.step(step)
            done += n
        state.append(sum(e.keys.num_rows for e in graph.snapshot().values()))
        memory.append(rss())
    taken = time.process_time() - began
    print(f"{name:24s} {records / taken:12,.0f} records/CPU s  state {state[2]:,} … {state[-1]:,}"
          f"  RSS {memory[2]} … {memory[-1]} MiB", flush=True)  # fmt: skip
    assert max(state[3:]) <= 1.25 * state[2], state
    assert max(memory[3:]) <= 1.1 * memory[2] + 10, memory


def main() -> None:
    """All, or those whose name has one of the words given."""
    records = int(sys.argv[1]) if len(sys.argv) > 1 else 5_000_000
    words = sys.argv[2:]
    for name in QUERIES:
        if not words or any(word in name for word in words):
            soak(name, records)


if __name__ == "__main__":
    main()
