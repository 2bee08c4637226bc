"""COPY … TO: writes an answer, or a topic's records as they are, to a file or standard output.

`engine` dispatches here.  A file has its name when it is whole, and is replaced only where that was
agreed to.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, cast

import pyarrow as pa

from kshell.catalog.copy_options import COPY_TO, CopyOptions, read_copy_options
from kshell.config import Properties
from kshell.engines.local.statements.copy_from import kind_of
from kshell.engines.local.statements.envelope import WRITTEN, Dump
from kshell.engines.local.statements.proposals import Step, planned
from kshell.engines.local.statements.select import select
from kshell.errors import BindError, KshellError
from kshell.formats.file_writers import WRITERS
from kshell.kafka.metadata import Snapshot
from kshell.permits import check_files
from kshell.results import Answer, Message, Proposal, Rows, Task, unique
from kshell.sql.clauses import Name, Query
from kshell.sql.producing import CopyTo
from kshell.sql.statements import Select
from kshell.whole_file import WholeFile
from kshell.wording import many

if TYPE_CHECKING:
    from kshell.engines.local.context import Context

__all__ = ["copy_to", "explain_copy_to"]


def copy_to(
    context: Context, statement: CopyTo, properties: Properties
) -> Answer | Task | Proposal:
    """Rows for standard output, else the work, or first the question whether a file is replaced."""
    options = read_copy_options(statement.options, COPY_TO)
    path, kind = _where(statement, options, properties)
    if not path:
        rows = _rows(context, statement, options, properties)
        rows.format, rows.elides = kind, False
        return rows

    def task() -> Task:
        return _task(_rows(context, statement, options, properties), path, kind)

    if not os.path.exists(path):
        return task()
    size = f"{os.stat(path).st_size:,} bytes"
    steps: list[Step] = [(path, size, "replaced")]
    return Proposal(f"{path} exists. Overwrite it?", planned("Write a file", steps), task)


def explain_copy_to(
    context: Context, statement: CopyTo, properties: Properties
) -> tuple[Query | None, str]:
    """The query whose rows COPY would write, and a sentence that says where; None: a topic's
    records as they are."""
    options = read_copy_options(statement.options, COPY_TO)
    path, kind = _where(statement, options, properties)
    there = ", which exists" if path and os.path.exists(path) else ""
    to = f"would be written to {path or 'standard output'} ({kind}){there}."
    if options.envelope != "true":
        return _query(statement), f"Its rows {to}"
    snapshot = _snapshot(context, statement.name, properties)
    count = sum(end - first for first, end in snapshot.offsets.values())
    return None, f"The records of the {many(count, 'offset')} of {snapshot.name} {to}"


def _where(
    statement: CopyTo, options: CopyOptions, properties: Properties
) -> tuple[str, str]:
    """The file to write, none for standard output, and its kind; BindError where it cannot be."""
    if statement.file is None:
        if options.format == "avro":
            raise BindError("Avro goes to a file", hint="COPY … TO 'file.avro'")
        return "", options.format or "jsonl"
    check_files(properties, "COPY … TO 'file'")
    path = os.path.expanduser(statement.file.text)
    kind = kind_of(path, options)
    _check_place(statement.file, path)
    return path, kind


def _query(statement: CopyTo) -> Query:
    """The query whose rows are written."""
    if statement.query is not None:
        return statement.query
    from kshell.sql.parse import parse

    assert statement.name is not None
    (made,) = parse(f"SELECT * FROM {_quoted(statement.name)}")
    return cast(Select, made).query


def _rows(
    context: Context, statement: CopyTo, options: CopyOptions, properties: Properties
) -> Rows:
    if options.envelope == "true":
        dump = Dump(context.client, _snapshot(context, statement.name, properties))
        return Rows(
            WRITTEN, iter(dump), cancel=dump.cancel, progress=dump.progress, notices=dump.notices
        )
    try:
        query = Select(query=_query(statement))
        return cast(Rows, select(context, query, properties))
    except KshellError as error:
        if statement.name is not None:
            error.place = statement.name.place  # its own is in the query that was made
        raise


def _quoted(name: Name) -> str:
    """The name as FROM takes it; dots and dashes need no quotes there."""
    return '"' + name.text.replace('"', '""') + '"' if name.quoted else name.text


def _snapshot(context: Context, name: Name | None, properties: Properties) -> Snapshot:
    """The topic whose records are written as they are."""
    if name is None:
        raise BindError("ENVELOPE is of a topic's records, not of a query's rows")
    lookup = context.lookup(properties)
    declared = context.catalog.find(name.text, name.quoted)
    if declared is not None and (declared.file is not None or not declared.topic):
        raise BindError(f"{name.text} has no records", place=name.place)
    topic = declared.topic if declared is not None else lookup.topic(name).name
    return lookup.snapshot(topic).check_whole()


def _check_place(file: Name, path: str) -> None:
    """Raise BindError where no regular file can be written."""
    if os.path.exists(path) and not os.path.isfile(path):
        raise BindError(f"{file.text} is no regular file", place=file.place)
    if "://" in file.text or not os.path.isdir(os.path.dirname(os.path.realpath(path))):
        raise BindError(
            f"{file.text}: there is no such folder",
            hint=f"relative paths begin at {os.getcwd()}", place=file.place,
        )  # fmt: skip


def _task(rows: Rows, path: str, kind: str) -> Task:
    stopped = threading.Event()

    def cancel() -> None:
        stopped.set()
        rows.cancel()

    def work() -> Message:
        try:
            count = _written(rows, path, kind, stopped.is_set)
        except OSError as error:
            raise BindError(f"{path} cannot be written: {error.strerror}") from None
        except Exception:
            if not stopped.is_set():
                raise
            count = None
        if count is None:
            return Message(f"Stopped: {path} is not written.")
        return Message(f"{many(count, 'row')} written to {path}.", tuple(rows.notices()))

    return Task(work, cancel, rows.progress)


def _written(rows: Rows, path: str, kind: str, stopped: Callable[[], bool]) -> int | None:
    """How many rows were written; None if it was stopped, and then there is no file."""
    whole = WholeFile(path)
    try:
        batches = rows.batches
        first = next(batches, None)  # which settles the schema
        schema = pa.schema(
            [f.with_name(n) for f, n in zip(rows.schema, unique(rows.schema.names), strict=True)]
        )
        writer = WRITERS[kind](whole.file.buffer, schema)  # type: ignore[attr-defined]
        count = 0
        for batch in _all(first, batches):
            if stopped():
                break
            writer.write(pa.RecordBatch.from_arrays(batch.columns, schema=schema))
            count += batch.num_rows
        if stopped():
            whole.drop()
            return None
        writer.close()
        whole.done()
    except BaseException:
        with contextlib.suppress(OSError):
            whole.drop()
        raise
    return count


def _all(first: pa.RecordBatch | None, rest: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    if first is not None:
        yield first
        yield from rest
