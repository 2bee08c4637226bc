"""What WITH says of a topic reaches the broker, or is refused, or is said not to hold."""

from __future__ import annotations

import pytest

from kshell.errors import BindError, EvaluationError
from kshell.kafka import admin

from .conftest import PROPERTIES, Cluster


def made(cluster: Cluster, name: str) -> tuple[int, int, dict[str, str]]:
    topic = cluster.topic(name)
    return len(topic.partitions), len(topic.partitions[0].replicas), cluster.made[name]


SOURCE = "CREATE STREAM s (k STRING KEY, v INT, t STRING) WITH (KAFKA_TOPIC='s', VALUE_FORMAT='JSON', PARTITIONS=4, REPLICAS=2);"
TABLE = "CREATE TABLE t (k STRING PRIMARY KEY, v INT) WITH (KAFKA_TOPIC='t', VALUE_FORMAT='JSON', PARTITIONS=2{});"


@pytest.mark.parametrize(
    ("more", "configs"),
    [
        ("", {"cleanup.policy": "delete"}),
        (", RETENTION_MS=3600000", {"cleanup.policy": "delete", "retention.ms": "3600000"}),
        (", CLEANUP_POLICY='Compact'", {"cleanup.policy": "compact"}),
        (", CLEANUP_POLICY='delete, compact', RETENTION_MS='-1'", {"cleanup.policy": "compact,delete", "retention.ms": "-1"}),
    ],
)
def test_a_streams_topic(run, cluster, more, configs):
    run(f"CREATE STREAM a (v INT) WITH (KAFKA_TOPIC='a', VALUE_FORMAT='JSON', PARTITIONS='3', REPLICAS=2{more});")
    assert made(cluster, "a") == (3, 2, configs)
    run(SOURCE + f"CREATE STREAM b WITH (KAFKA_TOPIC='b', PARTITIONS=5, REPLICAS=1{more}) AS SELECT * FROM s EMIT CHANGES;")
    assert made(cluster, "b") == (5, 1, configs)


def test_a_sink_has_as_many_partitions_and_replicas_as_its_source(run, cluster):
    run(SOURCE + "CREATE STREAM b AS SELECT * FROM s EMIT CHANGES;")
    assert made(cluster, "B") == (4, 2, {"cleanup.policy": "delete"})
    asked = PROPERTIES.set("ksql.sink.partitions", "7").set("ksql.sink.replicas", "1")
    run("CREATE STREAM c AS SELECT * FROM s EMIT CHANGES;", asked)
    assert made(cluster, "C") == (7, 1, {"cleanup.policy": "delete"})


@pytest.mark.parametrize(
    ("more", "configs"),
    [
        ("", {"cleanup.policy": "compact"}),
        (", CLEANUP_POLICY='delete', RETENTION_MS=5", {"cleanup.policy": "delete", "retention.ms": "5"}),
    ],
)
def test_a_tables_topic_is_compacted_unless_something_else_is_said(run, cluster, more, configs):
    run(TABLE.format(more))
    assert made(cluster, "t")[2] == configs
    run(SOURCE + f"CREATE TABLE b WITH (KAFKA_TOPIC='b'{more}) AS SELECT k, COUNT(*) AS n FROM s GROUP BY k EMIT CHANGES;")
    assert made(cluster, "b")[2] == configs


@pytest.mark.parametrize("text", [
    TABLE.format(", RETENTION_MS=5"),
    SOURCE + "CREATE TABLE t WITH (RETENTION_MS=5) AS SELECT k, COUNT(*) AS n FROM s GROUP BY k EMIT CHANGES;",
])  # fmt: skip
def test_a_compacted_table_keeps_its_rows_whatever_the_retention(run, text):
    with pytest.raises(BindError, match="RETENTION_MS. Non-windowed tables do not support retention"):
        run(text)


