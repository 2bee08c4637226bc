"""Pseudo columns: a reference has those that the query names, and no star shows them.

`rewrite` asks it; DuckDB knows no hidden columns, so that a `*` beside a named one says EXCLUDE.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

import pyarrow as pa

from kshell.batch.columns import Columns, Named
from kshell.batch.sources import Source
from kshell.batch.tables import DUMMY, Table
from kshell.catalog.model import PSEUDO_COLUMNS, TIME_COLUMNS, WINDOW_COLUMNS
from kshell.errors import BindError
from kshell.field_names import alike, plain, plain_sql
from kshell.sql.duck import plain as plain_database
from kshell.sql.spans import Draft
from kshell.sql.syntax import ColumnRef, Selection, StarRef, Syntax
from kshell.sql.tokens import Kind
from kshell.types import quote_duckdb, quote_text

__all__ = ["Pseudo"]


_PATTERNS = frozenset({"LIKE", "ILIKE", "NOT", "SIMILAR", "GLOB"})  # * LIKE '…'
_SET_OPERATIONS = ("UNION", "INTERSECT", "EXCEPT")
_LAST = frozenset(n for n, column in PSEUDO_COLUMNS.items() if not column.reserved)


@dataclass
class Pseudo:
    """Which references have which pseudo columns: `exposed`, by the number of the reference."""

    columns: Columns
    exposed: list[list[str]] = field(default_factory=list)

    @property
    def draft(self) -> Draft:
        """The words."""
        return self.columns.draft

    @property
    def syntax(self) -> Syntax | None:
        """What DuckDB reads in them."""
        return self.columns.syntax

    @property
    def found(self) -> list[tuple[Source, Table]]:
        """The sources and their tables."""
        return self.columns.found

    def find(self) -> None:
        """See which are named."""
        shown = [any(not c.hidden for c in table.columns) for _, table in self.found]
        self.exposed = [[] if some else [DUMMY] for some in shown]
        if self.syntax is None:
            for number, (source, _) in enumerate(self.found):
                first, last = self.draft.group(self.draft.at(source.start))
                words = {
                    t.value.upper()
                    for t in self.draft.tokens[first:last]
                    if t.kind in (Kind.WORD, Kind.QUOTED)
                }
                self._expose(c for c in self._hidden(number) if c.own.upper() in words)
            return
        for column in self.syntax.columns:
            self._expose(self._named_by(column))
        for name, selection in self.syntax.using:
            self._expose_picked(name, selection, "")
        for star in self.syntax.stars:
            for name in star.excluded:
                self._expose_picked(name, star.within, star.relation)

    def _hidden(self, number: int) -> list[Named]:
        return [c for c in self.columns.of_table(number) if c.hidden]

    def _named_by(self, column: ColumnRef) -> list[Named]:
        """The pseudo columns that a column may be."""
        return [c for c in self.columns.meaning(column).columns if c.hidden and c.number >= 0]

    def _expose_picked(self, name: str, selection: Selection | None, relation: str) -> None:
        if selection is not None:
            among = self.columns.visible(selection, relation)
            self._expose(c for c in self.columns.pick(plain(name), False, among) if c.hidden)

    def _expose(self, found: Iterable[Named]) -> None:
        for column in found:
            if column.made not in self.exposed[column.number]:
                self.exposed[column.number].append(column.made)

    def meant(self, column: ColumnRef) -> tuple[Source, str, bool] | None:
        """The source and the exact name of a pseudo column or a key that only one source has."""
        meaning = self.columns.meaning(column)
        if column.within is None or len(column.path) != meaning.part + 1:
            return None
        found = [
            (source, c.column, c.hidden and c.column in PSEUDO_COLUMNS)
            for c in meaning.columns
            if c.number >= 0
            for source, table in [self.found[c.number]]
            if c.hidden or c.column in table.keys
        ]
        return found[0] if len(found) == 1 else None

    def is_exposed(self, name: str) -> bool:
        """Whether a pseudo column in milliseconds is named, of some source."""
        return any(
            c.made in self.exposed[c.number] and c.own == name and c.type == pa.int64()
            for number in range(len(self.found))
            for c in self._hidden(number)
        )

    def time_type(self, column: ColumnRef) -> pa.DataType | None:
        """The type of a ROWTIME, WINDOWSTART or WINDOWEND: milliseconds, or a given table's own
        timestamps; None for a field that is only called so.

        A column of another name may still be one.
        """
        meaning = self.columns.meaning(column)
        whole = len(column.path) == meaning.part + 1
        if whole and any(c.moment for c in meaning.columns):
            return pa.int64()
        named = column.path[-1].upper() in TIME_COLUMNS
        for c in meaning.columns if named else ():
            own = c.number >= 0 and (c.own.upper() in WINDOW_COLUMNS or c.column == "ROWTIME")
            if (c.hidden or own) and (c.type == pa.int64() or pa.types.is_timestamp(c.type)):
                return c.type
        return None

    def order_of(self, offset: int) -> str:
        """The column that orders the records there: the offsets of the first topic."""
        selection = self.syntax.calls.get(offset) if self.syntax is not None else None
        for number in self.columns.sources_of(selection):
            for column in self.columns.of_table(number):
                if column.column == "ROWOFFSET":
                    if column.hidden:
                        self._expose([column])
                    return f"{quote_duckdb(column.alias)}.{quote_duckdb(column.made)}"
        return "0"

    # Stars

    def hide(self) -> None:
        """Let no star, and no row as a whole, show what is exposed."""
        if self.syntax is None:
            self._hide_by_words()
            return
        if not (any(self.exposed) or self.columns.naming.folded):
            return
        for selection in self.syntax.selections:
            own = self.columns.sources_of(selection)
            names = [name for n in own for name in self.exposed[n]]
            if selection.natural and len(set(names)) < len(names):
                raise self._natural(selection, names)
            if selection.from_first and names:
                self._select_before_from(own)
        for star in self.syntax.stars:
            if star.start >= 0:
                self._hide_in(star)
        for column in self.syntax.columns:
            self._row(column)
            self._qualify(column)

    def _names(self, star: StarRef) -> list[tuple[str, str]]:
        own = self.columns.sources_of(star.within)
        if star.relation:
            own = [n for n in own if self.found[n][0].called == star.relation.casefold()]
        excluded = {name.casefold() for name in star.excluded}
        return [
            (self.found[n][0].alias or self.found[n][0].path[-1], name)
            for n in own
            for name in self.exposed[n]
            if name.casefold() not in excluded
        ]

    def _hide_in(self, star: StarRef) -> None:
        names = self._names(star)
        first, last = self.draft.at(star.start), self.draft.at(star.end)
        at = next((n for n in range(first, last) if self.draft.is_sign(n, "*")), None)
        if at is not None and self.columns.naming.folded:
            names += self._unlike(star, at)
        starred = any(self.draft.is_sign(n, "*") for n in range(first, last))
        if star.columns and not starred:
            if names or star.text:
                self._in_columns(star, list(dict.fromkeys(name for _, name in names)))
            return
        if not names:
            return
        if at is not None:
            self._exclude(at, _left_out(names, qualified=not star.relation))

    def _natural(self, selection: Selection, names: list[str]) -> BindError:
        """The refusal of a NATURAL JOIN whose sides have one pseudo column."""
        first = next(n for n in range(len(self.draft.tokens)) if self.draft.word(n) == "NATURAL")
        token = self.draft.tokens[first]
        sides = Counter(alike(c.own) for c in self.columns.shown(selection))
        both = dict.fromkeys(
            c.own for c in self.columns.shown(selection) if sides[alike(c.own)] > 1
        )
        once = {alike(name): name for name in reversed(both)}
        twice = next(name for name in names if names.count(name) > 1)
        return BindError(
            f"NATURAL JOIN would join on {plain(twice)}, which the query names of both sides",
            hint=f"JOIN … USING ({', '.join(reversed(once.values())) or '…'}) names the columns",
            place=self.columns.place(token.start, token.end),
        )

    def _unlike(self, star: StarRef, at: int) -> list[tuple[str, str]]:
        """Takes the pattern from `* LIKE '…'` where DuckDB calls columns otherwise; gives those
        that it leaves out."""
        draft, n = self.draft, at + 1
        while draft.word(n) in ("EXCLUDE", "EXCEPT", "REPLACE", "RENAME"):
            n = draft.partner(n + 1) + 1 if draft.is_sign(n + 1, "(") else n + 2
        if draft.word(n) not in _PATTERNS or star.within is None:
            return []
        end = next(k for k in range(n, len(draft.tokens)) if draft.tokens[k].kind is Kind.STRING)
        start, stop = draft.tokens[n].start, draft.tokens[end].end
        columns = self.columns.shown(star.within, star.relation)
        tests = ", ".join(f"{quote_text(c.own)} {draft.source[start:stop]}" for c in columns)
        (kept,) = plain_database().execute(f"SELECT {tests}").fetchall()
        if not any(kept):
            raise BindError(
                f"the pattern {draft.tokens[end].text} leaves no column",
                hint="DESCRIBE shows the columns",
                place=self.columns.place(draft.tokens[at].start, stop),
            )
        draft.replace(start, stop, "")
        return [(c.alias, c.made) for c, keep in zip(columns, kept, strict=True) if not keep]

    def _exclude(self, at: int, quoted: str) -> None:
        """Let the star that is token `at` leave these out too."""
        if self.draft.word(at + 1) not in ("EXCLUDE", "EXCEPT"):
            self.draft.insert(self.draft.tokens[at].end, f" EXCLUDE ({quoted})")
        elif self.draft.is_sign(at + 2, "("):
            self.draft.insert(self.draft.tokens[at + 2].end, f"{quoted}, ")
        else:
            token = self.draft.tokens[at + 2]
            self.draft.insert(token.start, "(")
            self.draft.append(token.end, f", {quoted})")

    def _hide_by_words(self) -> None:
        """The same where DuckDB shows no tree: stars, or a FROM alone, and the sources beside."""
        draft = self.draft
        beside: dict[tuple[int, int], list[int]] = {}
        for number, (source, _) in enumerate(self.found):
            if any(c != DUMMY for c in self.exposed[number]):
                beside.setdefault(self._arm(draft.at(source.start)), []).append(number)
        for (first, last), own in beside.items():
            level = list(draft.level(first, last))
            words = [draft.word(n) for n in level]
            for n in level:
                qualified = draft.is_sign(n - 1, ".")
                before = draft.word(n - 1) in ("SELECT", "DISTINCT") or draft.is_sign(n - 1, ",")
                if not draft.is_sign(n, "*") or not (before or qualified):
                    continue
                relation = draft.tokens[n - 2].value.casefold() if qualified else ""
                among = [k for k in own if not relation or self.found[k][0].called == relation]
                if among:
                    self._exclude(n, _left_out(self._exposed_of(among), qualified=not relation))
            if words[:1] == ["FROM"] and "SELECT" not in words:
                self._select_before_from(own)

    def _arm(self, n: int) -> tuple[int, int]:
        """The SELECT that token `n` is in, between parentheses and set operations."""
        first, last = self.draft.group(n)
        for k in self.draft.level(first, last):
            if self.draft.word(k) in _SET_OPERATIONS and not self.draft.is_sign(k - 1, "*"):
                if k > n:
                    return first, k
                first = k + 1
        return first, last

    def _exposed_of(self, own: list[int]) -> list[tuple[str, str]]:
        found = [(self.found[k][0], name) for k in own for name in self.exposed[k]]
        return [(source.alias or source.path[-1], name) for source, name in found]

    def _in_columns(self, star: StarRef, names: list[str]) -> None:
        """COLUMNS('…') by a lambda that leaves the names out."""
        first, last = self.draft.at(star.start), self.draft.at(star.end)
        call = next(
            c for c in self.draft.calls() if first <= c.token < last and c.name == "COLUMNS"
        )
        start, end = call.args[0]
        pattern = self.draft.source[start:end]
        others = f" AND {{}} NOT IN ({', '.join(quote_text(n) for n in names)})"
        if not star.text:
            self._in_lambda(call.open + 1, call.close, others)
            return
        name = plain_sql("c") if self.columns.naming.folded else "c"
        made = f"lambda c: regexp_matches({name}, {pattern})"
        self.draft.replace(start, end, made + (others.format("c") if names else ""))

    def _in_lambda(self, first: int, end: int, others: str) -> None:
        """COLUMNS(lambda c: …) without what is hidden; a list names each of its columns."""
        draft, start = self.draft, self.draft.tokens[first].start
        if draft.is_sign(first, "["):
            return
        colon = next((n for n in range(first, end) if draft.is_sign(n, ":")), None)
        if draft.word(first) != "LAMBDA" or colon is None:
            raise BindError(
                "COLUMNS(…) takes a lambda, a list, a pattern or *",
                hint="COLUMNS(lambda c: c LIKE 'a%')",
                place=self.columns.place(start, draft.tokens[end - 1].end),
            )
        parameter = draft.source[draft.tokens[first + 1].start : draft.tokens[colon].start].strip()
        draft.insert(draft.tokens[colon].end, " (")
        draft.append(draft.tokens[end - 1].end, f"){others.format(parameter)}")

    def _select_before_from(self, own: list[int]) -> None:
        first = min(self.found[n][0].start for n in own)
        for n in range(self.draft.at(first), -1, -1):
            if self.draft.word(n) == "FROM":
                quoted = _left_out(self._exposed_of(own), qualified=True)
                self.draft.insert(self.draft.tokens[n].start, f"SELECT * EXCLUDE ({quoted}) ")
                return

    def _qualify(self, column: ColumnRef) -> None:
        """A bare ROWKEY or ROWHEADERS is another source's column, though one named by its alias has
        such a pseudo column too."""
        name, selection = column.path[0].upper(), column.within
        if len(column.path) > 1 or name not in _LAST or selection is None or column.start < 0:
            return
        hidden = [c for n in self.columns.sources_of(selection) for c in self._hidden(n)]
        if not any(c.own == name and c.made in self.exposed[c.number] for c in hidden):
            return
        shown = self.columns.shown(selection)
        having = {c.alias for c in shown if c.alias and c.own.upper() == name}
        if len(having) == 1:
            self.draft.insert(column.start, f"{quote_duckdb(having.pop())}.")

    def _row(self, column: ColumnRef) -> None:
        """A source's name where a value stands is its row: without what is hidden of it."""
        if len(column.path) != 1 or column.start < 0 or self.columns.meaning(column).columns:
            return
        name = column.path[0].casefold()
        for n in self.columns.sources_of(column.within):
            source, _ = self.found[n]
            if source.called == name and self.exposed[n]:
                at = quote_duckdb(source.alias or source.path[-1])
                fields = ", ".join(
                    f"{quote_duckdb(c.made)} := {at}.{quote_duckdb(c.made)}"
                    for c in self.columns.of_table(n)
                    if not c.hidden
                )
                self.draft.replace(column.start, column.end, f"struct_pack({fields})")


def _left_out(names: list[tuple[str, str]], qualified: bool) -> str:
    """What EXCLUDE takes, of (alias, name)."""
    shown = [
        f"{quote_duckdb(alias)}.{quote_duckdb(name)}" if qualified and alias else quote_duckdb(name)
        for alias, name in names
    ]
    return ", ".join(dict.fromkeys(shown))
