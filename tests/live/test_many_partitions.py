"""A continuous query over so many partitions that brokers remember what was asked (KIP-227)."""

from __future__ import annotations

import random
import time

import pytest

from kshell.kafka.produce import OutgoingRecord, Producer

pytestmark = pytest.mark.live
PARTITIONS = 120


def test_what_comes_after_silences_is_there_once(session, properties, topic):
    chance, written = random.Random(3), 0
    name = topic([OutgoingRecord(None, b'{"N":-1}', partition=p) for p in range(PARTITIONS)], PARTITIONS)
    *_, live = session.execute(f"SET 'auto.offset.reset'='earliest'; SELECT N FROM `{name}` EMIT CHANGES")
    rows: list[int] = []

    def read(count: int) -> None:
        deadline = time.monotonic() + 20
        while len(rows) < count and time.monotonic() < deadline:
            rows.extend(r["N"] for r in live.poll(0.1).rows.to_pylist())

    read(PARTITIONS)
    assert rows == [-1] * PARTITIONS
    producer = Producer(properties)
    for pause in (0, 1, 0.2, 3.5):  # brokers hold empty answers for up to two seconds
        assert len(live.poll(pause)) == 0
        for _ in range(chance.choice([1, 3, 300])):
            where = chance.randrange(PARTITIONS)
            producer.send(name, [OutgoingRecord(None, b'{"N":%d}' % written, partition=where)])
            written += 1
        producer.flush()
        began = time.monotonic()
        read(PARTITIONS + written)
        assert time.monotonic() - began < 2
    assert sorted(rows[PARTITIONS:]) == list(range(written))
    wire = session.engine.context.client.wire
    assert any(c.waits for (_, group), c in wire._connections.items() if group.startswith("fetch"))
    live.cancel()
    deadline = time.monotonic() + 5
    while wire._leased and time.monotonic() < deadline:
        time.sleep(0.01)
    # The next query does not wait until brokers give the answers that they hold.
    assert not any(c.waits for (_, group), c in wire._connections.items() if group.startswith("fetch"))
