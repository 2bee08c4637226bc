"""kshell's properties as librdkafka's settings.

`produce` and `admin` use librdkafka; reading does not.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from kshell.config import Properties
from kshell.config.certificates import without_stores
from kshell.errors import KafkaError
from kshell.kafka.tokens import check_token, tokens_of

__all__ = ["librdkafka"]

_PASSED = (
    "bootstrap.servers", "client.id", "security.protocol", "sasl.username", "sasl.password",
    "sasl.kerberos.service.name", "ssl.endpoint.identification.algorithm",
)  # fmt: skip


def librdkafka(properties: Properties) -> dict[str, Any]:
    """The connection's settings; librdkafka's own log is off, errors are raised as exceptions."""
    settings: dict[str, Any] = {n: properties[n] for n in _PASSED if n in properties}
    if properties["security.protocol"].endswith("SSL"):
        settings |= without_stores(properties)
    settings |= {"log_level": 0, "reconnect.backoff.ms": 50, "reconnect.backoff.max.ms": 500}
    if properties["security.protocol"].startswith("SASL"):
        settings["sasl.mechanism"] = properties["sasl.mechanism"]
        if properties["sasl.mechanism"] == "GSSAPI" and not _has_kerberos():
            raise KafkaError(
                "confluent-kafka is built without Kerberos here: kshell can read this cluster, and"
                " neither write to it nor change it",
                hint="pip install --no-binary confluent-kafka confluent-kafka builds it against"
                " a librdkafka that has Kerberos",
            )
        if properties["sasl.mechanism"] == "OAUTHBEARER":
            check_token(properties)
            tokens = tokens_of(properties)
            settings["oauth_cb"] = lambda _: tokens.for_librdkafka()
    return settings


@cache
def _has_kerberos() -> bool:
    """Whether librdkafka was built with it; its wheels are not."""
    from confluent_kafka import Consumer, KafkaException

    login = {"security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "GSSAPI", "log_level": 0}
    try:
        Consumer({"group.id": "kshell", **login}).close()
    except KafkaException:
        return False
    return True
