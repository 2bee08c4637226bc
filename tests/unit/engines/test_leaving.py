"""Leaving while the cluster is away: what cannot be written is said soon, whatever the number of queries."""

import signal
import time

import pytest

from kshell.config import Properties
from kshell.demo.broker import start
from kshell.errors import KshellError
from kshell.session import Session


@pytest.fixture
def broker():
    """A broker of its own, which can be stopped."""
    made = start()
    yield made
    made._process.send_signal(signal.SIGCONT)
    made.close()


@pytest.mark.parametrize("away", [signal.SIGSTOP, signal.SIGKILL])
def test_queries_with_unwritten_records_end_soon_where_no_broker_answers(broker, away):
    properties = {"bootstrap.servers": broker.bootstrap, "auto.offset.reset": "earliest"}
    session = Session(Properties(properties))
    list(session.execute("CREATE STREAM one AS SELECT orderid FROM orders; CREATE STREAM two AS SELECT orderid FROM orders"))
    queries = list(session.engine.context.queries.values())
    until = time.monotonic() + 30
    while any(q.written == 0 for q in queries):
        assert time.monotonic() < until
        time.sleep(0.1)
    broker._process.send_signal(away)
    time.sleep(0.5)
    for query in queries:  # a record that they have read meets a cluster that is away
        query._producer.send(query.sink.target.topic, [(None, b"{}", None, 0, None)])
    began = time.monotonic()
    with pytest.raises(KshellError, match="record left unwritten|records left unwritten"):
        session.close()
    assert time.monotonic() - began < 5
    assert not any(q._thread.is_alive() for q in queries)
