"""Decodes upcoming chunks on a thread pool; results keep their order.

`topic` and `declared_table` use it: decoding releases the GIL, so that it uses several cores.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

__all__ = ["ahead"]

_WORKERS = min(os.cpu_count() or 1, 4)

T = TypeVar("T")
R = TypeVar("R")


def ahead(work: Callable[[T], R], items: Iterable[T]) -> Generator[R, None, None]:
    """`work` of each item, in order; an error comes where its item's result would.

    >>> list(ahead(str, [1, 2, 3]))
    ['1', '2', '3']
    """
    waiting: deque[Future[R]] = deque()
    with ThreadPoolExecutor(_WORKERS, "kshell-decode") as pool:
        try:
            for item in items:
                waiting.append(pool.submit(work, item))
                if len(waiting) > _WORKERS:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
