"""Waits for a schema registry that does not answer: says so, for a limited time, until Ctrl-C.

A bounded query's scans decode through it, and so do `continuous.feed` and PRINT.  After the wait
come the complete records, or RegistryDown: never rows without their values.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from kshell.errors import RegistryDown

__all__ = ["RegistryWait"]

T = TypeVar("T")


class RegistryWait:
    """Does work again while the registry is down, for so many seconds; `note` says that it waits.

    >>> RegistryWait(0).of(lambda: 5)
    5
    """

    again = 0.25  # seconds between two tries

    def __init__(self, seconds: float = math.inf) -> None:
        self._seconds = seconds
        self._deadline = 0.0
        self._left = threading.Event()
        self.note = ""

    def leave(self) -> None:
        """Wait no more."""
        self._left.set()

    def attempt(self, work: Callable[[], T]) -> T | None:
        """What the work gives, None while the registry is down; RegistryDown when time is up."""
        try:
            done = work()
        except RegistryDown as error:
            now = time.monotonic()
            self._deadline = self._deadline or now + self._seconds
            if now >= self._deadline or self._left.is_set():
                raise
            self.note = f"waiting: {error.what}"
            return None
        self.note, self._deadline = "", 0.0
        return done

    def of(self, work: Callable[[], T]) -> T:
        """What the work gives, waited for; RegistryDown when time is up."""
        # Threads decode side by side: each has a deadline of its own.
        own = RegistryWait(self._seconds)
        own._left = self._left
        while (done := own.attempt(work)) is None:
            self.note = own.note
            self._left.wait(self.again)
        self.note = ""
        return done
