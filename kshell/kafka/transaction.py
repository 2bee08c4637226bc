"""Writes records in one Kafka transaction, which is open only while they are sent.

COMMIT uses it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable

from kshell.config import Properties
from kshell.errors import KshellError, UsageError
from kshell.kafka.outgoing import Outgoing
from kshell.kafka.produce import is_idempotent
from kshell.kafka.transactions import EXPIRES, Transactions

__all__ = ["write_at_once"]

_LEAVING = 10.0  # seconds that the abort may take


def write_at_once(
    properties: Properties, id: str, records: Iterable[tuple[str, Outgoing]],
    largest: int | None = None,
) -> None:  # fmt: skip
    """Write the records of each topic, all or none; raises KafkaError, Forbidden, UsageError.

    `largest` is how many bytes a batch may have: `Client.largest_batch`.
    Whoever reads what is committed sees none of them before all are there.
    """
    if not is_idempotent(properties):
        raise UsageError(
            "a transaction needs acks=all and enable.idempotence=true",
            hint="UNSET 'acks'; UNSET 'enable.idempotence'",
        )
    longest = (properties.number("delivery.timeout.ms") or 0) / 1000
    transactions = Transactions(
        properties, id, expires=min(max(longest, 1.0), EXPIRES),
        partitioner=properties["partitioner"], largest=largest,
    )  # fmt: skip
    transactions.begin()
    try:
        for topic, rows in records:
            transactions.send(topic, rows)
        transactions.commit()
    except BaseException as error:
        with contextlib.suppress(KshellError):  # then the brokers do so, after its time
            transactions.abort(_LEAVING)
        if transactions.undecided and isinstance(error, KshellError):
            error.what += "; it is not known whether its records were committed"
            error.args = (error.what,)
        raise
