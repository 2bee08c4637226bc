"""A plan as a script of Flink SQL: what is declared, and the one statement that then runs.

The statements of the engine call `rendered`; nothing has been sent to Flink before it returns.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from kshell.catalog.model import Source
from kshell.config import Properties
from kshell.engines.flink import nodes
from kshell.engines.flink.tables import Made
from kshell.sql import plan
from kshell.sql.clauses import Name

if TYPE_CHECKING:
    from kshell.engines.local.sources.lookup import Lookup

__all__ = ["Script", "rendered"]

_SPELLED = frozenset({"JSON", "AVRO"})  # formats whose fields have names


@dataclass(frozen=True, slots=True)
class Script:
    """Declarations in their order, the statement, what differs from KSQL, and all without secrets.

    `secrets` are those in it.
    """

    declarations: Sequence[str]
    statement: str
    notes: Sequence[str]
    shown: str
    secrets: Sequence[str]


def rendered(
    node: plan.Answer | plan.Sink, lookup: Lookup, *, id: str = "", bounded: bool = False
) -> Script:
    """The script of a plan; raises NoEqual for what Flink lacks, UnknownName for a topic that is
    not there, Outage for one that cannot be read."""
    properties: Properties = lookup.properties

    def spelling(source: Source) -> Mapping[str, pa.DataType]:
        if source.value_format.name not in _SPELLED:
            return {}
        seen = lookup.sample(Name(source.topic, quoted=True)).source
        if not seen.value:
            made.note(f"{source.topic} is empty: fields are taken to be spelled as declared")
        return {c.name: c.type for c in seen.value}

    def ids(source: Source) -> list[int]:
        return [id for id, _ in lookup.sample(Name(source.topic, quoted=True)).value.ids]

    made = Made(properties, spelling, ids, bounded=bounded, id=id, delay_ms=_delay(node))
    of = nodes.answer(node, made) if isinstance(node, plan.Answer) else nodes.insert(node, made)
    for leaf in plan.scans(node):  # Flink itself would wait for a missing topic without a word
        lookup.snapshot(leaf.source.topic).check_whole()
    whole = ";\n".join([*made.declarations, of])
    return Script(made.declarations, of, made.notes, made.shown(whole), made.secrets)


def _delay(node: plan.Node) -> int:
    """How long Flink's watermark stays behind, in ms: as long as late records still count.

    A window of EMIT FINAL closes, and a join of streams forgets a row, at their end and grace.
    """
    windows = [a.window for a in plan.aggregates(node) if a.window is not None]
    graces = [plan.grace_of(window) for window in windows] if plan.closes(node) else []
    for join in _stream_joins(node):
        usual = plan.default_grace(join.before_ms + join.after_ms)
        graces.append(usual if join.grace_ms is None else join.grace_ms)
    if graces:
        return max(graces) + 1
    return 0 if plan.looked_up(node) else 1


def _stream_joins(node: plan.Node) -> Iterator[plan.StreamJoin]:
    if isinstance(node, plan.StreamJoin):
        yield node
    for child in plan.children(node):
        yield from _stream_joins(child)
