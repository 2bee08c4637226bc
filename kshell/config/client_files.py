"""The files of Kafka's own clients: Java's client.properties, and those of librdkafka and kcat.

`sources` reads the file of `--command-config` with it.  Names that kshell has no use for are
counted, not refused: such files also say how other programs produce and consume.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from kshell.config.jaas import PROVIDED, read_jaas
from kshell.config.properties import PROPERTIES, canonical
from kshell.config.setting import Setting
from kshell.config.values import Properties
from kshell.errors import UsageError

__all__ = ["ClientFile", "java_pairs", "librdkafka_pairs", "read_client_file"]

_JAAS = "sasl.jaas.config"
_TOKEN_ENDPOINT = "sasl.oauthbearer.token.endpoint.url"
# Names that only librdkafka has: its files have neither escapes nor values of several lines.
_LIBRDKAFKA = frozenset({
    "metadata.broker.list", "sasl.mechanisms", "sasl.username", "sasl.password", "ssl.ca.location",
    "ssl.ca.pem", "ssl.certificate.location", "ssl.certificate.pem", "ssl.key.location",
    "ssl.key.pem", "sasl.oauthbearer.config", "sasl.oauthbearer.method", "sasl.kerberos.principal",
    "enable.ssl.certificate.verification", "socket.timeout.ms", "log_level", "debug",
})  # fmt: skip
# Names that say what kshell finds out by itself, or that `_JAAS` is read together with.
_NEEDLESS = frozenset({
    "ssl.keystore.type", "ssl.truststore.type", "basic.auth.credentials.source",
    "schema.registry.basic.auth.credentials.source", "bearer.auth.credentials.source",
    "sasl.login.callback.handler.class", "sasl.oauthbearer.method",
    "schema.registry.ssl.keystore.type", "schema.registry.ssl.truststore.type",
})  # fmt: skip
# Names of which the value is the other program's own: a producer of its id would fence it.
_ITS_OWN = frozenset({"transactional.id", "partition.assignment.strategy"})
# Other words of clients for a value.
_VALUES = {
    ("auto.offset.reset", "smallest"): "earliest",
    ("auto.offset.reset", "beginning"): "earliest",
    ("auto.offset.reset", "largest"): "latest",
    ("auto.offset.reset", "end"): "latest",
    ("ssl.endpoint.identification.algorithm", ""): "none",
    ("acks", "-1"): "all",
    ("partitioner", "org.apache.kafka.clients.producer.roundrobinpartitioner"): "round_robin",
}
_ESCAPES = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}
_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|(.?))", re.DOTALL)
_JAVA_LINE = re.compile(r"((?:[^\\:=\s]|\\.)*)[ \t\f]*[:=]?[ \t\f]*(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class ClientFile:
    """What a file sets, by kshell's names, and the names in it that kshell has no use for."""

    settings: tuple[Setting, ...]
    ignored: tuple[str, ...]


def java_pairs(text: str) -> Iterator[tuple[str, str, int]]:
    r"""The names, values and lines of a Java properties file.

    >>> list(java_pairs("# no\na = b\\\n   c\nd:\\u0041\\:\n"))
    [('a', 'bc', 2), ('d', 'A:', 4)]
    """
    pending, begun = "", 0
    for number, line in enumerate(re.split(r"\r\n|\r|\n", text), 1):
        line = line.lstrip(" \t\f")
        if not pending:
            if not line or line[0] in "#!":
                continue
            begun = number
        slashes = len(line) - len(line.rstrip("\\"))
        pending += line[:-1] if slashes % 2 else line
        if slashes % 2:
            pending = pending or " "  # a lone backslash begins a line too
            continue
        yield from _java_pair(pending, begun)
        pending = ""
    yield from _java_pair(pending, begun)


def _java_pair(line: str, number: int) -> Iterator[tuple[str, str, int]]:
    match = _JAVA_LINE.fullmatch(line.lstrip(" \t\f"))
    if match is not None and match[0]:
        yield _unescaped(match[1]), _unescaped(match[2]), number


def _unescaped(text: str) -> str:
    def meant(match: re.Match[str]) -> str:
        return chr(int(match[1], 16)) if match[1] else _ESCAPES.get(match[2], match[2])

    return _ESCAPE.sub(meant, text)


def librdkafka_pairs(text: str) -> Iterator[tuple[str, str, int]]:
    r"""The names, values and lines of a file of librdkafka's: `name=value`, as it stands.

    >>> list(librdkafka_pairs("# no\nsasl.password = a\\b=c \n"))
    [('sasl.password', 'a\\b=c', 2)]
    """
    for number, line in enumerate(text.splitlines(), 1):
        line = line.strip()
        if line and not line.startswith("#"):
            name, _, value = line.partition("=")
            yield name.strip(), value.strip(), number


def read_client_file(path: Path) -> ClientFile:
    """Read a file of either kind; raises UsageError, with file and line."""
    try:
        data = path.expanduser().read_bytes()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from None
    pairs = list(java_pairs(data.decode("latin-1")))  # so does Java
    names = {name for name, _, _ in pairs}
    if names & _LIBRDKAFKA and _JAAS not in names:
        pairs = list(librdkafka_pairs(data.decode("utf-8", "replace")))
    endpoint = next((value for name, value, _ in pairs if name == _TOKEN_ENDPOINT), "")
    settings: list[Setting] = []
    ignored: dict[str, None] = {}
    for name, value, line in pairs:
        origin = f"{path}:{line}"
        try:
            found = _meant(name, value, endpoint)
            for known, text in found or ():
                Properties().set(known, text)
                settings.append(Setting(known, text, origin))
        except UsageError as error:
            raise UsageError(f"{origin}: {error.what}", hint=error.hint) from None
        if found is None:
            ignored[name] = None
    return ClientFile(tuple(settings), tuple(ignored))


def _meant(name: str, value: str, endpoint: str) -> list[tuple[str, str]] | None:
    """kshell's properties that one line sets; None if kshell has no use for it."""
    if name in _NEEDLESS or (name == _TOKEN_ENDPOINT and value.startswith("file:")):
        return []
    if name == _JAAS:
        return read_jaas(value, endpoint)
    try:
        known = canonical(name)
    except UsageError:
        return None
    if known in _ITS_OWN:
        return None
    value = _VALUES.get((known, value.lower()), value)
    if PROVIDED.search(value):
        raise UsageError(
            f"{name} is filled in by a config provider of Java's, which kshell does not run",
            hint=f"write the value itself, or give it by -X {known}=…",
        )
    if known == "partitioner" and value not in PROPERTIES[known].values:
        return None  # a class of Java's
    return [(known, value)] if value else []
