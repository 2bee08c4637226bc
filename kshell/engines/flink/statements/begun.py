"""A query in the background that this shell has begun on Flink, and what would begin it again.

`queries` makes and changes them; `show_queries` shows them.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from kshell.config import Properties
from kshell.engines.flink.jobs import Failure
from kshell.engines.flink.render import Script
from kshell.sql import plan

__all__ = ["Begun", "Insert", "one_job"]


@dataclass(frozen=True, slots=True)
class Insert:
    """A query that is about to run: its script, its plan, its text and its properties."""

    script: Script
    sink: plan.Sink
    text: str
    properties: Properties


@dataclass(slots=True)
class Begun:
    """A query that runs as one job, or is paused.  One of a statement set has several inserts."""

    id: str
    inserts: Sequence[Insert]
    options: dict[str, str]
    properties: Properties
    state: str = "RUNNING"
    savepoint: str = ""  # where it was saved, while it is paused
    note: str = ""
    why: str = ""  # why it failed; empty once it runs without failing
    _failed_at: int = 0  # by Flink's clock
    _well_at: float = 0.0

    def saw(self, state: str, failure: Failure | None, well: float) -> None:
        """Take its job's state and last failure; it is well when so many seconds went without one.

        A job that restarts for ever is seen between two failures as often as not.
        """
        self.note, self.state = "", state
        if failure is not None and failure.at != self._failed_at:
            self._failed_at, self._well_at = failure.at, time.monotonic() + well
            self.why = failure.why
        if state == "RUNNING" and time.monotonic() > self._well_at:
            self.why = ""

    @property
    def unwell(self) -> bool:
        """Whether it has failed, or restarts again and again."""
        return bool(self.why) or self.state in ("FAILED", "FAILING", "RESTARTING")

    @property
    def status(self) -> str:
        """Its status in a few words."""
        state = "restarting" if self.why and self.state == "RUNNING" else self.state.lower()
        return f"{state} on Flink" + (f": {self.why}" if self.why else "")

    @property
    def writes(self) -> str:
        """The streams and tables that it writes."""
        return ", ".join(dict.fromkeys(i.sink.target.name for i in self.inserts))

    @property
    def text(self) -> str:
        """Its statements, as they were written."""
        return ";\n".join(i.text.strip().removesuffix(";") for i in self.inserts)

    @property
    def declarations(self) -> Sequence[str]:
        """What is to be declared before it runs."""
        return list(dict.fromkeys(sql for i in self.inserts for sql in i.script.declarations))

    @property
    def statement(self) -> str:
        """The statement of Flink that runs it."""
        return one_job([i.script.statement for i in self.inserts])


def one_job(inserts: Sequence[str]) -> str:
    """Several INSERTs as one statement, which Flink runs as one job.

    >>> one_job(["INSERT INTO a SELECT 1"])
    'INSERT INTO a SELECT 1'
    >>> one_job(["INSERT INTO a SELECT 1", "INSERT INTO b SELECT 2"]).splitlines()
    ['EXECUTE STATEMENT SET BEGIN', 'INSERT INTO a SELECT 1;', 'INSERT INTO b SELECT 2;', 'END']
    """
    if len(inserts) == 1:
        return inserts[0]
    lines = [f"{insert};" for insert in inserts]
    return "\n".join(["EXECUTE STATEMENT SET BEGIN", *lines, "END"])
