"""Says which times that a statement reads lose digits: TIME and TIMESTAMP have milliseconds.

Statements that read topics, or declare columns over one, have the notice below their answer.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from kshell.catalog.model import Source
from kshell.field_names import plain
from kshell.results import Notice, NoticeKind
from kshell.sql import plan

__all__ = ["cut_in_plan", "cut_notices"]


def cut_notices(reads: Iterable[tuple[Source, Collection[str]]]) -> tuple[Notice, ...]:
    """At most one notice, for these columns of sources."""
    wanted: dict[str, tuple[Source, set[str]]] = {}
    for source, columns in reads:
        wanted.setdefault(source.name, (source, set()))[1].update(plain(c) for c in columns)
    found = {
        name: paths
        for name, (source, names) in wanted.items()
        if (paths := [path for path in source.cut if path.partition(".")[0] in names])
    }
    if not found:
        return ()
    paths = [
        path if len(found) == 1 else f"{name}.{path}"
        for name, paths in found.items()
        for path in paths
    ]
    return (Notice(NoticeKind.CUT, f"times that are cut to milliseconds: {', '.join(paths)}"),)


def cut_in_plan(node: plan.Node) -> tuple[Notice, ...]:
    """The notice for what a continuous plan reads."""
    return cut_notices((leaf.source, leaf.source_columns()) for leaf in plan.scans(node))
