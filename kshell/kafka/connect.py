"""Kafka Connect by its REST API: its plugins, and its connectors with their tasks.

A connector's configs may hold secrets: `masked` is what may be shown of one.  While the workers
share connectors out anew they answer 409, and are asked again for some seconds.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn
from urllib.parse import quote

from kshell.config import MASK, masked_words
from kshell.config.properties import is_secret_like
from kshell.errors import ConnectDown, ConnectError
from kshell.kafka.rest import Rest, Service, check_private
from kshell.permits import check_writes

__all__ = ["CONNECT", "FAILED", "Connect", "Connector", "Plugin", "Task", "masked", "open_connect"]

CONNECT = Service(
    "Kafka Connect", "connect.", "--connect", "http://localhost:8083", ConnectDown, ConnectError,
    frozenset({408, 429, 502, 503, 504}),
)  # fmt: skip
FAILED = "FAILED"  # the state of a connector or a task
_REBALANCING = 409
_PATIENCE = 15.0  # seconds that a rebalance may take
_FIRST_WAIT, _LONGEST_WAIT = 0.1, 1.0  # between two questions meanwhile
_EXISTS = "already exists"  # what Connect says with 409, too
_MOST_TEXT = 500  # characters of what Connect says in an error


@dataclass(frozen=True, slots=True)
class Plugin:
    """A class that connectors or their parts may be of."""

    name: str
    type: str
    version: str | None


@dataclass(frozen=True, slots=True)
class Task:
    """A task of a connector; of one that has failed, the trace says why."""

    id: int
    state: str
    worker: str | None
    trace: str | None


@dataclass(frozen=True, slots=True)
class Connector:
    """A connector as it is now; `config` has secrets."""

    name: str
    type: str
    state: str
    worker: str | None
    trace: str | None
    config: Mapping[str, str]
    tasks: tuple[Task, ...]


def open_connect(properties: Mapping[str, str]) -> Connect:
    """Connect at `connect.url`; UsageError where the properties do not fit.

    >>> open_connect({"connect.url": "localhost:8083"}).addresses
    ['http://localhost:8083']
    """
    return Connect(Rest.open(CONNECT, properties))


def masked(name: str, value: str, secret: bool = False) -> str:
    """A config's value to show: a secret is stars, and so is one inside of a URL.

    >>> masked("database.password", "x"), masked("connection.url", "jdbc:x?user=a&password=b")
    ('********', 'jdbc:x?user=a&password=********')
    """
    if value and (secret or is_secret_like(name)):
        return MASK
    return masked_words(value)


class Connect:
    """One Connect cluster; every method may raise ConnectError."""

    def __init__(self, rest: Rest) -> None:
        self._rest = rest

    @property
    def addresses(self) -> list[str]:
        """Where it is asked, the first first."""
        return self._rest.addresses

    def plugins(self) -> list[Plugin]:
        """The classes of connectors and of their parts; before Kafka 3.2 of connectors alone."""
        found = self._ask("GET", "/connector-plugins?connectorsOnly=false", "its plugins")
        return [
            Plugin(_text(row["class"]), _text(row.get("type", "")), _optional(row.get("version")))
            for row in self._rows(found, "its plugins", "class")
        ]

    def connectors(self) -> list[Connector]:
        """Every connector, by name."""
        path = "/connectors?expand=status&expand=info"
        found = self._ask("GET", path, "its connectors")
        if not isinstance(found, dict):
            self._nonsense("its connectors")
        return [self._connector(name, node) for name, node in sorted(found.items())]

    def connector(self, name: str) -> Connector | None:
        """One connector, or None."""
        path = _path(name)
        info = self._ask("GET", path, f"connector {name}")
        # Its status is not there in the moment after it was created.
        status = self._ask("GET", f"{path}/status", f"connector {name}")
        return None if info is None else self._connector(name, {"info": info, "status": status})

    def topics(self, name: str) -> list[str]:
        """The topics that a connector has used; none before Kafka 2.5."""
        found = self._ask("GET", f"{_path(name)}/topics", f"connector {name}")
        held = found.get(name) if isinstance(found, dict) else None
        topics = held.get("topics") if isinstance(held, dict) else None
        return sorted(map(str, topics)) if isinstance(topics, list) else []

    def secrets(self, plugin: str) -> frozenset[str]:
        """The configs of a class that it says are passwords; none before Kafka 3.2."""
        what = f"plugin {plugin}"
        found = self._ask("GET", f"/connector-plugins/{quote(plugin, safe='')}/config", what)
        rows = self._rows(found, what, "name") if found is not None else []
        return frozenset(str(row["name"]) for row in rows if row.get("type") == "PASSWORD")

    def flaws(self, plugin: str, config: Mapping[str, str]) -> list[tuple[str, str]]:
        """What Connect has against a connector's configs: (name, why)."""
        path = f"/connector-plugins/{quote(plugin, safe='')}/config/validate"
        what = f"plugin {plugin}"
        found = self._ask("PUT", path, what, dict(config))
        rows = found.get("configs") if isinstance(found, dict) else None
        if not isinstance(rows, list):
            self._nonsense(what)
        values = [row.get("value") for row in rows if isinstance(row, dict)]
        return [
            (_text(value.get("name", "")), _without(_text(why), config))
            for value in values if isinstance(value, dict)
            for why in value.get("errors") or ()
        ]  # fmt: skip

    def create(self, name: str, config: Mapping[str, str]) -> None:
        """Make a connector."""
        self._check_writes(f"creating connector {name}")
        self.check_secrets(config)
        body = {"name": name, "config": dict(config)}
        try:
            self._ask("POST", "/connectors", f"connector {name}", body)
        except ConnectDown:
            raise
        except ConnectError as error:
            raise ConnectError(_without(error.what, config), hint=error.hint) from None

    def check_secrets(self, config: Mapping[str, str]) -> None:
        """Raise UsageError where a secret of these configs would go over plain http."""
        if any(masked(name, value) != value for name, value in config.items()):
            properties = self._rest.properties
            check_private(self.addresses, properties, "the secrets of the connector")

    def delete(self, name: str) -> bool:
        """Delete a connector; whether it was there."""
        self._check_writes(f"deleting connector {name}")
        return self._ask("DELETE", _path(name), f"connector {name}") is not None

    def pause(self, name: str) -> None:
        """Pause a connector and its tasks."""
        self._check_writes(f"pausing connector {name}")
        self._change("PUT", f"{_path(name)}/pause", name)

    def resume(self, name: str) -> None:
        """Have a paused connector go on."""
        self._check_writes(f"resuming connector {name}")
        self._change("PUT", f"{_path(name)}/resume", name)

    def restart(self, name: str) -> None:
        """Restart a connector and all of its tasks."""
        self._check_writes(f"restarting connector {name}")
        path = f"{_path(name)}/restart?includeTasks=true&onlyFailed=false"
        self._change("POST", path, name)

    def restart_task(self, name: str, task: int) -> None:
        """Restart one task of a connector."""
        self._check_writes(f"restarting connector {name}")
        self._change("POST", f"{_path(name)}/tasks/{task}/restart", name)

    def _change(self, method: str, path: str, name: str) -> None:
        if self._ask(method, path, f"connector {name}") is None:
            raise ConnectError(f"connector {name} has gone, or its task")

    def _check_writes(self, what: str) -> None:
        check_writes(self._rest.properties, what)

    def _ask(self, method: str, path: str, what: str, body: Any = None) -> Any:
        """The answer's JSON, () where it is empty; None where there is no such thing."""
        deadline, wait = time.monotonic() + _PATIENCE, _FIRST_WAIT
        while True:
            status, answer = self._rest.ask(method, path, body)
            said = _said(answer)
            passes = status == _REBALANCING and _EXISTS not in said
            if not passes or time.monotonic() + wait > deadline:
                return self._judge(status, answer, what, said)
            time.sleep(wait)
            wait = min(2 * wait, _LONGEST_WAIT)

    def _judge(self, status: int, answer: Any, what: str, said: str) -> Any:
        if status in (202, 204):
            return answer or ()
        if 200 <= status < 300:
            if answer is None:
                self._nonsense(what)
            return answer
        if status == 404 and said:
            return None
        if status in (401, 403):
            raise ConnectError(
                f"Kafka Connect refused us {what}: HTTP {status}",
                hint="connect.basic.auth.user.info is user:password",
            )
        if not said:
            self._nonsense(what)
        raise ConnectError(f"Kafka Connect refused {what}: {said}")

    def _nonsense(self, what: str) -> NoReturn:
        raise ConnectError(
            f"what Kafka Connect at {self.addresses[0]} says of {what} is no answer",
            hint="is connect.url the base of Connect's REST API?",
        )

    def _rows(self, found: Any, what: str, needed: str) -> list[dict[str, Any]]:
        """A list of objects that have a field."""
        if not isinstance(found, list):
            self._nonsense(what)
        if not all(isinstance(row, dict) and needed in row for row in found):
            self._nonsense(what)
        return found

    def _connector(self, name: str, node: Any) -> Connector:
        try:
            info, status = node.get("info") or {}, node.get("status") or {}
            own = status.get("connector") or {}
            config = {_text(k): _text(v) for k, v in (info.get("config") or {}).items()}
            tasks = tuple(
                Task(
                    int(task["id"]), _text(task["state"]), _optional(task.get("worker_id")),
                    _optional(task.get("trace")),
                )
                for task in status.get("tasks") or ()
            )  # fmt: skip
            type = _text(status.get("type") or info.get("type") or "unknown")
            state = _text(own.get("state") or "UNASSIGNED")
            worker, trace = _optional(own.get("worker_id")), _optional(own.get("trace"))
        except (AttributeError, KeyError, TypeError, ValueError):
            self._nonsense(f"connector {name}")
        return Connector(name, type, state, worker, trace, config, tasks)


def _path(name: str) -> str:
    return f"/connectors/{quote(name, safe='')}"


def _text(value: Any) -> str:
    return value if isinstance(value, str) else "" if value is None else str(value)


def _optional(value: Any) -> str | None:
    return None if value is None else _text(value) or None


def _without(words: str, config: Mapping[str, str]) -> str:
    """What Connect says of these configs, without the secrets of them that it repeats."""
    for name, value in config.items():
        if masked(name, value) == MASK:
            words = words.replace(value, MASK)
    return masked("", words)


def _said(answer: Any) -> str:
    """Connect's own words for an error; its secrets are masked."""
    words = answer.get("message") if isinstance(answer, dict) else None
    return masked("", _text(words))[:_MOST_TEXT]
