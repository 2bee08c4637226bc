"""Sends records by confluent-kafka's own producer: the twin of the compiled `_produce`.

It serves where that was not built, where librdkafka's functions are not found, and with
KSHELL_PURE.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from kshell.kafka.outgoing import Outgoing, Refused

__all__ = ["Sender"]

_FATAL = -150  # the producer has failed for good


class Sender:
    """A producer of librdkafka.

    `failed` are the records that were not acknowledged: (topic, partition, code, text).
    """

    def __init__(self, settings: dict[str, Any]) -> None:
        from confluent_kafka import Producer

        self.failed: list[tuple[str, int | None, int, str]] = []
        self._fatal = (0, "")
        self._sender = _tried(Producer, {**settings, "error_cb": self._noted})

    def send(self, topic: str, records: Outgoing, row: int = 0) -> int:
        """Queue the rows from `row` on; gives the first that found the queue full, or their
        number."""
        columns = [
            [None] * len(records) if c is None else c[row:].to_pylist()
            for c in (records.keys, records.values, records.timestamps, records.partitions,
                      records.headers)
        ]  # fmt: skip
        for key, value, timestamp, partition, headers in zip(*columns, strict=False):
            given: dict[str, Any] = {}
            if partition is not None:
                given["partition"] = partition
            if timestamp is not None:
                given["timestamp"] = timestamp
            if headers:
                given["headers"] = [(h["key"], h["value"]) for h in headers]
            try:
                _tried(
                    self._sender.produce, topic, value, key, on_delivery=self._delivered, **given
                )
            except BufferError:
                return row
            row += 1
        return row

    def _delivered(self, error: Any, message: Any) -> None:
        if error is not None:
            self.failed.append((message.topic(), message.partition(), error.code(), error.str()))

    def _noted(self, error: Any) -> None:
        if error.fatal():
            self._fatal = (error.code(), error.str())

    @contextmanager
    def _noting(self) -> Iterator[None]:
        """confluent-kafka raises what ended the producer for good from the call that comes next."""
        from confluent_kafka import KafkaException

        try:
            yield
        except KafkaException as exception:
            self._noted(exception.args[0])

    def fatal(self) -> tuple[int, str]:
        """The code and the text of what ended the producer for good; code 0 where nothing did."""
        return self._fatal

    def poll(self, seconds: float) -> None:
        """Take failures in, or wait for one."""
        with self._noting():
            self._sender.poll(seconds)

    def flush(self, seconds: float) -> int:
        """Wait until all is acknowledged; gives how many records are not."""
        with self._noting():
            return int(self._sender.flush(seconds))
        return len(self)

    def __len__(self) -> int:
        return len(self._sender)

    def init_transactions(self, seconds: float) -> None:
        """Fence other producers of the same transactional id, and end what they left open."""
        _tried(self._sender.init_transactions, seconds)

    def begin(self) -> None:
        """Begin a transaction."""
        _tried(self._sender.begin_transaction)

    def send_offsets(
        self, member: bytes, offsets: Sequence[tuple[str, int, int]], seconds: float
    ) -> None:
        """Add offsets (topic, partition, next offset) to the transaction, for the group and the
        member in a consumer's `consumer_group_metadata()`."""
        from confluent_kafka import TopicPartition

        places = [TopicPartition(*place) for place in offsets]
        _tried(self._sender.send_offsets_to_transaction, places, member, seconds)

    def commit(self, seconds: float) -> None:
        """Commit the transaction."""
        _tried(self._sender.commit_transaction, seconds)

    def abort(self, seconds: float) -> None:
        """Abort the transaction."""
        _tried(self._sender.abort_transaction, seconds)


def _tried(call: Callable[..., Any], *given: Any, **more: Any) -> Any:
    from confluent_kafka import KafkaException

    try:
        return call(*given, **more)
    except KafkaException as exception:
        error = exception.args[0]
        raise Refused(
            error.code(), error.str(), error.fatal() or error.code() == _FATAL,
            error.retriable(), error.txn_requires_abort(),
        ) from None  # fmt: skip
