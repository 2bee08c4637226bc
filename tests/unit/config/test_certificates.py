"""Key stores of Java's, read without Java; and the TLS that is made of them."""

from __future__ import annotations

import hashlib
import importlib.util
import ssl
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509 import load_pem_x509_certificate

from kshell.config import Properties
from kshell.config.certificates import tls_context, without_stores
from kshell.errors import UsageError
from kshell.kafka.settings import librdkafka

_spec = importlib.util.spec_from_file_location("keytool", Path(__file__).with_name("keytool.py"))
keytool = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(keytool)
STORES = {"one.jks": keytool.ONE_JKS, "trust.p12": keytool.TRUST_P12, "ca.p12": keytool.CA_P12}


@pytest.fixture
def folder(tmp_path):
    for name, data in STORES.items():
        (tmp_path / name).write_bytes(data)
    return tmp_path


def fingerprint(pem: str) -> str:
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest().upper()


def belongs(key: str, certificate: str) -> bool:
    """Whether the private key is that of the certificate."""
    private = load_pem_private_key(key.encode(), None).public_key()
    public = load_pem_x509_certificate(certificate.encode()).public_key()
    return all_bytes(private) == all_bytes(public)


def all_bytes(public) -> bytes:
    return public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


@pytest.mark.parametrize("name", ["one.jks", "trust.p12"])
@pytest.mark.parametrize("lead", ["", "schema.registry."])
def test_the_trusted_certificate_of_a_store(name, lead, folder):
    given = {f"{lead}ssl.ca.location": str(folder / name), f"{lead}ssl.truststore.password": "changeit"}
    made = without_stores(Properties(given), lead)
    assert set(made) == {"ssl.ca.pem"}
    assert fingerprint(made["ssl.ca.pem"]) == keytool.CA
    assert tls_context(Properties(given), lead).cert_store_stats()["x509"] == 1


@pytest.mark.parametrize(
    ("name", "key_password", "whose"), [("one.jks", "keypass", keytool.ALICE), ("ca.p12", None, keytool.CA)]
)
def test_the_key_and_the_certificate_of_a_store(name, key_password, whose, folder):
    given = {
        "ssl.keystore.location": str(folder / name), "ssl.keystore.password": "changeit",
        "ssl.key.location": "/of/a/weaker/place.pem", "security.protocol": "SSL",
    } | ({"ssl.key.password": key_password} if key_password else {})  # fmt: skip
    made = without_stores(Properties(given))
    assert set(made) == {"ssl.certificate.pem", "ssl.key.pem"}
    assert fingerprint(made["ssl.certificate.pem"]) == whose
    assert belongs(made["ssl.key.pem"], made["ssl.certificate.pem"])
    tls_context(Properties(given))  # OpenSSL refuses a key that is not the certificate's
    settings = librdkafka(Properties(given))
    assert {n: v for n, v in settings.items() if n in made} == made
    assert not {"ssl.key.location", "ssl.certificate.location", "ssl.key.password"} & set(settings)


def test_librdkafka_takes_what_was_made_of_a_store(folder):
    from confluent_kafka import Producer

    given = {"ssl.keystore.location": str(folder / "ca.p12"), "ssl.keystore.password": "changeit",
             "ssl.truststore.location": str(folder / "trust.p12"), "ssl.truststore.password": "changeit",
             "bootstrap.servers": "127.0.0.1:1", "security.protocol": "SSL"}  # fmt: skip
    Producer(librdkafka(Properties(given)))


def test_a_trust_store_of_jks_needs_no_password(folder):
    made = without_stores({"ssl.ca.location": str(folder / "one.jks")})
    assert fingerprint(made["ssl.ca.pem"]) == keytool.CA


