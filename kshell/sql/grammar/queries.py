"""Queries: this module reads KSQL's own clauses and blanks them out; sqlglot parses the rest.

WINDOW TUMBLING (…), WITHIN …, PARTITION BY and EMIT stand only at the top level of a query.  The
rest is ordinary SQL at the same places, and all of DuckDB's SQL works.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kshell.errors import BindError, ParseError
from kshell.sql.clauses import AtGroup, Emit, Name, Query, WindowClause, Within
from kshell.sql.grammar.cursor import Cursor, syntax_error
from kshell.sql.script import Piece
from kshell.sql.tokens import Kind

if TYPE_CHECKING:
    from sqlglot import exp

__all__ = ["QUERY_STARTS", "read_condition", "read_enclosed", "read_query", "read_rows"]

QUERY_STARTS = (
    "SELECT", "WITH", "FROM", "VALUES", "(", "PIVOT", "UNPIVOT", "SUMMARIZE", "TABLE", "DESCRIBE",
)
_WINDOWS = frozenset({"TUMBLING", "HOPPING", "SESSION", "SLIDING"})
_AFTER_PARTITION_BY = ("WINDOW", "WHERE", "GROUP", "HAVING", "EMIT", "LIMIT", "ORDER", "QUALIFY")


@dataclass(slots=True)
class _Clauses:
    """The clauses cut out of a query, and the ranges of text to blank."""

    cuts: list[tuple[int, int]] = field(default_factory=list)
    emit: Emit = Emit.BOUNDED
    window: WindowClause | None = None
    partition_by: tuple[int, int] | None = None
    withins: list[tuple[int, Within]] = field(default_factory=list)  # (number of the join, …)
    groups: Mapping[int, tuple[int, Name]] = field(default_factory=dict)  # AT GROUP: by its token


def read_query(cursor: Cursor, continuous: bool = False) -> Query:
    """The rest of the statement as a query.

    `continuous` is for CREATE … AS and INSERT INTO … SELECT, whose missing EMIT means EMIT CHANGES.
    """
    from kshell.sql.grammar.trees import TooDeep, nothing, parse_expressions, parse_query

    if not any(cursor.at(word) for word in QUERY_STARTS):
        raise cursor.fail("SELECT")
    first = cursor.peek()
    clauses = _cut(cursor)
    at_groups = [_span(cursor, *found) for found in clauses.groups.items()]
    text = _blank(cursor.piece.text, at_groups)
    emit = clauses.emit
    if continuous and emit is Emit.BOUNDED:
        emit = Emit.CHANGES
    unread = None
    try:
        tree = parse_query(_blank(text, clauses.cuts), first.start, cursor, emit)
    except TooDeep:
        raise
    except ParseError as error:
        bounded = emit is Emit.BOUNDED and not clauses.cuts
        if not bounded or not _duckdb_reads(text[first.start :]):
            raise
        tree, unread = nothing(), error
    _attach(tree, clauses.withins, cursor)
    groups = tuple(_at_group(tree, cursor, at, name) for at, (_, name) in clauses.groups.items())
    partition_by: tuple[exp.Expr, ...] = ()
    if clauses.partition_by is not None:
        start, end = clauses.partition_by
        partition_by = parse_expressions(text[:end], start, cursor)
        if not partition_by:
            raise BindError(
                "PARTITION BY requires at least one expression",
                place=cursor.place_of(start - len("BY"), start),
            )
    place = cursor.place(first)
    return Query(
        tree, emit, clauses.window, partition_by, text[first.start :], place, unread, groups
    )


def read_enclosed(cursor: Cursor) -> Query:
    """A query in parentheses, of which the first is next."""
    first = last = cursor.next()
    depth = 1
    while depth and not cursor.at_end():
        last = cursor.next()
        depth += (last.text == "(") - (last.text == ")")
    if depth:
        raise cursor.fail(")")
    begin = cursor.place_of(first.end, last.start)
    text = cursor.piece.text[first.end : last.start]
    inner = Cursor(Piece(text, begin.line, begin.column), cursor.types)
    query = read_query(inner)
    inner.done()
    return query


def _duckdb_reads(text: str) -> bool:
    """Whether DuckDB's parser takes it as one statement."""
    import duckdb

    from kshell.sql import duck

    try:
        with duck.plain() as connection:
            return len(connection.extract_statements(text)) == 1
    except duckdb.Error:
        return False


