"""Where a group stands in a topic: the offsets from which AT GROUP reads it.  `lookup` asks for it.

The group is not joined, and nothing is committed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from kshell.catalog.model import Kind, Source
from kshell.errors import BindError, UnknownName
from kshell.kafka.groups import committed, listed, named
from kshell.kafka.look import Look
from kshell.kafka.metadata import Snapshot
from kshell.results import Notice, NoticeKind
from kshell.sql.clauses import AtGroup, Name

__all__ = ["Standing", "standing"]

_FEW = 10  # partitions that a sentence names


@dataclass(frozen=True, slots=True)
class Standing:
    """A group, and where each partition is read from: its commit, or without one the log's start.

    >>> str(Standing("g", {0: 4, 1: 2}, frozenset({0})))
    'partition 0 from 4, 1 from 2 (no commit)'
    """

    group: str
    starts: Mapping[int, int]
    committed: frozenset[int]
    notices: tuple[Notice, ...] = ()

    def why(self, partition: int) -> str:
        """For EXPLAIN: why a partition is read from there."""
        return f"group {self.group}" + ("" if partition in self.committed else ": no commit")

    def __str__(self) -> str:
        texts = [
            f"{p} from {start:,}" + ("" if p in self.committed else " (no commit)")
            for p, start in sorted(self.starts.items())[:_FEW]
        ]
        more = len(self.starts) - _FEW
        return f"partition {', '.join(texts)}" + (f" and {more} more" if more > 0 else "")


def standing(
    look: Look, topic: str, declared: Source | None, snapshot: Callable[[], Snapshot],
    at: AtGroup, before: Standing | None,
) -> Standing:  # fmt: skip
    """Where a group stands in a topic; raises UnknownName, Forbidden, and BindError if it never
    committed there, or if the topic is read at another group (`before`)."""
    if declared is not None and declared.kind is Kind.TABLE:
        raise BindError(
            f"{declared.name} is a table: from the middle of its topic it would be partial",
            hint=f"AT GROUP takes a stream, or the topic {topic}", place=at.source.place,
        )  # fmt: skip
    if before is not None and before.group != at.group.text:
        raise BindError(f"{topic} is read at group {before.group} already", place=at.group.place)
    return before or _standing(look, topic, snapshot, at.group)


def _standing(
    look: Look, topic: str, snapshot: Callable[[], Snapshot], group: Name
) -> Standing:
    name = group.text
    if named(look, name) is None:
        raise UnknownName("group", name, listed(look), place=group.place)
    held = committed(look, name)
    own = {p: offset for (of, p), offset in held.items() if of == topic}
    if not own:
        others = ", ".join(sorted({of for of, _ in held}))
        raise BindError(
            f"group {name} has committed nothing in topic {topic}",
            hint=f"it has in {others}" if others else "it has committed nothing at all",
            place=group.place,
        )
    starts, gone = {}, []
    for p, (first, end) in snapshot().offsets.items():
        at = own.get(p, first)
        if at < first:
            gone.append(f"{at:,} in partition {p}, whose log starts at {first:,}")
        starts[p] = min(max(at, first), end)
    notices: tuple[Notice, ...] = ()
    if gone:
        more = f" and {len(gone) - _FEW} more" if len(gone) > _FEW else ""
        text = f"group {name} stands at {'; '.join(gone[:_FEW])}{more}: what is between is gone"
        notices = (Notice(NoticeKind.PARTIAL, text),)
    return Standing(name, starts, frozenset(own), notices)
