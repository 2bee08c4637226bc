"""DROP GROUP: plans the end of a consumer group and its offsets; `engine` dispatches here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kshell.config import Properties
from kshell.engines.local.statements.proposals import idle_group, planned
from kshell.errors import UnknownName
from kshell.kafka.group_admin import delete_group
from kshell.kafka.groups import committed, listed
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
    look = context.look()
    if idle_group(look, statement.name) is None:
        if statement.if_exists:
            return Message(f"Group {name} does not exist.")
        raise UnknownName("group", name, listed(look), place=statement.name.place)

    def apply() -> Answer:
        delete_group(context.admin(properties), name)
        return Message(f"Group {name} is deleted.")

    offsets = committed(look, name).items()
    steps = [
        ("group", name, None),
        *((f"offset in {topic}, partition {p}", str(at), None) for (topic, p), at in offsets),
    ]
    title = f"Delete group {name}"
    return Proposal(f"{title}?", planned(title, steps), apply)
