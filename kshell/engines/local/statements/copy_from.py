"""COPY … FROM: writes the rows of a file or of standard input as records; `engine` dispatches here.

Block by block, so that memory stays flat.  Each bad row is said with its line.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import PurePath
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from kshell.catalog.copy_options import COPY_FROM, CopyOptions, read_copy_options
from kshell.catalog.model import FormatSpec, Kind, Source, TopicSettings
from kshell.config import Properties
from kshell.engines.local.sources.file import opened
from kshell.engines.local.statements import envelope
from kshell.engines.local.statements.copy_target import Encode, target_of
from kshell.engines.local.statements.outbox import Outbox, check_target, zero_times
from kshell.engines.local.statements.proposals import Step, planned
from kshell.engines.local.statements.topics import create_topic
from kshell.errors import BadRecord, BindError, KshellError, UnknownName
from kshell.formats.blocks import Block, Blocks
from kshell.formats.file_blocks import KINDS, open_blocks
from kshell.kafka.outgoing import Outgoing
from kshell.permits import check_files
from kshell.results import Message, Notice, NoticeKind, Progress, Proposal, Task
from kshell.sql.clauses import Name
from kshell.sql.producing import CopyFrom
from kshell.wording import many

if TYPE_CHECKING:
    from kshell.engines.local.context import Context

__all__ = ["copy_from", "explain_copy_from", "kind_of"]

_SHOWN = 100  # bad rows that are said one by one
_DEFAULT = -1  # the brokers' own number
_WAIT = 10.0  # seconds that the end may take where nothing is acknowledged, after Ctrl-C


def kind_of(path: str, options: CopyOptions) -> str:
    """The kind of a file, by the option FORMAT or its name's ending; raises BindError.

    >>> kind_of("a.ndjson", CopyOptions())
    'jsonl'
    """
    suffix = PurePath(path).suffix.lower().removeprefix(".")
    kind = options.format or {"ndjson": "jsonl", "json": "jsonl"}.get(suffix, suffix)
    if kind not in KINDS:
        raise BindError(
            f"{path}: its name does not say what it holds",
            hint=f".{', .'.join(KINDS)}, or WITH (FORMAT='…')",
        )
    if options.envelope == "true" and kind == "csv":
        raise BindError(
            "CSV cannot hold the headers of records", hint=".jsonl, .parquet and .avro can"
        )
    return kind


def copy_from(context: Context, statement: CopyFrom, properties: Properties) -> Task | Proposal:
    """The work, or first the plan to create a topic that is missing."""
    options = read_copy_options(statement.options, COPY_FROM)
    check_target(context, statement.name)
    path, stream = _stream(statement, properties)
    kind = kind_of(path, options) if statement.file else options.format or "jsonl"
    if statement.file is None and kind == "parquet":
        raise BindError("Parquet is not read from a stream", hint="COPY … FROM 'file.parquet'")
    source = context.catalog.find(statement.name.text, statement.name.quoted)
    if source is None:
        try:
            source = context.lookup(properties).sample(statement.name).source
        except UnknownName:
            return _created(context, statement.name, path, kind, stream, options, properties)
    return _Copy(context, source, path, kind, stream, options, properties).task()


def explain_copy_from(context: Context, statement: CopyFrom, properties: Properties) -> str:
    """A sentence that says what COPY would write to where; it reads no row."""
    options = read_copy_options(statement.options, COPY_FROM)
    check_target(context, statement.name)
    path = "standard input"
    kind = options.format or "jsonl"
    if statement.file is not None:
        path, stream = _stream(statement, properties)
        stream.close()
        kind = kind_of(path, options)
    source = context.catalog.find(statement.name.text, statement.name.quoted)
    topic = source.topic if source is not None else statement.name.text
    found = context.client.find(topic)
    if found is not None:
        target = f"{topic}, which has {many(len(found.partitions), 'partition')}"
    else:
        sizes = ((options.partitions, "partition"), (options.replicas, "replica"))
        given = " and ".join(many(count, what) for count, what in sizes if count)
        target = f"{topic}, which does not exist: it would be created"
        target += f" with {given}" if given else ""
    what = "records" if options.envelope == "true" else "rows"
    return f"Would write the {what} of {path} ({kind}) to topic {target}."


def _stream(statement: CopyFrom, properties: Properties) -> tuple[str, IO[bytes]]:
    if statement.file is not None:
        check_files(properties, "COPY … FROM 'file'")
        try:
            return statement.file.text, opened(statement.file.text)
        except BindError as error:
            raise error.with_place(statement.file.place or statement.place) from None
    if sys.stdin is None or sys.stdin.closed or sys.stdin.isatty():
        raise BindError(
            "standard input is the terminal", hint="kshell -e \"COPY … FROM STDIN\" < file",
            place=statement.place,
        )  # fmt: skip
    return "standard input", sys.stdin.buffer


def _undeclared(name: str) -> Source:
    """A topic that has no records yet."""
    none = FormatSpec("NONE")
    return Source(name, Kind.STREAM, name, (), (), none, none, declared=False)


def _created(
    context: Context, name: Name, path: str, kind: str, stream: IO[bytes], options: CopyOptions,
    properties: Properties,
) -> Proposal:  # fmt: skip
    """The plan to create the topic; the work follows."""
    partitions = options.partitions or _partitions_in(path, kind, stream, options) or _DEFAULT
    replicas = options.replicas or _DEFAULT
    settings = TopicSettings(partitions, replicas)

    def apply() -> Task:
        create_topic(context, name.text, settings, properties)
        source = _undeclared(name.text)
        return _Copy(context, source, path, kind, stream, options, properties).task()

    usual = "the brokers' default"
    steps: list[Step] = [
        ("topic", None, name.text),
        ("partitions", None, usual if partitions < 0 else str(partitions)),
        ("replicas", None, usual if replicas < 0 else str(replicas)),
    ]
    question = f"There is no topic {name.text}. Create it, and copy {path} into it?"
    return Proposal(question, planned(f"Create topic {name.text}", steps), apply)


def _partitions_in(path: str, kind: str, stream: IO[bytes], options: CopyOptions) -> int:
    """How many partitions the records of a dump need; 0 where that is not known."""
    if options.envelope != "true" or not stream.seekable():
        return 0
    import pyarrow.compute as pc

    most = -1
    blocks = Blocks(path, stream, (envelope.READ[0],), loose=False, needs=envelope.NEEDED)
    for block in open_blocks(kind, blocks):
        most = max(most, pc.max(block.rows.column(0)).as_py() or 0)
    stream.seek(0)
    return most + 1


class _Copy:
    """One COPY: its counts, and what it says at its end."""

    def __init__(
        self, context: Context, source: Source, path: str, kind: str, stream: IO[bytes],
        options: CopyOptions, properties: Properties,
    ) -> None:  # fmt: skip
        self._context, self._path, self._kind, self._stream = context, path, kind, stream
        self._outbox = Outbox(context, source.topic, properties)
        self._stops = (options.on_error or properties["kshell.copy.on.error"]) == "stop"
        self._target = target_of(source, kind, options, properties, self._outbox.partitions)
        target = self._target
        self._blocks = Blocks(path, stream, target.wanted, target.loose, target.needs)
        self._key = options.key
        self._differs = self._outbox.differs(options.partitions, options.replicas)
        self._began = time.monotonic()
        self._cancelled = threading.Event()
        self._sent = self._skipped = self._zero = self._keyless = 0
        self._through = 0  # the last line of which all before are sent or skipped
        self._bad: list[Notice] = []
        self._size = os.fstat(stream.fileno()).st_size if stream.seekable() else 0

    def task(self) -> Task:
        """The work to do."""
        return Task(self._work, self._cancel, self._progress)

    def _cancel(self) -> None:
        self._cancelled.set()
        self._outbox.producer.hurry(_WAIT)

    def _progress(self) -> Progress:
        seconds = time.monotonic() - self._began
        note = self._outbox.producer.note
        if not self._size:
            return Progress(self._sent, 0, seconds, self._blocks.read, note)
        return Progress(self._blocks.read, self._size, seconds, self._blocks.read, note, "bytes")

    def _work(self) -> Message:
        encode: Encode | None = None
        try:
            with self._stream:
                for block in open_blocks(self._kind, self._blocks):
                    if self._cancelled.is_set():
                        break
                    encode = encode or self._target.encoder(self._blocks.columns)
                    self._write(block, encode)
            self._outbox.flush()
        except KshellError as error:
            self._told(error)
            raise
        return self._message()

    def _write(self, block: Block, encode: Encode) -> None:
        """Send a block's good rows; where bad ones end it, those before the first."""
        made, wrong = encode(block)
        of_rows = ((int(block.lines[row]), why) for row, why in dict(wrong).items())
        bad = sorted([*block.bad, *of_rows])
        kept = np.ones(len(block.lines), np.bool_)
        kept[[row for row, _ in wrong]] = False
        if bad and self._stops:
            kept &= block.lines < bad[0][0]
        if not kept.all():
            made = made.filter(kept)
        lines = block.lines[kept]
        if large := self._send(made, lines):
            bad = sorted([*bad, *large])
            made = made.filter(~np.isin(lines, [line for line, _ in large]))
        if self._key:
            self._keyless += made.keys.null_count
        if made.timestamps is not None:
            self._zero += int(np.count_nonzero(np.asarray(made.timestamps.fill_null(1)) == 0))
        if bad and self._stops:
            line, why = bad[0]
            self._through = line - 1
            raise self._blocks.wrong(why, f"{self._blocks.what} {line}")
        self._skip(bad)
        last = [int(block.lines[-1])] if len(block.lines) else []
        self._through = max([self._through, *last, *(line for line, _ in bad[-1:])])

    def _send(self, made: Outgoing, lines: Any) -> list[tuple[int, str]]:
        """Send a block's records; gives those that are too large for the topic, by line.

        Where bad rows end it, none is sent after the first.
        """
        large: list[tuple[int, str]] = []
        start = 0
        for row in [*self._outbox.doubtful(made), len(made)]:
            if start < row:
                self._outbox.send(made.slice(start, row))
                self._sent += row - start
            if row == len(made):
                break
            if why := self._outbox.send_alone(made.slice(row, row + 1)):
                large.append((int(lines[row]), why))
                if self._stops:
                    break
            else:
                self._sent += 1
            start = row + 1
        return large

    def _skip(self, bad: list[tuple[int, str]]) -> None:
        self._skipped += len(bad)
        what = self._blocks.what
        for line, why in bad[: max(_SHOWN - len(self._bad), 0)]:
            text = f"{self._path}, {what} {line} is not written: {why}"
            self._bad.append(Notice(NoticeKind.PARTIAL, text, 1))
        self._context.errors.add(BadRecord(self._path, -1, line, why) for line, why in bad)

    def _told(self, error: KshellError) -> None:
        """Say in the error what was written before it."""
        first: KshellError | None = None
        try:
            self._outbox.producer.hurry(_WAIT)
            self._outbox.flush()
        except KshellError as failed:
            first = failed
        written = self._outbox.producer.acknowledged
        what = f"{many(written, 'record')} written before"
        if first is not None and self._sent > written:
            what += f", {many(self._sent - written, 'record')} sent and not acknowledged"
        elif self._through:
            what += f" ({self._blocks.what}s 1 to {self._through:,}), and none after"
        error.hint = "; ".join(filter(None, (what, error.hint)))

    def _message(self) -> Message:
        sent, what = many(self._sent, "record"), self._blocks.what
        text = f"{sent} written to {self._outbox.topic}.{self._outbox.remark}"
        if self._cancelled.is_set():
            text = (
                f"Stopped: {sent} written to {self._outbox.topic} ({what}s 1 to"
                f" {self._through:,} of {self._path}), and nothing of what follows."
            )
        return Message(text, tuple(self._notices()))

    def _notices(self) -> list[Notice]:
        told = [*self._differs, *self._bad]
        if (others := self._skipped - len(self._bad)) > 0:
            text = f"{many(others, 'more row')} not written: SHOW ERRORS has the last 1,000"
            told.append(Notice(NoticeKind.PARTIAL, text, others))
        if self._blocks.others and self._target.lacks:
            named = ", ".join(self._blocks.others[:10])
            more = ", …" if len(self._blocks.others) > 10 else ""
            text = f"not written, as {self._outbox.topic} has no such column: {named}{more}"
            told.append(Notice(NoticeKind.FIELDS, text))
        if self._blocks.cut:
            named = ", ".join(self._blocks.cut)
            text = f"times are written in milliseconds, digits below are cut: {named}"
            told.append(Notice(NoticeKind.CUT, text))
        if self._keyless:
            one = self._keyless == 1
            which = f"{'its' if one else 'their'} {self._key} is NULL or missing"
            text = f"{many(self._keyless, 'record')} {'has' if one else 'have'} no key: {which}"
            told.append(Notice(NoticeKind.FIELDS, text, self._keyless))
        told += zero_times(self._zero)
        return told
