"""MIRROR of a topic from one real cluster to another, beside what kcat takes to dump that topic: whole
(`-J`: keys, headers and times too), and values alone.

`python benchmarks/mirror.py [records] [--mm2]`: whole processes, in turn; kshell's has its start in it,
and the records are compared at the end.  With `--mm2` MirrorMaker 2 copies the topic once, too: its CPU
from its start until the last record is there, and that behind the moment when the first was there.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pyarrow as pa
from compare import KSHELL, Taken, process, report, taken_by

from kshell.config import Properties
from kshell.kafka.outgoing import Outgoing
from tests.live import realkafka
from tests.live.clusters import Cluster

RECORDS = 2_000_000
PARTITIONS = 4
RUNS = 3
TARGET = 0.3
CODECS = ("none", "zstd")
_SLICE = 100_000
_KEYS = 50_021


def fill(cluster: Cluster, topic: str, records: int, codec: str) -> None:
    """Orders as JSON, some 150 bytes each."""
    cluster.create(topic, PARTITIONS)
    for first in range(0, records, _SLICE):
        numbers = range(first, min(first + _SLICE, records))
        values = [
            b'{"orderid":%d,"itemid":"Item_%d","orderunits":%d.5,"address":{"city":"City_%d","state":"State_%d",'
            b'"zipcode":%d}}' % (n, n * 7919 % 1000, n % 10, n % 97, n % 50, 10_000 + n % 89_999)
            for n in numbers
        ]  # fmt: skip
        keys = [b"%d" % (n % _KEYS) for n in numbers]
        cluster.send(topic, Outgoing(pa.array(keys, pa.binary()), pa.array(values, pa.binary())), codec)


def same(source: Cluster, target: Cluster, topic: str, copied: str) -> bool:
    """Whether each batch is there, byte for byte."""
    return source.batches(topic) == target.batches(copied)


def mirrored(folder: Path, source: Cluster, target: Cluster, topic: str) -> None:
    """MIRROR beside kcat's dump."""
    home = folder / "kshell"
    home.mkdir(exist_ok=True)
    (home / "config.toml").write_text(
        f'[profile.prod]\n"bootstrap.servers" = "{source.properties["bootstrap.servers"]}"\n'
    )
    env = {**os.environ, "XDG_CONFIG_HOME": str(folder)}
    read = ["kcat", "-C", "-q", "-e", "-o", "beginning", "-t", topic, "-b", source.properties["bootstrap.servers"]]
    dumps = {"kcat's dump": process([*read, "-J"]), "kcat's dump of values": process(read)}
    ours: list[Taken] = []
    peers: dict[str, list[Taken]] = {name: [] for name in dumps}
    for run in range(RUNS + 1):
        text = f"MIRROR prod.{topic} TO {topic}-{run}"
        command = [*KSHELL, "-b", target.properties["bootstrap.servers"], "--yes", "-e", text]
        mirror = taken_by(process(command, env))
        dumped = {name: taken_by(dump) for name, dump in dumps.items()}
        if run:  # the first warms up
            ours.append(mirror)
            for name, took in dumped.items():
                peers[name].append(took)
    for name, took in peers.items():
        medians = [Taken(*(statistics.median(c) for c in zip(*t, strict=True))) for t in (ours, took)]
        aimed = f"<= {TARGET}" if name == "kcat's dump" else "-"
        report(f"MIRROR {topic} beside {name}", medians[0], medians[1], aimed)
    assert same(source, target, topic, f"{topic}-1")


def mirror_maker(folder: Path, source: Cluster, target: Cluster, topic: str, records: int) -> None:
    """MirrorMaker 2 from its start until the last record is there."""
    jars = realkafka.fetch_jars(
        realkafka.cache() / f"mirror-{realkafka.VERSION}",
        [("org.apache.kafka", name, realkafka.VERSION) for name in ("connect-mirror", "connect-runtime")],
    )
    file = folder / "mm2.properties"
    file.write_text(f"""clusters = a, b
a.bootstrap.servers = {source.properties["bootstrap.servers"]}
b.bootstrap.servers = {target.properties["bootstrap.servers"]}
a->b.enabled = true
b->a.enabled = false
a->b.topics = {topic}
replication.factor = 1
checkpoints.topic.replication.factor = 1
heartbeats.topic.replication.factor = 1
offset-syncs.topic.replication.factor = 1
offset.storage.replication.factor = 1
status.storage.replication.factor = 1
config.storage.replication.factor = 1
emit.heartbeats.enabled = false
emit.checkpoints.enabled = false
sync.topic.configs.enabled = false
refresh.topics.enabled = false
sync.group.offsets.enabled = false
tasks.max = 4
""")
    jars += realkafka.prepare()  # it logs by them
    command = ["java", "-Xmx512m", f"-Dlog4j2.configurationFile={realkafka.cache() / 'log4j2.xml'}",
               f"-Dkafka.log={folder / 'mm2.log'}", "-cp", ":".join(map(str, jars)), "org.apache.kafka.connect.mirror.MirrorMaker",
               str(file)]  # fmt: skip
    with (folder / "mm2.out").open("wb") as log:
        running = subprocess.Popen(command, stdout=log, stderr=log)
        first = 0.0
        try:
            deadline = time.monotonic() + 300
            while (there := written(target, f"a.{topic}")) < records:
                if there and not first:
                    first = cpu_of(running.pid)
                if running.poll() is not None or time.monotonic() > deadline:
                    print("MirrorMaker 2:", (folder / "mm2.log").read_text()[-2000:])
                    return
                time.sleep(0.1)
            took = cpu_of(running.pid)
            print(f"MirrorMaker 2 of {topic}: CPU {took:.2f} s with its start, {took - first:.2f} s behind it", flush=True)
        finally:
            running.kill()
            running.wait()


def written(cluster: Cluster, topic: str) -> int:
    """How many records are there."""
    found = cluster.client.find(topic)
    if found is None:
        return 0
    return sum(end for _, end in cluster.client.snapshot(found, "read_uncommitted").offsets.values())


def cpu_of(pid: int) -> float:
    """CPU seconds of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    records = next((int(a) for a in sys.argv[1:] if a.isdigit()), RECORDS)
    with (
        tempfile.TemporaryDirectory() as name,
        realkafka.broker() as one,
        realkafka.broker() as two,
    ):
        source, target = (Cluster(Properties({"bootstrap.servers": b.bootstrap})) for b in (one, two))
        for codec in CODECS:
            topic = f"orders-{codec}"
            fill(source, topic, records, codec)
            mirrored(Path(name), source, target, topic)
            if "--mm2" in sys.argv:
                mirror_maker(Path(name), source, target, topic, records)


if __name__ == "__main__":
    main()
