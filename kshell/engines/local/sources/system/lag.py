"""Rows of kafka.lag: each group in all partitions of the topics that it has committed in."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from kshell.engines.local.sources.system.asked import Asked
from kshell.engines.local.sources.system.groups import wanted_groups
from kshell.kafka.ends import EARLIEST, LATEST
from kshell.kafka.groups import Group, Member, commits, described, known_commits
from kshell.kafka.look import Look, Place

__all__ = ["lag"]

Row = tuple[Any, ...]
_APART = 1.0  # seconds between the two looks of a bounded query
_COMMITS = 8.0  # seconds in which a group that reads has committed: consumers do every 5 by default


def lag(asked: Asked) -> Iterator[Row]:
    """A row for each partition of each group, with its rate if that is named."""
    if not asked.names("rate", "verdict"):
        yield from _rows(asked, None)
        return
    earlier = asked.earlier
    if earlier is None:
        earlier = asked.look
        list(_rows(replace(asked, columns=asked.columns | {"lag"}), None))
        time.sleep(_APART)
        asked = replace(asked, look=earlier.again())
    yield from _rows(replace(asked, columns=asked.columns | {"lag"}), earlier)


def _rows(asked: Asked, earlier: Look | None) -> Iterator[Row]:
    look, groups = asked.look, wanted_groups(asked)
    held = commits(look, groups)
    topics = look.topics_lately({topic for g in groups for topic, _ in held.get(g.id, {})})
    places = {g.id: _places(held.get(g.id, {}), topics) for g in groups}
    ends, firsts = _offsets(asked, held, places)
    having = _having(asked, groups)
    for g in groups:
        own = held.get(g.id, {})
        for at in places[g.id]:
            commit = own.get(at)
            committed = None if commit is None else commit.offset
            behind = _behind(committed, firsts.get(at), ends.get(at))
            member = having.get((g.id, *at))
            yield (
                g.id, *at, *(_shown(member) if member else (None, None, None)),
                committed, firsts.get(at), ends.get(at), behind,
                *_movement(earlier, look, g, at, committed, behind),
            )  # fmt: skip


def _places(own: Any, topics: Any) -> list[Place]:
    """All partitions of the topics that a group has committed in, deleted ones as committed."""
    names = sorted({topic for topic, _ in own})
    return [
        (name, partition)
        for name in names
        for partition in (
            [p.id for p in topics[name].partitions]
            if name in topics
            else sorted(p for topic, p in own if topic == name)
        )
    ]


def _offsets(asked: Asked, held: Any, places: dict[str, list[Place]]) -> tuple[Any, Any]:
    """The ends and the first offsets, as far as the query needs them."""
    every = dict.fromkeys(at for of in places.values() for at in of)
    ends = asked.look.offsets(every, LATEST) if asked.names("end_offset", "lag") else {}
    if asked.names("start_offset"):
        return ends, asked.look.offsets(every, EARLIEST)
    if not asked.names("lag"):
        return ends, {}
    own = {g: held.get(g, {}) for g in places}
    without = dict.fromkeys(at for g, of in places.items() for at in of if at not in own[g])
    return ends, asked.look.offsets(without, EARLIEST)


def _behind(committed: int | None, first: int | None, end: int | None) -> int | None:
    since = first if committed is None else committed
    return None if end is None or since is None else max(end - since, 0)


def _having(asked: Asked, groups: list[Group]) -> dict[tuple[str, str, int], Member]:
    """The member that has each partition."""
    if not asked.names("member_id", "client_id", "host"):
        return {}
    return {
        (group, topic, partition): member
        for group, more in described(asked.look, groups).items()
        for member in more.members
        for topic, partitions in member.assignment.items()
        for partition in partitions
    }


def _shown(member: Member) -> Row:
    return member.id, member.client, member.host


def _movement(
    earlier: Look | None, look: Look, group: Group, at: Place,
    committed: int | None, behind: int | None,
) -> tuple[float | None, str | None]:  # fmt: skip
    """By how much a second the lag has grown since the earlier look, and what that means."""
    if earlier is None:
        return None, None
    before = known_commits(earlier, group.id)
    seconds = look.began - earlier.began
    if before is None or behind is None or seconds <= 0:
        return None, None
    commit = before.get(at)
    then = None if commit is None else commit.offset
    was = _behind(then, earlier.known_offset(at, EARLIEST), earlier.known_offset(at, LATEST))
    if was is None:
        return None, None
    rate = (behind - was) / seconds
    if behind == 0:
        return rate, "caught up"
    if then == committed:
        stuck = group.state == "Empty" or seconds >= _COMMITS
        return rate, "stuck" if stuck else "no commit"
    return rate, "growing" if rate > 0 else "draining" if rate < 0 else "steady"
