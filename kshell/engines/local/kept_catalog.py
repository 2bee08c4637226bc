"""The declarations typed at the prompt, kept in a file of each cluster for the next prompt.

`engine` asks for it where the terminal says so, and calls `changed` after each statement.  The file
holds statements that declare, and nothing else; a line above one has the id that its topic had.
Two prompts may write it: each changes only what it declared or dropped itself.
"""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from kshell.catalog.catalog import Catalog
from kshell.catalog.declaration import source_text, type_text
from kshell.config.private import why_not_private
from kshell.errors import KshellError, UsageError
from kshell.kafka.metadata import NO_ID, Topic
from kshell.sql import statements as ast
from kshell.sql.parse import parse_piece
from kshell.sql.script import split
from kshell.whole_file import WholeFile

__all__ = ["Entry", "KeptCatalog"]

_HEAD = "-- The declarations typed at kshell's prompt, for one cluster. kshell writes this file.\n"
_ID = re.compile(r"-- topic id ([0-9a-f]{32})\s*")


@dataclass(frozen=True, slots=True)
class Entry:
    """One statement of the file.

    `name` is what it declares, with a space before a type's; "" where the statement is no
    declaration: it stays in the file, and `statement` is None.
    """

    name: str
    text: str
    line: int
    statement: ast.Statement | None = None
    topic_id: bytes = NO_ID


class KeptCatalog:
    """The file of one cluster, and the names that came from it.

    `name` is the cluster's id.  Nothing is read or written before `entries` or `changed`.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self.path = folder / f"{re.sub(r'[^A-Za-z0-9_.-]', '_', name)}.sql"
        self.loaded: frozenset[str] = frozenset()  # sources that the file declared

    def entries(self) -> list[Entry]:
        """The file's statements; none if there is no file.  Raises UsageError."""
        try:
            why, hint = why_not_private(self.path)
            if why:
                raise UsageError(f"{why}, and is not read", hint=hint)
            text = self.path.read_text("utf-8")
        except FileNotFoundError:
            return []
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"{self.path} cannot be read: {error}") from None
        return list(_entries(text))

    def changed(self, before: Catalog, after: Catalog, topics: Mapping[str, Topic]) -> None:
        """Write what a statement declared, altered or dropped; raises UsageError.

        `topics` has the topics of the declared sources, as far as they are known.
        """
        gone, made = _differences(before, after, topics)
        self.loaded -= gone
        if not gone:
            return
        try:
            with self._locked():
                entries = [e for e in self.entries() if e.name not in gone]
                self._write([*entries, *made])
        except OSError as error:
            raise UsageError(f"{self.path} cannot be written: {error.strerror or error}") from None

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(f"{self.path}.lock", os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def _write(self, entries: Sequence[Entry]) -> None:
        whole = WholeFile(str(self.path), private=True)
        whole.file.write(_HEAD)
        for entry in entries:
            id = f"-- topic id {entry.topic_id.hex()}\n" if entry.topic_id != NO_ID else ""
            whole.file.write(f"{id}{entry.text};\n")
        whole.done()


def _entries(text: str) -> Iterator[Entry]:
    lines = text.splitlines()
    for piece in split(text):
        above = _ID.fullmatch(lines[piece.line - 2]) if piece.line > 1 else None
        id = bytes.fromhex(above[1]) if above else NO_ID
        try:
            statement = parse_piece(piece)
        except KshellError:
            statement = None
        match statement:
            case ast.CreateType():
                yield Entry(f" {statement.name.folded()}", piece.text, piece.line, statement)
            case ast.CreateSource() | ast.CreateFromFile():
                yield Entry(statement.name.folded(), piece.text, piece.line, statement, id)
            case _:
                yield Entry("", piece.text, piece.line)


def _differences(
    before: Catalog, after: Catalog, topics: Mapping[str, Topic]
) -> tuple[set[str], list[Entry]]:
    """The names that changed, and the entries of those that are there now."""
    gone: set[str] = set()
    made: list[Entry] = []
    for name in {**before.types, **after.types}:
        if before.types.get(name) != after.types.get(name):
            gone.add(f" {name}")
            if name in after.types:
                made.append(Entry(f" {name}", type_text(name, after.types[name]), 0))
    for name in {**before.sources, **after.sources}:
        source = after.sources.get(name)
        if before.sources.get(name) is not source:
            gone.add(name)
            if source is not None:
                topic = topics.get(source.topic)
                id = topic.id if topic is not None else NO_ID
                made.append(Entry(name, source_text(source), 0, None, id))
    return gone, made
