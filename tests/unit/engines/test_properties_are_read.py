"""Every property changes what happens: each row of the table has a probe, two values of which differ.

What a probe looks at is the nearest thing that the value decides: a connection's settings, a plan,
a topic that is made, what is done with a record.
"""

from __future__ import annotations

import asyncio
import ssl
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa
import pytest

from kshell.config import PROPERTIES, Properties, certificates
from kshell.config.jks import Store
from kshell.engines.chosen import ChosenEngine
from kshell.engines.flink import http as flink_service
from kshell.engines.flink.connection import Connection
from kshell.engines.local.continuous import feed
from kshell.engines.local.continuous.feed import open_feed
from kshell.engines.local.engine import LocalEngine
from kshell.engines.local.sources import chunks, sample, scan_reader, topic
from kshell.engines.local.sources.memory import Memory
from kshell.engines.local.statements.application_rights import state_replicas
from kshell.errors import ConnectionFailed, KshellError
from kshell.formats import registry_http
from kshell.formats.source_reader import SourceReader
from kshell.kafka import produce, rest, tokens, transactions
from kshell.kafka.connect import open_connect
from kshell.kafka.exactly_once import ExactlyOnce
from kshell.kafka.member import protocol_settings
from kshell.kafka.produce import OutgoingRecord, Producer
from kshell.kafka.rest import Rest
from kshell.kafka.settings import librdkafka
from kshell.kafka.wire import Wire
from kshell.results import Live, Rows, Sections
from kshell.session import Session
from kshell.sql.bind.create import bind_create_as
from kshell.sql.bind.declare import build_source
from kshell.sql.bind.scope import reserved_columns
from kshell.sql.bind.select import bind_query
from kshell.sql.parse import parse
from kshell.sql.plan import scans
from kshell.terminal import themes
from kshell.terminal.keys import editing_mode
from kshell.terminal.show import Shower
from kshell.terminal.tour import Tour

from .fake_flink import FakeFlink

REGISTRY, CONNECT = "schema.registry.", "connect."
SERVERS = {REGISTRY: registry_http.open_schemas, CONNECT: open_connect}
DECLARED = "CREATE STREAM s (k STRING KEY, v BIGINT) WITH (KAFKA_TOPIC='s', VALUE_FORMAT='JSON', TIMESTAMP='v', PARTITIONS=1);"


class World:
    """The engine over topics in memory, under the properties of a probe."""

    def __init__(self, run, cluster, monkeypatch, properties: Properties) -> None:
        self.run, self.cluster, self.monkeypatch, self.properties = run, cluster, monkeypatch, properties
        self.lookup = run.context.lookup(properties)
        self.catalog = run.context.catalog

    def bound(self, text: str):
        (statement,) = parse(text)
        return bind_query(statement.query, self.catalog, self.properties)

    def sink(self, text: str):
        (statement,) = parse(text)
        return bind_create_as(statement, self.catalog, self.properties)

    def source(self, text: str):
        (statement,) = parse(text)
        return build_source(statement, self.properties)


def librdkafkas(world: World):
    settings = librdkafka(world.properties)
    token, *_ = settings.pop("oauth_cb", lambda _: (None, 0))(None)  # how long it lasts is the clock's
    return settings, token


def granted(world: World):
    """What a token endpoint is asked by, and with what."""
    asked = []

    def opened(service, properties):
        asked.append((service.lead, dict(properties)))
        return SimpleNamespace(ask=ask, close=lambda: None)

    def ask(*given, **more):
        asked.append((given, more))
        return 200, {"access_token": "t"}

    world.monkeypatch.setattr(Rest, "open", opened)
    tokens._shared.cache_clear()
    tokens.tokens_of(world.properties).current()
    return asked


def patience(world: World):
    wire = Wire()
    with pytest.raises(ConnectionFailed):
        asyncio.run(wire.connect(world.properties))
    return wire.timeout


