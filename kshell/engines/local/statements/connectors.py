"""Connectors of Kafka Connect: shown with their tasks, and plans to make, end and control them.

`engine` and `show` dispatch here.  No plan, no answer and no error has a connector's secrets.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from kshell.config import Properties
from kshell.engines.local.sources.system.connect import connect_of
from kshell.engines.local.statements.proposals import planned, remark
from kshell.errors import BindError, UnknownName
from kshell.kafka.connect import FAILED, Connect, Connector, Plugin, masked
from kshell.results import Answer, Message, Notice, Proposal, Rows, Sections, titled
from kshell.sql.clauses import Name
from kshell.sql.services import (
    ConnectorAction,
    ControlConnector,
    CreateConnector,
    DescribeConnector,
    DropConnector,
)

if TYPE_CHECKING:
    from kshell.engines.local.context import Context

__all__ = ["control_connector", "create_connector", "describe_connector", "drop_connector",
           "show_plugins"]  # fmt: skip

_CLASS, _NAME = "connector.class", "name"
_PARTS = ("source", "sink")  # types of plugins that are connectors
_SETTLED = frozenset({"RUNNING", "PAUSED", "STOPPED", FAILED})
_SETTLES = 3.0  # seconds that a new connector is watched for, at most
_LOOK = 0.15  # seconds between two looks at it
_MOST_LINES = 60  # of a trace
_STATES = {ConnectorAction.PAUSE: "PAUSED", ConnectorAction.RESUME: "RUNNING"}
_DONE = {ConnectorAction.PAUSE: "paused", ConnectorAction.RESUME: "resumed",
         ConnectorAction.RESTART: "restarted"}  # fmt: skip


def show_plugins(properties: Properties) -> Rows:
    """SHOW PLUGINS: connectors first."""
    found = connect_of(properties).plugins()
    found.sort(key=lambda p: (p.type not in _PARTS, p.type, p.name))
    columns: dict[str, list[Any]] = {
        "plugin": [p.name for p in found],
        "type": [p.type or None for p in found],
        "version": [p.version for p in found],
    }
    return titled("", columns, dict.fromkeys(columns, pa.string()))


def describe_connector(
    context: Context, statement: DescribeConnector, properties: Properties
) -> Answer:
    """DESCRIBE CONNECTOR: its tasks, its configs without secrets, the traces of what has failed."""
    connect = connect_of(properties)
    found = _known(connect, statement.name)
    plugin = found.config.get(_CLASS, "")
    where = f" at {found.worker}" if found.worker else ""
    text = f"Connector {found.name}: {found.type}, {found.state}{where}."
    topics = connect.topics(found.name)
    if topics:
        text += f" Its topics: {', '.join(topics)}."
    tasks: dict[str, list[Any]] = {
        "task": [t.id for t in found.tasks],
        "state": [t.state for t in found.tasks],
        "worker": [t.worker for t in found.tasks],
    }
    types = {"task": pa.int32(), "state": pa.string(), "worker": pa.string()}
    shown = _shown(found.config, connect.secrets(plugin) if plugin else ())
    configs = {"name": list(shown), "value": list(shown.values())}
    traces = [(f"Task {t.id}", t.trace) for t in found.tasks if t.trace]
    if found.trace:
        traces.insert(0, (f"Connector {found.name}", found.trace))
    return Sections(
        (
            Message(text),
            titled("Tasks", tasks, types),
            titled("Configs", configs, dict.fromkeys(configs, pa.string())),
            *(Message(f"{what} has failed:\n{_cut(trace)}") for what, trace in traces),
        )
    )


def _cut(trace: str) -> str:
    """A trace's first lines; its secrets are masked."""
    lines = [line.replace("\t", "    ") for line in trace.splitlines()]
    more = len(lines) - _MOST_LINES
    kept = lines[:_MOST_LINES] + ([f"… and {more:,} more lines"] if more > 0 else [])
    return masked("", "\n".join(kept))


def _shown(configs: Mapping[str, str], secrets: Collection[str] = ()) -> dict[str, str]:
    return {n: masked(n, value, n in secrets) for n, value in sorted(configs.items())}


def _known(connect: Connect, name: Name) -> Connector:
    """The connector of that name; raises UnknownName at its place."""
    found = connect.connector(name.text)
    if found is None:
        known = [c.name for c in connect.connectors()]
        raise UnknownName("connector", name.text, known, place=name.place)
    return found


def create_connector(
    context: Context, statement: CreateConnector, properties: Properties
) -> Answer | Proposal:
    """CREATE SOURCE | SINK CONNECTOR; raises BindError, UnknownName, ConnectError."""
    connect, name = connect_of(properties), statement.name
    config = {key.text: str(value) for key, value in statement.configs}
    connect.check_secrets(config)
    if connect.connector(name.text) is not None:
        if statement.if_not_exists:
            return Message(f"Connector {name.text} exists already.")
        raise BindError(
            f"connector {name.text} exists already", place=name.place,
            hint="CREATE … CONNECTOR IF NOT EXISTS leaves it as it is",
        )  # fmt: skip
    plugin = _plugin(connect, statement)
    _check(connect, statement, config)

    def apply() -> Answer:
        connect.create(name.text, config)
        return Message(f"Connector {name.text} is created.", _failures(connect, name.text))

    title = f"Create {statement.type} connector {name.text}"
    shown = _shown(config, connect.secrets(plugin.name))
    steps = [("connector", None, name.text), *((n, None, value) for n, value in shown.items())]
    return Proposal(f"{title}?", planned(title, steps), apply)


