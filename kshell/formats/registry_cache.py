"""Schemas on disk, so that a shell's start does not ask for what it asked for yesterday.

One file for each id below a folder for each registry, readable by its owner alone.  An id means
one schema for ever, unless the registry was made anew at the same address (as on a developer's
machine): so files count for a day, and before that go where the server is seen to say otherwise.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from kshell.formats.registry import Reference, Schema, SchemaType

__all__ = ["SchemaFiles"]

_MAX_BYTES = 16 << 20
_SECONDS = 86_400  # how long a file counts


class SchemaFiles:
    """The files of the registry at these addresses. Unreadable files count as missing."""

    def __init__(self, home: Path, addresses: Sequence[str]) -> None:
        name = hashlib.sha256(",".join(sorted(addresses)).encode()).hexdigest()[:24]
        self._folder = home / "schemas" / name

    def read(self, id: int) -> Schema | None:
        """The schema, or None."""
        path = self._folder / f"{id}.json"
        try:
            stat = path.stat()
            if stat.st_size > _MAX_BYTES or not 0 <= time.time() - stat.st_mtime < _SECONDS:
                return None
            node = json.loads(path.read_bytes())
            return Schema(
                SchemaType(node["type"]),
                str(node["text"]),
                tuple(Reference(str(n), str(s), int(v)) for n, s, v in node["references"]),
                {str(k): str(v) for k, v in node["imports"].items()},
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return None

    def write(self, id: int, schema: Schema) -> None:
        """Keeps the schema; failed writes are ignored."""
        node = {
            "type": schema.type.value,
            "text": schema.text,
            "references": [(r.name, r.subject, r.version) for r in schema.references],
            "imports": dict(schema.imports),
        }
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            # mkstemp's files are 0600; the rename is atomic, so a reader sees all or nothing.
            handle, path = tempfile.mkstemp(dir=self._folder)
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(node, file)
            os.replace(path, self._folder / f"{id}.json")
        except OSError:
            return

    def clear(self) -> None:
        """Forgets the registry."""
        shutil.rmtree(self._folder, ignore_errors=True)
