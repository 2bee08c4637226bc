"""DROP GROUP: plans the end of a consumer group and its offsets; `engine` dispatches here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kshell.config import Properties
from kshell.engines.local.statements.proposals import idle_group, planned
from kshell.errors import UnknownName
from kshell.kafka.group_admin import committed, delete_group, group_names
from kshell.results import Answer, Message, Proposal
from kshell.sql.cluster import DropGroup

if TYPE_CHECKING:
    from kshell.engines.local.context import Context

__all__ = ["drop_group"]


def drop_group(
    context: Context, statement: DropGroup, properties: Properties
) -> Answer | Proposal:
    """DROP GROUP [IF EXISTS]; raises UnknownName, BindError, KafkaError, Forbidden."""
    name = statement.name.text
    admin = context.admin(properties)
    group = idle_group(admin, statement.name)
    if not group.there:
        if statement.if_exists:
            return Message(f"Group {name} does not exist.")
        raise UnknownName("group", name, group_names(admin), place=statement.name.place)

    def apply() -> Answer:
        delete_group(admin, name)
        return Message(f"Group {name} is deleted.")

    offsets = sorted(committed(admin, name).items())
    steps = [
        ("group", name, None),
        *((f"offset in {topic}, partition {p}", str(at), None) for (topic, p), at in offsets),
    ]
    title = f"Delete group {name}"
    return Proposal(f"{title}?", planned(title, steps), apply)
