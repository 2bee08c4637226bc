"""Groups: which there are, their members, and what they have committed; asked with a `Look`.

Each broker lists the groups that it coordinates, so that no coordinator has to be looked up.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, cast

from kshell.errors import Outage
from kshell.kafka.look import Look, Place, check
from kshell.kafka.messages import (
    ASSIGNMENT,
    CONSUMER_GROUP_DESCRIBE,
    DESCRIBE_GROUPS,
    LIST_GROUPS,
    OFFSET_COMMIT,
    OFFSET_FETCH,
)
from kshell.kafka.protocol import decode
from kshell.kafka.rights import CLUSTER, FORBIDDEN

__all__ = ["Commit", "Described", "Group", "Member", "Offsets", "commit", "commits", "committed",
           "described", "groups_in", "known_commits", "listed", "named"]  # fmt: skip

Offsets = dict[Place, int]

_LOADING = frozenset({14, 15, 16})  # the coordinator loads, is not there yet, or has moved
_GONE = 69  # no such group: it ended between two requests
_BATCHED = 8  # the version of OffsetFetch that takes many groups
_PATIENCE = 5.0


@dataclass(frozen=True, slots=True)
class Group:
    """A group as its coordinator lists it; `state` and `type` are empty from old brokers."""

    id: str
    broker: int
    protocol_type: str
    state: str
    type: str


@dataclass(frozen=True, slots=True)
class Member:
    """A member of a group, and the partitions that it has."""

    id: str
    instance: str | None
    client: str
    host: str
    assignment: Mapping[str, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Described:
    """A group's state, how its partitions are assigned, and its members."""

    state: str
    strategy: str
    members: tuple[Member, ...]


@dataclass(frozen=True, slots=True)
class Commit:
    """What a group has committed of a partition."""

    offset: int
    metadata: str


def listed(look: Look) -> dict[str, Group]:
    """Every group that the user may see."""
    return look.once("groups", lambda: _patient(lambda: _listed(look), "list groups"))


def _patient(attempt: Any, what: str) -> Any:
    """What `attempt` gives; None from it means that a coordinator is not ready."""
    deadline = time.monotonic() + _PATIENCE
    while (found := attempt()) is None:
        if time.monotonic() > deadline:
            raise Outage(f"cannot {what}: no coordinator is ready after {_PATIENCE:g} s")
        time.sleep(0.2)
    return found


def _listed(look: Look) -> dict[str, Group] | None:
    body: dict[str, Any] = {"states": [], "types": []}
    found = {}
    for broker, answer in look.ask(LIST_GROUPS, dict.fromkeys(look.brokers, body)).items():
        if answer["error"] in _LOADING:
            return None
        check(answer["error"], ("DESCRIBE", CLUSTER))
        for g in answer["groups"]:
            state, type = g.get("state", ""), g.get("type", "")
            found[g["group"]] = Group(g["group"], broker, g["protocol_type"], state, type.lower())
    return dict(sorted(found.items()))


