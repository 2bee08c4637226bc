"""The table of properties, and how they are found by name.

Their names are those of Kafka's clients and of ksqlDB.  Light to import: the command line needs it
before anything else.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType

from kshell.config.flink_properties import FLINK_PROPERTIES
from kshell.config.property_row import Property, Scope, delimiter_flaw, schema_file_flaw
from kshell.errors import UsageError, nearest
from kshell.permits import check_files

__all__ = ["PROPERTIES", "TOPIC_PROPERTIES", "alike", "canonical", "check_settable", "is_known",
           "is_secret", "is_secret_like", "property_named", "scope_of"]  # fmt: skip

_PROTOCOLS = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
_MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER", "GSSAPI")
_FLAG = ("true", "false")
_STRATEGIES = ("TopicNameStrategy", "RecordNameStrategy", "TopicRecordNameStrategy")
_DECLARED = (
    "JSON", "JSON_SR", "AVRO", "PROTOBUF", "PROTOBUF_NOSR", "DELIMITED", "KAFKA", "NONE",
)  # fmt: skip


def _of_server(lead: str, name: str, timeout: str = "5000") -> tuple[Property, ...]:
    """The rows of a server that is asked by its REST API."""
    return (
        Property(f"{lead}url", None, f"the address of {name}"),
        Property(f"{lead}basic.auth.user.info", None, "user:password", secret=True),
        Property(f"{lead}bearer.token", None, "a token", secret=True),
        Property(f"{lead}ssl.ca.location", None,
                 "the authorities to trust: a file of PEM, PKCS12 or JKS", file=True),
        Property(f"{lead}ssl.truststore.password", None,
                 f"the password of the store {lead}ssl.ca.location", secret=True),
        Property(f"{lead}ssl.certificate.location", None,
                 "our certificate: a file of PEM, or of PKCS12 or JKS with its key", file=True),
        Property(f"{lead}ssl.keystore.password", None,
                 f"the password of the store {lead}ssl.certificate.location", secret=True),
        Property(f"{lead}ssl.key.location", None, "PEM file of our private key", file=True),
        Property(f"{lead}ssl.key.password", None, "the private key's password", secret=True),
        Property(f"{lead}timeout.ms", timeout, f"how long {name} may take to answer", least=1),
    )  # fmt: skip


_OF_THE_CONNECTION = (
    Property("bootstrap.servers", None, "brokers to connect to first: host:port[,…]"),
    Property("client.id", "kshell", "the name that brokers log"),
    Property("security.protocol", "PLAINTEXT", "how to speak to brokers", _PROTOCOLS),
    Property("sasl.mechanism", "PLAIN", "how to log in", _MECHANISMS),
    Property("sasl.username", None, "the user for PLAIN and SCRAM"),
    Property("sasl.password", None, "the password for PLAIN and SCRAM", secret=True),
    Property("sasl.oauthbearer.token", None, "a signed token", secret=True),
    Property("sasl.oauthbearer.token.command", None,
             "a program and its arguments that print a token, or an OAuth answer as JSON; no shell"
             " runs it, and again before the token ends", fixed=True),
    Property("sasl.oauthbearer.token.endpoint.url", None,
             "where an OIDC provider gives tokens for a client's id and secret"),
    Property("sasl.oauthbearer.client.id", None, "our id at the token endpoint"),
    Property("sasl.oauthbearer.client.secret", None, "our secret at the token endpoint",
             secret=True),
    Property("sasl.oauthbearer.scope", None, "what the token is for, at the token endpoint"),
    Property("sasl.oauthbearer.token.endpoint.ssl.ca.location", None,
             "the authorities to trust at the token endpoint: a file of PEM, PKCS12 or JKS",
             file=True),
    Property("sasl.kerberos.service.name", "kafka", "the brokers' Kerberos service"),
    Property("ssl.ca.location", None, "the authorities to trust: a file of PEM, PKCS12 or JKS",
             file=True),
    Property("ssl.ca.pem", None, "the authorities to trust, as PEM"),
    Property("ssl.truststore.password", None, "the password of the store ssl.ca.location",
             secret=True),
    Property("ssl.certificate.location", None,
             "our certificate: a file of PEM, or of PKCS12 or JKS with its key", file=True),
    Property("ssl.certificate.pem", None, "our certificate, as PEM"),
    Property("ssl.keystore.password", None, "the password of the store ssl.certificate.location",
             secret=True),
    Property("ssl.key.location", None, "PEM file of our private key", file=True),
    Property("ssl.key.pem", None, "our private key, as PEM", secret=True),
    Property("ssl.key.password", None, "the private key's password", secret=True),
    Property("ssl.endpoint.identification.algorithm", "https",
             "check the broker's name against its certificate", ("https", "none")),
    Property("kshell.connect.timeout.ms", "5000",
             "how long a connection to a broker may take", least=1),
    Property("kshell.files", "false",
             "statements may read and write local files: the command allows it", _FLAG, fixed=True),
    Property("kshell.read.only", "false",
             "statements that write to the cluster, the registry or Connect are refused", _FLAG,
             fixed=True),
    Property("kshell.insecure", "false",
             "secrets may go over plain http to other machines (registry, Connect)", _FLAG,
             fixed=True),
)  # fmt: skip
_OF_THE_SESSION = (
    Property("isolation.level", "read_committed", "whose transactions are seen",
             ("read_committed", "read_uncommitted")),
    Property("auto.offset.reset", "latest",
             "where a continuous query starts", ("earliest", "latest")),
    Property("partition.assignment.strategy", "range",
             "how the members of CONSUME's group share partitions out",
             ("range", "roundrobin", "cooperative-sticky")),
    Property("session.timeout.ms", "45000",
             "after how long without a sign of life a member of CONSUME's group is given up",
             least=1),
    Property("transactional.id", None,
             "under which name CONSUME … EXACTLY ONCE writes: a process with the same one ends what"
             " another left open; else it is a new one each time"),
    Property("delivery.timeout.ms", "120000",
             "how long a query waits for brokers to acknowledge what it writes", least=1),
    Property("acks", "all",
             "who acknowledges what is written: all in-sync replicas, the leader (1), nobody (0)",
             ("all", "1", "0")),
    Property("enable.idempotence", None,
             "whether nothing is written twice or out of order; without it, as acks=all says",
             _FLAG),
    Property("partitioner", "murmur2_random",
             "who chooses the partitions of INSERT … VALUES and COPY: the key's hash as Java's"
             " clients take it (murmur2), as librdkafka's (consistent), or each in turn",
             ("murmur2_random", "consistent_random", "round_robin", "murmur2", "consistent",
              "fnv1a", "fnv1a_random", "random")),
    Property("compression.type", "none", "how batches are compressed that are written",
             ("none", "gzip", "snappy", "lz4", "zstd")),
    *_of_server("schema.registry.", "the schema registry"),
    Property("schema.registry.wait.ms", "10000",
             "how long a bounded query waits for a registry that does not answer",
             least=0),
    *_of_server("connect.", "Kafka Connect", "10000"),
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
    Property("kshell.theme", "dark", "the terminal's background, which colours are chosen for",
             ("dark", "light")),
    Property("kshell.prompt.color", "green", "the colour of the prompt, to mark a cluster",
             ("green", "red", "yellow", "blue", "magenta", "cyan")),
    Property("kshell.editing", "emacs", "whose keys the prompt has; F4 changes them",
             ("emacs", "vi")),
    Property("kshell.typing.speed", "60", "how many characters a second --tour types", least=1),
    Property("kshell.sample.records", "200",
             "records sampled per topic to infer its columns", least=1),
    Property("kshell.file.max.bytes", str(256 << 20),
             "the largest file that CREATE TABLE … FROM FILE reads; its rows in memory too",
             least=1),
    Property("kshell.copy.on.error", "stop",
             "whether a bad row of a file ends COPY, or is left out: --on-error skip sets it",
             ("stop", "skip")),
    Property("kshell.functions", None,
             "the Python file of your own functions; functions.py beside config.toml",
             file=True),
    Property("kshell.partitioner", "other",
             "who chose all partitions: if it was murmur2, ROWKEY = … reads only one",
             ("murmur2", "other")),
    Property("kshell.times", "local",
             "how people see times: local, in UTC, or as numbers of milliseconds",
             ("local", "utc", "number")),
    Property("kshell.state.replication.factor", None,
             "replicas of the state topics of `kshell run`; without, the brokers' default",
             least=1),
    Property("kshell.max.rows", "40",
             "rows that the prompt shows of a SELECT without LIMIT; 0 for all", least=0),
    Property("kshell.result.memory.bytes", "67108864",
             "how much of the last result (_) is kept in memory, before it is spilled to disk",
             least=0),
    Property("kshell.result.disk.bytes", "1073741824",
             "how large the last result may be on disk; else it is not kept",
             least=0),
    Property("kshell.pager", "auto", "whether the prompt's longer answers go to a pager",
             ("auto", "off")),
    Property("kshell.scan.max.records", None,
             "stop a bounded scan after so many records", least=0),
    Property("kshell.scan.max.bytes", None,
             "stop a bounded scan after so many bytes", least=0),
    Property("kshell.scan.max.seconds", None,
             "stop a bounded scan after so many seconds", least=0),
)  # fmt: skip
PROPERTIES: Mapping[str, Property] = MappingProxyType(
    {p.name: replace(p, scope=Scope.CONNECTION) for p in _OF_THE_CONNECTION}
    | {p.name: p for p in (*_OF_THE_SESSION, *FLINK_PROPERTIES)}
)

_ALIASES = {
    "bootstrap.server": "bootstrap.servers",
    "sasl.mechanisms": "sasl.mechanism",
    "sasl.oauthbearer.client.credentials.client.id": "sasl.oauthbearer.client.id",
    "sasl.oauthbearer.client.credentials.client.secret": "sasl.oauthbearer.client.secret",
    "https.ca.location": "sasl.oauthbearer.token.endpoint.ssl.ca.location",
    "ssl.truststore.location": "ssl.ca.location",
    "ssl.truststore.certificates": "ssl.ca.pem",
    "ssl.keystore.location": "ssl.certificate.location",
    "ssl.keystore.certificate.chain": "ssl.certificate.pem",
    "ssl.keystore.key": "ssl.key.pem",
    "schema.registry.ssl.truststore.location": "schema.registry.ssl.ca.location",
    "schema.registry.ssl.keystore.location": "schema.registry.ssl.certificate.location",
    "metadata.broker.list": "bootstrap.servers",
    "compression.codec": "compression.type",
    "message.timeout.ms": "delivery.timeout.ms",
    "request.required.acks": "acks",
    "partitioner.class": "partitioner",
    "bearer.auth.token": "schema.registry.bearer.token",
    "basic.auth.user.info": "schema.registry.basic.auth.user.info",
    "ksql.schema.registry.url": "schema.registry.url",
    "ksql.connect.url": "connect.url",
    "connect.ssl.truststore.location": "connect.ssl.ca.location",
    "connect.ssl.keystore.location": "connect.ssl.certificate.location",
}
# The properties of one topic: topic.NAME.value.format and the like.
_TOPIC = re.compile(r"topic\.(?P<topic>.+)\.(?P<what>(?:key|value)\.[a-z.]+)", re.IGNORECASE)
TOPIC_PROPERTIES: Mapping[str, Property] = MappingProxyType(
    {
        f"{half}.{row.name}": replace(row, help=row.help.format(half=half))
        for half in ("key", "value")
        for row in (
            Property("format", None,
                     "how its {half}s are written, where that is not to be told from samples",
                     (*_DECLARED, "BYTES")),
            Property("schema.file", None,
                     "the file that has its {half}s' schema: .avsc, .proto, .desc, .json",
                     file=True, flaw=schema_file_flaw),
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
# What a client's file may have, and what stands for it elsewhere.
_IN_FILES_ALONE = {
    "sasl.jaas.config": "a file of -F may have it; elsewhere sasl.username and sasl.password, or"
    " sasl.oauthbearer.client.id and .secret, stand for it",
}
_PREFIXES = ("ksql.streams.consumer.", "ksql.streams.producer.", "ksql.streams.")


def _of_topic(name: str) -> Property | None:
    """The row for the name of one topic's property; UsageError if topics have no such property."""
    match = _TOPIC.fullmatch(name.strip())
    if match is None:
        return None
    what = match["what"].lower()
    if what not in TOPIC_PROPERTIES:
        raise UsageError(
            f"topics have no property {what}",
            hint=f"topic.{match['topic']}. with one of {', '.join(TOPIC_PROPERTIES)}",
        )
    return replace(TOPIC_PROPERTIES[what], name=f"topic.{match['topic']}.{what}")


