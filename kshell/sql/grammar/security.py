"""Reads the statements that change who may do what: ACLs, and users with SCRAM passwords.

`grammar.cluster` has them in its table.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from kshell.errors import ParseError
from kshell.sql.clauses import Name, Number
from kshell.sql.cluster import (
    CreateAcl,
    DropAcl,
    DropUser,
    Resource,
    Rule,
    Secret,
    SetUser,
)
from kshell.sql.grammar.cursor import Cursor
from kshell.sql.statements import Statement
from kshell.sql.tokens import Kind

__all__ = ["SECURITY"]

Place = Mapping[str, Any]
# Kafka's words for operations; those of two words first, because they begin with one of one word.
_OPERATIONS = (
    "DESCRIBE CONFIGS", "ALTER CONFIGS", "IDEMPOTENT WRITE", "CLUSTER ACTION", "CREATE TOKENS",
    "DESCRIBE TOKENS", "TWO PHASE COMMIT", "READ", "WRITE", "CREATE", "DELETE", "ALTER", "DESCRIBE",
    "ALL",
)  # fmt: skip
_KINDS = ("TOPIC", "GROUP", "TRANSACTIONAL ID", "DELEGATION TOKEN", "USER")  # that have names
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
    kind = next((kind for kind in _KINDS if cursor.take(*kind.split())), "")
    if not kind:
        raise cursor.fail(*_KINDS, "CLUSTER")
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


_MECHANISMS = ("SCRAM-SHA-512", "SCRAM-SHA-256")


def _user(cursor: Cursor) -> Name:
    return cursor.topic("the name of a user")


def _mechanism(cursor: Cursor) -> str:
    first = cursor.peek()
    named = cursor.topic(" or ".join(_MECHANISMS)).text.upper()
    if named not in _MECHANISMS:
        raise cursor.fail(*_MECHANISMS, token=first)
    return named


def _password(cursor: Cursor) -> Secret:
    """The password; an error does not quote what stands there."""
    token = cursor.peek()
    if token.kind is not Kind.STRING:
        raise ParseError(
            "PASSWORD takes a password in single quotes", place=cursor.place(token)
        )
    return Secret(cursor.next().value)


def _set_user(creates: bool) -> Callable[[Cursor, Place], Statement]:
    def read(cursor: Cursor, place: Place) -> Statement:
        name = _user(cursor)
        cursor.expect("PASSWORD")
        password = _password(cursor)
        mechanism = _mechanism(cursor) if cursor.take("MECHANISM") else _MECHANISMS[0]
        iterations = None
        if cursor.take("ITERATIONS"):
            at = cursor.place(cursor.peek())
            iterations = Number(cursor.integer(), at)
        text = f"{'CREATE' if creates else 'ALTER'} USER {name.text}"
        return SetUser(
            name=name, password=password, mechanism=mechanism, iterations=iterations,
            creates=creates, text=text, place=place["place"],
        )  # fmt: skip

    return read


def _drop_user(cursor: Cursor, place: Place) -> Statement:
    if_exists = cursor.take("IF", "EXISTS")
    name = _user(cursor)
    mechanism = _mechanism(cursor) if cursor.take("MECHANISM") else ""
    return DropUser(name=name, mechanism=mechanism, if_exists=if_exists, **place)


SECURITY: Mapping[tuple[str, str], Callable[[Cursor, Place], Statement]] = {
    ("CREATE", "ACL"): _create_acl,
    ("DROP", "ACL"): _drop_acl,
    ("CREATE", "USER"): _set_user(creates=True),
    ("ALTER", "USER"): _set_user(creates=False),
    ("DROP", "USER"): _drop_user,
}
