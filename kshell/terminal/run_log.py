"""What `kshell run` says on stderr: lines for people, or one JSON object a line (`--log json`).

A line has no text of a statement, no value of a record and no secret.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime

from kshell.errors import KshellError
from kshell.terminal.messages import Outages, draw_error, note

__all__ = ["JsonLog", "RunLog"]


class RunLog:
    """Lines for people."""

    def __init__(self, application: str) -> None:
        self.application = application
        self._outages = Outages()

    def say(self, event: str, text: str, query: str = "") -> None:
        """A thing that happened; `event` is its one word."""
        note(text)

    def failed(self, query: str, text: str) -> None:
        """A query has failed."""
        note(f"Query {query} failed: {text}")

    def lost(self, text: str) -> None:
        """What was left out."""
        note(text)

    def waits(self, query: str, text: str) -> None:
        """What a query, or without one the start, waits for now; empty if it does not wait."""
        self._outages.tell(f"Query {query}" if query else "The start", text)

    def ended_by(self, error: KshellError, text: str) -> None:
        """The error that ends the process; `text` is the file's."""
        draw_error(error, text)


class JsonLog(RunLog):
    """Objects with `time`, `level`, `application`, `event`, `message`, and `query` where it is of
    one."""

    def __init__(
        self, application: str, write: Callable[[str], object] = sys.stderr.write
    ) -> None:
        super().__init__(application)
        self._write = write
        self._waiting: dict[str, str] = {}

    def _line(self, level: str, event: str, message: str, **more: object) -> None:
        moment = datetime.now(UTC).isoformat(timespec="milliseconds")
        line = {"time": moment, "level": level, "application": self.application,
                "event": event, "message": message, **more}  # fmt: skip
        self._write(json.dumps(line) + "\n")
        sys.stderr.flush()

    def say(self, event: str, text: str, query: str = "") -> None:
        """A thing that happened."""
        self._line("info", event, text, **({"query": query} if query else {}))

    def failed(self, query: str, text: str) -> None:
        """A query has failed."""
        self._line("error", "failed", text, query=query)

    def lost(self, text: str) -> None:
        """What was left out."""
        self._line("warning", "left out", text)

    def waits(self, query: str, text: str) -> None:
        """Said once when it begins, when the reason is another, and when it is over."""
        if text == self._waiting.get(query, ""):
            return
        self._waiting[query] = text
        of = {"query": query} if query else {}
        if text:
            self._line("warning", "waiting", text, **of)
        else:
            self._line("info", "goes on", "it goes on", **of)

    def ended_by(self, error: KshellError, text: str) -> None:
        """The error that ends the process, with its place in the file."""
        place = error.place
        at = {} if place is None else {"line": place.line, "column": place.column}
        hint = {"hint": error.hint} if error.hint else {}
        self._line("error", "error", error.what, **hint, **at)
