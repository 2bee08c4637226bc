"""A file's queries as an application: what is checked before anything starts, and the start.

`kshell run` calls it by way of the engine.
"""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

from kshell.config import Properties
from kshell.engines.local.durable.application import Application
from kshell.engines.local.durable.fingerprint import check_upgrade
from kshell.engines.local.durable.inputs import identities
from kshell.engines.local.durable.ledger import Saved, query_of, read
from kshell.engines.local.durable.plan import Plan
from kshell.errors import Forbidden, KafkaError, KshellError, UsageError
from kshell.kafka import states
from kshell.kafka.allowed import denied_on_group, denied_on_topic
from kshell.kafka.group_admin import delete_group
from kshell.kafka.groups import committed
from kshell.kafka.rights import refused
from kshell.kafka.turn import Turn
from kshell.sql import queries
from kshell.sql import statements as ast
from kshell.sql.plan import scans

if TYPE_CHECKING:
    from kshell.engines.local.context import Context

__all__ = ["ALLOWED", "check", "make_topics", "reset", "rights", "start", "state_replicas",
           "turn"]  # fmt: skip

# What may stand in the file of an application, beside what the session itself does (SET, DEFINE).
ALLOWED = (
    ast.AlterSource, queries.BeginSet, ast.CreateAsSelect, ast.CreateSource, ast.CreateType,
    ast.DropSource, ast.DropType, queries.EndSet, ast.InsertSelect,
)  # fmt: skip
_PATIENCE = 10.0  # seconds that a coordinator is waited for
_SESSION, _LEAST_SESSION = "group.min.session.timeout.ms", 6000  # the brokers' default
_SHORTEST = 2000  # milliseconds: shorter ones end by a pause of the machine
_COMPACTED = {"cleanup.policy": "compact"}


def check(context: Context, properties: Properties) -> dict[str, Saved]:
    """Look at each query's state; raises what would keep one from going on with it."""
    application = _application(context)
    if not application.plans:
        raise UsageError(
            "the file has no query: nothing would run",
            hint="CREATE STREAM|TABLE … AS SELECT and INSERT INTO … SELECT are queries",
        )
    _check_letters(application)
    _check_name(context, application)
    return {name: _saved(context, plan, properties) for name, plan in application.plans.items()}


def _check_letters(application: Application) -> None:
    """Raise UsageError where a query reads or writes the topic of its dead letters."""
    for plan in application.plans.values():
        used = {plan.sink.target.topic, *(leaf.source.topic for leaf in scans(plan.sink))}
        if application.dead_letters in used:
            raise UsageError(
                f"query {plan.name} reads or writes {application.dead_letters}, which is to have"
                " the records that cannot be decoded",
                hint="--dead-letter with another topic",
                place=plan.place,
            )


def _check_name(context: Context, application: Application) -> None:
    """Raise UsageError where the application's name is another file's."""
    found = filter(None, (query_of(t.name) for t in context.client.topics()))
    there = [query for name, query in found if name == application.name]
    if there and not set(there) & set(application.plans):
        raise UsageError(
            f"application {application.name} has other queries than this file: {', '.join(there)}",
            hint="--app with another name",
        )


def _saved(context: Context, plan: Plan, properties: Properties) -> Saved:
    """A query's state, of which nothing is changed."""
    topic = context.client.find(plan.state_topic)
    saved = Saved() if topic is None else read(context.client, topic, lambda fetch: None)
    if saved.standing is None:
        if context.client.creates_topics and _has_run(context, plan):
            raise KafkaError(
                f"query {plan.name} has run before, and its state is gone: topic"
                f" {plan.state_topic} {'does not exist' if topic is None else 'is empty'}",
                hint=f"--reset {plan.name} begins anew: outputs that were written before are"
                " written again",
            )
    else:
        lookup = plan.lookup()
        header = plan.header(plan.graph(lookup))
        if saved.header is not None:
            check_upgrade(plan.name, saved.header.fingerprint, header.fingerprint)
        identities(plan, lookup, saved.standing)
    return saved


