"""EXPLAIN on Flink: the plan, the Flink SQL that would run, and what differs there."""

from __future__ import annotations

from kshell.config import Properties
from kshell.engines.flink.context import FlinkContext
from kshell.engines.flink.render import rendered
from kshell.engines.local.statements.plans import plan_query, plan_sink
from kshell.results import Answer, Message, Sections
from kshell.sql import plan
from kshell.sql import statements as ast
from kshell.sql.bind.outline import outline

__all__ = ["explain"]


def explain(flink: FlinkContext, inner: ast.Statement, properties: Properties) -> Answer:
    """EXPLAIN of a statement that would run on Flink; nothing is sent there."""
    lookup = flink.shared.lookup(properties)
    node: plan.Answer | plan.Sink
    if isinstance(inner, ast.Select):
        node = plan_query(lookup, inner.query)
    else:
        assert isinstance(inner, ast.CreateAsSelect | ast.InsertSelect)
        node = plan_sink(lookup, inner)
    script = rendered(node, lookup)
    notes = "\n".join(f"On Flink: {note}." for note in script.notes)
    parts = [Message("Runs on Apache Flink."), Message(outline(node)), Message(script.shown)]
    return Sections((*parts, Message(notes)) if notes else tuple(parts))
