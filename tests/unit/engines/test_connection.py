"""A property of the connection that is set after connecting: tried first, and the old one stays."""

import pytest

from kshell.config import PROPERTIES, Properties, Scope
from kshell.errors import ConnectionFailed, UsageError
from kshell.session import Session

OF_THE_CONNECTION = ("bootstrap.servers", "client.id", "security.", "sasl.", "ssl.", "kshell.connect.", "kshell.files", "kshell.insecure", "kshell.read.only")


@pytest.fixture
def session(demo):
    made = Session(Properties({"bootstrap.servers": demo.bootstrap}))
    yield made
    made.close()


def run(session, text):
    return list(session.execute(text))


def cell(session, query):
    (rows,) = run(session, query)
    return next(rows.batches).column(0)[0].as_py()


def last_second(session):
    """A value that tells the two clusters apart: their records were made at different times."""
    return cell(session, "SELECT MIN(ROWTIME) FROM pageviews")


@pytest.mark.parametrize("name", PROPERTIES)
def test_each_property_says_whose_it_is(name):
    of_connection = name.startswith(OF_THE_CONNECTION)
    assert PROPERTIES[name].scope is (Scope.CONNECTION if of_connection else Scope.SESSION)


def test_show_properties_says_it_too(session):
    (rows,) = run(session, "SHOW PROPERTIES")
    shown = {r["property"]: r["scope"] for b in rows.batches for r in b.to_pylist()}
    assert (shown["sasl.mechanism"], shown["isolation.level"]) == ("connection", "session")


def test_another_cluster_is_read_from_then_on(session, other_demo):
    before = last_second(session)
    run(session, "CREATE STREAM p (pageid VARCHAR) WITH (KAFKA_TOPIC='pageviews', VALUE_FORMAT='JSON')")
    old = session.engine.context.client
    run(session, f"SET 'bootstrap.servers'='{other_demo.bootstrap}'")
    assert session.cluster == other_demo.bootstrap
    assert last_second(session) != before
    assert cell(session, "SELECT MIN(ROWTIME) FROM p") == last_second(session)  # declarations stay
    assert not old.loop.is_running()


def test_one_that_cannot_be_reached_leaves_all_as_it_was(session, demo):
    before = last_second(session)
    with pytest.raises(ConnectionFailed, match="nothing listens"):
        run(session, "SET 'bootstrap.servers'='127.0.0.1:1'")
    with pytest.raises(ConnectionFailed):
        run(session, "SET 'security.protocol'='SSL'")
    with pytest.raises(UsageError, match="no cluster named"):
        run(session, "UNSET 'bootstrap.servers'")
    assert session.cluster == demo.bootstrap
    assert session.properties["security.protocol"] == "PLAINTEXT"
    assert last_second(session) == before


def test_while_a_query_runs_it_is_refused(session, demo, other_demo):
    run(session, "CREATE STREAM p AS SELECT * FROM pageviews EMIT CHANGES")
    for statement in (
        f"SET 'bootstrap.servers'='{other_demo.bootstrap}'",
        "SET 'client.id'='me'",
        "UNSET 'client.id'",
    ):
        with pytest.raises(UsageError, match="while a query runs") as refused:
            run(session, statement)
        assert "TERMINATE" in refused.value.hint
    assert session.cluster == demo.bootstrap
    run(session, "SET 'isolation.level'='read_uncommitted'; TERMINATE ALL; SET 'client.id'='me'")
    assert session.properties["client.id"] == "me"


def test_several_are_set_together_or_not_at_all(session, other_demo):
    session.connect()
    with pytest.raises(ConnectionFailed) as refused:
        run(session, f"SET 'bootstrap.servers'='{other_demo.bootstrap}', 'security.protocol'='SSL'")
    assert "the old connection stays" in refused.value.hint
    assert session.properties["security.protocol"] == "PLAINTEXT"
    assert session.cluster != other_demo.bootstrap
    with pytest.raises(UsageError, match="no property named"):
        run(session, "SET 'client.id'='me', 'nope'='1'")
    assert session.properties["client.id"] == "kshell"
    run(session, f"SET 'bootstrap.servers'='{other_demo.bootstrap}', 'auto.offset.reset'='earliest'")
    assert (session.cluster, session.properties["auto.offset.reset"]) == (other_demo.bootstrap, "earliest")


def test_before_connecting_it_is_only_noted(demo):
    session = Session(Properties({"bootstrap.servers": "127.0.0.1:1"}))
    run(session, f"SET 'bootstrap.servers'='{demo.bootstrap}'")
    assert cell(session, "SELECT COUNT(*) FROM pageviews") > 0
    session.close()


def test_what_was_sampled_of_the_old_cluster_is_forgotten(session, other_demo):
    assert "PAGEID" in [c.upper() for c in session.columns("pageviews")]
    session.refresh()
    run(session, f"SET 'bootstrap.servers'='{other_demo.bootstrap}'")
    assert session.names() == ()
