"""GROUP BY on Flink, with and without windows.

EMIT CHANGES is an ordinary aggregate over the window's start, which updates; EMIT FINAL is Flink's
own window, which gives its row once.  `nodes` calls both.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import pyarrow as pa

from kshell.catalog.model import TIME_COLUMNS, Kind, WindowType
from kshell.engines.flink.columns import KEY_BYTES, key_made
from kshell.engines.flink.expressions import NoEqual, expression, fill, named
from kshell.engines.flink.tables import Made
from kshell.engines.flink.types import interval, millis, quote, timestamp
from kshell.sql import plan
from kshell.sql.expressions import Call, Column, Expression, columns_of
from kshell.sql.functions import flink_of

__all__ = ["aggregate", "closed", "grouped", "timed"]

_START, _END = "`WINDOWSTART`", "`WINDOWEND`"
_NOTED = {
    "COLLECT_LIST": "COLLECT_LIST has no limit",
    "COLLECT_SET": "COLLECT_SET has no limit",
    "COUNT_DISTINCT": "COUNT_DISTINCT is exact above 1,024, where it is an estimate here",
    "LATEST_BY_OFFSET": "LATEST_BY_OFFSET across partitions is by arrival",
    "EARLIEST_BY_OFFSET": "EARLIEST_BY_OFFSET across partitions is by arrival",
}


def timed(node: plan.Node) -> bool:
    """Whether ROWTIME is still the time that Flink's watermarks are of."""
    match node:
        case plan.Scan():
            return True
        case plan.Filter() | plan.Project() | plan.Rekey() | plan.Explode():
            return timed(node.input)
        case plan.StreamTableJoin():
            return timed(node.left)
        case _:
            return False


def grouped(node: plan.Node) -> bool:
    """Whether a node's rows are groups, so that a key that is made comes with them."""
    match node:
        case plan.Filter() | plan.Project() | plan.Suppress():
            return grouped(node.input)
        case _:
            return isinstance(node, plan.Aggregate)


def _of(call: Call, made: Made) -> str:
    template = flink_of(call)
    if not template:
        raise NoEqual(f"{call.function} has no equal in Flink SQL", call.function)
    if call.function in _NOTED:
        made.note(_NOTED[call.function])
    return fill(template, call)


def _columns(node: plan.Aggregate, made: Made) -> dict[str, str]:
    columns = {name: _of(call, made) for name, call in node.aggregates}
    return columns | {"ROWTIME": f"MAX({timestamp('`ROWTIME`')})"}


def _grouped(group: Mapping[str, str]) -> str:
    """ksqlDB drops a row in whose key a column is NULL."""
    there = " AND ".join(f"{sql} IS NOT NULL" for sql in group.values())
    return f" WHERE {there}" if there else ""


def _varying(node: plan.Aggregate, by: Expression) -> str:
    """What rows are grouped by, so that Flink does not see where it is the same for all rows.

    It would group by nothing then, and delete a key before each update.
    """
    sql = expression(by)
    if columns_of(by) and not _filtered(node.input):
        return sql
    return f"CASE WHEN `ROWTIME` IS NOT NULL THEN {sql} END"


def _filtered(node: plan.Node) -> bool:
    return isinstance(node, plan.Filter) or any(map(_filtered, plan.children(node)))


def aggregate(node: plan.Aggregate, rows: str, made: Made) -> str:
    """GROUP BY whose results change."""
    group = {item.name: _varying(node, item.expression) for item in node.group}
    if node.window is None:
        columns = {**group, **_columns(node, made)}
        by = ", ".join(group.values())
        if made.keys_of is not None:
            by = key_made(made.keys_of, list(group.values()))
            columns |= {**_firsts(node, group), KEY_BYTES: by}
        return f"SELECT {named(columns)} FROM ({rows}){_grouped(group)} GROUP BY {by}"
    return _changing(node, group, rows, made)


def _firsts(node: plan.Aggregate, group: Mapping[str, str]) -> dict[str, str]:
    """The columns of a key by which rows are grouped as a whole: then no tombstones come between
    the updates of a key."""
    return {
        item.name: f"(MAX(CAST({sql} AS INT)) = 1)"
        if item.expression.type == pa.bool_()
        else f"MAX({sql})"
        for item, sql in zip(node.group, group.values(), strict=True)
    }


