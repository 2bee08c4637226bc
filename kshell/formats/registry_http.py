"""The schema registry's REST API (Confluent's; Apicurio, Karapace and Redpanda speak it as well).

`open_schemas` makes a `Schemas` of the properties.  Ids are kept in memory and on disk.  If an
address does not answer, it is tried again, then the next one, then RegistryDown.  No error shows a
secret.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NoReturn
from urllib.parse import quote

from kshell.config import cache_home
from kshell.errors import RegistryDown, RegistryError, UnknownSchema
from kshell.formats.registry import (
    Reference,
    Registered,
    Schema,
    SchemaType,
    SubjectNames,
    subject_name,
)
from kshell.formats.registry_cache import SchemaFiles
from kshell.kafka.rest import Rest, Service
from kshell.permits import check_writes

__all__ = ["REGISTRY", "HttpSchemas", "open_schemas"]

_MAX_DEPTH, _MAX_IMPORTS = 32, 500  # of references
_NO_SUBJECT, _NO_VERSION, _NO_SCHEMA, _NO_COMPATIBILITY = 40401, 40402, 40403, 40408
_MISSING = frozenset({_NO_SUBJECT, _NO_VERSION, _NO_SCHEMA, _NO_COMPATIBILITY})


REGISTRY = Service(
    "the schema registry", "schema.registry.", "--registry", "http://localhost:8081",
    RegistryDown, RegistryError, frozenset({408, 429, 500, 502, 503, 504}),
    "application/vnd.schemaregistry.v1+json",
)  # fmt: skip


def open_schemas(properties: Mapping[str, str]) -> HttpSchemas:
    """The registry of `schema.registry.url`; UsageError where the properties do not fit.

    >>> open_schemas({"schema.registry.url": "http://localhost:8081"}).addresses
    ['http://localhost:8081']
    """
    names = {
        half: SubjectNames(properties.get(f"{half}.subject.name.strategy", "TopicNameStrategy"))
        for half in ("key", "value")
    }
    return HttpSchemas(Rest.open(REGISTRY, properties), names, properties)


class HttpSchemas:
    """`Schemas` of a server; made by `open_schemas`."""

    def __init__(
        self,
        rest: Rest,
        names: Mapping[str, SubjectNames],
        properties: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._rest, self._names = rest, dict(names)
        self._properties = properties
        self._files = SchemaFiles(cache_home(), rest.addresses)
        self._by_id: dict[int, Schema] = {}
        self._unknown: dict[int, UnknownSchema] = {}
        self._ids: dict[tuple[str, SchemaType, str], int] = {}
        self._versions: dict[tuple[str, int], Schema] = {}
        self._unproven: int | None = None  # an id that only its file vouches for

    @property
    def addresses(self) -> list[str]:
        """Where it is asked, the first first."""
        return self._rest.addresses

    def close(self) -> None:
        """Lets go of the connections."""
        self._rest.close()

    def by_id(self, id: int) -> Schema:
        """As `Schemas.by_id`: memory, then disk, then the server.

        An id that the server does not know is asked for once, however many records bear it.
        """
        if id in self._unknown:
            raise self._unknown[id]
        if id not in self._by_id:
            self._by_id[id] = self._find(id)
        return self._by_id[id]

    def _find(self, id: int) -> Schema:
        kept = self._files.read(id)
        if kept is not None:
            self._unproven = id
            return kept
        try:
            schema = self._fetch(id)
        except UnknownSchema as error:
            self._unknown[id] = error
            raise
        self._prove()
        self._files.write(id, schema)
        return schema

    def _prove(self) -> None:
        """Hold a file against the server, which is asked anyway: it may have been made anew."""
        id, self._unproven = self._unproven, None
        if id is None:
            return
        try:
            same = self._fetch(id) == self._by_id.get(id)
        except UnknownSchema:
            same = False
        if not same:
            self._files.clear()
            self._by_id.clear()
            raise RegistryError(
                f"the schema registry at {self.addresses[0]} is another than before: its id {id}"
                " means another schema",
                hint="what was kept of the old one is gone; run the statement again",
            )

    def _fetch(self, id: int) -> Schema:
        node = self._ask("GET", f"/schemas/ids/{id}", what=f"schema id {id}")
        if node is None:
            raise UnknownSchema(
                f"the schema registry has no schema with the id {id}",
                hint="was the record written with another registry?",
            )
        return self._schema(node)

    def latest(self, subject: str) -> Registered | None:
        """As `Schemas.latest`; asked for every time, since it may change."""
        return self._version(subject, "latest")

    def _version(self, subject: str, version: int | str) -> Registered | None:
        path = f"/subjects/{quote(subject, safe='')}/versions/{version}"
        node = self._ask("GET", path, what=f"subject {subject}")
        if node is None:
            return None
        try:
            return Registered(int(node["id"]), subject, int(node["version"]), self._schema(node))
        except (KeyError, TypeError, ValueError):
            self._nonsense(f"subject {subject}")

    def subjects(self) -> list[str]:
        """The names of all subjects."""
        found = self._ask("GET", "/subjects", what="its subjects")
        if not (isinstance(found, list) and all(isinstance(name, str) for name in found)):
            self._nonsense("its subjects")
        return sorted(found)

    def versions(self, subject: str) -> list[int]:
        """The numbers of a subject's versions; none if there is no such subject."""
        path = f"/subjects/{quote(subject, safe='')}/versions"
        found = self._ask("GET", path, what=f"subject {subject}")
        if found is not None and not (
            isinstance(found, list) and all(isinstance(n, int) for n in found)
        ):
            self._nonsense(f"subject {subject}")
        return sorted(found or ())

    def version(self, subject: str, number: int) -> Registered | None:
        """A version of a subject; None if it is not there."""
        return self._version(subject, number)

    def compatibility(self, subject: str | None) -> str | None:
        """What a subject's next schema must fit, None where that is not set for it; or what holds
        for all subjects of which nothing is set."""
        found = self._ask("GET", _config(subject), what="the compatibility")
        if found is None:
            return None
        level = found.get("compatibilityLevel") if isinstance(found, dict) else None
        if not isinstance(level, str):
            self._nonsense("the compatibility")
        return level

    def set_compatibility(self, subject: str | None, level: str) -> None:
        """Set it; an empty level takes a subject's own away."""
        what = "the compatibility" + (f" of {subject}" if subject else "")
        check_writes(self._properties, f"setting {what}")
        if level:
            self._ask("PUT", _config(subject), {"compatibility": level}, what=what)
        else:
            self._ask("DELETE", _config(subject), what=what)

    def subject(self, topic: str, half: str, record: str = "") -> str:
        """As `Schemas.subject`, by key.subject.name.strategy and value.subject.name.strategy."""
        return subject_name(self._names.get(half, SubjectNames.TOPIC), topic, half, record)

    def register(self, subject: str, schema: Schema) -> int:
        """As `Schemas.register`."""
        check_writes(self._properties, f"registering a schema for {subject}")
        key = (subject, schema.type, schema.text)
        if key not in self._ids:
            body: dict[str, Any] = {"schema": schema.text, "schemaType": schema.type.value}
            if schema.references:
                body["references"] = [
                    {"name": r.name, "subject": r.subject, "version": r.version}
                    for r in schema.references
                ]
            path = f"/subjects/{quote(subject, safe='')}/versions"
            node = self._ask("POST", path, body, what=f"subject {subject}")
            if not isinstance(node, dict) or not isinstance(node.get("id"), int):
                self._nonsense(f"subject {subject}")
            self._ids[key] = node["id"]
            self._by_id.setdefault(node["id"], schema)
        return self._ids[key]

    def _schema(self, node: Any) -> Schema:
        try:
            type = SchemaType(node.get("schemaType") or "AVRO")
            text = str(node["schema"])
            references = _references(node)
        except (KeyError, TypeError, ValueError, AttributeError):
            self._nonsense("a schema")
        imports: dict[str, str] = {}
        self._import(references, imports, 0)
        return Schema(type, text, references, imports)

    def _import(self, references: Sequence[Reference], into: dict[str, str], depth: int) -> None:
        """Every text that these refer to, those it needs itself before it."""
        if depth > _MAX_DEPTH:
            raise RegistryError(f"schema references go deeper than {_MAX_DEPTH}")
        for reference in references:
            if reference.name in into:
                continue
            if len(into) >= _MAX_IMPORTS:
                raise RegistryError(f"a schema refers to more than {_MAX_IMPORTS} others")
            key = (reference.subject, reference.version)
            path = f"/subjects/{quote(key[0], safe='')}/versions/{key[1]}"
            if key not in self._versions:
                node = self._ask("GET", path, what=f"subject {key[0]}")
                if node is None:
                    raise UnknownSchema(f"a reference to {key[0]} version {key[1]} leads nowhere")
                try:
                    self._versions[key] = Schema(
                        SchemaType(node.get("schemaType") or "AVRO"),
                        str(node["schema"]),
                        _references(node),
                    )
                except (KeyError, TypeError, ValueError, AttributeError):
                    self._nonsense(f"subject {key[0]}")
            found = self._versions[key]
            self._import(found.references, into, depth + 1)
            into[reference.name] = found.text

    def _nonsense(self, what: str) -> NoReturn:
        raise RegistryError(
            f"what the schema registry at {self.addresses[0]} says of {what} is no answer",
            hint="is schema.registry.url the base of a Confluent-compatible API?",
        )

    def _ask(self, method: str, path: str, body: Any = None, *, what: str) -> Any:
        """The answer's JSON; None where there is no such thing."""
        status, answer = self._rest.ask(method, path, body)
        return self._judge(status, answer, what)

    def _judge(self, status: int, answer: Any, what: str) -> Any:
        code = answer.get("error_code") if isinstance(answer, dict) else None
        if 200 <= status < 300:
            if answer is None:
                self._nonsense(what)
            return answer
        if status == 404 and code in _MISSING:
            return None
        if status in (401, 403):
            raise RegistryError(
                f"the schema registry refused us {what}: HTTP {status}",
                hint="schema.registry.basic.auth.user.info is user:password",
            )
        if status == 404:
            self._nonsense(what)
        said = answer.get("message") if isinstance(answer, dict) else None
        reason = str(said)[:500] if said else f"HTTP {status}"
        hint = "the subject's compatibility forbids this schema" if status == 409 else ""
        raise RegistryError(f"the schema registry refused {what}: {reason}", hint=hint)


def _config(subject: str | None) -> str:
    return "/config" if subject is None else f"/config/{quote(subject, safe='')}"


def _references(node: Any) -> tuple[Reference, ...]:
    return tuple(
        Reference(str(r["name"]), str(r["subject"]), int(r["version"]))
        for r in node.get("references") or ()
    )
