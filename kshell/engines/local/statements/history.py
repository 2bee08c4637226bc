"""HISTORY OF key IN topic: the values that a key had, one after the other.

`engine` dispatches here.  Records are decoded as PRINT does it.  All partitions are read, since
another partitioner may have placed some of the key's records, unless `kshell.partitioner` says that
none did.
"""

from __future__ import annotations

import decimal
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kshell.batch.tables import Bounds, Range
from kshell.config import Properties
from kshell.engines.error_log import ErrorLog
from kshell.engines.local.sources.chunks import reader_of
from kshell.engines.local.sources.lookup import Lookup
from kshell.engines.local.sources.registry_wait import RegistryWait
from kshell.engines.local.sources.topic import TopicRead, TopicTable, unread_notices
from kshell.engines.local.statements.print_records import whole_values
from kshell.errors import BindError
from kshell.kafka.fetch import Chunk, Fetch
from kshell.results import LeftOut, Notice, NoticeKind, Progress, Rows, undecodable
from kshell.sql.clauses import Name
from kshell.sql.statements import History
from kshell.types import STRING, as_moment, ksql_name
from kshell.value_texts import json_values
from kshell.wording import many

if TYPE_CHECKING:
    from kshell.catalog.model import Source
    from kshell.engines.local.context import Context

__all__ = ["history"]

_KEPT = ("timestamp", "partition", "offset")
_READ = {
    "timestamp": "ROWTIME", "partition": "ROWPARTITION", "offset": "ROWOFFSET", "key": "ROWKEY",
}  # fmt: skip
_NOTHING = object()  # what a key has before its first record, and after a tombstone


def history(context: Context, statement: History, properties: Properties) -> Rows:
    """The key's records in order of time, with what each changed; raises UnknownName, BindError."""
    lookup = context.lookup(properties)
    source = _topic_of(lookup, statement.topic)
    snapshot = lookup.snapshot(source.topic)
    records = _Records(source, properties, context.errors)
    wanted = _typed(statement.key, records.schema.field("key").type, source)
    table = TopicTable(
        TopicRead(context.client, snapshot, source, context.errors, lookup.budget, properties,
                  lookup.widening)
    )  # fmt: skip
    ranges = table.ranges(Bounds(keys=None if isinstance(wanted, dict) else (wanted,)))
    return _History(context, snapshot, records, wanted, ranges, table).rows(properties)


def _topic_of(lookup: Lookup, name: Name) -> Source:
    """The declared source or the topic of that name; raises BindError for what has no records."""
    source = lookup.source(name)
    if source.file is not None or source.system or lookup.held(source) is not None:
        raise BindError(
            f"{name.text} is no topic: only records have a key's history", place=name.place
        )
    return source


def _typed(key: Name, type: pa.DataType, source: Source) -> Any:
    """The key that is meant, as the topic's keys are."""
    try:
        if pa.types.is_string(type):
            return key.text
        if pa.types.is_binary(type):
            return bytes.fromhex(key.text[2:]) if key.text.startswith("0x") else key.text.encode()
        if pa.types.is_integer(type):
            return pa.scalar(int(key.text), type).as_py()
        if pa.types.is_floating(type):
            return float(key.text)
        if pa.types.is_decimal(type):
            return decimal.Decimal(key.text)
        return json.loads(key.text)  # BOOLEAN, ARRAY, MAP, STRUCT
    except (ValueError, pa.ArrowInvalid, decimal.InvalidOperation):
        hint = "fields of a key are written as JSON: HISTORY OF '{\"ID\": 5}' IN …"
        raise BindError(
            f"the keys of {source.name} are {ksql_name(type)}, which {key.text} is not",
            hint=hint if pa.types.is_nested(type) else "",
            place=key.place,
        ) from None


def _has(key: Any, wanted: Any) -> bool:
    """Whether a key of several fields has those that are wanted; unquoted names were folded.

    >>> _has({"ID": 5, "AT": 1}, {"id": 5}), _has({"ID": 5}, {"id": 6})
    (True, False)
    """
    if not isinstance(wanted, dict) or not isinstance(key, dict):
        return bool(key == wanted)
    folded = {name.casefold(): value for name, value in key.items()}
    return all(_has(folded.get(n.casefold(), _NOTHING), v) for n, v in wanted.items())