def _by_broker(groups: Collection[Group]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = defaultdict(list)
    for group in groups:
        found[group.broker].append(group.id)
    return found


def described(look: Look, groups: Collection[Group]) -> dict[str, Described]:
    """The groups' states and members."""
    known: dict[str, Described] = look.once("described", dict)
    new = [g for g in groups if g.id not in known]
    # The newer protocol's groups are known to the newer request alone; neither knows share groups.
    kinds = (
        (DESCRIBE_GROUPS, [g for g in new if g.type in ("", "classic")]),
        (CONSUMER_GROUP_DESCRIBE, [g for g in new if g.type == "consumer"]),
    )
    for api, some in kinds:
        bodies = {
            broker: {"groups": ids, "operations": False} for broker, ids in _by_broker(some).items()
        }
        for answer in look.ask(api, bodies).values():
            for g in answer["groups"]:
                if g["error"] in (*_LOADING, _GONE):
                    continue
                if look.refused(g["error"], ("DESCRIBE", "group"), g["group"]):
                    continue
                needs = ("DESCRIBE", f"group {g['group']}")
                check(g["error"], needs, g.get("error_message"))
                known[g["group"]] = _made(g)
    return known


def _made(answer: Mapping[str, Any]) -> Described:
    members = tuple(map(_member, answer["members"]))
    return Described(answer["state"], answer["strategy"] or "", members)


def named(look: Look, name: str) -> Described | None:
    """One group as it is now, None if there is none; raises Forbidden, KafkaError, Outage.

    A broker checks the right to see a group before it looks for it: so one that the list lacks
    is asked for all the same.
    """

    def attempt() -> tuple[Described | None] | None:
        now = look.again()
        group = listed(now).get(name)
        broker = next(iter(now.brokers)) if group is None else group.broker
        newer = group is not None and group.type == "consumer"
        api = CONSUMER_GROUP_DESCRIBE if newer else DESCRIBE_GROUPS
        (answer,) = now.ask_all(api, [(broker, {"groups": [name], "operations": False})])
        (found,) = answer["groups"]
        if found["error"] not in FORBIDDEN and (group is None or found["error"] == _GONE):
            return (None,)
        if found["error"] in _LOADING:
            return None
        check(found["error"], ("DESCRIBE", f"group {name}"), found.get("error_message"))
        return (None if found["state"] == "Dead" else _made(found),)

    (found,) = _patient(attempt, f"describe group {name}")
    return cast("Described | None", found)


def _member(member: Mapping[str, Any]) -> Member:
    held = member["assignment"]
    if isinstance(held, bytes):
        # Connect's workers and others have assignments of their own.
        consumers = len(held) >= _SMALLEST and held[0] == 0
        held = _assigned(held) if consumers else {"topics": []}
    assignment: dict[str, tuple[int, ...]] = {}
    for topic in held["topics"] if held else ():
        assignment[topic["topic"]] = tuple(sorted(topic["partitions"]))
    return Member(
        member["member"], member.get("instance"), member["client"], member["host"].lstrip("/"),
        dict(sorted(assignment.items())),
    )  # fmt: skip


_SMALLEST = 6  # bytes: a version and a count


def _assigned(data: bytes) -> dict[str, Any]:
    from kshell.errors import CorruptRecord

    try:
        return decode(ASSIGNMENT, 0, False, data)
    except CorruptRecord:
        return {"topics": []}


def commits(look: Look, groups: Collection[Group]) -> dict[str, dict[Place, Commit]]:
    """What each group has committed."""
    known: dict[str, dict[Place, Commit]] = look.once("commits", dict)
    new = [g for g in groups if g.id not in known]
    if new:
        known |= _patient(lambda: _commits(look, new), "read committed offsets")
    return known


def committed(look: Look, name: str) -> Offsets:
    """The offsets that one group has committed; none where it is not listed."""
    group = listed(look).get(name)
    found = {} if group is None else commits(look, [group]).get(name, {})
    return {place: commit.offset for place, commit in sorted(found.items())}


def commit(look: Look, group: str, offsets: Mapping[Place, int]) -> None:
    """Commit for a group that nobody joins; raises Forbidden, KafkaError, and Outage where no
    coordinator is ready."""
    topics: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for (topic, partition), at in offsets.items():
        part = {"partition": partition, "committed": at, "leader_epoch": -1, "metadata": ""}
        topics[topic].append(part)
    body = {
        "group": group, "generation": -1, "member": "", "instance": None, "retention": -1,
        "topics": [{"topic": topic, "partitions": parts} for topic, parts in topics.items()],
    }  # fmt: skip
    # Each broker is asked: those that do not coordinate the group say so, and do nothing.
    for answer in look.ask(OFFSET_COMMIT, dict.fromkeys(look.brokers, body)).values():
        codes = {part["error"] for topic in answer["topics"] for part in topic["partitions"]}
        if not codes & _LOADING:
            check(max(codes, default=0), ("READ", f"group {group}"))
            return
    raise Outage(f"cannot commit offsets of {group}: no coordinator is ready")


def groups_in(look: Look, topic: str) -> dict[str, Offsets]:
    """The groups that have committed offsets in a topic, by name, with these offsets."""
    every = commits(look, listed(look).values())
    held = {
        group: {at: commit.offset for at, commit in found.items() if at[0] == topic}
        for group, found in sorted(every.items())
    }
    return {group: offsets for group, offsets in held.items() if offsets}


def known_commits(look: Look, group: str) -> dict[Place, Commit] | None:
    """What `commits` has found of a group, if it was asked."""
    known: dict[str, dict[Place, Commit]] = look.once("commits", dict)
    return known.get(group)


def _commits(
    look: Look, groups: Collection[Group]
) -> dict[str, dict[Place, Commit]] | None:
    found: dict[str, dict[Place, Commit]] = {}
    for broker, ids in _by_broker(groups).items():
        batched = look.version(broker, OFFSET_FETCH) >= _BATCHED
        parts = [ids] if batched else [[id] for id in ids]
        answers = look.ask_all(OFFSET_FETCH, [(broker, _fetch(part)) for part in parts])
        for part, answer in zip(parts, answers, strict=True):
            for g in answer["groups"] if batched else [{**answer, "group": part[0]}]:
                if g["error"] in _LOADING:
                    return None
                refused = look.refused(g["error"], ("DESCRIBE", "group"), g["group"])
                if g["error"] != _GONE and not refused:
                    check(g["error"], ("DESCRIBE", f"group {g['group']}"))
                found[g["group"]] = {
                    (t["topic"], p["partition"]): Commit(p["committed"], p["metadata"] or "")
                    for t in g["topics"]
                    for p in t["partitions"]
                    if p["error"] == 0 and p["committed"] >= 0
                }
    return found


def _fetch(ids: list[str]) -> dict[str, Any]:
    """All that these groups have committed, in the shape of every version."""
    return {
        "group": ids[0], "topics": None, "stable": False,
        "groups": [{"group": id, "topics": None} for id in ids],
    }  # fmt: skip
