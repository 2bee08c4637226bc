"""Parses text into statements.

`session` parses piece by piece; `cases` and tests parse whole scripts.  SHOW, SET, DESCRIBE and the
like need neither sqlglot nor Arrow.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from kshell.errors import ParseError
from kshell.sql.grammar.cursor import Cursor
from kshell.sql.grammar.explore import EXPLORE
from kshell.sql.keywords import STATEMENTS, TRANSFERS
from kshell.sql.script import Piece, split
from kshell.sql.statements import CreateType, Explain, Select, Statement
from kshell.sql.tokens import Kind, place_at

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["parse", "parse_piece"]

_HALF = re.compile("[\ud800-\udfff]+")  # of a pair of surrogates

_QUERY_WORDS = frozenset(
    {"SELECT", "WITH", "FROM", "VALUES", "(", "PIVOT", "UNPIVOT", "SUMMARIZE", "TABLE"}
)


def parse(text: str, types: Mapping[str, pa.DataType] | None = None) -> list[Statement]:
    """Every statement of the script; raises ParseError with the place of the first error.

    `types` are the user's types by name; CREATE TYPE in the script adds to them for the statements
    after it.

    >>> parse("SHOW TOPICS;")[0].what.value
    'TOPICS'
    """
    known = dict(types or {})
    statements = []
    for piece in split(text):
        statement = parse_piece(piece, known)
        if isinstance(statement, CreateType):
            known.setdefault(statement.name.folded(), statement.type)
        statements.append(statement)
    return statements


def parse_piece(piece: Piece, types: Mapping[str, pa.DataType] | None = None) -> Statement:
    """One statement; raises ParseError."""
    if (half := _HALF.search(piece.text)) is not None:  # what Python makes of such a byte
        raise ParseError(
            "the statement has bytes that are not UTF-8",
            place=place_at(piece.text, *half.span(), piece.line, piece.column),
        )
    cursor = Cursor(piece, types or {})
    place = {"text": piece.text, "place": piece.place}
    try:
        statement = _statement(cursor, place)
        cursor.done()
    except ParseError as error:
        raise _typed_only(cursor) or error from None
    return statement


def _statement(cursor: Cursor, place: Mapping[str, Any]) -> Statement:
    first = cursor.peek()
    word = first.upper or (first.text if first.kind is Kind.SIGN else "")
    after = cursor.peek(1)
    described = word == "DESCRIBE" and (after.upper or after.text) in _QUERY_WORDS
    if word in _QUERY_WORDS or described:
        from kshell.sql.grammar.queries import read_query

        return Select(query=read_query(cursor), **place)
    if word == "EXPLAIN":
        cursor.next()
        return _explain(cursor, place)
    reader = EXPLORE.get(word)
    if word in STATEMENTS and (reader is None or after.upper == "CONNECTOR"):
        from kshell.sql.grammar.cluster import CHANGING, CLUSTER, change_reader

        found = change_reader(cursor)
        reader = found or reader
        if found is not None or word in CHANGING:
            cursor.next()
        if reader is None and word in CHANGING:
            raise cursor.fail(*(second for first, second in CLUSTER if first == word))
    if reader is None and word in TRANSFERS:
        from kshell.sql.grammar.transfer import TRANSFER

        reader = TRANSFER[word]
    reader = reader or _source_reader(word)
    if reader is None:
        raise _unknown(cursor)
    cursor.next()
    return reader(cursor, place)


def _source_reader(word: str) -> Callable[[Cursor, Mapping[str, Any]], Statement] | None:
    if word not in STATEMENTS:
        return None
    from kshell.sql.grammar.producing import PRODUCING
    from kshell.sql.grammar.sources import SOURCES

    return SOURCES.get(word) or PRODUCING.get(word)


def _explain(cursor: Cursor, place: Mapping[str, Any]) -> Statement:
    """EXPLAIN of a statement; a single name is the id of a running query."""
    if cursor.at_end():
        raise cursor.fail("a statement", "the id of a query")
    start = cursor.index
    first = cursor.peek()
    named = first.kind in (Kind.WORD, Kind.QUOTED, Kind.STRING)
    if named and first.upper not in _QUERY_WORDS and first.upper not in STATEMENTS:
        name = cursor.topic()
        if cursor.at_end():
            return Explain(query_id=name.text, **place)
        cursor.index = start
    inner = {
        "text": cursor.piece.text[cursor.peek().start :],
        "place": cursor.place(cursor.peek()),
    }
    return Explain(statement=_statement(cursor, inner), **place)


def _typed_only(cursor: Cursor) -> ParseError | None:
    """The error for a backslash command, or & at the end, in a script."""
    sign = next((t for t in cursor.tokens if t.kind is Kind.SIGN and t.text == "\\"), None)
    if sign is None and cursor.tokens and cursor.tokens[-1].text == "&":
        sign = cursor.tokens[-1]
    if sign is None:
        return None
    what = "a command" if sign.text == "\\" else "& at the end"
    return ParseError(
        f"{what} is what a person types at the prompt, not for scripts", place=cursor.place(sign)
    )


def _unknown(cursor: Cursor) -> ParseError:
    error = cursor.fail("a statement")
    first = cursor.peek()
    from kshell.errors import nearest

    close = nearest(first.text, STATEMENTS) if first.kind is Kind.WORD else []
    error.hint = f"did you mean {' or '.join(close)}?" if close else "HELP lists the statements"
    return error
