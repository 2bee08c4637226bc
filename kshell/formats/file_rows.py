"""The bytes of a data file as an Arrow table in KSQL's types: CSV, JSON, Parquet and Avro.

`sources/file` reads the file and calls `read_rows`.  Without declared columns they are the file's
own; declared ones are found by their names, and each value must be of the type, or the file is
refused with its line or row.
"""

from __future__ import annotations

import contextlib
import io
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from csv import reader
from pathlib import PurePath

import pyarrow as pa

from kshell.catalog.model import Column
from kshell.errors import BindError, KshellError
from kshell.field_names import relabelled
from kshell.formats.data_file import DataFile
from kshell.formats.json_file import json_lines, json_values
from kshell.types import ksql_name, ksql_type, parts

__all__ = ["READERS", "read_rows"]

_ROWS = 1 << 14  # rows of Parquet and Avro that are decoded at a time
_EXACT = 2**53  # the whole numbers that a double holds
_CSV_LINE = re.compile(r"Row #(\d+): ?")


def read_rows(
    path: str, data: bytes, columns: Sequence[Column], most: int
) -> tuple[pa.Table, tuple[str, ...]]:
    """The rows of a file, in KSQL's types, and the columns whose times lost digits.

    `path` says by its ending what the file is.  Raises BindError with the path, and the line or the
    row where one is known.
    """
    given = DataFile(path, data, columns, most)
    reader = READERS.get(PurePath(path).suffix.lower())
    if reader is None:
        raise BindError(
            f"{path}: its name does not say what it holds", hint=f"one of {', '.join(READERS)}"
        )
    try:
        found = reader(given)
    except KshellError:
        raise
    except Exception as error:  # libraries raise all kinds at damaged bytes
        raise given.wrong(f"it cannot be read: {_first_line(error)}") from None
    twice = [name for name, times in Counter(found.schema.names).items() if times > 1]
    if twice:
        raise given.wrong(f"two columns are named {twice[0]}")
    rows, cut = (_as_declared(given, found), ()) if columns else _as_found(given, found)
    given.fits(rows.nbytes)
    return rows, cut


def _first_line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]


# Types


def _as_found(given: DataFile, found: pa.Table) -> tuple[pa.Table, tuple[str, ...]]:
    """The columns in the KSQL types that hold them, and those whose times are cut to
    milliseconds."""
    made, cut = [], []
    for field, column in zip(found.schema, found.columns, strict=True):
        if pa.types.is_duration(field.type) or pa.types.is_interval(field.type):
            raise given.wrong(f"column {field.name}: KSQL has no type for {field.type}")
        type = ksql_type(field.type)
        try:
            made.append(column.cast(type))
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            if _timed(type):
                cut.append(field.name)
            made.append(_cast(given, field.name, column, type, safe=not _timed(type)))
    return pa.table(made, names=found.schema.names), tuple(cut)


def _timed(type: pa.DataType) -> bool:
    """Whether casting to the type may cut a time."""
    return bool(pa.types.is_temporal(type) or any(map(_timed, parts(type))))


def _as_declared(given: DataFile, found: pa.Table) -> pa.Table:
    """The declared columns; each value is one of the declared type."""
    made = []
    for column in given.columns:
        name = given.meant(column.name, found.schema.names)
        held = found.column(name)
        named = _renamed(given, held.type, column.type, column.name)
        chunks = [relabelled(chunk, named) for chunk in held.chunks]
        made.append(
            _cast(given, column.name, pa.chunked_array(chunks, named), column.type, safe=True)
        )
    return pa.table(made, names=[c.name for c in given.columns])


def _renamed(
    given: DataFile, found: pa.DataType, wanted: pa.DataType, place: str
) -> pa.DataType:
    """The file's type with the declared names of fields, at every depth."""
    is_ = pa.types
    if is_.is_struct(found) and is_.is_struct(wanted):
        names = {given.meant(f.name, found.names): f for f in wanted}
        return pa.struct([
            (names[f.name].name, _renamed(given, f.type, names[f.name].type, place))
            if f.name in names else (f.name, f.type)
            for f in found
        ])  # fmt: skip
    if is_.is_map(found) and is_.is_map(wanted):
        return pa.map_(found.key_type, _renamed(given, found.item_type, wanted.item_type, place))
    if is_.is_list(found) and is_.is_list(wanted):
        inner = _renamed(given, found.value_type, wanted.value_type, place)
        return pa.list_(found.value_field.with_type(inner))
    return found


def _cast(
    given: DataFile, name: str, column: pa.ChunkedArray, type: pa.DataType, *, safe: bool
) -> pa.ChunkedArray:
    try:
        return column.cast(type, safe=safe)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        row, why = _first_bad(column, type, safe), _first_line(error)
        at = "" if isinstance(error, pa.ArrowNotImplementedError) else f"row {row + 1}"
        raise given.wrong(
            f"column {name} is no {ksql_name(type)}: {why}", at=at,
            hint="declare another type, or mend the file",
        ) from None  # fmt: skip


