"""Flink's SQL gateway, over its REST API v3: the `Service` of a session of its own.

An error is 200 at first: the statement's result has it.  A page can be asked for again until the
next one was asked for, so a lost answer is asked for once more.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from kshell.engines.flink.http import FlinkDown, FlinkError, Http
from kshell.engines.flink.service import Page, Submitted

__all__ = ["Gateway"]

_PAUSE = 0.02  # seconds between two questions for an answer that is not ready
_PATIENCE = 60.0  # seconds for a statement that ends: the first one makes Flink load its planner
_NONE: Mapping[str, str] = MappingProxyType({})


class Gateway:
    """One session of a gateway, opened at once; raises FlinkDown."""

    def __init__(self, http: Http, options: Mapping[str, str]) -> None:
        self.http = http
        self._options = dict(options)
        self._session = ""
        self._declared: set[str] = set()
        self._open()

    def _open(self) -> None:
        body = {"sessionName": "kshell", "properties": self._options}
        handle = self.http.ask("POST", "/v3/sessions", body)["sessionHandle"]
        self._session = f"/v3/sessions/{handle}"
        self._declared.clear()

    def ready(self) -> None:
        """Keep the session alive; a session that Flink has closed is opened again."""
        try:
            self.http.ask("POST", f"{self._session}/heartbeat")
        except FlinkDown:
            raise
        except FlinkError:
            self._open()

    def declare(self, sql: str) -> None:
        """As `Service.declare`."""
        if sql not in self._declared:
            self.run(sql)
            self._declared.add(sql)

    def submit(self, sql: str, options: Mapping[str, str] = _NONE) -> Submitted:
        """As `Service.submit`."""
        body = {"statement": sql, "executionConfig": dict(options)}
        handle = self.http.ask("POST", f"{self._session}/statements", body)["operationHandle"]
        operation = f"{self._session}/operations/{handle}"
        return Submitted(operation, f"{operation}/result/0?rowFormat=JSON", options=options)

    def poll(self, submitted: Submitted) -> Page | None:
        """As `Service.poll`."""
        if submitted.over:
            return None
        try:
            page = self.http.ask("GET", submitted.next)
        except FlinkDown:
            raise
        except FlinkError as error:
            if "does not exist" in error.what and "ession" in error.what:
                raise FlinkError(
                    "the gateway has closed this session, and its query with it",
                    hint="run the statement again: a new session is opened",
                ) from None
            raise
        submitted.job = page.get("jobID") or submitted.job
        if page["resultType"] == "NOT_READY":
            submitted.next = page.get("nextResultUri") or submitted.next
            return Page()
        submitted.over = page["resultType"] == "EOS" or not page.get("nextResultUri")
        submitted.next = page.get("nextResultUri") or ""
        rows = page.get("results", {}).get("data", ())
        if not rows and submitted.over:
            return None
        return Page([(row["kind"], row["fields"]) for row in rows])

    def run(self, sql: str, options: Mapping[str, str] = _NONE) -> list[Sequence[Any]]:
        """As `Service.run`."""
        submitted = self.submit(sql, options)
        rows: list[Sequence[Any]] = []
        deadline = time.monotonic() + _PATIENCE
        while (page := self.poll(submitted)) is not None:
            rows += [fields for _, fields in page.rows]
            if not page.rows:
                if time.monotonic() > deadline:
                    raise FlinkError(f"no answer of Flink's gateway within {_PATIENCE:g} s")
                time.sleep(_PAUSE)
        return rows

    def stop(self, submitted: Submitted) -> None:
        """As `Service.stop`."""
        submitted.over = True
        self.http.ask("DELETE", f"{submitted.handle}/close")

    def settings(self) -> Mapping[str, str]:
        """As `Service.settings`."""
        found: Mapping[str, str] = self.http.ask("GET", self._session)["properties"]
        return found

    def close(self) -> None:
        """As `Service.close`."""
        try:
            self.http.ask("DELETE", self._session)
        except FlinkError:
            pass  # it is away, or the session is over already
        self.http.close()
