"""The properties of queries that run on Apache Flink; part of the table of `properties`."""

from __future__ import annotations

from kshell.config.property_row import Property

__all__ = ["FLINK_PROPERTIES"]

FLINK_PROPERTIES = (
    Property("kshell.engine", "local",
             "where continuous queries run: in this process, or on an Apache Flink cluster",
             ("local", "flink")),
    Property("kshell.bounded.engine", "local", "where bounded queries run, if kshell.engine=flink",
             ("local", "flink")),
    Property("kshell.flink.gateway", None, "the address of Flink's SQL gateway: http://host:8083"),
    Property("kshell.flink.rest", None,
             "the JobManager's address, if it is not the one that the gateway says"),
    Property("kshell.flink.properties", None,
             "a file of Kafka client properties, by Java's names, as Flink's cluster needs them",
             file=True),
    Property("kshell.flink.timeout.ms", "5000", "how long Flink's services may take to answer",
             least=1),
    Property("kshell.flink.parallelism", None, "how many parts of a query Flink runs at once",
             least=1),
    Property("kshell.flink.checkpoint.interval.ms", None,
             "how often Flink saves the state of background queries", least=1),
    Property("kshell.flink.state.ttl.ms", None,
             "how long Flink keeps a key's state after its last record; for ever without it",
             least=1),
    Property("kshell.flink.idle.timeout.ms", "5000",
             "after how long Flink lets a quiet partition hold back the time of others no more",
             least=1),
    Property("kshell.flink.savepoints", None,
             "the folder, as the cluster sees it, into which PAUSE saves a query"),
    Property("kshell.flink.savepoint", None,
             "the savepoint or checkpoint from which the next background query begins"),
    Property("kshell.flink.delivery", "at-least-once",
             "whether Flink writes in transactions, one for each checkpoint",
             ("at-least-once", "exactly-once")),
    Property("kshell.flink.basic.auth.user.info", None, "user:password of the gateway",
             secret=True),
    Property("kshell.flink.bearer.token", None, "a token for the gateway", secret=True),
    Property("kshell.flink.ssl.ca.location", None,
             "the authorities to trust: a file of PEM, PKCS12 or JKS", file=True),
    Property("kshell.flink.ssl.truststore.password", None,
             "the password of the store kshell.flink.ssl.ca.location", secret=True),
    Property("kshell.flink.ssl.certificate.location", None,
             "our certificate: a file of PEM, or of PKCS12 or JKS with its key", file=True),
    Property("kshell.flink.ssl.keystore.password", None,
             "the password of the store kshell.flink.ssl.certificate.location", secret=True),
    Property("kshell.flink.ssl.key.location", None, "PEM file of our private key", file=True),
    Property("kshell.flink.ssl.key.password", None, "the private key's password", secret=True),
)  # fmt: skip
