"""The embedded broker: librdkafka's mock cluster with the demo's records, in a child process.

`kshell --demo` calls `start()`, which runs this module as a child.  The child prints its address
after it has written the history, goes on producing, and ends when its standard input closes: always
with the shell.
"""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from kshell.demo.generators import STREAMS, Record
from kshell.errors import Unreachable

__all__ = ["TOUR", "start"]

TOUR = Path(__file__).with_name("tour.sql")  # the statements of the talk
HISTORY_MS = 3_600_000  # the history's records lie within the last hour
TICK = 0.1  # seconds between two rounds of new records


class Demo:
    """A running embedded broker; `bootstrap` is its address."""

    def __init__(self, process: subprocess.Popen[bytes], bootstrap: str) -> None:
        self._process = process
        self.bootstrap = bootstrap

    def close(self) -> None:
        """End the child and wait for it."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(3)
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()


def start(timeout: float = 20) -> Demo:
    """Start the embedded broker with its history; raises Unreachable if it does not come up."""
    process = subprocess.Popen(
        [sys.executable, "-m", "kshell.demo.broker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C in the shell stops the query, not the broker
    )
    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], timeout)
    line = process.stdout.readline().decode().strip() if ready else ""
    if not line:
        process.kill()
        process.wait()
        raise Unreachable(
            "the embedded broker did not start",
            hint="run `python -m kshell.demo.broker` to see why",
        )
    return Demo(process, line)


def _history(now: int) -> Iterator[Record]:
    for stream in STREAMS:
        step = HISTORY_MS / stream.history
        times = (int(now - HISTORY_MS + n * step) for n in range(stream.history))
        yield from stream.records(0, 0, times)


def _parent_is_there() -> bool:
    readable, _, _ = select.select([sys.stdin], [], [], TICK)
    return not readable or bool(os.read(sys.stdin.fileno(), 1))


def main() -> None:
    """Serve until standard input closes."""
    from confluent_kafka import Producer

    producer = Producer(
        {
            "bootstrap.servers": "ignored:1",
            "test.mock.num.brokers": 1,
            "linger.ms": 5,
            "partitioner": "murmur2_random",
            "queue.buffering.max.messages": 100_000,
            "log_level": 0,
        }
    )

    def produce(record: Record) -> None:
        producer.produce(
            record.topic, key=record.key, value=record.value, timestamp=record.timestamp
        )
        producer.poll(0)

    for record in _history(int(time.time() * 1000)):
        produce(record)
    producer.flush(15)
    (broker,) = producer.list_topics(timeout=10).brokers.values()
    print(f"{broker.host}:{broker.port}", flush=True)

    began = time.time()
    made = {stream.topic: 0 for stream in STREAMS}
    while _parent_is_there():
        now = time.time()
        for stream in STREAMS:
            due = int((now - began) * stream.per_second)
            fresh = due - made[stream.topic]
            first = stream.history + made[stream.topic]
            for record in stream.records(0, first, (int(now * 1000) for _ in range(fresh))):
                produce(record)
            made[stream.topic] = due
        producer.poll(0)


if __name__ == "__main__":
    main()
