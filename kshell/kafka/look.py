"""One look at a cluster's state: each thing that a look is asked for is asked of the brokers once.

The rows of system tables are made from it; `groups` and `states` ask with it.  Nothing here changes
anything, and an outage is raised: no row is left out because a broker does not answer.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from aiokafka import errors as codes

from kshell.errors import KafkaError, Outage, Unsupported
from kshell.kafka.client import Client
from kshell.kafka.messages import LIST_OFFSETS
from kshell.kafka.metadata import Broker, Cluster, Topic
from kshell.kafka.protocol import Api, Request
from kshell.kafka.rights import FORBIDDEN, Right, refused
from kshell.kafka.wire import Wire
from kshell.results import Notice, NoticeKind

__all__ = ["Look", "Place", "check"]

T = TypeVar("T")
Place = tuple[str, int]  # a topic and a partition
Body = Mapping[str, Any] | Callable[[int], Mapping[str, Any]]  # a request, or one by its version

_ATTEMPTS = 8
_LATELY = 10.0  # seconds for which leaders are taken from an earlier look
_NO_LEADER = frozenset({5, 9})  # none is elected, or its replica is not there


def check(code: int, needs: Right, why: str | None = None) -> None:
    """Raise Forbidden or KafkaError for a broker's error code; `needs` is the right it takes."""
    if code in FORBIDDEN:
        raise refused(*needs)
    if code:
        why = why or codes.for_code(code).__name__
        raise KafkaError(f"cannot {' '.join(needs)}: {why} ({code})")


@dataclass
class _Seen:
    """Answers by broker, kind of request and request: those of the look before, and of this one."""

    before: dict[tuple[int, int], dict[bytes, Any]]
    now: dict[tuple[int, int], dict[bytes, Any]] = field(default_factory=dict)


async def _ask(wire: Wire, node: int, api: Api, body: Body, seen: _Seen) -> dict[str, Any]:
    """One broker's answer, not to be changed; raises Unsupported, or Outage if none comes."""
    failure: Exception | None = None
    for attempt in range(2):  # a connection may have been closed for its long silence
        try:
            connection = await wire.connection(node)
            version = api.version(connection.versions)
            if version is None:
                raise Unsupported(
                    f"broker {node} does not serve {api.name}",
                    hint="the embedded broker of --demo serves reading and writing records only"
                    if attempt == 0 and len(connection.versions) < _MANY_APIS
                    else "it needs a newer version of Kafka",
                )
            made = body(version) if callable(body) else body
            request = Request(api, version, made, seen.before.get((node, api.key)))
            answer = cast("dict[str, Any]", await connection.send(request))
            seen.now.setdefault((node, api.key), {})[request.encode()] = request.answer
            return answer
        except (OSError, codes.KafkaError, TimeoutError) as error:
            failure = error
    at = next((f" at {b.host}:{b.port}" for b in wire.cluster.brokers if b.id == node), "")
    raise Outage(
        f"broker {node}{at} does not answer", hint=str(failure) or type(failure).__name__
    )


def _few(names: Sequence[str]) -> str:
    more = f" and {len(names) - _FEW:,} more" if len(names) > _FEW else ""
    return ", ".join(names[:_FEW]) + more


_FEW = 5  # names in a notice
_MANY_APIS = 30  # a real broker serves more kinds of requests


