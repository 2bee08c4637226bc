"""A continuous plan whose rows also have the place of their record, its partition and offset.

`engines` asks for it where a person watches the rows, and may open the record of one.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from kshell.catalog.model import RESERVED, Column, Kind
from kshell.sql import plan
from kshell.sql.expressions import Column as Bound

__all__ = ["PLACES", "with_places"]

PLACES = ("ROWPARTITION", "ROWOFFSET")
N = TypeVar("N", bound=plan.Node)


def with_places(node: plan.Answer) -> plan.Answer | None:
    """The plan with two more columns, which its answer does not name.

    None if its rows are not a stream's, or one row is made of several records.
    """
    if node.output.kind is not Kind.STREAM or not plan.row_by_row(node):
        return None
    (leaf,) = plan.scans(node)
    if leaf.source.system or leaf.source.file is not None:
        return None  # rows that are no records
    if any(column.name in PLACES for column in leaf.source.columns()):
        return None  # columns that somebody declared hide Kafka's
    return _placed(node)


def _placed(node: N) -> N:
    """The node, whose output has both columns among its values."""
    if isinstance(node, plan.Scan):
        read = dict(node.columns)
        more = [name for name in PLACES if name not in read]
        columns = (*node.columns, *((name, name) for name in more))
        return replace(node, output=_wider(node.output, more), columns=columns)
    assert isinstance(node, plan.Filter | plan.Project | plan.Explode | plan.Answer)
    inner = _placed(node.input)
    if isinstance(node, plan.Project):
        passed = tuple(plan.Named(name, Bound(name, RESERVED[name])) for name in PLACES)
        output = _wider(node.output, PLACES)
        return replace(node, input=inner, value=(*node.value, *passed), output=output)
    output = inner.output
    if isinstance(node, plan.Explode):
        made = node.output.value[len(node.input.output.value) :]
        output = replace(output, value=(*output.value, *made))
    return replace(node, input=inner, output=output)


def _wider(output: plan.Relation, names: list[str] | tuple[str, ...]) -> plan.Relation:
    more = (Column(name, RESERVED[name]) for name in names)
    return replace(output, value=(*output.value, *more))
