"""ASSERT in a case: checks what the queries have made of the records so far.

`statements` calls it.  As in ksqlDB's testing tool, each ASSERT VALUES takes the next record of its
topic; the queries run again over all records that the statements have inserted.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from kshell.cases.drive import drive
from kshell.cases.log import Log
from kshell.catalog.model import TopicSettings
from kshell.catalog.options import CREATE
from kshell.catalog.properties import read_with
from kshell.errors import EvaluationError, Place, UnknownName
from kshell.sql import statements as ast
from kshell.sql.bind.asserted import (
    asserted_settings,
    asserted_source,
    bind_asserted,
    record_text,
)
from kshell.stream.evaluate import values_of
from kshell.stream.graph import build

if TYPE_CHECKING:
    from kshell.cases.world import World

__all__ = ["assert_source", "assert_topic", "assert_values"]


def assert_source(world: World, statement: ast.AssertSource) -> None:
    """ASSERT STREAM|TABLE: compares the declared source with the statement."""
    found = asserted_source(statement, world.catalog, world.properties, world.infer)
    said = read_with(statement.source.properties, CREATE).settings
    _compare(world, found.topic, said, statement.place)


def assert_topic(world: World, statement: ast.AssertTopic) -> None:
    """ASSERT [NOT EXISTS] TOPIC: looks in the topics of the case, of its sources and of its
    queries."""
    name, said = statement.name.text, asserted_settings(statement)
    known = {*world.topics, *world.log.topics, *(s.topic for s in world.catalog.sources.values())}
    if statement.exists is not (name in known):
        there = "does not exist" if statement.exists else "exists"
        raise EvaluationError(f"Topic {name} {there}", place=statement.place)
    _compare(world, name, said, statement.place)


def _compare(world: World, topic: str, wanted: TopicSettings, place: Place | None) -> None:
    """Compares the settings with those in the statements that made the topic."""
    made, spec = world.said.get(topic, TopicSettings()), world.topics.get(topic)
    partitions = made.partitions or (spec.partitions if spec is not None else 1)
    is_ = {"PARTITIONS": str(partitions), "REPLICAS": str(made.replicas or 1)}
    is_ |= {**made.defaults, **made.configs}
    for what, said in {
        "PARTITIONS": wanted.partitions, "REPLICAS": wanted.replicas, **wanted.configs
    }.items():  # fmt: skip
        found = is_.get(what, "not said")
        if said is not None and str(said) != found:
            raise EvaluationError(
                f"Mismatched {what} for topic {topic}. Expected: {said}, found: {found}",
                place=place,
            )


def assert_values(world: World, statement: ast.AssertValues) -> None:
    """ASSERT VALUES and NULL VALUES: compares the topic's next records with the statement."""
    name = statement.insert.name.folded()
    source = world.catalog.sources.get(name)
    if source is None:
        raise UnknownName(
            "source", name, world.catalog.sources, place=statement.insert.name.place
        )
    came = _run(world).read(source.topic)
    for row in bind_asserted(statement, source, world.catalog.types):
        number = world.asserted.get(source.topic, 0)
        values = values_of(list(row.values()))
        wanted = {name: value[0].as_py() for name, value in zip(row, values, strict=True)}
        told = f"{source.topic}, record {number + 1}"
        if number >= len(came):
            raise EvaluationError(
                f"Expected another record: {told} is not there. Expected {record_text(wanted)}",
                place=statement.place,
            )
        actual = world.codec.decode(source, came[number], number)
        found = {n: (actual or {}).get(n) for n in wanted}
        gone = actual is not None and bool(actual["ROWGONE"])
        if actual is None or found != wanted or gone is not statement.null_values:
            shown = "one that cannot be read" if actual is None else record_text(found)
            raise EvaluationError(
                f"Expected record does not match actual: {told}. Expected {record_text(wanted)}, "
                f"actual {shown}{' without a value' if gone else ''}",
                place=statement.place,
            )
        world.asserted[source.topic] = number + 1


def _run(world: World) -> Log:
    """A log with the records that the queries read and those that they write."""
    log = Log({topic: list(records) for topic, records in world.log.topics.items()})
    given: Sequence[tuple[str, int]] = [
        (topic, offset) for topic, records in log.topics.items() for offset in range(len(records))
    ]
    for sink in world.queries.values():
        drive(sink, build(sink), world.codec, log, given)
    return log
