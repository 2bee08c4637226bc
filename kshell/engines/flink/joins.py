"""Joins on Flink.

A table that a stream looks up is read as a history of its topic: Flink's own way takes a deletion
for older than it is, and would give wrong rows without a word.  `nodes` calls all four.
"""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa

from kshell.engines.flink.expressions import NoEqual, expression, named
from kshell.engines.flink.tables import Made
from kshell.engines.flink.types import flink_type, interval, quote, text, timestamp
from kshell.engines.flink.windows import timed
from kshell.sql import plan
from kshell.types import parts

__all__ = ["foreign_key_join", "stream_join", "stream_table_join", "table_join"]

Select = Callable[[plan.Node, Made], str]
_HOW = {"INNER": "JOIN", "LEFT": "LEFT JOIN", "RIGHT": "RIGHT JOIN", "FULL": "FULL OUTER JOIN"}
_LATER = (
    "CASE WHEN L.`ROWTIME` IS NULL OR R.`ROWTIME` > L.`ROWTIME`"
    f" THEN {timestamp('R.`ROWTIME`')} ELSE {timestamp('L.`ROWTIME`')} END"
)


def _keys(node: plan.StreamJoin | plan.StreamTableJoin | plan.TableJoin) -> tuple[str, str]:
    """The condition on the keys, and the result's key."""
    left, right = ([c.name for c in side.output.key] for side in (node.left, node.right))
    on = " AND ".join(
        f"L.{quote(a)} = R.{quote(b)}" for a, b in zip(left, right, strict=True)
    )
    match node.kind:
        case plan.JoinKind.FULL:
            pairs = zip(left, right, strict=True)
            key = [f"COALESCE(L.{quote(a)}, R.{quote(b)})" for a, b in pairs]
        case plan.JoinKind.RIGHT:
            key = [f"R.{quote(b)}" for b in right]
        case _:
            key = [f"L.{quote(a)}" for a in left]
    names = (c.name for c in node.output.key)
    return on, ", ".join(f"{sql} AS {quote(name)}" for name, sql in zip(names, key, strict=True))


def _values(node: plan.Node, left: plan.Node) -> dict[str, str]:
    of_left = {c.name for c in (*left.output.key, *left.output.value)}
    return {
        c.name: f"{'L' if c.name in of_left else 'R'}.{quote(c.name)}" for c in node.output.value
    }


def _unwindowed(*sides: plan.Node) -> None:
    if any(side.output.window is not None for side in sides):
        raise NoEqual("a join of windowed rows has no equal on Flink", "JOIN")


def stream_join(node: plan.StreamJoin, rows: str, made: Made, select: Select) -> str:
    """Two streams WITHIN a time."""
    _unwindowed(node.left, node.right)
    if not (timed(node.left) and timed(node.right)):
        raise NoEqual("a stream that is a join of streams cannot be joined on Flink", "JOIN",
                      "write the first join to a topic, and join that")  # fmt: skip
    if node.kind is not plan.JoinKind.INNER and node.grace_ms is None:
        raise NoEqual(
            f"a {node.kind.value} join of streams without GRACE PERIOD has no equal on Flink",
            "WITHIN", "with GRACE PERIOD a row without a match comes once, when it is certain",
        )  # fmt: skip
    if node.kind is not plan.JoinKind.INNER:
        made.note("rows without a match may come in another order")
    on, key = _keys(node)
    near = (
        f"R.`ROWTIME` BETWEEN L.`ROWTIME` - {interval(node.before_ms)}"
        f" AND L.`ROWTIME` + {interval(node.after_ms)}"
    )
    values = named({**_values(node, node.left), "ROWTIME": _LATER})
    return (
        f"SELECT {key}, {values} FROM ({rows}) AS L {_HOW[node.kind.value]}"
        f" ({select(node.right, made)}) AS R ON {on} AND {near}"
    )


