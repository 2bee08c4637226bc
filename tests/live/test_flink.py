"""KSQL on a real Flink: foreground and background queries, their errors, and what outlives a shell."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator

import pytest

from kshell.config import Properties
from kshell.kafka.produce import OutgoingRecord
from kshell.results import Live, Message
from kshell.session import Session

from .realflink import Flink
from .realkafka import Broker

MINUTE = 60_000
T0 = 1_700_000_040_000 - 1_700_000_040_000 % MINUTE


def record(key: str | None, value: object, seconds: float = 0) -> OutgoingRecord:
    text = None if value is None else json.dumps(value).encode()
    return OutgoingRecord(None if key is None else key.encode(), text, int(T0 + seconds * 1000))


@pytest.fixture
def on_flink(kafka: Broker, flink: Flink) -> Iterator[Session]:
    session = Session(Properties({
        "bootstrap.servers": kafka.bootstrap, "kshell.engine": "flink",
        "kshell.flink.gateway": flink.gateway, "auto.offset.reset": "earliest",
    }))  # fmt: skip
    yield session
    session.close()


def one(session: Session, sql: str):
    *_, answer = session.execute(sql)
    return answer


def changes(live: Live, count: int, seconds: float = 30) -> list[tuple[int, dict]]:
    """The first changes, as (weight, row)."""
    found: list[tuple[int, dict]] = []
    end = time.monotonic() + seconds
    while len(found) < count:
        assert time.monotonic() < end, found
        made = live.poll(0.5)
        if made is None:
            break
        found += zip(made.weights.to_pylist(), made.rows.to_pylist(), strict=True)
    live.cancel()
    return found


def rows_of(ask: Callable[[str], list[dict]], topic: str, count: int, seconds: float = 30):
    end = time.monotonic() + seconds
    while len(found := ask(f'SELECT * FROM "{topic}"')) < count:
        assert time.monotonic() < end, found
        time.sleep(0.2)
    return found


def test_a_filter_and_a_windowed_count_in_the_foreground(on_flink, topic):
    name = topic([record("a", {"v": 1}), record("b", {"v": 5}, 1), record("a", {"v": 7}, 2),
                  record("a", {"v": 8}, 61)])  # fmt: skip
    one(on_flink, f"CREATE STREAM s (k STRING KEY, v INT) WITH (KAFKA_TOPIC='{name}', VALUE_FORMAT='JSON');")
    live = one(on_flink, "SELECT k, v * 2 AS d, ROWTIME FROM s WHERE v > 3 EMIT CHANGES;")
    assert isinstance(live, Live)
    assert changes(live, 3) == [
        (1, {"K": "b", "D": 10, "ROWTIME": T0 + 1000}),
        (1, {"K": "a", "D": 14, "ROWTIME": T0 + 2000}),
        (1, {"K": "a", "D": 16, "ROWTIME": T0 + 61_000}),
    ]
    live = one(on_flink, "SELECT k, WINDOWSTART, COUNT(*) AS n FROM s WINDOW TUMBLING (SIZE 1 MINUTE) GROUP BY k EMIT CHANGES;")
    assert live.key == ("K", "WINDOWSTART")
    assert changes(live, 5) == [
        (1, {"K": "a", "WINDOWSTART": T0, "N": 1}),
        (1, {"K": "b", "WINDOWSTART": T0, "N": 1}),
        (-1, {"K": "a", "WINDOWSTART": T0, "N": 1}),
        (1, {"K": "a", "WINDOWSTART": T0, "N": 2}),
        (1, {"K": "a", "WINDOWSTART": T0 + MINUTE, "N": 1}),
    ]


def test_a_query_in_the_background_outlives_its_shell(on_flink, kafka, flink, topic, client):
    name = topic([record("a", {"v": 1}), record("b", {"v": 5}, 1), record("a", {"v": 7}, 2)])
    one(on_flink, f"CREATE STREAM s (k STRING KEY, v INT) WITH (KAFKA_TOPIC='{name}', VALUE_FORMAT='JSON');")
    made = one(on_flink, f"CREATE STREAM big WITH (KAFKA_TOPIC='{name}-big') AS SELECT k, v FROM s WHERE v > 3 EMIT CHANGES;")
    assert isinstance(made, Message)
    assert made.text == "Stream BIG is created by query CSAS_BIG_1 on Flink."
    on_flink.close()
    later = Session(Properties({"bootstrap.servers": kafka.bootstrap, "kshell.engine": "flink", "kshell.flink.gateway": flink.gateway}))
    try:
        (row,) = [r for b in one(later, "SHOW QUERIES;").batches for r in b.to_pylist()]
        assert (row["query"], row["state"]) == ("CSAS_BIG_1", "RUNNING")
        records = []
        end = time.monotonic() + 20
        while len(records) < 2 and time.monotonic() < end:
            records = [r for b in one(later, f'SELECT ROWKEY, "V", ROWTIME FROM "{name}-big";').batches for r in b.to_pylist()]
        assert records == [{"ROWKEY": "b", "V": 5, "ROWTIME": T0 + 1000}, {"ROWKEY": "a", "V": 7, "ROWTIME": T0 + 2000}]
        assert one(later, "TERMINATE CSAS_BIG_1;").text == "CSAS_BIG_1 is terminated."
    finally:
        later.close()
