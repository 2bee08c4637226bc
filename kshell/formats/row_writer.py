"""Makes the compiled writer of rows, for codecs that have a twin of it in Python.

A tree of steps says what is written of each column.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import pyarrow as pa

from kshell.catalog.model import Column
from kshell.compiled import compiled
from kshell.types import PRIMITIVES

__all__ = ["NotCompiled", "Step", "plain_steps", "row_writer"]

_compiled: Any = getattr(compiled("kshell.formats._write"), "Writer", None)
_PRIMITIVES = frozenset(p.arrow for p in PRIMITIVES)
_MOST_NESTED = 64


class NotCompiled(Exception):
    """Only Python writes values of that type."""


class Step(NamedTuple):
    """A value: what is before it (a JSON field's name, an Avro union's branch, a Protobuf tag), and
    what is in it.

    `place` is its column's or field's; `none` is Avro's NULL, None where it is refused.  A whole
    number is multiplied by `unit`, and has so many `bits` beside the sign.  Without a type it is
    the same in every row.  Protobuf's values have a `form` (what is in a "wrapper" is of the
    wrapper's own column), are left out at their default unless `shown`, and refused outside
    `least` to `most`.
    """

    type: pa.DataType | None
    before: bytes = b""
    none: bytes | None = b""
    inner: tuple[Step, ...] = ()
    place: int = 0
    unit: int = 1
    bits: int = 63
    form: str = ""
    shown: bool = True
    least: int = -(1 << 63)
    most: int = (1 << 63) - 1


def plain_steps(columns: Iterable[Column], name: Callable[[str], bytes]) -> list[Step]:
    """The columns as they are, and what `name` makes of a field's name before each."""
    return [
        _plain(c.type, name, name(c.name), place, 0) for place, c in enumerate(columns)
    ]


def _plain(
    type: pa.DataType, name: Callable[[str], bytes], before: bytes, place: int, depth: int
) -> Step:
    if type in _PRIMITIVES or (pa.types.is_decimal128(type) and type.scale >= 0):
        return Step(type, before, place=place)
    held: list[tuple[bytes, pa.DataType]]
    if pa.types.is_struct(type) and len({f.name for f in type}) == type.num_fields:
        held = [(name(f.name), f.type) for f in type]
    elif pa.types.is_list(type):
        held = [(b"", type.value_type)]
    elif pa.types.is_map(type) and type.key_type == pa.string():
        held = [(b"", type.key_type), (b"", type.item_type)]
    else:
        raise NotCompiled(type)
    if depth > _MOST_NESTED:
        raise NotCompiled(type)
    inner = (_plain(t, name, lead, i, depth + 1) for i, (lead, t) in enumerate(held))
    return Step(type, before, inner=tuple(inner), place=place)


def row_writer(steps: Callable[[], Sequence[Step]], how: str, **more: Any) -> Any:
    """A `_write.Writer` of "json", "lines", "avro" or "protobuf"; None if it was not built, or a
    type is there that it does not write."""
    if _compiled is None:
        return None
    try:
        return _compiled(steps(), how, **more)
    except NotCompiled:
        return None