class Look:
    """What a cluster says of itself now; used by one thread at a time."""

    def __init__(self, connected: Callable[[], Client], before: Look | None = None) -> None:
        self._connected = connected  # raises UsageError where there is no cluster
        # Topics as looks before this one saw them, for what needs only their leaders.
        self._lately: dict[str, tuple[float, Topic | None]]
        self._lately = before._lately if before is not None else {}
        self._seen: _Seen = _Seen(before._seen.now if before is not None else {})
        self.began = time.monotonic()
        self._notes: list[Notice] = []
        self._refused: dict[Right, list[str]] = {}  # the names of what a right is missing for
        self._known: dict[Hashable, Any] = {}
        self._offsets: dict[int, dict[Place, int | None]] = {}

    @property
    def client(self) -> Client:
        """The connection that it asks over."""
        return self._connected()

    def again(self) -> Look:
        """Another look at the same cluster, now."""
        return Look(self._connected, self)

    @property
    def notices(self) -> tuple[Notice, ...]:
        """What the rows lack."""
        missing = (
            Notice(NoticeKind.PARTIAL, f"{refused(*needs)} {_few(names)}", len(names))
            for needs, names in self._refused.items()
        )
        return (*self._notes, *missing)

    def note(self, text: str) -> None:
        """Say something of the cluster below the answer."""
        self._notes.append(Notice(NoticeKind.CLUSTER, text))

    def refused(self, code: int, needs: Right, name: str) -> bool:
        """Whether the code says that an operation on one of many things is not allowed: the others
        are shown, and a notice names this one; `needs` has the kind of thing as its resource."""
        if code not in FORBIDDEN:
            return False
        names = self._refused.setdefault(needs, [])
        if name not in names:
            names.append(name)
        return True

    def once(self, what: Hashable, find: Callable[[], T]) -> T:
        """The answer to a question that is asked of the cluster at most once."""
        if what not in self._known:
            self._known[what] = find()
        return cast("T", self._known[what])

    def ask(self, api: Api, bodies: Mapping[int, Body]) -> dict[int, dict[str, Any]]:
        """The answers of several brokers at once, by the brokers' numbers."""
        answers = self.ask_all(api, list(bodies.items()))
        return dict(zip(bodies, answers, strict=True))

    def ask_all(self, api: Api, requests: Sequence[tuple[int, Body]]) -> list[dict[str, Any]]:
        """The answers to several requests at once, in their order."""
        wire = self.client.wire

        async def all_() -> list[dict[str, Any]]:
            asked = (_ask(wire, node, api, body, self._seen) for node, body in requests)
            return await asyncio.gather(*asked)

        return self.client.call(all_())

    def version(self, node: int, api: Api) -> int:
        """The version of a request that a broker and kshell know; -1 for none."""

        async def version() -> int:
            found = api.version((await self.client.wire.connection(node)).versions)
            return -1 if found is None else found

        try:
            return self.client.call(version())
        except (OSError, codes.KafkaError, TimeoutError) as error:
            raise Outage(f"broker {node} does not answer", hint=str(error)) from None

    @property
    def cluster(self) -> Cluster:
        """The brokers and the controller."""
        return self.once("cluster", lambda: self.client.call(self.client.wire.metadata([])))

    @property
    def brokers(self) -> Mapping[int, Broker]:
        """The brokers that are there, by their numbers."""
        return {b.id: b for b in self.cluster.brokers}

    def topics(self, names: Collection[str] | None) -> dict[str, Topic]:
        """These topics, those of them that exist; or all that the user may see."""
        every: dict[str, Topic] | None = self._known.get("topics")
        if every is not None:
            return every if names is None else {n: every[n] for n in names if n in every}
        if names is None:
            return self.once("topics", lambda: self._topics(None))
        wanted = sorted(set(names))
        return self.once(("topics", *wanted), lambda: self._topics(wanted)) if wanted else {}

    def topics_lately(self, names: Collection[str]) -> dict[str, Topic]:
        """These topics as they were some seconds ago at most; a leader may have moved since."""
        if "topics" in self._known:
            return self.topics(names)
        known = self._lately
        if not all(name in known and _serves(*known[name], self.began) for name in names):
            found = self.topics(names)
            known |= {name: (self.began, found.get(name)) for name in names}
        return {name: topic for name in names if (topic := known[name][1]) is not None}

    def _topics(self, names: list[str] | None) -> dict[str, Topic]:
        found = self.client.call(self.client.wire.metadata(names)).topics
        for topic in found:
            self.refused(topic.error, ("DESCRIBE", "topic"), topic.name)
        return {t.name: t for t in found if t.partitions}

    def offsets(self, places: Iterable[Place], at: int) -> dict[Place, int | None]:
        """The offset of each partition at a time of ListOffsets; None without a leader."""
        known = self._offsets.setdefault(at, {})
        wanted = [place for place in places if place not in known]
        if wanted:
            topics = self.topics_lately({topic for topic, _ in wanted})
            known |= self.client.call(_offsets(self.client.wire, topics, wanted, at, self._seen))
        return known

    def known_offset(self, place: Place, at: int) -> int | None:
        """What `offsets` has found, if it was asked."""
        return self._offsets.get(at, {}).get(place)


def _serves(when: float, topic: Topic | None, now: float) -> bool:
    """Whether what was seen then is new enough: a partition without a leader may have one now."""
    led = topic is not None and all(p.leader >= 0 for p in topic.partitions)
    return when == now or (led and now - when < _LATELY)


async def _offsets(
    wire: Wire, topics: Mapping[str, Topic], wanted: Sequence[Place], at: int, seen: _Seen
) -> dict[Place, int | None]:
    """Asks leaders; where one has moved, or does not answer, looks for the new one."""
    found: dict[Place, int | None] = {}
    failure: KafkaError | None = None
    for attempt in range(_ATTEMPTS):
        if attempt:
            await asyncio.sleep(min(0.05 * 2**attempt, 1.0))
            names = sorted({topic for topic, _ in wanted})
            topics = {t.name: t for t in (await wire.metadata(names)).topics}
        leaders = {(t.name, p.id): p.leader for t in topics.values() for p in t.partitions}
        by_leader: dict[int, dict[str, list[int]]] = {}
        for topic, partition in wanted:
            leader = leaders.get((topic, partition), -1)
            if leader < 0:
                found[topic, partition] = None
            else:
                by_leader.setdefault(leader, {}).setdefault(topic, []).append(partition)
        answers = await asyncio.gather(
            *(
                _ask(wire, leader, LIST_OFFSETS, _asked(of, at), seen)
                for leader, of in by_leader.items()
            ),
            return_exceptions=True,
        )
        for answer in answers:
            if isinstance(answer, Outage):
                failure = answer
            elif isinstance(answer, BaseException):
                raise answer
            else:
                found |= _answered(answer)
        wanted = [place for place in wanted if place not in found]
        if not wanted:
            return found
    if failure is not None:
        raise failure
    return found | dict.fromkeys(wanted)  # leaders that are elected again and again


def _asked(of: Mapping[str, list[int]], at: int) -> dict[str, Any]:
    return {
        "replica": -1,
        "isolation": 0,
        "topics": [
            {
                "topic": topic,
                "partitions": [
                    {"partition": p, "leader_epoch": -1, "time": at} for p in partitions
                ],
            }
            for topic, partitions in of.items()
        ],
    }


def _answered(answer: Mapping[str, Any]) -> dict[Place, int | None]:
    """What a leader knows; places that new metadata may solve are left out."""
    found: dict[Place, int | None] = {}
    for topic in answer["topics"]:
        name = topic["topic"]
        for part in topic["partitions"]:
            if part["error"] == 0:
                found[name, part["partition"]] = part["offset"]
            elif part["error"] in _NO_LEADER or part["error"] in FORBIDDEN:
                found[name, part["partition"]] = None
            elif part["error"] not in _MOVED:
                check(part["error"], ("DESCRIBE", f"topic {name}"))
    return found


_MOVED = frozenset({3, 6, 74, 75, 76})
