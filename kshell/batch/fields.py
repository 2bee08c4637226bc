"""Edits of a query's words where they name fields that DuckDB calls otherwise.

`rewrite` calls it.  `columns` says what a name means; names of a STRUCT's fields follow from its
type where that is known, and else from the names that the query's tables have.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from kshell.batch.columns import Columns, Named
from kshell.errors import BindError, UnknownName
from kshell.field_names import (
    Turns,
    alike,
    clashing,
    escaped,
    escaped_type,
    meant,
    plain,
    plain_sql,
    same_to_duckdb,
)
from kshell.sql.spans import Draft
from kshell.sql.syntax import ColumnRef, Selection, StarRef
from kshell.sql.tokens import Kind
from kshell.types import ksql_name, quote_duckdb, quote_text

__all__ = ["Fields"]

_NAMES = (Kind.WORD, Kind.QUOTED)
_FIELD_CALLS = frozenset({"STRUCT_EXTRACT"})  # functions that take a field's name as text


@dataclass
class Fields:
    """The edits of one query; `named` are where columns begin whose names were edited."""

    columns: Columns
    named: set[int] = field(default_factory=set)
    _inner: dict[str, set[str]] = field(default_factory=dict)  # escaped names of fields
    _done: set[int] = field(default_factory=set)

    def note(self) -> None:
        """Note all of them; raises BindError, and UnknownName for a quoted name of no field."""
        columns = self.columns
        for number in range(len(columns.found)):
            for column in columns.of_table(number):
                self._learn(column)
        if columns.syntax is None:
            self._note_words()
            return
        for ref in columns.syntax.columns:
            if ref.start >= 0:
                self._note_column(ref)
        for star in columns.syntax.stars:
            self._note_star(star)
        self._note_using()
        self._note_pivots()
        if self._inner:
            self._note_others()

    @property
    def draft(self) -> Draft:
        """The words."""
        return self.columns.draft

    def _learn(self, column: Named) -> None:
        if column.made != column.own and not column.hidden:
            self._inner.setdefault(alike(column.own), set()).add(column.own)
        for name in _clashing_inside(column.type) if column.type is not None else ():
            self._inner.setdefault(alike(name), set()).add(name)

    # Columns and what follows them

    def _note_column(self, ref: ColumnRef) -> None:
        meaning = self.columns.meaning(ref)
        first = self.draft.at(ref.start)
        tokens = [first + 2 * n for n in range(len(ref.path))]
        if tokens[-1] >= len(self.draft.tokens):
            return
        if not meaning.columns:
            for n in tokens[1:]:
                self._edit_unknown(n)
            return
        column = meaning.columns[0]
        self._write(tokens[meaning.part], column.made)
        type = column.type
        for n in tokens[meaning.part + 1 :]:
            type = self._field(n, type, column.turns)
        if self.draft.edited(ref.start, ref.end):
            self.named.add(ref.start)
        self._follow(tokens[-1] + 1, type, column.turns)

    def _follow(self, n: int, type: pa.DataType | None, turns: Turns) -> None:
        """What is taken out of a value of that type: .name, ['name'] and [number]."""
        draft = self.draft
        while type is not None and n < len(draft.tokens):
            if draft.is_sign(n, ".") and draft.tokens[n + 1].kind in _NAMES:
                if draft.is_sign(n + 2, "("):
                    return  # a function of it
                type = self._field(n + 1, type, turns)
                n += 2
            elif draft.is_sign(n, "[") and draft.partner(n) > n:
                close = draft.partner(n)
                if pa.types.is_struct(type):
                    if draft.tokens[n + 1].kind is not Kind.STRING or close != n + 2:
                        return
                    type = self._field(n + 1, type, turns)
                elif not any(draft.is_sign(k, ":") for k in draft.level(n + 1, close)):
                    type = _element(type)
                n = close + 1
            else:
                return

    def _field(self, n: int, type: pa.DataType | None, turns: Turns) -> pa.DataType | None:
        """The type of the field that token `n` names; edits that where DuckDB's name differs."""
        self._done.add(n)
        token = self.draft.tokens[n]
        if type is not None and not _may_have_fields(type):
            raise BindError(
                f"Can't access field {token.value}: the value is {ksql_name(type)}, not a STRUCT",
                hint=_READS_TEXT.format(token.value) if _is_text(type) else _DESCRIBED,
                place=self.columns.place(token.start, token.end),
            )
        if type is None or not pa.types.is_struct(type):
            self._edit_unknown(n)
            return None
        name = plain(token.value)
        exact = self.columns.exact and self.columns.quoted(token.start)
        exact = exact and token.kind is not Kind.STRING
        found = meant(name, type.names, quoted=exact, turns=turns)
        if len(found) > 1:
            raise self._ambiguous(name, found, n)
        if not found:
            place = self.columns.place(token.start, token.end)
            error = UnknownName("field", name, type.names, place=place)
            error.hint = error.hint or f"it has {', '.join(type.names) or 'none'}"
            raise error
        index = type.names.index(found[0])
        self._write(n, escaped_type(type).names[index])
        return type.field(index).type

    def _ambiguous(self, name: str, found: Sequence[str], n: int) -> BindError:
        token = self.draft.tokens[n]
        return self.columns.ambiguous(name, [Named(f, f) for f in found], token.start, token.end)

    def _edit_unknown(self, n: int) -> None:
        """The name of a field of something whose type is not known."""
        token = self.draft.tokens[n]
        if token.kind not in (*_NAMES, Kind.STRING):
            return
        self._done.add(n)
        name = plain(token.value)
        quoted = self.columns.exact and self.columns.quoted(token.start)
        found = meant(name, sorted(self._inner.get(alike(name), ())), quoted=quoted)
        if len(found) > 1:
            raise self._ambiguous(name, found, n)
        if found:
            self._write(n, escaped(found[0]))

    def _write(self, n: int, made: str) -> None:
        token = self.draft.tokens[n]
        if same_to_duckdb(token.value, made):
            return
        quote = quote_text if token.kind is Kind.STRING else quote_duckdb
        self.draft.replace(token.start, token.end, quote(made))

    def _note_others(self) -> None:
        """Fields of what no column's name begins: f(x).name, (x)['name'], a lambda's parameter."""
        draft = self.draft
        for n, token in enumerate(draft.tokens):
            if n < 2 or n in self._done or draft.tokens[n - 2].text not in (")", "]"):
                continue
            dotted = token.kind in _NAMES and draft.is_sign(n - 1, ".")
            if dotted or (token.kind is Kind.STRING and draft.is_sign(n - 1, "[")):
                self._edit_unknown(n)
        for call in draft.calls():
            if call.name in _FIELD_CALLS and len(call.args) == 2:
                self._edit_unknown(draft.at(call.args[1][0]))

    def _note_words(self) -> None:
        """Names where DuckDB shows no tree: any word that is a column's."""
        columns = self.columns
        among = [c for n in range(len(columns.found)) for c in columns.of_table(n)]
        spans = [(source.start, source.end) for source, _ in columns.found]
        for n, token in enumerate(self.draft.tokens):
            if token.kind in _NAMES and not any(a <= token.start < b for a, b in spans):
                self._write_picked(n, among)

    # Stars and USING

    def _note_star(self, star: StarRef) -> None:
        if star.start < 0 or star.within is None:
            return
        draft = self.draft
        first, last = draft.at(star.start), draft.at(star.end)
        at = next((n for n in range(first, last) if draft.is_sign(n, "*")), None)
        among = self.columns.visible(star.within, star.relation)
        if at is None:
            if star.columns and not star.text:
                self._in_columns(first, last, among)
            return
        n = at + 1
        while (word := draft.word(n)) in ("EXCLUDE", "EXCEPT", "REPLACE", "RENAME"):
            end = draft.partner(n + 1) if draft.is_sign(n + 1, "(") else n + 2
            parts = [(n + 1, n + 2)] if end == n + 2 else self._parts(n + 2, end)
            for start, stop in parts:
                if word == "RENAME":
                    stop = next((k for k in range(start, stop) if draft.word(k) == "AS"), stop)
                self._write_picked(stop - 1, among)  # the last of a path; what AS names
            n = end + 1 if draft.is_sign(n + 1, "(") else end

    def _parts(self, first: int, last: int) -> Iterator[tuple[int, int]]:
        for start, end in self.draft.parts(first, last):
            yield self.draft.at(start), self.draft.at(end)

    def _write_picked(self, n: int, among: Sequence[Named]) -> None:
        token = self.draft.tokens[n]
        name, columns = plain(token.value), self.columns
        quoted = token.kind is Kind.QUOTED and columns.quoted(token.start)
        found = columns.pick(name, quoted, among)
        if not found and quoted and (near := columns.pick(name, False, among)):
            raise columns.unknown(name, near, token.start, token.end)
        self._write_one(n, found)

    def _write_one(self, n: int, found: Sequence[Named]) -> None:
        made = {c.made for c in found}
        if len(made) > 1 and alike(found[0].own) in self.columns.naming.folded:
            raise self._ambiguous(plain(self.draft.tokens[n].value), [c.own for c in found], n)
        if len(made) == 1:
            self._write(n, found[0].made)

    def _in_columns(self, first: int, last: int, among: Sequence[Named]) -> None:
        """COLUMNS(['a', 'b']) and COLUMNS(lambda c: …), which is of plain names."""
        draft = self.draft
        call = next((c for c in draft.calls() if first <= c.token < last and c.name == "COLUMNS"),
                    None)  # fmt: skip
        if call is None:
            return
        if draft.word(call.open + 1) == "LAMBDA":
            parameter, begun = draft.word(call.open + 2), False
            for n in range(call.open + 3, call.close):
                if begun and draft.word(n) == parameter and not draft.is_sign(n - 1, "."):
                    token = draft.tokens[n]
                    draft.replace(token.start, token.end, plain_sql(token.text))
                begun = begun or draft.is_sign(n, ":")
            return
        for n in range(call.open + 1, call.close):
            if draft.tokens[n].kind is Kind.STRING:
                self._write_picked(n, among)

    def _note_using(self) -> None:
        """USING (a, b): the same name of both sides."""
        draft, syntax = self.draft, self.columns.syntax
        assert syntax is not None
        selections: dict[str, Selection | None] = {plain(n): s for n, s in syntax.using}
        for n in range(len(draft.tokens)):
            if draft.word(n) != "USING" or not draft.is_sign(n + 1, "("):
                continue
            for k in range(n + 2, draft.partner(n + 1)):
                token = draft.tokens[k]
                selection = selections.get(plain(token.value))
                if token.kind in _NAMES and selection is not None:
                    self._write_using(k, selection)

    def _note_pivots(self) -> None:
        """PIVOT … GROUP BY a, b, of which DuckDB's tree has the names alone."""
        draft, columns = self.draft, self.columns
        among = [c for n in range(len(columns.found)) for c in columns.of_table(n)]
        for n in range(len(draft.tokens)):
            if draft.word(n) != "PIVOT":
                continue
            grouped = False
            for k in range(n + 1, len(draft.tokens)):
                if draft.is_sign(k, ")") and draft.partner(k) < n:
                    break
                grouped = grouped or (draft.word(k - 1), draft.word(k)) == ("GROUP", "BY")
                grouped = grouped and not draft.is_sign(k, ")")
                if grouped and draft.tokens[k].kind in _NAMES and draft.word(k) != "BY":
                    self._write_picked(k, among)

    def _write_using(self, n: int, selection: Selection) -> None:
        token, columns = self.draft.tokens[n], self.columns
        name, quoted = plain(token.value), columns.quoted(token.start)
        relations = [columns.found[k][0].called for k in columns.sources_of(selection)]
        relations += [other.alias for other in selection.others]
        sides = [columns.pick(name, quoted, columns.visible(selection, r)) for r in relations if r]
        made = {c.made for side in sides for c in side}
        if len(made) > 1 and alike(name) in columns.naming.folded:
            raise BindError(
                f"USING ({name}): the sides call it {' and '.join(sorted(map(plain, made)))}",
                hint="JOIN … ON names a column of each side",
                place=columns.place(token.start, token.end),
            )
        self._write_one(n, [c for side in sides for c in side])