def registry(world: World, lead: str = REGISTRY):
    trusted = []

    class Context:
        def load_cert_chain(self, *given):
            trusted.extend(given)

    def context(cafile=None, cadata=None):
        trusted.append(cafile)
        return Context()

    class Http:
        def __init__(self, *, auth, headers, verify, timeout, **_):
            header = None if auth is None else auth._auth_header
            self.seen = header, dict(headers), timeout

    world.monkeypatch.setattr(ssl, "create_default_context", context)
    world.monkeypatch.setattr(Path, "is_file", lambda self: True)
    world.monkeypatch.setattr(rest.httpx, "Client", Http)
    given = Properties({f"{lead}url": "https://r"} | dict(world.properties._set))
    made = SERVERS[lead](given)
    subjects = [made.subject("t", half, "r") for half in ("key", "value")] if lead == REGISTRY else []
    return made.addresses, made._rest._client.seen, trusted, subjects


def connect(world: World):
    return registry(world, CONNECT)


def insecure(world: World):
    """Whether a login may go over plain http."""
    given = {"connect.url": "http://r", "connect.bearer.token": "t", **world.properties._set}
    return refused(lambda: open_connect(Properties(given)).addresses)


def stores(world: World):
    """The passwords with which key stores are opened."""
    opened = []

    def read_store(path, data, *passwords):
        opened.extend(passwords)
        return Store((), (), b"")

    world.monkeypatch.setattr(certificates, "read_store", read_store)
    for lead in ("", REGISTRY, CONNECT, FLINK):
        certificates.without_stores(world.properties, lead)
    return opened


def drawn(world: World):
    """How the prompt is drawn, and the live view's last line."""
    world.monkeypatch.setattr(themes, "_properties", lambda: world.properties)
    return themes.prompt_style().style_rules, themes.bar(), themes.heading(), themes.chart()


def strict(world: World):
    """What is done at a record that cannot be decoded: the reader's own word."""
    (leaf,) = plan_scans(world)
    return scan_reader.Intake(leaf, world.lookup.errors, world.properties)._strict


def plan_scans(world: World):
    return list(scans(world.bound("SELECT * FROM s EMIT CHANGES;")))


def throws(world: World):
    source = world.catalog.sources["S"]
    seen = {}

    class Reader(SourceReader):
        def __init__(self, *given, throws=False, **how):
            seen["throws"] = throws
            super().__init__(*given, throws=throws, **how)

    world.monkeypatch.setattr(chunks, "SourceReader", Reader)
    chunks.reader_of(source, ["V"], world.properties)
    return seen


def sampled(world: World):
    asked = []
    world.monkeypatch.setattr(sample, "_read_ends", lambda client, snapshot, each, wanted: asked.append(each) or [])
    world.cluster.put("t", 1, 1, {})
    found = world.cluster.snapshot(world.cluster.topic("t"), "read_committed")
    sample.sample(world.cluster, found, world.properties)
    return asked


def a_file(world: World):
    """Whether a file of 8 bytes is refused."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.csv"
        path.write_text("n\n1\n2\n3\n")
        (statement,) = parse(f"CREATE OR REPLACE TABLE f FROM FILE '{path}'")
        return isinstance(refused(lambda: world.run.engine.run(statement, world.properties)), str)


def at_a_prompt(look):
    """What a person's prompt makes of an answer of many rows."""

    def probe(world: World):
        world.monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
        shower = Shower("table", properties=lambda: world.properties, prompt=True)
        schema = pa.schema([("n", pa.int64())])
        return look(shower, Rows(schema, iter(()), elides=True))

    return probe


def kept(world: World):
    """Whether the last result of 80,000 bytes is in memory, on disk, or not kept."""
    memory = Memory()
    batch = pa.record_batch({"n": pa.array(range(10_000))})
    rows = Rows(batch.schema, iter([batch]))
    memory.keep_rows(rows, world.properties, "SELECT")
    list(rows.batches)
    store = memory._last.store
    return store.why, store._rows.written == 0


