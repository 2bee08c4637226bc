"""`prod.orders` in FROM: a topic of another profile's cluster, in queries of every kind."""

from __future__ import annotations

import json
import time
import uuid

import pytest

import kshell
from kshell.errors import ConnectionFailed, UnknownName, UsageError
from kshell.kafka.outgoing import OutgoingRecord

from .clusters import Cluster, name_profile

pytestmark = pytest.mark.live


@pytest.fixture
def clusters(kafka, other_kafka, monkeypatch, tmp_path):
    """This session's cluster, and that of profile prod."""
    name_profile(monkeypatch, tmp_path, other_kafka.bootstrap)
    pair = Cluster.at(kafka.bootstrap), Cluster.at(other_kafka.bootstrap)
    yield pair
    for cluster in pair:
        cluster.close()


@pytest.fixture
def name() -> str:
    return f"p_{uuid.uuid4().hex[:10]}"


def rows(*values: dict) -> list[OutgoingRecord]:
    return [OutgoingRecord(None, json.dumps(v).encode(), 1_700_000_000_000 + i) for i, v in enumerate(values)]


def orders(cluster: Cluster, name: str, n: int = 5, partitions: int = 2) -> None:
    cluster.create(name, partitions)
    cluster.send(name, rows(*({"id": i, "v": f"a{i}"} for i in range(n))))


def there(result, count: int = 1) -> None:
    """The answer says which cluster was read."""
    assert sum("profile prod (127.0.0.1:" in n.text for n in result.notices) == count


def test_bounded_answers(clusters, shell, name):
    here, prod = clusters
    orders(prod, name)
    here.create(f"{name}_l")
    here.send(f"{name}_l", rows(*({"id": i, "w": i * 10} for i in range(3))))
    for text, wanted in [
        (f"SELECT id, v FROM prod.{name} ORDER BY id", [(i, f"a{i}") for i in range(5)]),
        (f"SELECT COUNT(*) FROM prod.{name}", [(5,)]),
        (f"SELECT {name}.v FROM prod.{name} WHERE id = 3", [("a3",)]),
        (f"SELECT o.v, l.w FROM prod.{name} o JOIN {name}_l l ON o.id = l.id ORDER BY 1", [("a0", 0), ("a1", 10), ("a2", 20)]),
        (f"SELECT v, COUNT(*) FROM prod.{name} WINDOW TUMBLING (SIZE 1 HOUR) GROUP BY v", [(f"a{i}", 1) for i in range(5)]),
    ]:  # fmt: skip
        result = shell.sql(text)
        assert sorted(result.rows()) == wanted, text
        there(result)
    described = shell.sql(f"DESCRIBE prod.{name}")
    assert [row[0] for row in described.parts[1].rows()] == ["ROWKEY", "id", "v"]
    there(described)


def test_continuous_answers_and_print(clusters, shell, name):
    _, prod = clusters
    orders(prod, name)
    shell.sql("SET 'auto.offset.reset'='earliest'")
    result = shell.sql(f"SELECT {name}.v FROM prod.{name} EMIT CHANGES LIMIT 5")
    assert sorted(result.rows()) == [(f"a{i}",) for i in range(5)]
    there(result)
    printed = shell.sql(f"PRINT prod.{name} FROM BEGINNING LIMIT 5")
    assert {json.loads(row[6])["v"] for row in printed.rows()} == {f"a{i}" for i in range(5)}


def test_streams_of_this_cluster_made_of_the_other(clusters, shell, name):
    _, prod = clusters
    orders(prod, name)
    shell.sql("SET 'auto.offset.reset'='earliest'")
    made = shell.sql(f"CREATE STREAM c WITH (KAFKA_TOPIC='{name}_c', VALUE_FORMAT='JSON') AS SELECT id, v FROM prod.{name} EMIT CHANGES")
    there(made)
    inserted = shell.sql(f"INSERT INTO c SELECT id + 100 AS `id`, v FROM prod.{name} EMIT CHANGES")
    there(inserted)
    wanted = sorted([(i, f"a{i}") for i in range(5)] + [(i + 100, f"a{i}") for i in range(5)])
    deadline = time.monotonic() + 20
    while (found := sorted(shell.sql(f"SELECT id, v FROM {name}_c").rows())) != wanted and time.monotonic() < deadline:
        time.sleep(0.1)
    assert found == wanted
    assert prod.client.find(f"{name}_c") is None
    shell.sql("TERMINATE ALL")


def test_an_exact_topic_of_this_cluster_comes_first(clusters, shell, name):
    here, prod = clusters
    orders(prod, name)
    orders(here, f"prod.{name}", 2)
    result = shell.sql(f"SELECT COUNT(*) FROM prod.{name}")
    assert result.rows() == [(2,)]
    there(result, 0)


def test_two_clusters_topics_of_one_name(clusters, shell, name):
    here, prod = clusters
    orders(prod, name)
    orders(here, name, 2)
    joined = f"SELECT a.v, b.v FROM {name} a JOIN prod.{name} b ON a.id = b.id ORDER BY 1"
    assert shell.sql(joined).rows() == [("a0", "a0"), ("a1", "a1")]
    counted = shell.sql(f"SELECT (SELECT COUNT(*) FROM {name}), (SELECT COUNT(*) FROM prod.{name})")
    assert counted.rows() == [(2, 5)]


def test_a_registry_and_topic_properties_of_the_profile(clusters, shell, name):
    _, prod = clusters
    prod.create(name)
    prod.send(name, [OutgoingRecord(None, b"1;x"), OutgoingRecord(None, b"2;y")])
    shell.sql(f"SET 'topic.prod.{name}.value.delimiter'=';'")
    assert len(shell.sql(f"SELECT * EXCLUDE (ROWKEY) FROM prod.{name}").schema.names) == 2


def test_names_that_nothing_has(clusters, shell, name, monkeypatch, tmp_path):
    _, prod = clusters
    orders(prod, name)
    name_profile(monkeypatch, tmp_path, "127.0.0.1:1", "down")
    with (tmp_path / "kshell" / "config.toml").open("a") as file:
        file.write("[profile.empty]\ncolor = 'red'\n")

    def error(text: str, kind: type):
        with pytest.raises(kind) as raised:
            shell.sql(text).rows()
        return raised.value

    missing = error(f"SELECT * FROM prod.{name}x", UnknownName)
    assert missing.what == f"no topic named prod.{name}x"
    assert missing.hint.startswith(f"did you mean prod.{name}")
    assert missing.place.column == len("SELECT * FROM ") + 1
    assert error(f"SELECT * FROM prods.{name}", UnknownName).hint == f"did you mean prod.{name}?"
    monkeypatch.setenv("KSHELL_DOWN_BOOTSTRAP_SERVERS", "127.0.0.1:2")
    assert "127.0.0.1:2" in str(error("SELECT * FROM down.t", ConnectionFailed))
    assert error("SELECT * FROM down.t", ConnectionFailed).what.startswith("profile down: ")
    assert error("SELECT * FROM empty.t", UsageError).what == "profile empty names no cluster"


def test_the_session_keeps_its_own_cluster(clusters, kafka, shell, name):
    """What SET changes of this session's connection is not the profile's."""
    _, prod = clusters
    orders(prod, name)
    with kshell.connect(kafka.bootstrap, properties={"client.id": "x"}) as session:
        assert session.sql(f"SELECT COUNT(*) FROM prod.{name}").rows() == [(5,)]
        session.sql(f"SET 'bootstrap.servers'='{kafka.bootstrap}'")
        assert session.sql(f"SELECT COUNT(*) FROM prod.{name}").rows() == [(5,)]