@pytest.mark.parametrize(
    ("given", "said", "hint"),
    [
        ({"ssl.ca.location": "one.jks", "ssl.truststore.password": "hunter2"}, "one.jks cannot be opened: its password is another", "ssl.truststore.password"),
        ({"ssl.ca.location": "trust.p12", "ssl.truststore.password": "hunter2"}, "trust.p12 cannot be opened: its password is another", "ssl.truststore.password"),
        ({"ssl.certificate.location": "one.jks", "ssl.keystore.password": "changeit", "ssl.key.password": "hunter2"}, "one.jks cannot be opened: the private key's password is another", "ssl.key.password"),
        ({"ssl.certificate.location": "trust.p12", "ssl.keystore.password": "changeit"}, "trust.p12 has no private key", "keytool -list"),
        ({"ssl.ca.location": "x.jceks"}, "x.jceks is a JCEKS store", "keytool -importkeystore"),
        ({"ssl.ca.location": "ca.der"}, "ca.der is a bare certificate (DER)", "openssl x509 -inform der"),
        ({"ssl.ca.location": "nonsense"}, "nonsense is neither PEM nor a store", "keytool"),
        ({"ssl.ca.location": "cut.jks"}, "cut.jks cannot be opened: the file is cut off", "keytool"),
    ],
)
def test_a_store_that_cannot_be_read_says_what_to_do(given, said, hint, folder):
    trusted = without_stores({"ssl.ca.location": str(folder / "one.jks")})["ssl.ca.pem"]
    (folder / "ca.der").write_bytes(ssl.PEM_cert_to_DER_cert(trusted))
    (folder / "x.jceks").write_bytes(b"\xce\xce\xce\xce" + keytool.ONE_JKS[4:])
    (folder / "nonsense").write_bytes(b"hello")
    (folder / "cut.jks").write_bytes(keytool.ONE_JKS[:300])
    with pytest.raises(UsageError) as caught:
        without_stores({n: str(folder / v) if n.endswith("location") else v for n, v in given.items()})
    assert said in caught.value.what
    assert hint in caught.value.hint
    assert "hunter2" not in caught.value.what + caught.value.hint


def test_pem_in_one_line_is_pem(folder):
    store = without_stores({"ssl.certificate.location": str(folder / "ca.p12"), "ssl.keystore.password": "changeit"})
    for between in (" ", "\\n"):
        flat = {n: v.strip().replace("\n", between) for n, v in store.items()}
        assert without_stores(flat) == store
        tls_context(flat)


def test_one_file_of_pem_has_the_key_too(folder):
    store = without_stores({"ssl.certificate.location": str(folder / "ca.p12"), "ssl.keystore.password": "changeit"})
    both = folder / "both.pem"
    both.write_text(store["ssl.key.pem"] + store["ssl.certificate.pem"])
    made = without_stores({"ssl.keystore.location": str(both)} | {"ssl.certificate.location": str(both)})
    assert made == {"ssl.certificate.location": str(both), "ssl.key.location": str(both)}
    tls_context({"ssl.certificate.location": str(both)})


def test_a_key_with_a_password_is_never_asked_for_at_the_terminal(folder):
    store = without_stores({"ssl.certificate.location": str(folder / "ca.p12"), "ssl.keystore.password": "changeit"})
    key = load_pem_private_key(store["ssl.key.pem"].encode(), None)
    locked = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"pw")).decode()
    given = {"ssl.certificate.pem": store["ssl.certificate.pem"], "ssl.key.pem": locked}
    tls_context(given | {"ssl.key.password": "pw"})
    with pytest.raises(UsageError, match="ssl.key.pem is encrypted, and ssl.key.password is not set") as caught:
        tls_context(given)
    assert "ssl.key.password" in caught.value.hint


@pytest.mark.parametrize("name", ["ssl.ca.location", "ssl.certificate.location", "ssl.key.location"])
@pytest.mark.parametrize("lead", ["", "schema.registry."])
def test_a_file_that_is_not_there_is_named(name, lead, folder):
    store = without_stores({"ssl.certificate.location": str(folder / "ca.p12"), "ssl.keystore.password": "changeit"})
    (folder / "c.pem").write_text(store["ssl.certificate.pem"])
    gone = str(folder / "gone.pem")
    given = {"ssl.certificate.location": str(folder / "c.pem"), name: gone}
    with pytest.raises(UsageError) as caught:
        tls_context({f"{lead}{n}": v for n, v in given.items()}, lead)
    assert caught.value.what == f"{lead}{name}: there is no file {gone}"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"ssl.ca.location": "bad.pem"}, "bad.pem"),
        ({"ssl.ca.pem": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"}, "ssl.ca.pem"),
        ({"ssl.certificate.location": "one.pem", "ssl.key.location": "other.pem"}, "one.pem"),
        ({"ssl.certificate.location": "one.pem", "ssl.key.location": "bad.pem"}, "bad.pem"),
    ],
)
def test_what_openssl_refuses_is_an_error_that_names_it(given, said, folder):
    (folder / "bad.pem").write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    one = without_stores({"ssl.certificate.location": str(folder / "ca.p12"), "ssl.keystore.password": "changeit"})
    other = without_stores(
        {"ssl.certificate.location": str(folder / "one.jks"), "ssl.keystore.password": "changeit", "ssl.key.password": "keypass"}
    )
    (folder / "one.pem").write_text(one["ssl.certificate.pem"])
    (folder / "other.pem").write_text(other["ssl.key.pem"])
    with pytest.raises(UsageError) as caught:
        tls_context({n: str(folder / v) if n.endswith("location") else v for n, v in given.items()})
    assert said in caught.value.what
    assert "PRIVATE KEY" not in caught.value.what
