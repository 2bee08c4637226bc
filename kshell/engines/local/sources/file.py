"""A local file's rows under a name in FROM: a TABLE that never changes.

`statements/declare` makes its source, which holds the rows; `lookup` makes both faces.  A row's
ROWTIME is when the file was written, its ROWOFFSET its number; it has no partition and no headers.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from typing import IO

import numpy as np
import pyarrow as pa

from kshell.batch.tables import TableColumn
from kshell.catalog.model import RESERVED, Column, FileRows, FormatSpec, Kind, Source, pseudo_type
from kshell.config import Properties
from kshell.engines.local.sources.arrow_table import ArrowTable
from kshell.engines.local.sources.given import GivenInput
from kshell.errors import BindError, StatementError
from kshell.field_names import escaped
from kshell.formats.file_rows import read_rows
from kshell.formats.source_reader import rowkey_column
from kshell.permits import check_files
from kshell.sql import plan
from kshell.sql.bind.declare import declared_columns
from kshell.sql.bind.file_tables import repeated
from kshell.sql.bind.scope import reserved_columns
from kshell.sql.statements import CreateFromFile

__all__ = ["FileTable", "content", "file_input", "file_source", "opened"]

_NO_KEY = "leave PRIMARY KEY out, or mend the file"
_KINDS = (
    (stat.S_ISDIR, "a folder"), (stat.S_ISFIFO, "a FIFO"), (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"), (stat.S_ISBLK, "a device"),
)  # fmt: skip


def file_source(statement: CreateFromFile, properties: Properties) -> Source:
    """The table that the statement declares, with all rows of its file; raises StatementError."""
    try:
        check_files(properties, "CREATE TABLE … FROM FILE")
        return _made(statement, properties)
    except StatementError as error:
        raise error.with_place(statement.file.place or statement.place) from None


def _made(statement: CreateFromFile, properties: Properties) -> Source:
    key, value, headers = declared_columns(statement, reserved_columns(properties))
    if headers:
        raise BindError("a file has no HEADERS", place=statement.name.place)
    path, most = statement.file.text, properties.number("kshell.file.max.bytes") or 0
    data, time = content(path, most)
    rows, cut = read_rows(path, data, (*key, *value), most)
    rows = rows.combine_chunks()
    if not key and not value:
        names = [escaped(n) if n in RESERVED else n for n in rows.schema.names]
        rows = rows.rename_columns(names)
        value = tuple(Column(f.name, f.type) for f in rows.schema)
    _check_key(path, rows, key)
    return Source(
        statement.name.folded(), Kind.TABLE, "", key, value,
        # What a query that reads it writes by default.
        FormatSpec("KAFKA"), FormatSpec("JSON"),
        sql=statement.text, cut=cut, file=FileRows(path, rows, time),
    )  # fmt: skip


def content(path: str, most: int) -> tuple[bytes, int]:
    """The bytes of a regular file, and when it was written."""
    with opened(path) as file:
        status = os.fstat(file.fileno())
        try:
            data = file.read(most + 1) if status.st_size <= most else b""
        except OSError as error:
            raise _unreadable(path, error) from None
    if max(status.st_size, len(data)) > most:
        raise BindError(
            f"{path} has {max(status.st_size, len(data)):,} bytes, and {most:,} are the most",
            hint="SET 'kshell.file.max.bytes' to more, or make a smaller file",
        )
    return data, max(status.st_mtime_ns // 1_000_000, 0)


def opened(path: str) -> IO[bytes]:
    """A regular local file to read; follows links, opens nothing else.  Raises BindError."""
    if "://" in path:
        raise BindError(
            f"{path} is a URL, and local files alone are read",
            hint="download it, and name the file",
        )
    try:
        local = os.path.expanduser(path)
        _check_regular(path, os.stat(local))
        flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        file = open(os.open(local, flags), "rb")  # noqa: SIM115
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from None
    try:
        _check_regular(path, os.fstat(file.fileno()))  # which may be another one by now
    except BindError:
        file.close()
        raise
    return file


def _unreadable(path: str, error: Exception) -> BindError:
    pattern = any(sign in path for sign in "*?[")
    return BindError(
        f"{path} cannot be read: {getattr(error, 'strerror', None) or error}",
        hint="one file is named, and no pattern"
        if pattern
        else f"relative paths begin at {os.getcwd()}",
    )


def _check_regular(path: str, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        kind = next((text for is_, text in _KINDS if is_(status.st_mode)), "something else")
        raise BindError(
            f"{path} is {kind}: regular files alone are read", hint="copy what it holds into one"
        )


def _check_key(path: str, rows: pa.Table, key: tuple[Column, ...]) -> None:
    """A declared key is there in every row, and each once."""
    for column in key:
        if (held := rows.column(column.name)).null_count:
            row = np.flatnonzero(np.asarray(held.is_null()))[0] + 1
            raise BindError(
                f"{path}, row {row}: the PRIMARY KEY {column.name} is NULL", hint=_NO_KEY
            )
    if key and (found := repeated(rows, [c.name for c in key])) is not None:
        text, first, second = found
        names = ", ".join(c.name for c in key)
        raise BindError(
            f"{path}: the PRIMARY KEY {names} is not unique: rows {first + 1} and {second + 1} "
            f"have {text}",
            hint=_NO_KEY,
        )


class FileTable(ArrowTable):
    """To scan: the rows."""

    def __init__(self, source: Source, file: FileRows) -> None:
        self._file = file
        self._source = source
        pseudo = source.pseudo_columns()
        columns = (
            *(TableColumn(c.name, c.type) for c in source.columns()),
            *(TableColumn(n, t, hidden=True) for n, t in pseudo.items()),
        )
        why = f"read from {file.path}"
        super().__init__(
            source.name, columns, file.rows.num_rows, self._made, why, declared=True
        )

    def _made(self, name: str) -> pa.Array | pa.ChunkedArray:
        rows = self._file.rows
        if name in rows.schema.names:
            return rows.column(name)
        if name == "ROWTIME":
            return _times(self._file)
        if name == "ROWOFFSET":
            return pa.array(np.arange(rows.num_rows, dtype=np.int64))
        if name == "ROWKEY" and self._source.key:
            parts = [_whole(rows.column(c.name)) for c in self._source.key]
            return rowkey_column(self._source, parts)
        return pa.nulls(rows.num_rows, pseudo_type(name, self._source.key))


def _times(file: FileRows) -> pa.Array:
    return pa.repeat(pa.scalar(file.time, pa.int64()), file.rows.num_rows)


def _whole(column: pa.ChunkedArray) -> pa.Array:
    made = column.combine_chunks()
    return made if isinstance(made, pa.Array) else pa.concat_arrays(made.chunks)


def file_input(name: str, file: FileRows, scans: Mapping[int, plan.Scan]) -> GivenInput:
    """To follow: the rows before all else, and then it has ended."""
    rows = file.rows.append_column("ROWTIME", _times(file))
    return GivenInput(name, rows, scans, constant=True)
