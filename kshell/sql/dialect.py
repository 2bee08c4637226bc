"""KSQL as a sqlglot dialect: DuckDB's SQL with KSQL's expressions in it.

`grammar.queries` hands it queries without KSQL's own clauses; `bind` and `batch` read the trees.
What the trees look like, where it is not sqlglot's usual:

    a->b->c             Dot(Dot(Column(a), Identifier(b)), Identifier(c));  a->* ends in Star()
    F(x, y)             Anonymous(this="F", expressions=[…]): every function keeps its name
    COUNT(*), COUNT()   Anonymous("COUNT", [Star()]), Anonymous("COUNT", [])
    STRUCT(a := 1)      Struct([PropertyEQ(Identifier(a), 1)])
    MAP(k := v)         Map(keys=Array([k]), values=Array([v]))
    ARRAY[1, 2]         Array([1, 2])
    a[1]                Bracket(a, [1], offset=1): the index as it was written
    x => …, (k, v) => … Lambda(body, expressions=[Identifier…]); parameters in it are Identifiers
    FROM my-topic.v1    Table(this=Identifier("v1"), db=Identifier("my-topic"))

Identifiers, and functions and literals too, have line, col, start and end in `meta`.
"""

from __future__ import annotations

from typing import Any, ClassVar

from sqlglot import exp, tokens
from sqlglot.dialects.duckdb import DuckDB
from sqlglot.errors import ParseError as SqlglotError
from sqlglot.errors import SqlglotError as AnySqlglotError
from sqlglot.tokens import Token, TokenType

from kshell.errors import ParseError, Place, nearest
from kshell.sql.grammar.cursor import Cursor, syntax_error
from kshell.sql.keywords import CLAUSES, KEYWORDS
from kshell.sql.statements import Emit

__all__ = ["KSQL", "parse_expressions", "parse_query", "parse_rows"]

_DUCKDB = DuckDB.Parser

# sqlglot gives these a grammar of their own that KSQL and DuckDB share; all else stays a plain call.
_SPECIAL = ("CAST", "TRY_CAST", "EXTRACT", "POSITION", "TRIM")
_NO_PAREN = ("ANY", "CASE", "@")


# Statements are refused here: sqlglot would keep what it does not know as raw text (exp.Command).
_QUERY = (exp.Select, exp.SetOperation, exp.Subquery, exp.Values, exp.Pivot)


