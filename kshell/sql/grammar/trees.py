"""Parses queries, expressions and rows with sqlglot, with their places and kshell's errors.

`queries` calls it with KSQL's own clauses blanked.  Only this module of the grammar imports
sqlglot.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from itertools import pairwise

from sqlglot import exp
from sqlglot.errors import ParseError as SqlglotParseError
from sqlglot.errors import SqlglotError
from sqlglot.parser import Parser
from sqlglot.tokenizer_core import Token, TokenType

from kshell.errors import ParseError, Place, nearest
from kshell.sql.as_written import mark, place_of
from kshell.sql.clauses import Emit
from kshell.sql.dialect import KSQL
from kshell.sql.grammar.cursor import Cursor, syntax_error
from kshell.sql.keywords import CLAUSES, KEYWORDS
from kshell.sql.tokens import Kind, tokenize

__all__ = ["TooDeep", "nothing", "parse_expressions", "parse_query", "parse_rows"]


class TooDeep(ParseError):
    """A statement that nests too deeply for any parser."""


def parse_query(text: str, start: int, cursor: Cursor, emit: Emit) -> exp.Query:
    """The query in `text[start:]`: the cursor's statement with KSQL's clauses blanked."""
    tree = _parse(text, start, cursor)
    if isinstance(tree, exp.Values):
        tree = exp.select("*").from_(tree)
    if not isinstance(tree, exp.Query) or tree.find(exp.Command) is not None:
        raise syntax_error("", cursor.place_of(start, start + 1), "a query")
    if isinstance(tree, exp.Select) and not tree.expressions:
        raise _selects_nothing(tree, text, start, cursor)
    if emit is not Emit.BOUNDED:
        _check_continuous(tree, cursor)
    return tree


def _selects_nothing(tree: exp.Select, text: str, start: int, cursor: Cursor) -> ParseError:
    """SELECT FROM t: the error at the FROM before the first source."""
    expected = "what to select, such as *"
    source = next(iter(tree.find_all(exp.Identifier)), None)
    end = len(text) if source is None else start + source.meta.get("start", len(text))
    before = [t for t in tokenize(text[start:end]) if t.upper == "FROM"]
    if not before:
        return syntax_error("", cursor.place_of(start, start + 1), expected)
    at = start + before[-1].start
    return syntax_error("FROM", cursor.place_of(at, at + len("FROM")), expected)


def nothing() -> exp.Query:
    """The tree of a query that sqlglot could not read."""
    return exp.Select()


def parse_expressions(text: str, start: int, cursor: Cursor) -> tuple[exp.Expr, ...]:
    """The expressions in `text[start:]`, separated by commas, with or without parentheses."""
    # A list of expressions parses as a SELECT without FROM; that word replaces BY.
    head = start - len("SELECT")
    tree = _parse(text[:head] + "SELECT" + text[start:], head, cursor)
    found = tree.expressions
    for expression in found:
        if isinstance(expression, exp.Alias):
            raise _error_at(expression.args["alias"], cursor)
    if len(found) == 1 and isinstance(found[0], exp.Tuple):
        found = found[0].expressions
    elif len(found) == 1 and isinstance(found[0], exp.Paren):
        found = [found[0].this]
    return tuple(found)


def parse_rows(text: str, start: int, cursor: Cursor) -> tuple[tuple[exp.Expr, ...], ...]:
    """The rows `(…), (…)` in `text[start:]`; each value has a place."""
    rows = tuple(
        tuple(row.expressions) if isinstance(row, exp.Tuple) else (row.unnest(),)
        for row in _parse(text, start, cursor, _list).expressions
    )
    for row, spans in zip(rows, _values(start, cursor), strict=False):
        for value, (first, end) in zip(row, spans, strict=False):
            line_end = text.find("\n", first, end)
            mark(value, cursor.place_of(first, end if line_end < 0 else line_end))
    return rows


def _values(start: int, cursor: Cursor) -> list[list[tuple[int, int]]]:
    """Where in the text each value of each row begins and ends."""
    rows: list[list[tuple[int, int]]] = []
    depth, first, end = 0, -1, -1
    for token in (t for t in cursor.tokens if t.start >= start):
        sign = token.text if token.kind is Kind.SIGN else ""
        if depth == 1 and sign in (",", ")") and first >= 0:
            rows[-1].append((first, end))
        if depth == 0 and sign == "(":
            rows.append([])
        inside = depth > 1 or (depth == 1 and sign not in (",", ")"))
        depth += (sign in ("(", "[", "{")) - (sign in (")", "]", "}"))
        if inside:
            first, end = token.start if first < 0 else first, token.end
        else:
            first = -1
    return rows


def _tokens(text: str, start: int, cursor: Cursor) -> list[Token]:
    """sqlglot's tokens of `text[start:]`, at their places in the script."""
    place = cursor.place_of(start, start + 1)
    blanks = _blanks(text[start:])
    spaced = "".join(f"{' ' * (n in blanks)}{c}" for n, c in enumerate(text[start:]))
    try:
        found: list[Token] = KSQL().tokenize(spaced if blanks else text[start:])
    except SqlglotError as error:
        raise syntax_error(text[start : start + 20], place, hint=str(error)) from None
    for token in found if blanks else ():
        moved = bisect_left([at + n + 1 for n, at in enumerate(blanks)], token.start + 1)
        line = text.rfind("\n", start, start + token.start - moved) + 1 - start
        token.col -= moved - bisect_left(blanks, max(line, 0))
        token.start -= moved
        token.end -= moved
    for token in found:
        if token.line == 1:
            token.col += place.column - 1
        token.line += place.line - 1
    return found


