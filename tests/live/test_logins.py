"""Logins that are refused or run out, TLS that cannot be, and rights: each said as what it is."""

from __future__ import annotations

import base64
import datetime
import ipaddress
import json
import re
import shlex
import sys
import time
from pathlib import Path

import pytest
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

from kshell.config import Properties
from kshell.errors import (
    ConnectionFailed,
    Forbidden,
    KshellError,
    LoginRefused,
    Outage,
    UsageError,
    WrongListener,
)
from kshell.kafka import admin
from kshell.kafka.client import Client
from kshell.kafka.produce import OutgoingRecord, Producer
from kshell.session import Session

pytestmark = pytest.mark.live


def token(seconds: float, user: str = "bob") -> str:
    """A token without a signature that ends so many seconds from now."""
    now = time.time()
    parts = ({"alg": "none"}, {"sub": user, "iat": now - 100, "exp": now + seconds})
    coded = (base64.urlsafe_b64encode(json.dumps(p).encode()).rstrip(b"=").decode() for p in parts)
    return ".".join(coded) + "."


def bearer(kafka, given: str) -> Properties:
    return Properties({
        "bootstrap.servers": f"127.0.0.1:{kafka.ports['SASL']}", "security.protocol": "SASL_PLAINTEXT",
        "sasl.mechanism": "OAUTHBEARER", "sasl.oauthbearer.token": given,
    })  # fmt: skip


def alice(kafka, **more: str) -> Properties:
    return Properties({
        "bootstrap.servers": f"127.0.0.1:{kafka.ports['SASL']}", "security.protocol": "SASL_PLAINTEXT",
        "sasl.mechanism": "PLAIN", "sasl.username": "alice", "sasl.password": "alice-secret", **more,
    })  # fmt: skip


def setup(kafka) -> Properties:
    return Properties({"bootstrap.servers": f"127.0.0.1:{kafka.ports['PLAINTEXT']}"})


@pytest.mark.parametrize("given", [token(-50), "no token at all", "a.b.c", ""])
def test_a_refused_token_is_no_login(secure_kafka, given):
    session = Session(bearer(secure_kafka, given))
    with pytest.raises(LoginRefused, match="refused the login"):
        list(session.execute("SHOW TOPICS"))
    session.close()


def test_a_token_that_is_accepted(secure_kafka):
    Client.connect(bearer(secure_kafka, token(600))).close()


def test_a_login_that_runs_out_is_an_error_of_every_statement(secure_kafka):
    """The broker ends the connection with the token, and refuses the token after that."""
    admin.create_topic(setup(secure_kafka), "ran-out", partitions=1, replicas=1, configs={})
    allow(secure_kafka, "bob", "ran-out", AclOperation.ALL)
    session = Session(bearer(secure_kafka, token(6)))
    list(session.execute("SHOW TOPICS"))
    (live,) = session.execute("PRINT `ran-out` FROM BEGINNING")
    time.sleep(6.5)
    for statement in ("SHOW TOPICS", "DESCRIBE `ran-out`", "SELECT COUNT(*) AS N FROM `ran-out`"):
        began = time.monotonic()
        with pytest.raises(LoginRefused, match="refused the login"):
            for answer in session.execute(statement):
                list(answer.batches)
        assert time.monotonic() - began < 5
    with pytest.raises(LoginRefused, match="refused the login"):
        for _ in range(40):
            live.poll(0.25)
    session.close()


def renewed(kafka, tmp_path: Path) -> Properties:
    """A login by tokens of five seconds, each printed when the one before runs out."""
    program = tmp_path / "token.py"
    program.write_text(f"""
import base64, json, time
now = int(time.time())
parts = {{"alg": "none"}}, {{"sub": "bob", "iat": now - 100, "exp": now + 5}}
coded = (base64.urlsafe_b64encode(json.dumps(p).encode()).rstrip(b"=").decode() for p in parts)
open({str(tmp_path / "printed")!r}, "a").write("x")
print(".".join(coded) + ".")
""")
    command = shlex.join([sys.executable, "-S", str(program)])
    return Properties({
        "bootstrap.servers": f"127.0.0.1:{kafka.ports['SASL']}", "security.protocol": "SASL_PLAINTEXT",
        "sasl.mechanism": "OAUTHBEARER", "sasl.oauthbearer.token.command": command,
    })  # fmt: skip


