"""Runs one case, from its statements to its outcome.

`command` calls `run_case`, in several processes.  If a bug in kshell stops a case, the outcome is
an error, not a failure.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import zip_longest
from typing import Any

import pyarrow as pa

from kshell.cases.compare import difference
from kshell.cases.drive import drive
from kshell.cases.formats.plain import PLAIN, add_window, as_typed, from_node, split_window, to_node
from kshell.cases.log import Stored
from kshell.cases.model import Case, Outcome, Record, Status
from kshell.cases.rejection import explain_rejection, is_expected
from kshell.cases.sources import missing_source
from kshell.cases.statements import run_script
from kshell.cases.world import World
from kshell.catalog.model import FormatSpec, Source
from kshell.errors import KshellError, Unsupported
from kshell.formats.base import Half
from kshell.formats.source_reader import unwraps
from kshell.stream.graph import build

__all__ = ["run_case"]


def run_case(case: Case) -> Outcome:
    """Runs a case; raises only errors that end the program."""
    try:
        status, reason = _judge(case)
    except Exception as error:  # a bug in kshell is the outcome of this case only
        status, reason = Status.ERROR, f"internal error: {type(error).__name__}: {error}"
    return Outcome(case.file, case.name, case.format, status, reason)


def _judge(case: Case) -> tuple[Status, str]:
    world = World(dict(case.properties), {t.name: t for t in case.topics})
    try:
        run_script(world, "\n".join(case.statements))
        # Some refusals come with the first record: an invalid timestamp, an overflow.
        if case.rejection is None or case.inputs:
            wrong = _run_records(case, world)
    except KshellError as error:
        return _judge_refusal(case, error)
    if case.rejection is not None:
        expected = case.rejection.message or case.rejection.type
        return Status.FAIL, f"expected: {expected}; kshell: took it"
    return (Status.FAIL, wrong) if wrong else (Status.PASS, "")


def _judge_refusal(case: Case, error: KshellError) -> tuple[Status, str]:
    if case.rejection is not None:
        reason = explain_rejection(error, case.rejection)
        return (Status.PASS if is_expected(error, case.rejection) else Status.FAIL), reason
    status = Status.ERROR if isinstance(error, Unsupported) else Status.FAIL
    return status, f"{type(error).__name__}: {error.what}"


def _run_records(case: Case, world: World) -> str:
    """Runs the case's records through its queries; returns the first difference."""
    given = []
    for record in case.inputs:
        stored = _stored(world, record, _reader_of(world, record.topic))
        given.append((record.topic, world.log.append(record.topic, stored)))
    written = {topic: len(world.log.read(topic)) for topic in world.log.topics}
    for sink in world.queries.values():
        graph = build(sink)
        drive(sink, graph, world.codec, world.log, given)
    came: list[Record] = []
    wanted: list[Record] = []
    expected = case.outputs or ()
    topics = [record.topic for record in expected]
    if case.outputs is not None and not expected:  # no query may write a record
        topics = [sink.target.topic for sink in world.queries.values()]
    for topic in dict.fromkeys(topics):
        source = _writer_of(world, topic)
        new = world.log.read(topic, written.get(topic, 0))
        came += [_record(world, topic, stored, source) for stored in new]
        outputs = [r for r in expected if r.topic == topic]
        wanted += [
            _expected(world, record, stored, source)
            for record, stored in zip_longest(outputs, new[: len(outputs)])
        ]
    return difference(came, wanted) or missing_source(
        world.catalog, case.sources, world.catalog.types
    )


def _reader_of(world: World, topic: str) -> Source | None:
    """The first source over the topic: the case's records are written in its formats."""
    return next((s for s in world.catalog.sources.values() if s.topic == topic), None)


def _writer_of(world: World, topic: str) -> Source | None:
    """The source whose formats the written records have."""
    targets = (q.target for q in world.queries.values() if q.target.topic == topic)
    return next(targets, None) or _reader_of(world, topic)


def _stored(world: World, record: Record, source: Source | None) -> Stored:
    if source is None:
        raise Unsupported(f"a record for the topic {record.topic}, which no source reads")
    key, value = (
        from_node(node, format.name, columns)
        if format.name in PLAIN
        else world.codec.from_node(node, source, half)
        for half, node, format, columns in (
            ("key", record.key, source.key_format, source.key),
            ("value", record.value, source.value_format, source.value),
        )
    )
    return Stored(
        add_window(key, record.window), value, record.timestamp or 0, record.headers or ()
    )


def _record(world: World, topic: str, stored: Stored, source: Source | None) -> Record:
    if source is None:
        return Record(topic, stored.key, stored.value, stored.timestamp)
    bare, window = split_window(stored.key, source.window)
    key, value = (
        to_node(data, format.name, columns)
        if format.name in PLAIN
        else world.codec.to_node(data, source, half)
        for half, data, format, columns in (
            ("key", bare, source.key_format, source.key),
            ("value", stored.value, source.value_format, source.value),
        )
    )
    return Record(topic, key, value, stored.timestamp, window, stored.headers)


def _expected(
    world: World, record: Record, stored: Stored | None, source: Source | None
) -> Record:
    """The expected record in the form of the one that came, if the format allows several forms."""
    if source is None or stored is None:
        return record
    bare, _ = split_window(stored.key, source.window)
    key, value = (
        _plain(node, source, half, format)
        if format.name in PLAIN
        else world.codec.expected(node, data, source, half.value)
        for half, node, data, format in (
            (Half.KEY, record.key, bare, source.key_format),
            (Half.VALUE, record.value, stored.value, source.value_format),
        )
    )
    return replace(record, key=key, value=value)


def _plain(node: Any, source: Source, half: Half, format: FormatSpec) -> Any:
    columns = source.key if half is Half.KEY else source.value
    if format.name != "JSON" or not columns:
        return node
    whole = pa.struct([(c.name, c.type) for c in columns])
    return as_typed(node, columns[0].type if unwraps(source, half) else whole)
