"""What `kshell run` says of records that were left out, and of values that could not be computed.

No value of a record is in it, as everywhere in the log.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

from kshell.engines.error_log import ErrorLog
from kshell.errors import BadRecord
from kshell.wording import many

__all__ = ["Losses"]

_UNWRITTEN = "not written to"
_BETWEEN = 5.0  # seconds between two words


class Losses:
    """Sentences about what an error log has got since the last time.

    `letters` is the topic of records that cannot be decoded; empty: there is none.
    """

    def __init__(self, errors: ErrorLog, letters: str) -> None:
        self._errors, self._letters = errors, letters
        self._told, self._next = 0, 0.0

    def news(self, *, last: bool = False) -> Iterator[str]:
        """What is new, some seconds after the news before; at once where these are the `last`."""
        count = self._errors.total - self._told
        if not count or (time.monotonic() < self._next and not last):
            return
        rows = self._errors.rows()[-count:]
        self._told, self._next = self._told + count, time.monotonic() + _BETWEEN
        yield from self._sentences(rows)
        if count > len(rows):
            yield f"{many(count - len(rows), 'row')} more could not be used"

    def _sentences(self, rows: list[BadRecord]) -> Iterator[str]:
        found: dict[tuple[str, str], list[BadRecord]] = {}
        for row in rows:
            column = row.reason.partition(":")[0] if row.offset < 0 else ""
            found.setdefault((row.topic, column), []).append(row)
        for (name, column), mine in found.items():
            if column.startswith(_UNWRITTEN):
                yield f"query {name}: {many(len(mine), 'row')} {column}"
            elif column:
                yield (
                    f"query {name}: {many(len(mine), 'row')} where {column} could not be computed"
                    " and is NULL"
                )
            else:
                are = "is" if len(mine) == 1 else "are"
                what = f"{are} written to {self._letters}" if self._letters else f"{are} left out"
                yield (
                    f"topic {name}: {many(len(mine), 'record')} cannot be decoded and {what};"
                    f" the last: partition {mine[-1].partition}, offset {mine[-1].offset}"
                )
