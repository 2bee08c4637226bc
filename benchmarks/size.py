"""What the size of a topic costs: memory, and the time to look at its last minute.

`python benchmarks/size.py [SMALL] [LARGE]`: real Kafka; peak memory of whole processes by the
kernel's own count, times alternating, medians of seven.
"""

from __future__ import annotations

import os
import sys
import time

from compare import KSHELL, alternate, process, report
from scan import fill

from tests.live import realkafka


def peak(command: list[str]) -> float:
    """MB that a process had in memory at the most."""
    child = os.posix_spawn(
        command[0], command, os.environ,
        file_actions=[(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)],
    )  # fmt: skip
    _, status, usage = os.wait4(child, 0)
    assert status == 0, command
    return usage.ru_maxrss / 1024


def main() -> None:
    """Fill, run, print."""
    small = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    large = int(sys.argv[2]) if len(sys.argv) > 2 else 10_000_000
    with realkafka.broker({"log.segment.bytes": 1 << 30}) as broker:
        at = broker.bootstrap
        for topic, records in (("small", small), ("large", large)):
            fill(at, topic, records)

        def sql(text: str) -> list[str]:
            return [*KSHELL, "-b", at, "-e", text]

        group = "SELECT region, COUNT(*) FROM {} GROUP BY region"
        mb = {t: peak(sql(group.format(t))) for t in ("small", "large")}
        print(f"peak RSS of GROUP BY: {small:,} records {mb['small']:.0f} MB, {large:,} records"
              f" {mb['large']:.0f} MB, ratio {mb['large'] / mb['small']:.2f}"
              "  target <= 300 MB, 0.9 to 1.1")  # fmt: skip
        # All that was filled is to be older than the minute that is asked for.
        time.sleep(61)
        for topic in ("small", "large"):
            fill_more(at, topic, 20_000)
        last = "SELECT region, COUNT(*) FROM {} WHERE ROWTIME >= '1 minute ago' GROUP BY region"
        times = alternate({t: process(sql(last.format(t))) for t in ("small", "large")})
        report("the last minute: large topic vs small", times["large"], times["small"], "about 1")


def fill_more(bootstrap: str, topic: str, records: int) -> None:
    """Records that are new now."""
    from confluent_kafka import Producer

    sender = Producer({"bootstrap.servers": bootstrap})
    for n in range(records):
        sender.produce(topic, value=f'{{"id":{n},"region":"Region_{n % 10}"}}', partition=n % 4)
        if not n % 1000:
            sender.poll(0)
    sender.flush()


if __name__ == "__main__":
    main()