class _Records:
    """Chunks as rows: where a record is, its key and its whole value, NULL for a tombstone."""

    def __init__(self, source: Source, properties: Properties, errors: ErrorLog) -> None:
        whole = replace(whole_values(source), window=source.window, declared=source.declared)
        in_one = not source.declared or whole.value[0].type == STRING
        read = whole if in_one else source
        self._values = [c.name for c in read.value]
        self._one, self._errors = in_one, errors
        self._read = reader_of(read, [*_READ.values(), *self._values], properties)
        own = [pa.field(c.name, c.type) for c in read.value]
        value = own[0].type if in_one else pa.struct(own)
        types = source.pseudo_columns() | {c.name: c.type for c in source.columns()}
        self.schema = pa.schema([
            *(as_moment(pa.field(n, types[of])) if of == "ROWTIME" else pa.field(n, types[of])
              for n, of in _READ.items()),
            ("value", value),
        ])  # fmt: skip
        self.read, self.left_out = 0, LeftOut()

    def rows(self, chunk: Chunk, stop: int) -> pa.RecordBatch:
        """The rows before an offset; raises RegistryDown."""
        found = self._read(chunk.partition, chunk.records, chunk.start, stop, chunk.aborted)
        self._errors.add(found.bad)
        self.read += found.rows + found.lost
        self.left_out += found.left_out
        values = [found.columns[name] for name in self._values]
        if not self._one:
            fields = list(self.schema.field("value").type)
            gone = found.tombstone
            values = [pa.StructArray.from_arrays(values, fields=fields, mask=gone)]
        columns = [found.columns[of] for of in _READ.values()]
        return pa.RecordBatch.from_arrays([*columns, *values], schema=self.schema)


class _History:
    """One read of the partitions that may have the key."""

    def __init__(
        self, context: Context, snapshot: Any, records: _Records, wanted: Any,
        ranges: list[Range], table: TopicTable,
    ) -> None:  # fmt: skip
        self._snapshot, self._records, self._wanted = snapshot, records, wanted
        self._ranges, self._table = ranges, table
        self._limits = {r.partition: (r.start, r.end) for r in ranges if r.start < r.end}
        self._fetch = Fetch(context.client, snapshot, self._limits)
        self._found = 0

    def rows(self, properties: Properties) -> Rows:
        """The answer."""
        given = self._records.schema
        schema = pa.schema([
            *(given.field(name) for name in _KEPT),
            ("change", STRING), ("fields", STRING), given.field("value"),
        ])  # fmt: skip
        wait = RegistryWait((properties.number("schema.registry.wait.ms") or 0) / 1000)
        began, total = time.monotonic(), sum(e - s for s, e in self._limits.values())

        def cancel() -> None:
            wait.leave()
            self._fetch.cancel()

        def progress() -> Progress:
            at = self._fetch.position
            done = sum(min(max(at[p], s), e) - s for p, (s, e) in self._limits.items())
            note = wait.note or self._fetch.note
            return Progress(done, total, time.monotonic() - began, self._fetch.bytes, note)

        return Rows(schema, self._batches(schema, wait), "", cancel, progress, self._notices)

    def _batches(self, schema: pa.Schema, wait: RegistryWait) -> Iterator[pa.RecordBatch]:
        parts: dict[int, list[pa.RecordBatch]] = {p: [] for p in self._limits}
        for chunk in self._fetch:
            stop = self._limits[chunk.partition][1]
            rows = wait.of(partial(self._records.rows, chunk, stop))
            mine = rows.filter(self._matches(rows.column("key")))
            if mine.num_rows:
                parts[chunk.partition].append(mine)
        found = [pa.concat_batches(of) for of in parts.values() if of]
        if not found:
            return
        # Within a partition the order of offsets holds, whatever the times are.
        times = [np.maximum.accumulate(of.column("timestamp").to_numpy(False)) for of in found]
        rows = pa.concat_batches(found)
        order = np.lexsort((
            rows.column("offset").to_numpy(), rows.column("partition").to_numpy(),
            np.concatenate(times),
        ))  # fmt: skip
        rows = rows.take(pa.array(order))
        self._found = rows.num_rows
        changes, fields = _changes(rows.column("value"))
        columns = [*(rows.column(n) for n in _KEPT), changes, fields, rows.column("value")]
        yield pa.RecordBatch.from_arrays(columns, schema=schema)

    def _matches(self, keys: pa.Array) -> pa.Array:
        if pa.types.is_nested(keys.type):
            return pa.array([_has(key, self._wanted) for key in keys.to_pylist()], pa.bool_())
        return pc.equal(keys, pa.scalar(self._wanted, keys.type)).fill_null(False)

    def _notices(self) -> tuple[Notice, ...]:
        why = {r.why for r in self._ranges if r.why}
        every = len(self._snapshot.topic.partitions)
        read: tuple[Notice, ...] = ()
        if why and every > 1:
            one = ", ".join(str(r.partition) for r in self._ranges)
            text = f"only partition {one} was read, where murmur2 places the key"
            read = (Notice(NoticeKind.READ, f"{text} (kshell.partitioner)"),)
        elif every > 1:
            text = (
                f"all {every} partitions were read; if murmur2 placed every key, as Java's clients"
                " do, SET 'kshell.partitioner'='murmur2' reads one"
            )
            read = (Notice(NoticeKind.READ, text),)
        none: tuple[Notice, ...] = ()
        if not self._found:
            count = many(self._records.read, "record")
            text = f"no record of {self._snapshot.name} has this key ({count} read)"
            none = (Notice(NoticeKind.EMPTY, text),)
        return (
            *none, *unread_notices(self._snapshot.name, self._table.unread),
            *undecodable(self._records.left_out), *read,
        )  # fmt: skip