def _changing(node: plan.Aggregate, group: dict[str, str], rows: str, made: Made) -> str:
    window = node.window
    assert window is not None
    if window.type in (WindowType.SESSION, WindowType.SLIDING):
        raise NoEqual(
            f"{window.type.value} windows that change have no equal on Flink",
            window.type.value,
            "EMIT FINAL gives the session when it has closed" if window.type is WindowType.SESSION
            else "",
        )  # fmt: skip
    made.note("state of windows is kept until kshell.flink.state.ttl; it is not freed by itself")
    at, size = millis("I.`ROWTIME`"), window.size_ms
    step = window.advance_ms or size
    shift, hopping = "", ""
    if step != size:
        # A record is in several windows: one row for each, the oldest window first.
        back = range((size - 1) // step, -1, -1)
        shift = " - H.`BACK`"
        backs = ", ".join(f"CAST({n * step} AS BIGINT)" for n in back)
        hopping = f" CROSS JOIN UNNEST(ARRAY[{backs}]) AS H(`BACK`)"
    start = f"({at} - MOD({at}, {step}){shift})"
    where = [f"{start} + {size} > {at}", f"{start} >= 0"] if hopping else []
    if timed(node.input):
        # Beside the rows first: in the condition of a join, Flink cannot compute it.
        seen, grace = quote("KSQL_SEEN"), plan.grace_of(window)
        rows = f"SELECT *, {millis('CURRENT_WATERMARK(`ROWTIME`)')} AS {seen} FROM ({rows})"
        where.append(f"({seen} IS NULL OR {seen} + 1 < {start} + {size + grace})")
    placed = (
        f"SELECT I.*, TO_TIMESTAMP_LTZ({start}, 3) AS {_START},"
        f" TO_TIMESTAMP_LTZ({start} + {size}, 3) AS {_END}"
        f" FROM ({rows}) AS I{hopping}{' WHERE ' + ' AND '.join(where) if where else ''}"
    )
    columns = _columns(node, made)
    if made.keys_of is None:
        columns = {**group, **columns, "WINDOWSTART": _START, "WINDOWEND": _END}
        by = ", ".join([*group.values(), _START, _END])
    else:
        bytes_ = key_made(made.keys_of, list(group.values()), _START)
        times = {"WINDOWSTART": f"MAX({_START})", "WINDOWEND": f"MAX({_END})"}
        columns = {**_firsts(node, group), **columns, **times, KEY_BYTES: bytes_}
        by = bytes_
    return f"SELECT {named(columns)} FROM ({placed}){_grouped(group)} GROUP BY {by}"


def _moved(node: plan.Aggregate, given: dict[str, str]) -> Iterator[tuple[str, Call]]:
    """The aggregates over columns that hold their arguments, which are added to those given."""
    for name, call in node.aggregates:
        args: list[Expression] = []
        for arg in call.args:
            if columns_of(arg):
                column = f"KSQL_ARG_{len(given)}"
                given[column] = expression(arg)
                args.append(Column(column, arg.type))
            else:
                args.append(arg)
        yield name, replace(call, args=tuple(args))


def closed(node: plan.Aggregate, rows: str, made: Made) -> str:
    """GROUP BY of EMIT FINAL: Flink's window over a view, since it wants the rows by a name."""
    window = node.window
    assert window is not None
    if not timed(node.input) or node.input.output.kind is Kind.TABLE:
        raise NoEqual("EMIT FINAL over a join of streams has no equal on Flink", "FINAL",
                      "write the join to a topic first, and group that")  # fmt: skip
    group = {item.name: expression(item.expression) for item in node.group}
    # Under names of their own: Flink adds window_start and others to the columns that it is given.
    given = {f"KSQL_GROUP_{n}": sql for n, sql in enumerate(group.values())}
    keys = [quote(name) for name in given]
    node = replace(node, aggregates=tuple(_moved(node, given)))
    given[TIME_COLUMNS[0]] = quote(TIME_COLUMNS[0])
    view = made.view(f"SELECT {named(given)} FROM ({rows}){_grouped(group)}")
    on = f"DESCRIPTOR({quote(TIME_COLUMNS[0])})"
    size = interval(window.size_ms)
    end = "window_end"
    match window.type:
        case WindowType.TUMBLING:
            placed = f"TUMBLE(TABLE {view}, {on}, {size})"
        case WindowType.HOPPING:
            placed = f"HOP(TABLE {view}, {on}, {interval(window.advance_ms or 1)}, {size})"
        case WindowType.SESSION:
            placed = f"SESSION(TABLE {view} PARTITION BY ({', '.join(keys)}), {on}, {size})"
            end = f"window_end - {size}"  # ksqlDB's session ends with its last record
        case _:
            raise NoEqual("SLIDING windows have no equal on Flink", "SLIDING")
    columns = _columns(node, made)
    columns |= {"WINDOWSTART": timestamp("window_start"), "WINDOWEND": timestamp(end)}
    by = ", ".join([*keys, "window_start", "window_end"])
    result = f"SELECT {', '.join(keys)}, {named(columns)} FROM TABLE({placed}) GROUP BY {by}"
    columns = {**dict(zip(group, keys, strict=True)), **{name: quote(name) for name in columns}}
    result = f"SELECT {named(columns)} FROM ({result})"
    if made.keys_of is None:
        return result
    ends = _END if window.type is WindowType.SESSION else ""
    bytes_ = key_made(made.keys_of, [quote(name) for name in group], _START, ends)
    return f"SELECT *, {bytes_} AS {quote(KEY_BYTES)} FROM ({result})"
