"""A file's queries as an application: what is checked before anything starts, and the start.

`kshell run` calls it by way of the engine.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Collection
from typing import TYPE_CHECKING

from kshell.config import Properties
from kshell.engines.local.durable.application import Application
from kshell.engines.local.durable.fingerprint import check_upgrade
from kshell.engines.local.durable.inputs import identities
from kshell.engines.local.durable.ledger import Saved, decided, query_of
from kshell.engines.local.durable.plan import Plan
from kshell.engines.local.statements.application_rights import check_rights, new_topics
from kshell.errors import Forbidden, KafkaError, KshellError, UsageError
from kshell.kafka import states
from kshell.kafka.client import Client
from kshell.kafka.group_admin import delete_group
from kshell.kafka.groups import Described, committed, named
from kshell.kafka.metadata import Topic
from kshell.kafka.transactions import Transactions
from kshell.kafka.turn import Turn
from kshell.sql import queries
from kshell.sql import statements as ast
from kshell.sql.plan import scans

if TYPE_CHECKING:
    from kshell.engines.local.context import Context

__all__ = ["ALLOWED", "allowed", "check", "check_alone", "drop_state",
           "make_topics", "reset", "start", "turn"]  # fmt: skip

# What may stand in the file of an application, beside what the session itself does (SET, DEFINE).
ALLOWED = (
    ast.AlterSource, queries.BeginSet, ast.CreateAsSelect, ast.CreateSource, ast.CreateType,
    ast.DropSource, ast.DropType, queries.EndSet, ast.InsertSelect,
)  # fmt: skip
_PATIENCE = 10.0  # seconds that a coordinator is waited for
_SESSION, _LEAST_SESSION = "group.min.session.timeout.ms", 6000  # the brokers' default
_SHORTEST = 2000  # milliseconds: shorter ones end by a pause of the machine


def allowed(
    context: Context, properties: Properties, *, standby: bool = False, reset: Collection[str] = ()
) -> list[str]:
    """Look whether the file, its topics and its rights allow a start; gives what cannot be asked.

    `reset` are the queries whose state is to be forgotten.  Raises what is in the way of a start.
    """
    application = _application(context)
    if not application.plans:
        raise UsageError(
            "the file has no query: nothing would run",
            hint="CREATE STREAM|TABLE … AS SELECT and INSERT INTO … SELECT are queries",
        )
    _check_letters(application)
    _check_name(context, application)
    return check_rights(context, application, properties, standby=standby, reset=reset)


def check(context: Context, *, reset: Collection[str] = ()) -> dict[str, Saved]:
    """Look at each query's state; raises what would keep one from going on with it.

    Of those in `reset` it will be forgotten.
    """
    plans = _application(context).plans.items()
    return {name: _saved(context, plan) for name, plan in plans if name not in reset}


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


def _saved(context: Context, plan: Plan) -> Saved:
    """A query's state, of which nothing is changed.

    A dead process's transaction may be open, which only the start ends: so it is not waited for.
    """
    client = context.client
    topic, saved = _state(client, plan)
    if saved.standing is None and client.creates_topics and _has_run(context, plan):
        topic, saved = _state(client, plan)  # it may have committed first just now
        if saved.standing is None:
            if topic is not None and _is_open(client, topic):
                raise KafkaError(
                    f"the state of query {plan.name} cannot be read: a transaction is open on topic"
                    f" {plan.state_topic}",
                    hint="SHOW TRANSACTIONS says whose",
                )
            raise KafkaError(
                f"query {plan.name} has run before, and its state is gone: topic"
                f" {plan.state_topic} {'does not exist' if topic is None else 'is empty'}",
                hint=f"--reset {plan.name} begins anew: outputs that were written before are"
                " written again",
            )
    if saved.standing is not None:
        lookup = plan.lookup()
        header = plan.header(plan.graph(lookup))
        if saved.header is not None:
            check_upgrade(plan.name, saved.header.fingerprint, header.fingerprint)
        identities(plan, lookup, saved.standing)
    return saved


def _state(client: Client, plan: Plan) -> tuple[Topic | None, Saved]:
    """The state topic, and what is committed there."""
    topic = client.find(plan.state_topic)
    return topic, Saved() if topic is None else decided(client, topic)


def _is_open(client: Client, topic: Topic) -> bool:
    """Whether a transaction on a topic is open."""
    return client.undecided(client.snapshot(topic, "read_committed"), [0]) > 0


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


def reset(context: Context, names: Collection[str], properties: Properties) -> None:
    """Forget the state of these queries and what they have read."""
    application = _application(context)
    admin = context.admin(properties)
    for name in names:
        plan = application.plans[name]
        drop_state(context, properties, plan.id, plan.state_topic)
        if _has_run(context, plan):
            delete_group(admin, plan.id)


def drop_state(context: Context, properties: Properties, id: str, topic: str) -> None:
    """Delete a query's state topic, if it is there; who still runs the query writes no more."""
    Transactions(properties, id)  # it fences
    if context.client.find(topic) is not None:
        context.admin(properties).delete_topic(topic)
        context.seen(topic, lambda found: found is None)


def check_alone(context: Context) -> None:
    """Raise UsageError where processes stand by for the application: they would go on with their
    own file after a --reset, and one that does not stand by would be fenced, and fence them, in
    turn.  One that has just ended may be a member for some seconds more."""
    application = _application(context)
    deadline = time.monotonic() + _PATIENCE
    while (group := _stands_by(context, application)) is not None and group.members:
        if time.monotonic() < deadline:
            time.sleep(0.2)
            continue
        raise UsageError(
            f"application {application.name} is run with --standby on"
            f" {', '.join(sorted({m.host.removeprefix('/') for m in group.members}))}",
            hint="stop those first; or --standby stands in the same queue, without --reset",
        )


def _stands_by(context: Context, application: Application) -> Described | None:
    """The group of the processes that stand by; None where it may not be seen, too."""
    with contextlib.suppress(Forbidden):
        return named(context.look(), application.group)
    return None


def start(context: Context, properties: Properties) -> None:
    """Create the topics that are missing, and start all queries."""
    make_topics(context, properties)
    _application(context).run()


def make_topics(context: Context, properties: Properties) -> None:
    """Create the topics that are missing."""
    application = _application(context)
    context.application = None  # from here on topics are created when they are asked for
    try:
        for topic in new_topics(context, application, properties).values():
            context.make_topic(
                topic.name, topic.partitions, topic.replicas, topic.configs, properties,
                may_exist=True,
            )  # fmt: skip
        application.topics = {}
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
    return Turn(properties, application.group, first.state_topic, max(session, _SHORTEST))


def _application(context: Context) -> Application:
    assert context.application is not None
    return context.application
