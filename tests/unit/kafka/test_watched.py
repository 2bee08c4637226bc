"""Who looks at topics again and again asks the brokers once for all of them."""

from __future__ import annotations

import asyncio

from kshell.kafka import wire
from kshell.kafka.metadata import Broker, Cluster, Topic
from kshell.kafka.wire import Wire


class Counting(Wire):
    def __init__(self) -> None:
        super().__init__()
        self.requests: list[list[str]] = []
        self.there = {"a", "b", "c"}

    async def metadata(self, topics):
        self.requests.append(sorted(topics))
        await asyncio.sleep(0)
        # While the answer is on its way, no new name may pass for one that was looked up.
        assert not any(self.seen_lately(n) and self.seen(n) is None for n in self.there)
        found = tuple(Topic(n, bytes(16), False, (), 0 if n in self.there else 3) for n in topics)
        return Cluster("", 1, (Broker(1, "", 1, ""),), found)


async def test_one_request_for_all_and_none_within_a_second(monkeypatch):
    asked = Counting()
    for _ in range(5):
        names = await asyncio.gather(*(asked.watched(n) for n in "abc"))
        assert [t.name for t in names] == ["a", "b", "c"]
    assert asked.requests == [["a"], ["a", "b"], ["a", "b", "c"]]
    monkeypatch.setattr(wire, "_RECENT", 0.0)
    asked.there.discard("b")
    assert await asked.watched("b") is None
    assert asked.requests[-1] == ["a", "b", "c"]
    monkeypatch.setattr(wire, "_LATELY", 0.0)
    await asked.watched("c")
    assert asked.requests[-1] == ["c"]