def _has_run(context: Context, plan: Plan) -> bool:
    """Whether the query has ever committed; a coordinator that just starts is waited for."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            return bool(committed(context.look(), plan.id))
        except Forbidden:
            raise
        except KafkaError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def reset(context: Context, names: list[str], properties: Properties) -> None:
    """Forget the state of these queries and what they have read."""
    application = _application(context)
    admin = context.admin(properties)
    for name in names:
        plan = application.plans[name]
        if context.client.find(plan.state_topic) is not None:
            admin.delete_topic(plan.state_topic)
            context.seen(plan.state_topic, lambda topic: topic is None)
        if _has_run(context, plan):
            delete_group(admin, plan.id)


def start(context: Context, properties: Properties) -> None:
    """Create the topics that are missing, and start all queries."""
    make_topics(context, properties)
    _application(context).run()


def rights(context: Context, properties: Properties) -> list[str]:
    """What is known of the rights that the queries need; raises Forbidden where one is denied."""
    admin, lines = context.admin(properties), list[str]()
    needs: dict[str, set[str]] = {}
    for plan in _application(context).plans.values():
        for leaf in scans(plan.sink):
            needs.setdefault(leaf.source.topic, set()).add("READ")
        needs.setdefault(plan.sink.target.topic, set()).add("WRITE")
        needs.setdefault(plan.state_topic, set()).update(("READ", "WRITE"))
        if plan.dead_letters:
            needs.setdefault(plan.dead_letters, set()).add("WRITE")
    for topic, operations in sorted(needs.items()):
        if context.client.find(topic) is None:
            lines.append(f"topic {topic}: not there; to CREATE it is not checked")
        elif (denied := denied_on_topic(admin, topic, sorted(operations))) is None:
            lines.append(f"topic {topic}: not checked")
        elif denied:
            raise refused(denied[0], f"topic {topic}")
    for plan in _application(context).plans.values():
        denied = denied_on_group(admin, plan.id, ["READ"])
        if denied:
            raise refused(denied[0], f"group {plan.id}")
        if denied is None:
            lines.append(f"group {plan.id}: not checked")
        lines.append(f"transactional id {plan.id}: not checked")
    return lines


def make_topics(context: Context, properties: Properties) -> None:
    """Create the topics that are missing."""
    application = _application(context)
    new, application.topics = application.topics, {}
    context.application = None  # from here on topics are created when they are asked for
    try:
        for topic in new.values():
            context.make_topic(
                topic.name, topic.partitions, topic.replicas, topic.configs, properties
            )
        letters = application.dead_letters
        if letters and context.client.find(letters) is None:
            context.make_topic(letters, 1, -1, {}, properties)
        for plan in application.plans.values():
            if context.client.find(plan.state_topic) is None:
                context.make_topic(
                    plan.state_topic, 1, state_replicas(properties), _COMPACTED, properties
                )
    finally:
        context.application = application


def turn(context: Context, properties: Properties) -> Turn:
    """A place in the queue of the processes that wait to run the application."""
    application = _application(context)
    first = next(iter(application.plans.values()))
    session = _LEAST_SESSION
    with contextlib.suppress(KshellError):  # without the right to ask it is Kafka's default
        look = context.look()
        found = states.configs(look, states.BROKER, [str(node) for node in look.brokers])
        least = [int(c["value"]) for _, c in found if c["name"] == _SESSION and c["value"]]
        session = max(least, default=session)
    group = f"kshell.{application.name}"
    return Turn(properties, group, first.state_topic, max(session, _SHORTEST))


def state_replicas(properties: Properties) -> int:
    """How many replicas a state topic gets; -1 is the brokers' default."""
    replicas = properties.number("kshell.state.replication.factor")
    return -1 if replicas is None else replicas


def _application(context: Context) -> Application:
    assert context.application is not None
    return context.application
