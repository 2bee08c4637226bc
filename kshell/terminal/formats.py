"""The names of the output formats, and the endings of their files.

Light: `cli` has them in its help, and `output.WRITERS`, whose import needs pyarrow, has the same
names (a test checks that).
"""

from __future__ import annotations

from pathlib import PurePath

__all__ = ["FORMATS", "format_of"]

_FOR_PEOPLE = ("table", "vertical", "auto")
_IN_FILES = ("json", "jsonl", "csv", "tsv", "markdown", "arrow", "parquet")
FORMATS = (*_FOR_PEOPLE, *_IN_FILES)
_ENDINGS = {f".{name}": name for name in _IN_FILES} | {".md": "markdown", ".ndjson": "jsonl"}


def format_of(path: str) -> str | None:
    """The format that a file's name says; None if it says none.

    >>> format_of("a/b.parquet"), format_of("notes.txt")
    ('parquet', None)
    """
    return _ENDINGS.get(PurePath(path).suffix.lower())
