"""RESET GROUP: plans other committed offsets of a consumer group; `engine` dispatches here.

The offsets are in the range of each partition's log: what lies outside is put at its end or start,
and the plan says so.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from kshell.catalog.model import Column
from kshell.config import Properties
from kshell.engines.local.sources.file import content
from kshell.engines.local.sources.offsets_at import first_at, moment_of
from kshell.engines.local.statements.proposals import (
    idle_group,
    known_topic,
    remark,
    without_leader,
)
from kshell.errors import BindError, StatementError, UnknownName
from kshell.formats.file_rows import read_rows
from kshell.kafka.group_admin import alter_offsets
from kshell.kafka.groups import Offsets, committed, listed
from kshell.kafka.metadata import Snapshot
from kshell.permits import check_files
from kshell.results import Answer, Message, Notice, Proposal, Rows, titled
from kshell.sql.clauses import Name
from kshell.sql.cluster import Goal, Move, ResetGroup
from kshell.wording import many

if TYPE_CHECKING:
    from kshell.engines.local.context import Context

__all__ = ["reset_group"]

_COLUMNS = {"topic": pa.string(), "partition": pa.int64(), "offset": pa.int64()}  # of a file
_AS_SHOWN = {"offset": "committed"}  # as kafka.offsets names it


@dataclass(frozen=True, slots=True)
class _Row:
    """One partition of the plan: its offset before and after, and a word on it."""

    topic: str
    partition: int
    before: int | None
    after: int
    note: str | None


def reset_group(
    context: Context, statement: ResetGroup, properties: Properties
) -> Answer | Proposal:
    """RESET GROUP; raises UnknownName, BindError, KafkaError, Forbidden."""
    name = statement.name.text
    look = context.look()
    group = idle_group(look, statement.name)
    before = committed(look, name)
    notices: list[Notice] = []
    unknown = UnknownName("group", name, listed(look), place=statement.name.place)
    if group is None:
        if not statement.topics and statement.file is None:
            raise unknown
        hint = f" ({unknown.hint})" if unknown.hint else ""
        notices.append(remark(f"there is no group {name} yet: this makes it{hint}"))
    work = _Reset(context, statement, properties, before, notices)
    rows = list(work.of_file(statement.file) if statement.file is not None else work.of_topics())
    moved = {(r.topic, r.partition): r.after for r in rows if r.after != r.before}
    if not rows and group is None:
        raise unknown
    if not moved:
        told = [remark(f"{r.topic}, partition {r.partition}: {r.note}") for r in rows if r.note]
        what = f"Group {name} is there already." if rows else f"Group {name}: nothing to change."
        return Message(what, (*notices, *told))

    def apply() -> Answer:
        alter_offsets(context.admin(properties), name, moved)
        return Message(f"Group {name} is reset in {many(len(moved), 'partition')}.")

    title = f"Reset group {name}"
    return Proposal(f"{title}?", _table(title, rows), apply, tuple(notices))


def _table(title: str, rows: list[_Row]) -> Rows:
    types = {"topic": pa.string(), **dict.fromkeys(("partition", "before", "after"), pa.int64())}
    if any(row.note for row in rows):
        types["note"] = pa.string()
    return titled(title, {n: [getattr(row, n) for row in rows] for n in types}, types)


@dataclass(frozen=True, slots=True)
class _Reset:
    """What the offsets of one statement are found with."""

    context: Context
    statement: ResetGroup
    properties: Properties
    before: Offsets
    notices: list[Notice]

    def of_topics(self) -> Iterator[_Row]:
        """The rows of the topics named, else of those in which the group has committed."""
        move = self.statement.to
        assert move is not None
        now = int(time.time() * 1000)
        since = moment_of(move.moment, now, move.place) if move.goal is Goal.MOMENT else 0
        for topic in self.statement.topics or self._committed_in():
            snapshot = self._snapshot(topic)
            self.notices.extend(without_leader(snapshot))
            offsets = {p: self.before.get((snapshot.name, p)) for p in snapshot.offsets}
            wanted = self._wanted(snapshot, move, since, offsets)
            for partition, offset in sorted(wanted.items()):
                yield self._row(snapshot, partition, offset, move.goal)
            if len(wanted) < len(offsets):
                left = ", ".join(str(p) for p in offsets if p not in wanted)
                self.notices.append(
                    remark(f"{snapshot.name}: nothing is committed in partition {left}")
                )

    def _committed_in(self) -> Iterator[Name]:
        """The topics in which the group has committed, and that are still there."""
        for topic in sorted({topic for topic, _ in self.before}):
            if self.context.client.find(topic) is None:
                self.notices.append(remark(f"topic {topic} is gone: its offsets stay"))
            else:
                yield Name(topic, True)

    def _snapshot(self, topic: Name) -> Snapshot:
        found = known_topic(self.context, topic)
        return self.context.client.snapshot(found, self.properties["isolation.level"])

    def _wanted(
        self, snapshot: Snapshot, move: Move, since: int, offsets: Mapping[int, int | None]
    ) -> dict[int, int]:
        """Per partition the offset that the statement asks for."""
        held = snapshot.offsets
        match move.goal:
            case Goal.EARLIEST:
                return {p: first for p, (first, _) in held.items()}
            case Goal.LATEST:
                return {p: end for p, (_, end) in held.items()}
            case Goal.MOMENT:
                return first_at(self.context.client, snapshot, held, since)
            case Goal.OFFSET:
                return dict.fromkeys(held, move.number)
            case Goal.SHIFT:
                return {p: at + move.number for p, at in offsets.items() if at is not None}

    def _row(
        self, snapshot: Snapshot, partition: int, offset: int, goal: Goal = Goal.OFFSET
    ) -> _Row:
        first, end = snapshot.offsets[partition]
        note = None
        if offset < first:
            note = f"{offset:,} is gone: the log begins at {first:,}"
        elif offset > end:
            note = f"{offset:,} is not there: the log ends at {end:,}"
        elif goal is Goal.MOMENT and offset == end:
            note = "all its records are older"
        before = self.before.get((snapshot.name, partition))
        return _Row(snapshot.name, partition, before, min(max(offset, first), end), note)

    def of_file(self, file: Name) -> Iterator[_Row]:
        """The rows of a file with the columns topic, partition and offset; raises BindError."""
        try:
            check_files(self.properties, "RESET GROUP … FROM")
            rows = self._read(file.text)
            seen: dict[str, Snapshot] = {}
            places = set()
            for number, (topic, partition, offset) in enumerate(rows, 1):
                where = f"{file.text}, row {number}"
                if topic is None or partition is None or offset is None:
                    raise BindError(f"{where}: NULL is no topic, partition or offset")
                if topic not in seen:
                    seen[topic] = self._named_in_file(where, topic)
                if partition not in seen[topic].offsets:
                    raise BindError(f"{where}: topic {topic} has no partition {partition}")
                if (topic, partition) in places:
                    raise BindError(
                        f"{where}: topic {topic}, partition {partition} is there a second time"
                    )
                places.add((topic, partition))
                yield self._row(seen[topic], partition, offset)
        except StatementError as error:
            raise error.with_place(file.place or self.statement.place) from None

    def _read(self, path: str) -> list[tuple[str | None, int | None, int | None]]:
        most = self.properties.number("kshell.file.max.bytes") or 0
        data, _ = content(path, most)
        own, _ = read_rows(path, data, (), most)
        as_shown = "committed" in own.schema.names and "offset" not in own.schema.names
        names = [_AS_SHOWN.get(name, name) if as_shown else name for name in _COLUMNS]
        columns = [Column(n, type) for n, type in zip(names, _COLUMNS.values(), strict=True)]
        rows, _ = read_rows(path, data, columns, most)
        return list(zip(*(rows.column(n).to_pylist() for n in names), strict=True))

    def _named_in_file(self, where: str, topic: str) -> Snapshot:
        try:
            return self._snapshot(Name(topic, True)).check_whole()
        except UnknownName as error:
            raise BindError(f"{where}: {error.what}", hint=error.hint) from None
