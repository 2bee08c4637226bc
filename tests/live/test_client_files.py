"""A client.properties as Java's tools take it opens a connection of kshell's."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient

from kshell.config.client_files import read_client_file
from kshell.config.values import Properties
from kshell.kafka.client import Client
from kshell.kafka.settings import librdkafka

SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule"
PLAIN = "org.apache.kafka.common.security.plain.PlainLoginModule"


def properties_of(path: Path) -> Properties:
    made = Properties()
    for setting in read_client_file(path).settings:
        made = setting.onto(made)
    return made


def keytool(*arguments: object) -> None:
    subprocess.run(["keytool", *map(str, arguments)], check=True, capture_output=True)


@pytest.fixture
def stores(secure_kafka, tmp_path):
    """alice's key and the authority in stores of this type, with keytool's own commands."""

    def make(kind: str) -> dict[str, Path]:
        c, trust, keys = secure_kafka.certificates, tmp_path / f"trust.{kind}", tmp_path / f"keys.{kind}"
        keytool("-importcert", "-noprompt", "-alias", "ca", "-file", c / "ca.crt", "-keystore", trust,
                "-storetype", kind, "-storepass", "changeit")
        subprocess.run(["openssl", "pkcs12", "-export", "-in", c / "alice.crt", "-inkey", c / "alice.key",
                        "-name", "alice", "-out", tmp_path / "alice.p12", "-passout", "pass:changeit"], check=True)
        keytool("-importkeystore", "-srckeystore", tmp_path / "alice.p12", "-srcstoretype", "PKCS12",
                "-srcstorepass", "changeit", "-destkeystore", keys, "-deststoretype", kind, "-deststorepass", "changeit")
        return {"trust": trust, "keys": keys}

    return make


@pytest.mark.parametrize(("module", "mechanism"), [(PLAIN, "PLAIN"), (SCRAM, "SCRAM-SHA-256"), (SCRAM, "SCRAM-SHA-512")])
@pytest.mark.parametrize("kind", ["PKCS12", "JKS"])
def test_a_login_over_tls(secure_kafka, stores, tmp_path, module, mechanism, kind):
    file = tmp_path / "client.properties"
    file.write_text(
        f"""\
# as kafka-topics.sh --command-config takes it
bootstrap.servers=127.0.0.1:{secure_kafka.ports["SASLS"]}
security.protocol=SASL_SSL
sasl.mechanism={mechanism}
sasl.jaas.config={module} required \\
    username="alice" password="alice-secret";
ssl.truststore.location={stores(kind)["trust"]}
ssl.truststore.password=changeit
ssl.truststore.type={kind}
request.timeout.ms=20000
"""
    )
    made = properties_of(file)
    client = Client.connect(made)
    assert client.wire.cluster.brokers
    client.close()
    assert AdminClient(librdkafka(made)).list_topics(timeout=20).brokers
    theirs = subprocess.run(
        [sys.executable, "-m", "kshell", "-F", str(file), "-e", "SHOW TOPICS"],
        capture_output=True, text=True, env={**os.environ, "XDG_CONFIG_HOME": str(tmp_path)},
    )  # fmt: skip
    assert theirs.returncode == 0, theirs.stderr
    assert theirs.stderr.startswith(f"{file} sets 1 name that kshell has no use for: request.timeout.ms\n")


@pytest.mark.parametrize("kind", ["PKCS12", "JKS"])
def test_mutual_tls(secure_kafka, stores, tmp_path, kind):
    made = stores(kind)
    file = tmp_path / "client.properties"
    file.write_text(
        f"""\
bootstrap.servers=127.0.0.1:{secure_kafka.ports["MTLS"]}
security.protocol=SSL
ssl.truststore.location={made["trust"]}
ssl.truststore.password=changeit
ssl.keystore.location={made["keys"]}
ssl.keystore.password=changeit
ssl.key.password=changeit
"""
    )
    client = Client.connect(properties_of(file))
    assert client.wire.cluster.brokers
    client.close()
    assert AdminClient(librdkafka(properties_of(file))).list_topics(timeout=20).brokers


def test_mutual_tls_of_pem_in_the_file(secure_kafka, tmp_path):
    c = secure_kafka.certificates
    texts = {n: (c / n).read_text().strip().replace("\n", " \\\n  ") for n in ("ca.crt", "alice.crt", "alice.key")}
    file = tmp_path / "client.properties"
    file.write_text(
        f"""\
bootstrap.servers=127.0.0.1:{secure_kafka.ports["MTLS"]}
security.protocol=SSL
ssl.truststore.type=PEM
ssl.truststore.certificates={texts["ca.crt"]}
ssl.keystore.type=PEM
ssl.keystore.certificate.chain={texts["alice.crt"]}
ssl.keystore.key={texts["alice.key"]}
"""
    )
    client = Client.connect(properties_of(file))
    assert client.wire.cluster.brokers
    client.close()
    assert AdminClient(librdkafka(properties_of(file))).list_topics(timeout=20).brokers
