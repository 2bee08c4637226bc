"""The records that could not be used, for SHOW ERRORS: counts all, keeps the latest.

Scans add to it from their threads; each bounded answer also says its own count.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable

from kshell.errors import BadRecord

__all__ = ["EXCERPT", "ErrorLog"]

EXCERPT = 120  # bytes kept of a bad record

_KEPT = 1000


class ErrorLog:
    """Thread-safe; `total` also counts records that are no longer kept.

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
        """Count and keep a record; one that another statement reads again is kept once."""
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
        """Add a failure: an expression of a query failed on a row; its column is NULL there."""
        with self._lock:
            self.total += 1
            self._rows.append(BadRecord(query, -1, -1, f"{column}: {message}"))

    def rows(self) -> list[BadRecord]:
        """The kept records, oldest first."""
        with self._lock:
            return list(self._rows)
