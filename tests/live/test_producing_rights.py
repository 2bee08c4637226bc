"""Writing without a right: the refusal names the operation and the resource, and nothing is written."""

from __future__ import annotations

import uuid

import pytest

import kshell
from kshell.errors import Forbidden

pytestmark = pytest.mark.live


@pytest.fixture
def owner(secure_kafka):
    with kshell.connect(f"127.0.0.1:{secure_kafka.ports['PLAINTEXT']}", yes=True) as session:
        yield session


@pytest.fixture
def name(owner) -> str:
    made = f"w{uuid.uuid4().hex[:8]}"
    owner.sql(f"CREATE TOPIC {made}")
    return made


@pytest.fixture
def allow(owner):
    def given(*rights: str) -> None:
        for right in rights:
            owner.sql(f"CREATE ACL ALLOW {right} TO 'User:alice'")

    return given


@pytest.fixture
def alice(secure_kafka):
    """A session of a user who has the rights that a test allows."""
    opened = []

    def session(**more: str):
        login = {
            "security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "PLAIN", "sasl.username": "alice",
            "sasl.password": "alice-secret", "delivery.timeout.ms": "8000",
        } | {n.replace("_", "."): v for n, v in more.items()}  # fmt: skip
        opened.append(kshell.connect(f"127.0.0.1:{secure_kafka.ports['SASL']}", properties=login, files=True, yes=True))
        return opened[-1]

    yield session
    for one in opened:
        one.close()


def held(session, name: str) -> None:
    for text in ("BEGIN", f"INSERT INTO {name} (a) VALUES (1)", f"INSERT INTO {name} (a) VALUES (2)"):
        session.sql(text)


def test_commit_names_the_transactional_id_and_goes_on_once_it_is_allowed(owner, alice, allow, name) -> None:
    id = f"t-{name}"
    allow(f"READ ON TOPIC {name}", f"WRITE ON TOPIC {name}")
    session = alice(transactional_id=id)
    held(session, name)
    for _ in range(2):
        with pytest.raises(Forbidden) as raised:
            session.sql("COMMIT")
        assert raised.value.what == f"not allowed: WRITE on transactional id {id}"
        assert "2 records still held" in raised.value.hint
    assert owner.sql(f"SELECT COUNT(*) FROM {name}").rows() == [(0,)]
    allow(f"WRITE ON TRANSACTIONAL ID {id}")
    assert session.sql("COMMIT").text == f"2 records written to {name} in one transaction."
    assert owner.sql(f"SELECT COUNT(*) FROM {name}").rows() == [(2,)]


def test_an_id_of_the_shells_own_is_named_too(alice, allow, name) -> None:
    """Its ACL is by prefix: the client's id."""
    allow(f"READ ON TOPIC {name}", f"WRITE ON TOPIC {name}")
    session = alice(client_id=f"c-{name}")
    held(session, name)
    with pytest.raises(Forbidden, match=f"^not allowed: WRITE on transactional id c-{name}-"):
        session.sql("COMMIT")
    allow(f"WRITE ON TRANSACTIONAL ID 'c-{name}' PREFIXED")
    assert session.sql("COMMIT").text.startswith("2 records written")


def test_commit_names_a_topic_that_may_not_be_written(owner, alice, allow, name) -> None:
    allow(f"READ ON TOPIC {name}", f"WRITE ON TRANSACTIONAL ID t-{name}")
    session = alice(transactional_id=f"t-{name}")
    held(session, name)
    with pytest.raises(Forbidden) as raised:
        session.sql("COMMIT")
    assert raised.value.what == f"not allowed: WRITE on topic {name}"
    assert session.sql("ROLLBACK").text == "2 records dropped; none was sent."
    assert owner.sql(f"SELECT COUNT(*) FROM {name}").rows() == [(0,)]


def test_copy_names_the_topic_and_needs_no_transactional_id(owner, alice, allow, name, tmp_path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"a": 1}\n{"a": 2}\n')
    allow(f"READ ON TOPIC {name}")
    session = alice(transactional_id=f"t-{name}")
    with pytest.raises(Forbidden) as raised:
        session.sql(f"COPY {name} FROM '{path}'")
    assert raised.value.what == f"not allowed: WRITE on topic {name}"
    assert "0 records written before" in raised.value.hint
    assert owner.sql(f"SELECT COUNT(*) FROM {name}").rows() == [(0,)]
    allow(f"WRITE ON TOPIC {name}")
    assert session.sql(f"COPY {name} FROM '{path}'").text == f"2 records written to {name}."


def test_consume_exactly_once_names_the_transactional_id(owner, alice, allow, name) -> None:
    owner.sql(f"CREATE TOPIC {name}-out")
    owner.sql(f"INSERT INTO {name} (a) VALUES (1)")
    allow(f"READ ON TOPIC {name}", f"WRITE ON TOPIC {name}-out", f"READ ON GROUP {name}")
    with pytest.raises(Forbidden, match="^not allowed: WRITE on transactional id "):
        alice(auto_offset_reset="earliest").sql(
            f"CONSUME FROM {name} GROUP {name} COMMIT EXACTLY ONCE INTO {name}-out LIMIT 1"
        ).rows()


def test_mirror_names_the_topic(alice, allow, owner, name) -> None:
    owner.sql(f"CREATE TOPIC {name}-to")
    owner.sql(f"INSERT INTO {name} (a) VALUES (1)")
    allow(f"READ ON TOPIC {name}", f"READ ON TOPIC {name}-to")
    with pytest.raises(Forbidden) as raised:
        alice().sql(f"MIRROR {name} TO {name}-to").rows()
    assert raised.value.what.startswith(f"not allowed: WRITE on topic {name}-to")
