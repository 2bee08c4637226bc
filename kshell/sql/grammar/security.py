"""Reads the statements that change who may do what: CREATE and DROP ACL.

`grammar.cluster` has them in its table.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from kshell.sql.clauses import Name
from kshell.sql.cluster import CreateAcl, DropAcl, Resource, Rule
from kshell.sql.grammar.cursor import Cursor
from kshell.sql.statements import Statement

__all__ = ["SECURITY"]

Place = Mapping[str, Any]
# Kafka's words for operations; those of two words first, because they begin with one of one word.
_OPERATIONS = (
    "DESCRIBE CONFIGS", "ALTER CONFIGS", "IDEMPOTENT WRITE", "CLUSTER ACTION", "READ", "WRITE",
    "CREATE", "DELETE", "ALTER", "DESCRIBE", "ALL",
)  # fmt: skip
_CLUSTER = "kafka-cluster"  # Kafka's name for it as a resource


def _operations(cursor: Cursor) -> tuple[str, ...]:
    found: list[str] = []
    while not found or cursor.take(","):
        words = next((o for o in _OPERATIONS if cursor.take(*o.split())), "")
        if not words:
            raise cursor.fail(*sorted(_OPERATIONS))
        found.append(words)
    return tuple(found)


def _resource(cursor: Cursor) -> Resource:
    if cursor.take("CLUSTER"):
        return Resource("CLUSTER", _CLUSTER)
    if cursor.take("TRANSACTIONAL"):
        cursor.expect("ID")
        kind = "TRANSACTIONAL ID"
    else:
        kind = cursor.expect_any("TOPIC", "GROUP", "TRANSACTIONAL", "CLUSTER")
    name = cursor.topic(f"the name of a {kind.lower()}")
    return Resource(kind, name.text, cursor.take("PREFIXED"))


def _principal(cursor: Cursor) -> Name:
    place = cursor.place(cursor.peek())
    return Name(cursor.string("a principal in single quotes, such as 'User:ann'"), True, place)


def _rule(cursor: Cursor, *, whole: bool) -> Rule:
    """The clauses in their order; `whole` if none may be left out but the host."""
    found: dict[str, Any] = {}
    if whole or cursor.at("ALLOW") or cursor.at("DENY"):
        found["permission"] = cursor.expect_any("ALLOW", "DENY")
        if whole or not (cursor.at_end() or cursor.at("ON") or cursor.at("TO")):
            found["operations"] = _operations(cursor)
    if whole or cursor.at("ON"):
        cursor.expect("ON")
        found["resource"] = _resource(cursor)
    if whole or cursor.at("TO"):
        cursor.expect("TO")
        found["principal"] = _principal(cursor)
    if cursor.take("FROM", "HOST"):
        found["host"] = cursor.string("a host in single quotes")
    if not found:
        raise cursor.fail("ALLOW", "DENY", "ON", "TO", "FROM HOST")
    return Rule(**found)


def _create_acl(cursor: Cursor, place: Place) -> Statement:
    return CreateAcl(rule=_rule(cursor, whole=True), **place)


def _drop_acl(cursor: Cursor, place: Place) -> Statement:
    return DropAcl(rule=_rule(cursor, whole=False), **place)


SECURITY: Mapping[tuple[str, str], Callable[[Cursor, Place], Statement]] = {
    ("CREATE", "ACL"): _create_acl,
    ("DROP", "ACL"): _drop_acl,
}
