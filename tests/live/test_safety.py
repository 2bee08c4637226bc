"""Reading is safe and complete: nothing is created, an outage is an error, refusals have names.

Each of these fails where its guard is taken away.
"""

from __future__ import annotations

import json
import signal
import threading
import time

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from kshell.config import Properties
from kshell.errors import (
    Forbidden,
    KshellError,
    LoginRefused,
    Outage,
    TopicChanged,
    UnknownName,
    Unreachable,
    WrongListener,
)
from kshell.kafka import admin
from kshell.kafka.client import Client
from kshell.kafka.fetch import Fetch
from kshell.kafka.produce import OutgoingRecord, Producer
from kshell.kafka.records import Wanted, decode
from kshell.results import NoticeKind
from kshell.session import Session

from . import realkafka
from .applications import eventually
from .conftest import held, prepared

pytestmark = pytest.mark.live


def offsets_read(client: Client, topic: str) -> dict[int, list[int]]:
    before = held(client, topic)
    ends = before.offsets
    found: dict[int, list[int]] = {p: [] for p in ends}
    for chunk in Fetch(client, before, ends):
        end = ends[chunk.partition][1]
        batch = decode(
            chunk.records, Wanted(offset=True), start=chunk.start, end=end, aborted=chunk.aborted
        ).batch
        found[chunk.partition] += batch.column("offset").to_pylist()
    return found


def test_no_read_creates_a_topic_though_the_broker_would(session, client):
    for sql in ("SELECT * FROM ghost", "DESCRIBE ghost", "PRINT ghost", "SELECT * FROM ghost EMIT CHANGES",
                "EXPLAIN SELECT * FROM ghost", "INSERT INTO ghost (a) VALUES (1)"):  # fmt: skip
        with pytest.raises(UnknownName):
            for result in session.execute(sql):
                getattr(result, "batches", None)
    with pytest.raises(UnknownName):
        held(client, "ghost")
    assert "ghost" not in [t.name for t in client.topics()]


def test_reading_joins_no_group_and_commits_nothing(topic, session, kafka):
    from confluent_kafka.admin import AdminClient

    name = topic([OutgoingRecord(None, b'{"a":1}')])
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap})

    def traces():
        groups = {g.group_id for g in admin.list_consumer_groups().result(10).valid}
        commits = [t.name for t in session.engine.context.client.topics() if t.name == "__consumer_offsets"]
        ends = [held(session.engine.context.client, t).offsets for t in commits]
        return groups, commits, ends  # of other tests, whatever they left

    before = traces()
    (result,) = session.execute(f"SELECT * FROM `{name}`")
    list(result.batches)
    assert traces() == before


async def test_the_same_records_as_aiokafka_reads(topic, client, kafka):
    name = topic([OutgoingRecord(b"%d" % n, b"x" * (n % 300)) for n in range(3000)], partitions=3)
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka.bootstrap, enable_auto_commit=False)
    await consumer.start()
    try:
        parts = [TopicPartition(name, p) for p in range(3)]
        consumer.assign(parts)
        for part in parts:
            consumer.seek(part, 0)
        theirs: dict[int, list[int]] = {0: [], 1: [], 2: []}
        while sum(map(len, theirs.values())) < 3000:
            for part, records in (await consumer.getmany(timeout_ms=500)).items():
                theirs[part.partition] += [r.offset for r in records]
    finally:
        await consumer.stop()
    assert offsets_read(client, name) == theirs


def test_it_ends_where_compaction_left_gaps(topic, client, properties):
    name = topic(
        cleanup_policy="compact", segment_ms=200, min_cleanable_dirty_ratio=0.01,
        max_compaction_lag_ms=300, delete_retention_ms=100,
    )  # fmt: skip
    producer = Producer(properties)
    for n in range(50):
        producer.send(name, [OutgoingRecord(b"same", b'{"n":%d}' % n)])
    producer.flush()
    time.sleep(0.4)
    producer.send(name, [OutgoingRecord(b"roll", b'{"n":-1}')])
    producer.flush()
    end = time.monotonic() + 20
    while len(found := offsets_read(client, name)[0]) > 10 and time.monotonic() < end:
        time.sleep(0.2)
    assert found[-1] == 50
    assert len(found) < 50
    assert held(client, name).offsets[0][1] == 51


def _transaction(bootstrap: str, topic: str, ids: str, values: list[bytes]):
    from confluent_kafka import Producer as Sender

    sender = Sender({"bootstrap.servers": bootstrap, "transactional.id": ids})
    sender.init_transactions(20)
    sender.begin_transaction()
    for value in values:
        sender.produce(topic, value=value)
    sender.flush()
    return sender


