"""Decides which chart a relation gets, from its columns alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import pyarrow as pa

from kshell.catalog.model import WINDOW_COLUMNS
from kshell.errors import UnknownName, UsageError
from kshell.terminal.cells import is_number, type_label
from kshell.terminal.sanitize import clean
from kshell.terminal.times import Times
from kshell.types import is_moment

__all__ = ["Asked", "Kind", "Plan", "Relation", "is_axis_time", "plan"]


class Kind(Enum):
    """What is drawn."""

    SPARKS = "sparks"  # a row of blocks for each key, one block for a window
    BARS = "bars"  # a bar for each row
    LINE = "line"  # a line over a time, over numbers, or over the rows as they come


@dataclass(frozen=True, slots=True)
class Relation:
    """The columns; `key` names those that identify a live table's row; `grows`: a live stream."""

    schema: pa.Schema
    key: tuple[str, ...] = ()
    grows: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    """The columns that a person wants charted, and by which one; or the column of the cursor."""

    values: tuple[str, ...] = ()
    by: str = ""
    cursor: int = -1


_NOTHING = Asked()


@dataclass(frozen=True, slots=True)
class Plan:
    """The columns by number: those charted, those that name a bar or a row of blocks, and the one
    along which it goes (None: the rows as they come)."""

    kind: Kind
    values: tuple[int, ...]
    names: tuple[int, ...] = ()
    along: int | None = None

    @property
    def columns(self) -> tuple[int, ...]:
        """All columns that it needs, in order."""
        along = () if self.along is None else (self.along,)
        return tuple(sorted({*self.values, *self.names, *along}))

    def narrowed(self) -> Plan:
        """The same for a relation of these columns alone."""
        at = {column: n for n, column in enumerate(self.columns)}
        values, names = (tuple(at[i] for i in part) for part in (self.values, self.names))
        return Plan(self.kind, values, names, None if self.along is None else at[self.along])


# The first row that holds decides.  A dot: it does not matter.
#    windows  key    time   grows  names  numbers  the chart
_KINDS = (
    ("yes",   ".",   ".",   ".",   "yes", ".",     Kind.SPARKS, "window"),
    ("yes",   ".",   ".",   ".",   ".",   ".",     Kind.LINE,   "window"),
    (".",     "yes", ".",   ".",   ".",   ".",     Kind.BARS,   ""),
    (".",     ".",   "yes", ".",   ".",   ".",     Kind.LINE,   "time"),
    (".",     ".",   ".",   "yes", ".",   ".",     Kind.LINE,   ""),
    (".",     ".",   ".",   ".",   "yes", ".",     Kind.BARS,   ""),
    (".",     ".",   ".",   ".",   ".",   "two",   Kind.LINE,   "number"),
    (".",     ".",   ".",   ".",   ".",   ".",     Kind.LINE,   ""),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Columns:
    """The columns by what they can be, as numbers."""

    window: int | None
    times: tuple[int, ...]
    numbers: tuple[int, ...]
    names: tuple[int, ...]


def plan(relation: Relation, asked: Asked = _NOTHING) -> Plan:
    """The chart of a relation; raises UsageError if no column can be charted.

    >>> schema = pa.schema([("region", pa.string()), ("n", pa.int64())])
    >>> plan(Relation(schema))
    Plan(kind=<Kind.BARS: 'bars'>, values=(1,), names=(0,), along=None)
    """
    schema = relation.schema
    found = _columns(relation)
    values = tuple(_named(schema, name) for name in asked.values)
    for name, column in zip(asked.values, values, strict=True):
        field = schema.field(column)
        if is_axis_time(field) or not is_number(field.type):
            raise _no_number(schema, f"{clean(name)} has no numbers")
    by = _named(schema, asked.by) if asked.by else None
    if by is None:
        kind, names, along = _usual(relation, found, values)
    elif by == found.window and found.names:
        kind, names, along = Kind.SPARKS, found.names, by
    elif is_axis_time(schema.field(by)) or is_number(schema.field(by).type):
        kind, names, along = Kind.LINE, (), by
    elif found.times:  # in each window, or at each time, what the text had
        along = found.times[0] if found.window is None else found.window
        kind, names = Kind.SPARKS, (by,)
    else:
        kind, names, along = Kind.BARS, (by,), None
    free = [i for i in found.numbers if i != along and i not in names]
    if not values and not free:
        raise _no_number(schema, "there are no numbers to chart")
    after = [i for i in free if i >= asked.cursor]
    return Plan(kind, values or ((after or free)[0],), names, along)


def _usual(
    relation: Relation, found: _Columns, values: Sequence[int]
) -> tuple[Kind, tuple[int, ...], int | None]:
    """The kind, the names and the axis where nobody says by what."""
    others = [i for i in found.numbers if i not in values]
    along = {
        "window": found.window,
        "time": next(iter(found.times), None),
        "number": next(iter(others), None),
        "": None,
    }
    facts = (
        "yes" if found.window is not None else "no",
        "yes" if relation.key else "no",
        "yes" if found.times else "no",
        "yes" if relation.grows else "no",
        "yes" if found.names else "no",
        "two" if len(others) > (not values) else "one",
    )
    for *wanted, kind, axis in _KINDS:
        if all(w in (".", fact) for w, fact in zip(wanted, facts, strict=True)):
            names = () if kind is Kind.LINE else found.names
            return kind, names, along[axis]
    raise AssertionError("the last row always holds")


def _columns(relation: Relation) -> _Columns:
    schema, key = relation.schema, relation.key
    times = tuple(i for i, field in enumerate(schema) if is_axis_time(field))
    of_key = tuple(i for i, field in enumerate(schema) if field.name in key)
    window = next((i for i in times if i in of_key), None)
    if not key:
        start = WINDOW_COLUMNS[0]
        window = next((i for i in times if schema.field(i).name.upper() == start), None)
    numbers = tuple(
        i for i, f in enumerate(schema)
        if is_number(f.type) and i not in times and i not in of_key
    )  # fmt: skip
    names = tuple(i for i in of_key if i not in times)
    if not key:
        texts = (
            i for i, f in enumerate(schema)
            if i not in times and not is_number(f.type) and not pa.types.is_nested(f.type)
        )  # fmt: skip
        names = tuple(texts)[:1]
    return _Columns(window, times, numbers, names)


def is_axis_time(field: pa.Field) -> bool:
    """Whether the column's values are moments: a TIMESTAMP, a DATE, or like ROWTIME.

    >>> is_axis_time(pa.field("d", pa.date32())), is_axis_time(pa.field("n", pa.int64()))
    (True, False)
    """
    return is_moment(field) or pa.types.is_timestamp(field.type) or pa.types.is_date(field.type)


def _named(schema: pa.Schema, name: str) -> int:
    """The column of this name, in whatever case if only one has it; raises UnknownName."""
    alike = [i for i, known in enumerate(schema.names) if known.upper() == name.upper()]
    exact = [i for i in alike if schema.names[i] == name]
    if not alike:
        raise UnknownName("column", name, schema.names)
    if not exact and len(alike) > 1:
        both = " and ".join(clean(schema.names[i]) for i in alike)
        raise UsageError(f"{clean(name)} may be {both}", hint="write it as it is, in quotes")
    return (exact or alike)[0]


_MOST = 12  # columns that an error lists


def _no_number(schema: pa.Schema, what: str) -> UsageError:
    listed = [f"{clean(field.name)} {type_label(field, Times.LOCAL)}" for field in schema]
    more = [f"{len(listed) - _MOST} more"] if len(listed) > _MOST else []
    return UsageError(f"{what}: the columns are {', '.join(listed[:_MOST] + more)}")

