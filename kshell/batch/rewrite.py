"""From a person's query to the DuckDB SQL of a bounded query: their words, edited where needed.

Called by `plan`.  Each name in FROM becomes a numbered reference to a `Table`; a pseudo column is
there only where it is named, and `*` never shows it; times written by people become milliseconds;
KSQL's functions become macros; and what WHERE says of one reference is collected for `pushdown`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import duckdb

from kshell.batch.columns import Columns
from kshell.batch.comparisons import Comparisons
from kshell.batch.fields import Fields
from kshell.batch.pseudo import Pseudo
from kshell.batch.pushdown import bounds_of
from kshell.batch.shown import Shown, shown
from kshell.batch.sources import Source, sources_of
from kshell.batch.tables import Bounds, Table
from kshell.batch.translate_error import Locate, translate_error
from kshell.errors import BindError, Place
from kshell.sql.clauses import Name, Query
from kshell.sql.spans import Draft
from kshell.sql.syntax import Syntax
from kshell.sql.syntax_reader import read
from kshell.sql.tokens import Kind, Token, place_at
from kshell.sql.words import in_duckdb_words, needs_macros
from kshell.types import quote_duckdb

if TYPE_CHECKING:
    from kshell.sql.overloads import Overloads

__all__ = ["Lookup", "Reference", "Rewritten", "rewrite"]

Lookup = Callable[[Name], Table]

# Functions in FROM that reach nothing but what they are given.
_TABLE_FUNCTIONS = frozenset(
    {"unnest", "range", "generate_series", "explode", "json_each", "json_tree", "repeat",
     "repeat_row", "pg_timezone_names", "icu_calendar_names"}
)  # fmt: skip
_OF_THE_DATABASE = frozenset({"JSON_SERIALIZE_PLAN"})  # functions of values that look into DuckDB


@dataclass(frozen=True, slots=True)
class Reference:
    """One appearance of a table in FROM, under the name `view` in the SQL.

    `names` are its columns' in that view; `pseudo` those of hidden columns that the query names.
    """

    view: str
    table: Table
    bounds: Bounds
    names: tuple[str, ...]
    pseudo: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Rewritten:
    """SQL that reads only references, and those references.

    `several` is for a statement whose columns only its rows decide: a PIVOT without IN.
    `moments` says which columns of the answer are times in milliseconds, if that is known.
    `overloads` chooses macros for what DuckDB refuses of it.
    """

    draft: Draft
    references: tuple[Reference, ...]
    shown: Shown
    several: bool
    carrying: Callable[[str], str]  # the SQL with one more item at the end of what it selects
    locate: Locate
    overloads: Overloads | None
    moments: tuple[bool, ...] = ()

    @property
    def sql(self) -> str:
        """The text as it is edited by now."""
        return self.draft.text()


def rewrite(
    query: Query,
    lookup: Lookup,
    connection: duckdb.DuckDBPyConnection,
    ksql: bool,
    now_ms: int,
) -> Rewritten:
    """The query over numbered references; raises BindError and what `lookup` raises."""
    return _Rewriting(query, lookup, connection, ksql, now_ms).done()


@dataclass
class _Rewriting:
    query: Query
    lookup: Lookup
    connection: duckdb.DuckDBPyConnection
    ksql: bool
    now_ms: int
    words: Draft = field(init=False)
    draft: Draft = field(init=False)
    syntax: Syntax | None = field(init=False)
    columns: Columns = field(init=False)
    pseudo: Pseudo = field(init=False)
    overloads: Overloads | None = None

    def done(self) -> Rewritten:
        unread = self.ksql and self.query.unread is not None
        if unread:
            self._refuse_ksqls_words()
        meant_as_ksql = self.ksql and not unread
        self.words = in_duckdb_words(self.query.text, self.query.tree, meant_as_ksql)
        self.draft = Draft(self.words.text())
        self.syntax = read(self.connection, self.draft.source)
        several = self.syntax is None and self._several()
        self._refuse_what_reaches_out()
        found = sources_of(self.draft, self.syntax)
        tables = [self.lookup(self._name(source)) for source in found]
        self.columns = Columns(
            self.draft, self.syntax, list(zip(found, tables, strict=True)),
            self._is_quoted, self.ksql, self.place,
        )  # fmt: skip
        self.pseudo = Pseudo(self.columns)
        self.pseudo.find()
        fields = Fields(self.columns)
        fields.note()
        if needs_macros(self.draft):
            from kshell.sql.macros import note_macros, note_users

            note = note_macros if meant_as_ksql else note_users
            self.overloads = note(self.draft, self.syntax, self.connection, self.pseudo.order_of)
        compared = Comparisons(
            self.query, self.connection, self.pseudo, self.place, self.now_ms
        )
        tests = [*compared.tests()]
        self.pseudo.hide()
        prefix = "ref_"
        while prefix in self.draft.source:
            prefix += "_"
        references = []
        for number, (source, table) in enumerate(zip(found, tables, strict=True)):
            made = f"{prefix}{number}"
            alias = f" AS {quote_duckdb(source.path[-1])}" if source.needs_alias else ""
            self.draft.replace(source.start, source.end, made + alias)
            mine = [test for of, test in tests if of is source]
            hidden = frozenset(self.pseudo.exposed[number])
            of_view = tuple(self.columns.naming.of(c) for c in table.columns)
            references.append(Reference(made, table, bounds_of(mine, table.keys), of_view, hidden))
        moments = self.columns.moments()
        names = shown(self.draft, self.syntax, self.words, fields.named)
        return Rewritten(
            self.draft, tuple(references), names, several, self._carrying(names), self.locate,
            self.overloads, moments,
        )  # fmt: skip

    def locate(self, ran: str, start: int, length: int) -> Place | None:
        """Where in the script the bytes of a statement that has the edited text in it are."""
        begin = ran.find(sql := self.draft.text())
        first = len(ran.encode()[:start].decode(errors="ignore")) - begin
        last = len(ran.encode()[: start + length].decode(errors="ignore")) - begin
        if begin < 0 or not 0 <= first < len(sql):
            return None
        at = self.draft.moved(first)
        token = self.draft.tokens[max(self.draft.within(at), 0)]
        return self.place(at, max(self.draft.moved(last), token.end if length == 0 else at))

    def _carrying(self, names: Shown) -> Callable[[str], str]:
        def carrying(item: str) -> str:
            if names.end < 0:
                raise BindError("the query selects nothing by name")
            self.draft.append(names.end, f", {item}")
            return self.draft.text()

        return carrying

    def _refuse_ksqls_words(self) -> None:
        """A query that only DuckDB's grammar has means what DuckDB means by it: `->` and KSQL's
        functions would mean something else in it than in every other query."""
        from kshell.sql.macros import ksqls_calls

        self.words = draft = Draft(self.query.text)
        for n, token in enumerate(draft.tokens[:-1]):
            named = draft.tokens[n + 1].kind in (Kind.WORD, Kind.QUOTED)
            if draft.is_sign(n, "->") and (named or draft.is_sign(n + 1, "*")):
                raise self._only_duckdbs("-> has", token)
        for call in ksqls_calls(draft):
            token = draft.tokens[call.token]
            raise self._only_duckdbs(f"{token.text.upper()} has", token)

    def _only_duckdbs(self, what: str, token: Token) -> BindError:
        return BindError(
            f"{what} KSQL's meaning, and only DuckDB's grammar has this query",
            hint="SET 'kshell.dialect'='duckdb' makes all of it DuckDB's",
            place=self.place(token.start, token.end),
        )

    def place(self, start: int, end: int) -> Place:
        """Where in the script a span of the draft was written."""
        at = self.query.place
        first = self.words.moved(start)
        return place_at(
            self.query.text, first, max(self.words.moved(end), first), at.line, at.column
        )

    def _several(self) -> bool:
        """Whether DuckDB runs what it does not show; raises why it does not."""
        kind = _statement_kind(self.connection, self.draft.source)
        if kind in ("MULTI", "SELECT"):
            return True
        if self.query.unread is not None:
            raise self.query.unread
        try:
            self.connection.extract_statements(self.draft.source)
        except duckdb.Error as error:
            raise translate_error(error, self.query, [], self.draft.source, self.locate) from error
        raise BindError(f"{kind or 'this'} is no query", place=self.query.place)

    def _refuse_what_reaches_out(self) -> None:
        """Functions that reach files, settings or DuckDB's tables, and DuckDB's own SHOW."""
        for call in self.draft.calls():
            if call.name in _OF_THE_DATABASE:
                token = self.draft.tokens[call.token]
                what = f"{token.text} has no meaning here: it looks into a database of DuckDB's"
                raise BindError(what, place=self.place(token.start, token.end))
        if self.syntax is None:
            reaching = self._table_functions()
        else:
            reaching = [(c.name, c.start) for c in self.syntax.table_calls]
            if self.syntax.shown:
                raise BindError("SHOW cannot stand in FROM", place=self.query.place)
        for name, start in reaching:
            if name.lower() not in _TABLE_FUNCTIONS:
                where = self.place(start, start + len(name)) if start >= 0 else self.query.place
                raise BindError(
                    f"{name} cannot stand in FROM",
                    hint="FROM takes topics, streams, tables, subqueries and UNNEST(…)",
                    place=where,
                )

    def _table_functions(self) -> list[tuple[str, int]]:
        """Calls of table functions, where the parser does not show them."""
        rows = self.connection.execute(
            "SELECT function_name, bool_and(function_type LIKE 'table%')"
            " FROM duckdb_functions() GROUP BY ALL"
        ).fetchall()
        known = {name.upper() for name, only in rows if only}
        calls = self.draft.calls()
        return [(c.name, self.draft.tokens[c.token].start) for c in calls if c.name in known]

    def _is_quoted(self, offset: int) -> bool:
        first = self.words.moved(offset)
        return self.query.text[first : first + 1] in ("'", '"', "`")

    def _name(self, source: Source) -> Name:
        """The source's name as it was written; DuckDB's quoted names match in any case."""
        path = source.path
        dotted = len(path) == 1 and "." in path[0]  # which only quotes make
        quoted = (self.ksql or dotted) and self._is_quoted(source.start)
        if not self.ksql and len(path) == 2 and path[0].lower() == "main":  # DuckDB's own schema
            path = path[1:]
        return Name(".".join(path), quoted, self.place(source.start, source.end))


def _statement_kind(connection: duckdb.DuckDBPyConnection, text: str) -> str:
    """SELECT, MULTI (a PIVOT that has to look for its columns), another kind, or "" for no SQL."""
    try:
        found = connection.extract_statements(text)
    except duckdb.Error:
        return ""
    return found[0].type.name if len(found) == 1 else ""
