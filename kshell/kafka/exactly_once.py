"""Copies records to a topic together with a group's offsets: both in one transaction, or neither.

`engines` makes one for CONSUME … EXACTLY ONCE.  `member` says for whom it commits: the brokers
refuse what a member of an earlier generation sends.
"""

from __future__ import annotations

import contextlib
import time
import uuid
from collections.abc import Mapping
from functools import partial

from kshell.config import Properties
from kshell.errors import KshellError, Outage
from kshell.kafka.outgoing import Outgoing
from kshell.kafka.transactions import Stuck, Transactions, Undone

__all__ = ["ExactlyOnce"]

_EXPIRES = 15.0  # seconds until the brokers abort what a dead process left open


class ExactlyOnce:
    """The producer of one member; for one thread at a time.  It fences those before it.

    `largest` is how many bytes a batch may have: `Client.largest_batch`.
    """

    def __init__(self, properties: Properties, group: str, largest: int | None = None) -> None:
        self._group, self.note = group, ""  # why the last records were not written, and are again
        self._failing = 0.0  # since when
        id = properties.get("transactional.id") or f"kshell-{uuid.uuid4()}"
        self._made = partial(Transactions, properties, id, expires=_EXPIRES, largest=largest)
        self._transactions = self._made()

    def write(
        self, topic: str, records: Outgoing, member: bytes, read: tuple[str, Mapping[int, int]]
    ) -> bool:
        """Write records, and the offsets of the topic that they were read from.

        False where nothing was written, and the same can be tried again.  Raises KafkaError.
        """
        (source, offsets), transactions = read, self._transactions
        try:
            transactions.begin()
            transactions.send(topic, records)
            places = [(source, partition, at) for partition, at in offsets.items()]
            transactions.send_offsets(self._group, places, member)
            transactions.commit()
        except (Outage, Stuck, Undone) as error:
            if isinstance(error, Stuck):
                self._transactions = self._made()  # it fences the one that is stuck
            else:
                transactions.abort(transactions.patience)
            now = time.monotonic()
            self._failing = self._failing or now
            if now - self._failing > transactions.patience:
                raise
            self.note = f"tried again: {error.what}"
            return False
        except KshellError:
            with contextlib.suppress(KshellError):  # then the brokers do so, after its time
                transactions.abort()
            raise
        self.note, self._failing = "", 0.0
        return True
