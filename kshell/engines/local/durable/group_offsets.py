"""Where a durable query stands, written to its group: other tools see the lag there.

The truth is in the state topic.  `life` calls this behind its commits, and not as a part of them:
librdkafka waits without end for a coordinator that was away when it adds offsets to a transaction.
"""

from __future__ import annotations

import time
from collections.abc import Mapping

from kshell.errors import Forbidden, KshellError
from kshell.kafka.client import Client
from kshell.kafka.groups import commit
from kshell.kafka.look import Look

__all__ = ["GroupOffsets"]

_EACH = 1.0  # seconds between two commits to the group

Place = tuple[str, int]


class GroupOffsets:
    """The offsets of one group that nobody joins."""

    def __init__(self, client: Client, group: str) -> None:
        self._look, self._group = Look(lambda: client), group
        self._next, self._told = 0.0, dict[Place, int]()

    def follow(self, offsets: Mapping[Place, int], *, now: bool = False) -> None:
        """Have the group stand there, at most once a second; with `now` at once.

        Raises Forbidden.  A group that cannot be written now is written the next time.
        """
        if offsets == self._told or (time.monotonic() < self._next and not now):
            return
        self._next = time.monotonic() + _EACH
        try:
            self._look = self._look.again()
            commit(self._look, self._group, offsets)
            self._told = dict(offsets)
        except Forbidden:
            raise
        except KshellError:
            return
