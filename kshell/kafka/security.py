"""Who may do what: ACLs, and users with SCRAM passwords.  `kafka/admin` has the connection."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from kshell.config import Properties
from kshell.kafka.admin import TIMEOUT, Admin
from kshell.kafka.client import Client
from kshell.kafka.control import ask_controller, check_answer
from kshell.kafka.messages import CREATE_ACLS, DELETE_ACLS, DESCRIBE_ACLS
from kshell.kafka.rights import CLUSTER
from kshell.permits import check_writes

__all__ = ["Acl", "acls", "create_acls", "delete_acls", "delete_user", "set_user",
           "users_mechanisms"]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Acl:
    """A rule, by Kafka's words; of a filter, what is None may be anything."""

    permission: str | None
    operation: str | None
    kind: str | None
    name: str | None
    prefixed: bool | None
    principal: str | None
    host: str | None

    @property
    def known(self) -> bool:
        """Whether kshell has a word for all of it: else it would be a filter of anything."""
        return self.kind in _KINDS and self.operation in _OPERATIONS

    def __str__(self) -> str:
        """As CREATE ACL has it."""
        named = "" if self.kind == "CLUSTER" else f" {self.name}{' PREFIXED' * bool(self.prefixed)}"
        host = "" if self.host == "*" else f" FROM HOST {self.host}"
        return (
            f"{self.permission} {self.operation} ON {self.kind}{named} TO {self.principal}{host}"
        )


_ALTER = ("ALTER", CLUSTER)
# Kafka's numbers.
_KINDS = {"TOPIC": 2, "GROUP": 3, "CLUSTER": 4, "TRANSACTIONAL ID": 5, "DELEGATION TOKEN": 6,
          "USER": 7}  # fmt: skip
_OPERATIONS = {
    "ALL": 2, "READ": 3, "WRITE": 4, "CREATE": 5, "DELETE": 6, "ALTER": 7, "DESCRIBE": 8,
    "CLUSTER ACTION": 9, "DESCRIBE CONFIGS": 10, "ALTER CONFIGS": 11, "IDEMPOTENT WRITE": 12,
    "CREATE TOKENS": 13, "DESCRIBE TOKENS": 14, "TWO PHASE COMMIT": 15,
}  # fmt: skip
_PERMISSIONS = {"DENY": 2, "ALLOW": 3}
_PATTERNS = {False: 3, True: 4}  # whether it is prefixed
_ANY = 1


_MISSING = "these brokers know no ACLs"
_UNKNOWN = "UNKNOWN"  # what newer brokers have, and kshell has no word for


def _row(acl: Acl) -> dict[str, Any]:
    """A rule, or a filter of rules, as brokers take it."""
    return {
        "resource_type": _KINDS.get(acl.kind or "", _ANY), "resource": acl.name,
        "pattern": _ANY if acl.prefixed is None else _PATTERNS[acl.prefixed],
        "principal": acl.principal, "host": acl.host,
        "operation": _OPERATIONS.get(acl.operation or "", _ANY),
        "permission": _PERMISSIONS.get(acl.permission or "", _ANY),
    }  # fmt: skip


def acls(client: Client, wanted: Acl) -> list[Acl]:
    """The rules that a filter lets through; raises Forbidden, KafkaError."""
    answer = ask_controller(client, DESCRIBE_ACLS, _row(wanted), _MISSING)
    needs = ("DESCRIBE", CLUSTER)
    check_answer(answer["error"], answer["error_message"], "read ACLs", needs)
    kinds, operations, permissions = (
        {number: word for word, number in table.items()}
        for table in (_KINDS, _OPERATIONS, _PERMISSIONS)
    )
    found = [
        Acl(
            permissions.get(rule["permission"], _UNKNOWN),
            operations.get(rule["operation"], f"{_UNKNOWN} ({rule['operation']})"),
            kinds.get(resource["type"], f"{_UNKNOWN} ({resource['type']})"),
            resource["name"], resource["pattern"] == _PATTERNS[True], rule["principal"],
            rule["host"],
        )
        for resource in answer["resources"]
        for rule in resource["acls"]
    ]  # fmt: skip
    return sorted(found, key=str)


def create_acls(client: Client, properties: Properties, made: Iterable[Acl]) -> None:
    """Create rules."""
    check_writes(properties, "creating ACLs")
    answer = ask_controller(client, CREATE_ACLS, {"rules": list(map(_row, made))}, _MISSING)
    for result in answer["results"]:
        check_answer(result["error"], result["error_message"], "create ACLs", _ALTER)


def delete_acls(client: Client, properties: Properties, gone: Sequence[Acl]) -> None:
    """Delete these rules and no others."""
    check_writes(properties, "deleting ACLs")
    answer = ask_controller(client, DELETE_ACLS, {"filters": list(map(_row, gone))}, _MISSING)
    for result in answer["results"]:
        for part in (result, *result["rules"]):
            check_answer(part["error"], part["error_message"], "delete ACLs", _ALTER)


def users_mechanisms(admin: Admin, user: str) -> dict[str, int]:
    """A user's SCRAM mechanisms with their iterations; raises Forbidden, KafkaError."""
    asked = admin.client.describe_user_scram_credentials([user], request_timeout=TIMEOUT)
    found = admin.answer(asked[user], f"read user {user}", ("DESCRIBE", CLUSTER), {_NO_USER: None})
    infos = found.scram_credential_infos if found is not None else ()
    return dict(sorted((i.mechanism.name.replace("_", "-"), i.iterations) for i in infos))


_NO_USER = 91


def set_user(admin: Admin, user: str, mechanism: str, iterations: int, password: str) -> None:
    """Set a user's password: only its salted hash goes to the brokers."""
    from confluent_kafka.admin import (
        ScramCredentialInfo,
        ScramMechanism,
        UserScramCredentialUpsertion,
    )

    check_writes(admin.properties, f"changing user {user}")
    info = ScramCredentialInfo(ScramMechanism[mechanism.replace("-", "_")], iterations)
    change = UserScramCredentialUpsertion(user, info, password.encode())
    asked = admin.client.alter_user_scram_credentials([change], request_timeout=TIMEOUT)
    admin.answer(asked[user], f"change user {user}", _ALTER)


def delete_user(admin: Admin, user: str, mechanisms: Iterable[str]) -> None:
    """Delete a user's passwords for these mechanisms."""
    from confluent_kafka.admin import ScramMechanism, UserScramCredentialDeletion

    check_writes(admin.properties, f"deleting user {user}")
    for mechanism in mechanisms:  # brokers take one change of a user in a request
        change = UserScramCredentialDeletion(user, ScramMechanism[mechanism.replace("-", "_")])
        asked = admin.client.alter_user_scram_credentials([change], request_timeout=TIMEOUT)
        admin.answer(asked[user], f"delete user {user}", _ALTER)
