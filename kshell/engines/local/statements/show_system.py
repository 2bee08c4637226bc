"""SHOW of the cluster's state and DESCRIBE GROUP: SELECTs over system tables; `show` and `engine`
dispatch here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pyarrow as pa

from kshell.config import Properties
from kshell.engines.local.sources.system.tables import TABLES, SystemTable
from kshell.engines.local.statements.select import select
from kshell.errors import UnknownName
from kshell.kafka.groups import listed
from kshell.results import Answer, Message, Rows, Sections, titled
from kshell.sql.parse import parse
from kshell.sql.statements import DescribeGroup, Select, Show, ShowWhat
from kshell.types import ksql_name, quote_text

if TYPE_CHECKING:
    from kshell.engines.local.context import Context

__all__ = ["describe_group", "describe_system", "show_system", "system_tables"]

_STATE = """CASE WHEN offline THEN 'offline' WHEN under_replicated THEN 'under-replicated'
    ELSE 'in sync' END AS state"""
# What each SHOW selects; {} is its WHERE, or nothing.
_SELECTS: Mapping[ShowWhat, str] = {
    ShowWhat.PARTITIONS: f"""SELECT topic, partition, leader, replicas, isr, {_STATE},
        start_offset, end_offset FROM kafka.partitions {{}} ORDER BY topic, partition""",
    ShowWhat.BROKERS: "SELECT * FROM kafka.brokers {} ORDER BY broker",
    ShowWhat.GROUPS: """SELECT group_id, state, type, protocol_type, strategy, members, broker
        FROM kafka.groups {} ORDER BY group_id""",
    ShowWhat.CONFIGS: """SELECT topic, broker, name, value, set_by, read_only
        FROM kafka.configs {} ORDER BY topic NULLS LAST, broker, name""",
    ShowWhat.ACLS: "SELECT * FROM kafka.acls {} ORDER BY ALL",
    ShowWhat.TRANSACTIONS: "SELECT * FROM kafka.transactions {} ORDER BY transactional_id",
    ShowWhat.PRODUCERS: """SELECT * FROM kafka.producers {}
        ORDER BY topic, partition, producer_id""",
    ShowWhat.QUOTAS: "SELECT * FROM kafka.quotas {} ORDER BY ALL",
    ShowWhat.CONNECTORS: """SELECT name, type, state, class, worker, tasks, tasks_failed,
        split_part(trace, chr(10), 1) AS why FROM kafka.connectors {} ORDER BY name""",
}
_OF_ONE = "SELECT name, value, set_by, read_only FROM kafka.configs {} ORDER BY name"


def show_system(context: Context, statement: Show, properties: Properties) -> Rows:
    """SHOW of a part of a system table; raises UnknownName for a topic that is not there."""
    text, where = _SELECTS[statement.what], ""
    if statement.topic is not None:
        topic = context.lookup(properties).topic(statement.topic).name
        where = f"WHERE topic = {quote_text(topic)}"
    elif statement.broker is not None:
        known = [str(b.id) for b in context.lookup(properties).look.cluster.brokers]
        if str(statement.broker) not in known:
            raise UnknownName(
                "broker", str(statement.broker), known, place=statement.place
            )  # fmt: skip
        where = f"WHERE broker = {statement.broker}"
    elif statement.type:
        where = f"WHERE type = {quote_text(statement.type)}"
    elif statement.what is ShowWhat.PARTITIONS and not statement.all:
        where = "WHERE topic NOT IN (SELECT topic FROM kafka.topics WHERE internal)"
    if statement.what is ShowWhat.CONFIGS and where:
        text = _OF_ONE
    return _selected(context, text.format(where), properties)


def _selected(context: Context, text: str, properties: Properties, title: str = "") -> Rows:
    (statement,) = parse(text)
    assert isinstance(statement, Select)
    rows = select(context, statement, properties)
    assert isinstance(rows, Rows)
    rows.elides, rows.title = False, title
    return rows


def describe_group(
    context: Context, statement: DescribeGroup, properties: Properties
) -> Sections:
    """DESCRIBE GROUP name: the group, its members, and its lag; raises UnknownName."""
    known = listed(context.lookup(properties).look)
    name = statement.name.text
    if name not in known:
        raise UnknownName("group", name, known, place=statement.name.place)
    where = f"WHERE group_id = {quote_text(name)}"
    parts = (
        ("", _SELECTS[ShowWhat.GROUPS]),
        ("Members", """SELECT member_id, instance_id, client_id, host, partitions, assignment
            FROM kafka.members {} ORDER BY member_id"""),
        ("Lag", """SELECT topic, partition, client_id, committed, start_offset, end_offset, lag
            FROM kafka.lag {} ORDER BY topic, partition"""),
    )  # fmt: skip
    return Sections(
        tuple(_selected(context, text.format(where), properties, title) for title, text in parts)
    )


def system_tables() -> Answer:
    """SHOW SYSTEM TABLES."""
    return titled(
        "",
        {
            "table": [table.full_name for table in TABLES.values()],
            "holds": [table.help for table in TABLES.values()],
        },
        dict.fromkeys(("table", "holds"), pa.string()),
    )


def describe_system(table: SystemTable) -> Answer:
    """DESCRIBE of a system table."""
    columns = titled(
        "",
        {
            "column": [c.name for c in table.columns],
            "type": [ksql_name(c.type) for c in table.columns],
            "is": [c.help for c in table.columns],
        },
        dict.fromkeys(("column", "type", "is"), pa.string()),
    )
    text = f"System table {table.full_name}: {table.help}."
    if hidden := [c.name for c in table.columns if c.hidden]:
        text += f" * leaves {' and '.join(hidden)} out: they take two looks, a second apart."
    return Sections((Message(text), columns))