def partitions(world: World):
    """Whether the keys decide which partitions are read: it is then looked whether they are placed."""
    asked = []
    world.monkeypatch.setattr(topic, "keys_are_placed", lambda *given: bool(asked.append(1)))
    world.run.engine.run(parse("EXPLAIN SELECT * FROM s WHERE k = 'a';")[0], world.properties)
    return asked


def waits(world: World):
    world.monkeypatch.setattr(feed, "inputs", lambda *given, **more: ())
    return open_feed(world.lookup, world.bound("SELECT * FROM s EMIT CHANGES;"), bounded=True)._wait._seconds


def explained(world: World):
    return world.run.engine.run(parse("EXPLAIN SELECT * FROM s EMIT CHANGES;")[0], world.properties).parts[0].text


def refused(bind):
    try:
        return bind()
    except KshellError as error:
        return error.what


def own_functions(world: World):
    session = Session(world.properties)
    return [m.text for m in session._own_functions()]


def rounded(world: World):
    (answer,) = Session(world.properties, tables={"t": pa.table({"v": [1.9]})}).execute("SELECT CAST(v AS INT) AS n FROM t")
    return [b.to_pylist() for b in answer.batches]


def budget(world: World):
    made = world.lookup.budget
    return made.records, made.bytes, made.seconds


def collected(name: str):
    return lambda world: world.bound(f"SELECT k, {name}(v) FROM s GROUP BY k EMIT CHANGES;")


SASL = {"security.protocol": "SASL_SSL"}
TOKENS = SASL | {"sasl.mechanism": "OAUTHBEARER"}
AS = "CREATE STREAM o AS SELECT * FROM s EMIT CHANGES;"
ONE = "CREATE STREAM o (v INT) WITH (KAFKA_TOPIC='o'{});"
JSON = ", VALUE_FORMAT='JSON'"

# Property → what is looked at, two values, what else is set.
def stalls(world: World):
    stalled = []
    nobody = Properties({**world.properties, "bootstrap.servers": "127.0.0.1:1"})
    producer = Producer(nobody, stalled.append)
    producer.send("t", [OutgoingRecord(None, b"x")])
    time.sleep(0.15)
    producer.check()
    return len(stalled)


def sends_with(world: World):
    seen = []
    world.monkeypatch.setattr(produce, "sender_of", seen.append)
    Producer(world.properties)
    return seen


class Sink:
    """A sender that takes records and forgets them."""

    failed: tuple = ()

    def send(self, topic: str, records, row: int = 0) -> int:
        return len(records)

    def poll(self, seconds: float) -> None:
        pass

    def flush(self, seconds: float) -> int:
        return 0

    def init_transactions(self, seconds: float) -> None:
        pass

    def __len__(self) -> int:
        return 0


def inserts_with(world: World):
    seen = []

    def sender(settings):
        seen.append(settings)
        return Sink()

    world.monkeypatch.setattr(produce, "sender_of", sender)
    world.run("INSERT INTO s (k, v) VALUES ('a', 1);", world.properties)
    return seen


def copies(world: World):
    world.monkeypatch.setattr(produce, "sender_of", lambda settings: Sink())
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as file:
        file.write("nope\n")
        file.flush()
        (statement,) = parse(f"COPY s FROM '{file.name}';")
        task = world.run.engine.run(statement, world.properties)
        return refused(lambda: task.work().text).rpartition(": ")[2]


def joins_with(world: World):
    """What a member says when it joins, and the producer of what it consumes."""
    seen = []
    world.monkeypatch.setattr(transactions, "sender_of", lambda settings: seen.append(settings) or Sink())
    ExactlyOnce(world.properties, "g")
    return protocol_settings(world.properties, newer=False), seen[0]["transactional.id"]


def runs_files(world: World):
    return refused(lambda: list(Session(world.properties).execute("RUN SCRIPT '/dev/null'")))


def sends(world: World):
    world.monkeypatch.setattr(produce, "sender_of", lambda settings: None)
    return refused(lambda: Producer(world.properties))


FLINK = "kshell.flink."
IN_FLINK = {"kshell.engine": "flink"}


