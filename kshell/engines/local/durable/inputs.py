"""Whether a query's topics are what they were at its last commit.

`statements.application` asks before anything starts, and each `life` when it begins.
"""

from __future__ import annotations

from collections.abc import Mapping

from kshell.engines.local.durable.ledger import Standing
from kshell.engines.local.durable.plan import Plan
from kshell.engines.local.sources.lookup import Lookup
from kshell.errors import TopicChanged
from kshell.sql.plan import scans

__all__ = ["identities"]


def identities(plan: Plan, lookup: Lookup, standing: Standing | None) -> Mapping[str, str]:
    """The ids of all topics that it reads and writes; raises TopicChanged where one is another now,
    or lost records that were not read."""
    leaves = [leaf.source.topic for leaf in scans(plan.sink)]
    sink = plan.sink.target.topic
    written = {name: lookup.client.find(name) for name in (sink, plan.state_topic)}
    if gone := [name for name, topic in written.items() if topic is None]:
        raise TopicChanged(f"topic {gone[0]} was deleted since the last commit", hint=plan.anew)
    found = {name: topic.id.hex() for name, topic in written.items() if topic is not None}
    found |= {topic: lookup.snapshot(topic).topic.id.hex() for topic in leaves}
    if standing is None:
        return found
    for name, id in found.items():
        if standing.topics.get(name, id) != id:
            raise TopicChanged(
                f"topic {name} was deleted and created anew since the last commit", hint=plan.anew
            )
    for (scan, partition), stand in standing.lanes.items():
        topic = leaves[scan]
        first, _ = lookup.snapshot(topic).offsets.get(partition, (0, 0))
        if first > stand.next:
            raise TopicChanged(
                f"topic {topic}, partition {partition}: the records of the offsets"
                f" {stand.next:,} to {first - 1:,} are gone, and were not read",
                hint=plan.anew,
            )
    return found
