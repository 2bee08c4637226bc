"""One program against Kafka from the oldest version that can be had to the newest: topics, reading,
following, writing, a persistent query, a transactional topic."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterator

import pytest
from confluent_kafka import Producer

from kshell.config import Properties
from kshell.kafka.frames import FrameConnection
from kshell.kafka.metadata import NO_ID
from kshell.session import Session

from . import realkafka
from .conftest import prepared, unavailable
from .versions import VERSIONS, broker_of

pytestmark = pytest.mark.live

# Fetch, Metadata: the newest that this version of Kafka has (its own release notes) and kshell.
EXPECTED = {"2.1.1": (10, 7), "2.8.2": (12, 11), "3.3.2": (13, 12), "3.9.1": (17, 12),
            "4.0.0": (17, 13), "4.3.1": (18, 13)}  # fmt: skip
COUNT = 6
ALWAYS = ("2.8.2", "4.3.1")
VERSION = [v if v in ALWAYS else pytest.param(v, marks=pytest.mark.matrix) for v in EXPECTED]


@pytest.fixture
def bootstrap(request) -> Iterator[str]:
    """A broker of the version that is asked for; two of them are started once for all tests."""
    version = request.param
    shared = {"2.8.2": "kafka_2_8", realkafka.VERSION: "kafka"}.get(version)
    if shared is not None:
        yield request.getfixturevalue(shared).bootstrap
        return
    prepared()
    try:
        running = broker_of(version)
        with running as broker:
            yield broker.bootstrap
    except realkafka.Unavailable as reason:
        unavailable(f"no Kafka {version}: {reason}")


@pytest.fixture
def sent(monkeypatch) -> dict[int, int]:
    """The version of each kind of request that was sent last."""
    versions: dict[int, int] = {}
    send = FrameConnection.send

    def noting(self, request, *rest):
        made = request.prepare(self.versions)
        versions[made.API_KEY] = made.API_VERSION
        return send(self, request, *rest)

    monkeypatch.setattr(FrameConnection, "send", noting)
    return versions


def named() -> str:
    return f"T{uuid.uuid4().hex[:10].upper()}"


def until(ready: Callable[[], object], seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_every_version_of_the_matrix_is_in_the_table():
    assert set(EXPECTED) == {*VERSIONS, realkafka.VERSION}


@pytest.mark.timeout(240)
@pytest.mark.parametrize("bootstrap", VERSION, indirect=True)
def test_what_is_asked_of_any_broker(request, bootstrap, sent):
    version = request.node.callspec.params["bootstrap"]
    settings = {"bootstrap.servers": bootstrap, "auto.offset.reset": "earliest"}
    session = Session(Properties(settings))
    client = session.engine.context.client

    def rows(sql: str) -> list[dict]:
        *_, last = session.execute(sql)
        return [row for batch in last.batches for row in batch.to_pylist()]

    source, sink, held = named(), named(), named()
    list(session.execute(
        f"CREATE STREAM {source} (k VARCHAR KEY, n BIGINT) WITH (KAFKA_TOPIC='{source}', "
        "VALUE_FORMAT='JSON', PARTITIONS=2, REPLICAS=1);"
    ))  # fmt: skip
    until(lambda: client.find(source))
    for n in range(COUNT):
        list(session.execute(f"INSERT INTO {source} (k, n) VALUES ('k{n % 3}', {n});"))
    assert sorted(r["N"] for r in rows(f"SELECT n FROM {source};")) == list(range(COUNT))
    assert rows(f"SELECT COUNT(*) AS C FROM {source};") == [{"C": COUNT}]
    assert (sent[1], sent[3]) == EXPECTED[version]
    assert (client.topic(source).id == NO_ID) == (sent[3] < 10)

    assert source in [row["topic"] for row in rows("SHOW TOPICS;")]
    described = str(list(session.execute(f"DESCRIBE EXTENDED `{source}`;")))
    assert source in described

    list(session.execute(
        f"CREATE STREAM {sink} WITH (KAFKA_TOPIC='{sink}', VALUE_FORMAT='JSON') AS "
        f"SELECT k, n * 2 AS m FROM {source} EMIT CHANGES;"
    ))  # fmt: skip
    until(lambda: client.find(sink) and rows(f"SELECT COUNT(*) AS C FROM `{sink}`;") == [{"C": COUNT}])
    assert sorted(r["M"] for r in rows(f"SELECT m FROM {sink};")) == [2 * n for n in range(COUNT)]

    (live,) = session.execute(f"SELECT n FROM {source} EMIT CHANGES;")
    seen: list[int] = []

    def came(count: int) -> bool:
        changes = live.poll(0.1)
        assert changes is not None
        seen.extend(changes.rows.column("N").to_pylist())
        return len(seen) >= count

    until(lambda: came(COUNT))
    list(session.execute(f"INSERT INTO {source} (k, n) VALUES ('new', 99);"))
    until(lambda: came(COUNT + 1))
    assert sorted(seen) == [*range(COUNT), 99]
    live.cancel()

    _transactions(bootstrap, held)
    # The last commit's marker is written a moment after it is acknowledged.
    until(lambda: sorted(r["N"] for r in rows(f"SELECT n FROM `{held}`;")) == [0, 1, 4])
    session.close()


def _transactions(bootstrap: str, topic: str) -> None:
    """Committed 0 and 1, aborted 2 and 3, committed 4."""
    from confluent_kafka.admin import AdminClient, NewTopic

    admin = AdminClient({"bootstrap.servers": bootstrap})
    admin.create_topics([NewTopic(topic, 1, 1)])[topic].result(20)
    producer = Producer({"bootstrap.servers": bootstrap, "transactional.id": topic})
    producer.init_transactions(60)
    for numbers, end in (((0, 1), producer.commit_transaction), ((2, 3), producer.abort_transaction),
                         ((4,), producer.commit_transaction)):  # fmt: skip
        producer.begin_transaction()
        for n in numbers:
            producer.produce(topic, json.dumps({"N": n}))
        producer.flush(20)
        end(20)
