"""A real schema registry for tests: Apicurio, which speaks Confluent's REST API, as a `java` process.

Downloaded once by Maven (109 MB).  A CDS archive made at the first stop halves the start to 2–3 s.
Its state is in memory.  Nothing here needs pytest.
"""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from .jvm import Jvm
from .realkafka import Unavailable, cache, free_port, locked

__all__ = ["Registry", "prepare", "registry"]

VERSION = "3.0.9"
_NAME = f"apicurio-registry-app-{VERSION}"
_PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:2.8:copy"  # newer ones refuse
_READY = 60.0


def prepare() -> Path:
    """The server's jar, unpacked beside its libraries; raises Unavailable."""
    for tool in ("java", "mvn"):
        if shutil.which(tool) is None:
            raise Unavailable(f"{tool} is not installed")
    folder = cache() / f"registry-{VERSION}"
    done = folder / ".complete"
    with locked(folder.name):
        if not done.exists():
            folder.mkdir(parents=True, exist_ok=True)
            archive = folder / f"{_NAME}-all.tar.gz"
            if not archive.exists():
                command = ["mvn", "-q", "-B", "-ntp", _PLUGIN, f"-DoutputDirectory={folder}",
                           f"-Dartifact=io.apicurio:apicurio-registry-app:{VERSION}:tar.gz:all"]  # fmt: skip
                result = subprocess.run(command, capture_output=True, text=True, timeout=300)
                if result.returncode or not archive.exists():
                    raise Unavailable(f"Maven could not download: {result.stdout[-400:]}")
            with tarfile.open(archive) as packed:
                packed.extractall(folder, filter="data")
            archive.unlink()
            done.touch()
    return folder / f"{_NAME}-runner.jar"


@dataclass
class Registry(Jvm):
    """One registry; `stop` and `start` keep the port, but what it knew is forgotten."""

    port: int
    folder: Path
    options: tuple[str, ...] = ()
    auth: tuple[str, str] | None = None
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        """The base of Confluent's API."""
        return f"http://127.0.0.1:{self.port}/apis/ccompat/v7"

    @property
    def archive(self) -> Path:
        return cache() / f"{_NAME}.jsa"

    def start(self) -> None:
        """Start and wait until it answers."""
        jar = prepare()
        java = [
            "java", "-Xmx256m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-XX:-UsePerfData",
            self.sharing, "-Dquarkus.http.host=127.0.0.1", f"-Dquarkus.http.port={self.port}",
            "-Dquarkus.log.level=WARN", '-Dquarkus.log.category."io.apicurio".level=WARN',
            *self.options, "-jar", str(jar),
        ]  # fmt: skip
        self.launch(java)
        self._wait()

    def _wait(self) -> None:
        assert self.process is not None
        end = time.monotonic() + _READY
        with httpx.Client(timeout=2, auth=self.auth) as client:
            while time.monotonic() < end:
                if self.process.poll() is not None:
                    raise RuntimeError(f"it died: {(self.folder / 'out').read_text()[-1500:]}")
                with contextlib.suppress(httpx.HTTPError):
                    ready = client.get(f"http://127.0.0.1:{self.port}/health/ready")
                    if ready.status_code == 200:
                        client.put(f"{self.url}/config", json={"compatibility": "BACKWARD"})
                        return
                time.sleep(0.05)
        raise TimeoutError(f"no registry at {self.url} after {_READY:g} s")


@contextlib.contextmanager
def registry(user: str = "", password: str = "", options: Sequence[str] = ()) -> Iterator[Registry]:
    """A registry on a free port; with a user it lets nobody else in."""
    login = (
        "-Dquarkus.http.auth.basic=true",
        "-Dquarkus.security.users.embedded.enabled=true",
        "-Dquarkus.security.users.embedded.plain-text=true",
        f"-Dquarkus.security.users.embedded.users.{user}={password}",
        f"-Dquarkus.security.users.embedded.roles.{user}=sr-admin",
        "-Dapicurio.auth.role-based-authorization=true",
    )
    folder = Path(tempfile.mkdtemp(prefix="kshell-registry-"))
    made = Registry(
        free_port(), folder, (*(login if user else ()), *options),
        (user, password) if user else None,
    )  # fmt: skip
    try:
        made.start()
        yield made
    finally:
        made.stop()
        shutil.rmtree(folder, ignore_errors=True)
