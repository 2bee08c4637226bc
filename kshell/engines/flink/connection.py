"""The connection to a Flink cluster: its gateway's session, and its JobManager where it answers.

The engine opens one when the first statement needs it, and another when the gateway's properties
have changed.  Foreground jobs bear the name of their shell, so that the next one ends what a shell
that died has left.
"""

from __future__ import annotations

import contextlib
import os
import platform
import threading
import time
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from kshell.config import Properties
from kshell.config.properties import is_secret
from kshell.engines.flink.gateway import Gateway
from kshell.engines.flink.http import FlinkDown, FlinkError, Http
from kshell.engines.flink.jobs import Failure, Job, JobManager, Look
from kshell.engines.flink.service import Service, Submitted
from kshell.errors import UsageError
from kshell.results import Notice, NoticeKind

__all__ = ["Connection", "identity"]

_FOREGROUND = "kshell-foreground"
_SHORTEST = 4  # characters of a secret that is masked: a shorter one would mask words
_STARTING = 15.0  # seconds in which a job's parts start; to close a SELECT earlier kills Flink
_SETTLED = 0.5  # seconds after that
_UNSEEN = 3.0  # seconds to wait where the JobManager cannot be asked
# KSQL's meaning: times are UTC's, and a table's key is enough to write its rows by.
_SESSION: Mapping[str, str] = MappingProxyType({
    "table.local-time-zone": "UTC",
    "pipeline.auto-watermark-interval": "50 ms",
    "table.exec.sink.require-on-conflict": "false",
    "table.exec.sink.upsert-materialize": "NONE",
})  # fmt: skip


def identity(properties: Properties) -> tuple[tuple[str, str], ...]:
    """What a connection depends on: with another value it is another connection."""
    ours = ("kshell.flink.gateway", "kshell.flink.rest", "kshell.flink.timeout.ms",
            "kshell.insecure", "kshell.flink.basic", "kshell.flink.bearer", "kshell.flink.ssl")
    return tuple((n, v) for n, v in sorted(properties.items()) if n.startswith(ours))


class Connection:
    """One gateway's session; raises FlinkDown, FlinkError, UsageError when it cannot be opened."""

    def __init__(self, properties: Properties) -> None:
        url = properties.get("kshell.flink.gateway")
        if not url:
            raise UsageError(
                "no Flink gateway named", hint="--gateway http://host:8083, or kshell.flink.gateway"
            )
        self._http = Http("Flink's SQL gateway", url, properties)
        gateway = Gateway(self._http, _SESSION)
        self.service: Service = gateway
        self._heartbeat = gateway.ready
        self.manager: JobManager | None = None
        self.why_no_manager = ""
        self.warned = False  # that whoever holds the gateway can read what it is given
        self._left: list[Submitted] = []  # could not be ended while the gateway was away
        self._closing: list[threading.Thread] = []
        self._find_manager(properties)
        with contextlib.suppress(FlinkError):
            self._end_orphans()

    def _find_manager(self, properties: Properties) -> None:
        settings = self.service.settings()
        url = properties.get("kshell.flink.rest")
        if not url:
            port = settings.get("rest.port", "8081")
            url = f"http://{settings.get('rest.address', 'localhost')}:{port}"
        try:
            manager = Http("Flink's JobManager", url, properties)
            manager.hidden = self._http.hidden
            self.manager = JobManager(manager)
            self.manager.jobs()
        except (FlinkError, UsageError) as error:
            self.manager, self.why_no_manager = None, error.what

    def ready(self) -> None:
        """Keep the session alive, and end what could not be ended before; raises FlinkDown."""
        self._heartbeat()
        while self._left:
            submitted = self._left.pop()
            with contextlib.suppress(FlinkError):
                self.cancel(submitted.job)

    def take_secrets(self, secrets: Sequence[str], properties: Properties) -> None:
        """Mask the secrets of tables in what Flink says; raises UsageError where they would go over
        plain http."""
        self._http.check_secret(properties)
        own = (v for n, v in properties.items() if is_secret(n) and len(v) >= _SHORTEST)
        self._http.hidden.update(secrets, own)

    def jobs(self) -> list[Job]:
        """All jobs of the cluster."""
        if self.manager is not None:
            return self.manager.jobs()
        rows = self.service.run("SHOW JOBS")
        return [Job(str(id), str(name), str(state), 0) for id, name, state, *_ in rows]

    def foreground_name(self) -> str:
        """The name of a foreground job of this shell."""
        return f"{_FOREGROUND} {platform.node()} {os.getpid()}"

    def _end_orphans(self) -> None:
        """End foreground jobs of shells of this machine that are gone."""
        ours = f"{_FOREGROUND} {platform.node()} "
        for job in self.jobs():
            if job.over or not job.name.startswith(ours):
                continue
            number = job.name.removeprefix(ours)
            if number.isdigit() and not _alive(int(number)):
                self.cancel(job.id)

    def cancel(self, job: str) -> None:
        """End a job, whatever its state."""
        if self.manager is not None:
            self.manager.cancel(job)
        else:
            self.service.run(f"STOP JOB '{job}'")

    def queries(self) -> dict[str, Job]:
        """The jobs of the queries in the background that are not over, by the queries' ids."""
        return {job.query: job for job in self.jobs() if job.query and not job.over}

    def look(self, job: str) -> Look:
        """How a job is doing; without the JobManager only its state is known."""
        if self.manager is not None:
            return self.manager.look(job)
        ((_, _, state, *_),) = self.service.run(f"DESCRIBE JOB '{job}'")
        return Look(str(state))

    def notices(self) -> tuple[Notice, ...]:
        """The notice that the JobManager cannot be asked, if so."""
        if self.manager is not None:
            return ()
        text = f"the gateway alone is asked, and says less: {self.why_no_manager}"
        return (Notice(NoticeKind.CLUSTER, text),)

    def failures(self, job: str) -> list[Failure]:
        """Why and when a job failed, the last time first; empty where that cannot be asked."""
        return [] if self.manager is None else self.manager.failures(job)

    def failure(self, job: str) -> str:
        """Why a job failed, as far as the cluster says."""
        if self.manager is None:
            return "its JobManager, which knows the reason, cannot be reached"
        return next((failure.why for failure in self.failures(job)), "it gave no reason")

    def stop_soon(self, submitted: Submitted) -> None:
        """End a SELECT when that is safe, in a thread that `close` waits for."""
        thread = threading.Thread(target=self._stop, args=(submitted,), daemon=True)
        self._closing.append(thread)
        thread.start()

    def _stop(self, submitted: Submitted) -> None:
        try:
            self._wait_until_it_runs(submitted)
            self.service.stop(submitted)
        except FlinkDown:
            if submitted.job:
                self._left.append(submitted)
        except FlinkError:
            pass  # it is over already

    def _wait_until_it_runs(self, submitted: Submitted) -> None:
        """A SELECT that is closed while its parts start takes Flink's TaskManager with it."""
        end = time.monotonic() + _STARTING
        while not submitted.job and time.monotonic() < end:
            if self.service.poll(submitted) is None:
                return
            time.sleep(0.05)
        if self.manager is None:
            time.sleep(_UNSEEN)
            return
        while time.monotonic() < end:
            seen = self.manager.look(submitted.job)
            if seen.over:
                return
            if seen.whole and seen.state == "RUNNING":
                break
            time.sleep(0.05)
        time.sleep(_SETTLED)

    def close(self) -> None:
        """End what runs in the foreground, and the session; other jobs go on."""
        for thread in self._closing:
            thread.join(_STARTING + _UNSEEN)
        self.service.close()
        if self.manager is not None:
            self.manager.close()


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