class KSQL(DuckDB):
    """DuckDB's dialect, and KSQL's expressions."""

    IDENTIFIERS_CAN_START_WITH_DIGIT = True

    class Tokenizer(DuckDB.Tokenizer):
        """Backticks quote; $ and backslashes mean nothing."""

        IDENTIFIERS: ClassVar[list[Any]] = ['"', "`"]
        KEYWORDS: ClassVar[dict[str, TokenType]] = {
            **{
                k: v
                for k, v in tokens.Tokenizer.KEYWORDS.items() | DuckDB.Tokenizer.KEYWORDS.items()
                if k not in ("/*+", "SORT BY")
            },
            "BYTES": TokenType.VARBINARY,
        }

    class Parser(_DUCKDB):
        """See the module's docstring for what it makes."""

        FUNCTIONS: ClassVar[dict[str, Any]] = {}
        FUNCTION_PARSERS: ClassVar[dict[str, Any]] = {
            name: _DUCKDB.FUNCTION_PARSERS[name]
            for name in _SPECIAL
            if name in _DUCKDB.FUNCTION_PARSERS
        }
        NO_PAREN_FUNCTION_PARSERS: ClassVar[dict[str, Any]] = {
            **{k: _DUCKDB.NO_PAREN_FUNCTION_PARSERS[k] for k in _NO_PAREN},
            "MAP": lambda self: self._parse_ksql_map(),
        }
        COLUMN_POSTFIX_TOKENS = _DUCKDB.COLUMN_POSTFIX_TOKENS | {TokenType.ARROW}
        TABLE_POSTFIX_TOKENS = _DUCKDB.TABLE_POSTFIX_TOKENS | {TokenType.DASH, TokenType.NUMBER}
        LAMBDAS: ClassVar[dict[Any, Any]] = {
            TokenType.FARROW: lambda self, parameters: self._parse_lambda_body(parameters),
        }

        def _parse_lambda_body(self, parameters: list[Any]) -> Any:
            body = self._replace_lambda(self._parse_disjunction(), parameters)
            return self.expression(exp.Lambda(this=body, expressions=parameters))

        def _replace_lambda(self, node: Any, expressions: list[Any]) -> Any:
            """Parameters become Identifiers; like all KSQL names they match without case."""
            names = {e.name.casefold() for e in expressions if e is not None}
            for column in list(node.find_all(exp.Column)) if node is not None else ():
                if column.parts[0].name.casefold() in names:
                    bare = column.to_dot() if column.table else column.this
                    if column is node:
                        return bare
                    column.replace(bare)
            return node

        def _parse_column_ops(self, this: Any) -> Any:
            this = super()._parse_column_ops(this)
            while (
                self._curr.token_type == TokenType.ARROW
                and self._next.token_type not in (TokenType.STRING, TokenType.NUMBER)
                and this is not None
            ):
                self._advance()
                if self._match(TokenType.STAR):
                    return self.expression(exp.Dot(this=this, expression=exp.Star()))
                name = self._parse_id_var(any_token=True)
                if name is None:
                    self.raise_error("a field's name")
                this = self.expression(exp.Dot(this=this, expression=name))
                this = super()._parse_column_ops(self._parse_bracket(this))
            return this

        def _parse_types(self, *args: Any, **kwargs: Any) -> Any:
            token = self._curr
            type = super()._parse_types(*args, **kwargs)
            if isinstance(type, exp.DataType) and type.this is exp.DType.NULL:
                self.raise_error("Expected a type", token)
            return type

        def _parse_function_call(self, *args: Any, **kwargs: Any) -> Any:
            call = super()._parse_function_call(*args, **kwargs)
            inner = call.this if isinstance(call, exp.Window) else call
            if isinstance(inner, exp.Anonymous) and inner.name.upper() == "STRUCT":
                return self._struct(inner)
            return call

        def _struct(self, call: exp.Anonymous) -> exp.Expr:
            fields = [self._named(e) for e in call.expressions]
            return self.expression(exp.Struct(expressions=fields))

        def _named(self, field: exp.Expr) -> exp.Expr:
            if not isinstance(field, exp.PropertyEQ):
                self.raise_error("name := value", token=self._prev)
            if isinstance(field.this, exp.Column):
                field.set("this", field.this.this)
            return field

        def _parse_ksql_map(self) -> Any:
            """MAP(k := v, …); DuckDB's MAP {…} and MAP([…], […]) as well."""
            if not self._match(TokenType.L_PAREN):
                if self._curr.token_type == TokenType.L_BRACE:
                    return self._parse_map()
                return self.expression(exp.Column(this=self._identifier_expression(self._prev)))
            pairs = self._parse_csv(self._parse_map_entry)
            self._match_r_paren()
            if pairs and not any(isinstance(p, exp.PropertyEQ) for p in pairs):
                return self.expression(exp.Map(keys=pairs[0], values=pairs[-1]))
            keys = exp.Array(expressions=[p.this for p in pairs])
            values = exp.Array(expressions=[p.expression for p in pairs])
            return self.expression(exp.Map(keys=keys, values=values))

        def _parse_map_entry(self) -> Any:
            key = self._parse_disjunction()
            if not self._match(TokenType.COLON_EQ):
                return key
            return self.expression(exp.PropertyEQ(this=key, expression=self._parse_disjunction()))

        def _parse_bracket(self, this: Any = None) -> Any:
            """a[1] keeps the index as written; sqlglot would count from 0."""
            if this is None or self._curr.token_type != TokenType.L_BRACKET:
                return super()._parse_bracket(this)
            if this.name.upper() in self.ARRAY_CONSTRUCTORS:
                return super()._parse_bracket(this)
            self._advance()
            index = self._parse_csv(self._parse_bracket_key_value)
            if not self._match(TokenType.R_BRACKET):
                self.raise_error("Expected ]")
            subscript = self.expression(exp.Bracket(this=this, expressions=index, offset=1))
            return self._parse_bracket(subscript)

        def _parse_primary(self) -> Any:
            token = self._curr
            primary = super()._parse_primary()
            if isinstance(primary, exp.Literal | exp.Null | exp.Boolean):
                primary.update_positions(token)
            return primary

        def _parse_table_parts(self, *args: Any, **kwargs: Any) -> Any:
            index = self._index
            name = self._dashed_name()
            if name is not None:
                return name
            self._retreat(index)
            return super()._parse_table_parts(*args, **kwargs)

        def _dashed_name(self) -> exp.Table | None:
            """A bare name with dashes in it, all its tokens side by side; else None."""
            first = self._curr
            if first.token_type in (TokenType.IDENTIFIER, TokenType.STRING, TokenType.L_PAREN):
                return None
            last = first
            dashed = False
            self._advance()
            while self._curr and self._curr.start == last.end + 1:
                token = self._curr
                if token.token_type == TokenType.DASH:
                    dashed = True
                elif token.token_type != TokenType.DOT and not token.text[:1].isalnum():
                    break
                last = token
                self._advance()
            if not dashed:
                return None
            place = Token(TokenType.VAR, "", first.line, last.col, first.start, last.end)
            *database, table = self._find_sql(first, last).split(".")
            made = exp.Table(this=exp.Identifier(this=table, quoted=False).update_positions(place))
            if database:
                db = exp.Identifier(this=".".join(database), quoted=False)
                made.set("db", db.update_positions(place))
            return made


