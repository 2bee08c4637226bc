"""The parts of a query that kshell looks at: its SELECTs, sources, columns and stars, and where.

`syntax_reader` finds them for `batch`.  Offsets are of characters.
"""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["ColumnRef", "Derived", "FromName", "Item", "Selection", "Side", "StarRef", "Syntax",
           "TableCall", "Test"]  # fmt: skip


@dataclass(slots=True)
class Item:
    """One of what a SELECT selects; `start` is -1 where its place is not known."""

    alias: str
    kind: str
    start: int
    path: tuple[str, ...] = ()  # of a column, and the table of a star
    extreme: int = -1  # where the column begins of which it is the MIN or the MAX


@dataclass(slots=True)
class Selection:
    """One SELECT: its own sources, and what it selects."""

    parent: Selection | None
    sources: list[FromName] = field(default_factory=list)
    others: list[Derived] = field(default_factory=list)  # subqueries and the like in its FROM
    natural: bool = False
    narrows: bool = True  # WHERE may be applied to the sources before they are put together
    from_first: bool = False  # FROM t, which selects *
    items: list[Item] = field(default_factory=list)
    beside: list[Selection] = field(default_factory=list)  # the others of a UNION or the like


@dataclass(slots=True)
class Derived:
    """What is in FROM without being a source: its alias, its columns as renamed, its SELECT."""

    alias: str
    names: tuple[str, ...]
    made: Selection | None


@dataclass(slots=True)
class FromName:
    """A name in FROM that is no CTE's; `start` is -1 where the parser does not say."""

    path: tuple[str, ...]
    start: int
    alias: str
    renamed: tuple[str, ...]  # its first columns in FROM t AS a(x, y)
    within: Selection | None


@dataclass(slots=True)
class TableCall:
    """A function in FROM."""

    name: str
    start: int


@dataclass(slots=True)
class ColumnRef:
    """A column as named, the SELECT that names it, and the part of it where that is."""

    path: tuple[str, ...]
    start: int
    end: int
    within: Selection | None
    clause: str = ""  # DuckDB's word: select_list, where_clause, modifiers (ORDER BY), …


@dataclass(slots=True)
class StarRef:
    """`*`, `t.*` or COLUMNS(…); `start` is -1 for one that is not written."""

    relation: str
    start: int
    end: int
    columns: bool
    excluded: tuple[str, ...]
    replaced: tuple[str, ...]
    text: str  # of COLUMNS('…')
    within: Selection | None


@dataclass(slots=True)
class Side:
    """What a column is compared with: its span, whether it has a column or a query in it, and
    whether it is made of constants alone."""

    start: int
    end: int
    varies: bool
    steady: bool


@dataclass(slots=True)
class Test:
    """A comparison (`<` and the like, the column on its left), BETWEEN or IN of a column.

    `every` says that each row of the SELECT's answer passed it: it is a part of WHERE's AND.
    """

    column: ColumnRef
    op: str
    sides: list[Side]
    every: bool


@dataclass(slots=True)
class Syntax:
    """All of one statement."""

    sources: list[FromName] = field(default_factory=list)
    table_calls: list[TableCall] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)  # SHOW … in FROM
    columns: list[ColumnRef] = field(default_factory=list)
    stars: list[StarRef] = field(default_factory=list)
    using: list[tuple[str, Selection | None]] = field(default_factory=list)
    tests: list[Test] = field(default_factory=list)
    selections: list[Selection] = field(default_factory=list)
    calls: dict[int, Selection | None] = field(default_factory=dict)  # by where they begin
    root: Selection | None = None
