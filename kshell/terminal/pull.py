"""Pulls batches in another thread, so that Ctrl-C works while DuckDB computes.

A call into C does not notice an interrupt before it returns; a wait on a queue does.  `show` draws
the batches, while the thread makes the next ones.
"""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable, Iterator
from typing import TypeVar

__all__ = ["pulled"]

T = TypeVar("T")

_AHEAD = 4  # batches made and not yet drawn
_GRACE = 0.1  # seconds to wait for a cancelled result to end


class _End:
    """The last item on the queue, with the error that the iteration raised."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error


def pulled(items: Iterator[T], cancel: Callable[[], None]) -> Iterator[T]:
    """The items; if the caller leaves early, also by Ctrl-C, cancels and waits only a moment.

    >>> list(pulled(iter([1, 2]), lambda: None))
    [1, 2]
    """
    ready: queue.Queue[T | _End] = queue.Queue(_AHEAD)
    left = threading.Event()

    def put(item: T | _End) -> None:
        while not left.is_set():
            with contextlib.suppress(queue.Full):
                ready.put(item, timeout=0.1)
                break

    def run() -> None:
        try:
            for item in items:
                put(item)
                if left.is_set():
                    break
            put(_End())
        except BaseException as error:
            put(_End(error))

    thread = threading.Thread(target=run, name="kshell-pull", daemon=True)
    thread.start()
    try:
        while not isinstance(item := ready.get(), _End):
            yield item
        if item.error is not None:
            raise item.error
    finally:
        left.set()
        cancel()
        thread.join(_GRACE)