def parse_query(text: str, start: int, cursor: Cursor, emit: Emit) -> exp.Query:
    """The query in `text[start:]`, which is the cursor's statement with KSQL's clauses blanked."""
    tree = _parse(text, start, cursor)
    if isinstance(tree, exp.Values):
        tree = exp.select("*").from_(tree)
    if not isinstance(tree, exp.Query) or tree.find(exp.Command) is not None:
        raise syntax_error("", cursor.place_of(start, start + 1), "a query")
    if emit is not Emit.BOUNDED:
        check_continuous(tree, cursor)
    return tree


def parse_expressions(text: str, start: int, cursor: Cursor) -> tuple[exp.Expr, ...]:
    """The expressions in `text[start:]`, separated by commas, with or without parentheses."""
    # A list of expressions is a SELECT without FROM; the word stands where BY stood.
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
    """The rows `(…), (…)` in `text[start:]`."""
    return tuple(
        tuple(row.expressions) if isinstance(row, exp.Tuple) else (row.unnest(),)
        for row in _parse_list(text, start, cursor)
    )


def _parse_list(text: str, start: int, cursor: Cursor) -> list[exp.Expr]:
    tokens_ = _tokens(text, start, cursor)
    parser = KSQL().parser()
    try:
        trees = parser._parse(lambda p: exp.Tuple(expressions=p._parse_expressions()), tokens_, text)
    except AnySqlglotError as error:
        raise _translate(error, tokens_, cursor) from None
    return list(trees[0].expressions) if trees and trees[0] is not None else []


def _tokens(text: str, start: int, cursor: Cursor) -> list[Token]:
    """sqlglot's tokens of `text[start:]`, at their places in the script."""
    place = cursor.place_of(start, start + 1)
    try:
        found: list[Token] = KSQL().tokenize(text[start:])
    except AnySqlglotError as error:
        raise syntax_error(text[start : start + 20], place, hint=str(error)) from None
    for token in found:
        if token.line == 1:
            token.col += place.column - 1
        token.line += place.line - 1
    return found


