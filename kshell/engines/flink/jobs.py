"""The JobManager's REST API: which jobs there are, how each is doing, and why it failed.

`engine` has one; where it cannot be reached, the gateway's SHOW JOBS says less.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kshell.engines.flink.http import FlinkError, Http, root_cause

__all__ = ["Job", "JobManager"]

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


class JobManager:
    """Asks one JobManager."""

    def __init__(self, http: Http) -> None:
        self.http = http

    def jobs(self) -> list[Job]:
        """All jobs, the oldest first."""
        found = self.http.ask("GET", "/jobs/overview")["jobs"]
        jobs = [Job(j["jid"], j["name"], j["state"], j["start-time"], j["duration"]) for j in found]
        return sorted(jobs, key=lambda job: job.began)

    def state(self, job: str) -> tuple[str, bool]:
        """A job's state, and whether all of its parts run."""
        found = self.http.ask("GET", f"/jobs/{job}")
        return found["state"], all(v["status"] == "RUNNING" for v in found["vertices"])

    def counts(self, job: str) -> tuple[int, int]:
        """How many records it has read and written: Flink's numbers lag by seconds."""
        metrics = [v["metrics"] for v in self.http.ask("GET", f"/jobs/{job}")["vertices"]]
        read = max((m["read-records"] for m in metrics), default=0)
        out = max((m["write-records"] for m in metrics), default=0)
        return max(read, out), out

    def checkpoints(self, job: str) -> int:
        """How many checkpoints are complete."""
        return int(self._of(job, "checkpoints").get("counts", {}).get("completed", 0))

    def failure(self, job: str) -> str:
        """Why it failed last; empty if it did not."""
        found = self._of(job, "exceptions")
        entries = found.get("exceptionHistory", {}).get("entries", [])
        text = entries[0].get("stacktrace", "") if entries else found.get("root-exception") or ""
        return root_cause(text) if text else ""

    def _of(self, job: str, what: str) -> dict[str, Any]:
        try:
            return self.http.ask("GET", f"/jobs/{job}/{what}")
        except FlinkError:
            return {}

    def cancel(self, job: str) -> None:
        """End a job."""
        self.http.ask("PATCH", f"/jobs/{job}?mode=cancel")

    def close(self) -> None:
        """Let go of the connections."""
        self.http.close()