def of_flink(sql: str):
    """What a gateway is sent for a statement: all requests' bodies, logins and addresses."""

    def probe(world: World):
        fake, before = FakeFlink(), world.run.context.catalog
        try:
            given = Properties({"bootstrap.servers": "b:1", f"{FLINK}gateway": fake.url, **IN_FLINK, **world.properties._set})
            engine = ChosenEngine(LocalEngine.__new__(LocalEngine))
            engine.local.context = world.run.context
            world.run.context.next_id = lambda prefix: prefix
            said = refused(lambda: engine.run(parse(sql)[0], given))
            if isinstance(said, Live):
                while said.poll(0) is not None:
                    pass
                said = "live"
            if isinstance(said, Sections):
                said = said.parts[0]
            engine._flink and engine._flink.close()
            logins = {h.get("Authorization") for h in fake.headers}
            return str(said).replace(fake.url, ""), fake.statements, logins
        finally:
            world.run.context.catalog = before
            fake.close()

    return probe


def flink_http(world: World):
    """How a service of Flink is asked."""
    trusted = []

    class Context:
        def load_cert_chain(self, *given):
            trusted.extend(given)

    def context(cafile=None, cadata=None):
        trusted.append(cafile)
        return Context()

    world.monkeypatch.setattr(ssl, "create_default_context", context)
    world.monkeypatch.setattr(Path, "is_file", lambda self: True)
    world.monkeypatch.setattr(flink_service.httpx, "Client", lambda **given: given)
    made = refused(lambda: flink_service.Http("it", "https://f", world.properties))
    return made if isinstance(made, str) else (made._client["timeout"], made._client["headers"], trusted)


def flink_rest(world: World):
    fake = FakeFlink()
    try:
        return Connection(Properties({f"{FLINK}gateway": fake.url, **world.properties._set})).why_no_manager
    finally:
        fake.close()


