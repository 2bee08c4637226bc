"""Reading in one process: against aiokafka's `getmany`, against its record iterator, against
DuckDB's own JSON reader.

`python benchmarks/in_process.py [RECORDS]`: real Kafka, alternating, medians of seven.
"""

from __future__ import annotations

import asyncio
import sys
from collections import Counter

import duckdb
import orjson
import pyarrow as pa
from compare import alternate, report
from scan import fill

from kshell.engines.chosen import ChosenEngine
from kshell.kafka.fetch import Fetch
from kshell.kafka.records import Wanted, decode
from kshell.session import Session
from tests.live import realkafka

TOPIC = "bench"
GROUP = f"SELECT region, COUNT(*) AS n FROM {TOPIC} GROUP BY region"


def ours(session: Session) -> dict[str, int]:
    """The bounded query, as the shell answers it."""
    result = next(session.execute(GROUP))
    return {r["region"]: r["n"] for batch in result.batches for r in batch.to_pylist()}


async def _getmany(bootstrap: str, ends: dict[int, int]) -> Counter[str]:
    from aiokafka import AIOKafkaConsumer, TopicPartition

    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, fetch_max_bytes=16 << 20)
    await consumer.start()
    try:
        parts = [TopicPartition(TOPIC, p) for p in ends]
        consumer.assign(parts)
        for part in parts:
            consumer.seek(part, 0)
        found: Counter[str] = Counter()
        left = sum(ends.values())
        while left:
            for records in (await consumer.getmany(timeout_ms=1000)).values():
                left -= len(records)
                for record in records:
                    found[orjson.loads(record.value)["region"]] += 1
        return found
    finally:
        await consumer.stop()


def iterated(batches: list[bytes]) -> int:
    """aiokafka's iterator over record batches, into four Arrow columns."""
    from aiokafka.record import MemoryRecords

    rows = 0
    for data in batches:
        records, offsets, times, keys, values = MemoryRecords(data), [], [], [], []
        while records.has_next():
            for r in records.next_batch():
                offsets.append(r.offset)
                times.append(r.timestamp)
                keys.append(r.key)
                values.append(r.value)
        columns = [pa.array(offsets, pa.int64()), pa.array(times, pa.int64()),
                   pa.array(keys, pa.binary()), pa.array(values, pa.binary())]  # fmt: skip
        rows += len(columns[0])
    return rows


def decoded(batches: list[bytes]) -> int:
    """kshell's decoder into the same four columns."""
    wanted = Wanted(offset=True, timestamp=True, key=True, value=True)
    return sum(decode(d, wanted, start=0, end=1 << 62).batch.num_rows for d in batches)


def read_json(text: str) -> list[tuple[str, int]]:
    """DuckDB's reader over a file of the records that is in RAM."""
    return duckdb.sql(
        f"SELECT region, COUNT(*) FROM read_json('{text}', format='newline_delimited',"
        " columns={region: 'VARCHAR'}) GROUP BY region"
    ).fetchall()


def main() -> None:
    """Fill, run, print."""
    import tempfile
    from pathlib import Path

    records = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with realkafka.broker({"log.segment.bytes": 1 << 30}) as broker:
        fill(broker.bootstrap, TOPIC, records)
        session = Session.open({"bootstrap.servers": broker.bootstrap})
        engine = session.engine
        assert isinstance(engine, ChosenEngine)
        held = engine.context.lookup(session.properties).snapshot(TOPIC)
        ends = {p: end for p, (_, end) in held.offsets.items()}
        expected = dict(ours(session))
        assert expected == dict(asyncio.run(_getmany(broker.bootstrap, ends)))
        times = alternate(
            {
                "kshell": lambda: ours(session),
                "getmany": lambda: asyncio.run(_getmany(broker.bootstrap, ends)),
            },
            3,
        )
        report("GROUP BY in process vs getmany + orjson + dict", times["kshell"],
               times["getmany"], "<= 0.167 (6x)")  # fmt: skip
        chunks = Fetch(engine.context.client, held, held.offsets)
        batches = [bytes(chunk.records) for chunk in chunks]
        assert iterated(batches) == records == decoded(batches)
        # One chunk again and again: it is in the processor's cache, as one that just arrived is.
        chunk = [max(batches, key=lambda data: decoded([data]))] * 50
        for name, data in (("a chunk in cache", chunk), ("a topic in RAM", batches)):
            times = alternate(
                {"kshell": lambda d=data: decoded(d), "aiokafka": lambda d=data: iterated(d)}
            )
            report(f"decoder vs aiokafka's iterator, {name}", times["kshell"],
                   times["aiokafka"], "<= 0.100 (10x)")  # fmt: skip
        wanted = Wanted(value=True)
        ram = Path("/dev/shm")
        with tempfile.NamedTemporaryFile(
            suffix=".json", dir=ram if ram.is_dir() else None
        ) as file:
            for data in batches:
                values = decode(data, wanted, start=0, end=1 << 62).batch.column("value")
                file.write(b"".join(v + b"\n" for v in values.to_pylist()))
            file.flush()
            assert dict(read_json(file.name)) == expected
            times = alternate(
                {"kshell": lambda: ours(session), "read_json": lambda: read_json(file.name)}
            )
        report("GROUP BY from Kafka vs DuckDB's read_json in RAM", times["kshell"],
               times["read_json"], "<= 2.5")  # fmt: skip
        session.close()


if __name__ == "__main__":
    main()
