"""Brokers' answers to a batch that is sent as bytes: what is tried again, and errors of the rest.

`raw_produce` looks them up.  The numbers are Kafka's error codes.
"""

from __future__ import annotations

from collections.abc import Mapping

from aiokafka import errors as codes

from kshell.errors import KafkaError
from kshell.kafka.raw_batches import RawBatch
from kshell.kafka.rights import no_idempotence, refused

__all__ = ["AGAIN", "LOST", "OK", "OUT_OF_ORDER", "refusal"]

OK = 0
LOST = -1000  # no answer came
# The sequence number does not follow; the producer is not known.  46: the batch is there already.
OUT_OF_ORDER = frozenset({45, 46, 59})
AGAIN = OUT_OF_ORDER | {
    LOST, 2, 3, 5, 6, 7, 8, 9, 13, 14, 15, 16, 19, 20, 51, 56, 74, 75,
}  # fmt: skip
_FORBIDDEN, _NO_IDEMPOTENCE = 29, 31
_TOO_LARGE = frozenset({10, 18})
_HINTS: Mapping[int, str] = {
    32: "its brokers refuse times so far from theirs: message.timestamp.before.max.ms,"
    " message.timestamp.after.max.ms",
    76: "its brokers do not know the compression of these records",
    87: "a compacted topic takes no records without a key",
}


def refusal(
    code: int, where: str, batch: RawBatch | None = None, why: str = ""
) -> KafkaError:
    """The error of a batch that was not written; `where` is the topic, and its partition."""
    topic = where.partition(",")[0]
    if code == _FORBIDDEN:
        return refused("WRITE", f"topic {topic}")
    if code == _NO_IDEMPOTENCE:
        return no_idempotence(topic)
    if code == LOST:
        return KafkaError(f"topic {where}: no broker answers")
    of = ""
    if batch is not None:
        of = f": the batch of the source's offsets {batch.first} to {batch.next - 1}"
    if code in _TOO_LARGE and batch is not None:
        size = len(batch.data)
        return KafkaError(
            f"topic {where}{of} is too large: {size:,} bytes",
            hint=f"ALTER TOPIC {topic} SET 'max.message.bytes'='{size}'",
        )
    error = codes.for_code(code)
    said = why or getattr(error, "description", "") or error.__name__
    name = f"{getattr(error, 'message', error.__name__)} ({code})"
    return KafkaError(f"topic {where}{of} was refused: {name}: {said}", hint=_HINTS.get(code, ""))