def _plugin(connect: Connect, statement: CreateConnector) -> Plugin:
    """The class that the configs name: whole, or as Connect too takes it, by its last part."""
    key, value = next(
        ((key, str(v)) for key, v in statement.configs if key.text == _CLASS), (None, "")
    )
    if key is None:
        raise BindError(
            f"a connector has a {_CLASS}", hint="SHOW PLUGINS lists them",
            place=statement.name.place,
        )  # fmt: skip
    plugins = [p for p in connect.plugins() if p.type in _PARTS]
    found = next((p for p in plugins if value in _names(p)), None)
    if found is None:
        names = [n for p in plugins for n in _names(p)]
        error = UnknownName("plugin", value, names, place=key.place)
        error.hint = error.hint or "SHOW PLUGINS lists them"
        raise error
    if found.type != statement.type:
        raise BindError(
            f"{found.name} is a {found.type} connector",
            hint=f"CREATE {found.type.upper()} CONNECTOR", place=key.place,
        )  # fmt: skip
    return found


def _names(plugin: Plugin) -> tuple[str, str, str]:
    last = plugin.name.rpartition(".")[2]
    return plugin.name, last, last.removesuffix("Connector")


def _check(
    connect: Connect, statement: CreateConnector, config: Mapping[str, str]
) -> None:
    """Raise BindError, at the config, for what Connect has against it."""
    places = {key.text: key.place for key, _ in statement.configs}
    given = config.get(_NAME, statement.name.text)
    if given != statement.name.text:
        raise BindError(
            f"the connector is named {statement.name.text}, and its config name is {given}",
            place=places[_NAME],
        )
    flaws = connect.flaws(config[_CLASS], {**config, _NAME: given})
    if flaws:
        first, why = flaws[0]
        more = "".join(f"; {name}: {other}" for name, other in flaws[1:])
        place = places.get(first, statement.name.place)
        raise BindError(f"{first}: {why}{more}", place=place)


def _failures(connect: Connect, name: str) -> tuple[Notice, ...]:
    """What has failed of a connector that starts, which is watched until its tasks run."""
    deadline = time.monotonic() + _SETTLES
    while True:
        time.sleep(_LOOK)
        found = connect.connector(name)
        states = [] if found is None else [found.state, *(t.state for t in found.tasks)]
        settled = len(states) > 1 and _SETTLED.issuperset(states)
        if settled or FAILED in states or time.monotonic() > deadline:
            break
    if found is None:
        return ()
    failed = [("it", found.trace if found.state == FAILED else None)]
    failed += [(f"task {t.id}", t.trace) for t in found.tasks if t.state == FAILED]
    return tuple(
        remark(f"{what} has failed: {masked('', trace.splitlines()[0])}")
        for what, trace in failed if trace
    )  # fmt: skip


def drop_connector(
    context: Context, statement: DropConnector, properties: Properties
) -> Answer | Proposal:
    """DROP CONNECTOR [IF EXISTS]; raises UnknownName, ConnectError."""
    connect, name = connect_of(properties), statement.name.text
    if statement.if_exists and connect.connector(name) is None:
        return Message(f"Connector {name} does not exist.")
    found = _known(connect, statement.name)

    def apply() -> Answer:
        connect.delete(name)
        _wait(context, connect, name, lambda now: now is None)
        return Message(f"Connector {name} is deleted.")

    title = f"Delete connector {name}"
    steps = [(f"{found.type} connector", f"{name}, {found.state}", None)]
    keeps = "its topics and their records stay"
    if found.type == "sink":
        keeps = f"the offsets of its group connect-{name} stay"
    return Proposal(f"{title}?", planned(title, steps), apply, (remark(keeps),))


def control_connector(
    context: Context, statement: ControlConnector, properties: Properties
) -> Answer | Proposal:
    """PAUSE, RESUME, RESTART CONNECTOR; raises UnknownName, BindError, ConnectError."""
    connect, name, action = connect_of(properties), statement.name.text, statement.action
    found = _known(connect, statement.name)
    task = statement.task
    if task is not None and task.value not in [t.id for t in found.tasks]:
        known = ", ".join(str(t.id) for t in found.tasks) or "none"
        raise BindError(
            f"connector {name} has no task {task.value}", hint=f"its tasks: {known}",
            place=task.place,
        )  # fmt: skip
    if found.state == _STATES.get(action):
        return Message(f"Connector {name} is {found.state} already.")
    after = _STATES.get(action, "restarted")
    parts = [(f"task {t.id}", t.state) for t in found.tasks if task is None or task.value == t.id]
    if task is None:
        parts.insert(0, (f"connector {name}", found.state))

    def apply() -> Answer:
        match action:
            case ConnectorAction.PAUSE:
                connect.pause(name)
            case ConnectorAction.RESUME:
                connect.resume(name)
            case ConnectorAction.RESTART if task is not None:
                connect.restart_task(name, task.value)
            case ConnectorAction.RESTART:
                connect.restart(name)
        if (wanted := _STATES.get(action)) is not None:
            _wait(context, connect, name, lambda now: now is not None and now.state == wanted)
            notices: tuple[Notice, ...] = ()
        else:
            notices = _failures(connect, name)
        what = f"Task {task.value} of connector {name}" if task else f"Connector {name}"
        return Message(f"{what} is {_DONE[action]}.", notices)

    title = f"{action.value.capitalize()} connector {name}"
    steps = [(what, state, after) for what, state in parts]
    return Proposal(f"{title}?", planned(title, steps), apply)


def _wait(
    context: Context,
    connect: Connect,
    name: str,
    changed: Callable[[Connector | None], bool],
) -> None:
    context.wait_for(f"connector {name}", lambda: changed(connect.connector(name)))
