"""Reads the statements about Kafka Connect and the schema registry.

`grammar.cluster` has those that change something in its table, `grammar.explore` the others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from kshell.errors import ParseError
from kshell.sql.clauses import Name, Number
from kshell.sql.cluster import Secret
from kshell.sql.grammar.cursor import Cursor
from kshell.sql.services import (
    LEVELS,
    ConnectorAction,
    ControlConnector,
    CreateConnector,
    DescribeConnector,
    DiffSubject,
    DropConnector,
    SetCompatibility,
)
from kshell.sql.statements import Statement
from kshell.sql.tokens import Kind

__all__ = ["SERVICES", "describe_connector", "diff"]

Place = Mapping[str, Any]


def _connector(cursor: Cursor) -> Name:
    return cursor.topic("the name of a connector")


def _create_connector(type: str) -> Callable[[Cursor, Place], Statement]:
    def read(cursor: Cursor, place: Place) -> Statement:
        cursor.next()  # CONNECTOR
        if_not_exists = cursor.take("IF", "NOT", "EXISTS")
        name = _connector(cursor)
        cursor.expect("WITH", "(")
        configs: list[tuple[Name, Secret]] = []
        while not configs or cursor.take(","):
            configs.append(_config(cursor, [key.text for key, _ in configs]))
        cursor.expect(")")
        return CreateConnector(
            name=name, type=type, configs=tuple(configs), if_not_exists=if_not_exists, **place
        )

    return read


def _config(cursor: Cursor, before: list[str]) -> tuple[Name, Secret]:
    """A config and its value; an error does not quote what stands there as the value."""
    key = cursor.topic("a config of the connector in single quotes")
    if key.text in before:
        raise ParseError(f"{key.text} is there twice", place=key.place)
    cursor.expect("=")
    token = cursor.peek()
    if cursor.take("-"):
        token = cursor.peek()
        if token.kind is Kind.NUMBER:
            return key, Secret(f"-{cursor.next().text}")
    elif token.kind in (Kind.STRING, Kind.NUMBER) or token.upper in ("TRUE", "FALSE"):
        text = cursor.next().value
        return key, Secret(text if token.kind is Kind.STRING else text.lower())
    raise ParseError(
        f"{key.text} takes a value in single quotes, a number, TRUE or FALSE",
        place=cursor.place(token),
    )


def _drop_connector(cursor: Cursor, place: Place) -> Statement:
    if_exists = cursor.take("IF", "EXISTS")
    return DropConnector(name=_connector(cursor), if_exists=if_exists, **place)


def _control(action: ConnectorAction) -> Callable[[Cursor, Place], Statement]:
    def read(cursor: Cursor, place: Place) -> Statement:
        name, task = _connector(cursor), None
        if action is ConnectorAction.RESTART and cursor.take("TASK"):
            task = _number(cursor)
        return ControlConnector(action=action, name=name, task=task, **place)

    return read


def _number(cursor: Cursor) -> Number:
    place = cursor.place(cursor.peek())
    return Number(cursor.integer(), place)


def describe_connector(cursor: Cursor, place: Place) -> Statement:
    """DESCRIBE CONNECTOR, after its two words."""
    return DescribeConnector(name=_connector(cursor), **place)


def _subject(cursor: Cursor) -> Name:
    return cursor.topic("the name of a subject")


def _alter_subject(cursor: Cursor, place: Place) -> Statement:
    return _compatibility(cursor, _subject(cursor), place)


def _alter_registry(cursor: Cursor, place: Place) -> Statement:
    return _compatibility(cursor, None, place)


def _compatibility(cursor: Cursor, subject: Name | None, place: Place) -> Statement:
    level = ""
    if subject is None or not cursor.take("RESET"):
        if not cursor.take("SET"):
            raise cursor.fail("SET", *(("RESET",) if subject else ()))
        cursor.expect("COMPATIBILITY")
        level = cursor.expect_any(*LEVELS)
    else:
        cursor.expect("COMPATIBILITY")
    return SetCompatibility(subject=subject, level=level, **place)


def diff(cursor: Cursor, place: Place) -> Statement:
    """DIFF SUBJECT, after its first word."""
    cursor.expect("SUBJECT")
    subject = _subject(cursor)
    before = _number(cursor) if cursor.take("FROM") else None
    after = _number(cursor) if cursor.take("TO") else None
    return DiffSubject(subject=subject, before=before, after=after, **place)


SERVICES: Mapping[tuple[str, str], Callable[[Cursor, Place], Statement]] = {
    ("CREATE", "SOURCE CONNECTOR"): _create_connector("source"),
    ("CREATE", "SINK CONNECTOR"): _create_connector("sink"),
    ("DROP", "CONNECTOR"): _drop_connector,
    ("PAUSE", "CONNECTOR"): _control(ConnectorAction.PAUSE),
    ("RESUME", "CONNECTOR"): _control(ConnectorAction.RESUME),
    ("RESTART", "CONNECTOR"): _control(ConnectorAction.RESTART),
    ("ALTER", "SUBJECT"): _alter_subject,
    ("ALTER", "REGISTRY"): _alter_registry,
}
