"""Applications as any shell on the cluster sees them: SHOW QUERIES, DESCRIBE QUERY, DROP."""

from __future__ import annotations

import json
import os
import random
import re
import socket
import time
import uuid
from collections import Counter

import pytest
from confluent_kafka import Consumer, TopicPartition

from kshell.errors import UnknownName
from kshell.kafka.produce import OutgoingRecord, Producer

from .applications import Process, committed, eventually, get, shown
from .realkafka import free_port
from .test_durable import rows, script

pytestmark = pytest.mark.live


def test_a_shell_sees_describes_and_drops_it(kafka, topic, properties, shell, careful, tmp_path):
    name = f"a{uuid.uuid4().hex[:8]}"
    source = topic(rows(700), partitions=2)
    port = free_port()
    file = script(tmp_path, source, name)
    process = Process(kafka.bootstrap, file, name, "--log", "json", "--metrics", str(port)).ready()
    eventually(lambda: committed(kafka.bootstrap, f"{name}-copied"), lambda found: len(found) == 700)
    mine = eventually(
        lambda: {q: row for (a, q), row in shown(shell).items() if a == name},
        lambda found: all(row["lag"] == 0 for row in found.values()) and len(found) == 2,
    )
    assert sorted(mine) == ["COPIED", "COUNTED"]
    where = f"{socket.gethostname()}, pid {process.process.pid}"
    assert [(row["where"], row["error"]) for row in mine.values()] == [(where, None)] * 2
    described = dict(shell.sql(f"DESCRIBE QUERY {name}.COUNTED").rows())
    assert described["runs"] == where
    assert described["statement"].startswith("CREATE TABLE COUNTED WITH")
    assert described["keys"] == "7"
    assert described["group"] == f"kshell.{name}.COUNTED"
    offsets = [int(v) for k, v in described.items() if k.startswith(f"next offset of {source}")]
    assert sum(offsets) == 700
    plan = careful.sql(f"DROP APPLICATION {name}")
    assert [row[1] for row in plan.rows()][:2] == [f"topic _kshell.{name}.{q}.state" for q in ("COPIED", "COUNTED")]
    assert [n.text for n in plan.notices][-1] == f"it may still run: {where}; it would end"
    figures = get(port, "/metrics")
    for line in ("kshell_query_up{application=\"%s\",query=\"COUNTED\"} 1",
                 "kshell_records_read_total{application=\"%s\",query=\"COPIED\"} 700",
                 "kshell_state_keys{application=\"%s\",query=\"COUNTED\"} 7",
                 "kshell_lag_records{application=\"%s\",query=\"COPIED\"} 0"):  # fmt: skip
        assert line % name in figures.splitlines()
    assert all(re.fullmatch(r"# (HELP|TYPE) \w+ .+|\w+\{[^{}]*\} [0-9.]+", line) for line in figures.splitlines())
    well = json.loads(get(port, "/health"))
    assert well["well"]
    assert {q["state"] for q in well["queries"].values()} == {"running"}
    assert process.terminate() == 0, process.text
    said = [json.loads(line) for line in process.said]
    assert {(s["event"], s["application"], s["level"]) for s in said} >= {("ready", name, "info")}
    assert {row["where"] for (a, _), row in shown(shell).items() if a == name} == {"stopped"}
    done = shell.sql(f"DROP APPLICATION {name}")
    assert done.text == f"Application {name} is dropped; the topics that it wrote stay."
    assert [a for a, _ in shown(shell) if a == name] == []
    assert len(committed(kafka.bootstrap, f"{name}-copied")) == 700
    with pytest.raises(UnknownName) as failed:
        shell.sql(f"DROP APPLICATION {name}")
    assert failed.value.what == f"no application named {name}"
    with pytest.raises(UnknownName):
        shell.sql(f"DESCRIBE QUERY {name}.COUNTED")


def test_one_that_runs_is_ended_by_drop(kafka, topic, shell, tmp_path):
    name = f"a{uuid.uuid4().hex[:8]}"
    source = topic(rows(100))
    process = Process(kafka.bootstrap, script(tmp_path, source, name), name).ready()
    shell.sql(f"DROP APPLICATION {name}")
    assert process.wait(30) in (1, 5), process.text
    assert os.path.exists(tmp_path / "queries.sql")


def test_of_a_topic_that_something_else_wrote_the_reason_is_told(kafka, topic, shell):
    name = f"a{uuid.uuid4().hex[:8]}"
    topic([OutgoingRecord(b"o", b"what", 5)], name=f"_kshell.{name}.Q.state")
    row = shown(shell)[name, "Q"]
    assert row["where"] is None
    assert row["error"]


def test_each_record_that_cannot_be_decoded_is_among_the_dead_letters_once(kafka, topic, properties, tmp_path):
    name = f"a{uuid.uuid4().hex[:8]}"

    def some(first: int) -> list[OutgoingRecord]:
        return [
            OutgoingRecord(b"k%d" % n, b"\x00\xffbad %d" % n if n % 5 == 4 else json.dumps({"N": n}).encode(),
                           1_700_000_000_000 + n, headers=[("h", b"%d" % n)])
            for n in range(first, first + 500)
        ]  # fmt: skip

    source = topic(some(0), partitions=2)
    producer, file, sent, chance = Producer(properties), script(tmp_path, source, name), 500, random.Random(3)
    options = ("--dead-letter", f"{name}-dead")
    for _ in range(4):
        process = Process(kafka.bootstrap, file, name, *options).ready()
        producer.send(source, some(sent))
        producer.flush()
        sent += 500
        time.sleep(chance.random() / 3)
        process.kill()
    process = Process(kafka.bootstrap, file, name, *options).ready()
    dead = lambda: committed(kafka.bootstrap, f"{name}-dead")  # noqa: E731
    letters = eventually(dead, lambda found: len(found) >= 2 * sent // 5)
    time.sleep(0.5)
    assert process.terminate() == 0, process.text
    letters = dead()  # of two queries that read the topic, each has its own
    for query in ("COPIED", "COUNTED"):
        mine = [m for m in letters if dict(m.headers())["__connect.errors.connector.name"] == f"kshell {query}".encode()]
        assert Counter(m.value() for m in mine) == Counter(b"\x00\xffbad %d" % n for n in range(4, sent, 5))
    one = next(m for m in letters if m.value() == b"\x00\xffbad 9")
    told = dict(one.headers())
    assert (one.key(), one.timestamp()[1], told["h"]) == (b"k9", 1_700_000_000_009, b"9")
    assert told["__connect.errors.topic"] == source.encode()
    assert b"JSON" in told["__connect.errors.exception.message"]
    at = {p: int(told[f"__connect.errors.{p}"]) for p in ("partition", "offset")}
    consumer = Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": "none"})
    consumer.assign([TopicPartition(source, at["partition"], at["offset"])])
    assert consumer.consume(1, 20)[0].value() == b"\x00\xffbad 9"
    consumer.close()


def test_dead_letters_do_not_go_where_a_query_reads(kafka, topic, tmp_path):
    name = f"a{uuid.uuid4().hex[:8]}"
    source = topic(rows(10))
    process = Process(kafka.bootstrap, script(tmp_path, source, name), name, "--dead-letter", source)
    assert process.wait() == 2
    assert f"reads or writes {source}" in process.text
