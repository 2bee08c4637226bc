"""Real Apache Kafka for tests and benchmarks: jars once by Maven, then plain `java` processes.

Nothing here needs pytest.  A broker is up in about 1.5 s: the storage is laid out without Kafka's
own format step (its checkpoint is made once), and classes come from a CDS archive.
"""

from __future__ import annotations

import base64
import contextlib
import fcntl
import functools
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .jvm import Jvm

__all__ = ["SETTINGS", "Broker", "Unavailable", "broker", "cache", "cluster", "fetch_jars", "free_port",
           "new_id", "prepare", "secure_broker", "wait_ready"]  # fmt: skip

VERSION = "4.3.1"
_LOGGING = "2.25.4"
_PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
_READY = 90.0

_POM = """<project><modelVersion>4.0.0</modelVersion>
<groupId>kshell</groupId><artifactId>tests</artifactId><version>1</version><packaging>pom</packaging>
<dependencies>{}</dependencies></project>"""
_DEPENDENCY = (
    "<dependency><groupId>{}</groupId><artifactId>{}</artifactId><version>{}</version></dependency>"
)
_LOG4J = """<Configuration status="WARN" shutdownHook="disable"><Appenders>
<File name="F" fileName="${sys:kafka.log}"><PatternLayout pattern="%d %p %c{1}: %m%n"/></File>
</Appenders><Loggers><Root level="INFO"><AppenderRef ref="F"/></Root></Loggers></Configuration>"""

# Small and quick: one thread of each kind, no 128 MiB cleaner buffer, fast failure detection.
SHORT_LOGIN_MS = 2500  # how long a login by SCRAM-SHA-512 lasts with a secure broker
SETTINGS: Mapping[str, object] = {
    "process.roles": "broker,controller",
    "controller.listener.names": "CONTROLLER",
    "auto.create.topics.enable": "false",
    "group.initial.rebalance.delay.ms": 0,
    "group.min.session.timeout.ms": 500,
    "offsets.topic.num.partitions": 1,
    "transaction.state.log.num.partitions": 1,
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": 500,
    "share.coordinator.state.topic.num.partitions": 1,
    "log.cleaner.dedupe.buffer.size": 2097152,
    "log.cleaner.io.buffer.size": 65536,
    "log.cleaner.backoff.ms": 100,
    "log.retention.ms": -1,
    "log.retention.check.interval.ms": 500,
    "log.initial.task.delay.ms": 500,
    "num.network.threads": 1,
    "num.io.threads": 2,
    "background.threads": 2,
    "metric.reporters": "",
    "broker.session.timeout.ms": 3000,
    "broker.heartbeat.interval.ms": 500,
    "controller.quorum.election.timeout.ms": 500,
    "controller.quorum.fetch.timeout.ms": 1000,
}


class Unavailable(Exception):
    """Why there is no real Kafka here."""


def cache() -> Path:
    """Where jars and what is made of them are kept between runs."""
    named = os.environ.get("KSHELL_TEST_CACHE")
    folder = Path(named) if named else Path.home() / ".cache" / "kshell-tests"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextlib.contextmanager
