"""Opens the inputs of a continuous plan: what its scans read, as the lookup has found it.

`continuous.feed` calls it.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping

from kshell.engines.local.sources.base import Input
from kshell.engines.local.sources.given import GivenInput
from kshell.engines.local.sources.lookup import Lookup
from kshell.engines.local.sources.scan_reader import Intake
from kshell.engines.local.sources.topic_input import Follower, TopicInput
from kshell.sql import plan

__all__ = ["inputs"]


def inputs(
    lookup: Lookup, node: plan.Node, bell: threading.Event, *, bounded: bool, queued_bytes: int,
    starts: Mapping[tuple[int, int], int] | None = None,
) -> list[Input]:  # fmt: skip
    """To follow: what a plan's scans read, from `auto.offset.reset` on or, if bounded, all.

    A table that a join looks up rows of is read from its first record all the same: it would
    be empty else.  The bell rings for each thing that comes, of which `queued_bytes` may wait.
    With `starts`, offsets by scan and partition, a query goes on there, and in partitions that
    it does not know with their first record; its rows have the places of their records.
    """
    earliest = bounded or lookup.properties["auto.offset.reset"] == "earliest"
    tables = plan.looked_up(node)
    by_topic: dict[str, list[Follower]] = {}
    of_given: dict[str, dict[int, plan.Scan]] = {}
    others: list[Input] = []
    of_system: dict[int, plan.Scan] = {}
    for scan, leaf in enumerate(plan.scans(node)):
        if leaf.source.file is not None:
            from kshell.engines.local.sources.file import file_input

            others.append(file_input(leaf.source.name, leaf.source.file, {scan: leaf}))
            continue
        if leaf.source.system:
            of_system[scan] = leaf
            continue
        if lookup.held(leaf.source) is not None:
            of_given.setdefault(leaf.source.topic, {})[scan] = leaf
            continue
        misfits = lookup.misfits(leaf.source) if bounded else None
        placed = starts is not None
        properties = lookup.properties_of(leaf.source.topic)
        intake = Intake(leaf, lookup.errors, properties, misfits, placed=placed)
        standing = lookup.standing(leaf.source.topic)
        mine = {} if standing is None else dict(standing.starts)
        mine |= {p: at for (of, p), at in (starts or {}).items() if of == scan}
        whole = earliest or scan in tables or bool(mine)
        follower = Follower(scan, intake, whole, mine)
        by_topic.setdefault(leaf.source.topic, []).append(follower)
        if placed:
            lookup.snapshot(leaf.source.topic).check_whole()  # its offsets are kept
    if of_system:
        from kshell.engines.local.sources.system.following import SystemInput

        made = SystemInput(of_system, lookup.ask, lookup.connected, bell, bounded=bounded)
        others.append(made)
    return [
        *others,
        *(GivenInput(name, lookup.given[name], leaves) for name, leaves in of_given.items()),
        *(
            TopicInput(
                lookup.client_of(topic), lookup.snapshot(topic), followers, bell,
                budget=lookup.budget if bounded else None, queued_bytes=queued_bytes,
            )
            for topic, followers in by_topic.items()
        ),
    ]  # fmt: skip
