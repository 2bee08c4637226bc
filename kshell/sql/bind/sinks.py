"""The sink of a query: CREATE … AS SELECT's new source, or INSERT INTO's existing one.

`bind.select` calls it last.  Formats are the leftmost source's unless the WITH clause says
otherwise; checks and wording are ksqlDB's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from kshell.catalog.model import Column, FormatSpec, Kind, Source, TopicSettings
from kshell.catalog.properties import With, topic_settings
from kshell.catalog.serde import CAPABILITIES, KEY, VALUE, check_format, check_map_key, columns_text
from kshell.errors import BindError, Place, UsageError
from kshell.sql import plan
from kshell.sql.bind.aggregate import has_nested_state
from kshell.sql.bind.declare import (
    InferColumns,
    check_keyless,
    check_timestamp,
    no_columns,
    with_wrapping,
)
from kshell.sql.bind.literals import coerce
from kshell.sql.bind.projection import Shape
from kshell.sql.widening import can_widen
from kshell.types import quote_ksql

__all__ = ["SinkSpec", "build_sink", "check_apart"]


@dataclass(frozen=True, slots=True)
class SinkSpec:
    """Where a query's results go: a source to create, or `existing` (INSERT INTO)."""

    name: str
    kind: Kind = Kind.STREAM
    written: With = field(default_factory=With)
    existing: Source | None = None
    sql: str = ""
    place: Place | None = None
    infer: InferColumns = no_columns
    key_format: str = ""  # the key's format if WITH says none; empty for the first source's


def build_sink(
    node: plan.Node, shape: Shape, spec: SinkSpec, first: Source, properties: Mapping[str, str]
) -> plan.Sink:
    """The sink over a projection; `first` is the leftmost source, whose formats are inherited."""
    if first.value_format.name in ("DELIMITED", "KAFKA") and has_nested_state(node):
        raise BindError(
            "One of the functions used in the statement has an intermediate type that the value "
            "format can not handle. Please remove the function or change the format."
        )
    if spec.existing is not None:
        return _insert(node, shape, spec, spec.existing)
    kind = node.output.kind
    if kind is not spec.kind:
        raise BindError(
            f"Invalid result type. Your SELECT query produces a {kind.value}. "
            f"Please use CREATE {kind.value} AS SELECT statement instead.",
            place=spec.place,
        )
    for column in shape.key:
        check_map_key(column)
    if not shape.value:
        raise BindError("The projection contains no value columns.")
    written = spec.written
    key_format = _key_format(spec, first, shape, properties)
    value_format = with_wrapping(written.value_spec(_inherited(first.value_format)), shape.value,
                                 properties)  # fmt: skip
    check_format(key_format, shape.key, KEY)
    check_format(value_format, shape.value, VALUE)
    topic = written.topic or _topic(spec, properties)
    for half, format, columns in (
        ("key", key_format, shape.key),
        ("value", value_format, shape.value),
    ):
        if "SCHEMA_ID" in format.options:
            _check_registered(half, columns, spec.infer(topic, half, format))
    check_timestamp(written, (*shape.key, *shape.value))
    target = Source(
        name=spec.name,
        kind=kind,
        topic=topic,
        key=shape.key,
        value=shape.value,
        key_format=key_format,
        value_format=value_format,
        window=node.output.window,
        timestamp_column=written.timestamp,
        timestamp_format=written.timestamp_format,
        sql=spec.sql,
    )
    return plan.Sink(
        node,
        target,
        node.output,
        _settings(node, written, properties),
    )


def check_apart(shape: Shape, place: Place | None) -> None:
    """A source's columns have one name each, whether a CREATE or a query named them."""
    names = {column.name for column in shape.key}
    for column in shape.value:
        if column.name in names:
            raise BindError(
                f"Duplicate column names: {quote_ksql(column.name)} is the key's",
                hint="give one of them another name with AS",
                place=place,
            )


def _settings(node: plan.Node, written: With, properties: Mapping[str, str]) -> TopicSettings:
    """The topic's: as WITH says, else as the properties say, with the windows' retention."""
    retention = max(
        (n.window.retention_ms for n in plan.aggregates(node)
         if n.window is not None and n.window.retention_ms is not None),
        default=None,
    )  # fmt: skip
    made = topic_settings(written, node.output.kind, node.output.window, retention)
    return replace(
        made,
        partitions=_number(written.partitions, "ksql.sink.partitions", properties),
        replicas=_number(written.replicas, "ksql.sink.replicas", properties),
    )


