"""A link to a broker as it may be: slow, far, cut at random, or dead."""

from __future__ import annotations

import asyncio
import contextlib
import random
import struct
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping

from . import realkafka

__all__ = ["Link", "linked_broker"]

_PIECE = 16 << 10


class _Frames:
    """The first bytes of each of Kafka's frames in a stream that comes in pieces."""

    def __init__(self, head: int) -> None:
        self._head, self._left, self._size = head, 0, 4 + head
        self._bytes = b""

    def heads(self, piece: bytes) -> Iterator[bytes]:
        while piece:
            if self._left:
                passed = min(self._left, len(piece))
                self._left, piece = self._left - passed, piece[passed:]
                continue
            taken = self._size - len(self._bytes)
            self._bytes, piece = self._bytes + piece[:taken], piece[taken:]
            if len(self._bytes) == self._size:
                (size,) = struct.unpack_from(">i", self._bytes)
                yield self._bytes[4:]
                self._left, self._bytes = size - self._head, b""


class _Connection:
    """Which requests wait for their answers: API keys by correlation ids."""

    def __init__(self) -> None:
        self._requests, self._answers = _Frames(8), _Frames(4)
        self._asked: dict[int, int] = {}

    def asked(self, piece: bytes) -> None:
        for head in self._requests.heads(piece):
            key, _, id = struct.unpack(">hhi", head)
            self._asked[id] = key

    def answered(self, piece: bytes) -> list[int]:
        """The API keys of the answers that begin in a piece."""
        ids = [struct.unpack(">i", head)[0] for head in self._answers.heads(piece)]
        return [self._asked.pop(id, -1) for id in ids]


class Link:
    """Passes bytes on to a port; set the attributes at any time.

    `rate` is bytes a second from the broker, of all connections together; `delay` seconds each way;
    `between_cuts` the mean number of bytes after which a connection is cut; 0 is without.  `loses`
    has the chance of an answer to be lost, with its connection, by the request's API key; `lost`
    counts them.
    """

    def __init__(self, port: int, to: int) -> None:
        self.port, self._to = port, to
        self.rate = self.delay = self.between_cuts = 0.0
        self.dead = False
        self.cuts = 0
        self.loses: Mapping[int, float] = {}
        self.lost: Counter[int] = Counter()
        self._free = 0.0  # when the line is free for the next piece
        self._chance = random.Random(7)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(
            asyncio.start_server(self._serve, "127.0.0.1", port), self._loop
        ).result(5)

    def close(self) -> None:
        """Take the link away."""

        async def leave() -> None:
            self._server.close()
            tasks = asyncio.all_tasks() - {asyncio.current_task()}
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

        asyncio.run_coroutine_threadsafe(leave(), self._loop).result(5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)

    async def _serve(self, down: asyncio.StreamReader, out: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.CancelledError):
            try:
                up, into = await asyncio.open_connection("127.0.0.1", self._to)
            except OSError:
                out.transport.abort()
                return
            connection = _Connection()
            ways = (self._pass(down, into, connection, False), self._pass(up, out, connection, True))
            tasks = [asyncio.ensure_future(way) for way in ways]
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                task.cancel()
            for end in (into, out):
                end.transport.abort()

    async def _pass(self, read: asyncio.StreamReader, write: asyncio.StreamWriter, connection: _Connection, limited: bool) -> None:
        while piece := await read.read(_PIECE):
            if not limited:
                connection.asked(piece)
            for key in connection.answered(piece) if limited else ():
                if self._chance.random() < self.loses.get(key, 0.0):
                    self.lost[key] += 1
                    return
            while self.dead:
                await asyncio.sleep(0.1)
            if self.delay:
                await asyncio.sleep(self.delay)
            if limited and self.rate:
                now = time.monotonic()
                self._free = max(self._free, now) + len(piece) / self.rate
                await asyncio.sleep(self._free - now)
            if limited and self.between_cuts and self._chance.random() < len(piece) / self.between_cuts:
                self.cuts += 1
                return
            write.write(piece)
            await write.drain()


@contextlib.contextmanager
def linked_broker() -> Iterator[tuple[Link, str]]:
    """A broker of its own that names no other way to it than a link; with the link's address.

    The link is there first: a client that has heard of it forgets the broker's own address.
    """
    port, to, control = (realkafka.free_port() for _ in range(3))
    settings = {"advertised.listeners": f"PLAINTEXT://127.0.0.1:{port}"}
    made = Link(port, to)
    try:
        with realkafka.cluster(1, settings, listeners={"PLAINTEXT": to, "CONTROLLER": control}):
            yield made, f"127.0.0.1:{port}"
    finally:
        made.close()
