"""Every kind of statement, through a session and the engine, on the demo's embedded broker: no Java.

Records are written by INSERT and read back, so what is expected is what the test wrote.  The broker
creates a topic with four partitions, and takes no requests to create or delete one.
"""

from __future__ import annotations

import time
import uuid

import pytest

from kshell.engines.local.statements.schema_scan import schema_ids_of
from kshell.errors import BindError, EvaluationError, KafkaError, UnknownName
from kshell.formats.base import Half
from kshell.formats.registry import Remembered, Schema, SchemaType
from kshell.results import Message, NoticeKind, Sections

from .answers import rows_of, rows_that_come

BEGIN = 1_700_000_000_000 // 60_000 * 60_000
SALES = [("ann", 3, BEGIN), ("bob", 5, BEGIN + 1000), ("ann", 4, BEGIN + 60_000)]


@pytest.fixture
def topic() -> str:
    """A name that nobody has."""
    return f"t{uuid.uuid4().hex[:10]}"


@pytest.fixture
def sales(execute, topic) -> str:
    """The topic of a declared stream SALES that holds the records of the constant."""
    execute(
        f"CREATE STREAM sales (k VARCHAR KEY, n INT) WITH"
        f" (KAFKA_TOPIC='{topic}', VALUE_FORMAT='JSON', PARTITIONS=4);"
    )
    for k, n, at in SALES:
        execute(f"INSERT INTO sales (k, n, ROWTIME) VALUES ('{k}', {n}, {at})")
    return topic


def texts(result) -> list[str]:
    return [part.text for part in result.parts if isinstance(part, Message)]


