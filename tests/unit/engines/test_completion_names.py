"""The names and columns that a session gives completion."""

from __future__ import annotations

import pyarrow as pa

from kshell.engines.base import Named
from kshell.terminal.completion.names import sources_of


def test_names_say_what_they_are(session, execute, topic_of):
    topic = topic_of('{"id":1,"o":{"x":[{"y":true}]}}')
    execute(f"CREATE STREAM declared_s (id INT) WITH (KAFKA_TOPIC='{topic}', VALUE_FORMAT='JSON')")
    execute(f"CREATE TABLE declared_t (k STRING PRIMARY KEY, id INT)"
            f" WITH (KAFKA_TOPIC='{topic}', VALUE_FORMAT='JSON')")  # fmt: skip
    session.refresh()
    named = {n.name: n for n in session.names()}
    partitions = named[topic].partitions
    assert partitions > 0
    assert named[topic] == Named(topic, "topic", partitions)
    assert named["DECLARED_S"] == Named("DECLARED_S", "stream", partitions)
    assert named["DECLARED_T"] == Named("DECLARED_T", "table", partitions)


def test_columns_have_types_nested_ones_too(session, execute, topic_of):
    topic = topic_of('{"id":1,"o":{"x":[{"y":true}]},"rowtime":5}')
    inner = pa.struct([("x", pa.list_(pa.struct([("y", pa.bool_())])))])
    assert session.columns(topic) == {"id": pa.int64(), "o": inner, "rowtime": pa.int64()}
    execute(f"CREATE STREAM declared (id INT, `Name` STRING KEY)"
            f" WITH (KAFKA_TOPIC='{topic}', VALUE_FORMAT='JSON', KEY_FORMAT='KAFKA')")  # fmt: skip
    assert session.columns("DECLARED") == {"Name": pa.string(), "ID": pa.int32()}


def test_topics_of_kafka_and_its_tools_are_internal(session, execute):
    execute("CREATE STREAM s (id INT) WITH (KAFKA_TOPIC='_tool', VALUE_FORMAT='JSON', PARTITIONS=1)")
    session.refresh()
    assert {n.name: n.internal for n in session.names()}["_tool"]


def test_system_tables_are_among_the_names_and_have_columns(session):
    session.refresh()
    assert Named("kafka.lag", "system table") in session.names()
    assert session.columns("kafka.lag")["lag"] == pa.int64()
    assert "verdict" in session.columns("kafka.lag")


def test_system_tables_are_offered_without_backticks_behind_topics():
    named = [Named("kafka.lag", "system table"), Named("kafka.lag", "topic"), Named("orders", "topic")]
    texts = [source.text for source in sources_of(named).entries]
    assert texts == ["`kafka.lag`", "orders", "kafka.lag"]
