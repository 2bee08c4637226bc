"""Polls a live query in a thread, so that its view answers keys at once."""

from __future__ import annotations

import contextlib
import os
import select
import threading
import time
from collections import deque

from kshell.changes import Changes
from kshell.results import Live
from kshell.terminal.board import Board

__all__ = ["Puller"]

_AHEAD = 64  # polls that wait to be drawn


class Puller:
    """`news` is a pipe that can be read when changes came, so that one wait serves for keys and
    changes."""

    def __init__(self, live: Live) -> None:
        self.news, self._ring = os.pipe()
        os.set_blocking(self._ring, False)
        self._live = live
        self._fresh: deque[Changes] = deque()
        self.error: BaseException | None = None
        self.ended = False  # by itself, or by its error
        self.done = threading.Event()
        self.go = threading.Event()
        self.go.set()
        self.thread = threading.Thread(target=self._run, name="kshell-live", daemon=True)
        self.thread.start()

    def _run(self) -> None:
        try:
            self._pull()
        except BaseException as error:
            self.error, self.ended = error, True
        finally:
            self.done.set()
            self.tell()

    def _pull(self) -> None:
        while not self.done.is_set():
            if not self.go.wait(0.1):
                continue  # paused: the fetch's queue fills, and then the brokers wait
            changes = self._live.poll(0.1)
            if changes is None:
                self.ended = True
                break
            if len(changes):
                self._fresh.append(changes)
                self.tell()
            while len(self._fresh) >= _AHEAD and not self.done.is_set():
                time.sleep(0.01)  # the terminal is stopped (Ctrl-S): memory use stays flat

    def heard(self) -> bool:
        """Whether changes came since the last call."""
        if not select.select([self.news], [], [], 0)[0]:
            return False
        os.read(self.news, 4096)
        return True

    def tell(self) -> None:
        """Wake who waits for news."""
        with contextlib.suppress(OSError):  # full: the reader knows already
            os.write(self._ring, b"!")

    def close(self) -> None:
        """Close the pipe, after the end."""
        if not self.thread.is_alive():
            os.close(self.news)
            os.close(self._ring)

    def over(self, board: Board) -> bool:
        """Wait for the last poll and give the board what it had; whether the query has ended."""
        self.done.set()
        self.thread.join()
        self.close()
        self.hand_over(board)
        return self.ended

    def hand_over(self, board: Board) -> None:
        """Give the new changes to the board."""
        parts = [self._fresh.popleft() for _ in range(len(self._fresh))]
        if parts:
            board.add(Changes.concat(parts, board.schema))
