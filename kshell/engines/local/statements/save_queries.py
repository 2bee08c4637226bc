"""SAVE QUERIES: writes what runs in this shell as a script, which declares and starts it again.

`engine` dispatches here.  Secrets are not written; a comment names the properties that lack.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import count
from typing import TYPE_CHECKING

from kshell.catalog.declaration import source_text
from kshell.config import PROPERTIES, Properties, Scope
from kshell.errors import UsageError
from kshell.permits import check_files
from kshell.results import Answer, Message
from kshell.sql.plan import Sink, scans
from kshell.sql.queries import SaveQueries
from kshell.sql.tokens import tokenize
from kshell.whole_file import WholeFile, exists
from kshell.wording import many

if TYPE_CHECKING:
    from kshell.engines.local.context import Context
    from kshell.engines.local.continuous.background import Background

__all__ = ["save_queries"]

_HEAD = "-- Saved by kshell: the queries that ran in a shell, and what they need.\n"
_OWN = ("kshell.functions", "kshell.partitioner")  # of kshell's properties those that queries read


def save_queries(
    context: Context, statement: SaveQueries, properties: Properties
) -> Answer:
    """Write the file; raises UsageError if it is there, or if no query runs."""
    check_files(properties, "SAVE QUERIES")
    queries = [q for q in context.queries.values() if not q.over]
    if not queries:
        raise UsageError("no query runs in this shell", hint="SHOW QUERIES shows those that do")
    path = os.path.expanduser(statement.path)
    if exists(path):
        raise UsageError(
            f"{statement.path} exists", hint="kshell overwrites no file without asking"
        )
    declared = [*_declarations(context, queries)]
    try:
        whole = WholeFile(path, private=True)
        whole.file.writelines([_HEAD, *declared, *_statements(queries)])
        whole.done()
    except OSError as error:
        raise UsageError(f"{statement.path} cannot be written: {error.strerror}") from None
    what = "1 query" if len(queries) == 1 else f"{len(queries)} queries"
    return Message(f"{what} and {many(len(declared), 'declaration')}: {statement.path}")


def _declarations(context: Context, queries: list[Background]) -> Iterator[str]:
    """What the queries read or write, and do not make themselves, in the order of declaration."""
    ids = {q.id for q in queries}
    needed = {s.source.name for q in queries for s in scans(q.sink)}
    needed |= {q.sink.target.name for q in queries}
    for name, source in context.catalog.sources.items():
        if name in needed and source.query_id not in ids:
            yield f"{source_text(source)};\n"


def _statements(queries: list[Background]) -> Iterator[str]:
    """Each query after the properties that it was started with."""
    before: dict[str, str] = {}
    lacking: set[str] = set()
    names: set[str] = set()
    for query in queries:
        now, secret = _shared(query.properties)
        if secret - lacking:
            yield f"-- secret, and not saved: {', '.join(sorted(secret - lacking))}\n"
            lacking |= secret
        for name in before.keys() - now.keys():
            yield f"UNSET '{name}';\n"
        for name in sorted(now):
            if before.get(name) != now[name]:
                yield f"SET '{name}'='{now[name].replace(chr(39), chr(39) * 2)}';\n"
        before = now
        yield f"{_named(query.sink, names)};\n"


def _named(sink: Sink, names: set[str]) -> str:
    """The statement; of a second query with one sink it has an id, since `kshell run` goes by the
    names of sinks."""
    name = sink.query_id or sink.target.name
    if name not in names:
        names.add(name)
        return sink.text
    id = next(i for n in count(2) if (i := f"{name}_{n}") not in names)
    names.add(id)
    at = next(t.start for t in tokenize(sink.text) if t.upper == "SELECT")
    return f"{sink.text[:at]}WITH (QUERY_ID='{id}') {sink.text[at:]}"


def _shared(properties: Properties) -> tuple[dict[str, str], set[str]]:
    """The properties that were set and concern queries, and the names of those that are secret."""
    values: dict[str, str] = {}
    secret: set[str] = set()
    for name in properties.given():
        known = PROPERTIES.get(name)
        own = name.startswith("kshell.") and name not in _OWN
        if own or (known is not None and known.scope is Scope.CONNECTION):
            continue
        if properties.masked(name) != properties[name]:
            secret.add(name)
        else:
            values[name] = properties[name]
    return values, secret
