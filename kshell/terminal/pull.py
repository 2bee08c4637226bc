"""Works in another thread, so that Ctrl-C is heeded while DuckDB computes.

A call into C does not notice an interrupt before it returns; a wait on a queue does.  `show` draws
an answer's batches while the thread makes the next ones; `conversation` has statements run there.
"""

from __future__ import annotations

import contextlib
import ctypes
import queue
import threading
from collections.abc import Callable, Generator, Iterator
from typing import TypeVar

__all__ = ["finished", "interrupt", "pulled", "stepwise"]

T = TypeVar("T")


_AHEAD = 4  # batches made and not yet drawn
_GRACE = 0.1  # seconds to wait for a cancelled result to end


class _End:
    """The last item on the queue, with the error that the iteration raised."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error


_END = _End()


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


def stepwise(
    items: Iterator[T], seconds: float | None = None
) -> Generator[T, None, None]:
    """The items, each made when it is asked for; if the caller leaves, waits only a moment.

    What is made after that is cancelled.  Raises TimeoutError where one takes longer than the
    seconds.

    >>> list(stepwise(i for i in (1, 2)))
    [1, 2]
    """
    asked: queue.Queue[bool] = queue.Queue()
    made: queue.Queue[T | _End] = queue.Queue()
    left = threading.Event()

    def run() -> None:
        while asked.get():
            try:
                item = next(items, _END)
            except BaseException as error:
                made.put(_End(error))
                return
            made.put(item)
            if left.is_set() and hasattr(item, "cancel"):
                item.cancel()
        items.close()  # type: ignore[attr-defined]

    def outermost() -> None:
        with contextlib.suppress(KeyboardInterrupt):  # it came when all was done
            run()

    thread = threading.Thread(target=outermost, name="kshell-statement", daemon=True)
    thread.start()
    busy = True
    try:
        while True:
            asked.put(True)
            try:
                item = made.get(timeout=seconds)
            except queue.Empty:
                raise TimeoutError from None
            if isinstance(item, _End):
                break
            busy = False
            yield item
            busy = True
        busy = False
        if item.error is not None:
            raise item.error
    finally:
        left.set()
        if busy:
            interrupt(thread)
        asked.put(False)
        thread.join(_GRACE)


def finished(work: Callable[[], T], cancel: Callable[[], None]) -> tuple[T, bool]:
    """What the work gives, and whether Ctrl-C came, which cancels it; the second is raised.

    >>> finished(lambda: 1, lambda: None)
    (1, False)
    """
    ready: queue.Queue[T | _End] = queue.Queue()

    def run() -> None:
        try:
            ready.put(work())
        except BaseException as error:
            ready.put(_End(error))

    threading.Thread(target=run, name="kshell-work", daemon=True).start()
    stopped = False
    while True:
        try:
            item = ready.get()
            break
        except KeyboardInterrupt:
            if stopped:
                raise
            stopped = True
            cancel()
    if isinstance(item, _End):
        raise item.error or AssertionError
    return item, stopped


def interrupt(thread: threading.Thread) -> None:
    """Raise KeyboardInterrupt in a thread, at its next step in Python."""
    if thread.ident is not None:
        ctypes.pythonapi.PyThreadState_SetAsyncExc(
            ctypes.c_ulong(thread.ident), ctypes.py_object(KeyboardInterrupt)
        )