def read_rows(cursor: Cursor, word: str) -> tuple[tuple[exp.Expr, ...], ...]:
    """`VALUES (…), …` (or `KEY (…)`) to the end of the statement."""
    from kshell.sql.grammar.trees import parse_rows

    cursor.expect(word)
    if not cursor.at("("):
        raise cursor.fail("(")
    start = cursor.peek().start
    cursor.index = len(cursor.tokens)
    return parse_rows(cursor.piece.text, start, cursor)


def read_condition(cursor: Cursor, end: int, topic: Name) -> Query:
    """The condition after WHERE, up to the token numbered `end`, as a continuous query of the
    topic that gives the offsets of the records for which it holds."""
    from sqlglot import exp

    from kshell.sql.grammar.trees import parse_expressions

    if cursor.index >= end:
        raise cursor.fail("a condition")
    start, text = cursor.tokens[cursor.index - 1].end, cursor.piece.text
    first, last = cursor.peek(), cursor.tokens[end - 1]
    found = parse_expressions(text[: last.end], start, cursor)
    cursor.index = end
    if len(found) != 1:
        raise syntax_error(",", cursor.place(first), "one condition")
    table = exp.Table(this=exp.to_identifier(topic.text, quoted=True))
    tree = exp.select(exp.column("ROWOFFSET")).from_(table).where(found[0])
    return Query(tree, Emit.CHANGES, text=text[first.start : last.end], place=cursor.place(first))


def _blank(text: str, cuts: list[tuple[int, int]]) -> str:
    """The text with spaces for the cuts; line breaks stay, so that places do not change."""
    for start, end in cuts:
        blank = "".join("\n" if c == "\n" else " " for c in text[start:end])
        text = text[:start] + blank + text[end:]
    return text


def _top_level(cursor: Cursor) -> Iterator[int]:
    """Moves the cursor over the tokens of the query's own level."""
    depth = 0
    while not cursor.at_end():
        token = cursor.peek()
        if token.kind is Kind.SIGN and token.text in "([{":
            depth += 1
        elif token.kind is Kind.SIGN and token.text in ")]}":
            depth -= 1
        elif depth == 0:
            index = cursor.index
            yield index
            if cursor.index != index:
                continue
        cursor.next()


def _at_groups(cursor: Cursor) -> dict[int, tuple[int, Name]]:
    """Each AT GROUP of the query and the queries in it: by its token, the token behind it, and the
    group."""
    start, found = cursor.index, dict[int, tuple[int, Name]]()
    while not cursor.at_end():
        at = cursor.index
        if cursor.at("AT", "GROUP") and cursor.peek(2).upper != "BY":
            cursor.index += 2
            name = cursor.topic("the name of a group")
            found[at] = cursor.index, name
        else:
            cursor.next()
    cursor.index = start
    return found


def _span(cursor: Cursor, at: int, found: tuple[int, Name]) -> tuple[int, int]:
    return cursor.tokens[at].start, cursor.tokens[found[0] - 1].end


def _at_group(tree: exp.Query, cursor: Cursor, at: int, group: Name) -> AtGroup:
    """What stands before it, which is a source's name or its alias."""
    from sqlglot import exp

    from kshell.sql.as_written import place_of

    here = cursor.place(cursor.tokens[at])
    tables = [
        (place.line, place.column, table)
        for table in tree.find_all(exp.Table)
        if (place := place_of(table)) is not None
        and (place.line, place.column) < (here.line, here.column)
    ]
    if not tables:
        raise BindError("AT GROUP stands behind a name in FROM", place=here)
    table = max(tables, key=lambda found: found[:2])[2]
    parts = [table.args[p] for p in ("catalog", "db", "this") if table.args.get(p)]
    name = ".".join(part.name for part in parts)
    source = Name(name, bool(parts[-1].args.get("quoted")), place_of(table))
    return AtGroup(source, group)


