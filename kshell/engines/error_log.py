"""The records that could not be used, for SHOW ERRORS: counted all, the latest kept.

Scans add to it from their threads; each bounded answer also tells its own count.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable

from kshell.errors import BadRecord

__all__ = ["EXCERPT", "ErrorLog"]

EXCERPT = 120  # bytes of a bad record that are kept

_KEPT = 1000


class ErrorLog:
    """Thread-safe; `total` counts also what is no longer kept.

    >>> log = ErrorLog()
    >>> log.add([BadRecord("t", 0, 5, "not valid JSON")])
    >>> log.total, log.rows()[0].offset
    (1, 5)
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rows: deque[BadRecord] = deque(maxlen=_KEPT)
        self._seen: set[tuple[str, int, int, str]] = set()
        self.total = 0

    def add(self, rows: Iterable[BadRecord]) -> None:
        """Count and keep; the same record read again by another statement is kept once."""
        with self._lock:
            for row in rows:
                identity = (row.topic, row.partition, row.offset, row.reason)
                if identity in self._seen:
                    continue
                self.total += 1
                if len(self._rows) == _KEPT:
                    old = self._rows[0]
                    self._seen.discard((old.topic, old.partition, old.offset, old.reason))
                self._seen.add(identity)
                self._rows.append(row)

    def evaluation(self, query: str, column: str, message: str) -> None:
        """An expression of a query failed on a row; its column is NULL there."""
        with self._lock:
            self.total += 1
            self._rows.append(BadRecord(query, -1, -1, f"{column}: {message}"))

    def rows(self) -> list[BadRecord]:
        """What is kept, oldest first."""
        with self._lock:
            return list(self._rows)
