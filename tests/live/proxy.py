"""A link to a broker as it may be: slow, far, cut at random, or dead."""

from __future__ import annotations

import asyncio
import contextlib
import random
import threading
import time
from collections.abc import Iterator

__all__ = ["Link", "link"]

_PIECE = 16 << 10


class Link:
    """Passes bytes on to a port; set the attributes at any time.

    `rate` is bytes a second from the broker, of all connections together; `delay` seconds each way;
    `between_cuts` the mean number of bytes after which a connection is cut; 0 is without.
    """

    def __init__(self, port: int, to: int) -> None:
        self.port, self._to = port, to
        self.rate = self.delay = self.between_cuts = 0.0
        self.dead = False
        self.cuts = 0
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
            up, into = await asyncio.open_connection("127.0.0.1", self._to)
            ways = (self._pass(down, into, False), self._pass(up, out, True))
            tasks = [asyncio.ensure_future(way) for way in ways]
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                task.cancel()
            for end in (into, out):
                end.transport.abort()

    async def _pass(self, read: asyncio.StreamReader, write: asyncio.StreamWriter, limited: bool) -> None:
        while piece := await read.read(_PIECE):
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
def link(port: int, to: int) -> Iterator[Link]:
    """A link from one local port to another."""
    made = Link(port, to)
    try:
        yield made
    finally:
        made.close()
