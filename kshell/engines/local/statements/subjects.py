"""The schema registry's own state: subjects, their schemas, and what the next one must fit.

`engine` and `show` dispatch here; `schema_diff` compares two versions.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

import pyarrow as pa

from kshell.config import Properties
from kshell.engines.local.sources.chunks import schemas_of
from kshell.engines.local.statements.proposals import planned
from kshell.errors import UnknownName, UsageError
from kshell.results import Answer, Message, Notice, NoticeKind, Proposal, Rows, titled
from kshell.sql.clauses import Name
from kshell.sql.services import SetCompatibility
from kshell.sql.statements import Show, ShowWhat

if TYPE_CHECKING:
    from kshell.engines.local.context import Context
    from kshell.formats.registry import Registered
    from kshell.formats.registry_http import HttpSchemas

__all__ = ["known_versions", "registry_of", "set_compatibility", "show_registry"]

_MOST = 1000  # subjects that are asked for one by one


def registry_of(properties: Properties) -> HttpSchemas:
    """The schema registry that the properties name; raises UsageError if they name none."""
    found = schemas_of(properties)
    if found is None:
        raise UsageError("no schema registry", hint="--registry URL, or schema.registry.url")
    return cast("HttpSchemas", found)


def known_versions(registry: HttpSchemas, subject: Name) -> list[int]:
    """The versions of a subject; raises UnknownName at its place."""
    found = registry.versions(subject.text)
    if not found:
        raise UnknownName("subject", subject.text, registry.subjects(), place=subject.place)
    return found


def show_registry(statement: Show, properties: Properties) -> Rows:
    """SHOW SUBJECTS, SCHEMAS or COMPATIBILITY; raises UnknownName, RegistryError."""
    registry = registry_of(properties)
    match statement.what:
        case ShowWhat.SUBJECTS:
            return _subjects(registry, statement.extended)
        case ShowWhat.SCHEMAS if statement.subject is None:
            return _newest(registry)
        case ShowWhat.SCHEMAS:
            return _versions(registry, cast("Name", statement.subject))
        case _:
            return _compatibility(registry, statement.subject)


def _subjects(registry: HttpSchemas, extended: bool) -> Rows:
    """All names; EXTENDED asks of each for its versions, and what its next schema must fit."""
    names = registry.subjects()
    if not extended:
        return titled("", {"subject": names}, {"subject": pa.string()})
    names, notices = _some(names)
    of_all = registry.compatibility(None)
    columns: dict[str, list[Any]] = {
        "subject": names,
        "versions": [len(registry.versions(name)) for name in names],
        "compatibility": [registry.compatibility(name) or of_all for name in names],
    }
    types = {"subject": pa.string(), "versions": pa.int32(), "compatibility": pa.string()}
    return _noted(titled("", columns, types), notices)


def _some(names: list[str]) -> tuple[list[str], list[Notice]]:
    """The first names, and a notice of those that are left out."""
    if len(names) <= _MOST:
        return names, []
    text = f"the first {_MOST:,} of {len(names):,} subjects"
    return names[:_MOST], [Notice(NoticeKind.PARTIAL, text)]


def _noted(rows: Rows, notices: Sequence[Notice]) -> Rows:
    rows.notices = lambda: notices
    return rows


def _newest(registry: HttpSchemas) -> Rows:
    """The newest schema of each subject."""
    names, notices = _some(registry.subjects())
    found = [made for name in names if (made := registry.latest(name)) is not None]
    return _noted(_schemas(found, "subject"), notices)


def _versions(registry: HttpSchemas, subject: Name) -> Rows:
    """Every version of a subject."""
    numbers = known_versions(registry, subject)
    versions = (registry.version(subject.text, number) for number in numbers)
    return _schemas([made for made in versions if made is not None], "version")


def _schemas(found: Sequence[Registered], first: str) -> Rows:
    columns: dict[str, list[Any]] = {
        "subject": [f.subject for f in found],
        "version": [f.version for f in found],
        "id": [f.id for f in found],
        "type": [f.schema.type.value for f in found],
        "schema": [f.schema.text for f in found],
    }
    if first == "version":
        del columns["subject"]
    types = {"version": pa.int32(), "id": pa.int32()}
    return titled("", columns, {n: types.get(n, pa.string()) for n in columns})


def _compatibility(registry: HttpSchemas, subject: Name | None) -> Rows:
    """What holds for all subjects, and for this one."""
    rows = [("all subjects", registry.compatibility(None), "registry")]
    if subject is not None:
        known_versions(registry, subject)
        own = registry.compatibility(subject.text)
        rows = [(subject.text, own or rows[0][1], "subject" if own else "registry")]
    names = ("of", "compatibility", "set for")
    columns = {name: [row[i] for row in rows] for i, name in enumerate(names)}
    return titled("", columns, dict.fromkeys(names, pa.string()))


def set_compatibility(
    context: Context, statement: SetCompatibility, properties: Properties
) -> Answer | Proposal:
    """ALTER SUBJECT | REGISTRY … COMPATIBILITY; raises UnknownName, RegistryError."""
    registry, subject = registry_of(properties), statement.subject
    of_all = registry.compatibility(None)
    name, before, default = None, of_all, ""
    if subject is not None:
        known_versions(registry, subject)
        name, before = subject.text, registry.compatibility(subject.text)
        default = f"{of_all} (of the registry)"
    what = "the registry" if name is None else f"subject {name}"
    after = statement.level or None
    if before == after:
        return Message(f"The compatibility of {what} is {before or default} already.")

    def apply() -> Answer:
        registry.set_compatibility(name, statement.level)
        return Message(f"The compatibility of {what} is {after or default}.")

    title = f"Change the compatibility of {what}"
    steps = [("compatibility", before or default, after or default)]
    return Proposal(f"{title}?", planned(title, steps), apply)
