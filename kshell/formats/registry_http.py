"""The schema registry's REST API (Confluent's; Apicurio, Karapace and Redpanda speak it as well).

`open_schemas` makes a `Schemas` of the properties.  Ids are kept in memory and on disk.  If an
address does not answer, it is tried again, then the next one, then RegistryDown.  No error shows a
secret.
"""

from __future__ import annotations

import random
import ssl
import time
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NoReturn
from urllib.parse import quote, unquote, urlsplit, urlunsplit

import httpx

from kshell.config import cache_home
from kshell.config.certificates import tls_context
from kshell.errors import RegistryDown, RegistryError, UnknownSchema, UsageError
from kshell.formats.registry import (
    Reference,
    Registered,
    Schema,
    SchemaType,
    SubjectNames,
    subject_name,
)
from kshell.formats.registry_cache import SchemaFiles
from kshell.permits import check_writes

__all__ = ["HttpSchemas", "open_schemas"]

_TRIES = 3  # at every address
_FIRST_WAIT = 0.1  # seconds before the second try; doubled before the third
_MAX_ANSWER = 16 << 20  # bytes
_MAX_DEPTH, _MAX_IMPORTS = 32, 500  # of references
_REST = 0.5  # seconds in which one that did not answer is not asked again
_AGAIN = frozenset({408, 429, 500, 502, 503, 504})
_MEDIA = "application/vnd.schemaregistry.v1+json"
_NO_SUBJECT, _NO_VERSION, _NO_SCHEMA = 40401, 40402, 40403


def open_schemas(properties: Mapping[str, str]) -> HttpSchemas:
    """The registry of `schema.registry.url`; UsageError where the properties do not fit.

    >>> open_schemas({"schema.registry.url": "http://localhost:8081"}).addresses
    ['http://localhost:8081']
    """
    urls = [u.strip() for u in properties.get("schema.registry.url", "").split(",") if u.strip()]
    if not urls:
        raise UsageError("no schema registry", hint="--registry URL, or schema.registry.url")
    split = [_split_url(u) for u in urls]
    user_info = properties.get("schema.registry.basic.auth.user.info", "") or split[0][1]
    token = properties.get("schema.registry.bearer.token", "")
    if token and user_info:
        raise UsageError(
            "the schema registry has both a token and a user",
            hint="unset schema.registry.bearer.token or schema.registry.basic.auth.user.info",
        )
    user, _, password = user_info.partition(":")
    client = httpx.Client(
        auth=httpx.BasicAuth(user, password) if user_info else None,
        headers={"Authorization": f"Bearer {token}"} if token else {},
        verify=tls_context(properties, "schema.registry."),
        timeout=int(properties.get("schema.registry.timeout.ms", "5000")) / 1000,
        follow_redirects=False,  # a redirect would take the password elsewhere
    )
    names = {
        half: SubjectNames(properties.get(f"{half}.subject.name.strategy", "TopicNameStrategy"))
        for half in ("key", "value")
    }
    return HttpSchemas([address for address, _ in split], client, names, properties)


def _split_url(url: str) -> tuple[str, str]:
    """The address without user and password, and those."""
    parts = urlsplit(url if "://" in url else f"http://{url}")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(
            "schema.registry.url is no http or https address", hint="http://localhost:8081"
        )
    host = parts.netloc.rpartition("@")[2]
    secret = f"{unquote(parts.username)}:{unquote(parts.password or '')}" if parts.username else ""
    return urlunsplit((parts.scheme, host, parts.path.rstrip("/"), "", "")), secret


class HttpSchemas:
    """`Schemas` of a server; made by `open_schemas`."""

    def __init__(
        self,
        addresses: Sequence[str],
        client: httpx.Client,
        names: Mapping[str, SubjectNames],
        properties: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.addresses = list(addresses)
        self._client, self._names = client, dict(names)
        self._properties = properties
        self._files = SchemaFiles(cache_home(), addresses)
        self._by_id: dict[int, Schema] = {}
        self._unknown: dict[int, UnknownSchema] = {}
        self._ids: dict[tuple[str, SchemaType, str], int] = {}
        self._versions: dict[tuple[str, int], Schema] = {}
        self._unproven: int | None = None  # an id that only its file vouches for
        self._down_until, self._why_down = 0.0, ""

    def close(self) -> None:
        """Lets go of the connections."""
        self._client.close()

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
        reason = ""
        if time.monotonic() < self._down_until:
            raise self._down()
        for tried in range(_TRIES):
            if tried:
                time.sleep(_FIRST_WAIT * 2 ** (tried - 1) * random.uniform(0.7, 1.3))
            for address in self.addresses:
                try:
                    status, answer = self._send(method, address + path, body)
                except httpx.HTTPError as error:
                    reason = _reason(error)
                    continue
                if status in _AGAIN:
                    reason = f"HTTP {status}"
                    continue
                return self._judge(status, answer, what)
        self._why_down, self._down_until = reason, time.monotonic() + _REST
        raise self._down()

    def _down(self) -> RegistryDown:
        return RegistryDown(
            f"the schema registry at {', '.join(self.addresses)} does not answer: {self._why_down}",
            hint="is it running, and is schema.registry.url right?",
        )

    def _send(self, method: str, url: str, body: Any) -> tuple[int, Any]:
        with self._client.stream(
            method, url, json=body, headers={"Accept": f"{_MEDIA}, application/json"}
        ) as response:
            data = bytearray()
            for piece in response.iter_bytes():
                data += piece
                if len(data) > _MAX_ANSWER:
                    raise RegistryError(f"the schema registry answered more than {_MAX_ANSWER} B")
            return response.status_code, _json(bytes(data))

    def _judge(self, status: int, answer: Any, what: str) -> Any:
        code = answer.get("error_code") if isinstance(answer, dict) else None
        if 200 <= status < 300:
            if answer is None:
                self._nonsense(what)
            return answer
        if status == 404 and code in (_NO_SUBJECT, _NO_VERSION, _NO_SCHEMA):
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


def _references(node: Any) -> tuple[Reference, ...]:
    return tuple(
        Reference(str(r["name"]), str(r["subject"]), int(r["version"]))
        for r in node.get("references") or ()
    )


def _json(data: bytes) -> Any:
    import orjson

    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        return None


def _reason(error: httpx.HTTPError) -> str:
    """What failed, without the request (whose address and headers may hold secrets)."""
    if isinstance(error, httpx.TimeoutException):
        return "no answer in time"
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            return f"TLS: {cause.reason or type(cause).__name__}"
        cause = cause.__cause__ or cause.__context__
    return "connection refused" if isinstance(error, httpx.ConnectError) else type(error).__name__
