"""BEGIN, COMMIT and ROLLBACK; `engine` dispatches here.

INSERT … VALUES puts its records into the context's `Held` while a transaction is open.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from kshell.config import Properties
from kshell.engines.held import Held
from kshell.errors import KafkaError, UsageError
from kshell.kafka.transaction import write_at_once
from kshell.results import Answer, Message, many
from kshell.sql.producing import Begin, Commit, Rollback

if TYPE_CHECKING:
    from kshell.engines.local.context import Context

__all__ = ["begin", "commit", "rollback"]


def begin(context: Context, statement: Begin, properties: Properties) -> Answer:
    """Hold records from now on; raises UsageError where they are held already."""
    if context.held is not None:
        raise UsageError(
            "a transaction is open already", hint="COMMIT or ROLLBACK ends it",
            place=statement.place,
        )  # fmt: skip
    context.held = Held()
    return Message("INSERT … VALUES is held until COMMIT.")


def _held(context: Context, statement: Commit | Rollback) -> Held:
    if context.held is None:
        raise UsageError("no transaction is open", hint="BEGIN begins one", place=statement.place)
    return context.held


def commit(context: Context, statement: Commit, properties: Properties) -> Answer:
    """Write all in one transaction; raises KafkaError, and then all is held as before."""
    held = _held(context, statement)
    if len(held):
        if not context.transaction_id:
            given = properties.get("transactional.id")
            context.transaction_id = given or f"{properties['client.id']}-{uuid.uuid4()}"
        try:
            write_at_once(properties, context.transaction_id, held)
        except KafkaError as error:
            still = f"{many(len(held), 'record')} still held: COMMIT tries again, ROLLBACK drops"
            error.hint = "; ".join(filter(None, (error.hint, still)))
            raise
    context.held = None
    topics = ", ".join(dict.fromkeys(topic for topic, _ in held))
    where = f" to {topics}" if topics else ""
    return Message(f"{many(len(held), 'record')} written{where} in one transaction.")


def rollback(context: Context, statement: Rollback, properties: Properties) -> Answer:
    """Drop what is held; nothing of it was sent."""
    held = _held(context, statement)
    context.held = None
    return Message(f"{many(len(held), 'record')} dropped; none was sent.")
