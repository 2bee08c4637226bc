"""Waiting for a schema registry that does not answer: said, bounded in time, and ended by Ctrl-C.

A bounded query's `table` decodes through it.  What comes of a wait is the records as they are, or
RegistryDown: never rows without their values.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

from kshell.errors import RegistryDown

__all__ = ["Patience"]

T = TypeVar("T")

_AGAIN = 0.25  # seconds between two tries


class Patience:
    """Does work again while the registry is down, for so many seconds; `note` tells of it.

    >>> Patience(0).of(lambda: 5)
    5
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._left = threading.Event()
        self.note = ""

    def leave(self) -> None:
        """Wait no more."""
        self._left.set()

    def of(self, work: Callable[[], T]) -> T:
        """What the work gives; RegistryDown when the time is up."""
        deadline = 0.0
        while True:
            try:
                done = work()
            except RegistryDown as error:
                now = time.monotonic()
                deadline = deadline or now + self._seconds
                if now >= deadline or self._left.is_set():
                    raise
                self.note = f"waiting: {error.what}"
                self._left.wait(_AGAIN)
                continue
            self.note = ""
            return done
