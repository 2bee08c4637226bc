"""What Flink's Kafka connector is told of the brokers and the registry, from kshell's properties.

The cluster may reach them by other addresses, and have secrets of its own: the file of
`kshell.flink.properties`, of Java's names, comes last.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from kshell.config import Properties
from kshell.config.certificates import without_stores
from kshell.config.client_files import java_pairs
from kshell.config.properties import is_secret
from kshell.errors import UsageError

__all__ = ["brokers", "registry", "secrets_of"]

_SHADED = "org.apache.flink.kafka.shaded.org.apache.kafka.common.security"
_MODULES = {
    "PLAIN": "plain.PlainLoginModule",
    "SCRAM-SHA-256": "scram.ScramLoginModule",
    "SCRAM-SHA-512": "scram.ScramLoginModule",
}
_STORES = {
    "ssl.ca.pem": ("ssl.truststore", "certificates"),
    "ssl.certificate.pem": ("ssl.keystore", "certificate.chain"),
    "ssl.key.pem": ("ssl.keystore", "key"),
}


def brokers(properties: Properties) -> dict[str, str]:
    """The options `properties.…` of a table; raises UsageError for a login that it cannot do."""
    said = {"bootstrap.servers": properties["bootstrap.servers"], **_security(properties)}
    said |= {n: v for n, v in _file(properties).items() if not n.startswith("schema.registry.")}
    if properties.get("isolation.level") == "read_committed":
        said.setdefault("isolation.level", "read_committed")
    return {f"properties.{name}": value for name, value in said.items()}


def _security(properties: Properties) -> dict[str, str]:
    protocol = properties["security.protocol"]
    if protocol == "PLAINTEXT":
        return {}
    said = {"security.protocol": protocol}
    if protocol.endswith("SSL"):
        said |= _tls(properties)
    if protocol.startswith("SASL"):
        mechanism = properties["sasl.mechanism"]
        module = _MODULES.get(mechanism)
        if module is None:
            if not _file(properties):
                raise UsageError(
                    f"Flink logs in by {mechanism} only with settings of its own",
                    hint="kshell.flink.properties names a file of them, with Java's names",
                )
            return {**said, "sasl.mechanism": mechanism}
        user, password = (
            properties.get(f"sasl.{what}", "").replace("\\", "\\\\").replace('"', '\\"')
            for what in ("username", "password")
        )
        said["sasl.mechanism"] = mechanism
        said["sasl.jaas.config"] = (
            f'{_SHADED}.{module} required username="{user}" password="{password}";'
        )
    return said


def _tls(properties: Properties) -> dict[str, str]:
    said: dict[str, str] = {}
    for name, value in without_stores(properties).items():
        store, what = _STORES.get(name, ("", ""))
        if name.endswith(".location"):
            inline = f"{name.removesuffix('.location')}.pem"
            store, what = _STORES.get(inline, ("", ""))
            value = Path(value).expanduser().read_text() if store else value
        if store:
            said |= {f"{store}.type": "PEM", f"{store}.{what}": value}
    if "ssl.key.password" in properties:
        said["ssl.key.password"] = properties["ssl.key.password"]
    if properties.get("ssl.endpoint.identification.algorithm") == "none":
        said["ssl.endpoint.identification.algorithm"] = ""
    return said


def registry(properties: Properties, half: str) -> dict[str, str]:
    """The options of a half whose format is Avro with the registry."""
    url = properties.get("schema.registry.url", "").split(",")[0]
    url = _file(properties).get("schema.registry.url", url)
    if not url:
        raise UsageError("no schema registry", hint="--registry URL, or schema.registry.url")
    lead = f"{half}.avro-confluent"
    said = {f"{lead}.url": url}
    if user_info := properties.get("schema.registry.basic.auth.user.info"):
        said[f"{lead}.basic-auth.credentials-source"] = "USER_INFO"
        said[f"{lead}.basic-auth.user-info"] = user_info
    if token := properties.get("schema.registry.bearer.token"):
        said[f"{lead}.bearer-auth.credentials-source"] = "STATIC_TOKEN"
        said[f"{lead}.bearer-auth.token"] = token
    return said


def _file(properties: Mapping[str, str]) -> dict[str, str]:
    path = properties.get("kshell.flink.properties")
    if not path:
        return {}
    try:
        text = Path(path).expanduser().read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"kshell.flink.properties: {path} cannot be read: {error}") from None
    return {name: value for name, value, _ in java_pairs(text)}


def secrets_of(options: Mapping[str, str]) -> list[str]:
    """The values of a table's options that nobody is to see."""
    hidden = ("jaas", "user-info", "keystore.key")
    return [
        value
        for name, value in options.items()
        if value and (is_secret(name.removeprefix("properties.")) or any(h in name for h in hidden))
    ]