def _cut(cursor: Cursor) -> _Clauses:
    clauses = _Clauses(groups=_at_groups(cursor))
    joins = -1
    in_from = False
    for index in _top_level(cursor):
        if index in clauses.groups:
            cursor.index = clauses.groups[index][0]
            continue
        start = cursor.peek().start
        if cursor.at("FROM"):
            in_from = True
        elif cursor.at("JOIN") or (in_from and cursor.at(",")):
            joins += 1
        elif cursor.at("WHERE") or cursor.at("GROUP"):
            in_from = False
        elif cursor.at("WINDOW") and _WINDOWS & {cursor.peek(1).upper, cursor.peek(2).upper}:
            in_from = False
            clauses.window = _window(cursor)
        elif cursor.at("WITHIN") and not cursor.at("WITHIN", "GROUP"):
            if joins < 0:
                raise cursor.fail("a JOIN before it")
            clauses.withins.append((joins, _within(cursor)))
        elif cursor.at("PARTITION", "BY"):
            in_from = False
            clauses.partition_by = _partition_by(cursor)
        elif cursor.at("EMIT") and (cursor.peek(1).upper or cursor.peek(1).kind is Kind.END):
            if cursor.peek(1).upper in ("FROM", "AS"):  # a column of that name
                continue
            in_from = False
            clauses.emit = _emit(cursor)
        else:
            continue
        if cursor.peek().start != start:
            end = cursor.tokens[cursor.index - 1].end
            clauses.cuts.append((start, end))
    return clauses


def _emit(cursor: Cursor) -> Emit:
    cursor.expect("EMIT")
    emit = Emit(cursor.expect_any("CHANGES", "FINAL"))
    if not cursor.at_end() and not cursor.at("LIMIT"):
        raise cursor.fail("LIMIT", "the end of the statement")
    return emit


def _partition_by(cursor: Cursor) -> tuple[int, int]:
    """The place of the expressions."""
    cursor.expect("PARTITION", "BY")
    start = cursor.tokens[cursor.index - 1].end
    for _ in _top_level(cursor):
        if any(cursor.at(word) for word in _AFTER_PARTITION_BY):
            break
    return start, cursor.tokens[cursor.index - 1].end


def _window(cursor: Cursor) -> WindowClause:
    from kshell.catalog.model import WindowType

    cursor.expect("WINDOW")
    if cursor.peek().upper not in _WINDOWS:
        cursor.name("the window's type")  # ksqlDB allows a name here, and ignores it
    type = WindowType(cursor.expect_any(*sorted(_WINDOWS)))
    cursor.expect("(")
    if type is WindowType.SESSION:
        size = cursor.duration_ms()
    else:
        cursor.expect("SIZE")
        size = cursor.duration_ms()
    advance = None
    if type is WindowType.HOPPING:
        cursor.expect(",")
        cursor.expect("ADVANCE", "BY")
        advance = cursor.duration_ms()
    retention = grace = None
    while cursor.take(","):
        if cursor.expect_any("RETENTION", "GRACE") == "RETENTION":
            retention = cursor.duration_ms()
        else:
            cursor.expect("PERIOD")
            grace = cursor.duration_ms()
    cursor.expect(")")
    return WindowClause(type, size, advance, retention, grace)


def _within(cursor: Cursor) -> Within:
    cursor.expect("WITHIN")
    if cursor.take("("):
        before = cursor.duration_ms()
        cursor.expect(",")
        after = cursor.duration_ms()
        cursor.expect(")")
    else:
        before = after = cursor.duration_ms()
    grace = None
    if cursor.take("GRACE"):
        cursor.expect("PERIOD")
        grace = cursor.duration_ms()
    return Within(before, after, grace)


def _attach(tree: exp.Query, withins: list[tuple[int, Within]], cursor: Cursor) -> None:
    joins = tree.args.get("joins") or []
    for number, within in withins:
        if number >= len(joins):
            raise syntax_error("WITHIN", cursor.piece.place, "a JOIN … ON … beside it")
        joins[number].set("within", within)