def until(ask, statement: str, wanted: list[dict], seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while (found := ask(statement)) != wanted:
        assert time.monotonic() < deadline, found
        time.sleep(0.1)


def test_show_topics_and_what_is_declared(ask, execute, sales):
    topics = {row["topic"]: row for row in ask("SHOW TOPICS EXTENDED")}
    assert {"pageviews", "users", "orders", sales} <= set(topics)
    assert topics[sales] == {
        "topic": sales, "partitions": 4, "replicas": 1, "least in sync": 1,
        "first offsets": 0, "records up to": 3,
    }  # fmt: skip
    assert ask("SHOW STREAMS") == [
        {"stream": "SALES", "topic": sales, "key format": "KAFKA", "value format": "JSON",
         "windowed": None}
    ]  # fmt: skip
    assert "no table" in execute("SHOW TABLES").text.lower()
    execute("CREATE TYPE money AS STRUCT<amount INT, unit VARCHAR>")
    assert ask("SHOW TYPES") == [{"type": "MONEY", "is": "STRUCT<`AMOUNT` INTEGER, `UNIT` STRING>"}]
    assert execute("DROP TYPE money").text == "Type MONEY is dropped."
    assert execute("SHOW TYPES").text == "No type is declared."
    assert "UCASE" in [row["function"] for row in ask("SHOW FUNCTIONS")]
    (offset,) = [r for r in ask("SHOW PROPERTIES") if r["property"] == "auto.offset.reset"]
    assert (offset["value"], offset["default"]) == ("earliest", "latest")


def test_describe_a_topic_a_source_and_a_function(execute, sales):
    found = execute("DESCRIBE users")
    assert "100% are JSON" in found.parts[0].text
    assert [(r["column"], r["type"]) for r in rows_of(found.parts[1])] == [
        ("ROWKEY", "STRING"), ("registertime", "BIGINT"), ("userid", "STRING"),
        ("regionid", "STRING"), ("gender", "STRING"),
    ]  # fmt: skip
    assert [r["partition"] for r in rows_of(found.parts[2])] == [0, 1, 2, 3]
    declared = execute("DESCRIBE sales")
    assert declared.parts[0].text == f"Stream SALES over topic {sales}: KAFKA keys, JSON values."
    assert rows_of(declared.parts[1]) == [
        {"column": "K", "type": "STRING", "from": "key"},
        {"column": "N", "type": "INTEGER", "from": "value"},
    ]
    extended = execute("DESCRIBE sales EXTENDED")
    offsets, configs = extended.parts[-1].parts
    assert configs.title == "Configs"
    assert offsets.title == "Partitions: 3 offsets in 4"
    assert sum(r["end offset"] for r in rows_of(offsets)) == 3
    function = execute("DESCRIBE FUNCTION ucase")
    assert any("UCASE('" in text for text in texts(function))


def test_a_bounded_select_of_a_declared_and_of_an_undeclared_topic(ask, sales):
    assert ask("SELECT k, SUM(n) AS s FROM sales GROUP BY k ORDER BY k") == [
        {"K": "ann", "s": 7}, {"K": "bob", "s": 5},
    ]  # fmt: skip
    assert ask(f"SELECT ROWKEY, ROWTIME, N FROM {sales} WHERE N > 3 ORDER BY N") == [
        {"ROWKEY": "ann", "ROWTIME": BEGIN + 60_000, "N": 4},
        {"ROWKEY": "bob", "ROWTIME": BEGIN + 1000, "N": 5},
    ]
    assert ask(f"SELECT N FROM {sales} ORDER BY ROWTIME DESC LIMIT 1") == [{"N": 4}]
    assert ask(f"SELECT COUNT(*) AS c FROM {sales} WHERE ROWKEY = 'ann'") == [{"c": 2}]
    assert ask("SELECT s.k FROM sales s JOIN users u ON u.userid = s.k") == []


def test_a_bounded_select_with_a_window_runs_to_the_ends(ask, sales):
    windows = ask(
        "SELECT k, SUM(n) AS s, WINDOWSTART AS at FROM sales"
        " WINDOW TUMBLING (SIZE 1 MINUTE) GROUP BY k"
    )
    assert sorted(map(tuple, (row.values() for row in windows))) == [
        ("ann", 3, BEGIN), ("ann", 4, BEGIN + 60_000), ("bob", 5, BEGIN),
    ]  # fmt: skip


def test_a_continuous_select_ends_at_its_limit(execute, sales):
    found = rows_that_come(execute("SELECT k, n FROM sales EMIT CHANGES LIMIT 3"))
    assert found == [{"K": k, "N": n} for k, n, _ in SALES]  # by time across partitions
    live = execute("SELECT n FROM sales WHERE n > 3 EMIT CHANGES LIMIT 2")
    assert rows_that_come(live) == [{"N": 5}, {"N": 4}]
    assert live.stats().rows == 2


def test_print_shows_keys_and_values_as_they_are(execute, sales):
    found = rows_that_come(execute(f"PRINT {sales} FROM BEGINNING LIMIT 3"))
    shown = sorted((r["timestamp"], r["key"], r["value"]) for r in found)
    assert shown == [(at, k, f'{{"N":{n}}}') for k, n, at in SALES]


def test_explain_says_what_is_read(execute, sales):
    bounded = execute("EXPLAIN SELECT n FROM sales")
    assert bounded.parts[0].text.startswith("Reads 3 of 3 offsets.")
    assert sum(r["to read"] for r in rows_of(bounded.parts[1])) == 3
    live = execute("EXPLAIN SELECT n FROM sales EMIT CHANGES")
    assert texts(live)[0] == (
        f"Continuous: starts with the 3 offsets that are there, then goes on. Reads {sales}."
    )
    made = execute("EXPLAIN CREATE STREAM more AS SELECT * FROM sales EMIT CHANGES")
    assert isinstance(made, Sections)
    assert "no query" in execute("SHOW QUERIES").text.lower()


def test_insert_into_an_undeclared_topic(ask, execute, sales):
    told = execute(f"INSERT INTO {sales} (ROWKEY, ROWTIME, N) VALUES ('cyd', 77, 9), ('dan', 78, NULL)")
    assert told.text == f"2 records written to {sales}."
    assert ask(f"SELECT ROWKEY, N FROM {sales} WHERE ROWTIME < 100 ORDER BY ROWTIME") == [
        {"ROWKEY": "cyd", "N": 9}, {"ROWKEY": "dan", "N": None},
    ]  # fmt: skip
    with pytest.raises(BindError, match="2 columns and 1 value"):
        execute(f"INSERT INTO {sales} (ROWKEY, N) VALUES ('x')")


def test_insert_into_an_undeclared_topic_of_a_typed_format(ask, execute, topic):
    execute(f"CREATE STREAM d (a INT, b VARCHAR) WITH (KAFKA_TOPIC='{topic}', VALUE_FORMAT='DELIMITED', PARTITIONS=1)")
    execute("INSERT INTO d (a, b) VALUES (1, 'one'), (2, 'two')")
    execute("DROP STREAM d")
    assert ask(f"SELECT COUNT(*) AS c FROM {topic}") == [{"c": 2}]
    execute(f"SET 'topic.{topic}.value.format'='DELIMITED'")
    names = [c for c in ask(f"SELECT * FROM {topic} LIMIT 1")[0] if c != "ROWKEY"]
    execute(f"INSERT INTO {topic} ({', '.join(names)}) VALUES (3, 'three')")
    assert sorted(tuple(r[n] for n in names) for r in ask(f"SELECT * FROM {topic}")) == [
        (1, "one"), (2, "two"), (3, "three"),
    ]  # fmt: skip
    with pytest.raises(UnknownName):
        execute(f"INSERT INTO {topic} (nope) VALUES (1)")


def test_a_stream_that_a_query_writes(ask, execute, sales):
    told = execute(f"CREATE STREAM doubled WITH (KAFKA_TOPIC='{sales}.two') AS SELECT k, n * 2 AS m FROM sales EMIT CHANGES")
    assert told.text == "Stream DOUBLED is created by query CSAS_DOUBLED_1."
    written = lambda statement: [r["written"] for r in ask(statement)]  # noqa: E731
    until(written, "SHOW QUERIES", [3])
    (query,) = ask("SHOW QUERIES EXTENDED")
    assert (query["query"], query["state"], query["topic"]) == ("CSAS_DOUBLED_1", "RUNNING", f"{sales}.two")
    assert "3 records so far" in texts(execute("EXPLAIN CSAS_DOUBLED_1"))[0]
    until(ask, "SELECT k, m FROM doubled ORDER BY ROWTIME", [{"K": k, "M": 2 * n} for k, n, _ in SALES])

    assert execute("PAUSE CSAS_DOUBLED_1").text == "CSAS_DOUBLED_1 is paused."
    execute(f"INSERT INTO sales (k, n, ROWTIME) VALUES ('eve', 10, {BEGIN + 70_000})")
    time.sleep(0.5)
    assert [(r["state"], r["written"]) for r in ask("SHOW QUERIES")] == [("PAUSED", 3)]
    assert execute("RESUME ALL").text == "CSAS_DOUBLED_1 is running again."
    until(written, "SHOW QUERIES", [4])
    assert execute("TERMINATE CSAS_DOUBLED_1").text == "CSAS_DOUBLED_1 is terminated."
    assert ask("SELECT m FROM doubled WHERE k = 'eve'") == [{"M": 20}]
    with pytest.raises(UnknownName, match="CSAS_DOUBLED_1"):
        execute("TERMINATE CSAS_DOUBLED_1")


def test_insert_select_adds_to_a_stream(ask, execute, sales):
    execute(f"CREATE STREAM big (k VARCHAR KEY, n INT) WITH (KAFKA_TOPIC='{sales}.big', VALUE_FORMAT='JSON', PARTITIONS=4)")
    told = execute("INSERT INTO big WITH (QUERY_ID='grow') SELECT k, n FROM sales WHERE n > 3 EMIT CHANGES")
    assert told.text == "Query GROW inserts into BIG."
    until(ask, "SELECT n FROM big ORDER BY n", [{"N": 4}, {"N": 5}])
    assert execute("TERMINATE ALL").text == "GROW is terminated."


def test_a_table_that_a_query_keeps_answers_at_once(ask, execute, sales):
    execute(f"CREATE TABLE sums WITH (KAFKA_TOPIC='{sales}.sums') AS SELECT k, SUM(n) AS s FROM sales GROUP BY k EMIT CHANGES")
    assert ask("SELECT k, s FROM sums ORDER BY k") == [{"K": "ann", "S": 7}, {"K": "bob", "S": 5}]
    execute(f"INSERT INTO sales (k, n, ROWTIME) VALUES ('bob', 1, {BEGIN + 61_000})")
    until(ask, "SELECT s FROM sums WHERE k = 'bob'", [{"S": 6}])
    assert execute("DROP TABLE sums").text == "Table SUMS is dropped."
    assert "no query" in execute("SHOW QUERIES").text.lower()


def test_a_declared_table_has_the_latest_of_each_key(ask, execute, sales):
    execute(f"CREATE TABLE latest (k VARCHAR PRIMARY KEY, n INT) WITH (KAFKA_TOPIC='{sales}', VALUE_FORMAT='JSON')")
    assert ask("SELECT k, n FROM latest ORDER BY k") == [{"K": "ann", "N": 4}, {"K": "bob", "N": 5}]


def test_a_stream_looks_up_a_table(execute, sales):
    execute(f"CREATE TABLE people (k VARCHAR PRIMARY KEY, city VARCHAR) WITH (KAFKA_TOPIC='{sales}.p', VALUE_FORMAT='JSON', PARTITIONS=4)")
    execute(f"INSERT INTO people (k, city, ROWTIME) VALUES ('ann', 'Bern', {BEGIN - 9})")
    execute("SET 'auto.offset.reset'='latest'")
    joined = "SELECT s.n AS n, p.city AS city FROM sales s LEFT JOIN people p ON s.k = p.k EMIT CHANGES LIMIT 2"
    assert texts(execute(f"EXPLAIN {joined}"))[0] == (
        "Continuous: starts at the end ('auto.offset.reset' is latest). PEOPLE, which it looks up, is read"
        f" from its first record. Reads {sales}, {sales}.p."
    )
    execute("SET 'auto.offset.reset'='earliest'")
    assert rows_that_come(execute(joined)) == [{"N": 3, "CITY": "Bern"}, {"N": 5, "CITY": None}]


def test_schema_ids_are_counted_where_records_name_them(session, execute, topic):
    execute(f"CREATE STREAM raw (v BYTES) WITH (KAFKA_TOPIC='{topic}', VALUE_FORMAT='KAFKA', PARTITIONS=1)")
    for hex in ("0000000007aa", "0000000007bb", "0000000008cc"):
        execute(f"INSERT INTO raw (v) VALUES (TO_BYTES('{hex}', 'hex'))")
    known = Remembered()
    known.put("s", Schema(SchemaType.AVRO, '"string"'), 7)
    client = session.engine.context.client
    at_this_moment = client.snapshot(client.topic(topic), "read_committed")
    (found,) = schema_ids_of(client, at_this_moment, [Half.VALUE], known).parts
    assert [(r["part"], r["schema id"], r["kind"], r["records"]) for r in rows_of(found)] == [
        ("value", 7, "AVRO", 2), ("value", 8, "not in the registry", 1),
    ]  # fmt: skip
    assert schema_ids_of(client, at_this_moment, [], known) == Sections()


def test_declarations_are_altered_and_dropped(ask, execute, sales):
    assert execute("ALTER STREAM sales ADD COLUMN note VARCHAR").text == "Stream SALES is altered."
    execute(f"INSERT INTO sales (k, n, note, ROWTIME) VALUES ('x', 1, 'hello', {BEGIN})")
    assert ask("SELECT note FROM sales WHERE k = 'x'") == [{"NOTE": "hello"}]
    assert execute("DROP STREAM sales").text == "Stream SALES is dropped."
    assert execute("DROP STREAM IF EXISTS sales").text == "Stream SALES does not exist."
    with pytest.raises(UnknownName):
        execute("SELECT * FROM sales")
    with pytest.raises(UnknownName, match="Kafka topic does not exist"):
        execute("CREATE STREAM s (a INT) WITH (KAFKA_TOPIC='there_is_none', VALUE_FORMAT='JSON')")


def test_a_topic_that_cannot_be_deleted_is_told(execute, sales):
    with pytest.raises(KafkaError, match=f"cannot delete topic {sales}"):
        execute("DROP STREAM sales DELETE TOPIC")


def test_assert(execute, sales):
    assert execute(f"ASSERT TOPIC '{sales}' WITH (PARTITIONS=4)").text == f"Topic {sales} exists."
    assert execute("ASSERT NOT EXISTS TOPIC nope").text == "Topic nope does not exist."
    with pytest.raises(EvaluationError, match="Expected: 3, found: 4"):
        execute(f"ASSERT TOPIC '{sales}' WITH (PARTITIONS=3) TIMEOUT 0 SECONDS")
    asserted = f"ASSERT STREAM sales (k VARCHAR KEY, n INT) WITH (KAFKA_TOPIC='{sales}', VALUE_FORMAT='JSON')"
    assert execute(asserted).text == "Stream SALES is as asserted."
    for k, n, _ in SALES:
        execute(f"ASSERT VALUES sales (k, n) VALUES ('{k}', {n})")
    execute("INSERT INTO sales (k, n) VALUES ('z', 1)")
    with pytest.raises(EvaluationError, match="Expected record does not match actual"):
        execute("ASSERT VALUES sales (k, n) VALUES ('z', 2)")


def test_what_cannot_be_decoded_is_shown(ask, execute, sales):
    assert execute("SHOW ERRORS").text == "No record has failed in this session."
    execute(f"CREATE STREAM raw (k VARCHAR KEY, v VARCHAR) WITH (KAFKA_TOPIC='{sales}', VALUE_FORMAT='KAFKA')")
    execute("INSERT INTO raw (k, v) VALUES ('bad', '{broken')")
    answer = execute("SELECT n FROM sales ORDER BY n")
    assert [r["N"] for r in rows_of(answer)] == [3, 4, 5]
    assert [(n.kind, n.count) for n in answer.notices()] == [(NoticeKind.UNDECODABLE, 1)]
    (error,) = ask("SHOW ERRORS")
    assert (error["topic"], error["bytes"]) == (sales, b"{broken")
    assert "JSON" in error["reason"]


def test_a_query_that_is_stopped_at_bad_records_says_so(ask, execute, sales):
    execute(f"CREATE STREAM raw (k VARCHAR KEY, v VARCHAR) WITH (KAFKA_TOPIC='{sales}', VALUE_FORMAT='KAFKA')")
    execute("INSERT INTO raw (k, v) VALUES ('bad', '{broken')")
    execute("SET 'ksql.fail.on.deserialization.error'='true'")
    execute(f"CREATE STREAM copied WITH (KAFKA_TOPIC='{sales}.copied') AS SELECT * FROM sales EMIT CHANGES")
    states = lambda statement: [r["state"] for r in ask(statement)]  # noqa: E731
    until(states, "SHOW QUERIES", ["ERROR"])
    (query,) = ask("SHOW QUERIES")
    assert sales in query["error"]
    assert "It failed: " in texts(execute("EXPLAIN CSAS_COPIED_1"))[-2]


def test_print_finds_moments_also_where_the_broker_cannot(execute, sales):
    at = f"@{BEGIN + 1000}"
    for clauses, wanted in (
        (f"FROM '{at}' TO END", [5, 4]), (f"TO '{at}'", [3]), (f"FROM '{at}' TO '@{BEGIN + 60_000}'", [5]), ("LAST 2", [5, 4]),
    ):  # fmt: skip
        found = rows_that_come(execute(f"PRINT {sales} {clauses}"))
        assert sorted((r["timestamp"], r["value"]) for r in found) == sorted(
            (stamp, f'{{"N":{n}}}') for _, n, stamp in SALES if n in wanted)
