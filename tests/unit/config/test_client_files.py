"""The files of Java's and librdkafka's clients, and what kshell makes of them."""

from __future__ import annotations

import base64
import json
import time

import pytest

from kshell.config.client_files import java_pairs, librdkafka_pairs, read_client_file
from kshell.errors import UsageError

PLAIN = "org.apache.kafka.common.security.plain.PlainLoginModule"
SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule"
OAUTH = "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule"


def read(tmp_path, text: str, encoding: str = "latin-1"):
    path = tmp_path / "client.properties"
    path.write_bytes(text.encode(encoding))
    file = read_client_file(path)
    return {s.name: s.value for s in file.settings}, file.ignored


# The rules are those of java.util.Properties.load.
@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ("a=b", [("a", "b", 1)]),
        ("a = b ", [("a", "b ", 1)]),
        ("  a:b\n\tc d", [("a", "b", 1), ("c", "d", 2)]),
        ("a==b", [("a", "=b", 1)]),
        ("a", [("a", "", 1)]),
        ("a=", [("a", "", 1)]),
        ("# a=b\n  ! c=d\n\ne=f#g", [("e", "f#g", 4)]),
        ("a=b\\\n    c\\\n  d\ne=f", [("a", "bcd", 1), ("e", "f", 4)]),
        ("a=b\\\\\nc=d", [("a", "b\\", 1), ("c", "d", 2)]),
        ("a=b\\\n# c", [("a", "b# c", 1)]),
        ("a=\\u00e4\\t\\n\\q\\:", [("a", "ä\t\nq:", 1)]),
        ("a\\ b\\=c=d", [("a b=c", "d", 1)]),
        ("a=b\r\nc=d\re=f", [("a", "b", 1), ("c", "d", 2), ("e", "f", 3)]),
        ("a=b\\", [("a", "b", 1)]),
        ("a=\\  b", [("a", "  b", 1)]),
    ],
)
def test_javas_rules(text, pairs):
    assert list(java_pairs(text)) == pairs


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ("a=b\n# c=d\n\n e = f g \n", [("a", "b", 1), ("e", "f g", 4)]),
        ("a=b\\nc\\", [("a", "b\\nc\\", 1)]),
        ("a:b=c", [("a:b", "c", 1)]),
    ],
)
def test_librdkafkas_rules(text, pairs):
    assert list(librdkafka_pairs(text)) == pairs


def test_a_client_properties_of_java(tmp_path):
    made, ignored = read(
        tmp_path,
        f"""\
bootstrap.servers=broker-1:9093,\\
                  broker-2:9093
security.protocol=SASL_SSL
sasl.mechanism=SCRAM-SHA-512
sasl.jaas.config={SCRAM} required \\
  username="alice" \\
  password="s=c;\\\\"r";
ssl.truststore.location=/etc/kafka/trust.jks
ssl.truststore.password=changeit
ssl.truststore.type=JKS
ssl.endpoint.identification.algorithm=
acks=all
key.serializer=org.apache.kafka.common.serialization.StringSerializer
""",
    )
    assert made == {
        "bootstrap.servers": "broker-1:9093,broker-2:9093",
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": "alice",
        "sasl.password": 's=c;"r',
        "ssl.ca.location": "/etc/kafka/trust.jks",
        "ssl.truststore.password": "changeit",
        "ssl.endpoint.identification.algorithm": "none",
        "acks": "all",
    }
    assert ignored == ("key.serializer",)


def test_a_file_of_librdkafkas(tmp_path):
    made, ignored = read(
        tmp_path,
        """\
# Confluent Cloud's
metadata.broker.list=pkc:9092
security.protocol=sasl_ssl
sasl.mechanisms=PLAIN
sasl.username=KEY
sasl.password=a\\tb"c
auto.offset.reset=smallest
session.timeout.ms=45000
socket.keepalive.enable=true
basic.auth.credentials.source=USER_INFO
basic.auth.user.info=u:p
""",
    )
    assert made == {
        "bootstrap.servers": "pkc:9092",
        "security.protocol": "sasl_ssl",
        "sasl.mechanism": "PLAIN",
        "sasl.username": "KEY",
        "sasl.password": 'a\\tb"c',
        "auto.offset.reset": "earliest",
        "session.timeout.ms": "45000",
        "schema.registry.basic.auth.user.info": "u:p",
    }
    assert ignored == ("socket.keepalive.enable",)


@pytest.mark.parametrize("quote", ['"', "'"])
def test_the_password_of_a_plain_login(quote, tmp_path):
    made, _ = read(tmp_path, f"sasl.jaas.config={PLAIN} required username={quote}al{quote} password={quote}p{quote} ;\n")
    assert made == {"sasl.username": "al", "sasl.password": "p"}


