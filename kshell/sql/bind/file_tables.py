"""A file's table in a continuous query: where no key is declared, the joined columns are its key.

`bind.sources` asks `keyed` when it has read FROM; `sources/file` asks `repeated` of a declared key.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import reduce

import pyarrow as pa
import pyarrow.compute as pc
from sqlglot import exp

from kshell.errors import BindError
from kshell.field_names import plain
from kshell.sql.as_written import place_of
from kshell.sql.bind.criteria import Criteria
from kshell.sql.bind.scope import Origin
from kshell.sql.expressions import Column
from kshell.value_texts import raw_texts

__all__ = ["keyed", "repeated"]


def keyed(
    origins: Sequence[Origin], criteria: Sequence[Criteria], tables: Sequence[exp.Expr]
) -> tuple[Origin, ...]:
    """The sources, those of files with a key; BindError where the joined columns cannot be it."""
    return tuple(
        _keyed(number, origin, criteria, tables[number])
        if origin.source.file is not None and not origin.source.key
        else origin
        for number, origin in enumerate(origins)
    )


def _keyed(
    number: int, origin: Origin, criteria: Sequence[Criteria], table: exp.Expr
) -> Origin:
    source = origin.source
    hint = f"CREATE OR REPLACE TABLE {source.name} (… PRIMARY KEY, …) FROM FILE declares one"
    if not criteria:
        raise BindError(
            f"{source.name} has no PRIMARY KEY, which a continuous query of a table needs",
            hint=hint, place=place_of(table),
        )  # fmt: skip
    joined = criteria[max(number - 1, 0)]
    sides = [e.right if number else e.left for e in joined.equalities]
    own = {Column(origin.prefix + c.name, c.type): c for c in source.columns()}
    if not all(side in own for side in sides):
        raise BindError(
            f"{source.name} has no PRIMARY KEY, so that it is joined on columns of its own alone. "
            f"Got {joined.text}.",
            hint=hint, place=place_of(joined.node),
        )  # fmt: skip
    key = tuple(dict.fromkeys(own[side] for side in sides if isinstance(side, Column)))
    assert source.file is not None  # what `keyed` asks first
    found = repeated(source.file.rows, [c.name for c in key])
    if found is not None:
        text, first, second = found
        names = ", ".join(plain(c.name) for c in key)
        raise BindError(
            f"{source.name} has no PRIMARY KEY, and {names}, on which it is joined, is not unique: "
            f"rows {first + 1} and {second + 1} have {text}",
            hint=hint, place=place_of(joined.node),
        )  # fmt: skip
    value = tuple(c for c in source.value if c not in key)
    return replace(origin, source=replace(source, key=key, value=value))


def repeated(rows: pa.Table, names: Sequence[str]) -> tuple[str, int, int] | None:
    """A key that two rows have, as text, and those rows' numbers; None if each key is there once.

    A row with a NULL in its key has none.

    >>> repeated(pa.table({"a": [1, 2, None, None, 2]}), ["a"])
    ('2', 1, 4)
    """
    keys = rows.select(list(names))
    there = reduce(pc.and_, (c.is_valid() for c in keys.columns))
    if _each_once(keys.filter(there)):
        return None
    seen: dict[tuple[str | None, ...], int] = {}
    texts = zip(*(raw_texts(c.combine_chunks()) for c in keys.columns), strict=True)
    for row, text in enumerate(texts):
        if None not in text and seen.setdefault(text, row) != row:
            return ", ".join(map(str, text)), seen[text], row
    return None  # values that are equal, and not their texts: NaN and its like


def _each_once(keys: pa.Table) -> bool:
    """Whether no two rows are equal; False where Arrow cannot group by such a type."""
    try:
        groups = keys.group_by(keys.schema.names, use_threads=False).aggregate([])
    except pa.ArrowNotImplementedError:
        return False
    return bool(groups.num_rows == keys.num_rows)
