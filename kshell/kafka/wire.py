"""Connections to brokers, and the few requests that reading needs; runs on the client's event loop.

aiokafka's connections do TLS, SASL and version lookup.  Cluster metadata is our own code, so that
no request creates a topic and every refusal is raised as it is: aiokafka's client would log it and
say "unable to bootstrap".
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import re
import ssl
import time
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

from aiokafka import errors as codes
from aiokafka.abc import AbstractTokenProvider
from aiokafka.protocol.admin import DescribeConfigsRequest

from kshell.config import MASK, Properties
from kshell.errors import (
    KafkaError,
    LoginRefused,
    Outage,
    TopicChanged,
    UnknownName,
    Unreachable,
    UsageError,
)
from kshell.kafka.frames import FrameConnection, open_connection
from kshell.kafka.metadata import Cluster, MetadataRequest, Topic, cluster_of
from kshell.kafka.rights import refused
from kshell.kafka.tokens import Token, Tokens, logs_in_by_token, missing_token, tokens_of

__all__ = ["Wire"]

# kshell raises what aiokafka would log; its log must not reach the terminal.
logging.getLogger("aiokafka").addHandler(logging.NullHandler())

_FORBIDDEN, _OUT_OF_RANGE = 29, 1
_NO_TOPIC = frozenset({3, 17})  # unknown, and a name that no topic can have
_TOPIC = 2  # Kafka's number for a topic's configs
_STATIC = 4  # from here on a config's source is the broker's file or Kafka's default
_RECENT = 1.0  # seconds for which `watched` asks nobody again
_LATELY = 10.0  # seconds after which it forgets a name that nobody asks for
_MOVED = frozenset({3, 5, 6, 9, 74, 75, 76, 100, 103})  # error codes that new metadata may solve


_SERVER = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([^\s:/;\[\]]+))(?::(\d{1,5}))?")


def _parse_servers(text: str) -> list[tuple[str, int]]:
    """host:port pairs; 9092 where no port is given.  Raises UsageError.

    >>> _parse_servers("a:1, b,[::1]:9093")
    [('a', 1), ('b', 9092), ('::1', 9093)]
    """
    servers = []
    for item in text.split(","):
        found = _SERVER.fullmatch(item.strip())
        port = int(found[3] or 9092) if found is not None else 0
        if found is None or not 0 < port < 1 << 16:
            raise UsageError(
                f"{item.strip() or 'nothing'} is no bootstrap server",
                hint="host:port, and commas between several: a:9092,b:9092; IPv6 as [::1]:9092",
            )
        servers.append((found[1] or found[2], port))
    return servers


def _error_name(code: int) -> str:
    """Kafka's name for an error code, for messages."""
    error = codes.for_code(code)
    return f"{getattr(error, 'message', error.__name__)} ({code})"


