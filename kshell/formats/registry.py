"""The interface of schema registries: schemas by id and by subject.

Codecs ask `Schemas`; `registry_http` is the one that speaks to a server, `Remembered` the one in
memory that cases and tests use.  A registry that does not answer raises RegistryDown: a query may
wait for it or fail, and never reads NULL in its place.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType
from typing import Protocol

from kshell.errors import UnknownSchema

__all__ = ["Reference", "Registered", "Remembered", "Schema", "SchemaType", "Schemas",
           "SubjectNames", "subject_name"]  # fmt: skip


class SchemaType(Enum):
    """The registry's three kinds of schema, by its own names."""

    AVRO = "AVRO"
    PROTOBUF = "PROTOBUF"
    JSON = "JSON"


@dataclass(frozen=True, slots=True)
class Reference:
    """Another schema that one imports: by which name, and where the registry has it."""

    name: str
    subject: str
    version: int


def _none() -> Mapping[str, str]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Schema:
    """A schema's text; `imports` are the texts that it refers to, however far, by name.

    A text comes in `imports` before those that need it.
    """

    type: SchemaType
    text: str
    references: tuple[Reference, ...] = ()
    imports: Mapping[str, str] = field(default_factory=_none, hash=False)


@dataclass(frozen=True, slots=True)
class Registered:
    """A schema as a version of a subject."""

    id: int
    subject: str
    version: int
    schema: Schema


class Schemas(Protocol):
    """Schemas by id and by subject; every method may raise RegistryError."""

    def by_id(self, id: int) -> Schema:
        """The schema in front of a record; UnknownSchema if there is none."""

    def latest(self, subject: str) -> Registered | None:
        """The subject's newest version; None if there is no such subject."""

    def register(self, subject: str, schema: Schema) -> int:
        """The schema's id, new or found; RegistryError where it does not fit the subject."""

    def subject(self, topic: str, half: str, record: str = "") -> str:
        """The subject of a topic's "key" or "value", by the strategy that is set."""


class SubjectNames(Enum):
    """How a subject is named; the values are those of Confluent's serializers."""

    TOPIC = "TopicNameStrategy"
    RECORD = "RecordNameStrategy"
    TOPIC_RECORD = "TopicRecordNameStrategy"


def subject_name(names: SubjectNames, topic: str, half: str, record: str = "") -> str:
    """The subject of a topic's "key" or "value"; `record` is the full name of the schema's record.

    >>> subject_name(SubjectNames.TOPIC, "orders", "value")
    'orders-value'
    >>> subject_name(SubjectNames.TOPIC_RECORD, "orders", "value", "shop.Order")
    'orders-shop.Order'
    """
    if names is SubjectNames.TOPIC or not record:
        return f"{topic}-{half}"
    return record if names is SubjectNames.RECORD else f"{topic}-{record}"


class Remembered:
    """Schemas in memory: ids from 1, one for each text, versions in the order they came.

    >>> known = Remembered()
    >>> known.register("t-value", Schema(SchemaType.AVRO, '"string"'))
    1
    >>> known.latest("t-value").id, known.latest("other")
    (1, None)
    """

    def __init__(self) -> None:
        self._by_id: dict[int, Schema] = {}
        self._subjects: dict[str, list[Registered]] = {}

    def by_id(self, id: int) -> Schema:
        """As `Schemas.by_id`."""
        if id not in self._by_id:
            raise UnknownSchema(f"no schema with the id {id}")
        return self._by_id[id]

    def latest(self, subject: str) -> Registered | None:
        """As `Schemas.latest`."""
        versions = self._subjects.get(subject)
        return versions[-1] if versions else None

    def register(self, subject: str, schema: Schema) -> int:
        """As `Schemas.register`; nothing is refused."""
        known = (i for i, s in self._by_id.items() if _same(s, schema))
        id = next(known, max(self._by_id, default=0) + 1)
        return self.put(subject, schema, id)

    def put(self, subject: str, schema: Schema, id: int) -> int:
        """Registers under that id."""
        self._by_id[id] = schema
        versions = self._subjects.setdefault(subject, [])
        if all(v.id != id for v in versions):
            versions.append(Registered(id, subject, len(versions) + 1, schema))
        return id

    def subject(self, topic: str, half: str, record: str = "") -> str:
        """As `Schemas.subject`, by topic."""
        return subject_name(SubjectNames.TOPIC, topic, half, record)


def _same(one: Schema, other: Schema) -> bool:
    return (one.type, one.text, dict(one.imports)) == (other.type, other.text, dict(other.imports))