@pytest.mark.matrix
def test_what_runs_waits_for_a_provider_that_is_away(secure_kafka, tmp_path):
    """The command fails for longer than a token is valid; then it prints tokens again."""
    topic = "waits"
    for name in (topic, f"{topic}-out"):
        admin.create_topic(setup(secure_kafka), name, partitions=1, replicas=1, configs={})
        allow(secure_kafka, "bob", name, AclOperation.ALL)
    properties, program = renewed(secure_kafka, tmp_path), tmp_path / "token.py"
    session = Session(properties)
    list(session.execute(
        f"CREATE STREAM o (n BIGINT) WITH (KAFKA_TOPIC='{topic}', VALUE_FORMAT='JSON');"
        "SET 'auto.offset.reset'='earliest';"
        f"CREATE STREAM c WITH (KAFKA_TOPIC='{topic}-out', VALUE_FORMAT='JSON') AS SELECT n FROM o"
    ))  # fmt: skip
    (live,) = session.execute("SELECT n FROM o EMIT CHANGES")
    code = program.read_text()
    program.write_text("raise SystemExit('the provider is down')")
    other, said, seen = Producer(setup(secure_kafka)), "", []
    for n in range(24):
        other.send(topic, [OutgoingRecord(None, b'{"n":%d}' % n)])
        other.flush()
        time.sleep(0.6)
        part = live.poll(0.1)
        seen += [] if part is None else part.rows.column("N").to_pylist()
        said += live.stats().note
    assert "ended with 1" in said
    with pytest.raises(Outage, match="ended with 1"):
        list(session.execute("SHOW TOPICS"))
    program.write_text(code)
    until = time.monotonic() + 20
    while len(seen) < 24 and time.monotonic() < until:
        seen += live.poll(0.5).rows.column("N").to_pylist()
    assert seen == list(range(24))
    held = ()
    while len(held) < 24 and time.monotonic() < until:
        (copied,) = session.execute(f"SELECT N FROM `{topic}-out`")
        held = [row["N"] for batch in copied.batches for row in batch.to_pylist()]
    assert held == list(range(24))
    live.cancel()
    session.close()


def scram(kafka, tmp_path: Path) -> Properties:
    return alice(kafka, **{"sasl.mechanism": "SCRAM-SHA-512"})


@pytest.mark.parametrize(
    ("user", "login"),
    [pytest.param("bob", renewed, id="tokens", marks=pytest.mark.matrix), pytest.param("alice", scram, id="SCRAM")],
)
def test_what_runs_longer_than_its_login_goes_on(secure_kafka, tmp_path, user, login):
    """Brokers end a connection whose login is older than they allow, or than its token (KIP-368)."""
    topic = f"outlives-{user}"
    admin.create_topic(setup(secure_kafka), topic, partitions=1, replicas=1, configs={})
    allow(secure_kafka, user, topic, AclOperation.ALL)
    properties = login(secure_kafka, tmp_path)
    session, changes = Session(properties), admin.Admin(properties)
    with pytest.raises(Forbidden, match="CREATE"):  # and so the login was accepted
        changes.create_topic(f"{topic}-2", 1, 1, {})
    list(session.execute(
        f"CREATE STREAM o (n BIGINT) WITH (KAFKA_TOPIC='{topic}', VALUE_FORMAT='JSON'); SET 'auto.offset.reset'='earliest'"
    ))  # fmt: skip
    (live,) = session.execute("SELECT n FROM o EMIT CHANGES")
    seen = []
    for n in range(20):
        list(session.execute(f"INSERT INTO o (n) VALUES ({n})"))
        (counted,) = session.execute("SELECT COUNT(*) AS c FROM o")
        assert [row["c"] for batch in counted.batches for row in batch.to_pylist()] == [n + 1]
        part = live.poll(0.5)
        seen += [] if part is None else part.rows.column("N").to_pylist()
    until = time.monotonic() + 10
    while len(seen) < 20 and time.monotonic() < until:
        seen += live.poll(0.5).rows.column("N").to_pylist()
    assert seen == list(range(20))
    with pytest.raises(Forbidden, match="CREATE"):
        changes.create_topic(f"{topic}-2", 1, 1, {})
    live.cancel()
    session.close()
    if login is renewed:
        assert len((tmp_path / "printed").read_text()) >= 3


