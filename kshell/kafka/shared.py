"""Continuous reads of a topic share its fetches, each at its own speed.

`Client.follow` makes a `Reader`, one for each topic that a query follows.  Readers that are at the
same offset of a partition get each record set from one fetch; a reader decodes its own columns.
One that is late, paused or far behind fetches by itself, and shares again when it is level: the
fetches meet when what one has just got reaches to where the other is.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping

from kshell.errors import KshellError
from kshell.kafka import ends
from kshell.kafka.fetcher import FOREVER, Chunk, Fetcher, first_error
from kshell.kafka.leaders import Leaders
from kshell.kafka.metadata import Snapshot, no_leader
from kshell.kafka.reader import LEAST, ROOM, Late, Reader
from kshell.kafka.wire import Wire

__all__ = ["SharedReads"]

_BEHIND = 32 << 20  # bytes that wait for a reader before it has to let the others go on
_LEADERLESS = 1.0  # seconds between two looks for a leader
_POOL = 32 << 20  # what all fetches of a topic may keep waiting, if they are many
_UNKNOWN = bytes(16)  # the topic id of brokers that have none


class _Group:
    """One fetch, and for each partition the readers that are where it is."""

    def __init__(self, topic: _Topic) -> None:
        self.members: dict[int, list[Reader]] = defaultdict(list)
        self._topic = topic
        self.fetcher = Fetcher(topic.wire, topic.leaders, topic.isolation, self, topic.high)
        self.task = asyncio.get_running_loop().create_task(self._run())

    def wants(self, partition: int) -> bool:
        """Whether a reader wants more of a partition now."""
        most = self._topic.most
        return any(reader.wants(partition, most) for reader in self.members[partition])

    def take(self, partition: int, chunk: Chunk | None) -> None:
        """Takes an answer of the fetcher."""
        if chunk is not None:
            self._topic.take(self, chunk)
            return
        for reader in self.members[partition]:
            reader.reach(partition, self.fetcher.position[partition])

    def failed(self, partition: int, error: KshellError) -> None:
        """A partition cannot be read on: its readers end, the others do not."""
        for reader in tuple(self.members[partition]):
            reader.finish(error)
            self._topic.leave(reader)

    def serves(self, reader: Reader) -> bool:
        """Whether it fetches anything for that one."""
        return any(reader in members for members in list(self.members.values()))

    def readers(self) -> set[Reader]:
        """Those that it fetches anything for."""
        return {reader for members in list(self.members.values()) for reader in members}

    async def _run(self) -> None:
        error: KshellError | None = None
        try:
            await self.fetcher.run()
            await self._topic.leaders.check()  # it had an end: is the topic still the same?
        except* asyncio.CancelledError:
            self.members.clear()
        except* Exception as group:
            error = first_error(group)
        self._topic.ended(self, error)


class _Topic:
    """All reads of one topic under one isolation level; the client's loop alone touches it."""

    def __init__(self, wire: Wire, snapshot: Snapshot, forget: Callable[[], None]) -> None:
        self.wire, self.isolation = wire, snapshot.isolation
        self.leaders = Leaders(wire, snapshot.topic)
        self.high: dict[int, int] = {}
        self.readers: list[Reader] = []
        self.groups: list[_Group] = []  # the oldest first
        self.most = ROOM
        self._forget = forget
        self._watcher = asyncio.get_running_loop().create_task(self._watch())
        self._seeker: asyncio.Task[None] | None = None

    def join(self, reader: Reader) -> None:
        """One more reader."""
        for partition, end in reader.high.items():
            self.high[partition] = max(self.high.get(partition, 0), end)
        reader.high, reader.topic = self.high, self
        self.readers.append(reader)
        self.settle(reader)
        if reader.missing and (self._seeker is None or self._seeker.done()):
            self._seeker = asyncio.get_running_loop().create_task(self._seek())
        if reader.bounded and not self.groups:  # there is nothing to read
            reader.finish(None)
            self.leave(reader)

    def settle(self, reader: Reader) -> None:
        """Fetch what the reader wants and nobody fetches for it; its wishes may have changed."""
        for partition in sorted(reader.parked):
            if not reader.done and (reader.bounded or reader.wants(partition, self.most)):
                self._place(reader, partition)
        for group in self.groups:
            group.fetcher.wake()

    def _place(self, reader: Reader, partition: int) -> None:
        """Share the fetch that is where the reader is; or take one that nobody uses there."""
        start, end = reader.at[partition], reader.ends.get(partition, FOREVER)
        reader.parked.discard(partition)
        if start >= end:
            return
        usable = [g for g in self.groups if not g.fetcher.ending]
        for group in usable:
            if group.members[partition] and group.fetcher.position[partition] == start:
                group.members[partition].append(reader)
                return
        group = next((g for g in usable if not g.members[partition]), None) or self._grouped()
        group.fetcher.move(partition, start, end)
        group.members[partition].append(reader)

    def _grouped(self) -> _Group:
        self.groups.append(_Group(self))
        self._share_room()
        return self.groups[-1]

    def _share_room(self) -> None:
        self.most = max(min(ROOM, _POOL // max(len(self.groups), 1)), LEAST)
        for group in self.groups:
            group.fetcher.response_bytes = 2 * self.most

    def take(self, group: _Group, chunk: Chunk) -> None:
        """Give a chunk to the readers of a group, and to those of others that it has reached.

        They are together from then on.  Without those that pause or are far behind, if any other
        reader goes on: they fetch by themselves later.
        """
        p = chunk.partition
        if not group.members[p]:
            return
        near = [
            g for g in self.groups
            if g is group
            or (g.members[p] and chunk.start <= g.fetcher.position[p] <= chunk.next)
        ]  # fmt: skip
        together = [reader for g in near for reader in g.members[p]]
        slow = [r for r in together if p in r.paused or r.waiting > _BEHIND]
        staying = together if len(slow) == len(together) else [r for r in together if r not in slow]
        for g in near:
            g.members[p] = []
        near[0].members[p] = staying
        for reader in staying:
            reader.give(chunk)
        if len(staying) < len(together):
            for reader in slow:
                reader.parked.add(p)
                if p not in reader.paused:
                    self._fall_back(reader)
        if len(near) > 1:
            near[0].fetcher.wake()
            self._tidy()

    def _fall_back(self, reader: Reader) -> None:
        self._remove(reader)
        reader.fall_back()
        reader.parked.update(reader.at)
        self.settle(reader)

    def _remove(self, reader: Reader) -> None:
        for group in self.groups:
            for partition, members in group.members.items():
                group.members[partition] = [r for r in members if r is not reader]

    def leave(self, reader: Reader) -> None:
        """The reader has ended."""
        if reader not in self.readers:
            return
        self.readers.remove(reader)
        self._remove(reader)
        self._tidy()
        for n, group in enumerate(self.groups):
            for older in self.groups[:n]:
                self._join_up(older, group)
        self._tidy()
        if not self.readers:
            self._watcher.cancel()
            if self._seeker is not None:
                self._seeker.cancel()
            self._forget()

    def _join_up(self, older: _Group, younger: _Group) -> None:
        """Use the older fetch for what only the younger one is used for."""
        for partition, members in younger.members.items():
            if members and not older.members[partition] and not older.fetcher.ending:
                older.members[partition], younger.members[partition] = members, []
                older.fetcher.move(partition, younger.fetcher.position[partition])

    def _tidy(self) -> None:
        """End fetches that have no reader."""
        for group in [g for g in self.groups if not g.readers()]:
            self.groups.remove(group)
            group.task.cancel()
        self._share_room()

    def ended(self, group: _Group, error: KshellError | None) -> None:
        """A fetch came to its end, or an error ended it: so end its readers."""
        if group in self.groups:
            self.groups.remove(group)
        for reader in group.readers():
            reader.finish(error)
            self.leave(reader)

    def note(self, reader: Reader) -> str:
        """The outage that a reader waits for; any thread may ask."""
        missing = no_leader(self.leaders.topic.name, reader.missing).what if reader.missing else ""
        return next(filter(None, (f.note for f in self._fetchers(reader))), missing)

    def held_back(self, reader: Reader) -> str:
        """The open transaction that a reader waits for; any thread may ask."""
        return next(filter(None, (f.held_back for f in self._fetchers(reader))), "")

    def _fetchers(self, reader: Reader) -> Iterator[Fetcher]:
        return (g.fetcher for g in tuple(self.groups) if g.serves(reader))

    async def _watch(self) -> None:
        try:
            await self.leaders.watch(self._added)
        except KshellError as error:
            for reader in tuple(self.readers):
                reader.finish(error)
                self.leave(reader)

    async def _seek(self) -> None:
        """Wait for leaders of the partitions that have none, and read those from then on."""
        while missing := frozenset[int]().union(*(r.missing for r in self.readers)):
            await asyncio.sleep(_LEADERLESS)
            with contextlib.suppress(KshellError):  # the watch and the fetches end what must end
                topic = await self.wire.topic(self.leaders.topic.name)
                if topic.id != self.leaders.topic.id:
                    continue
                led = {p.id for p in topic.partitions if p.leader >= 0} & missing
                spans = await ends.spans(self.wire, topic, led, self.isolation)
                for partition, span in spans.items():
                    self._led(partition, span)

    def _led(self, partition: int, span: tuple[int, int]) -> None:
        self.high[partition] = max(self.high.get(partition, 0), span[1])
        for reader in [r for r in self.readers if partition in r.missing]:
            reader.begin(partition, span)
            self.settle(reader)

    def _added(self, partition: int) -> None:
        """The topic got a partition: read it from its first record."""
        for reader in self.readers:
            known = partition in reader.at or partition in reader.missing
            if not known and not reader.bounded:
                reader.at[partition] = 0
                reader.parked.add(partition)
                self.settle(reader)


class SharedReads:
    """The continuous reads of one client, by topic."""

    def __init__(self, loop: asyncio.AbstractEventLoop, wire: Wire) -> None:
        self._loop, self._wire = loop, wire
        self._topics: dict[tuple[str, bytes, int], _Topic] = {}

    def follow(
        self,
        snapshot: Snapshot,
        ranges: Mapping[int, tuple[int, int]],
        bell: threading.Event,
        room: int,
        late: Late | None = None,
    ) -> Reader:
        """A reader of [start, end) of each partition; shared where it has no ends."""
        reader = Reader(self._loop, snapshot, ranges, bell, room, late)
        self._loop.call_soon_threadsafe(self._join, snapshot, reader)
        return reader

    def _join(self, snapshot: Snapshot, reader: Reader) -> None:
        topic = snapshot.topic
        key = (topic.name, topic.id, snapshot.isolation)
        if reader.bounded or topic.id == _UNKNOWN:  # two topics may have that name
            _Topic(self._wire, snapshot, lambda: None).join(reader)
            return
        if key not in self._topics:
            self._topics[key] = _Topic(self._wire, snapshot, lambda: self._forget(key))
        self._topics[key].join(reader)

    def _forget(self, key: tuple[str, bytes, int]) -> None:
        del self._topics[key]
