"""A step of one row costs the same whatever the state has grown to: it makes no array of that length."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pyarrow as pa
import pytest

from kshell.changes import Changes
from kshell.sql.plan import Scan
from tests.streams.query import Query

KEYS = 50_000
BEGIN = 1_700_000_000_000
STREAM, TABLE = (
    "".join(
        f"""CREATE {kind} {name} (k BIGINT {key}, v BIGINT)
        WITH (KAFKA_TOPIC='{name}', KEY_FORMAT='KAFKA', VALUE_FORMAT='JSON');"""
        for name in names
    )
    for kind, key, names in (("STREAM", "KEY", ("sl", "sr")), ("TABLE", "PRIMARY KEY", ("tl", "tr")))
)
COUNT = "CREATE TABLE o AS SELECT k, COUNT(*) AS n, SUM(v) AS s, MAX(v) AS m FROM"
KEPT = ", GRACE PERIOD 1 DAY)"
QUERIES = {
    "GROUP BY": f"{STREAM} {COUNT} sl GROUP BY k;",
    "TUMBLING": f"{STREAM} {COUNT} sl WINDOW TUMBLING (SIZE 1 HOUR{KEPT} GROUP BY k;",
    "SESSION": f"{STREAM} {COUNT} sl WINDOW SESSION (1 HOUR{KEPT} GROUP BY k;",
    "SLIDING": f"{STREAM} {COUNT} sl WINDOW SLIDING (SIZE 1 HOUR{KEPT} GROUP BY k;",
    "EMIT FINAL": f"{STREAM} {COUNT} sl WINDOW TUMBLING (SIZE 1 HOUR{KEPT} GROUP BY k EMIT FINAL;",
    "GROUP BY of a table": f"{TABLE} CREATE TABLE o AS SELECT v, COUNT(*) AS n FROM tl GROUP BY v;",
    "JOIN": f"""{STREAM} CREATE STREAM o AS SELECT sl.k, sl.v AS a, sr.v AS b FROM sl LEFT JOIN sr
        WITHIN 1 HOUR GRACE PERIOD 1 DAY ON sl.k = sr.k;""",
    "JOIN of a table": f"""{STREAM} {TABLE} CREATE STREAM o AS SELECT sl.k, sl.v AS a, tr.v AS b FROM sl
        JOIN tr ON sl.k = tr.k;""",
    "JOIN of tables": f"""{TABLE} CREATE TABLE o AS SELECT tl.k, tl.v AS a, tr.v AS b FROM tl
        JOIN tr ON tl.k = tr.k;""",
    "foreign key": f"""{TABLE} CREATE TABLE o AS SELECT tl.k, tl.v AS a, tr.v AS b FROM tl
        JOIN tr ON tl.v = tr.k;""",
}  # fmt: skip


def rows_of(scan: Scan, keys: np.ndarray, first: int) -> Changes:
    """Rows whose value is their key, a millisecond apart."""
    n = np.arange(first, first + len(keys))
    columns = {"K": pa.array(keys), "V": pa.array(keys), "ROWTIME": pa.array(BEGIN + n)}
    names, schema = dict(scan.columns), scan.output.schema()
    arrays = [columns[names.get(name, name)] for name in schema.names]
    return Changes.of(pa.RecordBatch.from_arrays(arrays, schema=schema))


@pytest.mark.parametrize("name", QUERIES)
def test_a_step_of_one_row_makes_nothing_of_the_length_of_the_state(name: str) -> None:
    graph = Query.of(QUERIES[name]).graph
    for number, scan in enumerate(graph.scans):
        graph.step({number: rows_of(scan, np.arange(KEYS), 0)})
    steps = [
        {number: rows_of(scan, np.array([key * 1000]), KEYS + key)}
        for key in range(10)
        for number, scan in enumerate(graph.scans)
    ]
    for step in steps[:4]:
        graph.step(step)
    tracemalloc.start()
    try:
        for step in steps[4:]:
            graph.step(step)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < KEYS  # a byte for each key is too much