CLIENT = {
    "sasl.oauthbearer.token.endpoint.url": "http://127.0.0.1:1/t", "sasl.oauthbearer.client.id": "a",
    "sasl.oauthbearer.client.secret": "b",
}  # fmt: skip
SELECTED = of_flink("SELECT * FROM s EMIT CHANGES;")
INSERTED = of_flink("CREATE STREAM o WITH (KAFKA_TOPIC='s') AS SELECT * FROM s EMIT CHANGES;")
EVERY = {f"{FLINK}checkpoint.interval.ms": "9"}
PROBES = {
    "kshell.engine": (of_flink("EXPLAIN SELECT * FROM s EMIT CHANGES;"), "local", "flink", {}),
    "kshell.bounded.engine": (of_flink("EXPLAIN SELECT * FROM s;"), "local", "flink", {}),
    f"{FLINK}gateway": (SELECTED, "http://127.0.0.1:1", "http://127.0.0.1:2", {}),
    f"{FLINK}rest": (flink_rest, "http://127.0.0.1:1", "http://127.0.0.1:2", {}),
    f"{FLINK}properties": (SELECTED, "/nowhere/a", "/nowhere/b", {}),
    f"{FLINK}timeout.ms": (flink_http, "1", "2", {}),
    f"{FLINK}parallelism": (SELECTED, "1", "2", {}),
    f"{FLINK}idle.timeout.ms": (SELECTED, "1", "2", {}),
    f"{FLINK}state.ttl.ms": (SELECTED, "1", "2", {}),
    f"{FLINK}checkpoint.interval.ms": (INSERTED, "1", "2", {}),
    f"{FLINK}savepoints": (INSERTED, "/a", "/b", {}),
    f"{FLINK}savepoint": (INSERTED, "/a", "/b", {}),
    f"{FLINK}delivery": (INSERTED, "exactly-once", "at-least-once", EVERY),
    f"{FLINK}basic.auth.user.info": (SELECTED, "a:b", "a:c", {}),
    f"{FLINK}bearer.token": (SELECTED, "a", "b", {}),
    f"{FLINK}ssl.ca.location": (flink_http, "a", "b", {}),
    f"{FLINK}ssl.certificate.location": (flink_http, "a", "b", {}),
    f"{FLINK}ssl.key.location": (flink_http, "a", "b", {f"{FLINK}ssl.certificate.location": "c"}),
    f"{FLINK}ssl.key.password": (flink_http, "a", "b", {f"{FLINK}ssl.certificate.location": "c"}),
    **{n: (librdkafkas, "a", "b", {}) for n in (
        "bootstrap.servers", "client.id", "sasl.username", "sasl.password", "sasl.kerberos.service.name",
    )},
    **{n: (librdkafkas, "a", "b", {"security.protocol": "SSL"}) for n in (
        "ssl.ca.location", "ssl.certificate.location", "ssl.key.location", "ssl.key.password",
        "ssl.ca.pem", "ssl.certificate.pem", "ssl.key.pem",
    )},
    **{f"{lead}ssl.truststore.password": (stores, "a", "b", {f"{lead}ssl.ca.location": __file__}) for lead in ("", REGISTRY, CONNECT, FLINK)},
    **{f"{lead}ssl.keystore.password": (stores, "a", "b", {f"{lead}ssl.certificate.location": __file__}) for lead in ("", REGISTRY, CONNECT, FLINK)},
    "security.protocol": (librdkafkas, "PLAINTEXT", "SSL", {}),
    "sasl.mechanism": (librdkafkas, "PLAIN", "SCRAM-SHA-256", SASL),
    "sasl.oauthbearer.token": (librdkafkas, "a", "b", TOKENS),
    "sasl.oauthbearer.token.command": (librdkafkas, "echo a", "echo b", TOKENS),
    "sasl.oauthbearer.token.endpoint.url": (granted, "http://127.0.0.1:1/a", "http://127.0.0.1:1/b", CLIENT),
    "sasl.oauthbearer.client.id": (granted, "a", "b", CLIENT),
    "sasl.oauthbearer.client.secret": (granted, "a", "b", CLIENT),
    "sasl.oauthbearer.scope": (granted, "a", "b", CLIENT),
    "sasl.oauthbearer.token.endpoint.ssl.ca.location": (granted, "a", "b", CLIENT),
    "ssl.endpoint.identification.algorithm": (librdkafkas, "https", "none", {}),
    "kshell.connect.timeout.ms": (patience, "500", "600", {"bootstrap.servers": "127.0.0.1:1"}),
    "isolation.level": (lambda w: w.lookup.snapshot("s").isolation, "read_committed", "read_uncommitted", {}),
    "auto.offset.reset": (explained, "earliest", "latest", {}),
    "compression.type": (sends_with, "none", "zstd", {}),
    "acks": (sends_with, "all", "1", {}),
    "enable.idempotence": (sends_with, "true", "false", {}),
    "partitioner": (inserts_with, "murmur2_random", "consistent_random", {}),
    "kshell.copy.on.error": (copies, "stop", "skip", {"kshell.files": "true"}),
    "partition.assignment.strategy": (joins_with, "range", "roundrobin", {"transactional.id": "a"}),
    "session.timeout.ms": (joins_with, "6000", "45000", {"transactional.id": "a"}),
    "transactional.id": (joins_with, "a", "b", {}),
    "delivery.timeout.ms": (stalls, "100", "60000", {}),
    **{f"{lead}{name}": (look, one, other, {f"{lead}{n}": v for n, v in more.items()})
       for lead, look in ((REGISTRY, registry), (CONNECT, connect))
       for name, one, other, more in (
           ("url", "http://a", "http://b", {}), ("basic.auth.user.info", "a:b", "a:c", {}), ("bearer.token", "a", "b", {}),
           ("ssl.ca.location", "a", "b", {}), ("ssl.certificate.location", "a", "b", {}),
           ("ssl.key.location", "a", "b", {"ssl.certificate.location": "c"}),
           ("ssl.key.password", "a", "b", {"ssl.certificate.location": "c"}), ("timeout.ms", "1", "2", {}),
       )},
    "kshell.insecure": (insecure, "true", "false", {}),
    f"{REGISTRY}wait.ms": (waits, "1", "2", {}),
    **{f"{half}.subject.name.strategy": (registry, "TopicNameStrategy", "RecordNameStrategy", {}) for half in ("key", "value")},
    "ksql.fail.on.deserialization.error": (strict, "true", "false", {}),
    "ksql.persistence.default.format.key": (
        lambda w: w.source("CREATE STREAM o (k INT KEY, v INT) WITH (KAFKA_TOPIC='o', VALUE_FORMAT='JSON');").key_format,
        "JSON", "DELIMITED", {},
    ),
    "ksql.persistence.default.format.value": (lambda w: w.source(ONE.format("")).value_format, "JSON", "DELIMITED", {}),
    "ksql.persistence.wrap.single.values": (lambda w: dict(w.source(ONE.format(JSON)).value_format.options), "true", "false", {}),
    "ksql.output.topic.name.prefix": (lambda w: w.sink(AS).target.topic, "a-", "b-", {}),
    "ksql.sink.partitions": (lambda w: w.sink(AS).settings, "2", "3", {}),
    "ksql.sink.replicas": (lambda w: w.sink(AS).settings, "2", "3", {}),
    "kshell.state.replication.factor": (lambda w: state_replicas(w.properties), "1", "3", {}),
    "ksql.functions.collect_list.limit": (collected("COLLECT_LIST"), "2", "3", {}),
    "ksql.functions.collect_set.limit": (collected("COLLECT_SET"), "2", "3", {}),
    "ksql.new.query.planner.enabled": (
        lambda w: refused(lambda: w.sink("CREATE STREAM o AS SELECT v FROM s EMIT CHANGES;")), "true", "false", {},
    ),
    "ksql.rowpartition.rowoffset.enabled": (lambda w: dict(reserved_columns(w.properties)), "true", "false", {}),
    "ksql.timestamp.throw.on.invalid": (throws, "true", "false", {}),
    "kshell.dialect": (rounded, "ksql", "duckdb", {}),
    "kshell.theme": (drawn, "dark", "light", {}),
    "kshell.prompt.color": (drawn, "green", "red", {}),
    "kshell.files": (runs_files, "true", "false", {}),
    "kshell.read.only": (sends, "true", "false", {}),
    "kshell.editing": (lambda w: editing_mode(w.properties), "vi", "emacs", {}),
    "kshell.typing.speed": (lambda w: Tour("", w.properties, auto=True)._beat, "60", "600", {}),
    "kshell.sample.records": (sampled, "100", "400", {}),
    "kshell.file.max.bytes": (a_file, "7", "100", {"kshell.files": "true"}),
    "kshell.functions": (own_functions, "/nowhere/a.py", "/nowhere/b.py", {}),
    "kshell.times": (at_a_prompt(lambda shower, _: shower._target().times), "local", "utc", {}),
    "kshell.max.rows": (at_a_prompt(lambda shower, rows: shower._most(rows)), "40", "50", {}),
    "kshell.pager": (at_a_prompt(lambda shower, _: shower._pages()), "auto", "off", {}),
    "kshell.result.memory.bytes": (kept, "1000", "100000", {}),
    "kshell.result.disk.bytes": (kept, "1000", "100000", {"kshell.result.memory.bytes": "1000"}),
    "kshell.partitioner": (partitions, "murmur2", "other", {}),
    **{f"kshell.scan.max.{what}": (budget, "2", "3", {}) for what in ("records", "bytes", "seconds")},
}  # fmt: skip


def test_each_row_has_a_probe():
    assert set(PROBES) == set(PROPERTIES)


@pytest.mark.parametrize("name", PROPERTIES)
def test_another_value_makes_another_thing(run, cluster, monkeypatch, name):
    look, one, other, more = PROBES[name]
    run(DECLARED)
    seen = []
    for value in (one, one, other):
        with monkeypatch.context() as patch:
            seen.append(look(World(run, cluster, patch, Properties({**more, name: value}))))
    assert seen[0] == seen[1] != seen[2]
