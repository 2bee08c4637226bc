"""What brokers know besides topics and groups: configs, ACLs, transactions, producers, quotas,
log directories; asked with a `Look`."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from kshell.kafka.look import Look, check
from kshell.kafka.messages import (
    DESCRIBE_ACLS,
    DESCRIBE_CLIENT_QUOTAS,
    DESCRIBE_CONFIGS,
    DESCRIBE_LOG_DIRS,
    DESCRIBE_PRODUCERS,
    DESCRIBE_TRANSACTIONS,
    LIST_TRANSACTIONS,
)
from kshell.kafka.rights import CLUSTER

__all__ = ["BROKER", "TOPIC", "acls", "committing", "configs", "log_dirs", "producers", "quotas",
           "transactions"]  # fmt: skip

Row = Mapping[str, Any]
TOPIC, BROKER = 2, 4  # Kafka's numbers of resources
_AT_ONCE = 500  # topics of one DescribeConfigs
_NO_AUTHORIZER = 54
_ANY = 1


def configs(look: Look, type: int, names: Sequence[str]) -> Iterator[tuple[str, Row]]:
    """(the topic or broker, a config of it); a broker is asked for its own."""
    brokers = list(look.brokers)
    requests = []
    if type == BROKER:
        requests = [(int(name), _resources(type, [name])) for name in names]
    else:
        for n, start in enumerate(range(0, len(names), _AT_ONCE)):
            some = names[start : start + _AT_ONCE]
            requests.append((brokers[n % len(brokers)], _resources(type, some)))
    what = "broker" if type == BROKER else "topic"
    for answer in look.ask_all(DESCRIBE_CONFIGS, requests):
        for resource in answer["resources"]:
            if resource["error"] == 3:  # a topic that was deleted a moment ago
                continue
            if look.refused(resource["error"], ("DESCRIBE_CONFIGS", what), resource["name"]):
                continue
            check(
                resource["error"], ("DESCRIBE_CONFIGS", f"{what} {resource['name']}"),
                resource["error_message"],
            )  # fmt: skip
            for config in sorted(resource["configs"], key=lambda c: c["name"]):
                yield resource["name"], config


def _resources(type: int, names: Sequence[str]) -> dict[str, Any]:
    resources = [{"type": type, "name": name, "keys": None} for name in names]
    return {"resources": resources, "synonyms": False, "documentation": False}


def acls(look: Look) -> Iterator[tuple[Row, Row]]:
    """(resource, rule on it); without an authorizer there are none, and a notice says so."""
    body = {
        "resource_type": _ANY, "resource": None, "pattern": _ANY, "principal": None, "host": None,
        "operation": _ANY, "permission": _ANY,
    }  # fmt: skip
    answer = look.ask_all(DESCRIBE_ACLS, [(_any(look), body)])[0]
    if answer["error"] == _NO_AUTHORIZER:
        text = "the brokers have no authorizer: there are no ACLs, and everyone may do everything"
        look.note(text)
        return
    check(answer["error"], ("DESCRIBE", CLUSTER), answer["error_message"])
    for resource in answer["resources"]:
        for rule in resource["acls"]:
            yield resource, rule


def _any(look: Look) -> int:
    return next(iter(look.brokers))


def quotas(look: Look) -> Iterator[tuple[Mapping[str, str | None], str, float]]:
    """(the names of whom it is for, by their kinds, None for the default; the quota; its value)."""
    body = {"components": [], "strict": False}
    answer = look.ask_all(DESCRIBE_CLIENT_QUOTAS, [(_any(look), body)])[0]
    check(answer["error"], ("DESCRIBE_CONFIGS", CLUSTER), answer["error_message"])
    for entry in answer["entries"] or ():
        whom = {part["type"]: part["name"] for part in entry["entity"]}
        for quota in entry["values"]:
            yield whom, quota["name"], quota["value"]


def log_dirs(look: Look, topics: Collection[str] | None) -> Iterator[tuple[int, Row, str, Row]]:
    """(broker, directory, topic, partition in it)."""
    asked = None
    if topics is not None:
        found = look.topics(topics)
        asked = [
            {"topic": t.name, "partitions": [p.id for p in t.partitions]} for t in found.values()
        ]
    answers = look.ask(DESCRIBE_LOG_DIRS, {broker: {"topics": asked} for broker in look.brokers})
    for broker, answer in answers.items():
        check(answer.get("error", 0), ("DESCRIBE", CLUSTER))
        for found_dir in answer["dirs"]:
            where = f"log directory {found_dir['path']} of broker {broker}"
            check(found_dir["error"], ("DESCRIBE", where))
            for topic in found_dir["topics"]:
                for part in topic["partitions"]:
                    yield broker, found_dir, topic["topic"], part


def producers(look: Look, topics: Collection[str] | None) -> Iterator[tuple[str, int, Row]]:
    """(topic, partition, a producer that lately wrote there); leaders alone know it."""
    by_leader: dict[int, list[dict[str, Any]]] = {}
    for topic in look.topics(topics).values():
        led: dict[int, list[int]] = {}
        for part in topic.partitions:
            if part.leader >= 0:
                led.setdefault(part.leader, []).append(part.id)
        for leader, partitions in led.items():
            asked = {"topic": topic.name, "partitions": partitions}
            by_leader.setdefault(leader, []).append(asked)
    bodies = {leader: {"topics": asked} for leader, asked in by_leader.items()}
    for answer in look.ask(DESCRIBE_PRODUCERS, bodies).values():
        for found in answer["topics"]:
            for part in found["partitions"]:
                if part["error"] in (3, 6):  # deleted, or led by another by now
                    continue
                if look.refused(part["error"], ("READ", "topic"), found["topic"]):
                    continue
                check(part["error"], ("READ", f"topic {found['topic']}"), part["error_message"])
                for producer in part["producers"]:
                    yield found["topic"], part["partition"], producer


def committing(look: Look, id: str) -> bool:
    """Whether the markers of a committed transaction are on their way to its partitions: until
    they are there, readers of what is committed do not see its records.

    Brokers say it from Kafka 3.0 on; raises Unsupported.
    """
    wanted = {broker: {"ids": [id]} for broker in look.brokers}
    answers = look.ask(DESCRIBE_TRANSACTIONS, wanted).values()  # its coordinator alone knows it
    return any(t["state"] == "PrepareCommit" for a in answers for t in a["transactions"])


def transactions(look: Look, details: bool) -> Iterator[tuple[int, Row, Row | None]]:
    """(coordinator, transaction as listed, as described if `details` are wanted)."""
    body: dict[str, Any] = {"states": [], "producers": [], "duration": -1}
    answers = look.ask(LIST_TRANSACTIONS, dict.fromkeys(look.brokers, body))
    for answer in answers.values():
        check(answer["error"], ("DESCRIBE", CLUSTER))
    wanted = {
        broker: {"ids": [t["id"] for t in answer["transactions"]]}
        for broker, answer in answers.items()
        if answer["transactions"]
    }
    known: dict[str, Row] = {}
    for answer in look.ask(DESCRIBE_TRANSACTIONS, wanted).values() if details else ():
        known |= {t["id"]: t for t in answer["transactions"] if t["error"] == 0}
    for broker, answer in answers.items():
        for listed in sorted(answer["transactions"], key=lambda t: t["id"]):
            yield broker, listed, known.get(listed["id"])
