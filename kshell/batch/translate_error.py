"""DuckDB's complaints about a bounded query, as kshell's errors."""

from __future__ import annotations

import re

import duckdb
from sqlglot import exp

from kshell.errors import BindError, EvaluationError, KshellError, Place, UnknownName
from kshell.field_names import plain
from kshell.sql.java.macros import failure
from kshell.sql.statements import Query
from kshell.sql.tokens import Kind, place_at, tokenize

__all__ = ["translate_error"]

_UNKNOWN_COLUMN = re.compile(
    r'(?:Referenced column|(?:Table|Values list) ".*?" does not have a column named) "(.+?)"'
)
_UNKNOWN_TABLE = re.compile(r'Referenced table "(.+?)" not found')
_UNKNOWN_FUNCTION = re.compile(r"Function with name (\S+) does not exist")


def translate_error(error: duckdb.Error, query: Query, columns: list[str]) -> KshellError:
    """DuckDB's complaint in kshell's words, with the place of the word it speaks of."""
    text = plain(str(error))
    for pattern, kind, known in (
        (_UNKNOWN_COLUMN, "column", columns),
        (_UNKNOWN_TABLE, "source", [t.alias_or_name for t in query.tree.find_all(exp.Table)]),
        (_UNKNOWN_FUNCTION, "function", []),
    ):
        if match := pattern.search(text):
            return UnknownName(kind, match[1], known, place=_place_of(query, match[1]))
    first = re.sub(r"^[\w ]*Error: ", "", plain(failure(error)))
    first = re.sub(r"\bref_+\d+\b", "the table", first)
    if isinstance(error, duckdb.BinderException | duckdb.CatalogException | duckdb.ParserException):
        return BindError(first)
    return EvaluationError(
        first,
        hint="TRY(expression) is NULL where it fails; with EMIT CHANGES every expression is, and"
        " SHOW ERRORS has the row",
    )


def _place_of(query: Query, name: str) -> Place | None:
    """Where a name first stands in a query."""
    for token in tokenize(query.text):
        if token.kind in (Kind.WORD, Kind.QUOTED) and token.value.casefold() == name.casefold():
            at = query.place
            return place_at(query.text, token.start, token.end, at.line, at.column)
    return None
