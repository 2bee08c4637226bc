"""What the names in a bounded query mean: columns of its tables, and which table's.

DuckDB folds the case of names.  Where that would make one of two columns, `Naming` calls them
otherwise in the views that DuckDB sees, and `fields` edits the query's words.  `pseudo` asks which
columns are pseudo columns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import pyarrow as pa

from kshell.batch.sources import Source
from kshell.batch.tables import Table, TableColumn
from kshell.catalog.model import RESERVED, WINDOW_COLUMNS
from kshell.errors import BindError, Place, UnknownName
from kshell.field_names import DECLARED, FORGIVING, Turns, alike, clashing, escaped, meant, plain
from kshell.sql.spans import Draft
from kshell.sql.syntax import ColumnRef, Derived, Selection, Syntax
from kshell.types import BIGINT

__all__ = ["Columns", "Meaning", "Named", "Naming"]

_ORDER = "modifiers"  # DuckDB's word for ORDER BY, where an alias goes before a column


class Naming:
    """What DuckDB calls the columns: alike in all tables of a query, so that USING finds them."""

    def __init__(self, tables: Iterable[Table]) -> None:
        folded: set[str] = set()
        for table in tables:
            own = [plain(c.name) for c in table.columns if not c.hidden]
            hidden = {alike(c.name) for c in table.columns if c.hidden}
            folded |= clashing(own) | (hidden & {alike(name) for name in own})
        self.folded = frozenset(folded)

    def of(self, column: TableColumn) -> str:
        """The column's name in its view."""
        name = plain(column.name)
        return escaped(name, hidden=column.hidden) if alike(name) in self.folded else name


@dataclass(frozen=True, slots=True)
class Named:
    """A column that a SELECT may name: `own` is its name, `made` DuckDB's.

    `number` is that of its reference, -1 for a column of a subquery; `alias` is the table's name
    in the query.  An alias of a subquery's is no `field`: DuckDB's rules hold for it.
    """

    own: str
    made: str
    type: pa.DataType | None = None
    number: int = -1
    alias: str = ""
    hidden: bool = False
    column: str = ""  # the table's own name for it
    field: bool = True
    moment: bool = False  # milliseconds since 1970: a pseudo column's, and what is made of it alone
    turns: Turns = FORGIVING

    @property
    def reserved(self) -> bool:
        """Whether it is a pseudo column whose bare name no field takes."""
        return self.hidden and self.own in RESERVED


@dataclass(frozen=True, slots=True)
class Meaning:
    """The columns that a name may be, and which part of its path names them."""

    columns: Sequence[Named] = ()
    part: int = 0


