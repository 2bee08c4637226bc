"""Real Apache Flink for tests and benchmarks: jars once by Maven, then one JVM with a cluster of its
own, its REST port and the SQL gateway.

Nothing here needs pytest.  It is up in about 3 s once the class archive is made.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .jvm import Jvm
from .realkafka import Unavailable, cache, fetch_jars, free_port, locked

__all__ = ["Flink", "flink", "prepare"]

VERSION = "2.3.0"
_CONNECTOR = "5.0.0-2.2"
_LOGGING = "2.25.4"
_READY = 120.0
_PARTS = (
    "flink-clients", "flink-runtime", "flink-streaming-java", "flink-table-api-java-bridge",
    "flink-table-planner-loader", "flink-table-runtime", "flink-sql-gateway", "flink-json",
    "flink-csv", "flink-connector-files", "flink-sql-avro-confluent-registry",
)  # fmt: skip
_LOG4J = """<Configuration status="WARN" shutdownHook="disable"><Appenders>
<File name="F" fileName="${sys:flink.log}"><PatternLayout pattern="%d %p %c{1}: %m%n"/></File>
</Appenders><Loggers><Root level="INFO"><AppenderRef ref="F"/></Root></Loggers></Configuration>"""
# What Flink's own scripts pass to Java 17.
_OPENS = [
    *(f"--add-exports={name}=ALL-UNNAMED" for name in (
        "java.base/sun.net.util", "java.rmi/sun.rmi.registry", "java.security.jgss/sun.security.krb5")),
    *(f"--add-opens=java.base/{name}=ALL-UNNAMED" for name in (
        "java.lang", "java.net", "java.io", "java.nio", "sun.nio.ch", "java.lang.reflect",
        "java.text", "java.time", "java.util", "java.util.concurrent",
        "java.util.concurrent.atomic", "java.util.concurrent.locks")),
]  # fmt: skip
_MAIN = "FlinkInOneJvm"


def prepare() -> tuple[Path, ...]:
    """Flink's jars, and the class that starts it; raises Unavailable with the reason."""
    folder = cache() / f"flink-{VERSION}"
    flink = "org.apache.flink"
    jars = fetch_jars(
        folder,
        [
            *((flink, part, VERSION) for part in _PARTS),
            (flink, "flink-sql-connector-kafka", _CONNECTOR),
            ("org.apache.logging.log4j", "log4j-slf4j-impl", _LOGGING),
        ],
    )
    (cache() / "log4j2-flink.xml").write_text(_LOG4J)
    return (*jars, _compiled(jars))


def _compiled(jars: list[Path]) -> Path:
    """A jar of the one class, made once for each text of it: a class archive wants jars alone."""
    source = Path(__file__).with_name(f"{_MAIN}.java")
    jar = cache() / f"flink-one-jvm-{VERSION}-{abs(_digest(source)):x}.jar"
    with locked("flink-one-jvm"):
        if jar.exists():
            return jar
        if shutil.which("javac") is None:
            raise Unavailable("javac is not installed")
        with tempfile.TemporaryDirectory() as made:
            path = ":".join(map(str, jars))
            command = ["javac", "-cp", path, "-d", made, str(source)]
            result = subprocess.run(command, capture_output=True, text=True)
            if result.returncode:
                raise Unavailable(f"javac: {result.stderr[-400:]}")
            shutil.make_archive(str(jar.with_suffix("")), "zip", made)
            jar.with_suffix(".zip").rename(jar)
    return jar


def _digest(path: Path) -> int:
    import zlib

    return zlib.crc32(path.read_bytes())


@dataclass
class Flink(Jvm):
    """A cluster and its gateway in one JVM."""

    folder: Path
    gateway: str
    rest: str
    heap: str = "768m"
    slots: int = 24
    process: subprocess.Popen[bytes] | None = None
    settings: Mapping[str, object] = field(default_factory=dict)

    @property
    def log(self) -> Path:
        """Flink's own log."""
        return self.folder / "flink.log"

    @property
    def archive(self) -> Path:
        return cache() / f"flink-{VERSION}.jsa"

    def start(self) -> None:
        """Start it, or start it again, and wait until it answers."""
        jars = ":".join(map(str, prepare()))
        # FLINK_CONF_DIR is read from the environment alone.
        self.launch([
            "env", f"FLINK_CONF_DIR={self.folder}", f"FLINK_LIB_DIR={cache() / f'flink-{VERSION}'}",
            "java", f"-Xmx{self.heap}", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
            "-XX:-UsePerfData", "-XX:MaxDirectMemorySize=256m", self.sharing, *_OPENS,
            f"-Djava.io.tmpdir={self.folder}", f"-Dslots={self.slots}", f"-Dflink.log={self.log}",
            f"-Dlog4j2.configurationFile={cache() / 'log4j2-flink.xml'}", "-cp", jars, _MAIN,
        ])  # fmt: skip
        self._wait()

    def kill_task_manager(self) -> None:
        """End the TaskManager, with all that runs on it; another one starts in its place."""
        told = self.folder / "kill"
        told.touch()
        end = time.monotonic() + _READY
        while told.exists():
            if time.monotonic() > end:
                raise TimeoutError("the TaskManager did not end")
            time.sleep(0.05)

    def _wait(self) -> None:
        end = time.monotonic() + _READY
        while time.monotonic() < end:
            assert self.process is not None
            if self.process.poll() is not None:
                out = (self.folder / "out").read_text()[-1500:]
                logged = self.log.read_text()[-1500:] if self.log.exists() else ""
                raise RuntimeError(f"Flink died: {out}\n{logged}")
            with contextlib.suppress(OSError, ValueError):
                if _get(f"{self.rest}/overview")["slots-total"] >= self.slots and _get(
                    f"{self.gateway}/v1/info"
                ):
                    return
            time.sleep(0.05)
        raise TimeoutError(f"no Flink after {_READY:g} s")


def _get(url: str) -> dict:
    with urllib.request.urlopen(url, timeout=5) as answer:
        return json.load(answer)


@contextlib.contextmanager
def flink(
    settings: Mapping[str, object] | None = None, *, heap: str = "768m", slots: int = 24
) -> Iterator[Flink]:
    """A cluster of its own, always stopped."""
    prepare()
    folder = Path(tempfile.mkdtemp(prefix="kshell-flink-"))
    rest, gateway = free_port(), free_port()
    here = "127.0.0.1"
    conf: dict[str, object] = {
        "rest.address": here, "rest.bind-address": here, "rest.port": rest,
        "rest.bind-port": str(rest), "jobmanager.bind-host": here,
        "sql-gateway.endpoint.rest.address": here, "sql-gateway.endpoint.rest.bind-address": here,
        "sql-gateway.endpoint.rest.port": gateway, "sql-gateway.endpoint.rest.bind-port": str(gateway),
        "execution.target": "remote", "parallelism.default": 1, "io.tmp.dirs": str(folder),
        "taskmanager.memory.network.min": "64m", "taskmanager.memory.network.max": "64m",
        "taskmanager.memory.managed.size": "64m",
        **(settings or {}),
    }  # fmt: skip
    lines = (f"{name}: {json.dumps(value)}\n" for name, value in conf.items())
    (folder / "config.yaml").write_text("".join(lines))
    running = Flink(folder, f"http://{here}:{gateway}", f"http://{here}:{rest}", heap, slots)
    try:
        running.start()
        yield running
    finally:
        running.stop(signal.SIGTERM)
        shutil.rmtree(folder, ignore_errors=True)