def test_aborted_transactions_are_invisible_and_markers_end_it(topic, ask, kafka, session):
    name = topic()
    _transaction(kafka.bootstrap, name, f"{name}-a", [b'{"n":1}', b'{"n":2}']).commit_transaction(20)
    _transaction(kafka.bootstrap, name, f"{name}-b", [b'{"n":3}']).abort_transaction(20)
    _transaction(kafka.bootstrap, name, f"{name}-c", [b'{"n":4}']).commit_transaction(20)
    assert [r["n"] for r in ask(f"SELECT n FROM `{name}` ORDER BY n")] == [1, 2, 4]
    assert ask(f"SELECT COUNT(*) c FROM `{name}`") == [{"c": 3}]


def told(session: Session, sql: str) -> list[str]:
    """What an answer says of open transactions."""
    (answer,) = session.execute(sql)
    list(answer.batches)
    return [n.text for n in answer.notices() if n.kind is NoticeKind.OPEN]


def test_records_in_a_topic_of_an_open_transaction_alone(topic, kafka, session):
    """No partition has anything to read, and the answer says why."""
    name = topic(partitions=3)
    open_ones = [_transaction(kafka.bootstrap, name, f"{name}-{n}", [b'{"n":1}'] * 20) for n in range(2)]
    (text,) = told(session, f"SELECT COUNT(*) AS c FROM `{name}`")
    assert text == f"topic {name}: up to 40 records behind an open transaction are not in the answer"
    for one in open_ones:
        one.abort_transaction(20)


def test_an_open_transaction_is_not_in_the_answer_yet(topic, ask, kafka, session):
    name = topic([OutgoingRecord(None, b'{"n":0}')])
    sender = _transaction(kafka.bootstrap, name, f"{name}-x", [b'{"n":1}'])
    assert [r["n"] for r in ask(f"SELECT n FROM `{name}`")] == [0]
    for query in ("SELECT n FROM `{}`", "SELECT COUNT(*) c FROM `{}` WHERE ROWOFFSET > 0"):
        assert told(session, query.format(name)) == [
            f"topic {name}: 1 record behind an open transaction is not in the answer"
        ]
    list(session.execute("SET 'isolation.level'='read_uncommitted'"))
    assert told(session, f"SELECT n FROM `{name}`") == []
    list(session.execute("UNSET 'isolation.level'"))
    sender.commit_transaction(20)
    # The brokers acknowledge the commit before its marker is in the topic.
    assert eventually(lambda: sorted(r["n"] for r in ask(f"SELECT n FROM `{name}`")), lambda found: len(found) > 1) == [0, 1]


def test_a_topic_created_anew_while_it_is_read_is_an_error(topic, client, properties):
    name = topic([OutgoingRecord(None, b"x" * 1000) for _ in range(100)])
    before = held(client, name)
    admin.delete_topic(properties, name)
    for _ in range(100):
        try:
            admin.create_topic(properties, name, partitions=1, replicas=1, configs={})
            break
        except KshellError:
            time.sleep(0.1)
    producer = Producer(properties)
    producer.send(name, [OutgoingRecord(None, b"y" * 1000) for _ in range(100)])
    producer.flush()
    with pytest.raises(TopicChanged, match="created anew"):
        list(Fetch(client, before, before.offsets))


def test_deleted_records_are_an_error_and_not_a_gap(topic, client, kafka):
    from confluent_kafka import TopicPartition as Part
    from confluent_kafka.admin import AdminClient

    name = topic([OutgoingRecord(None, b"x") for _ in range(10)])
    before = held(client, name)
    own = AdminClient({"bootstrap.servers": kafka.bootstrap})  # kept: its calls end with it
    for future in list(own.delete_records([Part(name, 0, 5)]).values()):
        future.result(10)
    with pytest.raises(TopicChanged, match="offset 0 is gone"):
        list(Fetch(client, before, {0: (0, 10)}))


def test_an_outage_is_an_error_within_seconds_and_never_no_rows(own_broker):
    properties = Properties({"bootstrap.servers": own_broker.bootstrap})
    admin.create_topic(properties, "t", partitions=2, replicas=1, configs={})
    producer = Producer(properties)
    producer.send("t", [OutgoingRecord(None, json.dumps({"n": n}).encode()) for n in range(50)])
    producer.flush()
    client = Client.connect(properties)
    before = held(client, "t")
    try:
        own_broker.pause()
        began = time.monotonic()
        with pytest.raises(Outage, match="cannot reach broker 1"):
            list(Fetch(client, before, before.offsets))
        assert time.monotonic() - began < 11
        own_broker.resume()
        assert sum(len(c.records) > 0 for c in Fetch(client, before, before.offsets)) >= 1
        own_broker.stop(signal.SIGKILL)
        began = time.monotonic()
        with pytest.raises(Outage):
            list(Fetch(client, before, before.offsets))
        assert time.monotonic() - began < 8
    finally:
        client.close()


