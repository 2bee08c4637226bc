"""What fills the slots of statements about the cluster: groups, brokers, configs, quotas."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from kshell.catalog.topic_configs import TOPIC_CONFIGS
from kshell.terminal.completion.filling import Filling
from kshell.terminal.completion.listed import offer_listed, offer_values
from kshell.terminal.completion.queries import split_at_commas
from kshell.terminal.completion.tree import upper

__all__ = ["CLUSTER_SLOTS"]


def _group(filling: Filling) -> None:
    offer_listed(filling.offers, filling.known, "group")


def _broker(filling: Filling) -> None:
    given = {node.text for node in filling.before if node.kind == "number"}
    offer_listed(filling.offers, filling.known, "broker", given)


def _principal(filling: Filling) -> None:
    offer_values(filling.offers, filling.known, "principal")


def _connector(filling: Filling) -> None:
    offer_listed(filling.offers, filling.known, "connector")


def _subject(filling: Filling) -> None:
    offer_listed(filling.offers, filling.known, "subject")


def _application(filling: Filling) -> None:
    offer_listed(filling.offers, filling.known, "application")


def _mechanism(filling: Filling) -> None:
    filling.offers.pairs((name, "mechanism") for name in ("SCRAM-SHA-512", "SCRAM-SHA-256"))


# Configs that every connector has, and what they are.
_CONNECTOR_CONFIGS = {
    "connector.class": "the plugin; SHOW PLUGINS lists them", "tasks.max": "how many tasks at most",
    "topics": "of a sink: the topics that it reads",
    "topics.regex": "of a sink: a pattern of topics",
    "key.converter": "how keys are read or written", "value.converter": "how values are",
    "transforms": "names of transforms, in their order",
    "errors.tolerance": "none, or all: a bad record is passed over",
    "errors.deadletterqueue.topic.name": "of a sink: where bad records go",
}  # fmt: skip


def _connector_configs(filling: Filling) -> None:
    inside = filling.inside
    if not split_at_commas(inside)[-1]:
        given = {n.text.strip("'\"`") for n in inside}
        left = [(n, help) for n, help in _CONNECTOR_CONFIGS.items() if n not in given]
        filling.offers.strings(left)


def _quota(filling: Filling) -> None:
    """Quotas of addresses, or of users and clients."""
    from kshell.kafka.quotas import QUOTAS

    words = [upper(node) for node in filling.before]
    filling.offers.pairs(QUOTAS["ip" if "IP" in words else "user"].items())


def _config(filling: Filling) -> None:
    filling.offers.strings((name, help) for name, (help, _) in TOPIC_CONFIGS.items())


def _config_value(filling: Filling) -> None:
    """The values of the config before the equals sign, where they are few."""
    name = filling.before[filling.start - 2].text.strip("'")
    _, values = TOPIC_CONFIGS.get(name, ("", ()))
    filling.offers.strings((value, "value") for value in values)


CLUSTER_SLOTS: Mapping[str, Callable[[Filling], None]] = {
    "group": _group, "broker": _broker, "principal": _principal, "connector": _connector,
    "subject": _subject, "application": _application, "mechanism": _mechanism,
    "quota": _quota, "(configs)": _connector_configs, "config": _config,
    "config value": _config_value,
}  # fmt: skip
