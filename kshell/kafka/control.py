"""One request to the cluster's controller, or to any broker, by our own tables of fields.

`quotas` and `security` ask by it what confluent-kafka has no request for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiokafka import errors as codes

from kshell.errors import KafkaError, Unsupported
from kshell.kafka.client import Client
from kshell.kafka.protocol import Api, Request
from kshell.kafka.rights import FORBIDDEN, Right, refused

__all__ = ["ask_controller", "check_answer"]


def ask_controller(
    client: Client, api: Api, body: Mapping[str, Any], missing: str
) -> dict[str, Any]:
    """The answer; Unsupported, with `missing` as its words, where brokers do not serve it."""
    cluster = client.call(client.wire.metadata([]))
    ids = [broker.id for broker in cluster.brokers]
    node = cluster.controller if cluster.controller in ids else ids[0]

    async def asked() -> dict[str, Any]:
        connection = await client.wire.connection(node)
        version = api.version(connection.versions)
        if version is None:
            raise Unsupported(missing)
        found: dict[str, Any] = await connection.send(Request(api, version, body))
        return found

    return client.call(asked())


def check_answer(code: int, why: str | None, doing: str, needs: Right) -> None:
    """Raise Forbidden or KafkaError for a broker's error code."""
    if code in FORBIDDEN:
        raise refused(*needs)
    if code:
        raise KafkaError(f"cannot {doing}: {why or codes.for_code(code).__name__}")
