"""The JobManager's REST API: which jobs there are, how each is doing, and why it failed.

`engine` has one; where it cannot be reached, the gateway's SHOW JOBS and
DESCRIBE JOB say less.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kshell.engines.flink.http import FlinkError, Http

__all__ = ["Checkpoints", "Failure", "Job", "JobManager", "Look", "Part",
           "name_of"]  # fmt: skip

_BACKGROUND = "kshell "  # what the name of a query's job begins with; its id follows
_INTO = " into "
_WAITS = "backPressuredTimeMsPerSecond"
_OVER = frozenset({"FINISHED", "CANCELED", "FAILED"})


@dataclass(frozen=True, slots=True)
class Job:
    """A job: its id, its name, its state, when it began (ms), and for how long it runs (ms)."""

    id: str
    name: str
    state: str
    began: int
    duration: int = 0

    @property
    def over(self) -> bool:
        """Whether it will do nothing more."""
        return self.state in _OVER

    @property
    def query(self) -> str:
        """The id of the query in the background that it runs; empty if it is another job."""
        rest = self.name.removeprefix(_BACKGROUND)
        return "" if rest == self.name else rest.partition(_INTO)[0]

    @property
    def writes(self) -> str:
        """The streams and tables that its query writes."""
        return self.name.partition(_INTO)[2]


def name_of(query: str, writes: str) -> str:
    """The name of a query's job, by which every shell of the cluster finds it.

    >>> job = Job("1f", name_of("CTAS_C_1", "C"), "RUNNING", 0)
    >>> job.query, job.writes
    ('CTAS_C_1', 'C')
    """
    return f"{_BACKGROUND}{query}{_INTO}{writes}"


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a job, which Flink calls a vertex; its numbers of records lag by seconds."""

    id: str
    name: str
    state: str
    parallelism: int
    read: int
    written: int


@dataclass(frozen=True, slots=True)
class Look:
    """A job's state, and its parts."""

    state: str
    parts: Sequence[Part] = ()

    @property
    def over(self) -> bool:
        """Whether it will do nothing more."""
        return self.state in _OVER

    @property
    def whole(self) -> bool:
        """Whether all of its parts run, or have done all they had: a source of constants soon has.

        >>> a, b, c = (Part("", "", s, 1, 0, 0) for s in ("RUNNING", "FINISHED", "CREATED"))
        >>> Look("RUNNING", [a, b]).whole, Look("RUNNING", [a, c]).whole
        (True, False)
        """
        return all(part.state in ("RUNNING", "FINISHED") for part in self.parts)

    @property
    def written(self) -> int:
        """How many records it has written."""
        return max((part.written for part in self.parts), default=0)

    @property
    def read(self) -> int:
        """How many records it has read."""
        return max((part.read for part in self.parts), default=0) or self.written


@dataclass(frozen=True, slots=True)
class Checkpoints:
    """How many were completed and how many failed, when the last was (ms), and its bytes."""

    completed: int
    failed: int
    last: int | None = None
    size: int | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a job failed, and when (ms)."""

    why: str
    at: int


class JobManager:
    """Asks one JobManager."""

    def __init__(self, http: Http) -> None:
        self.http = http

    def jobs(self) -> list[Job]:
        """All jobs, the oldest first."""
        found = self.http.ask("GET", "/jobs/overview")["jobs"]
        jobs = [Job(j["jid"], j["name"], j["state"], j["start-time"], j["duration"]) for j in found]
        return sorted(jobs, key=lambda job: job.began)

    def look(self, job: str) -> Look:
        """How a job is doing now."""
        found = self.http.ask("GET", f"/jobs/{job}")
        parts = [
            Part(v["id"], v["name"], v["status"], v["parallelism"],
                 v["metrics"]["read-records"], v["metrics"]["write-records"])
            for v in found["vertices"]
        ]  # fmt: skip
        return Look(found["state"], parts)

    def checkpoints(self, job: str) -> Checkpoints:
        """Its checkpoints; none where it takes none."""
        found = self._of(job, "checkpoints")
        counts = found.get("counts", {})
        last = (found.get("latest") or {}).get("completed") or {}
        return Checkpoints(
            int(counts.get("completed", 0)), int(counts.get("failed", 0)),
            last.get("latest_ack_timestamp"), last.get("state_size"),
        )  # fmt: skip

    def back_pressure(self, job: str, part: Part) -> int | None:
        """For how many percent of its time a part waits for those behind it; None if unknown."""
        try:
            found = self.http.ask(
                "GET", f"/jobs/{job}/vertices/{part.id}/subtasks/metrics?agg=max&get={_WAITS}"
            )
        except FlinkError:
            return None
        return next((round(float(m["max"]) / 10) for m in found if m["id"] == _WAITS), None)

    def failures(self, job: str) -> list[Failure]:
        """Why and when it failed, the last time first."""
        found = self._of(job, "exceptions").get("exceptionHistory", {}).get("entries", [])
        return [Failure(self.http.cause(e.get("stacktrace") or ""), e["timestamp"]) for e in found]

    def _of(self, job: str, what: str) -> dict[str, Any]:
        try:
            found: dict[str, Any] = self.http.ask("GET", f"/jobs/{job}/{what}")
        except FlinkError:
            return {}
        return found

    def cancel(self, job: str) -> None:
        """End a job."""
        self.http.ask("PATCH", f"/jobs/{job}?mode=cancel")

    def close(self) -> None:
        """Let go of the connections."""
        self.http.close()
