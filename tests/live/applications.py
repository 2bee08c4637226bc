"""`kshell run` in a process of its own, and what a reader of committed records sees of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer, Message, TopicPartition

__all__ = ["Process", "committed", "eventually", "get", "shown"]

READY = "runs:"


class Process:
    """One `kshell run`; `faulty` are arguments of `faults.py`, which runs it then."""

    def __init__(
        self, bootstrap: str, file: Path, app: str, *options: str, faulty: tuple[str, ...] = (),
        env: Mapping[str, str] | None = None,
    ) -> None:  # fmt: skip
        command = [sys.executable, "-m", "tests.live.faults", *faulty] if faulty else [sys.executable, "-m", "kshell"]
        self.process = subprocess.Popen(
            [*command, "run", str(file), "--app", app, "-b", bootstrap, *options],
            stderr=subprocess.PIPE, text=True, env={**os.environ, **(env or {})}, cwd=Path(__file__).parents[2],
        )  # fmt: skip
        self.said: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.said.append(line)

    @property
    def text(self) -> str:
        return "".join(self.said)

    def ready(self, seconds: float = 60) -> Process:
        """Wait for the line that says so, or for the end."""
        deadline = time.monotonic() + seconds
        while READY not in self.text and self.process.poll() is None:
            assert time.monotonic() < deadline, self.text
            time.sleep(0.02)
        return self

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def terminate(self, seconds: float = 30) -> int:
        """The exit code after SIGTERM."""
        self.process.send_signal(signal.SIGTERM)
        return self.wait(seconds)

    def wait(self, seconds: float = 60) -> int:
        code = self.process.wait(seconds)
        self._reader.join(5)
        return code


def committed(
    bootstrap: str, topic: str, isolation: str = "read_committed"
) -> list[Message]:
    """What a reader from the first record to the last sees."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "none", "isolation.level": isolation, "enable.auto.commit": False, "enable.partition.eof": True})
    known = consumer.list_topics(topic, 10).topics[topic].partitions
    consumer.assign([TopicPartition(topic, p, 0) for p in known])
    found, left = [], set(known)
    while left:
        for message in consumer.consume(1000, 0.2):
            if message.error():
                left.discard(message.partition())
            else:
                found.append(message)
    consumer.close()
    return found


def eventually(look: Callable[[], Any], wanted: Callable[[Any], bool], seconds: float = 60) -> Any:
    """What `look` gives as soon as it is what is wanted; or at the end."""
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        if wanted(found) or time.monotonic() > deadline:
            return found
        time.sleep(0.1)


def get(port: int, path: str) -> str:
    """A page of `--metrics`."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
        return answer.read().decode()


def shown(shell) -> dict[tuple[str, str], dict]:
    """What SHOW QUERIES has of applications, by application and query."""
    answer = shell.sql("SHOW QUERIES")
    found = [] if answer.text.startswith("No query") else answer.rows()
    names = ("application", "query", "where", "committed", "lag", "keys", "bytes", "error")
    return {(row[0], row[1]): dict(zip(names, row, strict=True)) for row in found}