class _Provider(AbstractTokenProvider):  # type: ignore[misc]
    """The token of one login."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens
        self._used: Token | None = None

    async def token(self) -> str:
        self._used = await self._tokens.awaited()
        return self._used.text

    def another(self) -> bool:
        """Whether another token may be accepted where this one was refused."""
        return self._used is not None and self._tokens.forget(self._used)


def _ssl_context(properties: Properties) -> ssl.SSLContext:
    """TLS by the ssl.* properties."""
    from kshell.config.certificates import tls_context  # no start without TLS waits for it

    context = tls_context(properties)
    if properties["ssl.endpoint.identification.algorithm"] == "none":
        context.check_hostname = False
    return context


def _settings(p: Properties) -> dict[str, Any]:
    """The connection's properties as aiokafka's connections take them."""
    protocol = p["security.protocol"]
    settings: dict[str, Any] = {
        "client_id": p["client.id"],
        "request_timeout_ms": 3_600_000,  # `frames` ends what is silent
        "security_protocol": protocol,
        "max_idle_ms": 540_000,
    }
    if protocol.endswith("SSL"):
        settings["ssl_context"] = _ssl_context(p)
    if protocol.startswith("SASL"):
        settings["sasl_mechanism"] = p["sasl.mechanism"]
        settings["sasl_plain_username"] = p.get("sasl.username", "")
        settings["sasl_plain_password"] = p.get("sasl.password", "")
        settings["sasl_kerberos_service_name"] = p["sasl.kerberos.service.name"]
        if p["sasl.mechanism"] == "GSSAPI" and find_spec("gssapi") is None:
            raise UsageError(
                "sasl.mechanism=GSSAPI needs the package gssapi",
                hint="pip install 'kshell[kerberos]' (it compiles, with Kerberos' headers:"
                " libkrb5-dev, krb5-devel); then kinit",
            )
    return settings


def _provider(p: Properties) -> _Provider | None:
    """What gives the token of a login, if it is one by tokens."""
    return _Provider(tokens_of(p)) if logs_in_by_token(p) else None


def _readable(topic: Topic) -> Topic:
    """The topic, if kshell can read it; raises Forbidden or KafkaError."""
    if topic.error == _FORBIDDEN:
        raise refused("DESCRIBE", f"topic {topic.name}")
    if topic.error:
        raise KafkaError(f"topic {topic.name}: {_error_name(topic.error)}")
    return topic


def _found(cluster: Cluster, name: str) -> Topic | None:
    """The topic of that name, None if there is none; raises Forbidden or KafkaError."""
    found = next((t for t in cluster.topics if t.name == name), None)
    if found is None or found.error in _NO_TOPIC:
        return None
    return _readable(found)


class Wire:
    """All connections of one client; every coroutine runs on its loop."""

    def __init__(self) -> None:
        self.servers: list[tuple[str, int]] = []
        self.timeout = 0.0
        self.cluster = Cluster("", -1, (), ())
        self._properties = Properties({})
        self._settings: dict[str, Any] = {}
        self._connections: dict[tuple[int, str], FrameConnection] = {}
        self._locks: dict[tuple[int, str], asyncio.Lock] = {}
        self._leased: set[int] = set()
        # For `watched`: when each name was asked for, and what was seen last.
        self._watching = asyncio.Lock()
        self._watched: dict[str, float] = {}
        self._seen, self._seen_at = self.cluster, 0.0

    async def connect(self, properties: Properties) -> None:
        """Get the metadata from the first server that answers; raises ConnectionFailed."""
        self._properties = properties
        self.servers = _parse_servers(properties["bootstrap.servers"])
        self.timeout = (properties.number("kshell.connect.timeout.ms") or 5000) / 1000
        failure: Exception | None = None
        for host, port in self.servers:
            try:
                self._settings = self._settings or _settings(properties)
                login = await self._login()
                async with asyncio.timeout(self.timeout):
                    connection = await open_connection(host, port, **self._settings, **login)
                    try:
                        await self._learn(connection, [])
                    finally:
                        connection.close()
                return
            except Exception as error:
                from kshell.kafka.diagnose import diagnose

                failure = await diagnose(host, port, error, properties, self.timeout)
        assert failure is not None
        raise failure

    async def _learn(self, connection: FrameConnection, topics: Sequence[str] | None) -> Cluster:
        cluster = cluster_of(await connection.send(MetadataRequest(topics)))
        if cluster.brokers:
            self.cluster = cluster
        return cluster

    def lease(self) -> int:
        """A number for the connections of one read.  A broker answers the requests of one
        connection in order, so a fetch that waits for records would block all others.  `release`
        gives it back."""
        free = next(n for n in itertools.count() if n not in self._leased)
        self._leased.add(free)
        return free

    def release(self, lease: int) -> None:
        """The read is over; the next read may use its connections, but those where a broker still
        holds an answer."""
        self._leased.discard(lease)
        for key, connection in list(self._connections.items()):
            if key[1].startswith(f"fetch {lease}.") and connection.waits:
                del self._connections[key]
                connection.close()  # nobody waits for it any more

    async def _open(self, host: str, port: int) -> FrameConnection:
        """A new connection; raises LoginRefused or WrongListener, which no second try would mend,
        Outage where no token can be had now, else OSError or aiokafka's."""
        try:
            login = await self._login()
        except Unreachable as error:
            raise Outage(f"no token for the brokers: {error.what}", hint=error.hint) from None
        try:
            async with asyncio.timeout(self.timeout):
                return await open_connection(host, port, **self._settings, **login)
        except Exception as error:
            from kshell.kafka.diagnose import refusal

            why = refusal(host, port, error, self._properties)
            if why is None:
                raise
            if not isinstance(why, LoginRefused) or not any(p.another() for p in login.values()):
                raise why from None
        return await self._open(host, port)

    async def _login(self) -> dict[str, _Provider]:
        """What a connection needs for its login, with a token at hand: the time that it takes is
        not that of the connection."""
        provider = _provider(self._properties)
        if provider is None:
            return {}
        await provider.token()
        return {"sasl_oauth_token_provider": provider}

    @property
    def missing_token(self) -> str:
        """Why there is no token for the brokers now; "" where there is, or none is needed."""
        return missing_token(self._properties)

    async def connection(self, node: int, group: str = "control") -> FrameConnection:
        """The open connection to a broker for one kind of work; raises OSError or aiokafka's.

        A new one takes its place before the broker would end it for the age of its login.
        """
        key = (node, group)
        async with self._locks.setdefault(key, asyncio.Lock()):
            connection = self._connections.get(key)
            if connection is not None and connection.connected():
                if time.monotonic() < connection.until:
                    return connection
                connection.leave()
            broker = next((b for b in self.cluster.brokers if b.id == node), None)
            if broker is None:
                raise codes.StaleMetadata(f"broker {node} is not in the cluster's metadata")
            connection = await self._open(broker.host, broker.port)
            self._connections[key] = connection
            return connection

    def heard(self, node: int, group: str) -> float:
        """When a byte came last over that connection (time.monotonic), 0 for never."""
        connection = self._connections.get((node, group))
        return 0.0 if connection is None else connection.heard

    async def send(self, node: int, request: Any, group: str = "control") -> Any:
        """One request to one broker."""
        return await (await self.connection(node, group)).send(request)

    async def metadata(self, topics: Sequence[str] | None) -> Cluster:
        """The cluster's metadata now, from any broker; raises Outage if none answers."""
        failures = []
        for broker in self.cluster.brokers:
            try:
                return await self._learn(await self.connection(broker.id), topics)
            except (OSError, codes.KafkaError, TimeoutError) as error:
                failures.append(f"{broker.host}:{broker.port} {error or type(error).__name__}")
        for host, port in self.servers:
            try:
                connection = await self._open(host, port)
                try:
                    return await self._learn(connection, topics)
                finally:
                    connection.close()
            except (OSError, codes.KafkaError, TimeoutError) as error:
                failures.append(f"{host}:{port} {error or type(error).__name__}")
        raise Outage("no broker answers", hint="; ".join(dict.fromkeys(failures)))

    async def find(self, name: str) -> Topic | None:
        """One topic, or None if it does not exist; raises Forbidden, KafkaError or Outage."""
        return _found(await self.metadata([name]), name)

    def seen_lately(self, name: str) -> bool:
        """Whether `watched` knows a topic without a request; any thread may ask."""
        if name in self._watched:
            self._watched[name] = time.monotonic()
        return name in self._watched and time.monotonic() - self._seen_at < _RECENT

    def seen(self, name: str) -> Topic | None:
        """The topic as `watched` saw it last; any thread may ask."""
        return _found(self._seen, name)

    def forget(self) -> None:
        """Ask again at the next `watched`; any thread may call."""
        self._seen_at = 0.0

    async def watched(self, name: str) -> Topic | None:
        """`find` for who asks again and again: as it was at most a second ago.

        One request gets all topics that were asked for lately.
        """
        async with self._watching:
            if not self.seen_lately(name):
                now = time.monotonic()
                asked = {n: at for n, at in self._watched.items() if now - at < _LATELY}
                asked[name] = now
                # In this order, for the threads that look without a lock.
                self._seen = await self.metadata(list(asked))
                self._watched, self._seen_at = asked, now
        return self.seen(name)

    async def topic(self, name: str) -> Topic:
        """One topic that can be read; raises UnknownName, Forbidden, KafkaError or Outage."""
        found = await self.find(name)
        if found is None:
            known = [t.name for t in (await self.metadata(None)).topics]
            raise UnknownName("topic", name, known)
        return found

    async def serves(self, request: int) -> bool:
        """Whether brokers support that kind of request: the embedded one supports few."""
        return request in (await self._any()).versions

    async def _any(self) -> FrameConnection:
        """A connection to any broker that answers; raises Outage."""
        failures = []
        for broker in self.cluster.brokers:
            try:
                return await self.connection(broker.id)
            except (OSError, codes.KafkaError, TimeoutError) as error:
                failures.append(f"{broker.host}:{broker.port} {error or type(error).__name__}")
        raise Outage("no broker answers", hint="; ".join(failures))

    async def configs(self, topic: str) -> list[tuple[str, str, bool]]:
        """(name, value, whether it is a default) by name; empty if a broker does not have them."""
        connection = await self._any()
        if DescribeConfigsRequest.API_KEY not in connection.versions:
            return []  # the embedded broker
        answer = await connection.send(DescribeConfigsRequest([(_TOPIC, topic, None)]))
        ((error, message, _, _, entries),) = answer.resources
        if error == _FORBIDDEN:
            return []  # the user may be allowed to read nevertheless
        if error:
            raise KafkaError(f"cannot read the configs of topic {topic}: {message}")
        # From version 1 on the answer has the source; 5 is the broker's default.
        old = answer.API_VERSION == 0
        return sorted(
            (e[0], MASK if e[4] else str(e[1]), bool(e[3]) if old else e[3] >= _STATIC)
            for e in entries
        )

    def raise_for(
        self, topic: str, partition: int, error: int, offset: int, operation: str = "READ"
    ) -> None:
        """Raise for a broker's error code, unless new metadata may solve it."""
        where = f"topic {topic}, partition {partition}"
        if error == _OUT_OF_RANGE:
            raise TopicChanged(
                f"{where}: offset {offset} is gone",
                hint="its records were deleted (retention or truncation) while being read",
            )
        if error == _FORBIDDEN:
            raise refused(operation, f"topic {topic}")
        if error and error not in _MOVED:
            raise KafkaError(f"{where}: {_error_name(error)}")

    async def close(self) -> None:
        """Close every connection."""
        for connection in self._connections.values():
            connection.close()
        self._connections.clear()