def stream_table_join(
    node: plan.StreamTableJoin, rows: str, made: Made, select: Select
) -> str:
    """A stream with the table's row of that time."""
    _unwindowed(node.left, node.right)
    if not timed(node.left):
        raise NoEqual("a table cannot be joined to a join of streams on Flink", "JOIN",
                      "write the first join to a topic, and join that")  # fmt: skip
    if not isinstance(node.right, plan.Scan) or node.right.source.value_format.name != "JSON":
        raise NoEqual("a stream joins on Flink only tables that are declared over JSON", "JOIN",
                      "CREATE TABLE … AS SELECT writes the table to a topic")  # fmt: skip
    made.note("table rows out of order: the latest by time counts, not the last to arrive")
    view = _history(node.right, made)
    on, key = _keys(node)
    values = named({**_values(node, node.left), "ROWTIME": "L.`ROWTIME`"})
    there = " WHERE R.`KSQL_VALUE` IS NOT NULL" if node.kind is plan.JoinKind.INNER else ""
    return (
        f"SELECT {key}, {values} FROM ({rows}) AS L {_HOW[node.kind.value]} {view}"
        f" FOR SYSTEM_TIME AS OF L.`ROWTIME` AS R ON {on}{there}"
    )


def _history(scan: plan.Scan, made: Made) -> str:
    """A view with a table's rows at each time: of each key the newest record, deletions too."""
    source, raw = scan.source, made.read_raw(scan.source)
    seen = made.spelling(source)
    wanted = dict(scan.columns)
    columns: dict[str, str] = {}
    keys = [c.name for c in source.key]
    types = {c.name: c.type for c in source.value}
    for column in (*scan.output.key, *scan.output.value):
        name = wanted.get(column.name, column.name)
        if name in keys:
            columns[column.name] = quote(name)
            continue
        if name not in types:
            raise NoEqual(f"{name} of a table that is looked up has no equal on Flink", name)
        type = types[name]
        if parts(type) or pa.types.is_binary(type) or pa.types.is_temporal(type):
            raise NoEqual(
                f"{name}: a joined table's column of this type has no equal on Flink", name
            )
        there = next((n for n in seen if n.casefold() == name.casefold()), name)
        escaped = there.replace("\\", "\\\\").replace("'", "\\'")
        path = text(f"$['{escaped}']")
        field = f"JSON_VALUE(`KSQL_VALUE`, {path})"
        typed = field if type == pa.string() else f"TRY_CAST({field} AS {flink_type(type)})"
        columns[column.name] = typed
    passed = {"KSQL_VALUE": "`KSQL_VALUE`", "ROWTIME": "`ROWTIME`"}
    keyed = named({**{name: raw.columns[name].value for name in keys}, **passed})
    newest = (
        f"SELECT *, ROW_NUMBER() OVER (PARTITION BY {', '.join(map(quote, keys))}"
        f" ORDER BY `ROWTIME` DESC) AS `KSQL_NTH` FROM (SELECT {keyed} FROM {raw.name})"
    )
    return made.view(
        f"SELECT {named({**columns, **passed})} FROM ({newest}) WHERE `KSQL_NTH` = 1"
    )


def table_join(node: plan.TableJoin, rows: str, made: Made, select: Select) -> str:
    """Two tables on their primary keys."""
    _unwindowed(node.left, node.right)
    made.note("a join of tables may show more or fewer rows on the way to the same result")
    on, key = _keys(node)
    values = named({**_values(node, node.left), "ROWTIME": _LATER})
    return (
        f"SELECT {key}, {values} FROM ({rows}) AS L {_HOW[node.kind.value]}"
        f" ({select(node.right, made)}) AS R ON {on}"
    )


def foreign_key_join(node: plan.ForeignKeyJoin, rows: str, made: Made, select: Select) -> str:
    """Two tables on an expression of the left one."""
    _unwindowed(node.left, node.right)
    made.note("a join of tables may show more or fewer rows on the way to the same result")
    (right,) = [c.name for c in node.right.output.key]
    keys = zip(node.output.key, node.left.output.key, strict=True)
    key = ", ".join(f"L.{quote(k.name)} AS {quote(o.name)}" for o, k in keys)
    values = named({**_values(node, node.left), "ROWTIME": _LATER})
    foreign = "KSQL_FOREIGN_KEY"
    left = f"SELECT *, {expression(node.foreign_key)} AS {quote(foreign)} FROM ({rows})"
    return (
        f"SELECT {key}, {values} FROM ({left}) AS L {_HOW[node.kind.value]}"
        f" ({select(node.right, made)}) AS R ON L.{quote(foreign)} = R.{quote(right)}"
    )
