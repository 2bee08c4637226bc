"""What a name means among fields, and names that DuckDB tells apart as kshell does.

A field is called by its exact name or, without quotes, by the only one that matches without case.
DuckDB folds case, has no empty names and ends a name at a NUL: `escaped` writes a name so that it
gets through, and `plain` reads it.  `bind`, `batch`, `stream` and the formats use them.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa

__all__ = ["DECLARED", "FORGIVING", "Turns", "alike", "clashing", "escaped", "escaped_type",
           "meant", "plain", "plain_column", "plain_sql", "plain_type", "relabelled",
           "same_to_duckdb"]  # fmt: skip

_MARK = "\U000f5e1f"  # of a private plane; doubled as _OWN where a name has it
_NUL, _OWN, _END, _PSEUDO = "0", "1", "2", "3"
_READ: Mapping[str, str] = {_NUL: "\0", _OWN: _MARK, _END: "", _PSEUDO: ""}
_ESCAPE = re.compile(f"{_MARK}(.)", re.DOTALL)


def alike(name: str) -> str:
    """What names that match without case have in common.

    >>> alike("ID") == alike("id"), alike("ß") == alike("ss")
    (True, False)
    """
    return name.lower()


def escaped(name: str, *, hidden: bool = False) -> str:
    """The name with a mark before each capital and one at its end: another for a pseudo column's.

    >>> plain(escaped("Id")), escaped("Id").lower() == escaped("iD").lower()
    ('Id', False)
    """
    marked = (_MARK + (_NUL if c == "\0" else _OWN if c == _MARK else c)
              if c in ("\0", _MARK) or "A" <= c <= "Z" else c for c in name)  # fmt: skip
    return "".join(marked) + _MARK + (_PSEUDO if hidden else _END)


def plain(name: str) -> str:
    """The name that was escaped; any other name as it is."""
    if _MARK not in name:
        return name
    return _ESCAPE.sub(lambda m: _READ.get(m[1], m[1]), name)


def same_to_duckdb(one: str, other: str) -> bool:
    """Whether DuckDB takes them for one name: it folds ASCII alone.

    >>> same_to_duckdb("id", "ID"), same_to_duckdb("ä", "Ä")
    (True, False)
    """
    return one == other or one.translate(_ASCII) == other.translate(_ASCII)


_ASCII = {ord(c): c.lower() for c in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}


def plain_sql(text: str) -> str:
    """DuckDB SQL that makes escaped names in a text plain."""
    made = f"regexp_replace({text}, '{_MARK}([A-Z])', '\\1', 'g')"
    for sign, read in ((_END, "''"), (_PSEUDO, "''"), (_NUL, "chr(0)"), (_OWN, f"'{_MARK}'")):
        made = f"replace({made}, '{_MARK}{sign}', {read})"
    return made


def clashing(names: Iterable[str]) -> frozenset[str]:
    """What those of the names have in common that DuckDB would take for one, or for none.

    >>> sorted(clashing(["id", "ID", "x", ""]))
    ['', 'id']
    """
    together: dict[str, set[str]] = defaultdict(set)
    for name in names:
        together[alike(name)].add(name)
    return frozenset(
        folded
        for folded, found in together.items()
        if len(found) > 1 or not folded or _MARK in folded or "\0" in folded
    )


# Which of several names a bare one means: each in its turn, and then the only one without case.
Turns = tuple[Callable[[str], str], ...]
FORGIVING: Turns = (str,)
DECLARED: Turns = (str.upper, str)  # as KSQL folds


def meant(
    name: str,
    names: Iterable[str],
    *,
    quoted: bool = False,
    turns: Turns = FORGIVING,
) -> list[str]:
    """The names that a name may mean: one where it is clear, none where there is none.

    >>> meant("id", ["ID", "id"]), meant("Id", ["ID", "id"]), meant("x", ["X"]), meant("x", ["Y"])
    (['id'], ['ID', 'id'], ['X'], [])
    >>> meant("x", ["X"], quoted=True), meant("x", ["x", "X"], turns=DECLARED)
    ([], ['X'])
    """
    found = list(dict.fromkeys(names))
    if quoted:
        return [name] if name in found else []
    for turn in turns:
        if turn(name) in found:
            return [turn(name)]
    return [n for n in found if alike(n) == alike(name)]


# Types with names in them


def escaped_type(type: pa.DataType) -> pa.DataType:
    """The type with names that DuckDB tells apart, in the same order.

    >>> made = escaped_type(pa.struct([("A", pa.int32()), ("a", pa.int64()), ("b", pa.int64())]))
    >>> made.names[0] == escaped("A"), made.names[2]
    (True, 'b')
    """
    if pa.types.is_struct(type):
        folded = clashing(type.names)
        return _renamed(type, lambda n: escaped(n) if alike(n) in folded else n, escaped_type)
    return _renamed(type, str, escaped_type)


def plain_type(type: pa.DataType) -> pa.DataType:
    """The type with the names that were escaped."""
    return _renamed(type, plain, plain_type)


def _renamed(
    type: pa.DataType, name: Callable[[str], str], inside: Callable[[pa.DataType], pa.DataType]
) -> pa.DataType:
    is_ = pa.types
    if is_.is_struct(type):
        fields = [f.with_name(name(f.name)).with_type(inside(f.type)) for f in type]
        return type if fields == list(type) else pa.struct(fields)
    if is_.is_map(type):
        key, item = inside(type.key_type), inside(type.item_type)
        return type if (key, item) == (type.key_type, type.item_type) else pa.map_(key, item)
    if is_.is_dictionary(type):
        return pa.dictionary(type.index_type, inside(type.value_type), type.ordered)
    makers = [maker for kind, maker in _LISTS if kind(type)]
    if not makers or (held := inside(type.value_type)) == type.value_type:
        return type
    return makers[0](type, type.value_field.with_type(held))


_LISTS: Sequence[tuple[Callable[[pa.DataType], bool], Callable[[Any, pa.Field], pa.DataType]]] = (
    (pa.types.is_list, lambda _, held: pa.list_(held)),
    (pa.types.is_large_list, lambda _, held: pa.large_list(held)),
    (pa.types.is_fixed_size_list, lambda type, held: pa.list_(held, type.list_size)),
    (pa.types.is_list_view, lambda _, held: pa.list_view(held)),
    (pa.types.is_large_list_view, lambda _, held: pa.large_list_view(held)),
)


class _Relabelled:
    """An array that gives Arrow another type with the same layout."""

    def __init__(self, array: pa.Array, type: pa.DataType) -> None:
        self._array, self._type = array, type

    def __arrow_c_array__(self, requested_schema: object = None) -> tuple[object, object]:
        return self._type.__arrow_c_schema__(), self._array.__arrow_c_array__()[1]


def relabelled(array: pa.Array, type: pa.DataType) -> pa.Array:
    """The array with this type, which differs only in names.

    >>> relabelled(pa.array([{"x": 1}]), pa.struct([("y", pa.int64())])).to_pylist()
    [{'y': 1}]
    """
    if array.type == type:
        return array
    if "\0" in str(type):  # which would end the name on its way
        return pa.array([_named(cell, array.type, type) for cell in array.to_pylist()], type)
    return pa.array(_Relabelled(array, type))


def _named(cell: Any, old: pa.DataType, new: pa.DataType) -> Any:
    if cell is None:
        return None
    if pa.types.is_struct(old):
        pairs = zip(old, new, strict=True)
        return {n.name: _named(cell[o.name], o.type, n.type) for o, n in pairs}
    if pa.types.is_map(old):
        return [(_named(k, old.key_type, new.key_type), _named(v, old.item_type, new.item_type))
                for k, v in cell]  # fmt: skip
    if isinstance(cell, list):
        return [_named(item, old.value_type, new.value_type) for item in cell]
    return cell


def plain_column(array: pa.Array) -> pa.Array:
    """The column of an answer with plain names: in its type, and in texts that show them."""
    if pa.types.is_string(array.type) and _MARK in "".join(filter(None, array.to_pylist())):
        return pa.array([c if c is None else plain(c) for c in array.to_pylist()], array.type)
    return relabelled(array, plain_type(array.type))
