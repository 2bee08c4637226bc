"""A data file that a table is made of: its bytes, what is declared of it, and errors that name it.

`file_rows` and `json_file` read it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kshell.catalog.model import Column
from kshell.errors import BindError, UnknownName
from kshell.field_names import DECLARED, meant

__all__ = ["DataFile"]


@dataclass(frozen=True, slots=True)
class DataFile:
    """A file: its path as errors name it, its bytes, the declared columns, and how many bytes its
    rows may have."""

    path: str
    data: bytes
    columns: Sequence[Column]
    most: int

    def wrong(self, what: str, *, at: str = "", hint: str = "") -> BindError:
        """The error of something in the file; `at` is "line 3" or "row 3"."""
        place = f"{self.path}, {at}" if at else self.path
        return BindError(f"{place}: {what}", hint=hint or "mend the file, or declare its columns")

    def fits(self, size: int) -> None:
        """Raise BindError if rows of so many bytes are too many."""
        if size > self.most:
            raise self.wrong(
                f"its rows have more than {self.most:,} bytes in memory",
                hint="SET 'kshell.file.max.bytes' to more, or make a smaller file",
            )

    def meant(self, name: str, names: Sequence[str]) -> str:
        """The file's name for a declared column or field; BindError where it has none."""
        found = meant(name, names, turns=DECLARED)
        if len(found) == 1:
            return found[0]
        if found:
            raise self.wrong(f"{name} could be {' or '.join(found)}", hint='quote it: "name"')
        hint = UnknownName("column", name, names).hint
        raise self.wrong(
            f"no column named {name}", hint=hint or f"it has {', '.join(names[:20])}"
        )
