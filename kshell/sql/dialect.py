"""KSQL as a sqlglot dialect: DuckDB's SQL with KSQL's expressions in it.

`grammar.queries` gives it queries without KSQL's own clauses; `bind` and `batch` read the trees.
The trees differ from sqlglot's usual ones here:

    a->b->c             Dot(Dot(Column(a), Identifier(b)), Identifier(c));  a->* ends in Star()
    F(x, y)             Anonymous(this="F", expressions=[…]): every function keeps its name
    COUNT(*), COUNT()   Anonymous("COUNT", [Star()]), Anonymous("COUNT", []); see `aggregates`
    STRUCT(a := 1)      Struct([PropertyEQ(Identifier(a), 1)])
    MAP(k := v)         Map(keys=Array([k]), values=Array([v]))
    ARRAY[1, 2]         Array([1, 2])
    a[1]                Bracket(a, [1], offset=1): the index as it was written
    x => …, (k, v) => … Lambda(body, expressions=[Identifier…]); parameters in it are Identifiers
    FROM my-topic.v1    Table(this=Identifier("v1"), db=Identifier("my-topic"))

Identifiers, functions and literals have line, col, start and end in their meta.
"""

from __future__ import annotations

import logging
from typing import Any, ClassVar

from sqlglot import exp, tokens
from sqlglot.dialects.duckdb import DuckDB
from sqlglot.parsers.duckdb import DuckDBParser
from sqlglot.tokenizer_core import Token, TokenType

__all__ = ["KSQL", "aggregates", "to_duckdb"]

_AGGREGATES = frozenset(
    name for f in exp.ALL_FUNCTIONS if issubclass(f, exp.AggFunc) for name in f.sql_names()
) | {
    "ATTR", "COLLECT_LIST", "COLLECT_SET", "CORRELATION", "COUNT_DISTINCT", "EARLIEST_BY_OFFSET",
    "LATEST_BY_OFFSET", "STDDEV_SAMPLE", "TOPK", "TOPKDISTINCT",
    "AVG", "LIST", "MEAN", "MEDIAN", "MODE", "STRING_AGG",
}  # fmt: skip


def aggregates(tree: exp.Expr) -> list[exp.Anonymous]:
    """The calls of aggregates in a tree, KSQL's and DuckDB's."""
    return [f for f in tree.find_all(exp.Anonymous) if f.name.upper() in _AGGREGATES]


# sqlglot has its own grammar for these, which KSQL and DuckDB share; all others are plain calls.
_SPECIAL = ("CAST", "TRY_CAST", "EXTRACT", "POSITION", "TRIM")
_NO_PAREN = ("ANY", "CASE", "@")


# What sqlglot has to say is for its own users: kshell's errors say what kshell's need.
logging.getLogger("sqlglot").addHandler(logging.NullHandler())


class KSQL(DuckDB):
    """DuckDB's dialect with KSQL's expressions."""

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

    class Parser(DuckDBParser):
        """Makes the trees that the module's docstring describes."""

        FUNCTIONS: ClassVar[dict[str, Any]] = {"UNNEST": exp.Explode.from_arg_list}
        FUNCTION_PARSERS: ClassVar[dict[str, Any]] = {
            name: DuckDBParser.FUNCTION_PARSERS[name]
            for name in _SPECIAL
            if name in DuckDBParser.FUNCTION_PARSERS
        }
        NO_PAREN_FUNCTION_PARSERS: ClassVar[dict[str, Any]] = {
            **{k: DuckDBParser.NO_PAREN_FUNCTION_PARSERS[k] for k in _NO_PAREN},
            "MAP": lambda self: self._parse_ksql_map(),
        }
        COLUMN_POSTFIX_TOKENS = DuckDBParser.COLUMN_POSTFIX_TOKENS | {TokenType.ARROW}
        TABLE_POSTFIX_TOKENS = DuckDBParser.TABLE_POSTFIX_TOKENS | {
            TokenType.DASH,
            TokenType.NUMBER,
        }
        LAMBDAS: ClassVar[dict[Any, Any]] = {
            TokenType.FARROW: lambda self, parameters: self._parse_lambda_body(parameters),
        }

        def _parse_lambda_body(self, parameters: list[Any]) -> Any:
            body = self._replace_lambda(self._parse_disjunction(), parameters)
            return self.expression(exp.Lambda(this=body, expressions=parameters))

        def _replace_lambda(self, node: Any, expressions: list[Any]) -> Any:
            """Parameters become Identifiers; like all KSQL names they match in any case."""
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
            token, after = self._curr, self._prev.token_type
            type = super()._parse_types(*args, **kwargs)
            is_null = isinstance(type, exp.DataType) and type.this is exp.DType.NULL
            if is_null and after is TokenType.ALIAS:  # CAST(x AS NULL)
                self.raise_error("Expected a type", token)
            return type

        def _parse_function_args(self, alias: bool = False) -> Any:
            """SUBSTRING(x FROM a FOR n) has the arguments x, a, n."""
            name = self._tokens[self._index - 2].text.upper()
            args: list[Any] = super()._parse_function_args(alias)
            if name == "SUBSTRING" and len(args) == 1:
                first = self._curr.token_type is TokenType.FOR
                for word in (TokenType.FROM, TokenType.FOR):
                    if self._match(word):
                        args += [exp.Literal.number(1)] * first
                        args.append(self._parse_bitwise())
                        if args[-1] is None:
                            self.raise_error("a number")
            return args

        def _parse_function_call(self, *args: Any, **kwargs: Any) -> Any:
            call = super()._parse_function_call(*args, **kwargs)
            inner = call.this if isinstance(call, exp.Window) else call
            if isinstance(inner, exp.Anonymous) and inner.name.upper() == "STRUCT":
                return self._struct(inner)
            return call

        def _struct(self, call: exp.Anonymous) -> Any:
            fields = [self._named(e) for e in call.expressions]
            return self.expression(exp.Struct(expressions=fields))

        def _named(self, field: exp.Expr) -> exp.Expr:
            if not isinstance(field, exp.PropertyEQ):
                self.raise_error("name := value", token=self._prev)
            if isinstance(field.this, exp.Column):
                field.set("this", field.this.this)
            return field

        def _parse_ksql_map(self) -> Any:
            """MAP(k := v, …); also DuckDB's MAP {…} and MAP([…], […])."""
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
            """A name with dashes and without spaces and quotes; else None."""
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


def to_duckdb(tree: exp.Expr) -> str:
    """An expression as DuckDB's SQL, printed anew."""
    return tree.sql(dialect=KSQL)
