"""Pseudo columns: a reference has those that the query names, and no star shows them.

`rewrite` asks it; DuckDB knows no hidden columns, so that a `*` beside a named one says EXCLUDE.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from kshell.batch.sources import Source
from kshell.batch.tables import DUMMY, Table, TableColumn, view_names
from kshell.catalog.model import PSEUDO_COLUMNS, WINDOW_COLUMNS
from kshell.errors import BindError
from kshell.sql.spans import Draft
from kshell.sql.syntax import ColumnRef, Selection, StarRef, Syntax
from kshell.sql.tokens import Kind
from kshell.types import quote_duckdb, quote_text

__all__ = ["Pseudo", "hidden_names"]


_LAST = frozenset(n for n, column in PSEUDO_COLUMNS.items() if not column.reserved)


def hidden_names(table: Table) -> list[str]:
    """What a query calls the table's pseudo columns."""
    return [name for name, column in _named(table) if column.hidden]


def _named(table: Table) -> list[tuple[str, TableColumn]]:
    return list(zip(view_names(table.columns), table.columns, strict=True))


def _hidden(table: Table) -> dict[str, str]:
    return {name.upper(): name for name in hidden_names(table)}


@dataclass
class Pseudo:
    """Which references have which pseudo columns: `exposed`, by the number of the reference."""

    draft: Draft
    syntax: Syntax | None
    found: list[tuple[Source, Table]]
    exposed: list[list[str]] = field(default_factory=list)

    def find(self) -> None:
        """See which are named."""
        shown = [any(not c.hidden for c in table.columns) for _, table in self.found]
        self.exposed = [[] if some else [DUMMY] for some in shown]
        if self.syntax is None:
            words = {
                t.value.upper() for t in self.draft.tokens if t.kind in (Kind.WORD, Kind.QUOTED)
            }
            for number, (_, table) in enumerate(self.found):
                self.exposed[number] += [name for n, name in _hidden(table).items() if n in words]
            return
        for column in self.syntax.columns:
            for number, name in self._candidates(column):
                self._expose(number, name)
        left_out = [(name, star.within) for star in self.syntax.stars for name in star.excluded]
        for name, selection in (*self.syntax.using, *left_out):
            for number in self._of(selection):
                hidden = _hidden(self.found[number][1])
                if name.upper() in hidden:
                    self._expose(number, hidden[name.upper()])

    def _expose(self, number: int, name: str) -> None:
        if name not in self.exposed[number]:
            self.exposed[number].append(name)

    def _of(self, selection: Selection | None) -> list[int]:
        """The numbers of a SELECT's own sources."""
        return [
            n
            for n, (s, _) in enumerate(self.found)
            if s.within is selection and selection is not None
        ]

    def _candidates(self, column: ColumnRef) -> list[tuple[int, str]]:
        """The references that a column may be a pseudo column of, and its name there."""
        selection, first = column.within, column.path[0].upper()
        while selection is not None:
            own = [(n, _hidden(self.found[n][1])) for n in self._of(selection)]
            if len(column.path) > 1:
                of_alias = [(n, h) for n, h in own if self.found[n][0].called == first.casefold()]
                if of_alias:
                    name = column.path[1].upper()
                    return [(n, h[name]) for n, h in of_alias if name in h]
            if first in _LAST and self._is_another(column, selection, first):
                return []
            found = [(n, h[first]) for n, h in own if first in h]
            if found:
                return found
            selection = selection.parent
        return []

    def _is_another(self, column: ColumnRef, selection: Selection, name: str) -> bool:
        """Whether a ROWKEY or ROWHEADERS is a source's own column, or an alias of the SELECT."""
        aliases = {item.alias.upper() for item in selection.items}
        if selection is column.within and not column.listed and name in aliases:
            return True
        return name in self._shown_by_sources(selection, "")

    def _shown_by_sources(self, selection: Selection, relation: str) -> set[str]:
        """The names, in upper case, that `*` (or `relation.*`) has in a SELECT."""
        names: set[str] = set()
        for n in self._of(selection):
            source, table = self.found[n]
            if not relation or source.called == relation.casefold():
                names |= {name.upper() for name, c in _named(table) if not c.hidden}
        for other in selection.others:
            if not relation or other.alias.casefold() == relation.casefold():
                inner = () if other.names or other.made is None else self._results(other.made)
                names |= {n.upper() for n in other.names} | set(inner)
        return names

    def _results(self, selection: Selection) -> set[str]:
        names: set[str] = set()
        for item in selection.items:
            if item.kind == "STAR":
                names |= self._shown_by_sources(selection, item.path[0] if item.path else "")
            else:
                names.add((item.alias or (item.path or ("",))[-1]).upper())
        return names

    def meant(self, column: ColumnRef) -> tuple[Source, str, bool] | None:
        """The source and the exact name of a pseudo column or a key that only one source has."""
        selection = column.within
        if selection is None or len(column.path) > 2:
            return None
        candidates = self._candidates(column)
        found = []
        for n in self._of(selection):
            source, table = self.found[n]
            if len(column.path) == 2 and source.called != column.path[0].casefold():
                continue
            for name, c in _named(table):
                pseudo = (n, name) in candidates
                if name.casefold() == column.path[-1].casefold() and (
                    pseudo or c.name in table.keys
                ):
                    found.append((source, c.name, pseudo))
        return found[0] if len(found) == 1 else None

    def is_time(self, column: ColumnRef) -> bool:
        """Whether a ROWTIME, WINDOWSTART or WINDOWEND is kshell's, and no field called so."""
        if self._candidates(column):
            return True
        selection = column.within
        while selection is not None:
            for n in self._of(selection):
                for name, c in _named(self.found[n][1]):
                    if name.upper() == column.path[-1].upper():
                        return c.hidden or name.upper() in WINDOW_COLUMNS
            selection = selection.parent
        return False

    def order_of(self, offset: int) -> str:
        """The column that orders the records there: the offsets of the first topic."""
        selection = self.syntax.calls.get(offset) if self.syntax is not None else None
        for number in self._of(selection):
            source, table = self.found[number]
            for name, column in _named(table):
                if column.name == "ROWOFFSET":
                    if column.hidden:
                        self._expose(number, name)
                    alias = quote_duckdb(source.alias or source.path[-1])
                    return f"{alias}.{quote_duckdb(name)}"
        return "0"

    # Stars

    def hide(self) -> None:
        """Let no star, and no row as a whole, show what is exposed."""
        if self.syntax is None or not any(self.exposed):
            return
        for selection in self.syntax.selections:
            own = self._of(selection)
            names = [name for n in own for name in self.exposed[n]]
            if selection.natural and len(set(names)) < len(names):
                raise BindError(
                    "NATURAL JOIN cannot be told from which side a pseudo column is",
                    hint="JOIN … USING (…) names the columns to join on",
                )
            if selection.from_first and names:
                self._select_before_from(own)
        for star in self.syntax.stars:
            if star.start >= 0:
                self._hide_in(star)
        for column in self.syntax.columns:
            self._row(column)
            self._qualify(column)

    def _names(self, star: StarRef) -> list[tuple[str, str]]:
        own = self._of(star.within)
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
        if not names:
            return
        first, last = self.draft.at(star.start), self.draft.at(star.end)
        starred = any(self.draft.is_sign(n, "*") for n in range(first, last))
        if star.columns and not starred:
            self._in_columns(star, list(dict.fromkeys(name for _, name in names)))
            return
        quoted = _left_out(names, qualified=not star.relation)
        at = next((n for n in range(first, last) if self.draft.is_sign(n, "*")), None)
        if at is None:
            return
        if self.draft.word(at + 1) not in ("EXCLUDE", "EXCEPT"):
            self.draft.insert(self.draft.tokens[at].end, f" EXCLUDE ({quoted})")
        elif self.draft.is_sign(at + 2, "("):
            self.draft.insert(self.draft.tokens[at + 2].end, f"{quoted}, ")
        else:
            token = self.draft.tokens[at + 2]
            self.draft.replace(token.start, token.end, f"({token.text}, {quoted})")

    def _in_columns(self, star: StarRef, names: list[str]) -> None:
        """COLUMNS('…') by a lambda that leaves the names out."""
        first, last = self.draft.at(star.start), self.draft.at(star.end)
        if not star.text:
            raise BindError(
                f"COLUMNS(…) of a lambda cannot stand beside {names[0]}",
                hint="COLUMNS(* EXCLUDE (…)) and COLUMNS('pattern') can",
            )
        call = next(
            c for c in self.draft.calls() if first <= c.token < last and c.name == "COLUMNS"
        )
        left_out = ", ".join(quote_text(n) for n in names)
        start, end = call.args[0]
        pattern = self.draft.source[start:end]
        self.draft.replace(
            start, end, f"lambda c: regexp_matches(c, {pattern}) AND c NOT IN ({left_out})"
        )

    def _select_before_from(self, own: list[int]) -> None:
        first = min(self.found[n][0].start for n in own)
        for n in range(self.draft.at(first), -1, -1):
            if self.draft.word(n) == "FROM":
                found = [(self.found[k][0], name) for k in own for name in self.exposed[k]]
                pairs = [(source.alias or source.path[-1], name) for source, name in found]
                quoted = _left_out(pairs, qualified=True)
                self.draft.insert(self.draft.tokens[n].start, f"SELECT * EXCLUDE ({quoted}) ")
                return

    def _qualify(self, column: ColumnRef) -> None:
        """A bare ROWKEY or ROWHEADERS is another source's column, though one named by its alias has
        such a pseudo column too."""
        name, selection = column.path[0].upper(), column.within
        if len(column.path) > 1 or name not in _LAST or selection is None or column.start < 0:
            return
        own = self._of(selection)
        if not any(name == n.upper() for k in own for n in self.exposed[k]):
            return
        aliases = [self.found[k][0].alias or self.found[k][0].path[-1] for k in own]
        aliases += [other.alias for other in selection.others]
        having = [a for a in aliases if a and name in self._shown_by_sources(selection, a)]
        if len(having) == 1:
            self.draft.insert(column.start, f"{quote_duckdb(having[0])}.")

    def _row(self, column: ColumnRef) -> None:
        """A source's name where a value stands is its row: without what is hidden of it."""
        if len(column.path) != 1 or column.start < 0:
            return
        name = column.path[0].casefold()
        own = self._of(column.within)
        if any(c.casefold() == name for n in own for c, _ in _named(self.found[n][1])):
            return
        for n in own:
            source, table = self.found[n]
            if source.called == name and self.exposed[n]:
                at = quote_duckdb(source.alias or source.path[-1])
                fields = ", ".join(
                    f"{quote_duckdb(n)} := {at}.{quote_duckdb(n)}"
                    for n, c in _named(table)
                    if not c.hidden
                )
                self.draft.replace(column.start, column.end, f"struct_pack({fields})")


def _left_out(names: list[tuple[str, str]], qualified: bool) -> str:
    """What EXCLUDE takes, of (alias, name)."""
    shown = [
        f"{quote_duckdb(alias)}.{quote_duckdb(name)}" if qualified else quote_duckdb(name)
        for alias, name in names
    ]
    return ", ".join(dict.fromkeys(shown))
