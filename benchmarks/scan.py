"""Bounded SQL over 4 M JSON records on real Kafka, against kcat dumping the same topic.

`python benchmarks/scan.py [RECORDS]`: whole processes, alternating, medians of seven.
"""

from __future__ import annotations

import os
import sys

from compare import KSHELL, alternate, process, report

from tests.live import realkafka

SEED_TEXT = ("alpha", "beta", "gamma", "delta", "epsilon")


def fill(bootstrap: str, topic: str, records: int, codec: str = "none") -> None:
    """Records of about 105 bytes in 4 partitions, with the producer's default batches."""
    from confluent_kafka import Producer

    from kshell.config import Properties
    from kshell.kafka import admin

    admin.create_topic(
        Properties({"bootstrap.servers": bootstrap}), topic, partitions=4, replicas=1, configs={}
    )
    sender = Producer(
        {"bootstrap.servers": bootstrap, "compression.type": codec,
         "queue.buffering.max.messages": 1_000_000}
    )  # fmt: skip
    for n in range(records):
        value = (
            f'{{"id":{n},"user":"User_{n % 9973}","region":"Region_{n % 10}","amount":{n % 1000},'
            f'"price":{n % 977}.25,"note":"{SEED_TEXT[n % 5]} text"}}'
        )
        while True:
            try:
                sender.produce(topic, value=value, partition=n % 4)
                break
            except BufferError:
                sender.poll(0.05)
        if not n % 10_000:
            sender.poll(0)
    sender.flush()


def main() -> None:
    """Fill, run, print."""
    records = int(sys.argv[1]) if len(sys.argv) > 1 else 4_000_000
    with realkafka.broker({"log.segment.bytes": 1 << 30}) as broker:
        at = broker.bootstrap
        fill(at, "bench", records)
        kcat = ["kcat", "-C", "-b", at, "-t", "bench", "-e", "-q"]
        pure = {**os.environ, "KSHELL_PURE": "1"}

        def sql(text: str, env=None):
            return process([*KSHELL, "-b", at, "-e", text], env)

        group = "SELECT region, COUNT(*) FROM bench GROUP BY region"
        times = alternate(
            {
                "kcat": process(kcat),
                "kcat 10ms": process([*kcat, "-X", "fetch.wait.max.ms=10"]),
                "group": sql(group),
                "count": sql("SELECT COUNT(*) FROM bench"),
                "sum": sql("SELECT region, SUM(amount) FROM bench GROUP BY region"),
            }
        )
        print(f"{records:,} records")
        report("GROUP BY one field vs kcat", times["group"], times["kcat"], "<= 0.30")
        report("GROUP BY vs kcat, fetch.wait.max.ms=10", times["group"], times["kcat 10ms"], "<= 0.40")
        report("COUNT(*)", times["count"], times["kcat"], "<= 0.15")
        report("two fields with SUM", times["sum"], times["kcat"], "<= 0.35")
        times = alternate({"kcat": process(kcat), "pure": sql(group, pure)}, 3)
        report("GROUP BY without the compiled parts", times["pure"], times["kcat"], "<= 1.2")
        for codec in ("zstd", "lz4", "snappy", "gzip"):
            fill(at, codec, records, codec)
            of_codec = process([*kcat[:5], codec, *kcat[6:]])
            text = group.replace("bench", codec)
            times = alternate({"kcat": of_codec, "ours": sql(text)})
            report(f"GROUP BY of a {codec} topic", times["ours"], times["kcat"], "<= 0.6")


if __name__ == "__main__":
    main()
