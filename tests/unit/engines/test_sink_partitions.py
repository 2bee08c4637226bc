"""A windowed record lies where Kafka Streams puts it: in its key's partition, whatever its window."""

from __future__ import annotations

import pyarrow as pa
import pytest

from kshell.catalog.catalog import Catalog
from kshell.changes import WEIGHT, Changes
from kshell.config import Properties
from kshell.engines.local.continuous.sink_writer import Outlet
from kshell.engines.local.sources.chunks import writer_of
from kshell.kafka.partitioner import partition_for
from kshell.kafka.produce import Outgoing
from kshell.sql.bind.create import bind_create_as
from kshell.sql.bind.declare import build_source
from kshell.sql.parse import parse
from kshell.sql.plan import Sink
from kshell.sql.statements import CreateAsSelect, CreateSource

CLICKS = "CREATE STREAM C (K STRING KEY, V INT) WITH (KAFKA_TOPIC='c', VALUE_FORMAT='JSON');"
KEYS = [f"key {n}" for n in range(40)]


def sink(window: str) -> Sink:
    source, created = parse(
        f"{CLICKS} CREATE TABLE O AS SELECT K, COUNT(*) AS N FROM C {window} GROUP BY K;"
    )
    assert isinstance(source, CreateSource)
    assert isinstance(created, CreateAsSelect)
    return bind_create_as(created, Catalog().add(build_source(source)))


def written(window: str, partitions: int) -> Outgoing:
    """What the outlet sends for a row of each key."""
    made = sink(window)
    sent: list[Outgoing] = []
    outlet = Outlet(made, writer_of(made, Properties({})), sent.append, pytest.fail)
    outlet.partitions = partitions
    rows = {"K": KEYS, "N": [1] * len(KEYS), "ROWTIME": [7] * len(KEYS)}
    if window:
        rows |= {"WINDOWSTART": list(range(len(KEYS))), "WINDOWEND": [99] * len(KEYS)}
    schema = made.input.output.schema()
    columns = [pa.array(rows[name], schema.field(name).type) for name in schema.names]
    batch = pa.RecordBatch.from_arrays(columns, schema=schema)
    outlet.write(Changes(batch, pa.array([1] * len(KEYS), WEIGHT)))
    (records,) = sent
    return records


@pytest.mark.parametrize(
    ("window", "length"),
    [
        ("WINDOW TUMBLING (SIZE 1 SECOND)", 8),
        ("WINDOW HOPPING (SIZE 2 SECONDS, ADVANCE BY 1 SECOND)", 8),
        ("WINDOW SESSION (1 SECOND)", 16),
    ],
)
def test_of_windows(window: str, length: int) -> None:
    records = written(window, 7)
    assert [len(key) - length for key in records.keys.to_pylist()] == [len(k) for k in KEYS]
    assert records.partitions is not None
    assert records.partitions.to_pylist() == [partition_for(k.encode(), 7) for k in KEYS]


def test_without_a_window_the_producer_chooses() -> None:
    assert written("", 7).partitions is None
