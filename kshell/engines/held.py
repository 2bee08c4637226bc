"""The records that an open transaction holds, until COMMIT sends them or ROLLBACK drops them.

Nothing of them is sent before COMMIT: a transaction that is open on the brokers would stop the
readers of its topics.
"""

from __future__ import annotations

from collections.abc import Iterator

from kshell.errors import UsageError
from kshell.kafka.outgoing import Outgoing
from kshell.wording import many

__all__ = ["Held"]

_MOST = 64 << 20  # bytes


class Held:
    """Records by topic, in the order of their statements."""

    def __init__(self) -> None:
        self._rows: list[tuple[str, Outgoing]] = []
        self._count = self._bytes = 0

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[tuple[str, Outgoing]]:
        return iter(self._rows)

    def add(self, topic: str, records: Outgoing) -> None:
        """Hold them too; raises UsageError where they are too many, and holds none of them."""
        if self._bytes + records.nbytes > _MOST:
            raise UsageError(
                f"a transaction holds at most {_MOST >> 20} MiB, and these records are beyond",
                hint=f"COMMIT the {many(self._count, 'record')} that it holds, and BEGIN again",
            )
        self._rows.append((topic, records))
        self._count += len(records)
        self._bytes += records.nbytes