_READS_TEXT = "TRY(EXTRACTJSONFIELD(text, '$.{}')) reads a field of JSON text"
_DESCRIBED = "DESCRIBE shows the columns and their types"


def _is_text(type: pa.DataType) -> bool:
    return any(is_(type) for is_ in _TEXTS)


_TEXTS = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)


def _may_have_fields(type: pa.DataType) -> bool:
    """Whether DuckDB takes a field out of such a value: of NULL it is NULL, of a map its entry."""
    return any(is_(type) for is_ in _HOLDERS)


_HOLDERS = (pa.types.is_struct, pa.types.is_map, pa.types.is_null, pa.types.is_union)


def _element(type: pa.DataType) -> pa.DataType | None:
    if pa.types.is_map(type):
        return type.item_type
    return type.value_type if hasattr(type, "value_type") else None


def _clashing_inside(type: pa.DataType) -> Iterator[str]:
    """The names of fields, at any depth, that DuckDB calls otherwise."""
    if pa.types.is_struct(type):
        folded = clashing(type.names)
        yield from (name for name in type.names if alike(name) in folded)
        for inner in type:
            yield from _clashing_inside(inner.type)
    elif pa.types.is_map(type):
        yield from _clashing_inside(type.item_type)
    elif hasattr(type, "value_type"):
        yield from _clashing_inside(type.value_type)
