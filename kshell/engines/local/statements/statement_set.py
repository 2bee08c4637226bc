"""BEGIN STATEMENT SET and END in this process; `engine` dispatches here.

Queries of one process share what they read without it, so a script for Flink runs here as it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kshell.config import Properties
from kshell.errors import UsageError
from kshell.results import Answer, Message
from kshell.sql.queries import BeginSet, EndSet

if TYPE_CHECKING:
    from kshell.engines.local.context import Context

__all__ = ["begin_set", "end_set"]


def begin_set(context: Context, statement: BeginSet, properties: Properties) -> Answer:
    """Queries start as they would without a set."""
    if context.set_open:
        raise UsageError("a statement set is open already", hint="END ends it")
    context.set_open = True
    return Message("Each query that follows starts at once: those of one process share its reads.")


def end_set(context: Context, statement: EndSet, properties: Properties) -> Answer:
    """The end of the set; raises UsageError where none is open."""
    if not context.set_open:
        raise UsageError("no statement set is open", hint="BEGIN STATEMENT SET opens one")
    context.set_open = False
    return Message("The statement set is ended.")
