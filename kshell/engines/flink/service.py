"""What the engine asks of a service that runs Flink SQL: declare, submit, poll, stop.

`gateway` is the one that there is, Flink's own SQL gateway.  Statements are Flink SQL here; nothing
above knows of sessions, operations or tokens.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

__all__ = ["Page", "Service", "Submitted"]


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows of an answer: each its kind (INSERT, UPDATE_BEFORE, …) and its fields."""

    rows: Sequence[tuple[str, Sequence[Any]]] = ()


@dataclass(slots=True)
class Submitted:
    """A statement that was accepted: where its next rows are, and its job once it has one."""

    handle: str
    next: str
    job: str = ""
    over: bool = False
    options: Mapping[str, str] = field(default_factory=dict)


class Service(Protocol):
    """Runs Flink SQL; every call raises FlinkError with the root cause, FlinkDown if it is away."""

    def declare(self, sql: str) -> None:
        """Run a CREATE TEMPORARY …, once for each text."""

    def submit(self, sql: str, options: Mapping[str, str]) -> Submitted:
        """Start a statement under these options of Flink."""

    def poll(self, submitted: Submitted) -> Page | None:
        """The next rows; an empty page if there are none now, None after the end."""

    def run(self, sql: str, options: Mapping[str, str] = ...) -> list[Sequence[Any]]:
        """All rows of a statement that ends, such as SHOW JOBS."""

    def stop(self, submitted: Submitted) -> None:
        """End a SELECT and its job."""

    def settings(self) -> Mapping[str, str]:
        """The options of Flink that hold in this session, the cluster's too."""

    def close(self) -> None:
        """End the session; jobs that write to topics go on."""