def locked(name: str) -> Iterator[None]:
    """One process at a time: Maven's copy is not atomic."""
    with open(cache() / f"{name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def fetch_jars(folder: Path, dependencies: Sequence[tuple[str, str, str]]) -> list[Path]:
    """The jars of these dependencies, downloaded once; raises Unavailable."""
    for tool in ("java", "mvn"):
        if shutil.which(tool) is None:
            raise Unavailable(f"{tool} is not installed")
    done = folder / ".complete"
    with locked(folder.name):
        if not done.exists():
            folder.mkdir(parents=True, exist_ok=True)
            pom = folder / "pom.xml"
            pom.write_text(_POM.format("".join(_DEPENDENCY.format(*d) for d in dependencies)))
            command = ["mvn", "-q", "-B", "-f", str(pom), _PLUGIN, f"-DoutputDirectory={folder}",
                       "-DincludeScope=runtime"]  # fmt: skip
            result = subprocess.run(command, capture_output=True, text=True, timeout=300)
            if result.returncode:
                raise Unavailable(f"Maven could not download: {result.stdout[-400:]}")
            done.touch()
    # One fixed order: the CDS archive depends on it.
    return sorted(folder.glob("*.jar"))


@functools.cache
def prepare() -> tuple[Path, ...]:
    """Kafka's jars; raises Unavailable with the reason."""
    jars = fetch_jars(
        cache() / f"kafka-{VERSION}",
        [
            ("org.apache.kafka", "kafka_2.13", VERSION),
            ("org.apache.logging.log4j", "log4j-slf4j-impl", _LOGGING),
        ],
    )
    (cache() / "log4j2.xml").write_text(_LOG4J)
    return tuple(jars)


def _java(*arguments: str, log: Path | None = None, options: Sequence[str] = ()) -> list[str]:
    return [
        "java", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData",
        *options, f"-Dlog4j2.configurationFile={cache() / 'log4j2.xml'}",
        f"-Dkafka.log={log or os.devnull}", "-cp", ":".join(map(str, prepare())), *arguments,
    ]  # fmt: skip


def new_id() -> str:
    while True:
        text = base64.urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode()
        if not text.startswith("-"):
            return text


_taken: set[int] = set()


def free_port() -> int:
    """A free loopback port, never the same twice: old clients would reconnect to it."""
    base = 20000 + os.getpid() % 100 * 100
    for port in range(base, base + 12000):
        if port in _taken:
            continue
        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                s.bind(("127.0.0.1", port))
                _taken.add(port)
                return port
    raise Unavailable("no free port")


def _checkpoint(users: Sequence[str]) -> Path:
    """Feature levels and SCRAM users as `StorageTool format` writes them: made once, copied."""
    name = f"bootstrap-{VERSION}-{abs(hash(tuple(users))) if users else 0}.checkpoint"
    path = cache() / name
    with locked("checkpoint"):
        if path.exists() and not users:
            return path
        with tempfile.TemporaryDirectory() as folder:
            properties = Path(folder) / "server.properties"
            properties.write_text(
                "process.roles=broker,controller\nnode.id=1\ncontroller.listener.names=CONTROLLER\n"
                "controller.quorum.voters=1@127.0.0.1:1\n"
                "listeners=PLAINTEXT://127.0.0.1:2,CONTROLLER://127.0.0.1:1\n"
                f"log.dirs={folder}/data\n"
            )
            added = [part for user in users for part in ("--add-scram", user)]
            arguments = ["format", "-t", new_id(), "-c", str(properties), *added]
            command = _java("kafka.tools.StorageTool", *arguments)
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            shutil.copy(f"{folder}/data/bootstrap.checkpoint", path)
    return path


@dataclass
class Broker(Jvm):
    """One broker: a JVM with its own data folder."""

    id: int
    folder: Path
    bootstrap: str = ""
    ports: dict[str, int] = field(default_factory=dict)
    certificates: Path | None = None
    process: subprocess.Popen[bytes] | None = None
    options: tuple[str, ...] = ()

    @property
    def log(self) -> Path:
        """The broker's own log."""
        return self.folder / "server.log"

    @property
    def archive(self) -> Path:
        return cache() / f"kafka-{VERSION}.jsa"

    def start(self) -> None:
        """Start, or start again with the same data."""
        java = _java(
            "kafka.Kafka", str(self.folder / "server.properties"), log=self.log,
            options=[self.sharing, *self.options],
        )  # fmt: skip
        self.launch(java)


def wait_ready(bootstrap: str, brokers: Sequence[Broker]) -> None:
    """Every node in the metadata; an open port alone is too early."""
    from confluent_kafka.admin import AdminClient

    admin = AdminClient(
        {"bootstrap.servers": bootstrap, "reconnect.backoff.ms": 20,
         "reconnect.backoff.max.ms": 100, "log_level": 0}
    )  # fmt: skip
    end = time.monotonic() + _READY
    while time.monotonic() < end:
        for broker in brokers:
            assert broker.process is not None
            if broker.process.poll() is not None:
                tail = (broker.folder / "out").read_text()[-1500:]
                logged = broker.log.read_text()[-1500:] if broker.log.exists() else ""
                raise RuntimeError(f"broker {broker.id} died: {tail}\n{logged}")
        with contextlib.suppress(Exception):
            if len(admin.list_topics(timeout=1).brokers) >= len(brokers):
                return
        time.sleep(0.02)
    raise TimeoutError(f"no cluster at {bootstrap} after {_READY:g} s")


def _lay_out(broker: Broker, cluster_id: str, settings: Mapping[str, object],
             users: Sequence[str]) -> None:  # fmt: skip
    data = broker.folder / "data"
    data.mkdir(parents=True)
    (data / "meta.properties").write_text(
        f"version=1\ncluster.id={cluster_id}\nnode.id={broker.id}\ndirectory.id={new_id()}\n"
    )
    shutil.copy(_checkpoint(users), data / "bootstrap.checkpoint")
    all_settings = {**SETTINGS, "node.id": broker.id, "log.dirs": data, **settings}
    text = "".join(f"{name}={value}\n" for name, value in all_settings.items())
    (broker.folder / "server.properties").write_text(text)


@contextlib.contextmanager
def cluster(
    count: int,
    settings: Mapping[str, object] | None = None,
    *,
    listeners: Mapping[str, int] | None = None,
    users: Sequence[str] = (),
    options: Sequence[str] = (),
) -> Iterator[list[Broker]]:
    """A cluster of combined nodes; with `listeners` (one node only) their ports are given."""
    prepare()
    root = Path(tempfile.mkdtemp(prefix="kshell-kafka-"))
    plain = [listeners["PLAINTEXT"] if listeners else free_port() for _ in range(count)]
    control = [listeners["CONTROLLER"] if listeners else free_port() for _ in range(count)]
    replication = dict.fromkeys(("offsets.topic.replication.factor", "transaction.state.log.replication.factor", "share.coordinator.state.topic.replication.factor", "default.replication.factor"), count)
    least = dict.fromkeys(
        ("transaction.state.log.min.isr", "share.coordinator.state.topic.min.isr",
         "min.insync.replicas"), min(2, count))  # fmt: skip
    voters = ",".join(f"{i + 1}@127.0.0.1:{port}" for i, port in enumerate(control))
    bootstrap = ",".join(f"127.0.0.1:{port}" for port in plain)
    cluster_id = new_id()
    brokers = []
    try:
        for i in range(count):
            broker = Broker(i + 1, root / str(i + 1), bootstrap, options=tuple(options))
            own = {
                "listeners": f"PLAINTEXT://127.0.0.1:{plain[i]},CONTROLLER://127.0.0.1:{control[i]}",
                "advertised.listeners": f"PLAINTEXT://127.0.0.1:{plain[i]}",
                "controller.quorum.voters": voters,
            }
            _lay_out(
                broker, cluster_id, {**replication, **least, **own, **(settings or {})}, users
            )
            broker.start()
            brokers.append(broker)
        wait_ready(bootstrap, brokers)
        yield brokers
    finally:
        for broker in brokers:
            # A cluster is thrown away: its last nodes would wait for a quorum.
            broker.stop(signal.SIGKILL if count > 1 else signal.SIGTERM)
        shutil.rmtree(root, ignore_errors=True)


@contextlib.contextmanager
def broker(settings: Mapping[str, object] | None = None) -> Iterator[Broker]:
    """One broker of its own."""
    with cluster(1, settings) as (one,):
        yield one


def _certificates(folder: Path) -> Path:
    """ca.crt, server.pem (PKCS#8 key, then certificate: a PEM keystore), alice.crt and alice.key."""
    import datetime
    import ipaddress

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
    )

    def named(name: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])

    folder.mkdir(parents=True, exist_ok=True)
    now = datetime.datetime.now(datetime.UTC)
    authority = ec.generate_private_key(ec.SECP256R1())
    for who in ("ca", "server", "alice"):
        key = authority if who == "ca" else ec.generate_private_key(ec.SECP256R1())
        builder = x509.CertificateBuilder(
            named("ca"), named(who), key.public_key(), x509.random_serial_number(),
            now - datetime.timedelta(days=1), now + datetime.timedelta(days=30),
        ).add_extension(x509.BasicConstraints(who == "ca", None), critical=True)  # fmt: skip
        if who == "server":
            names: list[x509.GeneralName] = [
                x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
            ]  # fmt: skip
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        certificate = builder.sign(authority, hashes.SHA256()).public_bytes(Encoding.PEM)
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (folder / f"{who}.crt").write_bytes(certificate)
        (folder / f"{who}.key").write_bytes(private)
        (folder / f"{who}.pem").write_bytes(private + certificate)
    return folder


