"""What a statement asks the brokers before its first fetch, counted on the demo broker."""

from collections import Counter

import pytest

from kshell.config import Properties
from kshell.kafka.frames import FrameConnection
from kshell.results import Live, Rows
from kshell.session import Session

METADATA, LIST_OFFSETS, FETCH = 3, 2, 1


@pytest.fixture
def asked(monkeypatch):
    """(API key, of which topics) of every request, in order; metadata of None is a full listing."""
    seen = []
    sent = FrameConnection.send

    async def send(self, request):
        kind = type(request).__name__
        if kind == "MetadataRequest":
            seen.append(("metadata", request._topics))
        elif kind == "OffsetRequest":
            seen.append(("offsets", None))
        elif kind == "RawFetchRequest":
            seen.append(("fetch", None))
        return await sent(self, request)

    monkeypatch.setattr(FrameConnection, "send", send)
    return seen


def before_the_scan(seen):
    """Requests by kind without what the sample fetched."""
    return Counter(kind for kind, _ in seen if kind != "fetch")


def pulled(answer):
    if isinstance(answer, Live):
        answer.poll(0.1)
        answer.cancel()
    return answer


STATEMENTS = {
    "SELECT COUNT(*) FROM pageviews": (1, 2),
    "SELECT * FROM pageviews LIMIT 1": (1, 2),
    "SELECT a.ROWKEY FROM pageviews a JOIN pageviews b ON a.ROWKEY = b.ROWKEY LIMIT 1": (1, 2),
    "SELECT COUNT(*) FROM c": (1, 2),
    "EXPLAIN SELECT COUNT(*) FROM pageviews": (1, 2),
    "SELECT * FROM pageviews EMIT CHANGES": (1, 2),
    "EXPLAIN SELECT * FROM pageviews EMIT CHANGES": (1, 2),
    "SELECT * FROM c EMIT CHANGES": (1, 2),
    "PRINT pageviews": (1, 2),
    "PRINT pageviews WHERE viewtime > 0": (1, 2),
    "DESCRIBE pageviews": (1, 2),
}


@pytest.mark.parametrize("statement", STATEMENTS)
def test_a_statement_asks_for_its_topic_and_its_offsets_once(demo, asked, statement):
    with_declared = "CREATE STREAM c (pageid VARCHAR) WITH (KAFKA_TOPIC='pageviews', VALUE_FORMAT='JSON')"
    session = Session(Properties({"bootstrap.servers": demo.bootstrap}))
    try:
        list(session.execute(with_declared))
        asked.clear()
        ((answer),) = session.execute(statement)
        pulled(answer)
        counted = before_the_scan(asked)
        assert (counted["metadata"], counted["offsets"]) == STATEMENTS[statement]
        assert ("metadata", None) not in asked
    finally:
        session.close()


def test_a_name_that_no_topic_has_exactly_is_looked_for_among_all(demo, asked):
    session = Session(Properties({"bootstrap.servers": demo.bootstrap}))
    try:
        session.connect()
        asked.clear()
        (rows,) = session.execute("SELECT COUNT(*) FROM PAGEVIEWS")
        assert isinstance(rows, Rows)
        assert [topics for kind, topics in asked if kind == "metadata"] == [["PAGEVIEWS"], None]
    finally:
        session.close()
