"""DuckDB's complaints about a bounded query, as kshell's errors: with a place and a hint."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

import duckdb
from sqlglot import exp

from kshell.errors import BindError, EvaluationError, KshellError, Place, UnknownName
from kshell.sql.clauses import Query
from kshell.sql.complaints import Complaint, complaint_of
from kshell.sql.tokens import Kind, place_at, tokenize

__all__ = ["Locate", "translate_error"]

# From the text that DuckDB ran and a span of its bytes to the place in the script.
Locate = Callable[[str, int, int], Place | None]

_UNKNOWN_COLUMN = re.compile(
    r'(?:Referenced column|(?:Table|Values list) ".*?" does not have a column named) "(.+?)"'
)
_UNKNOWN_TABLE = re.compile(r'Referenced table "(.+?)" not found')
_UNKNOWN_FUNCTION = re.compile(r"Function with name (\S+) does not exist")
_QUOTED = re.compile(r"\"([^\"]*)\"|'([^']*)'")
_CALLED = re.compile(r"function call \"(\w+)\(")
_MACRO = re.compile(r"\bksql_(\w+?)_\d+\b", re.IGNORECASE)

_HINTS: Mapping[str, str] = {
    "syntax error": "look for a comma, a parenthesis or a word that is missing or too many",
    "Ambiguous reference to column": "put the table's name or alias before the column's",
    "must appear in the GROUP BY": "GROUP BY it too, or ANY_VALUE(…) it",
    "cannot be nested": "compute the inner one in a subquery in FROM",
    "ORDER term out of range": "ORDER BY takes a name, or the number of a column from 1",
    "WHERE clause cannot contain": "HAVING tests aggregates, QUALIFY window functions",
    "explicit type cast": "CAST(… AS type) says which type is meant",
    "Could not choose a best": "CAST(… AS type) says which type is meant",
    "Cannot compare values": "CAST(… AS type) one side to the other's type",
    "No columns found to join on in NATURAL": "JOIN … ON says what to join on",
    "can only be applied to lists": "DESCRIBE shows which columns are arrays",
    "does not support the supplied arguments": "DESCRIBE FUNCTION shows what it takes",
    "Subquery returns": "SELECT one column there",
    "VALUES lists must": "give every row as many values",
    "LIMIT/OFFSET": "LIMIT and OFFSET take a whole number from 0",
    "Type with name": "SHOW TYPES lists those that CREATE TYPE made",
    "DECIMAL type width": "DECIMAL(38, s) is the widest",
    "Window functions are not supported": "a window function has OVER (…)",
    "RESPECT/IGNORE NULLS": "IGNORE NULLS stands in a window function: f(x IGNORE NULLS) OVER (…)",
}
_FAILED = (
    "TRY(expression) is NULL where it fails; with EMIT CHANGES every expression is, and"
    " SHOW ERRORS has the row"
)
_REFUSED = "DESCRIBE shows the columns and their types, SHOW FUNCTIONS the functions"
_FORMS = 3  # of a function that a hint shows


def translate_error(
    error: duckdb.Error, query: Query, columns: Sequence[str], ran: str, locate: Locate,
    failing: Place | None = None,
) -> KshellError:  # fmt: skip
    """DuckDB's complaint of the text `ran` in kshell's words, with the place that it speaks of.

    What was refused has at least the statement's place; what failed while it ran may have none.
    `failing` is the part of the query that was found to fail.
    """
    from kshell.batch.blamed import blame  # these take time, and few statements are wrong
    from kshell.sql.functions import names

    said = complaint_of(error)
    place = locate(ran, said.start, said.length) if said.start >= 0 else None
    for pattern, kind, known in (
        (_UNKNOWN_COLUMN, "column", columns),
        (_UNKNOWN_TABLE, "source", [t.alias_or_name for t in query.tree.find_all(exp.Table)]),
        (_UNKNOWN_FUNCTION, "function", (*names(), *said.candidates)),
    ):
        if match := pattern.search(said.text):
            named = _named(query, match[1]) or _named(query, match[1], Kind.STRING)
            place = place if place in named else next(iter(named), place or query.place)
            made = UnknownName(kind, match[1], known, place=place)
            made.hint = made.hint or _WHERE_TO_LOOK[kind]
            if kind == "function" and match[1].upper() in names():
                made.hint = _ksqls(match[1])
            return made
    refused = isinstance(
        error, duckdb.BinderException | duckdb.CatalogException | duckdb.ParserException
    )
    called = said.name or next(iter(_CALLED.findall(said.text)), "")
    places = [place] if place is not None else []
    places += _named(query, called) if called else []
    # What fails while it runs may quote a record's value, which is a column's name by chance alone.
    kinds = (Kind.STRING, Kind.WORD, Kind.QUOTED) if refused else (Kind.STRING,)
    for one, other in _QUOTED.findall(said.text):
        places += _named(query, one or other, *kinds)
    if failing is not None and place is None:
        places = [*(p for p in places if _inside(p, failing)), failing]
    place = next(iter(places), query.place if refused else None)
    if (about := blame(query.text, said.text, columns)) is not None:
        if about.start >= 0:
            at = query.place
            place = place_at(query.text, about.start, about.end, at.line, at.column)
        if about.field:
            made = UnknownName("field", about.field, place=place)
            made.hint = about.hint
            return made
        return BindError(about.what, hint=about.hint, place=place)
    text = _MACRO.sub(lambda m: m[1].upper(), re.sub(r"\bref_+\d+\b", "the table", said.text))
    if refused:
        return BindError(text, hint=_hint(said, _REFUSED), place=place)
    return EvaluationError(text, hint=_hint(said, _FAILED), place=place)


_WHERE_TO_LOOK = {
    "column": "DESCRIBE shows the columns",
    "source": "the names and aliases in FROM can stand before a column",
    "function": "SHOW FUNCTIONS lists them",
}


def _ksqls(name: str) -> str:
    """Where a function of KSQL's can be called that a bounded query has not."""
    from kshell.sql.functions import is_table_function

    if is_table_function(name):
        return "it is KSQL's table function: EMIT CHANGES has it; UNNEST(…) is DuckDB's"
    return "it is KSQL's: SET 'kshell.dialect'='ksql'"


def _inside(part: Place, whole: Place) -> bool:
    last = whole.column + whole.length
    return part.line == whole.line and whole.column <= part.column < last


def _hint(said: Complaint, otherwise: str) -> str:
    if said.kind == "NO_MATCHING_FUNCTION" and said.candidates and said.more:
        forms = [line for line in said.more if "(" in line]
        more = ", …" if len(forms) > _FORMS else ""
        return f"it takes {', '.join(forms[:_FORMS])}{more}" if forms else otherwise
    return next((hint for words, hint in _HINTS.items() if words in said.text), otherwise)


def _named(query: Query, name: str, *kinds: Kind) -> list[Place]:
    """Where a name, or a token of one of the kinds, stands in a query."""
    at = query.place
    return [
        place_at(query.text, token.start, token.end, at.line, at.column)
        for token in tokenize(query.text)
        if token.kind in (kinds or (Kind.WORD, Kind.QUOTED))
        and token.value.casefold() == name.casefold()
    ]