def test_kerberos_is_javas_default(tmp_path):
    made, _ = read(tmp_path, 'sasl.jaas.config=com.sun.security.auth.module.Krb5LoginModule required useTicketCache=true serviceName="k";\n')
    assert made == {"sasl.mechanism": "GSSAPI", "sasl.kerberos.service.name": "k"}


def test_a_password_in_latin_1_is_javas(tmp_path):
    made, _ = read(tmp_path, f'sasl.jaas.config={PLAIN} required username="al" password="pä";\n')
    assert made["sasl.password"] == "pä"


def test_an_unsecured_token_is_made_of_its_claims(tmp_path):
    made, _ = read(
        tmp_path,
        f"""sasl.jaas.config={OAUTH} required unsecuredLoginStringClaim_sub="alice" \\
        unsecuredLoginNumberClaim_n="1.5" unsecuredLoginListClaim_scope="|a|b" unsecuredLoginLifetimeSeconds="60";
""",
    )
    head, claims, signature = made["sasl.oauthbearer.token"].split(".")
    decoded = [json.loads(base64.urlsafe_b64decode(p + "=" * (-len(p) % 4))) for p in (head, claims)]
    assert decoded[0] == {"alg": "none"}
    assert signature == ""
    times = decoded[1].pop("exp"), decoded[1].pop("iat")
    assert times[0] - times[1] == 60
    assert abs(times[1] - time.time()) < 30
    assert decoded[1] == {"sub": "alice", "n": 1.5, "scope": ["a", "b"]}


def test_a_token_in_a_file_is_read(tmp_path):
    (tmp_path / "token").write_text("abc.def.ghi\n")
    made, _ = read(
        tmp_path,
        f"sasl.jaas.config={OAUTH} required;\nsasl.oauthbearer.token.endpoint.url=file://{tmp_path}/token\n"
        "sasl.login.callback.handler.class=org.apache.kafka.X\n",
    )
    assert made == {"sasl.oauthbearer.token": "abc.def.ghi"}


@pytest.mark.parametrize(
    "text",
    [
        f'sasl.jaas.config={OAUTH} required clientId="a" clientSecret="s" scope="x";\n'
        "sasl.oauthbearer.token.endpoint.url=https://idp/x\n",
        "sasl.oauthbearer.client.credentials.client.id=a\nsasl.oauthbearer.client.credentials.client.secret=s\n"
        "sasl.oauthbearer.scope=x\nsasl.oauthbearer.token.endpoint.url=https://idp/x\n",
        "sasl.oauthbearer.method=oidc\nsasl.oauthbearer.client.id=a\nsasl.oauthbearer.client.secret=s\n"
        "sasl.oauthbearer.scope=x\nsasl.oauthbearer.token.endpoint.url=https://idp/x\n",
    ],
    ids=["jaas", "Java", "librdkafka"],
)
def test_who_we_are_at_a_token_endpoint(tmp_path, text):
    made, ignored = read(tmp_path, text)
    assert (made, ignored) == ({
        "sasl.oauthbearer.client.id": "a", "sasl.oauthbearer.client.secret": "s", "sasl.oauthbearer.scope": "x",
        "sasl.oauthbearer.token.endpoint.url": "https://idp/x",
    }, ())  # fmt: skip


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        (f'\nsasl.jaas.config={PLAIN} required username="al" password="hunter2"', 2, "not written as a login module"),
        (f'sasl.jaas.config={PLAIN} required username="al" pasword="hunter2";', 1, "has no password"),
        ('sasl.jaas.config=com.x.AWSLogin required secret="hunter2";', 1, "kshell has no login module AWSLogin"),
        ('sasl.jaas.config=com.sun.security.auth.module.Krb5LoginModule required useKeyTab=true keyTab="/k" principal="a@B";', 1, "keytab"),
        (f'sasl.jaas.config={OAUTH} required unsecuredLoginNumberClaim_n="hunter2";', 1, "a number"),
        (f'sasl.jaas.config={PLAIN} required username="al" password="${{file:/hunter2:pw}}";', 1, "config provider"),
        (f'sasl.jaas.config={SCRAM} required username="al" password="hunter2" tokenauth="true";', 1, "delegation token"),
        ("a=b\nssl.key.password=${file:/etc/s.properties:pw}", 2, "config provider"),
        ("security.protocol=TLS", 1, "security.protocol cannot be 'TLS'"),
    ],
)
def test_what_cannot_be_taken_is_an_error_with_its_line(text, line, said, tmp_path):
    with pytest.raises(UsageError) as caught:
        read(tmp_path, text)
    assert caught.value.what.startswith(f"{tmp_path}/client.properties:{line}: ")
    assert said in caught.value.what
    assert "hunter2" not in caught.value.what + caught.value.hint


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(UsageError, match="nothing.properties cannot be read: No such file"):
        read_client_file(tmp_path / "nothing.properties")
