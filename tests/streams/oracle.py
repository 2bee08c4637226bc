"""Kafka Streams in a JVM of its own, asked for what a topology makes of records.

The differential tests use it.  Jars come by Maven and the class by javac, each once: both are kept
in the tests' cache.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..live import realkafka
from .records import Made, Record

__all__ = ["Oracle", "oracle", "streams_jars"]

_SOURCE = Path(__file__).with_name("StreamsOracle.java")
_FAST = ("-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData")


@dataclass
class Oracle:
    """The running JVM."""

    process: subprocess.Popen[str]
    asked: int = 0

    def ask(
        self, topology: str, options: Mapping[str, object], records: Sequence[Record]
    ) -> list[list[Made]]:
        """What each record made."""
        request = {
            "topology": topology,
            "options": options,
            "records": [[r.topic, r.key, r.text(), r.ts] for r in records],
        }
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"the oracle ended at {request}")
        self.asked += 1
        return [[_made(*cells) for cells in made] for made in json.loads(line)]


def _made(key: str | None, start: Any, end: Any, value: str | None, ts: int) -> Made:
    return Made(key, None if start is None else (start, end), value, ts)


@contextlib.contextmanager
def oracle() -> Iterator[Oracle]:
    """Kafka Streams, started; raises Unavailable where there is no Java or no Maven."""
    path = _class_path()
    memory = "/dev/shm" if Path("/dev/shm").is_dir() else None  # its stores sync what they write
    with tempfile.TemporaryDirectory(prefix="streams-oracle-", dir=memory) as folder:
        process = subprocess.Popen(
            ["java", *_FAST, "-cp", path, "StreamsOracle", folder],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        try:
            yield Oracle(process)
        finally:
            assert process.stdin is not None
            process.stdin.close()
            process.wait(30)


def streams_jars() -> list[Path]:
    """Kafka Streams and its test driver; raises Unavailable where there is no Java or no Maven."""
    version = realkafka.VERSION
    return realkafka.fetch_jars(
        realkafka.cache() / f"streams-{version}",
        [("org.apache.kafka", "kafka-streams-test-utils", version)],
    )


def _class_path() -> str:
    version = realkafka.VERSION
    path = ":".join(map(str, streams_jars()))
    digest = hashlib.sha256(_SOURCE.read_bytes()).hexdigest()[:12]
    classes = realkafka.cache() / f"streams-oracle-{version}-{digest}"
    if shutil.which("javac") is None:
        raise realkafka.Unavailable("javac is not installed")
    with realkafka.locked(classes.name):
        if not classes.exists():
            made = classes.with_name(classes.name + ".part")
            subprocess.run(["javac", "-d", str(made), "-cp", path, str(_SOURCE)], check=True)
            made.rename(classes)
    return f"{classes}:{path}"