def _topic(spec: SinkSpec, properties: Mapping[str, str]) -> str:
    return str(properties.get("ksql.output.topic.name.prefix") or "") + spec.name


def _check_registered(
    half: str, columns: tuple[Column, ...], registered: tuple[Column, ...] | None
) -> None:
    """A schema named by id holds the result's columns first and in order."""
    if registered is None or registered[: len(columns)] == columns:
        return
    moved = [c for i, c in enumerate(columns) if i >= len(registered) or registered[i] != c]
    raise BindError(
        f"The following {half} columns are changed, missing or reordered: "
        f"[{columns_text(moved)}]. Schema from schema registry is [{columns_text(registered)}]"
    )


def _number(written: int | None, name: str, properties: Mapping[str, str]) -> int | None:
    """The value in WITH, else a property's, else None."""
    default = properties.get(name)
    if written is not None or not default:
        return written
    if not str(default).isdigit():
        raise UsageError(f"{name} is no whole number: {default}")
    return int(str(default))


def _inherited(format: FormatSpec) -> FormatSpec:
    """A source's format without what concerns only that source."""
    kept = {k: v for k, v in format.options.items() if k == "DELIMITER"}
    # A topic of which nothing is known is read as BYTES; written, that is KAFKA's.
    return FormatSpec(format.name if format.name in CAPABILITIES else "KAFKA",
                      MappingProxyType(kept))  # fmt: skip


def _key_format(
    spec: SinkSpec, first: Source, shape: Shape, properties: Mapping[str, str]
) -> FormatSpec:
    written = spec.written
    if not shape.key:
        # FORMAT speaks of the value too; KEY_FORMAT alone can only be a mistake.
        if written.key_format not in ("", "NONE") and written.key_format != written.value_format:
            raise BindError("Key format specified for stream without key columns.")
        check_keyless(written)
        return FormatSpec("NONE")
    inherited = FormatSpec(spec.key_format) if spec.key_format else _inherited(first.key_format)
    if inherited.name == "NONE":
        default = properties.get("ksql.persistence.default.format.key") or "KAFKA"
        inherited = FormatSpec(str(default).upper())
    return written.key_spec(inherited)


def _insert(node: plan.Node, shape: Shape, spec: SinkSpec, target: Source) -> plan.Sink:
    if node.output.kind is not Kind.STREAM:
        raise BindError(
            "Incompatible data sink types: the query produces a TABLE, and "
            f"{target.name} is a STREAM",
            place=spec.place,
        )
    _check_compatible(shape, target)
    if isinstance(node, plan.Project):
        node = _coerced(node, target)
    return plan.Sink(node, target, node.output)


def _check_compatible(shape: Shape, target: Source) -> None:
    halves = ((shape.key, target.key), (shape.value, target.value))
    if all(_fits(result, sink) for result, sink in halves):
        return
    result, sink = (
        ", ".join(t for t in (columns_text(k, " KEY"), columns_text(v)) if t)
        for k, v in ((shape.key, shape.value), (target.key, target.value))
    )
    raise BindError(
        "Incompatible schema between results and sink.\n"
        f"Result schema is {result}\nSink schema is {sink}",
        hint="name the columns as the sink does, with AS, in its order",
    )


def _fits(result: tuple[Column, ...], sink: tuple[Column, ...]) -> bool:
    return len(result) == len(sink) and all(
        r.name == s.name and can_widen(r.type, s.type) for r, s in zip(result, sink, strict=True)
    )


def _coerced(node: plan.Project, target: Source) -> plan.Project:
    """The projection with its columns widened to the sink's."""

    def widen(named: tuple[plan.Named, ...], sink: tuple[Column, ...]) -> tuple[plan.Named, ...]:
        return tuple(
            replace(n, expression=coerce(n.expression, s.type))
            for n, s in zip(named, sink, strict=True)
        )

    key, value = widen(node.key, target.key), widen(node.value, target.value)
    output = replace(
        node.output,
        key=tuple(Column(n.name, n.expression.type) for n in key),
        value=tuple(Column(n.name, n.expression.type) for n in value),
    )
    return replace(node, key=key, value=value, output=output)
