"""A login by Kerberos: a real KDC, a broker that asks it, and the package gssapi.

`make matrix` runs it where MIT's KDC and gssapi are installed; else it is skipped, and says why.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping

import pytest

from kshell.config import Properties
from kshell.kafka import admin
from kshell.kafka.produce import OutgoingRecord, Producer

from . import realkafka
from .conftest import prepared
from .kdc import Kdc, kdc

pytestmark = [pytest.mark.live, pytest.mark.matrix]


@pytest.fixture(scope="module")
def realm() -> Iterator[Kdc]:
    pytest.importorskip("gssapi")
    try:
        with kdc() as made:
            yield made
    except realkafka.Unavailable as reason:
        pytest.skip(f"no KDC: {reason}")


@pytest.fixture(scope="module")
def listener(realm: Kdc) -> Iterator[str]:
    """The address of a broker's listener with GSSAPI; its topic orders has three records."""
    prepared()
    ports = {name: realkafka.free_port() for name in ("PLAINTEXT", "CONTROLLER", "GSS")}
    lead = "listener.name.gss."
    settings: dict[str, object] = {
        "listeners": ",".join(f"{n}://127.0.0.1:{p}" for n, p in ports.items()),
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{ports['PLAINTEXT']},GSS://localhost:{ports['GSS']}",
        "inter.broker.listener.name": "PLAINTEXT",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,GSS:SASL_PLAINTEXT",
        lead + "sasl.enabled.mechanisms": "GSSAPI",
        lead + "sasl.kerberos.service.name": "kafka",
        lead + "gssapi.sasl.jaas.config": "com.sun.security.auth.module.Krb5LoginModule required useKeyTab=true "
        f'storeKey=true doNotPrompt=true keyTab="{realm.keytab}" principal="kafka/localhost@TEST.LOCAL";',
    }
    options = [f"-Djava.security.krb5.conf={realm.conf}"]
    with realkafka.cluster(1, settings, listeners=ports, options=options):
        plain = Properties({"bootstrap.servers": f"127.0.0.1:{ports['PLAINTEXT']}"})
        admin.create_topic(plain, "orders", partitions=1, replicas=1, configs={})
        producer = Producer(plain)
        producer.send("orders", [OutgoingRecord(None, b'{"n":%d}' % n) for n in range(3)])
        producer.flush()
        yield f"localhost:{ports['GSS']}"


def kshell(listener: str, env: Mapping[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable, "-m", "kshell", "-b", listener, "-X", "security.protocol=SASL_PLAINTEXT",
        "-X", "sasl.mechanism=GSSAPI", *arguments,
    ]  # fmt: skip
    return subprocess.run(
        command, env={**os.environ, **env}, capture_output=True, text=True, timeout=60
    )


def test_a_ticket_is_a_login(realm: Kdc, listener: str) -> None:
    done = kshell(listener, realm.alice, "-e", "SELECT SUM(n) AS s FROM orders")
    assert (done.stdout, done.returncode) == ('{"s":3}\n', 0), done.stderr


def test_without_a_ticket_it_says_so(realm: Kdc, listener: str, tmp_path) -> None:
    env = {**realm.alice, "KRB5_CLIENT_KTNAME": f"{tmp_path}/none", "KRB5CCNAME": f"FILE:{tmp_path}/none"}
    done = kshell(listener, env, "-e", "SHOW TOPICS")
    assert done.returncode == 3
    assert "no Kerberos login at localhost" in done.stderr
    assert "kinit gets a ticket" in done.stderr


def test_another_service_is_no_login(realm: Kdc, listener: str) -> None:
    done = kshell(listener, realm.alice, "-X", "sasl.kerberos.service.name=nobody", "-e", "SHOW TOPICS")
    assert done.returncode == 3
    assert "no Kerberos login at localhost" in done.stderr
    assert "Traceback" not in done.stderr


def test_what_needs_librdkafka_says_that_its_wheel_has_no_kerberos(realm: Kdc, listener: str) -> None:
    done = kshell(listener, realm.alice, "--yes", "-e", "INSERT INTO orders (n) VALUES (4)")
    assert done.returncode == 1
    assert "confluent-kafka is built without Kerberos" in done.stderr
