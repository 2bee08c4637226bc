"""Servers with a REST API beside the brokers: the schema registry and Kafka Connect.

`registry_http` and `connect` ask by a `Rest`.  If an address does not answer, it is tried again,
then the next one.  Answers are capped, redirects are not followed (one would take the password
elsewhere), a secret goes over plain http to this machine only, and no error shows a secret.
"""

from __future__ import annotations

import random
import socket
import ssl
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

import httpx

from kshell.config.certificates import tls_context
from kshell.config.exposed import is_this_machine
from kshell.errors import KshellError, UsageError

__all__ = ["Rest", "Service", "check_private"]

_TRIES = 3  # at every address
_FIRST_WAIT = 0.1  # seconds before the second try; doubled before the third
_MAX_ANSWER = 16 << 20  # bytes
_LONGEST_ANSWER = 30.0  # seconds
_REST = 0.5  # seconds in which one that did not answer is not asked again


@dataclass(frozen=True, slots=True)
class Service:
    """A kind of server: what errors call it, what its properties begin with, the option that names
    it and an address as an example, the errors of one that is down or refuses, and the HTTP codes
    of what may pass."""

    name: str
    lead: str
    option: str
    example: str
    down: type[KshellError]
    failed: type[KshellError]
    passing: frozenset[int]
    media: str = "application/json"
    exact: bool = False  # it has one address, which is asked as it stands


class Rest:
    """One server with one or more addresses."""

    def __init__(
        self,
        service: Service,
        addresses: Sequence[str],
        client: httpx.Client,
        properties: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.service, self.addresses = service, list(addresses)
        self.properties = properties
        self._client = client
        self._down_until, self._why_down = 0.0, ""

    @classmethod
    def open(cls, service: Service, properties: Mapping[str, str]) -> Rest:
        """The server that the properties name; raises UsageError where they do not fit."""
        lead = service.lead
        named = properties.get(f"{lead}url", "")
        listed = [named] if service.exact else named.split(",")
        urls = [url.strip() for url in listed if url.strip()]
        if not urls:
            raise UsageError(
                f"no {service.name.removeprefix('the ')}",
                hint=f"{service.option} URL, or {lead}url",
            )
        split = [_split_url(url, service) for url in urls]
        addresses = [address for address, _ in split]
        user_info = properties.get(f"{lead}basic.auth.user.info", "") or split[0][1]
        token = properties.get(f"{lead}bearer.token", "")
        if token and user_info:
            raise UsageError(
                f"{service.name} has both a token and a user",
                hint=f"unset {lead}bearer.token or {lead}basic.auth.user.info",
            )
        if token or user_info:
            check_private(addresses, properties, f"the login of {service.name}")
        user, _, password = user_info.partition(":")
        client = httpx.Client(
            auth=httpx.BasicAuth(user, password) if user_info else None,
            headers={"Authorization": f"Bearer {token}"} if token else {},
            verify=tls_context(properties, lead),
            timeout=int(properties.get(f"{lead}timeout.ms", "5000")) / 1000,
            follow_redirects=False,
        )
        return cls(service, addresses, client, properties)

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()

    def ask(
        self, method: str, path: str, body: Any = None, form: Mapping[str, str] | None = None
    ) -> tuple[int, Any]:
        """The HTTP code and the answer's JSON, None where it is none; raises the service's errors.
        Sent is a body as JSON, or a form.

        A server that did not answer a moment ago is not asked.
        """
        if time.monotonic() < self._down_until:
            raise self._down()
        reason = ""
        for tried in range(_TRIES):
            if tried:
                time.sleep(_FIRST_WAIT * 2 ** (tried - 1) * random.uniform(0.7, 1.3))
            for address in self.addresses:
                try:
                    status, answer = self._send(method, address + path, body, form)
                except httpx.HTTPError as error:
                    reason = _reason(error, urlsplit(address).hostname or "")
                    continue
                if status in self.service.passing:
                    reason = f"HTTP {status}"
                    continue
                return status, answer
        self._why_down, self._down_until = reason, time.monotonic() + _REST
        raise self._down()

    def wake(self) -> None:
        """Ask again at once, though it did not answer a moment ago."""
        self._down_until = 0.0

    def _down(self) -> KshellError:
        service = self.service
        hint = f"is it running, and is {service.lead}url right?"
        if "CERTIFICATE" in self._why_down:
            hint = f"{service.lead}ssl.ca.location names the authorities to trust"
        return service.down(
            f"{service.name} at {', '.join(self.addresses)} does not answer: {self._why_down}",
            hint=hint,
        )

    def _send(
        self, method: str, url: str, body: Any, form: Mapping[str, str] | None
    ) -> tuple[int, Any]:
        service = self.service
        accept = {"Accept": f"{service.media}, application/json"}
        began = time.monotonic()
        with self._client.stream(method, url, json=body, data=form, headers=accept) as response:
            data = bytearray()
            for piece in response.iter_bytes():
                data += piece
                if time.monotonic() - began > _LONGEST_ANSWER:
                    raise httpx.ReadTimeout("")
                if len(data) > _MAX_ANSWER:
                    raise service.failed(f"{service.name} answered more than {_MAX_ANSWER} B")
            return response.status_code, _json(bytes(data))


def check_private(addresses: Sequence[str], properties: Mapping[str, str], what: str) -> None:
    """Raise UsageError where a secret would go over plain http to another machine.

    >>> check_private(["http://127.0.0.1:8083", "https://connect"], {}, "a password")
    >>> check_private(["http://connect"], {"kshell.insecure": "true"}, "a password")
    """
    if properties.get("kshell.insecure") == "true":
        return
    for address in addresses:
        parts = urlsplit(address)
        if parts.scheme == "http" and not is_this_machine(parts.hostname or ""):
            raise UsageError(
                f"{what} would go over plain http to {parts.hostname}",
                hint="an https address; or kshell.insecure=true when connecting",
            )


def _split_url(url: str, service: Service) -> tuple[str, str]:
    """The address without user and password, and those."""
    parts = urlsplit(url if "://" in url else f"http://{url}")
    if parts.scheme not in ("http", "https") or not parts.hostname or not _has_port(parts):
        raise UsageError(f"{service.lead}url is no http or https address", hint=service.example)
    host = parts.netloc.rpartition("@")[2]
    secret = f"{unquote(parts.username)}:{unquote(parts.password or '')}" if parts.username else ""
    path, query = (parts.path, parts.query) if service.exact else (parts.path.rstrip("/"), "")
    return urlunsplit((parts.scheme, host, path, query, "")), secret


def _has_port(parts: SplitResult) -> bool:
    """Whether the port is a number, if there is one."""
    try:
        return parts.port != 0
    except ValueError:
        return False


def _json(data: bytes) -> Any:
    import orjson

    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        return None


def _reason(error: httpx.HTTPError, host: str) -> str:
    """What failed, without the request (whose address and headers may hold secrets)."""
    if isinstance(error, httpx.TimeoutException):
        return "no answer in time"
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            why = getattr(cause, "verify_message", "")  # of a certificate
            return f"TLS: {cause.reason or type(cause).__name__}{f': {why}' if why else ''}"
        if isinstance(cause, socket.gaierror):
            return f"no host has the name {host}"
        cause = cause.__cause__ or cause.__context__
    return "connection refused" if isinstance(error, httpx.ConnectError) else type(error).__name__