def _first_bad(column: pa.ChunkedArray, type: pa.DataType, safe: bool) -> int:
    """The number of the first value that cannot be cast, found by halving."""
    first, count = 0, len(column)
    while count > 1:
        half = count // 2
        try:
            column.slice(first, half).cast(type, safe=safe)
        except pa.ArrowException:
            count = half
        else:
            first, count = first + half, count - half
    return first


# CSV


def _csv(given: DataFile) -> pa.Table:
    """Comma-separated, with a line of names.  An empty cell is NULL, "" is an empty text."""
    from pyarrow import csv

    parse = csv.ParseOptions(newlines_in_values=True)
    read = csv.ReadOptions(use_threads=False)  # which alone counts lines in errors
    text = io.TextIOWrapper(io.BytesIO(given.data), "utf-8-sig", "replace", newline="")
    names = next(reader(text), [])
    wanted = given.columns if names else ()
    types = {given.meant(c.name, names): _csv_type(given, c) for c in wanted}

    def rows(types: Mapping[str, pa.DataType]) -> pa.Table:
        convert = csv.ConvertOptions(
            column_types=types, include_columns=list(types if wanted else ()), null_values=[""],
            strings_can_be_null=True, quoted_strings_can_be_null=False,
        )  # fmt: skip
        return csv.read_csv(pa.BufferReader(given.data), read, parse, convert)

    try:
        found = rows(types)
    except pa.ArrowInvalid as error:
        raise _csv_error(given, _first_line(error), names) from None
    undeclared = zip(found.schema.names, found.columns, strict=True) if not wanted else ()
    for name, column in undeclared:
        if _is_beyond_doubles(column):
            whole = {**types, name: pa.decimal128(38, 0)}
            with contextlib.suppress(pa.ArrowInvalid):  # it has fractions
                found, types = rows(whole), whole
    for field in found.schema:
        if field.name not in types and pa.types.is_binary(field.type):
            raise given.wrong(f"column {field.name} is not UTF-8")
    return found


def _is_beyond_doubles(column: pa.ChunkedArray) -> bool:
    """Whether doubles may have lost digits of whole numbers."""
    import pyarrow.compute as pc

    if not pa.types.is_floating(column.type):
        return False
    most = pc.max(pc.abs(column)).as_py()
    return most is not None and most >= _EXACT


def _csv_type(given: DataFile, column: Column) -> pa.DataType:
    if pa.types.is_nested(column.type):
        raise given.wrong(f"column {column.name}: CSV has no {ksql_name(column.type)}")
    return column.type


def _csv_error(given: DataFile, text: str, names: Sequence[str]) -> BindError:
    """The error with its line, if each row is one line, and the column's name."""
    line = _CSV_LINE.search(text)
    at = ""
    if line is not None:
        each_is_a_line = b'"' not in given.data
        at = f"{'line' if each_is_a_line else 'row'} {line[1]}"
        text = _CSV_LINE.sub("", text)
    column = re.match(r"In CSV column #(\d+): ", text)
    if column is not None and int(column[1]) < len(names):
        text = f"column {names[int(column[1])]}: {text[column.end():]}"
    return given.wrong(text.removeprefix("CSV parse error: "), at=at)


# Parquet and Avro


def _together(given: DataFile, batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> pa.Table:
    """The batches as a table; raises as soon as they are too many."""
    held, size = [], 0
    for batch in batches:
        size += batch.nbytes
        given.fits(size)
        held.append(batch)
    return pa.Table.from_batches(held, schema)


def _parquet(given: DataFile) -> pa.Table:
    from pyarrow import parquet

    file = parquet.ParquetFile(pa.BufferReader(given.data))
    names = file.schema_arrow.names
    wanted = [given.meant(c.name, names) for c in given.columns] or None
    schema = file.schema_arrow
    if wanted is not None:
        schema = pa.schema([schema.field(name) for name in dict.fromkeys(wanted)])
    batches = file.iter_batches(_ROWS, columns=wanted, use_threads=False)
    return _together(given, (b.select(schema.names) for b in batches), schema)


def _avro(given: DataFile) -> pa.Table:
    from kshell.formats.avro_file import read_avro

    schema, batches = read_avro(io.BytesIO(given.data), lambda what, at: given.wrong(what, at=at))
    return _together(given, batches, schema)


READERS: Mapping[str, Callable[[DataFile], pa.Table]] = {
    ".csv": _csv,
    ".json": json_values,
    ".jsonl": json_lines,
    ".ndjson": json_lines,
    ".parquet": _parquet,
    ".avro": _avro,
}
