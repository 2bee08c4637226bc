"""Reads the statements about quotas: how much users, clients and addresses may ask of the brokers.

`grammar.cluster` has them in its table.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from kshell.errors import ParseError
from kshell.sql.clauses import Name
from kshell.sql.cluster import DropQuota, Limit, SetQuota, Whom
from kshell.sql.grammar.cursor import Cursor
from kshell.sql.statements import Statement
from kshell.sql.tokens import Kind

__all__ = ["QUOTAS"]

Place = Mapping[str, Any]
_KINDS = (("USER", "user"), ("CLIENT ID", "client-id"), ("IP", "ip"))  # as Kafka has them


def _whom(cursor: Cursor) -> tuple[Whom, ...]:
    """FOR USER name [CLIENT ID name] | CLIENT ID name | IP name; DEFAULT: all the others."""
    cursor.expect("FOR")
    found: list[Whom] = []
    while True:
        kind = next(((w, k) for w, k in _KINDS if cursor.at(*w.split())), None)
        if kind is None:
            break
        cursor.take(*kind[0].split())
        place = cursor.place(cursor.peek())
        if cursor.take("DEFAULT"):
            found.append(Whom(kind[1], None, place))
        else:
            name = cursor.topic(f"DEFAULT, or the name of a {kind[0].lower()}")
            found.append(Whom(kind[1], name.text, name.place))
    kinds = [whom.kind for whom in found]
    if not found:
        raise cursor.fail(*(word for word, _ in _KINDS))
    if len(set(kinds)) < len(kinds) or ("ip" in kinds and len(kinds) > 1):
        raise ParseError(
            "a quota is for a USER, a CLIENT ID, both of them, or an IP", place=found[-1].place
        )
    return tuple(found)


def _name(cursor: Cursor, before: list[str]) -> Name:
    name = cursor.topic("the name of a quota")
    if name.text in before:
        raise ParseError(f"{name.text} is there twice", place=name.place)
    return name


def _limits(cursor: Cursor) -> tuple[Limit, ...]:
    found: list[Limit] = []
    while not found or cursor.take(","):
        name = _name(cursor, [limit.name.text for limit in found])
        cursor.expect("=")
        token = cursor.peek()
        if token.kind is not Kind.NUMBER:
            raise cursor.fail("a number")
        cursor.next()
        found.append(Limit(name, float(token.text)))
    return tuple(found)


def _names(cursor: Cursor, before: list[str]) -> tuple[Name, ...]:
    found: list[Name] = []
    while not found or cursor.take(","):
        found.append(_name(cursor, [*before, *(name.text for name in found)]))
    return tuple(found)


def _set(creates: bool) -> Callable[[Cursor, Place], Statement]:
    def read(cursor: Cursor, place: Place) -> Statement:
        whom = _whom(cursor)
        words = ("SET",) if creates else ("SET", "RESET")
        limits: tuple[Limit, ...] = ()
        reset: tuple[Name, ...] = ()
        word = cursor.expect_any(*words)
        if word == "SET":
            limits = _limits(cursor)
        if not creates and (word == "RESET" or cursor.take("RESET")):
            reset = _names(cursor, [limit.name.text for limit in limits])
        return SetQuota(whom=whom, limits=limits, reset=reset, creates=creates, **place)

    return read


def _drop(cursor: Cursor, place: Place) -> Statement:
    if_exists = cursor.take("IF", "EXISTS")
    return DropQuota(whom=_whom(cursor), if_exists=if_exists, **place)


QUOTAS: Mapping[tuple[str, str], Callable[[Cursor, Place], Statement]] = {
    ("CREATE", "QUOTA"): _set(creates=True),
    ("ALTER", "QUOTA"): _set(creates=False),
    ("DROP", "QUOTA"): _drop,
}
