"""What the statements that change the cluster share: the table of a plan, and who reads a topic."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import pyarrow as pa

from kshell.errors import BindError, UnknownName
from kshell.kafka.groups import Described, named
from kshell.kafka.look import Look
from kshell.kafka.metadata import Snapshot, Topic
from kshell.results import Notice, NoticeKind, Rows, titled
from kshell.sql import plan
from kshell.sql.clauses import Name
from kshell.wording import many

if TYPE_CHECKING:
    from kshell.engines.local.context import Context

__all__ = ["Step", "idle_group", "known_topic", "live_members", "planned", "remark",
           "users_of", "without_leader"]  # fmt: skip

_FEW = 5  # members that an error names
Step = tuple[str, str | None, str | None]  # what changes, its value before, its value after


def planned(title: str, steps: Iterable[Step]) -> Rows:
    """The table of a plan."""
    steps = list(steps)
    columns = {n: [step[i] for step in steps] for i, n in enumerate(("what", "before", "after"))}
    return titled(title, columns, dict.fromkeys(columns, pa.string()))


def remark(text: str) -> Notice:
    """What a change does besides."""
    return Notice(NoticeKind.CHANGE, text)


def known_topic(context: Context, name: Name) -> Topic:
    """The topic of exactly that name; raises UnknownName at its place."""
    found = context.client.find(name.text)
    if found is None:
        known = [t.name for t in context.client.topics()]
        raise UnknownName("topic", name.text, known, place=name.place)
    return found


def without_leader(snapshot: Snapshot) -> list[Notice]:
    """The partitions that a plan leaves out, because no leader answers for them."""
    return [
        remark(f"{snapshot.name}, partition {p}: no leader answers, and the plan is without it")
        for p in sorted(snapshot.missing)
    ]


def live_members(group: Described) -> str:
    """How many members a group has, and the first of them.

    >>> from kshell.kafka.groups import Member
    >>> live_members(Described("Stable", "range", (Member("m", None, "app", "10.0.0.1", {}),)))
    '1 live member: app at 10.0.0.1'
    """
    shown = ", ".join(f"{m.client} at {m.host}" for m in group.members[:_FEW])
    more = len(group.members) - _FEW
    return f"{many(len(group.members), 'live member')}: {shown}" + (
        f" and {more} more" if more > 0 else ""
    )


def idle_group(look: Look, name: Name) -> Described | None:
    """The group of that name, None if there is none; BindError, with its members, if it has any."""
    group = named(look, name.text)
    if group is not None and group.members:
        raise BindError(
            f"group {name.text} has {live_members(group)}",
            hint="stop them first: they would go on, and commit offsets of their own",
            place=name.place,
        )
    return group


def users_of(context: Context, topic: str) -> list[str]:
    """The queries of this shell that read or write a topic, and what is declared over it."""
    uses = []
    for query in context.queries.values():
        if query.over:
            continue
        if topic in {scan.source.read_from for scan in plan.scans(query.sink)}:
            uses.append(f"query {query.id} reads it")
        if query.sink.target.topic == topic:
            uses.append(f"query {query.id} writes it")
    uses += [
        f"{source.kind.value.lower()} {source.name} is declared over it"
        for source in context.catalog.sources.values()
        if source.topic == topic
    ]
    return uses