def allow(kafka, user: str, topic: str, operation: AclOperation) -> None:
    asked = AdminClient({"bootstrap.servers": setup(kafka)["bootstrap.servers"]})
    binding = AclBinding(
        ResourceType.TOPIC, topic, ResourcePatternType.LITERAL, f"User:{user}", "*", operation,
        AclPermissionType.ALLOW,
    )  # fmt: skip
    for future in asked.create_acls([binding]).values():
        future.result(10)


def test_with_describe_alone_what_may_be_seen_is_shown(secure_kafka):
    plain = setup(secure_kafka)
    admin.create_topic(plain, "half-open", partitions=2, replicas=1, configs={})
    producer = Producer(plain)
    producer.send("half-open", [OutgoingRecord(b"k", b'{"A":1}', partition=1)])
    producer.flush()
    allow(secure_kafka, "alice", "half-open", AclOperation.DESCRIBE)
    session = Session(alice(secure_kafka))
    shown = [str(a) for a in described(session, "DESCRIBE `half-open`")]
    assert any("not allowed: READ on topic half-open" in text for text in shown)
    assert any("'end offset': 1" in text for text in shown)
    topics = str(described(session, "SHOW TOPICS EXTENDED"))
    assert "half-open" in topics
    for statement, operation in (
        ("SELECT * FROM `half-open`", "READ"),
        ("SELECT COUNT(*) AS N FROM `half-open`", "READ"),
        ("PRINT `half-open` FROM BEGINNING", "READ"),
        ("INSERT INTO `half-open` (ROWKEY, A) VALUES ('k', 1)", "READ|WRITE"),
    ):
        with pytest.raises(Forbidden, match=f"not allowed: ({operation}) on topic half-open"):
            for answer in session.execute(statement):
                ended = getattr(answer, "poll", None)
                for _ in range(20):
                    if ended is not None:
                        ended(0.25)
                list(getattr(answer, "batches", ()))
    session.close()


def described(session: Session, statement: str) -> list:
    """The texts and the rows of an answer."""
    (answer,) = session.execute(statement)
    parts = getattr(answer, "parts", (answer,))
    return [
        [r for b in p.batches for r in b.to_pylist()] if hasattr(p, "batches") else p.text for p in parts
    ]


def test_a_right_to_write_that_is_not_there(secure_kafka):
    plain = setup(secure_kafka)
    admin.create_topic(plain, "read-only", partitions=1, replicas=1, configs={})
    allow(secure_kafka, "alice", "read-only", AclOperation.READ)
    producer = Producer(alice(secure_kafka))
    with pytest.raises(Forbidden, match="not allowed: WRITE on topic read-only"):
        producer.send("read-only", [OutgoingRecord(b"k", b"v")])
        producer.flush()
    with pytest.raises(Forbidden, match="not allowed: CREATE on topic mine"):
        admin.create_topic(alice(secure_kafka), "mine", partitions=1, replicas=1, configs={})
    with pytest.raises(Forbidden, match="not allowed: DELETE on topic read-only"):
        admin.delete_topic(alice(secure_kafka), "read-only")