def _changes(values: pa.Array) -> tuple[pa.Array, pa.Array]:
    """What each record did to the key's value, and the fields that it changed."""
    before: Any = _NOTHING
    kinds, fields = [], []
    for value in _comparable(values):
        changed: list[str] = []
        if value is _NOTHING:
            kinds.append("deleted")
        elif before is _NOTHING:
            kinds.append("new")
        else:
            changed = _differences(before, value)
            kinds.append("changed" if changed else "same")
        fields.append(", ".join(changed) or None)
        before = value
    return pa.array(kinds, STRING), pa.array(fields, STRING)


def _comparable(values: pa.Array) -> list[Any]:
    """Values as objects whose fields can be compared: JSON's as such, else what they are."""
    of = _parsed if pa.types.is_string(values.type) else lambda value: value
    found = values.to_pylist() if pa.types.is_string(values.type) else json_values(values)
    return [_NOTHING if value is None else of(value) for value in found]


def _parsed(text: str) -> Any:
    try:
        return json.loads(text, parse_float=decimal.Decimal)
    except ValueError:
        return text


def _shown(value: Any) -> str:
    if value is _NOTHING:
        return ""
    if isinstance(value, decimal.Decimal):
        return str(value)
    return json.dumps(value, ensure_ascii=False, default=str)


def _differences(before: Any, after: Any, path: str = "") -> list[str]:
    """The fields that differ, as `name: before → after`.

    >>> _differences({"a": 1, "b": {"c": 2}}, {"a": 1, "b": {"c": 3}, "d": None})
    ['b.c: 2 → 3', 'd: → null']
    """
    if isinstance(before, dict) and isinstance(after, dict):
        names = dict.fromkeys((*before, *after))
        return [
            text
            for name in names
            for text in _differences(
                before.get(name, _NOTHING), after.get(name, _NOTHING),
                f"{path}.{name}" if path else name,
            )
        ]  # fmt: skip
    if _NOTHING not in (before, after) and _shown(before) == _shown(after):
        return []
    arrow = f"{_shown(before)} → {_shown(after)}".strip()
    return [f"{path}: {arrow}" if path else arrow]
