"""A file of JSON objects as a table: an array, a line for each, or one after the other.

`file_rows` calls it.  Values are read as those of a topic are: declared columns as ksqlDB reads
them, others in the narrowest types that hold all objects.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa

from kshell.catalog.model import Column, FormatSpec
from kshell.errors import BindError
from kshell.formats.data_file import DataFile

__all__ = ["json_lines", "json_values"]

_SAMPLES = 1000  # objects that suggest types; all others are looked at, too


@dataclass(frozen=True, slots=True)
class _Values:
    """The texts of a file's values, and the line in which each begins."""

    texts: pa.Array
    lines: Sequence[int]


def json_lines(given: DataFile) -> pa.Table:
    """An object on each line; empty lines are passed over."""
    lines = given.data.removeprefix(codecs.BOM_UTF8).split(b"\n")
    found = [(n, line) for n, line in enumerate(lines, 1) if line.strip()]
    texts = pa.array([line for _, line in found], pa.binary())
    return _objects(given, _Values(texts, [n for n, _ in found]))


def json_values(given: DataFile) -> pa.Table:
    """An array of objects, or objects one after the other."""
    text = given.data.decode("utf-8-sig")
    texts, lines, line, counted = [], [], 1, 0
    for start, end in _values(given, text):
        line, counted = line + text.count("\n", counted, start), start
        texts.append(text[start:end].encode())
        lines.append(line)
    return _objects(given, _Values(pa.array(texts, pa.binary()), lines))


_SPACE = re.compile(r"[ \t\r\n]*")


def _values(given: DataFile, text: str) -> Iterator[tuple[int, int]]:
    """Where each value begins and ends."""
    decoder = json.JSONDecoder()

    def after(at: int) -> int:
        found = _SPACE.match(text, at)
        return at if found is None else found.end()

    def wrong(at: int, what: str) -> BindError:
        return given.wrong(what, at=f"line {text.count(chr(10), 0, at) + 1}")

    at = after(0)
    listed = text.startswith("[", at)
    at = after(at + 1) if listed else at
    while at < len(text) and not (listed and text[at] == "]"):
        try:
            _, end = decoder.raw_decode(text, at)
        except json.JSONDecodeError as error:
            raise given.wrong(f"no JSON: {error.msg}", at=f"line {error.lineno}") from None
        yield at, end
        at = after(end)
        if listed and at < len(text) and text[at] != "]":
            if text[at] != ",":
                raise wrong(at, "a comma is missing between two objects")
            at = after(at + 1)
    if listed:
        if at >= len(text):
            raise wrong(at, "the array has no end")
        if after(at + 1) < len(text):
            raise wrong(after(at + 1), "there is more after the array")


def _objects(given: DataFile, values: _Values) -> pa.Table:
    """The objects' fields as columns, read as a topic's values are."""
    from kshell.formats.base import Half, Place
    from kshell.formats.open import open_codec

    place = Place(given.path, Half.VALUE, FormatSpec("JSON"), tuple(given.columns))
    if given.columns:
        _check_fields(given, values)
    else:
        columns, suggested = _suggested(given, values)
        place = replace(place, columns=columns, loose=False, suggested=suggested)
    names = [c.name for c in place.columns]
    decoded = open_codec(place).decode(values.texts, names)
    _raise_first(given, values, decoded.bad)
    return pa.table(decoded.columns, names=names)


def _raise_first(given: DataFile, values: _Values, bad: Sequence[tuple[int, str]]) -> None:
    for row, why in sorted(bad):
        raise given.wrong(why, at=f"line {values.lines[row]}")


def _check_fields(given: DataFile, values: _Values) -> None:
    """A declared column that the first objects do not have must be in the file somewhere."""
    from kshell.formats.shapes import shape_of

    shape, _ = shape_of(values.texts.slice(0, _SAMPLES).to_pylist())
    folded = {name.upper() for name in shape.fields}
    lower = b""
    for column in given.columns:
        if column.name.upper() in folded or not len(values.texts):
            continue
        lower = lower or given.data.lower()
        if json.dumps(column.name, ensure_ascii=False).lower().encode() not in lower:
            given.meant(column.name, list(shape.fields))


def _suggested(
    given: DataFile, values: _Values
) -> tuple[tuple[Column, ...], Mapping[str, pa.DataType]]:
    """The columns of all objects: the first suggest types, and what does not fit widens them."""
    from kshell.formats.found import FoundJson
    from kshell.formats.shapes import plain, shape_of

    shape, _ = shape_of(values.texts.slice(0, _SAMPLES).to_pylist())
    suggested: dict[str, pa.DataType] | None = None
    while True:
        before, suggested = suggested, {n: s.type() for n, s in shape.fields.items()}
        reader = FoundJson(suggested, min(len(values.texts), _SAMPLES))
        found = reader.read(values.texts, list(suggested), outer=True)
        misfits = set(found.misfits)
        _raise_first(given, values, [b for b in found.bad if b[0] not in misfits])
        odd = sorted({*found.misfits, *found.others})
        if not odd or before == suggested:
            break
        shape.merge(reader.shape(values.texts, odd, None))
    if not suggested:
        raise given.wrong("it has no objects with fields", hint="declare the columns")
    return tuple(Column(n, plain(t)) for n, t in suggested.items()), suggested
