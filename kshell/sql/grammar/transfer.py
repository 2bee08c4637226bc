"""Reads MIRROR and REDRIVE, which carry records from topic to topic; `parse` uses it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from kshell.errors import BindError, UnknownName
from kshell.sql.clauses import Name
from kshell.sql.grammar.cursor import Cursor
from kshell.sql.statements import Statement
from kshell.sql.transfer import Begin, Mirror, Redrive

__all__ = ["TRANSFER"]

Place = Mapping[str, Any]
_AT = re.compile(r"\s*(\d{1,9})\s*:\s*(\d{1,18})\s*")


def _topic(cursor: Cursor) -> Name:
    return cursor.topic("the name of a topic")


def _begin(cursor: Cursor, *words: str) -> Begin | None:
    if not cursor.take("FROM"):
        return None
    place = cursor.place(cursor.peek())
    word = cursor.expect_any(*words)
    if word != "OFFSETS":
        return Begin(latest=word == "LATEST", place=place)
    place = cursor.place(cursor.peek())
    offsets: dict[int, int] = {}
    for part in cursor.string("partitions and offsets: '0:12,1:40'").split(","):
        found = _AT.fullmatch(part)
        if found is None or int(found[1]) in offsets:
            why = "is there twice" if found else "is no partition and offset"
            raise BindError(f"{part.strip()} {why}", hint="FROM OFFSETS '0:12,1:40'", place=place)
        offsets[int(found[1])] = int(found[2])
    return Begin(offsets=offsets, place=place)


def _mirror(cursor: Cursor, place: Place) -> Statement:
    source = _topic(cursor)
    cursor.expect("TO")
    target = _topic(cursor)
    begin = _begin(cursor, "EARLIEST", "LATEST", "OFFSETS")
    continuous = cursor.take("EMIT")
    if continuous:
        cursor.expect("CHANGES")
    elif not cursor.at_end():
        raise cursor.fail(*(() if begin else ("FROM",)), "EMIT CHANGES")
    return Mirror(source=source, target=target, begin=begin, continuous=continuous, **place)


def _redrive(cursor: Cursor, place: Place) -> Statement:
    source = _topic(cursor)
    begin = _begin(cursor, "EARLIEST", "OFFSETS")
    options = _options(cursor) if cursor.take("WITH") else {}
    if not cursor.at_end():
        raise cursor.fail(*(() if begin or options else ("FROM",)), "WITH")
    return Redrive(source=source, begin=begin, **options, **place)


def _count(cursor: Cursor) -> int:
    place = cursor.place(cursor.peek())
    number = cursor.integer()
    if not number:
        raise BindError("this is 1 or more", place=place)
    return number


_OPTIONS: Mapping[str, Callable[[Cursor], object]] = {
    "HEADER": lambda cursor: cursor.string("a header's name in single quotes"),
    "RATE": _count,
    "LIMIT": _count,
}


def _options(cursor: Cursor) -> dict[str, Any]:
    found: dict[str, Any] = {}
    cursor.expect("(")
    while not found or cursor.take(","):
        at = cursor.place(cursor.peek())
        word = cursor.next().upper
        if word not in _OPTIONS:
            raise UnknownName("option", word or "of that kind", _OPTIONS, place=at)
        if word.lower() in found:
            raise BindError(f"{word} is given twice in the WITH clause", place=at)
        cursor.expect("=")
        found[word.lower()] = _OPTIONS[word](cursor)
    cursor.expect(")")
    return found


TRANSFER: Mapping[str, Callable[[Cursor, Place], Statement]] = {
    "MIRROR": _mirror,
    "REDRIVE": _redrive,
}
