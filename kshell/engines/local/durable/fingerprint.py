"""What a query's state depends on, as data: a changed query may keep its state where this is equal.

`query` writes it to the header of the state topic and `application` compares.  Filters, the
projection above all state, and formats are not part of it.
"""

from __future__ import annotations

import hashlib
import inspect
import operator
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from importlib import import_module
from types import MappingProxyType
from typing import Any

from kshell.catalog.model import Kind
from kshell.engines.local.durable.states import renamed, states
from kshell.errors import BindError
from kshell.sql import plan
from kshell.sql.clauses import WindowClause
from kshell.sql.expressions import (
    Call,
    Case,
    Cast,
    Column,
    Expression,
    Field,
    Lambda,
    Literal,
    MakeStruct,
    Variable,
)
from kshell.stream.graph import Graph

__all__ = ["check_upgrade", "fingerprint"]

Print = list[dict[str, Any]]


def fingerprint(sink: plan.Sink, graph: Graph) -> Print:
    """A row for each scan and each step that has state, from the sink down."""
    rows = [_row(node) for node in _relevant(sink)]
    rows.append({"step": "Sink", "topic": sink.target.topic, "kind": sink.target.kind.value})
    for part, entries in renamed(graph.snapshot(), states(graph)).items():
        columns = [
            f"{f.name} {f.type}" for s in (entries.keys.schema, entries.values.schema) for f in s
        ]
        rows.append({"step": part, "columns": columns})
    return rows


def check_upgrade(
    query: str, old: Sequence[Mapping[str, Any]], new: Sequence[Mapping[str, Any]]
) -> None:
    """BindError with what differs, unless the state can be kept."""
    old = [_in_words(row) for row in old]
    for before, after in zip([*old, *[{}] * len(new)], [*new, *[{}] * len(old)], strict=True):
        if dict(before) == dict(after):
            continue
        step = before.get("step") or after.get("step")
        if before.get("step") == after.get("step"):
            keys = [k for k in before if before[k] != after.get(k)]
            what = "; ".join(f"{k} {_said(before[k])}, now {_said(after.get(k))}" for k in keys)
        else:
            what = f"{_said(before.get('step'))} was there, now {_said(after.get('step'))}"
        raise BindError(
            f"query {query} cannot go on with its state: {step}: {what}",
            hint=f"--reset {query} forgets the state and reads the inputs anew: outputs that were"
            " written before are written again; or give the application another name",
        )


_OLD_WINDOW = re.compile(r"WindowClause\(type=<[^:]*: '(\w+)'>, (.*)\)")


def _in_words(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """A row as it is made now; the first versions wrote a window as Python shows it."""
    old = _OLD_WINDOW.fullmatch(str(row.get("window")))
    if old is None:
        return row
    parts = [part.partition("=") for part in old[2].split(", ")]
    return {**row, "window": _named_window(old[1], {n: v for n, _, v in parts if v != "None"})}


def _window(window: WindowClause) -> str:
    fields = {k: v for k, v in asdict(window).items() if k != "type" and v is not None}
    return _named_window(window.type.value, fields)


def _named_window(kind: str, fields: Mapping[str, Any]) -> str:
    return f"{kind} ({', '.join(f'{_WORDS[n]} {v} ms' for n, v in fields.items())})"


_WORDS = {
    "size_ms": "size", "advance_ms": "advance by", "retention_ms": "retention",
    "grace_ms": "grace period",
}  # fmt: skip


def _said(value: Any) -> str:
    if isinstance(value, list):
        return f"({', '.join(map(str, value))})"
    return "nothing" if value is None else str(value)


def _relevant(node: plan.Node, below: bool = False) -> Iterator[plan.Node]:
    """Scans, what has state, and what makes keys and columns below that."""
    kept = isinstance(node, _STATEFUL)
    if kept or isinstance(node, plan.Scan) or (below and isinstance(node, _SHAPING)):
        yield node
    for child in plan.children(node):
        yield from _relevant(child, below or kept)


_STATEFUL = (
    plan.Aggregate, plan.Suppress, plan.StreamJoin, plan.StreamTableJoin, plan.TableJoin,
    plan.ForeignKeyJoin,
)  # fmt: skip
_SHAPING = (plan.Project, plan.Rekey, plan.Explode)


def _named(parts: Sequence[plan.Named]) -> list[str]:
    return [f"{text(p.expression)} AS {p.name}" for p in parts]


def _join(node: Any) -> dict[str, Any]:
    return {"kind": node.kind.value}


_ROWS: Mapping[type[Any], Callable[[Any], dict[str, Any]]] = MappingProxyType(
    {
        plan.Scan: lambda n: {
            "topic": n.source.topic,
            "kind": n.source.kind.value,
            "timestamp": n.source.timestamp_column and str(n.source.timestamp_column),
        },
        plan.Project: lambda n: {"columns": _named([*n.key, *n.value])},
        plan.Rekey: lambda n: {"key": _named(n.key)},
        plan.Explode: lambda n: {"functions": _named(n.functions)},
        plan.Aggregate: lambda n: {
            "of": "TABLE" if n.input.output.kind is Kind.TABLE else "STREAM",
            "group by": _named(n.group),
            "aggregates": [text(call) for _, call in n.aggregates],
            "window": n.window and _window(n.window),
        },
        plan.StreamJoin: lambda n: {
            **_join(n), "within": [n.before_ms, n.after_ms], "grace": n.grace_ms,
        },
        plan.StreamTableJoin: _join,
        plan.TableJoin: _join,
        plan.ForeignKeyJoin: lambda n: {**_join(n), "on": text(n.foreign_key)},
        plan.Suppress: lambda n: {},
    }
)  # fmt: skip


def _row(node: plan.Node) -> dict[str, Any]:
    return {"step": type(node).__name__, **_ROWS[type(node)](node)}


def text(expression: Expression) -> str:
    """An expression, the same in each process; a user's function with its source."""
    match expression:
        case Column() | Variable():
            return expression.name
        case Literal():
            return repr(expression.value)
        case Call():
            own = f"{{{_source(expression.variant)}}}" if expression.variant[:3] == "py:" else ""
            return f"{expression.function}{own}({', '.join(map(text, expression.args))})"
        case Cast():
            return f"CAST({text(expression.operand)} AS {expression.type})"
        case Field():
            return f"{text(expression.operand)}->{expression.name}"
        case MakeStruct():
            return f"STRUCT({', '.join(map(text, expression.values))})"
        case Lambda():
            return f"({', '.join(expression.params)}) => {text(expression.body)}"
        case Case():
            whens = [f"WHEN {text(a)} THEN {text(b)}" for a, b in expression.whens]
            default = [] if expression.default is None else [f"ELSE {text(expression.default)}"]
            return f"CASE {' '.join([*whens, *default])} END"


def _source(variant: str) -> str:
    """A hash of the text of a user's function."""
    _, module, name = variant.split(":")
    function = operator.attrgetter(name)(import_module(module))
    try:
        written = inspect.getsource(function)
    except OSError:
        return ""
    return hashlib.sha256(written.encode()).hexdigest()[:16]
