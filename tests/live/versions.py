"""Brokers of other Kafka versions than the tests' own: for the matrix of versions, and for record
formats that new brokers do not write.

Those before 3.3 keep their metadata in ZooKeeper, whose server is among Kafka's own jars.
"""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from . import realkafka
from .realkafka import Broker, cache, fetch_jars, free_port, wait_ready

__all__ = ["VERSIONS", "broker_of"]

_LOG4J = """log4j.rootLogger=ERROR, out
log4j.appender.out=org.apache.log4j.ConsoleAppender
log4j.appender.out.layout=org.apache.log4j.PatternLayout
log4j.appender.out.layout.ConversionPattern=%d %p %c{1}: %m%n
"""
_RELOAD4J = ("org.slf4j", "slf4j-reload4j", "1.7.36")
_LOG4J2 = ("org.apache.logging.log4j", "log4j-slf4j-impl", "2.25.4")


@dataclass(frozen=True, slots=True)
class _Version:
    """What differs from version to version."""

    scala: str
    logging: tuple[str, str, str]
    zookeeper: str = ""


VERSIONS = {
    "2.1.1": _Version("2.12", _RELOAD4J, "3.5.9"),  # its own 3.4 cannot connect on Java 14 and later
    "2.8.2": _Version("2.13", _RELOAD4J, "3.5.9"),
    "3.3.2": _Version("2.13", _RELOAD4J),
    "3.9.1": _Version("2.13", _RELOAD4J),
    "4.0.0": _Version("2.13", _LOG4J2),
}

_SETTINGS: Mapping[str, object] = {
    "offsets.topic.replication.factor": 1,
    "transaction.state.log.replication.factor": 1,
    "transaction.state.log.min.isr": 1,
}


@dataclass
class _Old(Broker):
    """A JVM with the jars of a version; `main` is its class and arguments."""

    version: str = ""
    main: Sequence[str] = ()

    @property
    def archive(self) -> Path:
        return cache() / f"kafka-{self.version}-{self.main[0]}.jsa"

    def java(self, *main: str) -> list[str]:
        """The command that runs a class of this version."""
        kind = VERSIONS[self.version]
        wanted = [("org.apache.kafka", f"kafka_{kind.scala}", self.version), kind.logging]
        if kind.zookeeper:
            wanted.append(("org.apache.zookeeper", "zookeeper", kind.zookeeper))
        jars = fetch_jars(cache() / f"kafka-{self.version}-broker", wanted)
        (self.folder / "log4j.properties").write_text(_LOG4J)
        return [
            "java", "-Dzookeeper.jmx.log4j.disable=true",
            f"-Dlog4j.configuration=file:{self.folder}/log4j.properties", "-Xmx256m", "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData", self.sharing, "-cp", ":".join(map(str, jars)), *main,
        ]  # fmt: skip

    def start(self) -> None:
        """Start, or start again with the same data."""
        self.launch(self.java(*self.main))


def _settings(kind: _Version, own: Mapping[str, object]) -> Mapping[str, object]:
    raft = ("process.roles", "controller", "broker.session", "broker.heartbeat")
    small = {n: v for n, v in realkafka.SETTINGS.items() if not (kind.zookeeper and n.startswith(raft))}
    return {**small, **_SETTINGS, **own}


@contextlib.contextmanager
def _zookeeper(version: str, root: Path) -> Iterator[str]:
    port = free_port()
    (root / "zookeeper").mkdir()
    main = ["org.apache.zookeeper.server.ZooKeeperServerMain", str(port), str(root / "zookeeper")]
    server = _Old(0, root, version=version, main=main)
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop()


@contextlib.contextmanager
def broker_of(version: str, settings: Mapping[str, object] | None = None) -> Iterator[Broker]:
    """One broker of a version; raises Unavailable."""
    kind, root = VERSIONS[version], Path(tempfile.mkdtemp(prefix="kshell-kafka-"))
    port, control = free_port(), free_port()
    file = root / "server.properties"
    broker = _Old(1, root, f"127.0.0.1:{port}", version=version, main=["kafka.Kafka", str(file)])
    own: dict[str, object] = {"log.dirs": root / "data", "listeners": f"PLAINTEXT://{broker.bootstrap}"}
    with contextlib.ExitStack() as running:
        running.callback(shutil.rmtree, root, ignore_errors=True)
        if kind.zookeeper:
            own |= {"broker.id": 1, "zookeeper.connect": running.enter_context(_zookeeper(version, root))}
        else:
            own["listeners"] = f"PLAINTEXT://{broker.bootstrap},CONTROLLER://127.0.0.1:{control}"
            own["advertised.listeners"] = f"PLAINTEXT://{broker.bootstrap}"
            own |= {"node.id": 1, "controller.quorum.voters": f"1@127.0.0.1:{control}"}
        chosen = _settings(kind, {**own, **(settings or {})})
        file.write_text("".join(f"{name}={value}\n" for name, value in chosen.items()))
        if not kind.zookeeper:
            arguments = ["format", "-t", realkafka.new_id(), "-c", str(file)]
            command = broker.java("kafka.tools.StorageTool", *arguments)
            command.remove(broker.sharing)
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        broker.start()
        running.callback(broker.stop)
        wait_ready(broker.bootstrap, [broker])
        yield broker