def _parse(text: str, start: int, cursor: Cursor) -> exp.Expr:
    found = _tokens(text, start, cursor)
    try:
        trees = KSQL().parser().parse(found, text[start:])
    except AnySqlglotError as error:
        raise _translate(error, found, cursor) from None
    except RecursionError:
        raise ParseError("the statement nests too deeply", place=cursor.piece.place) from None
    if len(trees) != 1 or trees[0] is None:
        raise syntax_error("", cursor.place_of(start, start + 1), "a query")
    return trees[0]


def _token_place(token: Token) -> Place:
    length = token.end - token.start + 1
    return Place(token.line, max(token.col - length + 1, 1), length)


def _translate(error: AnySqlglotError, found: list[Token], cursor: Cursor) -> ParseError:
    """sqlglot's complaint in our words, at the word that a person most likely meant otherwise."""
    details = error.errors[0] if isinstance(error, SqlglotError) and error.errors else {}
    line, col = details.get("line"), details.get("col")
    description = str(details.get("description", ""))
    expected = description.removeprefix("Expecting ").removeprefix("Expected ")
    if expected == description:
        expected = ""
    for index, token in enumerate(found):
        if (token.line, token.col) == (line, col):
            for near in (token, *found[index - 1 : index]):
                misspelt = misspelt_word(near, cursor)
                if misspelt is not None:
                    return misspelt
            return syntax_error(token.text[:40], _token_place(token), expected.lower())
    last = _token_place(found[-1]) if found else cursor.piece.place
    return syntax_error("", Place(last.line, last.column + last.length), expected.lower())


def misspelt_word(token: Token, cursor: Cursor) -> ParseError | None:
    """The error for a bare word that is nearly a clause's keyword."""
    if token.token_type != TokenType.VAR:
        return None
    close = nearest_clause(token.text)
    if not close:
        return None
    return syntax_error(token.text, _token_place(token), hint=f"did you mean {close}?")


def nearest_clause(word: str) -> str:
    """The clause's keyword that the word nearly is; empty if it is one, or is far from all."""
    if word.upper() in KEYWORDS:
        return ""
    close = nearest(word, CLAUSES, 1)
    return close[0] if close else ""


def _error_at(node: exp.Expr, cursor: Cursor) -> ParseError:
    place = place_of(node) or cursor.piece.place
    return syntax_error(node.name, place)


def place_of(node: exp.Expr) -> Place | None:
    """Where a node was written: the first place known in it."""
    for part in node.walk(bfs=False):
        meta = part.meta
        if meta.get("line") is not None:
            length = meta["end"] - meta["start"] + 1
            return Place(meta["line"], max(meta["col"] - length + 1, 1), length)
    return None


_BOOLEAN = (exp.And, exp.Or, exp.Not, exp.Predicate)


def check_continuous(tree: exp.Query, cursor: Cursor) -> None:
    """ksqlDB's limits of literals, and its grammar of FROM and GROUP BY, in continuous queries."""
    for table in tree.find_all(exp.Table, exp.Unnest):
        if not isinstance(table.this, exp.Identifier):
            raise syntax_error("(", place_of(table) or cursor.piece.place, "a stream or a table")
    for literal in tree.find_all(exp.Literal):
        if literal.is_number:
            _check_number(literal, cursor)
    group = tree.args.get("group")
    for expression in group.expressions if group is not None else ():
        for item in expression.expressions if isinstance(expression, exp.Tuple) else (expression,):
            if isinstance(item, _BOOLEAN):
                place = place_of(item.expression if isinstance(item, exp.Binary) else item)
                raise syntax_error(
                    item.key.upper(), place or cursor.piece.place, "an expression that is no condition"
                )


def _check_number(literal: exp.Literal, cursor: Cursor) -> None:
    text = literal.name
    negative = isinstance(literal.parent, exp.Neg)
    shown = "-" + text if negative else text
    place = place_of(literal) or cursor.piece.place
    if text.isdigit() and int(text) > 2**63 - (0 if negative else 1):
        raise ParseError(f"Invalid numeric literal: {shown}", place=place, hint="BIGINT ends there")
    if "e" in text.lower() and float(text) == float("inf"):
        raise ParseError(f"Number overflows DOUBLE: {shown}", place=place)
