"""Real Kafka Connect for tests: one standalone worker with the file connectors, as a `java` process.

Its jars come by Maven once.  It listens when GET /health is 200.  Nothing here needs pytest.
"""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from .jvm import Jvm
from .realkafka import VERSION, cache, fetch_jars, free_port

__all__ = ["Worker", "connect", "prepare"]

_READY = 60.0


def prepare() -> list[Path]:
    """Connect's jars; raises Unavailable with the reason."""
    names = ("connect-runtime", "connect-file")
    return fetch_jars(
        cache() / f"connect-{VERSION}", [("org.apache.kafka", name, VERSION) for name in names]
    )


@dataclass
class Worker(Jvm):
    """One standalone worker; what was made by its REST API is forgotten when it stops."""

    port: int
    bootstrap: str
    folder: Path
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        """Where its REST API is."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def archive(self) -> Path:
        return cache() / f"connect-{VERSION}.jsa"

    def start(self) -> None:
        """Start and wait until it answers."""
        text = "org.apache.kafka.connect.storage.StringConverter"
        settings = {
            "bootstrap.servers": self.bootstrap, "key.converter": text, "value.converter": text,
            "offset.flush.interval.ms": 1000, "listeners": self.url,
            "rest.advertised.host.name": "127.0.0.1", "plugin.discovery": "service_load",
            "offset.storage.file.filename": self.folder / "offsets",
        }  # fmt: skip
        file = self.folder / "worker.properties"
        file.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
        self.launch(
            ["java", "-Xmx256m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-XX:-UsePerfData",
             self.sharing, "-cp", ":".join(map(str, prepare())),
             "org.apache.kafka.connect.cli.ConnectStandalone", str(file)]
        )  # fmt: skip
        self._wait()

    def _wait(self) -> None:
        assert self.process is not None
        end = time.monotonic() + _READY
        with httpx.Client(timeout=2) as client:
            while time.monotonic() < end:
                if self.process.poll() is not None:
                    raise RuntimeError(f"it died: {(self.folder / 'out').read_text()[-1500:]}")
                with contextlib.suppress(httpx.HTTPError):
                    if client.get(f"{self.url}/health").status_code == 200:
                        return
                time.sleep(0.05)
        raise TimeoutError(f"no Connect at {self.url} after {_READY:g} s")


@contextlib.contextmanager
def connect(bootstrap: str) -> Iterator[Worker]:
    """A worker on a free port."""
    folder = Path(tempfile.mkdtemp(prefix="kshell-connect-"))
    made = Worker(free_port(), bootstrap, folder)
    try:
        made.start()
        yield made
    finally:
        made.stop()
        shutil.rmtree(folder, ignore_errors=True)
