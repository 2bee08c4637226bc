"""Pseudo columns: a reference has those that the query names, and no star shows them.

`rewrite` asks it; DuckDB knows no hidden columns, so that a `*` beside a named one says EXCLUDE.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from kshell.batch.sources import Source
from kshell.batch.tables import Table
from kshell.errors import BindError
from kshell.sql.render import quote_text
from kshell.sql.spans import Draft, quote
from kshell.sql.syntax import ColumnRef, Selection, StarRef, Syntax
from kshell.sql.tokens import Kind

__all__ = ["Pseudo"]


def _hidden(table: Table) -> dict[str, str]:
    return {c.name.upper(): c.name for c in table.columns if c.hidden}


@dataclass
class Pseudo:
    """Which references have which pseudo columns: `exposed`, by the number of the reference."""

    draft: Draft
    syntax: Syntax | None
    found: list[tuple[Source, Table]]
    exposed: list[list[str]] = field(default_factory=list)

    def find(self) -> None:
        """See which are named."""
        self.exposed = [[] for _ in self.found]
        if self.syntax is None:
            words = {t.value.upper() for t in self.draft.tokens if t.kind in (Kind.WORD, Kind.QUOTED)}
            for number, (_, table) in enumerate(self.found):
                self.exposed[number] += [name for n, name in _hidden(table).items() if n in words]
            return
        for column in self.syntax.columns:
            for number, name in self._candidates(column):
                self._expose(number, name)
        for name, selection in self.syntax.using:
            for number in self._of(selection):
                hidden = _hidden(self.found[number][1])
                if name.upper() in hidden:
                    self._expose(number, hidden[name.upper()])

    def _expose(self, number: int, name: str) -> None:
        if name not in self.exposed[number]:
            self.exposed[number].append(name)

    def _of(self, selection: Selection | None) -> list[int]:
        """The numbers of a SELECT's own sources."""
        return [n for n, (s, _) in enumerate(self.found) if s.within is selection and selection is not None]

    def _candidates(self, column: ColumnRef) -> list[tuple[int, str]]:
        """The references that a column may be a pseudo column of, and its name there."""
        selection = column.within
        while selection is not None:
            own = self._of(selection)
            qualified = [n for n in own if len(column.path) > 1
                         and self.found[n][0].called == column.path[-2 if len(column.path) > 2 else 0].casefold()]
            if not qualified and len(column.path) > 1:
                qualified = [n for n in own if self.found[n][0].called == column.path[0].casefold()]
            if qualified:
                known = [(n, _hidden(self.found[n][1])) for n in qualified]
                return [(n, h[p.upper()]) for n, h in known for p in column.path[1:2] if p.upper() in h]
            known = [(n, _hidden(self.found[n][1])) for n in own]
            found = [(n, h[column.path[0].upper()]) for n, h in known if column.path[0].upper() in h]
            if found:
                return found
            selection = selection.parent
        return []

    def meant(self, column: ColumnRef) -> tuple[Source, str] | None:
        """The source and the exact name of a column that only one source has."""
        selection = column.within
        if selection is None or len(column.path) > 2:
            return None
        found = []
        for n in self._of(selection):
            source, table = self.found[n]
            if len(column.path) == 2 and source.called != column.path[0].casefold():
                continue
            names = [c.name for c in table.columns if c.name.casefold() == column.path[-1].casefold()]
            if len(names) == 1 and (n, names[0]) in [*self._candidates(column), (n, table.key)]:
                found.append((source, names[0]))
        return found[0] if len(found) == 1 else None

    def is_time(self, column: ColumnRef) -> bool:
        """Whether a ROWTIME, WINDOWSTART or WINDOWEND is kshell's, and no field called so."""
        if self._candidates(column):
            return True
        selection = column.within
        while selection is not None:
            for n in self._of(selection):
                for c in self.found[n][1].columns:
                    if c.name.upper() == column.path[-1].upper():
                        return c.hidden or c.name.upper() != "ROWTIME"
            selection = selection.parent
        return False

    def order_of(self, offset: int) -> str:
        """The column that orders the records for what is called there: its first topic's offsets."""
        selection = self.syntax.calls.get(offset) if self.syntax is not None else None
        for number in self._of(selection):
            source, table = self.found[number]
            if any(c.name == "ROWOFFSET" for c in table.columns):
                if "ROWOFFSET" in _hidden(table):
                    self._expose(number, "ROWOFFSET")
                return f"{quote(source.alias or source.path[-1])}.{quote('ROWOFFSET')}"
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
                self._select_before_from(own, names)
        for star in self.syntax.stars:
            if star.start >= 0:
                self._hide_in(star)
        for column in self.syntax.columns:
            self._row(column)

    def _names(self, star: StarRef) -> list[str]:
        own = self._of(star.within)
        if star.relation:
            own = [n for n in own if self.found[n][0].called == star.relation.casefold()]
        excluded = {name.casefold() for name in star.excluded}
        names = dict.fromkeys(name for n in own for name in self.exposed[n])
        return [name for name in names if name.casefold() not in excluded]

    def _hide_in(self, star: StarRef) -> None:
        names = self._names(star)
        if not names:
            return
        first, last = self.draft.at(star.start), self.draft.at(star.end)
        quoted = ", ".join(quote(n) for n in names)
        if star.columns:
            self._in_columns(star, names)
            return
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
        """COLUMNS('…') by a lambda that leaves the names out; COLUMNS(*) has a star of its own."""
        first, last = self.draft.at(star.start), self.draft.at(star.end)
        if any(self.draft.is_sign(n, "*") for n in range(first, last)):
            return
        if not star.text:
            raise BindError(
                f"COLUMNS(…) of a lambda cannot stand beside {names[0]}",
                hint="COLUMNS(* EXCLUDE (…)) and COLUMNS('pattern') can",
            )
        call = next(c for c in self.draft.calls() if first <= c.token < last and c.name == "COLUMNS")
        left_out = ", ".join(quote_text(n) for n in names)
        start, end = call.args[0]
        pattern = self.draft.source[start:end]
        self.draft.replace(
            start, end, f"lambda c: regexp_matches(c, {pattern}) AND c NOT IN ({left_out})"
        )

    def _select_before_from(self, own: list[int], names: list[str]) -> None:
        first = min(self.found[n][0].start for n in own)
        for n in range(self.draft.at(first), -1, -1):
            if self.draft.word(n) == "FROM":
                quoted = ", ".join(quote(name) for name in dict.fromkeys(names))
                self.draft.insert(self.draft.tokens[n].start, f"SELECT * EXCLUDE ({quoted}) ")
                return

    def _row(self, column: ColumnRef) -> None:
        """A source's name where a value stands is its row: without what is hidden of it."""
        if len(column.path) != 1 or column.start < 0:
            return
        name = column.path[0].casefold()
        own = self._of(column.within)
        if any(c.name.casefold() == name for n in own for c in self.found[n][1].columns):
            return
        for n in own:
            source, table = self.found[n]
            if source.called == name and self.exposed[n]:
                at = quote(source.alias or source.path[-1])
                fields = ", ".join(
                    f"{quote(c.name)} := {at}.{quote(c.name)}" for c in table.columns if not c.hidden
                )
                self.draft.replace(column.start, column.end, f"struct_pack({fields})")
