"""Quotas of users, client ids and addresses: read, checked and set by the brokers' own requests,
which confluent-kafka does not have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kshell.config import Properties
from kshell.kafka.client import Client
from kshell.kafka.control import ask_controller, check_answer
from kshell.kafka.messages import ALTER_CLIENT_QUOTAS, DESCRIBE_CLIENT_QUOTAS
from kshell.kafka.rights import CLUSTER
from kshell.permits import check_writes

__all__ = ["QUOTAS", "Entity", "quotas_of", "set_quotas"]

Entity = Mapping[str, str | None]  # names by their kinds (user, client-id, ip); None: the default
# What brokers know of each kind, and what it is.
QUOTAS: Mapping[str, Mapping[str, str]] = {
    "user": {
        "producer_byte_rate": "bytes a second that producers may send to a broker",
        "consumer_byte_rate": "bytes a second that consumers may fetch from a broker",
        "request_percentage": "time of a broker's threads, of which 100 is one whole thread",
        "controller_mutation_rate": "partitions a second that may be created or deleted",
    },
    "ip": {"connection_creation_rate": "connections a second that a broker takes"},
}
_EXACT, _DEFAULT = 0, 1
_MISSING = "these brokers have no requests for quotas, which came with Kafka 2.6"


def quotas_of(client: Client, entity: Entity) -> dict[str, float]:
    """The quotas that are set for exactly these; raises Forbidden, KafkaError."""
    components = [
        {"type": kind, "match_type": _DEFAULT if name is None else _EXACT, "match": name}
        for kind, name in entity.items()
    ]
    body = {"components": components, "strict": True}
    answer = ask_controller(client, DESCRIBE_CLIENT_QUOTAS, body, _MISSING)
    needs = ("DESCRIBE CONFIGS", CLUSTER)
    check_answer(answer["error"], answer["error_message"], "read quotas", needs)
    return {
        quota["name"]: quota["value"]
        for entry in answer["entries"] or ()
        for quota in entry["values"]
        if {part["type"]: part["name"] for part in entry["entity"]} == dict(entity)
    }


def set_quotas(
    client: Client,
    properties: Properties,
    entity: Entity,
    limits: Mapping[str, float],
    gone: Sequence[str] = (),
    *,
    only_check: bool = False,
) -> None:
    """Set these quotas and take others away, or have the brokers check whether it can be done."""
    if not only_check:
        check_writes(properties, "changing quotas")
    operations = [{"name": n, "value": value, "remove": False} for n, value in limits.items()]
    operations += [{"name": n, "value": 0.0, "remove": True} for n in gone]
    parts = [{"type": kind, "name": name} for kind, name in entity.items()]
    body = {
        "entries": [{"entity": parts, "operations": operations}],
        "only_check": only_check,
    }
    answer = ask_controller(client, ALTER_CLIENT_QUOTAS, body, _MISSING)
    needs = ("ALTER CONFIGS", CLUSTER)
    for entry in answer["entries"]:
        check_answer(entry["error"], entry["error_message"], "change quotas", needs)
