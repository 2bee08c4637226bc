"""Reads the statements that change the cluster: its topics and its groups.

A table has the reader for the two words with which each begins; `parse` uses it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from kshell.errors import ParseError
from kshell.sql.clauses import Name, Number, Position
from kshell.sql.cluster import (
    AlterTopic,
    Consume,
    CreateTopic,
    DeleteRecords,
    DropApplication,
    DropGroup,
    DropTopic,
    ElectLeaders,
    Goal,
    Guarantee,
    Move,
    ReassignTopic,
    ResetGroup,
    Setting,
)
from kshell.sql.grammar.cursor import Cursor
from kshell.sql.grammar.quotas import QUOTAS
from kshell.sql.grammar.security import SECURITY
from kshell.sql.grammar.services import SERVICES
from kshell.sql.statements import Statement
from kshell.sql.tokens import Kind

__all__ = ["CHANGING", "CLUSTER", "change_reader"]

# Words with which nothing else begins.
CHANGING = frozenset({"CONSUME", "DELETE", "ELECT", "RESET", "RESTART"})

Place = Mapping[str, Any]


def _number(cursor: Cursor) -> Number:
    place = cursor.place(cursor.peek())
    return Number(cursor.integer(), place)


def _config(cursor: Cursor) -> Name:
    place = cursor.place(cursor.peek())
    return Name(cursor.string("a config of the topic in single quotes"), True, place)


def _value(cursor: Cursor) -> str:
    if cursor.peek().kind is Kind.NUMBER:
        return cursor.next().text
    return cursor.string("a value in single quotes")


def _settings(cursor: Cursor) -> tuple[Setting, ...]:
    settings: list[Setting] = []
    while not settings or cursor.take(","):
        name = _config(cursor)
        cursor.expect("=")
        settings.append((name, _value(cursor)))
    return tuple(settings)


def _configs(cursor: Cursor) -> tuple[Name, ...]:
    names = [_config(cursor)]
    while cursor.take(","):
        names.append(_config(cursor))
    return tuple(names)


_OPTIONS: Mapping[str, tuple[str, Callable[[Cursor], object]]] = {
    "PARTITIONS": ("partitions", _number),
    "REPLICAS": ("replicas", _number),
    "SET": ("configs", _settings),
    "RESET": ("reset", _configs),
}


def _options(cursor: Cursor, *words: str) -> dict[str, Any]:
    """The clauses that begin with these words, in any order, each once."""
    found: dict[str, Any] = {}
    left = list(words)
    while left and not cursor.at_end():
        word = cursor.expect_any(*left)
        left.remove(word)
        field, read = _OPTIONS[word]
        found[field] = read(cursor)
    _once([*(name for name, _ in found.get("configs", ())), *found.get("reset", ())])
    return found


def _once(configs: list[Name]) -> None:
    """Raise ParseError where a config is named a second time."""
    seen = set()
    for name in configs:
        if name.text in seen:
            raise ParseError(f"{name.text} is there twice", place=name.place)
        seen.add(name.text)


def _create_topic(cursor: Cursor, place: Place) -> Statement:
    if_not_exists = cursor.take("IF", "NOT", "EXISTS")
    name = cursor.topic()
    found = _options(cursor, "PARTITIONS", "REPLICAS", "SET")
    return CreateTopic(name=name, if_not_exists=if_not_exists, **found, **place)


def _alter_topic(cursor: Cursor, place: Place) -> Statement:
    name = cursor.topic()
    words = ("SET", "RESET", "PARTITIONS")
    if cursor.take("REASSIGN"):
        return _reassign(cursor, name, place)
    if cursor.at_end():
        raise cursor.fail(*words, "REASSIGN")
    return AlterTopic(name=name, **_options(cursor, *words), **place)


def _reassign(cursor: Cursor, name: Name, place: Place) -> Statement:
    partition = _number(cursor) if cursor.take("PARTITION") else None
    if not cursor.take("TO"):
        raise cursor.fail("TO", *(() if partition else ("PARTITION",)))
    brokers = [_number(cursor)]
    while cursor.take(","):
        brokers.append(_number(cursor))
    return ReassignTopic(name=name, partition=partition, brokers=tuple(brokers), **place)


def _drop_topic(cursor: Cursor, place: Place) -> Statement:
    if_exists = cursor.take("IF", "EXISTS")
    return DropTopic(name=cursor.topic(), if_exists=if_exists, **place)


def _topics(cursor: Cursor) -> tuple[Name, ...]:
    topics = [cursor.topic()]
    while cursor.take(","):
        topics.append(cursor.topic())
    return tuple(topics)


def _delete_records(cursor: Cursor, place: Place) -> Statement:
    cursor.expect("FROM")
    topic = cursor.topic()
    partition = _number(cursor) if cursor.take("PARTITION") else None
    if not cursor.take("BEFORE"):
        raise cursor.fail("BEFORE", *(() if partition else ("PARTITION",)))
    return DeleteRecords(topic=topic, partition=partition, before=_position(cursor), **place)


def _position(cursor: Cursor) -> Position:
    token = cursor.peek()
    place = cursor.place(token)
    if cursor.take("END"):
        return Position(before_end=0, place=place)
    if token.kind is Kind.STRING:
        return Position(moment=cursor.next().value, place=place)
    if token.kind is not Kind.NUMBER:
        raise cursor.fail("END", "an offset", "a moment in single quotes")
    return Position(offset=cursor.integer(), place=place)


def _elect_leaders(cursor: Cursor, place: Place) -> Statement:
    return ElectLeaders(topics=() if cursor.at_end() else _topics(cursor), **place)


def _group(cursor: Cursor) -> Name:
    return cursor.topic("the name of a group")


def _reset_group(cursor: Cursor, place: Place) -> Statement:
    name = _group(cursor)
    if cursor.take("FROM"):
        cursor.take("FILE")
        return ResetGroup(name=name, file=cursor.path(), **place)
    topics = _topics(cursor) if cursor.take("ON") else ()
    if not cursor.take("TO"):
        raise cursor.fail("TO", *(() if topics else ("ON", "FROM")))
    return ResetGroup(name=name, topics=topics, to=_move(cursor), **place)


def _move(cursor: Cursor) -> Move:
    token = cursor.peek()
    place = cursor.place(token)
    if token.kind is Kind.STRING:
        return Move(Goal.MOMENT, moment=cursor.next().value, place=place)
    words = (Goal.EARLIEST, Goal.LATEST, Goal.OFFSET, Goal.SHIFT)
    goal = Goal(cursor.expect_any(*(w.value for w in words), "a moment in single quotes"))
    if goal is Goal.SHIFT:
        sign = -1 if cursor.take("-") else 1
        cursor.take("+")
        return Move(goal, sign * cursor.integer(), place=place)
    number = cursor.integer("an offset") if goal is Goal.OFFSET else 0
    return Move(goal, number, place=place)


def _consume(cursor: Cursor, place: Place) -> Statement:
    topic = cursor.topic()
    cursor.expect("GROUP")
    group = _group(cursor)
    found: dict[str, Any] = {}
    if cursor.take("COMMIT"):
        found = _commit(cursor)
    if cursor.take("LIMIT"):
        found["limit"] = cursor.integer()
    elif not cursor.at_end():
        raise cursor.fail(*(("LIMIT",) if found else ("COMMIT", "LIMIT")))
    return Consume(topic=topic, group=group, **found, **place)


def _commit(cursor: Cursor) -> dict[str, Any]:
    if cursor.expect_any("AT", "EXACTLY") == "EXACTLY":
        for word in ("ONCE", "INTO"):
            cursor.expect(word)
        return {"guarantee": Guarantee.EXACTLY_ONCE, "into": cursor.topic("the name of a topic")}
    least = cursor.expect_any("LEAST", "MOST") == "LEAST"
    cursor.expect("ONCE")
    return {"guarantee": Guarantee.AT_LEAST_ONCE if least else Guarantee.AT_MOST_ONCE}


def _drop_group(cursor: Cursor, place: Place) -> Statement:
    if_exists = cursor.take("IF", "EXISTS")
    return DropGroup(name=_group(cursor), if_exists=if_exists, **place)


def _drop_application(cursor: Cursor, place: Place) -> Statement:
    if_exists = cursor.take("IF", "EXISTS")
    name = cursor.topic("the name of an application")
    return DropApplication(name=name, if_exists=if_exists, **place)


CLUSTER: Mapping[tuple[str, str], Callable[[Cursor, Place], Statement]] = {
    ("CREATE", "TOPIC"): _create_topic,
    ("ALTER", "TOPIC"): _alter_topic,
    ("DROP", "TOPIC"): _drop_topic,
    ("DROP", "GROUP"): _drop_group,
    ("DROP", "APPLICATION"): _drop_application,
    ("RESET", "GROUP"): _reset_group,
    ("CONSUME", "FROM"): _consume,
    ("DELETE", "RECORDS"): _delete_records,
    ("ELECT", "LEADERS"): _elect_leaders,
    **QUOTAS,
    **SECURITY,
    **SERVICES,
}


def change_reader(cursor: Cursor) -> Callable[[Cursor, Place], Statement] | None:
    """The reader of the statement that begins at the cursor, after its first two words; None if it
    is none of these.  PAUSE CONNECTOR alone is about a query of that name."""
    first, second, third = (cursor.peek(n).upper for n in range(3))
    reader = CLUSTER.get((first, f"{second} {third}")) or CLUSTER.get((first, second))
    if first in _OF_QUERIES and not cursor.peek(2).text:
        return None
    return reader


_OF_QUERIES = ("PAUSE", "RESUME")