@pytest.mark.parametrize(
    ("window", "more", "configs"),
    [
        ("", "", {}),
        (", RETENTION 2 HOURS", "", {"retention.ms": "7200000"}),
        (", RETENTION 2 HOURS", "RETENTION_MS=9000000", {"retention.ms": "9000000"}),
        (", RETENTION 2 HOURS", "RETENTION_MS=5", {"retention.ms": "7200000"}),
        (", RETENTION 2 HOURS", "RETENTION_MS=-1", {"retention.ms": "-1"}),
        ("", "RETENTION_MS=5", {"retention.ms": "5"}),
        (", RETENTION 2 HOURS", "CLEANUP_POLICY='compact'", {"cleanup.policy": "compact"}),
    ],
)
def test_the_topic_of_windows_is_compacted_and_loses_old_ones(run, cluster, window, more, configs):
    run(SOURCE + f"""CREATE TABLE w {f'WITH ({more})' * bool(more)} AS SELECT k, COUNT(*) AS n FROM s
        WINDOW TUMBLING (SIZE 1 MINUTE{window}, GRACE PERIOD 0 SECONDS) GROUP BY k EMIT CHANGES;""")
    assert made(cluster, "W")[2] == {"cleanup.policy": "compact,delete", **configs}


@pytest.mark.parametrize("text", [
    "CREATE STREAM {} (v INT) WITH (KAFKA_TOPIC='x', VALUE_FORMAT='JSON', {});",
    "CREATE STREAM {} WITH (KAFKA_TOPIC='x', {}) AS SELECT * FROM s EMIT CHANGES;",
])  # fmt: skip
def test_a_topic_that_is_there_must_have_the_partitions_and_replicas(run, cluster, text):
    run(SOURCE)
    cluster.put("x", 3, 2, {})
    for wrong in ("PARTITIONS=2", "REPLICAS=3"):
        with pytest.raises(BindError, match="'x' already exists, with different partition/replica"):
            run(text.format("a", wrong))
    assert set(run.context.catalog.sources) == {"S"}
    assert "stays" not in run(text.format("a", "PARTITIONS=3, REPLICAS=2"))
    told = run(text.format("b", "RETENTION_MS=5, CLEANUP_POLICY='compact,delete', REPLICAS=1"))
    for part in ("Topic x stays as it is", "REPLICAS 2, not 1", "retention.ms 604800000, not 5", "cleanup.policy delete, not compact,delete"):
        assert part in told
    assert "stays" not in run(text.format("c", "RETENTION_MS=604800000, CLEANUP_POLICY='delete'"))


def test_the_embedded_brokers_topics_are_as_it_makes_them(run, cluster, monkeypatch):
    monkeypatch.setattr(Cluster, "creates_topics", False)
    monkeypatch.setattr(admin, "provoke_topic", lambda properties, name: cluster.put(name, 4, 1, {}))
    assert "PARTITIONS 4, not 3" in run("CREATE STREAM a (v INT) WITH (KAFKA_TOPIC='a', VALUE_FORMAT='JSON', PARTITIONS=3);")


@pytest.mark.parametrize(
    ("right", "wrong", "found"),
    [
        ("PARTITIONS=3", "PARTITIONS=2", "PARTITIONS for topic x. Expected: 2, found: 3"),
        ("REPLICAS='2'", "REPLICAS='3'", "REPLICAS for topic x. Expected: 3, found: 2"),
        ("RETENTION_MS=5", "RETENTION_MS=6", "retention.ms for topic x. Expected: 6, found: 5"),
        ("CLEANUP_POLICY='delete'", "CLEANUP_POLICY='compact'", "cleanup.policy for topic x. Expected: compact, found: delete"),
    ],
)
def test_assert_looks_at_the_topic(run, cluster, right, wrong, found):
    cluster.put("x", 3, 2, {"retention.ms": "5"})
    run("CREATE STREAM s (v INT) WITH (KAFKA_TOPIC='x', VALUE_FORMAT='JSON');")
    stream = "ASSERT STREAM s (v INT) WITH (KAFKA_TOPIC='x', VALUE_FORMAT='JSON', {});"
    for text in ("ASSERT TOPIC x WITH ({});", stream):
        run(text.format(right))
        with pytest.raises(EvaluationError, match=found):
            run(text.format(wrong))


def test_assert_topic_takes_what_it_looks_at(run, cluster):
    cluster.put("x", 3, 2, {})
    with pytest.raises(BindError, match="Invalid config variable.*KAFKA_TOPIC"):
        run("ASSERT TOPIC x WITH (KAFKA_TOPIC='x');")
    with pytest.raises(BindError, match="PARTITIONS"):
        run("ASSERT TOPIC x WITH (PARTITIONS='apples');")
    with pytest.raises(BindError, match="takes no WITH"):
        run("ASSERT NOT EXISTS TOPIC y WITH (PARTITIONS=3);")
    run("ASSERT NOT EXISTS TOPIC y;")