def _blanks(text: str) -> list[int]:
    """Where sqlglot needs a blank: of 1e5+1 it makes one number.

    >>> _blanks("SELECT 1e5+1, 1e-5, 1e5 -1")
    [10]
    """
    found = list(tokenize(text))
    return [
        after.start
        for number, after in pairwise(found)
        if number.kind is Kind.NUMBER
        and number.text[-1].isdigit()
        and "e" in number.text.lower()
        and after.text in ("+", "-")
        and after.start == number.end
    ]


def _query(parser: Parser) -> exp.Expr | None:
    return parser._parse_statement()


def _list(parser: Parser) -> exp.Expr:
    return exp.Tuple(expressions=parser._parse_expressions())


def _parse(
    text: str, start: int, cursor: Cursor, read: Callable[[Parser], exp.Expr | None] = _query
) -> exp.Expr:
    found = _tokens(text, start, cursor)
    parser = KSQL().parser()
    try:
        trees = parser._parse(read, found, text[start:])
    except SqlglotError as error:
        raise _translate(error, found, cursor) from None
    except RecursionError:
        raise TooDeep("the statement nests too deeply", place=cursor.piece.place) from None
    except (AttributeError, IndexError, TypeError, ValueError):
        # For some invalid texts, such as SELECT * FROM, sqlglot raises other errors than its own.
        token = parser._curr
        if token is None or token.token_type is TokenType.SENTINEL:
            raise _at_the_end(found, cursor) from None
        raise syntax_error(token.text[:40], _token_place(token)) from None
    if len(trees) != 1 or trees[0] is None:
        raise syntax_error("", cursor.place_of(start, start + 1), "a query")
    return trees[0]


def _token_place(token: Token) -> Place:
    length = token.end - token.start + 1
    return Place(token.line, max(token.col - length + 1, 1), length)


def _translate(error: SqlglotError, found: list[Token], cursor: Cursor) -> ParseError:
    """sqlglot's error in kshell's words, at the word that is most likely wrong."""
    details = error.errors[0] if isinstance(error, SqlglotParseError) and error.errors else {}
    line, col = details.get("line"), details.get("col")
    description = str(details.get("description", ""))
    expected = description.removeprefix("Expecting ").removeprefix("Expected ")
    if expected == description:
        expected = ""
    for index, token in enumerate(found):
        if (token.line, token.col) == (line, col):
            for near in (token, *found[index - 1 : index]):
                misspelt = _misspelt(near)
                if misspelt is not None:
                    return misspelt
            # At the end of the text sqlglot points at the last token.
            if index + 1 < len(found) or "Unexpected token" in description:
                return syntax_error(token.text[:40], _token_place(token), expected.lower())
    return _at_the_end(found, cursor, expected.lower())


def _at_the_end(found: list[Token], cursor: Cursor, expected: str = "") -> ParseError:
    last = _token_place(found[-1]) if found else cursor.piece.place
    place = Place(last.line, last.column + last.length)
    return syntax_error("", place, *filter(None, [expected]))


_SHORT = 2  # letters of a name that is like some keyword whatever it is


def _misspelt(token: Token) -> ParseError | None:
    """The error for a bare word that is nearly a clause's keyword."""
    plain = token.token_type == TokenType.VAR and len(token.text) > _SHORT
    if not plain or token.text.upper() in KEYWORDS:
        return None
    close = nearest(token.text, CLAUSES, 1)
    if not close:
        return None
    return syntax_error(token.text, _token_place(token), hint=f"did you mean {close[0]}?")


def _error_at(node: exp.Expr, cursor: Cursor) -> ParseError:
    place = place_of(node) or cursor.piece.place
    return syntax_error(node.name, place)


_BOOLEAN = (exp.And, exp.Or, exp.Not, exp.Predicate)


def _check_continuous(tree: exp.Query, cursor: Cursor) -> None:
    """ksqlDB's limits of literals, and its grammar of FROM and GROUP BY, in continuous queries."""
    for table in tree.find_all(exp.Table, exp.Unnest):
        if not isinstance(table.this, exp.Identifier):
            raise syntax_error("(", place_of(table) or cursor.piece.place, "a stream or a table")
    for listed in tree.find_all(exp.In):
        if not any(listed.args.get(part) for part in ("expressions", "query", "unnest", "field")):
            raise syntax_error(")", place_of(listed) or cursor.piece.place, "a value after IN (")
    for literal in tree.find_all(exp.Literal):
        if literal.is_number:
            _check_number(literal, cursor)
    group = tree.args.get("group")
    for expression in group.expressions if group is not None else ():
        for item in expression.expressions if isinstance(expression, exp.Tuple) else (expression,):
            if isinstance(item, _BOOLEAN):
                place = place_of(item.expression if isinstance(item, exp.Binary) else item)
                found = item.key.upper()
                raise syntax_error(found, place or cursor.piece.place, "a value, not a condition")


def _check_number(literal: exp.Literal, cursor: Cursor) -> None:
    text = literal.name
    negative = isinstance(literal.parent, exp.Neg)
    shown = "-" + text if negative else text
    place = place_of(literal) or cursor.piece.place
    if text.isdigit() and int(text) > 2**63 - (0 if negative else 1):
        raise ParseError(f"Invalid numeric literal: {shown}", place=place, hint="BIGINT ends there")
    if text.lower().endswith(("e", "+", "-")):
        raise ParseError(f"Invalid numeric literal: {shown}", place=place)
    if "e" in text.lower() and float(text) == float("inf"):
        raise ParseError(f"Number overflows DOUBLE: {shown}", place=place)
