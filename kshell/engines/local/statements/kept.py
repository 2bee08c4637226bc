"""Declares at a prompt what was typed at earlier prompts on this cluster, and keeps what is typed.

`engine` calls `load` when it is connected, and `save` after a statement that declared something.
A source that is declared already, by rc.sql, stays.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING

from kshell.catalog.catalog import Catalog
from kshell.config import Properties
from kshell.engines.local.kept_catalog import Entry, KeptCatalog
from kshell.engines.local.sources.chunks import infer_columns
from kshell.engines.local.sources.file import file_source
from kshell.errors import KshellError
from kshell.kafka.metadata import NO_ID, Topic
from kshell.results import Answer, Message, Notice, NoticeKind
from kshell.sql import ddl
from kshell.sql import statements as ast

if TYPE_CHECKING:
    from kshell.engines.local.context import Context

__all__ = ["load", "save"]


def load(context: Context, kept: KeptCatalog, properties: Properties) -> list[str]:
    """Declare what the file has; returns a sentence for each thing that is not as it was."""
    told: list[str] = []
    try:
        entries = kept.entries()
    except KshellError as error:
        return ["; ".join(filter(None, (error.what, error.hint)))]
    loaded: dict[str, Entry] = {}
    for entry in entries:
        try:
            if _declare(context, entry, properties):
                loaded[entry.name] = entry
        except KshellError as error:
            told.append(f"{kept.path}, line {entry.line}: {error.what}")
    kept.loaded = frozenset(loaded) & context.catalog.sources.keys()
    return [*told, *_changed(context, loaded)]


def _declare(context: Context, entry: Entry, properties: Properties) -> bool:
    catalog, statement = context.catalog, entry.statement
    if statement is None:
        raise KshellError("this is not a declaration that kshell can read")
    if entry.name in catalog.sources or entry.name.removeprefix(" ") in catalog.types:
        return False
    if isinstance(statement, ast.CreateFromFile):
        source = file_source(statement, properties)
        context.catalog = ddl.declare(statement, catalog, source).catalog
    else:
        made = ddl.change(statement, catalog, properties, infer_columns(properties))
        context.catalog = made.catalog
    return True


def save(context: Context, kept: KeptCatalog, before: Catalog, answer: Answer) -> Answer:
    """Keep what a statement changed in the catalog; a file that cannot be written is a notice."""
    after = context.catalog
    new = (s for n, s in after.sources.items() if before.sources.get(n) is not s)
    topics = _topics(context, {s.topic for s in new if s.topic})
    try:
        kept.changed(before, after, topics or {})
    except KshellError as error:
        if not isinstance(answer, Message):
            raise
        notice = Notice(NoticeKind.KEPT, f"not kept for the next prompt: {error.what}")
        return Message(answer.text, (*answer.notices, notice))
    return answer


def _topics(context: Context, names: Collection[str]) -> dict[str, Topic] | None:
    """Those of the topics that exist; None if no broker says it."""
    try:
        return context.client.named(sorted(names)) if names else {}
    except KshellError:
        return None


def _changed(context: Context, loaded: Mapping[str, Entry]) -> Iterator[str]:
    sources = [s for n in loaded if (s := context.catalog.sources.get(n)) and s.topic]
    topics = _topics(context, {s.topic for s in sources})
    if topics is None:
        return
    for source in sources:
        before, now = loaded[source.name].topic_id, topics.get(source.topic)
        kind = source.kind.value.lower()
        if now is None:
            yield f"topic {source.topic} of {kind} {source.name} is not there any more"
        elif NO_ID not in (before, now.id) and before != now.id:
            yield (
                f"topic {source.topic} was deleted and made anew since {kind} {source.name} was"
                " declared; CREATE OR REPLACE, if it holds something else now"
            )
