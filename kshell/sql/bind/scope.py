"""The names in a query: its sources by their aliases, and their columns.

`bind.select` makes a `Scope` from FROM; every clause resolves its columns in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa
from sqlglot import exp

from kshell.catalog.model import PSEUDO_COLUMNS, RESERVED, WINDOW_COLUMNS, Source, pseudo_type
from kshell.catalog.model import Column as Declared
from kshell.errors import BindError, UnknownName
from kshell.field_names import DECLARED, FORGIVING, Turns, meant, plain
from kshell.sql.as_written import folded, place_of
from kshell.sql.expressions import Column, Expression, Field, MakeStruct, columns_of
from kshell.types import BIGINT, ksql_name, quote_ksql

__all__ = ["SYSTEM", "Origin", "Scope", "ambiguous", "reserved_columns"]

SYSTEM = (*RESERVED, *WINDOW_COLUMNS)
_PLACES = "ksql.rowpartition.rowoffset.enabled"


def reserved_columns(properties: Mapping[str, str]) -> Mapping[str, pa.DataType]:
    """The pseudo columns whose names are KSQL's alone; a property leaves ROWTIME of them.

    >>> list(reserved_columns({"ksql.rowpartition.rowoffset.enabled": "false"}))
    ['ROWTIME']
    """
    if str(properties.get(_PLACES, "")).lower() == "false":
        return {"ROWTIME": RESERVED["ROWTIME"]}
    return RESERVED


@dataclass(frozen=True, slots=True)
class Origin:
    """A source in FROM, under its alias; `prefix` goes before its columns' names in a join.

    `reserved` are those pseudo columns that go before its own; the others come after them.
    """

    alias: str
    source: Source
    prefix: str = ""
    reserved: Mapping[str, pa.DataType] = field(default_factory=lambda: RESERVED, hash=False)

    def columns(self) -> Iterator[Declared]:
        """Its own columns, as the plan names them: key, value, headers."""
        for column in self.source.columns():
            yield Declared(self.prefix + column.name, column.type)

    def star(self) -> Iterator[Declared]:
        """The columns of *: the key, its window's bounds, then the rest."""
        for column in self.source.key:
            yield Declared(self.prefix + column.name, column.type)
        if self.source.window is not None:
            for name in WINDOW_COLUMNS:
                yield Declared(self.prefix + name, BIGINT)
        hidden = {self.prefix + name for name in self.source.hidden}
        rest = list(self.columns())[len(self.source.key) :]
        yield from (column for column in rest if column.name not in hidden)

    def system(self) -> dict[str, pa.DataType]:
        """Its reserved columns, by their plain names."""
        found = dict(self.reserved)
        if self.source.window is not None:
            found |= dict.fromkeys(WINDOW_COLUMNS, BIGINT)
        return found

    def unreserved(self) -> dict[str, Expression]:
        """The pseudo columns that are taken where nothing else has their names."""
        return {
            name: self._key() if PSEUDO_COLUMNS[name].type is None and self.source.key
            else Column(self.prefix + name, type)
            for name, type in self.source.pseudo_columns().items()
            if not PSEUDO_COLUMNS[name].reserved
        }  # fmt: skip

    def _key(self) -> Expression:
        """ROWKEY is another name for the key: one column, or a STRUCT of several."""
        columns = tuple(Column(self.prefix + c.name, c.type) for c in self.source.key)
        if len(columns) == 1:
            return columns[0]
        return MakeStruct(columns, pseudo_type("ROWKEY", self.source.key))

    def scanned(self) -> dict[str, pa.DataType]:
        """The pseudo columns that a scan can read, by their plain names."""
        last = self.unreserved().items()
        own = {n: e.type for n, e in last if e == Column(self.prefix + n, e.type)}
        return self.system() | own

    @property
    def turns(self) -> Turns:
        """Which of its columns a bare name means; names of declared ones fold first."""
        return DECLARED if self.source.declared else FORGIVING

    def match(self, identifier: exp.Identifier) -> Column | None:
        """Its column of that name as written; raises BindError where it could be several."""
        text, quoted = identifier.name, bool(identifier.args.get("quoted"))
        system, own = self.system(), {plain(c.name): c for c in self.source.columns()}
        reserved = text.upper() in system and (not quoted or text in system)
        if reserved and not (quoted and text in own):
            return Column(self.prefix + text.upper(), system[text.upper()])
        found = meant(text, own, quoted=quoted, turns=self.turns)
        if len(found) > 1:
            raise ambiguous(text, found, identifier)
        return Column(self.prefix + own[found[0]].name, own[found[0]].type) if found else None

    def match_last(self, identifier: exp.Identifier) -> Expression | None:
        """Its unreserved pseudo column of that name."""
        if identifier.args.get("quoted"):
            return self.unreserved().get(identifier.name)
        return self.unreserved().get(identifier.name.upper())

    def names(self) -> list[str]:
        """Its columns' names, for a hint."""
        return [plain(c.name) for c in self.source.columns()]


