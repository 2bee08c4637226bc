"""Properties, profiles and secrets, from `-X`, SET, the environment and config.toml.

One table has all properties; their names are those of Kafka's clients and of ksqlDB.  `Properties`
is immutable: SET makes a new one.  Light to import: the command line needs it before anything else.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from kshell.errors import UnknownName, UsageError, nearest
from kshell.property_row import Property, Scope, checked, delimiter_flaw, schema_file_flaw

__all__ = ["PROPERTIES", "Properties", "Scope", "cache_home", "config_home", "is_known",
           "is_secret", "load_profile", "scope_of", "state_home"]  # fmt: skip

_PROTOCOLS = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
_MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER", "GSSAPI")
_FLAG = ("true", "false")
_STRATEGIES = ("TopicNameStrategy", "RecordNameStrategy", "TopicRecordNameStrategy")
_DECLARED = (
    "JSON", "JSON_SR", "AVRO", "PROTOBUF", "PROTOBUF_NOSR", "DELIMITED", "KAFKA", "NONE",
)  # fmt: skip

_OF_THE_CONNECTION = (
    Property("bootstrap.servers", None, "brokers to connect to first: host:port[,…]"),
    Property("client.id", "kshell", "the name that brokers log"),
    Property("security.protocol", "PLAINTEXT", "how to speak to brokers", _PROTOCOLS),
    Property("sasl.mechanism", "PLAIN", "how to log in", _MECHANISMS),
    Property("sasl.username", None, "the user for PLAIN and SCRAM"),
    Property("sasl.password", None, "the password for PLAIN and SCRAM", secret=True),
    Property("sasl.oauthbearer.token", None, "a signed token", secret=True),
    Property("sasl.kerberos.service.name", "kafka", "the brokers' Kerberos service"),
    Property("ssl.ca.location", None, "PEM file of the authorities to trust"),
    Property("ssl.certificate.location", None, "PEM file of our certificate"),
    Property("ssl.key.location", None, "PEM file of our private key"),
    Property("ssl.key.password", None, "the private key's password", secret=True),
    Property("ssl.endpoint.identification.algorithm", "https",
             "check the broker's name against its certificate", ("https", "none")),
    Property("kshell.connect.timeout.ms", "5000",
             "how long a broker may take to answer", least=1),
)  # fmt: skip
_OF_THE_SESSION = (
    Property("isolation.level", "read_committed", "whose transactions are seen",
             ("read_committed", "read_uncommitted")),
    Property("auto.offset.reset", "latest",
             "where a continuous query starts", ("earliest", "latest")),
    Property("delivery.timeout.ms", "120000",
             "how long a query waits for brokers to acknowledge what it writes", least=1),
    Property("compression.type", "none", "how batches are compressed that are written",
             ("none", "gzip", "snappy", "lz4", "zstd")),
    Property("schema.registry.url", None, "the schema registry's address"),
    Property("schema.registry.basic.auth.user.info", None, "user:password", secret=True),
    Property("schema.registry.bearer.token", None, "a token", secret=True),
    Property("schema.registry.ssl.ca.location", None, "PEM file of authorities to trust"),
    Property("schema.registry.ssl.certificate.location", None,
             "PEM file of our certificate"),
    Property("schema.registry.ssl.key.location", None, "PEM file of our private key"),
    Property("schema.registry.ssl.key.password", None, "the private key's password",
             secret=True),
    Property("schema.registry.timeout.ms", "5000",
             "how long the registry may take to answer", least=1),
    Property("schema.registry.wait.ms", "10000",
             "how long a bounded query waits for a registry that does not answer",
             least=0),
    Property("key.subject.name.strategy", "TopicNameStrategy",
             "the subject of a key's schema", _STRATEGIES),
    Property("value.subject.name.strategy", "TopicNameStrategy",
             "the subject of a value's schema", _STRATEGIES),
    Property("ksql.fail.on.deserialization.error", "false",
             "stop a continuous query at a record that cannot be decoded", _FLAG),
    Property("ksql.persistence.default.format.key", "KAFKA", "KEY_FORMAT's default",
             _DECLARED),
    Property("ksql.persistence.default.format.value", None, "VALUE_FORMAT's default",
             _DECLARED),
    Property("ksql.persistence.wrap.single.values", None,
             "WRAP_SINGLE_VALUE's default", _FLAG),
    Property("ksql.output.topic.name.prefix", None,
             "what the names of topics begin with that queries create"),
    Property("ksql.sink.partitions", None, "PARTITIONS' default in CREATE … AS SELECT",
             least=1),
    Property("ksql.sink.replicas", None, "REPLICAS' default in CREATE … AS SELECT",
             least=1),
    Property("ksql.functions.collect_list.limit", "1000",
             "how many values COLLECT_LIST keeps in a continuous query", least=0),
    Property("ksql.functions.collect_set.limit", "1000",
             "how many values COLLECT_SET keeps in a continuous query", least=0),
    Property("ksql.new.query.planner.enabled", "false",
             "a query may leave its stream's key out: the result has none", _FLAG),
    Property("ksql.rowpartition.rowoffset.enabled", "true",
             "ROWPARTITION and ROWOFFSET in continuous queries", _FLAG),
    Property("ksql.timestamp.throw.on.invalid", "false",
             "stop at a record whose timestamp column is no time", _FLAG),
    Property("kshell.dialect", "ksql",
             "whose functions and casts a bounded query has: KSQL's, or DuckDB's for everything",
             ("ksql", "duckdb")),
    Property("kshell.editing", "emacs", "whose keys the prompt has; F4 changes them",
             ("emacs", "vi")),
    Property("kshell.typing.speed", "60", "how many characters a second --tour types", least=1),
    Property("kshell.sample.records", "200",
             "records sampled per topic to infer its columns", least=1),
    Property("kshell.functions", None,
             "the Python file of your own functions; functions.py beside config.toml"),
    Property("kshell.partitioner", "other",
             "who chose all partitions: if it was murmur2, ROWKEY = … reads only one",
             ("murmur2", "other")),
    Property("kshell.scan.max.records", None,
             "stop a bounded scan after so many records", least=0),
    Property("kshell.scan.max.bytes", None,
             "stop a bounded scan after so many bytes", least=0),
    Property("kshell.scan.max.seconds", None,
             "stop a bounded scan after so many seconds", least=0),
)  # fmt: skip
PROPERTIES: Mapping[str, Property] = MappingProxyType(
    {p.name: replace(p, scope=Scope.CONNECTION) for p in _OF_THE_CONNECTION}
    | {p.name: p for p in _OF_THE_SESSION}
)

_ALIASES = {
    "bootstrap.server": "bootstrap.servers",
    "sasl.mechanisms": "sasl.mechanism",
    "ssl.truststore.location": "ssl.ca.location",
    "basic.auth.user.info": "schema.registry.basic.auth.user.info",
    "ksql.schema.registry.url": "schema.registry.url",
}
# The properties of one topic: topic.NAME.value.format and the like.
_TOPIC = re.compile(r"topic\.(?P<topic>.+)\.(?P<what>(?:key|value)\.[a-z.]+)", re.IGNORECASE)
_OF_TOPIC: Mapping[str, Property] = MappingProxyType(
    {
        f"{half}.{row.name}": replace(row, help=row.help.format(half=half))
        for half in ("key", "value")
        for row in (
            Property("format", None,
                     "how its {half}s are written, where that is not to be told from samples",
                     (*_DECLARED, "BYTES")),
            Property("schema.file", None,
                     "the file that has its {half}s' schema: .avsc, .proto, .desc, .json",
                     flaw=schema_file_flaw),
            Property("schema.id", None,
                     "the schema of its {half}s, by its id in the registry", least=0),
            Property("schema.name", None,
                     "the record or message of the schema that its {half}s are"),
            Property("delimiter", None,
                     "what stands between its {half}s' columns: a character, TAB, SPACE",
                     flaw=delimiter_flaw),
        )
    }
)  # fmt: skip
_PREFIXES = ("ksql.streams.consumer.", "ksql.streams.producer.", "ksql.streams.")


def _of_topic(name: str) -> Property | None:
    """The row for the name of one topic's property; UsageError if topics have no such property."""
    match = _TOPIC.fullmatch(name.strip())
    if match is None:
        return None
    what = match["what"].lower()
    if what not in _OF_TOPIC:
        raise UsageError(
            f"topics have no property {what}",
            hint=f"topic.{match['topic']}. with one of {', '.join(_OF_TOPIC)}",
        )
    return replace(_OF_TOPIC[what], name=f"topic.{match['topic']}.{what}")