def test_a_scan_survives_the_loss_of_a_leader():
    prepared()
    with realkafka.cluster(3) as brokers:
        properties = Properties({"bootstrap.servers": brokers[0].bootstrap})
        admin.create_topic(properties, "t", partitions=3, replicas=3, configs={})
        producer = Producer(properties)
        producer.send("t", (OutgoingRecord(b"%d" % n, b"v" * 500) for n in range(60_000)))
        producer.flush()
        client = Client.connect(properties)
        try:
            victim = client.topic("t").partitions[0].leader
            killed = threading.Event()
            before, found = held(client, "t"), {0: [], 1: [], 2: []}
            ends = before.offsets
            for chunk in Fetch(client, before, ends, partition_bytes=64 << 10):
                batch = decode(
                    chunk.records, Wanted(offset=True), start=chunk.start,
                    end=ends[chunk.partition][1],
                ).batch  # fmt: skip
                found[chunk.partition] += batch.column("offset").to_pylist()
                if not killed.is_set() and len(found[0]) > 1000:
                    killed.set()
                    next(b for b in brokers if b.id == victim).stop(signal.SIGKILL)
            assert killed.is_set()
            assert found == {p: list(range(end)) for p, (_, end) in ends.items()}
            assert sum(map(len, found.values())) == 60_000
        finally:
            client.close()


def connect(**settings: str) -> None:
    properties = Properties({k.replace("_", "."): v for k, v in settings.items()})
    Client.connect(properties).close()


def test_nothing_listens(tmp_path):
    began = time.monotonic()
    with pytest.raises(Unreachable, match="nothing listens at 127.0.0.1:1"):
        connect(bootstrap_servers="127.0.0.1:1")
    with pytest.raises(Unreachable, match="no host has the name no-such-host.invalid"):
        connect(bootstrap_servers="no-such-host.invalid:9092")
    assert time.monotonic() - began < 10


def test_a_port_that_never_answers_is_told_within_5_seconds():
    import socket

    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        began = time.monotonic()
        with pytest.raises(Unreachable, match="did not answer"):
            connect(bootstrap_servers=f"127.0.0.1:{silent.getsockname()[1]}")
        assert time.monotonic() - began < 7.5


def test_wrong_listeners_are_told_by_name(secure_kafka):
    ports = secure_kafka.ports
    with pytest.raises(WrongListener, match="speaks TLS") as error:
        connect(bootstrap_servers=f"127.0.0.1:{ports['SSL']}")
    assert "security.protocol=SSL" in error.value.hint
    with pytest.raises(WrongListener, match="does not speak TLS|closed"):
        connect(
            bootstrap_servers=f"127.0.0.1:{ports['PLAINTEXT']}", security_protocol="SSL"
        )
    with pytest.raises(WrongListener, match="not trusted"):
        connect(bootstrap_servers=f"127.0.0.1:{ports['SSL']}", security_protocol="SSL")
    with pytest.raises(WrongListener, match="closed the connection"):
        connect(bootstrap_servers=f"127.0.0.1:{ports['SASL']}")


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
@pytest.mark.parametrize("listener", ["SASL", "SASLS"])
def test_logins_work_and_refused_ones_are_told(secure_kafka, mechanism, listener):
    given = {
        "bootstrap.servers": f"127.0.0.1:{secure_kafka.ports[listener]}",
        "security.protocol": "SASL_PLAINTEXT" if listener == "SASL" else "SASL_SSL",
        "sasl.mechanism": mechanism,
        "sasl.username": "alice",
        "ssl.ca.location": str(secure_kafka.certificates / "ca.crt"),
    }
    client = Client.connect(Properties({**given, "sasl.password": "alice-secret"}))
    assert client.wire.cluster.brokers
    client.close()
    with pytest.raises(LoginRefused, match="refused the login as alice") as error:
        Client.connect(Properties({**given, "sasl.password": "hunter2"}))
    assert "hunter2" not in str(error.value) + error.value.hint


def test_mutual_tls(secure_kafka):
    c = secure_kafka.certificates
    given = {
        "bootstrap.servers": f"127.0.0.1:{secure_kafka.ports['MTLS']}",
        "security.protocol": "SSL",
        "ssl.ca.location": str(c / "ca.crt"),
    }
    Client.connect(
        Properties({**given, "ssl.certificate.location": str(c / "alice.crt"),
                    "ssl.key.location": str(c / "alice.key")})
    ).close()  # fmt: skip
    with pytest.raises((LoginRefused, WrongListener)):
        Client.connect(Properties(given))


def test_a_forbidden_topic_is_told_by_name_and_does_not_hang(secure_kafka):
    setup = Properties({"bootstrap.servers": f"127.0.0.1:{secure_kafka.ports['PLAINTEXT']}"})
    admin.create_topic(setup, "secrets", partitions=1, replicas=1, configs={})
    session = Session(
        Properties(
            {
                "bootstrap.servers": f"127.0.0.1:{secure_kafka.ports['SASL']}",
                "security.protocol": "SASL_PLAINTEXT",
                "sasl.mechanism": "PLAIN",
                "sasl.username": "alice",
                "sasl.password": "alice-secret",
            }
        )
    )
    try:
        began = time.monotonic()
        with pytest.raises(Forbidden, match="topic secrets"):
            list(session.execute("SELECT * FROM secrets"))
        assert time.monotonic() - began < 5
    finally:
        session.close()