def property_named(name: str) -> Property:
    """The row of a property by any of its names; raises UsageError for an unknown name."""
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
        raise UsageError(f"no property named {name}", hint=_IN_FILES_ALONE.get(plain, hint))
    return PROPERTIES[plain]


def canonical(name: str) -> str:
    """The name that the table has for a property; raises UsageError for an unknown name.

    >>> canonical("ssl.truststore.location")
    'ssl.ca.location'
    """
    return property_named(name).name


_LIKE_SECRET = re.compile(
    r"passw|pasw|passphrase|(?<![a-z])pass(?![a-z])|pwd|pw(?![a-z])|secret|token|credential"
    r"|(api|access)[._-]?key|user[._]info|jaas|private", re.IGNORECASE,
)  # fmt: skip


_LIKE_KEY = re.compile(r"passphrase|(?:api|access|account|private)[._-]?key|ssl\.key$", re.I)


def is_secret_like(name: str) -> bool:
    """Whether a config of any product is a secret by its name.

    >>> [is_secret_like(n) for n in ("database.password", "s3.access.key", "key.converter")]
    [True, True, False]
    """
    return any(pattern.search(name) for pattern in (_LIKE_SECRET, _LIKE_KEY))


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
        property_named(name)
    except UsageError:
        return False
    return True


def alike(name: str) -> str:
    """The property for which a name is almost certainly misspelt; "" if there is none.

    >>> alike("sasl.pasword"), alike("linger.ms")
    ('sasl.password', '')
    """
    return next(iter(nearest(name, PROPERTIES, 1, 0.9)), "")


def scope_of(name: str) -> Scope:
    """The scope of a property; raises UsageError for an unknown name.

    >>> scope_of("ssl.truststore.location")
    <Scope.CONNECTION: 'connection'>
    """
    return property_named(name).scope


def check_settable(names: Iterable[str], properties: Mapping[str, str]) -> None:
    """Raise UsageError or StatementError where a statement may not set one of the properties."""
    for known in map(property_named, names):
        if known.fixed:
            raise UsageError(
                f"{known.name} is of the connection: no statement changes it",
                hint="-X, a profile or connect() sets it",
            )
        if known.file:
            check_files(properties, f"SET '{known.name}'")