def _known(name: str) -> Property:
    of_topic = _of_topic(name)
    if of_topic is not None:
        return of_topic
    plain = name.strip().lower()
    for prefix in _PREFIXES:
        plain = plain.removeprefix(prefix)
    plain = _ALIASES.get(plain, plain)
    if plain not in PROPERTIES:
        close = nearest(name, PROPERTIES)
        hint = f"did you mean {' or '.join(close)}?" if close else "SHOW PROPERTIES lists them"
        raise UsageError(f"no property named {name}", hint=hint)
    return PROPERTIES[plain]


_LIKE_SECRET = re.compile(
    r"passw|pasw|pwd|secret|token|credential|user[._]info|jaas|private", re.IGNORECASE
)


def is_secret(name: str) -> bool:
    """Whether a name is that of a secret, or like one: also where it is written wrongly.

    >>> is_secret("sasl.password"), is_secret("sasl.pasword"), is_secret("SASL_PASSWORD")
    (True, True, True)
    >>> is_secret("client.id"), is_secret("sasl.username")
    (False, False)
    """
    plain = name.strip().lower().replace("_", ".")
    known = PROPERTIES.get(_ALIASES.get(plain, plain))
    if known is not None:
        return known.secret
    secrets = [p.name for p in PROPERTIES.values() if p.secret]
    return _LIKE_SECRET.search(name) is not None or bool(nearest(plain, secrets, 1))


def is_known(name: str) -> bool:
    """Whether a property has the name.

    >>> is_known("topic.t.value.format"), is_known("sasl.pasword")
    (True, False)
    """
    try:
        _known(name)
    except UsageError:
        return False
    return True