def certificate(folder: Path, name: str, *, signer: Path | None = None, days: int = 30, password: str = "") -> None:
    """NAME.crt and NAME.key, signed by the authority in a folder or by itself."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    who = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    authority, issuer = key, who
    if signer is not None:
        authority = serialization.load_pem_private_key((signer / "ca.key").read_bytes(), None)
        issuer = x509.load_pem_x509_certificate((signer / "ca.crt").read_bytes()).subject
    end = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=days)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.9" if name == "elsewhere" else "127.0.0.1"))
    signed = x509.CertificateBuilder(
        issuer, who, key.public_key(), x509.random_serial_number(), end - datetime.timedelta(days=90), end
    ).add_extension(x509.SubjectAlternativeName([address]), critical=False).sign(authority, hashes.SHA256())
    how = serialization.BestAvailableEncryption(password.encode()) if password else serialization.NoEncryption()
    (folder / f"{name}.crt").write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    (folder / f"{name}.key").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, how)
    )


def tls(kafka, listener: str = "SSL", **more: object) -> KshellError:
    """Why no connection is made."""
    given = {
        "bootstrap.servers": f"127.0.0.1:{kafka.ports[listener]}", "security.protocol": "SSL",
        "ssl.ca.location": kafka.certificates / "ca.crt",
        **{n.replace("_", "."): v for n, v in more.items()},
    }  # fmt: skip
    with pytest.raises(KshellError) as error:
        Client.connect(Properties({n: str(v) for n, v in given.items()})).close()
    said = f"{error.value.what} {error.value.hint}"
    assert "PLAINTEXT" not in said
    assert "endpoint.identification" not in said
    return error.value


def test_tls_faults_are_said_by_their_cause(secure_kafka, tmp_path):
    made = secure_kafka.certificates
    certificate(tmp_path, "other")
    certificate(tmp_path, "locked", signer=made, password="sesame")
    certificate(tmp_path, "late", signer=made, days=-1)
    certificate(tmp_path, "stranger")
    (tmp_path / "text").write_text("what is this?")
    cases = [
        ({"ssl_ca_location": tmp_path / "other.crt"}, WrongListener, "not trusted.*ssl.ca.location"),
        ({"ssl_ca_location": tmp_path / "text"}, UsageError, "text.*PEM"),
        ({"ssl_certificate_location": made / "alice.crt", "ssl_key_location": tmp_path / "other.key"},
         UsageError, "other.key.* another certificate than .*alice.crt"),
        ({"ssl_certificate_location": tmp_path / "locked.crt", "ssl_key_location": tmp_path / "locked.key",
          "ssl_key_password": "wrong"}, UsageError, "locked.key.*pass phrase"),
        ({"ssl_certificate_location": tmp_path / "locked.crt", "ssl_key_location": tmp_path / "locked.key"},
         UsageError, "locked.key.*encrypted.*ssl.key.password"),
        ({"ssl_certificate_location": tmp_path / "text", "ssl_key_location": tmp_path / "other.key"},
         UsageError, "text is neither PEM nor a store"),
        ({"ssl_certificate_location": tmp_path / "other.key", "ssl_key_location": tmp_path / "other.key"},
         UsageError, "other.key holds no certificate"),
        ({"ssl_certificate_location": made / "alice.crt", "ssl_key_location": tmp_path / "text"},
         UsageError, "text holds no private key"),
        ({"bootstrap_servers": f"127.0.0.2:{secure_kafka.ports['SSL']}"}, ConnectionFailed, "127.0.0.2"),
        ({"bootstrap_servers": f"127.0.0.1:{secure_kafka.ports['PLAINTEXT']}"}, WrongListener,
         "does not speak TLS|closed"),
    ]  # fmt: skip
    for given, kind, said in cases:
        error = tls(secure_kafka, **given)
        assert isinstance(error, kind), (given, error)
        assert re.search(said, f"{error.what} {error.hint}"), (given, error.what, error.hint)


@pytest.mark.parametrize(
    ("name", "said"),
    [(None, "wants a certificate"), ("stranger", "does not know who signed"), ("late", "expired")],
)
def test_a_certificate_that_the_broker_refuses(secure_kafka, tmp_path, name, said):
    certificate(tmp_path, "stranger")
    certificate(tmp_path, "late", signer=secure_kafka.certificates, days=-1)
    own = {"ssl_certificate_location": tmp_path / f"{name}.crt", "ssl_key_location": tmp_path / f"{name}.key"}
    error = tls(secure_kafka, "MTLS", **(own if name else {}))
    assert isinstance(error, LoginRefused)
    assert said in error.what


@pytest.mark.parametrize(
    ("name", "days", "said"), [("late", -1, "expired"), ("elsewhere", 30, "is not for 127.0.0.1")]
)
def test_a_brokers_certificate_that_is_wrong(secure_kafka, tmp_path, name, days, said):
    """A TLS server in a broker's place: what it shows is signed by the right authority."""
    import ssl
    import threading
    from socketserver import BaseRequestHandler, TCPServer

    certificate(tmp_path, name, signer=secure_kafka.certificates, days=days)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / f"{name}.crt", tmp_path / f"{name}.key")

    class Handler(BaseRequestHandler):
        def handle(self) -> None:
            try:
                context.wrap_socket(self.request, server_side=True)
            except OSError:
                pass

    with TCPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        error = tls(secure_kafka, bootstrap_servers=f"127.0.0.1:{server.server_address[1]}")
        server.shutdown()
    assert isinstance(error, WrongListener)
    assert said in error.what
