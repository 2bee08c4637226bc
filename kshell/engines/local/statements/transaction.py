"""BEGIN, COMMIT and ROLLBACK; `engine` dispatches here.

INSERT … VALUES puts its records into the context's `Held` while a transaction is open.
"""

from __future__ import annotations

import contextlib
import time
import uuid
from typing import TYPE_CHECKING

from kshell.config import Properties
from kshell.engines.held import Held
from kshell.errors import KafkaError, KshellError, UsageError
from kshell.kafka.states import committing
from kshell.kafka.transaction import write_at_once
from kshell.results import Answer, Message
from kshell.sql.producing import Begin, Commit, Rollback
from kshell.wording import many

if TYPE_CHECKING:
    from kshell.engines.local.context import Context

__all__ = ["begin", "commit", "rollback"]

_PATIENCE = 5.0  # seconds that a commit's markers are waited for


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
            largest = context.client.largest_batch(dict.fromkeys(topic for topic, _ in held))
            write_at_once(properties, context.transaction_id, held, largest)
        except KafkaError as error:
            still = f"{many(len(held), 'record')} still held: COMMIT tries again, ROLLBACK drops"
            error.hint = "; ".join(filter(None, (error.hint, still)))
            raise
        _wait(context, context.transaction_id)
    context.held = None
    topics = ", ".join(dict.fromkeys(topic for topic, _ in held))
    where = f" to {topics}" if topics else ""
    return Message(f"{many(len(held), 'record')} written{where} in one transaction.")


def _wait(context: Context, id: str) -> None:
    """Wait until the next statement sees what was committed; brokers before 3.0 do not say when."""
    deadline = time.monotonic() + _PATIENCE
    with contextlib.suppress(KshellError):  # it is committed, whatever fails here
        while committing(context.look(), id) and time.monotonic() < deadline:
            time.sleep(0.02)


def rollback(context: Context, statement: Rollback, properties: Properties) -> Answer:
    """Drop what is held; nothing of it was sent."""
    held = _held(context, statement)
    context.held = None
    return Message(f"{many(len(held), 'record')} dropped; none was sent.")
