"""Who may do what: ACLs, and users with SCRAM passwords.  `kafka/admin` has the connection."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aiokafka.protocol.admin import DescribeAclsRequest_v1

from kshell.errors import KafkaError, Unsupported
from kshell.kafka.admin import TIMEOUT, Admin
from kshell.kafka.client import Client
from kshell.kafka.rights import CLUSTER, FORBIDDEN, refused
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

    def __str__(self) -> str:
        """As CREATE ACL has it."""
        named = "" if self.kind == "CLUSTER" else f" {self.name}{' PREFIXED' * bool(self.prefixed)}"
        host = "" if self.host == "*" else f" FROM HOST {self.host}"
        return (
            f"{self.permission} {self.operation} ON {self.kind}{named} TO {self.principal}{host}"
        )


_ALTER = ("ALTER", CLUSTER)
# Kafka's numbers.
_KINDS = {"TOPIC": 2, "GROUP": 3, "CLUSTER": 4, "TRANSACTIONAL ID": 5}
_OPERATIONS = {
    "ALL": 2, "READ": 3, "WRITE": 4, "CREATE": 5, "DELETE": 6, "ALTER": 7, "DESCRIBE": 8,
    "CLUSTER ACTION": 9, "DESCRIBE CONFIGS": 10, "ALTER CONFIGS": 11, "IDEMPOTENT WRITE": 12,
}  # fmt: skip
_PERMISSIONS = {"DENY": 2, "ALLOW": 3}
_PATTERNS = {False: 3, True: 4}  # whether it is prefixed
_ANY = 1


class _DescribeAcls:
    """DescribeAcls v1: confluent-kafka's answer has no error, so that a refusal looks like none;
    aiokafka's v2 cannot be read by a broker."""

    def __init__(self, wanted: Acl) -> None:
        self._wanted = wanted

    def prepare(self, versions: Mapping[int, tuple[int, int]]) -> Any:
        wanted = self._wanted
        if DescribeAclsRequest_v1.API_KEY not in versions:
            raise Unsupported("these brokers know no ACLs")
        return DescribeAclsRequest_v1(
            _KINDS.get(wanted.kind or "", _ANY), wanted.name,
            _ANY if wanted.prefixed is None else _PATTERNS[wanted.prefixed],
            wanted.principal, wanted.host, _OPERATIONS.get(wanted.operation or "", _ANY),
            _PERMISSIONS.get(wanted.permission or "", _ANY),
        )  # fmt: skip


def acls(client: Client, wanted: Acl) -> list[Acl]:
    """The rules that a filter lets through; raises Forbidden, KafkaError."""
    node = client.brokers()[0].id
    answer = client.call(client.wire.send(node, _DescribeAcls(wanted)))
    if answer.error_code in FORBIDDEN:
        raise refused("DESCRIBE", CLUSTER)
    if answer.error_code:
        raise KafkaError(f"cannot read ACLs: {answer.error_message}")
    kinds, operations, permissions = (
        {number: word for word, number in table.items()}
        for table in (_KINDS, _OPERATIONS, _PERMISSIONS)
    )
    found = [
        Acl(permissions[permission], operations[operation], kinds[kind], name,
            pattern == _PATTERNS[True], principal, host)
        for kind, name, pattern, rules in answer.resources
        for principal, host, operation, permission in rules
        if kind in kinds and operation in operations
    ]  # fmt: skip
    return sorted(found, key=str)


def _made(acl: Acl, type: Any) -> Any:
    from confluent_kafka.admin import (
        AclOperation,
        AclPermissionType,
        ResourcePatternType,
        ResourceType,
    )

    return type(
        ResourceType(_KINDS[acl.kind or ""]), acl.name,
        ResourcePatternType(_PATTERNS[bool(acl.prefixed)]), acl.principal, acl.host,
        AclOperation(_OPERATIONS[acl.operation or ""]),
        AclPermissionType(_PERMISSIONS[acl.permission or ""]),
    )  # fmt: skip


def create_acls(admin: Admin, made: Iterable[Acl]) -> None:
    """Create rules."""
    from confluent_kafka.admin import AclBinding

    check_writes(admin.properties, "creating ACLs")
    bindings = [_made(acl, AclBinding) for acl in made]
    for future in admin.client.create_acls(bindings, request_timeout=TIMEOUT).values():
        admin.answer(future, "create ACLs", _ALTER)


def delete_acls(admin: Admin, gone: Sequence[Acl]) -> None:
    """Delete these rules and no others."""
    from confluent_kafka.admin import AclBindingFilter

    check_writes(admin.properties, "deleting ACLs")
    filters = [_made(acl, AclBindingFilter) for acl in gone]
    for future in admin.client.delete_acls(filters, request_timeout=TIMEOUT).values():
        admin.answer(future, "delete ACLs", _ALTER)


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
