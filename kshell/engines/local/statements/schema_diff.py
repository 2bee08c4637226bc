"""DIFF SUBJECT: what differs between two versions of a subject; `engine` dispatches here.

Avro and JSON schemas are compared field by field, others line by line.
"""

from __future__ import annotations

from collections.abc import Iterator
from difflib import SequenceMatcher
from itertools import zip_longest
from typing import TYPE_CHECKING

import pyarrow as pa

from kshell.config import Properties
from kshell.engines.local.statements.subjects import known_versions, registry_of
from kshell.errors import BindError
from kshell.formats.schema_fields import fields_of
from kshell.results import MARKS, Answer, Message, Rows
from kshell.sql.clauses import Number
from kshell.sql.services import DiffSubject

if TYPE_CHECKING:
    from kshell.engines.local.context import Context
    from kshell.formats.registry import Registered
    from kshell.formats.registry_http import HttpSchemas

__all__ = ["diff_subject"]

Row = tuple[str, str, str | None, str | None]  # the change, where, before, after


def diff_subject(context: Context, statement: DiffSubject, properties: Properties) -> Answer:
    """DIFF SUBJECT name [FROM n] [TO m]; raises UnknownName, BindError, RegistryError."""
    registry, name = registry_of(properties), statement.subject
    numbers = known_versions(registry, name)
    last = statement.after.value if statement.after else numbers[-1]
    earlier = [n for n in numbers if n < last]
    if statement.before is None and not earlier:
        raise BindError(
            f"subject {name.text} has no version before {last}", place=name.place,
            hint=f"its versions: {_listed(numbers)}",
        )  # fmt: skip
    first = statement.before.value if statement.before else earlier[-1]
    before = _version(registry, statement, numbers, first, statement.before)
    after = _version(registry, statement, numbers, last, statement.after)
    where, rows = _differences(before, after)
    if not rows:
        same = "the same fields" if where == "field" else "the same text"
        return Message(f"Versions {first} and {last} of {name.text} have {same}.")
    return _table(f"{name.text}: version {first} to {last}", where, rows)


def _version(
    registry: HttpSchemas, statement: DiffSubject, numbers: list[int], number: int,
    named: Number | None,
) -> Registered:  # fmt: skip
    found = registry.version(statement.subject.text, number) if number in numbers else None
    if found is None:
        raise BindError(
            f"subject {statement.subject.text} has no version {number}",
            hint=f"its versions: {_listed(numbers)}",
            place=named.place if named else statement.subject.place,
        )
    return found


_MOST_LISTED = 10


def _listed(numbers: list[int]) -> str:
    shown = ", ".join(map(str, numbers[-_MOST_LISTED:]))
    return f"…, {shown}" if len(numbers) > _MOST_LISTED else shown


def _differences(before: Registered, after: Registered) -> tuple[str, list[Row]]:
    """What the place of a change is called, and the changes."""
    if before.schema.type is after.schema.type:
        old, new = fields_of(before.schema), fields_of(after.schema)
        if old is not None and new is not None:
            return "field", list(_by_field(old, new))
    return "line", list(_by_line(before.schema.text, after.schema.text))


def _by_field(old: dict[str, str], new: dict[str, str]) -> Iterator[Row]:
    """In the order of the newer version; fields that have gone stand behind."""
    for path, text in new.items():
        if path not in old:
            yield "added", path, None, text
        elif old[path] != text:
            yield "changed", path, old[path], text
    yield from (("removed", path, text, None) for path, text in old.items() if path not in new)


def _by_line(before: str, after: str) -> Iterator[Row]:
    """A line's number is that of the newer version, of a line that has gone of the older one."""
    old, new = before.splitlines(), after.splitlines()
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    for tag, i, i_end, j, j_end in matcher.get_opcodes():
        if tag == "equal":
            continue
        pairs = zip_longest(range(i, i_end), range(j, j_end))
        for a, b in pairs:
            if a is None:
                yield "added", str(b + 1), None, new[b]
            elif b is None:
                yield "removed", str(a + 1), old[a], None
            else:
                yield "changed", str(b + 1), old[a], new[b]


def _table(title: str, where: str, rows: list[Row]) -> Rows:
    names = ("change", where, "before", "after")
    columns = {name: [row[i] for row in rows] for i, name in enumerate(names)}
    schema = pa.schema([(name, pa.string()) for name in names], {MARKS: b"change"})
    return Rows.of(pa.table(columns, schema=schema), title)