def scope_of(name: str) -> Scope:
    """The scope of a property; raises UsageError for an unknown name.

    >>> scope_of("ssl.truststore.location")
    <Scope.CONNECTION: 'connection'>
    """
    return _known(name).scope


class Properties(Mapping[str, str]):
    """The properties that are set, over the defaults; `p["name"]` reads both.

    `opened` holds what was opened with them, such as a schema registry.  The objects that `set` and
    `unset` make share it, so all statements of one session do.

    >>> p = Properties().set("auto.offset.reset", "EARLIEST")
    >>> p["auto.offset.reset"], p.unset("auto.offset.reset")["auto.offset.reset"]
    ('earliest', 'latest')
    """

    def __init__(
        self, values: Mapping[str, str] | None = None, opened: dict[Any, Any] | None = None
    ) -> None:
        self.opened = {} if opened is None else opened
        self._set: dict[str, str] = {}
        for name, value in (values or {}).items():
            known = _known(name)
            self._set[known.name] = checked(known, value)

    def set(self, name: str, value: str) -> Properties:
        """With one more value; raises UsageError."""
        known = _known(name)
        return self._with({**self._set, known.name: checked(known, value)})

    def unset(self, name: str) -> Properties:
        """With the property at its default."""
        known = _known(name)
        return self._with({k: v for k, v in self._set.items() if k != known.name})

    def _with(self, checked: dict[str, str]) -> Properties:
        made = Properties(opened=self.opened)
        made._set = checked
        return made

    def __getitem__(self, name: str) -> str:
        value = self._set.get(name)
        if value is None and name in PROPERTIES:
            value = PROPERTIES[name].default
        if value is None:
            raise KeyError(name)
        return value

    def of_topic(self, topic: str, half: str) -> Mapping[str, str]:
        """The values set for a topic's "key" or "value", by name without topic and half.

        >>> Properties({"topic.a.b.value.format": "JSON"}).of_topic("a.b", "value")
        {'format': 'JSON'}
        """
        lead = f"topic.{topic}.{half}."
        return {n.removeprefix(lead): v for n, v in self._set.items() if n.startswith(lead)}

    def number(self, name: str) -> int | None:
        """A whole number, or None if it is not set."""
        value = self.get(name)
        return None if value is None else int(value)

    def __iter__(self) -> Iterator[str]:
        yield from (n for n, p in PROPERTIES.items() if n in self._set or p.default is not None)
        yield from (n for n in self._set if n not in PROPERTIES)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def shown(self) -> list[tuple[str, str, str, str]]:
        """(name, value, default, scope) of every property, secrets masked."""
        rows = []
        for name, known in sorted(PROPERTIES.items()):
            value = self.get(name, "")
            shown = _MASK if known.secret and value else _USER_INFO.sub(f"//{_MASK}@", value)
            rows.append((name, shown, known.default or "", known.scope.value))
        of_topics = sorted(n for n in self._set if n not in PROPERTIES)
        rows += [(n, self._set[n], "", Scope.SESSION.value) for n in of_topics]
        return rows

    def __repr__(self) -> str:
        return f"Properties({ {n: v for n, v, *_ in self.shown() if n in self._set} })"


def config_home() -> Path:
    """The folder of config.toml and functions.py: XDG's config folder."""
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "kshell"


def state_home() -> Path:
    """The folder of the history: XDG's state folder."""
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "kshell"


def cache_home() -> Path:
    """The folder of cached schemas: XDG's cache folder."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "kshell"


_MASK = "********"
_USER_INFO = re.compile(r"//[^/@\s]*@")  # user and password in a URL


def _flat(table: Mapping[str, object], lead: str = "") -> Iterator[tuple[str, object]]:
    """A TOML table's values by dotted names: `a.b = 1` and `"a.b" = 1` are the same.

    >>> list(_flat({"a": {"b": 1}, "c.d": 2}))
    [('a.b', 1), ('c.d', 2)]
    """
    for name, value in table.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{lead}{name}.")
        else:
            yield lead + name, value


def load_profile(name: str) -> Properties:
    """The properties of [profile.NAME] in config.toml; "" is [profile.default] if there is one.

    KSHELL_BOOTSTRAP_SERVERS and the like in the environment (dots as underscores) override it.
    """
    values: dict[str, str] = {}
    path = config_home() / "config.toml"
    profiles: dict[str, dict[str, object]] = {}
    if path.exists():
        try:
            profiles = tomllib.loads(path.read_text()).get("profile", {})
        except (OSError, tomllib.TOMLDecodeError) as error:
            raise UsageError(f"{path} cannot be read: {error}") from None
    if name and name not in profiles:
        raise UnknownName("profile", name, profiles)
    for key, value in _flat(profiles.get(name or "default", {})):
        values[key] = str(value).lower() if isinstance(value, bool) else str(value)
    for known in PROPERTIES:
        variable = "KSHELL_" + known.removeprefix("kshell.").replace(".", "_").upper()
        if variable in os.environ:
            values[known] = os.environ[variable]
    return Properties(values)