@dataclass
class Columns:
    """The names of one query.

    `quoted` says of an offset whether what stands there was written in quotes; `exact`, whether
    those make it that field's name and no other's; `place` is where a span was written.
    """

    draft: Draft
    syntax: Syntax | None
    found: list[tuple[Source, Table]]
    quoted: Callable[[int], bool]
    exact: bool
    place: Callable[[int, int], Place]
    naming: Naming = field(init=False)
    _meanings: dict[int, Meaning] = field(default_factory=dict)
    _making: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.naming = Naming(table for _, table in self.found)

    # What is there

    def of_table(self, number: int) -> list[Named]:
        """All columns of a reference."""
        return self._tables[number]

    @cached_property
    def _tables(self) -> list[list[Named]]:
        made = []
        for number, (source, table) in enumerate(self.found):
            turns = DECLARED if table.declared else FORGIVING
            alias = source.alias or source.path[-1]
            names = [
                Named(plain(c.name), self.naming.of(c), c.type, number, alias, c.hidden, c.name,
                      moment=_is_moment(c), turns=turns)
                for c in table.columns
            ]  # fmt: skip
            for n, name in enumerate(source.renamed[: len(names)]):
                names[n] = replace(names[n], own=name, made=name, field=False)
            made.append(names)
        return made

    def sources_of(self, selection: Selection | None) -> list[int]:
        """The numbers of a SELECT's own sources."""
        if selection is None:
            return []
        return [n for n, (source, _) in enumerate(self.found) if source.within is selection]

    def shown(self, selection: Selection, relation: str = "") -> list[Named]:
        """What `*` (or `relation.*`) has in a SELECT."""
        return [c for c in self.visible(selection, relation) if not c.hidden]

    def visible(self, selection: Selection, relation: str = "") -> list[Named]:
        """The columns that may be named in a SELECT, pseudo columns too."""
        wanted = relation.casefold()
        found: list[Named] = []
        for n in self.sources_of(selection):
            if not relation or self.found[n][0].called == wanted:
                found += self._tables[n]
        for other in selection.others:
            if not relation or other.alias.casefold() == wanted:
                found += self._of_derived(other)
        return found

    def _of_derived(self, other: Derived) -> list[Named]:
        inner = [] if other.made is None else self._results(other.made)
        made = [replace(c, number=-1, alias=other.alias, hidden=False) for c in inner]
        for n, name in enumerate(other.names):
            known = made[n : n + 1]
            type, moment = (known[0].type, known[0].moment) if known else (None, False)
            renamed = Named(name, name, type, field=False, moment=moment)
            made[n : n + 1] = [replace(renamed, alias=other.alias)]
        return made

    def _results(self, selection: Selection) -> list[Named]:
        """The columns that a SELECT gives."""
        if id(selection) in self._making:  # a recursive CTE
            return []
        self._making.add(id(selection))
        made: list[Named] = []
        stars = {s.start: s for s in self.syntax.stars} if self.syntax is not None else {}
        refs = {c.start: c for c in self.syntax.columns} if self.syntax is not None else {}
        for item in selection.items:
            if item.kind == "STAR":
                star = stars.get(item.start)
                those = self.shown(selection, item.path[0] if item.path else "")
                left_out = star.excluded if star is not None else ()
                out = {c.made for n in left_out for c in self.pick(plain(n), False, those)}
                replaced = star.replaced if star is not None else ()
                anew = {c.made for n in replaced for c in self.pick(plain(n), False, those)}
                made += [
                    replace(c, moment=False) if c.made in anew else c
                    for c in those
                    if c.made not in out
                ]
                continue
            if item.extreme >= 0:
                of = self.meaning(refs[item.extreme]) if item.extreme in refs else Meaning()
                whole = bool(of.columns) and len(refs[item.extreme].path) == of.part + 1
                moment = whole and of.columns[0].moment
                made.append(Named(item.alias, item.alias, field=False, moment=moment))
                continue
            ref = refs.get(item.start) if item.kind == "COLUMN_REF" else None
            meaning = Meaning() if ref is None else self.meaning(ref)
            whole = ref is not None and len(ref.path) == meaning.part + 1
            first = meaning.columns[0] if whole and meaning.columns else None  # no field of one
            if item.alias or first is None:
                name = item.alias or (item.path or ("",))[-1]
                type, moment = (first.type, first.moment) if first is not None else (None, False)
                made.append(Named(name, name, type, field=False, moment=moment))
            else:
                made.append(replace(first, hidden=False))
        for other in selection.beside:  # a moment is one in all of them
            beside = self._results(other)
            same = len(beside) == len(made)
            made = [
                c if same and beside[n].moment else replace(c, moment=False)
                for n, c in enumerate(made)
            ]
        self._making.discard(id(selection))
        return made

    def moments(self) -> tuple[bool, ...]:
        """Which columns of the answer are moments; empty where that is not to be seen."""
        if self.syntax is None or self.syntax.root is None:
            return ()
        return tuple(c.moment for c in self._results(self.syntax.root))

    # What is meant

    def pick(self, name: str, quoted: bool, among: Sequence[Named]) -> list[Named]:
        """The columns that a name means; of several names, those that could be meant."""
        if not (quoted and self.exact):
            hidden = [c for c in among if c.reserved and c.own == name.upper()]
            if hidden and not (quoted and any(c.own == name for c in among if not c.hidden)):
                return hidden
        for hidden_ones in (False, True):
            those = [c for c in among if c.hidden is hidden_ones]
            found = self._matching(name, quoted, those)
            if found:
                return found
        return []

    def _matching(self, name: str, quoted: bool, among: Sequence[Named]) -> list[Named]:
        found: list[Named] = []
        for turns in dict.fromkeys(c.turns for c in among):
            those = [c for c in among if c.turns == turns]
            names = meant(
                name, [c.own for c in those], quoted=quoted and self.exact, turns=turns
            )
            found += [c for c in those if c.own in names]
        exact = [c for c in found if c.own == name]
        return exact or found

    def meaning(self, column: ColumnRef) -> Meaning:
        """What a column is; raises BindError where it could be several of one table."""
        if id(column) not in self._meanings:
            self._meanings[id(column)] = self._meaning(column)
        return self._meanings[id(column)]

    def _meaning(self, column: ColumnRef) -> Meaning:
        path, selection = [plain(p) for p in column.path], column.within
        others: list[Named] = []
        while selection is not None:
            related = self.visible(selection, path[0]) if len(path) > 1 else []
            if related:
                found = self.pick(path[1], self.is_quoted(column, 1), related)
                if found:
                    return Meaning(self._one(column, 1, found), 1)
                near = _near(path[1], related)
                if near and self.exact and self.is_quoted(column, 1):
                    raise self.unknown(path[1], near, column.start, column.end)
            visible = self.visible(selection)
            if selection is column.within and self._is_alias(column, selection, visible):
                return Meaning()
            found = self.pick(path[0], self.is_quoted(column, 0), visible)
            if found:
                return Meaning(self._one(column, 0, found), 0)
            others += _near(path[0], visible)
            selection = selection.parent
        if others and self.exact and self.is_quoted(column, 0):
            raise self.unknown(path[0], others, column.start, column.end)
        return Meaning()

    def _one(self, column: ColumnRef, part: int, found: list[Named]) -> list[Named]:
        """What was found, if that is one name or DuckDB sees that it is not."""
        made = {c.made for c in found}
        if len(made) > 1 and alike(found[0].own) in self.naming.folded:
            raise self.ambiguous(plain(column.path[part]), found, column.start, column.end)
        return found

    def ambiguous(self, name: str, found: Sequence[Named], start: int, end: int) -> BindError:
        """The error of a name that could be several."""
        names = sorted({c.own for c in found})
        return BindError(
            f"{name} could be {' or '.join(names)}",
            hint=f"put the one you mean into backticks: `{names[0]}`",
            place=self.place(start, end),
        )

    def unknown(self, name: str, near: Sequence[Named], start: int, end: int) -> UnknownName:
        """The error of a quoted name that no field has in just that case."""
        names = list(dict.fromkeys(c.own for c in near))
        return UnknownName("column", name, names, place=self.place(start, end))

    def is_quoted(self, column: ColumnRef, part: int) -> bool:
        """Whether a part of its path was written in quotes."""
        if column.start < 0:
            return False
        n = self.draft.at(column.start) + 2 * part
        return n < len(self.draft.tokens) and self.quoted(self.draft.tokens[n].start)

    def _is_alias(self, column: ColumnRef, selection: Selection, visible: list[Named]) -> bool:
        """Whether it is an alias of the SELECT and no column."""
        name = plain(column.path[0])
        if column.clause == "select_list" or len(column.path) > 1:
            return False
        aliases = {item.alias for item in selection.items if item.alias}
        fields = {c.own for c in visible if not c.hidden}
        if name in aliases and (column.clause == _ORDER or name not in fields):
            return not any(c.reserved and c.own == name.upper() for c in visible)
        hidden = any(c.hidden and not c.reserved and c.own == name.upper() for c in visible)
        return hidden and name.upper() in {a.upper() for a in aliases}


def _is_moment(column: TableColumn) -> bool:
    """Whether a table's column is a time in milliseconds."""
    pseudo = column.hidden if column.name == "ROWTIME" else column.name in WINDOW_COLUMNS
    return column.type == BIGINT and (column.moment or pseudo)


def _near(name: str, among: Sequence[Named]) -> list[Named]:
    """Fields that a name would mean without its quotes."""
    return [c for c in among if c.field and alike(c.own) == alike(name)]
