"""CREATE TOPIC: plans a topic, which the brokers have checked; `engine` dispatches here."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from kshell.catalog.model import TopicSettings
from kshell.catalog.topic_configs import TOPIC_CONFIGS
from kshell.config import Properties
from kshell.engines.local.statements import topics
from kshell.engines.local.statements.proposals import Step, planned
from kshell.errors import BindError, Forbidden, KafkaError, KshellError, UnknownName
from kshell.results import Answer, Message, Proposal
from kshell.sql.clauses import Name
from kshell.sql.cluster import CreateTopic, Setting
from kshell.wording import many

if TYPE_CHECKING:
    from kshell.engines.local.context import Context

__all__ = ["at_config", "check_configs", "create_topic"]

_DEFAULT = -1  # the brokers' own number
_CONFIGS = {"partitions": "num.partitions", "replicas": "default.replication.factor"}


def create_topic(
    context: Context, statement: CreateTopic, properties: Properties
) -> Answer | Proposal:
    """CREATE TOPIC [IF NOT EXISTS]; raises BindError, UnknownName, KafkaError, Forbidden."""
    name = statement.name.text
    try:
        found = context.client.find(name)
    except Forbidden:  # then the brokers say whether it may be created
        found = None
    configs = {key.text: value for key, value in statement.configs}
    settings = TopicSettings(
        statement.partitions.value if statement.partitions else None,
        statement.replicas.value if statement.replicas else None,
        configs,
    )
    if found is not None:
        if statement.if_not_exists:
            differs = topics.stays(context.client, found, settings)
            return Message(f"Topic {name} exists already.", differs)
        raise BindError(
            f"topic {name} exists already, with {many(len(found.partitions), 'partition')}",
            hint="ALTER TOPIC changes it; CREATE TOPIC IF NOT EXISTS leaves it as it is",
            place=statement.name.place,
        )
    _check_sizes(context, statement)
    partitions = statement.partitions.value if statement.partitions else _DEFAULT
    replicas = statement.replicas.value if statement.replicas else _DEFAULT
    if context.client.creates_topics:
        check_configs(context, statement.configs, properties)
        admin = context.admin(properties)
        try:
            admin.create_topic(name, partitions, replicas, configs, only_check=True)
        except KafkaError as error:
            raise at_config(error, statement.configs, statement.name) from None

    def apply() -> Answer:
        told = topics.create_topic(
            context, name, settings, properties, like=(_DEFAULT, _DEFAULT)
        )
        return Message(f"Topic {name} is created.{told}")

    steps: list[Step] = [
        ("topic", None, name),
        *_sizes(context, statement, properties),
        *((key, None, value) for key, value in configs.items()),
    ]
    return Proposal(f"Create topic {name}?", planned(f"Create topic {name}", steps), apply)


def _check_sizes(context: Context, statement: CreateTopic) -> None:
    """Raise BindError for numbers that cannot be."""
    for word, number in (("PARTITIONS", statement.partitions), ("REPLICAS", statement.replicas)):
        if number is not None and number.value < 1:
            raise BindError(f"{word} is 1 or more", place=number.place)
    if statement.replicas is not None:
        brokers = len(context.client.brokers())
        if statement.replicas.value > brokers:
            raise BindError(
                f"{many(statement.replicas.value, 'replica')} need as many brokers, and"
                f" {brokers} {'is' if brokers == 1 else 'are'} up",
                hint=f"REPLICAS {brokers}",
                place=statement.replicas.place,
            )


def _sizes(
    context: Context, statement: CreateTopic, properties: Properties
) -> Iterable[Step]:
    """How many partitions and replicas there will be: the statement's, else the brokers'."""
    defaults: dict[str, str] = {}
    if context.client.creates_topics and not (statement.partitions and statement.replicas):
        try:
            broker = context.client.brokers()[0].id
            defaults = context.admin(properties).broker_configs(broker)
        except KafkaError:  # a user who may create topics may not see this
            pass
    for what, number in (("partitions", statement.partitions), ("replicas", statement.replicas)):
        if number is not None:
            yield what, None, str(number.value)
        else:
            usual = defaults.get(_CONFIGS[what])
            yield what, None, f"{usual} (the brokers' default)" if usual else "the brokers' default"


def at_config(error: KafkaError, configs: Iterable[Setting], name: Name) -> KshellError:
    """A refusal of the brokers, at the config that it names, else at the topic's name."""
    named = next((key for key, _ in configs if key.text in error.what), name)
    if named is not name and named.text not in TOPIC_CONFIGS:
        error.hint = error.hint or UnknownName("config", named.text, TOPIC_CONFIGS).hint
    return error.with_place(named.place) if named.place is not None else error


def check_configs(
    context: Context, configs: Iterable[Setting], properties: Properties, topic: str = ""
) -> None:
    """Raise UnknownName for a config that no topic has; any topic that is there knows them."""
    configs = list(configs)
    known: Iterable[str] = ()
    if configs:
        seen = topic or next((t.name for t in context.client.topics() if not t.error), "")
        try:
            known = context.admin(properties).topic_configs(seen) if seen else ()
        except KafkaError:
            return
    if not known:
        return
    for key, _ in configs:
        if key.text not in known:
            raise UnknownName("config", key.text, known, place=key.place)