def ambiguous(text: str, found: Sequence[str], identifier: exp.Expr) -> BindError:
    """The error of a name that could be several, which differ in case alone."""
    names = " or ".join(sorted(found))
    hint = f"put the one you mean into backticks: {quote_ksql(min(found))}"
    return BindError(f"{text} could be {names}", hint=hint, place=place_of(identifier))


@dataclass(frozen=True, slots=True)
class Scope:
    """The sources of one query, in the order of FROM.

    `extra` are columns that no source has: a join's synthetic key.  `aggregate_window` means that
    WINDOWSTART and WINDOWEND are those of the query's own windows.
    """

    origins: tuple[Origin, ...]
    extra: dict[str, pa.DataType] = field(default_factory=dict)
    aggregate_window: bool = False

    @property
    def joined(self) -> bool:
        """Whether there is more than one source."""
        return len(self.origins) > 1

    def origin(self, qualifier: exp.Identifier) -> Origin | None:
        """The source of that alias, as written."""
        text = qualifier.name
        for origin in self.origins:
            if origin.alias == folded(qualifier):
                return origin
        for origin in self.origins:
            if not origin.source.declared and origin.alias.casefold() == text.casefold():
                return origin
        return None

    def owners(self, identifier: exp.Identifier) -> list[tuple[Origin, Expression]]:
        """The sources that have a column of that name."""
        found = [(o, c) for o in self.origins if (c := o.match(identifier)) is not None]
        if found or folded(identifier) in self.extra:
            return [*found]
        return [(o, e) for o in self.origins if (e := o.match_last(identifier)) is not None]

    def pseudo_name(self, node: exp.Column) -> str:
        """What an unreserved pseudo column is called in the result; empty for all other columns."""
        if node.args.get("db"):
            return ""  # a field
        if not node.table:
            origins = [o for o, _ in self.owners(node.this)]
        else:
            found = self.origin(node.args["table"])
            origins = [] if found is None else [found]
        if len(origins) != 1 or origins[0].match(node.this) is not None:
            return ""
        name = folded(node.this)
        return origins[0].prefix + name if origins[0].match_last(node.this) is not None else ""

    def reserved(self) -> tuple[str, ...]:
        """The names that no column of a result takes."""
        return (*dict.fromkeys(n for o in self.origins for n in o.reserved), *WINDOW_COLUMNS)

    def clashes(self, name: str) -> bool:
        """Whether more than one source has a column of exactly that name."""
        if not self.joined:
            return False
        if name in self.reserved():
            return True
        return sum(any(c.name == name for c in o.source.columns()) for o in self.origins) > 1

    def qualified(self, node: exp.Column) -> str:
        """The column with its source before it: how most of ksqlDB's messages name it."""
        if node.table:
            origin = self.origin(node.args["table"])
            alias = origin.alias if origin is not None else folded(node.args["table"])
            return f"{alias}.{folded(node.this)}"
        owners = self.owners(node.this)
        if len(owners) == 1:
            origin, column = owners[0][0], owners[0][0].match(node.this)
            name = folded(node.this) if column is None else column.name.removeprefix(origin.prefix)
            return f"{origin.alias}.{name}"
        return folded(node.this)

    def prefixed(self, node: exp.Column) -> str:
        """The column as the plan names it: SOURCE_NAME in a join."""
        return self.qualified(node).replace(".", "_", 1) if self.joined else folded(node.this)

    def resolve(self, node: exp.Column, clause: str) -> Expression:
        """The column; BindError says it is unknown or ambiguous, in which clause, and what is near.

        "a.b" may be a field of the struct a, if no source is named a.
        """
        parts = ("catalog", "db", "table", "this")
        path = [node.args[part] for part in parts if node.args.get(part)]
        if len(path) == 1:
            return self._bare(path[0], clause)
        origin = self.origin(path[0])
        if origin is None:
            return self._struct_or_unknown(path)
        column: Expression | None = origin.match(path[1])
        if column is None and self.aggregate_window and path[1].name.upper() in WINDOW_COLUMNS:
            column = Column(path[1].name.upper(), BIGINT)
        column = column or origin.match_last(path[1])
        if column is None:
            shown = f"{origin.alias}.{folded(path[1])}"
            raise self._unresolved(shown, path[1], origin.names(), clause)
        return self._fields(column, path[2:])

    def _bare(self, identifier: exp.Identifier, clause: str) -> Expression:
        if self.aggregate_window and identifier.name.upper() in WINDOW_COLUMNS:
            return Column(identifier.name.upper(), BIGINT)
        owners = self.owners(identifier)
        if len(owners) == 1:
            return owners[0][1]
        name = folded(identifier)
        if len(owners) > 1:
            could = [f"{o.alias}.{name}" for o, _ in owners]
            raise BindError(
                f"Column '{name}' is ambiguous. Could be {' or '.join(could)}.",
                place=place_of(identifier),
                hint=f"write {could[0]}",
            )
        if name in self.extra:
            return Column(name, self.extra[name])
        known = [n for o in self.origins for n in o.names()]
        if clause in ("WHERE", "HAVING") and name in SYSTEM:
            raise BindError(
                f"Error in {clause} expression: Unknown column {name}.", place=place_of(identifier)
            )
        raise self._unresolved(name, identifier, known, clause)

    def _unresolved(
        self, shown: str, identifier: exp.Identifier, known: list[str], clause: str
    ) -> UnknownName:
        error = UnknownName(
            "column",
            identifier.name,
            [*known, *PSEUDO_COLUMNS, *WINDOW_COLUMNS],
            what=f"{clause} column '{shown}' cannot be resolved.",
            place=place_of(identifier),
        )
        if not error.hint and known:
            error.hint = "columns: " + ", ".join(known[:12]) + (", …" if len(known) > 12 else "")
        return error

    def _struct_or_unknown(self, path: list[exp.Identifier]) -> Expression:
        owners = self.owners(path[0])
        if len(owners) == 1 and pa.types.is_struct(owners[0][1].type):
            return self._fields(owners[0][1], path[1:])
        raise UnknownName(
            "source",
            path[0].name,
            [o.alias for o in self.origins],
            what=f"'{folded(path[0])}' is not a valid stream/table name or alias.",
            place=place_of(path[0]),
        )

    def _fields(self, operand: Expression, path: list[exp.Identifier]) -> Expression:
        for identifier in path:
            operand = self.struct_field(operand, identifier)
        return operand

    def struct_field(self, operand: Expression, identifier: exp.Expr) -> Expression:
        """operand->identifier; BindError if it is not a struct or does not have the field."""
        name = folded(identifier)
        if not pa.types.is_struct(operand.type):
            raise BindError(
                f"Can't access field {name}: the value is {ksql_name(operand.type)}, not a STRUCT",
                hint="EXTRACTJSONFIELD(text, '$.…') reads JSON text; DESCRIBE shows the types",
                place=place_of(identifier),
            )
        names = operand.type.names
        quoted = bool(identifier.args.get("quoted"))
        found = meant(identifier.name, names, quoted=quoted, turns=self._turns(operand))
        if len(found) > 1:
            raise ambiguous(identifier.name, found, identifier)
        if not found:
            raise UnknownName(
                "field", name, names,
                what=f"Could not find field '{name}' in STRUCT with fields: {', '.join(names)}",
                place=place_of(identifier),
            )  # fmt: skip
        return Field(operand, found[0], operand.type.field(found[0]).type)

    def _turns(self, operand: Expression) -> Turns:
        """Fields fold like the columns that they are in: those of topics do not."""
        read = set(columns_of(operand))
        of = [o for o in self.origins if read & {c.name for c in o.columns()}] or self.origins
        return DECLARED if any(o.source.declared for o in of) or not of else FORGIVING