@contextlib.contextmanager
def secure_broker() -> Iterator[Broker]:
    """A broker with TLS, mutual TLS, SASL (PLAIN and SCRAM) and ACLs; `ports` by listener name.

    alice may log in with alice-secret; PLAINTEXT is a super user's, for setting things up.
    """
    security = "org.apache.kafka.common.security."
    names = {"SSL": "SSL", "MTLS": "SSL", "SASL": "SASL_PLAINTEXT", "SASLS": "SASL_SSL"}
    ports = {name: free_port() for name in ("PLAINTEXT", "CONTROLLER", *names)}
    certificates = _certificates(Path(tempfile.mkdtemp(prefix="kshell-certs-")))
    mapped = ",".join(f"{name}:{protocol}" for name, protocol in names.items())
    settings: dict[str, object] = {
        "listeners": ",".join(f"{n}://127.0.0.1:{p}" for n, p in ports.items()),
        "advertised.listeners": ",".join(
            f"{n}://127.0.0.1:{p}" for n, p in ports.items() if n != "CONTROLLER"
        ),
        "inter.broker.listener.name": "PLAINTEXT",
        "listener.security.protocol.map": f"PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,{mapped}",
        "listener.name.mtls.ssl.client.auth": "required",
        "ssl.principal.mapping.rules": "RULE:^CN=([^,]+).*$/$1/,DEFAULT",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": certificates / "server.pem",
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": certificates / "ca.crt",
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": "User:ANONYMOUS",
    }
    for listener in ("listener.name.sasl.", "listener.name.sasls."):
        settings[listener + "sasl.enabled.mechanisms"] = (
            "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER"
        )
        settings[listener + "oauthbearer.sasl.jaas.config"] = (  # takes tokens without a signature
            f'{security}oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="x";'
        )
        settings[listener + "oauthbearer.connections.max.reauth.ms"] = 3_600_000
        settings[listener + "scram-sha-512.connections.max.reauth.ms"] = SHORT_LOGIN_MS
        settings[listener + "plain.sasl.jaas.config"] = (
            f'{security}plain.PlainLoginModule required user_alice="alice-secret";'
        )
        for bits in (256, 512):
            settings[f"{listener}scram-sha-{bits}.sasl.jaas.config"] = (
                f"{security}scram.ScramLoginModule required;"
            )
    users = [f"SCRAM-SHA-{bits}=[name=alice,password=alice-secret]" for bits in (256, 512)]
    try:
        with cluster(1, settings, listeners=ports, users=users) as (one,):
            one.ports, one.certificates = ports, certificates
            yield one
    finally:
        shutil.rmtree(certificates, ignore_errors=True)
