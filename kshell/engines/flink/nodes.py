"""A continuous plan as one Flink SELECT: a function for each node.

`render` calls `select`.  Each node's SELECT has the columns of its output by their names, then
WINDOWSTART and WINDOWEND if its key is windowed, then ROWTIME, all three TIMESTAMP_LTZ(3).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pyarrow as pa

from kshell.catalog.model import TIME_COLUMNS, Column, Kind
from kshell.engines.flink import joins, windows
from kshell.engines.flink.columns import KEY_BYTES, has_made_key, key_made
from kshell.engines.flink.expressions import NoEqual, expression, named
from kshell.engines.flink.tables import Made
from kshell.engines.flink.types import flink_type, millis, quote, text, timestamp
from kshell.sql import plan
from kshell.sql.expressions import Call

__all__ = ["answer", "insert", "select"]


def select(node: plan.Node, made: Made) -> str:
    """The SELECT of a node; raises NoEqual where Flink has no equal."""
    return _NODES[type(node)](node, made)


def _passed(node: plan.Node, made: Made) -> dict[str, str]:
    """The columns that go with every row, by name."""
    names = list(TIME_COLUMNS[1:]) if node.output.window is not None else []
    if made.keys_of is not None and windows.grouped(node):
        names.append(KEY_BYTES)
    return {name: quote(name) for name in (*names, TIME_COLUMNS[0])}


def _scan(node: plan.Scan, made: Made) -> str:
    source = node.source
    if source.system or source.file is not None or not source.topic:
        raise NoEqual(f"{source.name} is in this process, not in a topic: Flink cannot read it",
                      source.name)  # fmt: skip
    wanted = dict(node.columns)
    names = [c.name for c in (*node.output.key, *node.output.value)]
    own = {wanted.get(name, name) for name in names}
    table = made.read(source, [c.name for c in source.value if c.name in own])
    headers = {h.name: h.key for h in source.headers}

    def column(name: str) -> str:
        if name in table.columns:
            return table.columns[name].value
        if name in TIME_COLUMNS:
            return millis(quote(name))
        if name in headers and headers[name] is not None:
            return f"`KSQL_HEADERS`[{text(headers[name] or '')}]"
        if name in ("ROWPARTITION", "ROWOFFSET"):
            return quote(name)
        if name == "ROWKEY" and len(source.key) == 1:
            return table.columns[source.key[0].name].value
        raise NoEqual(f"{name} has no equal on Flink", name)

    columns = {name: column(wanted.get(name, name)) for name in names}
    return f"SELECT {named({**columns, **_passed(node, made)})} FROM {table.name}"


def _filter(node: plan.Filter, made: Made) -> str:
    predicate = expression(node.predicate)
    return f"SELECT * FROM ({select(node.input, made)}) WHERE {predicate}"


def _project(node: plan.Project, made: Made) -> str:
    columns = {item.name: expression(item.expression) for item in (*node.key, *node.value)}
    columns |= _passed(node, made)
    return f"SELECT {named(columns)} FROM ({select(node.input, made)})"


def _rekey(node: plan.Rekey, made: Made) -> str:
    columns = {c.name: quote(c.name) for c in node.output.value}
    columns = {item.name: expression(item.expression) for item in node.key} | columns
    columns |= _passed(node, made)
    return f"SELECT {named(columns)} FROM ({select(node.input, made)})"


def _explode(node: plan.Explode, made: Made) -> str:
    if len(node.functions) > 1:
        raise NoEqual("several table functions in one SELECT have no equal on Flink", "EXPLODE")
    (item,) = node.functions
    call = item.expression
    assert isinstance(call, Call)
    if call.function != "EXPLODE":
        raise NoEqual(f"{call.function} has no equal in Flink SQL", call.function)
    array, name, element = expression(call.args[0]), quote(item.name), ""
    fields = [name]
    if pa.types.is_struct(call.type):  # Flink makes a column of each of its fields
        made.note("EXPLODE leaves out a STRUCT that is NULL")
        fields = [quote(f"KSQL_FIELD_{n}") for n in range(call.type.num_fields)]
        values = ", ".join(f"E.{field}" for field in fields)
        element = f"CAST(ROW({values}) AS {flink_type(call.type)}) AS "
    return (
        f"SELECT I.*, {element or 'E.'}{name} FROM ({select(node.input, made)}) AS I"
        f" CROSS JOIN UNNEST({array}) AS E({', '.join(fields)})"
    )


def _aggregate(node: plan.Aggregate, made: Made) -> str:
    if node.output.kind is Kind.TABLE and node.input.output.kind is Kind.TABLE:
        made.note("a group that all rows have left is deleted, where ksqlDB keeps it")
    return windows.aggregate(node, select(node.input, made), made)


def _suppress(node: plan.Suppress, made: Made) -> str:
    return windows.closed(node.input, select(node.input.input, made), made)


def _joined(render: Callable[..., str]) -> Callable[[Any, Made], str]:
    def made_of(node: Any, made: Made) -> str:
        return render(node, select(node.left, made), made, select)

    return made_of


_NODES: Mapping[type, Callable[[Any, Made], str]] = {
    plan.Scan: _scan,
    plan.Filter: _filter,
    plan.Project: _project,
    plan.Rekey: _rekey,
    plan.Explode: _explode,
    plan.Aggregate: _aggregate,
    plan.Suppress: _suppress,
    plan.StreamJoin: _joined(joins.stream_join),
    plan.StreamTableJoin: _joined(joins.stream_table_join),
    plan.TableJoin: _joined(joins.table_join),
    plan.ForeignKeyJoin: _joined(joins.foreign_key_join),
}


def answer(node: plan.Answer, made: Made) -> str:
    """The SELECT of a query without a sink, whose columns are numbered: C0 is the first."""
    columns = {
        f"C{n}": millis(quote(name)) if name in TIME_COLUMNS else quote(name)
        for n, (_, name) in enumerate(node.columns)
    }
    return f"SELECT {named(columns)} FROM ({select(node.input, made)})"


def insert(node: plan.Sink, made: Made) -> str:
    """The INSERT INTO of a query with a sink."""
    target = node.target
    made.keys_of = target if has_made_key(target) else None
    rows = select(node.input, made)
    table = made.write(target)
    given = node.input.output
    columns: list[str] = []
    if made.keys_of is None:
        columns += _written(target.key, given.key, table.columns)
    elif windows.grouped(node.input):
        columns.append(quote(KEY_BYTES))
    else:
        columns.append(key_made(target, [quote(c.name) for c in given.key]))
        if target.kind is Kind.TABLE:
            made.note("a key may be deleted and written again where KSQL writes it once")
    columns += _written(target.value, given.value, table.columns)
    return f"INSERT INTO {table.name} SELECT {', '.join([*columns, _time(node)])} FROM ({rows})"


def _written(
    target: tuple[Column, ...], given: tuple[Column, ...], stored: Mapping[str, Any]
) -> list[str]:
    pairs = zip(target, given, strict=True)
    return [stored[t.name].written.replace("{0}", quote(g.name)) for t, g in pairs]


def _time(node: plan.Sink) -> str:
    """The time of the records: ROWTIME, or the column that the target names."""
    target, given = node.target, node.input.output
    if not target.timestamp_column:
        return timestamp("`ROWTIME`")
    if target.timestamp_format:
        raise NoEqual("TIMESTAMP_FORMAT has no equal on Flink", "TIMESTAMP_FORMAT")
    pairs = zip((*target.key, *target.value), (*given.key, *given.value), strict=True)
    (name, type) = next((g.name, g.type) for t, g in pairs if t.name == target.timestamp_column)
    value = quote(name)
    return value if "timestamp" in str(type) else f"TO_TIMESTAMP_LTZ({value}, 3)"
