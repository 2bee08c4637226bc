"""REDRIVE on real Kafka: records of a dead letter topic go back to where their headers say."""

from __future__ import annotations

import time
import uuid

import pytest

import kshell
from kshell.errors import StatementError
from kshell.kafka.outgoing import OutgoingRecord

from .clusters import Cluster, name_profile

pytestmark = pytest.mark.live
CONNECT, SPRING = "__connect.errors.topic", "kafka_dlt-original-topic"


@pytest.fixture
def here(kafka):
    cluster = Cluster.at(kafka.bootstrap)
    yield cluster
    cluster.close()


@pytest.fixture
def name() -> str:
    return f"r-{uuid.uuid4().hex[:10]}"


def letter(i: int, topic: str | None, by: str = CONNECT) -> OutgoingRecord:
    headers = [("trace", b"%d" % i), *([(by, topic.encode())] if topic else [])]
    return OutgoingRecord(b"k%d" % i, b"v%d" % i, 1_700_000_000_000 + i, None, headers)


def filled(here: Cluster, name: str) -> None:
    for topic in ("a", "b"):
        here.create(f"{name}-{topic}")
    here.create(name, 2)
    here.send(name, [
        *(letter(i, f"{name}-a") for i in range(4)), *(letter(i, f"{name}-b", SPRING) for i in range(4, 6)),
        letter(6, None), letter(7, f"{name}-gone"), letter(8, name),
    ])  # fmt: skip


def values(here: Cluster, topic: str) -> set[bytes]:
    return {row[2] for part in here.records(topic).values() for row in part}


def test_the_plan_says_what_goes_where_and_what_stays(here, careful, name):
    filled(here, name)
    plan = careful.sql(f"REDRIVE {name}")
    assert plan.rows() == [
        (f"{name}-a", 4, None), (f"{name}-b", 2, None),
        (None, 1, "stay: no header __connect.errors.topic or kafka_dlt-original-topic or __streams.errors.topic"),
        (name, 1, "stay: it is this topic"), (f"{name}-gone", 1, "stay: there is no such topic"),
    ]  # fmt: skip
    assert plan.notices[0].kind.value == "PLANNED"
    assert values(here, f"{name}-a") == set()


def test_records_go_with_key_headers_and_time(here, shell, name):
    filled(here, name)
    assert shell.sql(f"REDRIVE {name}").rows() == [(f"{name}-a", 4), (f"{name}-b", 2)]
    wanted = sorted(row for part in here.records(name).values() for row in part)
    got = [*here.records(f"{name}-a")[0], *here.records(f"{name}-b")[0]]
    assert sorted(got) == [row for row in wanted if row[2] in {b"v%d" % i for i in range(6)}]
    assert len(wanted) == 9  # they stay in the dead letter topic


def test_limit_goes_on_with_the_rest_and_none_twice(here, shell, careful, name):
    filled(here, name)
    first = shell.sql(f"REDRIVE {name} WITH (LIMIT=4)")
    assert sum(row[1] for row in first.rows()) == 4
    (goes_on,) = (n.text for n in first.notices)
    assert [n.text for n in careful.sql(f"REDRIVE {name} WITH (LIMIT=4)").notices][1:] == ["LIMIT 4: 2 records of these wait"]
    assert sum(row[1] for row in shell.sql(goes_on.removesuffix(" goes on")).rows()) == 2
    both = [row[2] for t in "ab" for row in here.records(f"{name}-{t}")[0]]
    assert sorted(both) == [b"v%d" % i for i in range(6)]


def test_a_rate_and_a_header_of_ones_own(here, shell, careful, name):
    here.create(f"{name}-a")
    here.create(name)
    here.send(name, [letter(i, f"{name}-a", "origin") for i in range(30)])
    assert careful.sql(f"REDRIVE {name}").rows()[0][0] is None
    text = f"REDRIVE {name} WITH (HEADER='origin', RATE=20)"
    assert careful.sql(text).notices[-1].text == "20 a second at most: it takes 2 s"
    began = time.monotonic()
    assert shell.sql(text).rows() == [(f"{name}-a", 30)]
    assert time.monotonic() - began > 1.2
    assert [row[2] for row in here.records(f"{name}-a")[0]] == [b"v%d" % i for i in range(30)]


def test_read_only_and_another_cluster(here, kafka, shell, other_kafka, name, monkeypatch, tmp_path):
    filled(here, name)
    with kshell.connect(kafka.bootstrap, properties={"kshell.read.only": True}, yes=True) as reader, pytest.raises(StatementError):
        reader.sql(f"REDRIVE {name}")
    name_profile(monkeypatch, tmp_path, kafka.bootstrap, "careful", "read_only = true\n")
    name_profile(monkeypatch, tmp_path, kafka.bootstrap, "open")
    with kshell.connect(other_kafka.bootstrap, yes=True) as session:
        with pytest.raises(StatementError, match="read only"):
            session.sql(f"REDRIVE careful.{name}")
        assert session.sql(f"REDRIVE open.{name}").rows() == [(f"{name}-a", 4), (f"{name}-b", 2)]
    assert values(here, f"{name}-b") == {b"v4", b"v5"}
