"""ACLs and users on real Kafka with an authorizer: the plan, and what a user may do after."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import closing

import pytest

import kshell
from kshell.errors import BindError, Forbidden, KafkaError, LoginRefused, Place
from kshell.library import Session
from tests.unit.terminal.test_cli import run

pytestmark = pytest.mark.live


def root(broker) -> dict[str, str]:
    return {"bootstrap": f"127.0.0.1:{broker.ports['PLAINTEXT']}"}


@pytest.fixture
def shell(secure_kafka) -> Iterator[Session]:
    """A session of a super user that makes the changes."""
    with kshell.connect(**root(secure_kafka), yes=True) as session:
        yield session


@pytest.fixture
def careful(secure_kafka) -> Iterator[Session]:
    with kshell.connect(**root(secure_kafka)) as session:
        yield session


@pytest.fixture
def alice(secure_kafka) -> Iterator[Session]:
    """A user without any right."""
    properties = {
        "security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "PLAIN",
        "sasl.username": "alice", "sasl.password": "alice-secret",
    }  # fmt: skip
    with kshell.connect(f"127.0.0.1:{secure_kafka.ports['SASL']}", properties=properties, yes=True) as session:
        yield session


@pytest.fixture
def name() -> str:
    return f"a-{uuid.uuid4().hex[:8]}"


def test_an_acl_lets_a_user_read_and_its_end_does_not(shell, careful, alice, name) -> None:
    shell.sql(f"CREATE TOPIC {name}")
    shell.sql(f"INSERT INTO `{name}` (a) VALUES (1)")
    rule = f"ALLOW READ, DESCRIBE ON TOPIC {name} TO 'User:alice'"
    rows = [("ACL", None, f"ALLOW READ ON TOPIC {name} TO User:alice"),
            ("ACL", None, f"ALLOW DESCRIBE ON TOPIC {name} TO User:alice")]  # fmt: skip
    assert careful.sql(f"CREATE ACL {rule}").rows() == rows
    with pytest.raises(Forbidden):
        alice.sql(f"SELECT * FROM `{name}`").rows()
    assert shell.sql(f"CREATE ACL {rule}").text == "2 ACLs created."
    assert alice.sql(f"SELECT * FROM `{name}`").rows() == [(1,)]
    assert shell.sql(f"CREATE ACL {rule}").text == "These ACLs exist already."
    more = shell.sql(f"CREATE ACL {rule.replace('READ', 'WRITE')}")
    assert more.text == "1 ACL created."
    gone = careful.sql(f"DROP ACL ON TOPIC {name}").rows()
    assert gone == [("ACL", f"ALLOW {o} ON TOPIC {name} TO User:alice", None) for o in ("DESCRIBE", "READ", "WRITE")]
    assert shell.sql(f"DROP ACL ALLOW READ, WRITE ON TOPIC {name}").text == "2 ACLs deleted."
    with pytest.raises(Forbidden):
        alice.sql(f"SELECT * FROM `{name}`").rows()
    assert shell.sql(f"DROP ACL ON TOPIC {name} TO 'User:alice'").text == "1 ACL deleted."
    assert shell.sql(f"DROP ACL ON TOPIC {name}").text == "There is no such ACL."


def test_each_kind_of_resource(shell, careful, name) -> None:
    kinds = (f"TOPIC {name} PREFIXED", f"GROUP {name}", f"TRANSACTIONAL ID {name}", f"DELEGATION TOKEN {name}", "CLUSTER")
    for resource in kinds:
        rule = f"DENY DESCRIBE ON {resource} TO 'User:{name}'"
        assert shell.sql(f"CREATE ACL {rule} FROM HOST '10.0.0.1'").text == "1 ACL created."
        shown = rule.replace("'", "") + " FROM HOST 10.0.0.1"
        assert careful.sql(f"DROP ACL ON {resource} TO 'User:{name}'").rows() == [("ACL", shown, None)]
    assert shell.sql(f"DROP ACL DENY TO 'User:{name}'").text == "5 ACLs deleted."


def test_operations_on_tokens_of_a_user(shell, careful, name) -> None:
    rule = f"ALLOW CREATE TOKENS, DESCRIBE TOKENS ON USER User:{name} TO 'User:{name}'".replace(f"USER User:{name}", f"USER 'User:{name}'")
    assert shell.sql(f"CREATE ACL {rule}").text == "2 ACLs created."
    assert careful.sql(f"DROP ACL ON USER 'User:{name}'").rows() == [
        ("ACL", f"ALLOW {operation} TOKENS ON USER User:{name} TO User:{name}", None) for operation in ("CREATE", "DESCRIBE")
    ]  # fmt: skip
    rows = shell.sql(f"SELECT resource_type, operation FROM kafka.acls WHERE principal = 'User:{name}' ORDER BY operation").rows()
    assert rows == [("USER", "CREATE_TOKENS"), ("USER", "DESCRIBE_TOKENS")]
    assert shell.sql(f"DROP ACL TO 'User:{name}'").text == "2 ACLs deleted."


def test_a_principal_has_a_type(careful) -> None:
    text = "CREATE ACL ALLOW READ ON TOPIC t TO 'ann'"
    with pytest.raises(BindError, match="ann is no principal") as raised:
        careful.sql(text)
    assert raised.value.hint == "'User:ann'"
    assert raised.value.place == Place(1, text.index("'") + 1, 5)


def test_without_an_authorizer_it_is_one_plain_error(kafka) -> None:
    with kshell.connect(kafka.bootstrap) as session, pytest.raises(KafkaError, match="cannot read ACLs: No Authorizer"):
        session.sql("CREATE ACL ALLOW READ ON TOPIC t TO 'User:ann'")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("CREATE TOPIC {t}2", "not allowed: CREATE on topic {t}2"),
        ("CREATE ACL ALLOW READ ON TOPIC {t} TO 'User:alice'", "not allowed: DESCRIBE on cluster"),
        ("DROP GROUP {t}", "not allowed: DESCRIBE on group {t}"),
    ],
)
def test_a_refusal_names_the_operation_and_the_resource(alice, name, text, said) -> None:
    with pytest.raises(Forbidden) as raised:
        alice.sql(text.format(t=name))
    assert raised.value.what == said.format(t=name)


def test_who_may_delete_a_topic_need_not_see_all_of_it(shell, alice, name) -> None:
    shell.sql(f"CREATE TOPIC {name}")
    shell.sql(f"CREATE ACL ALLOW DELETE ON TOPIC {name} TO 'User:alice'")  # which implies DESCRIBE
    assert alice.sql(f"DROP TOPIC {name}").text == f"Topic {name} is deleted."


def test_who_may_create_a_topic_need_not_see_it(shell, alice, name) -> None:
    shell.sql(f"CREATE ACL ALLOW CREATE ON TOPIC {name} TO 'User:alice'")
    assert alice.sql(f"CREATE TOPIC {name}").text == f"Topic {name} is created."


def login(broker, user: str, password: str, mechanism: str = "SCRAM-SHA-512") -> None:
    properties = {
        "security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": mechanism,
        "sasl.username": user, "sasl.password": password,
    }  # fmt: skip
    kshell.connect(f"127.0.0.1:{broker.ports['SASL']}", properties=properties).close()


def test_a_user_logs_in_with_the_password_that_was_set(shell, careful, secure_kafka, name) -> None:
    text = f"CREATE USER {name} PASSWORD 'hunter2'"
    plan = careful.sql(text)
    assert plan.rows() == [("password for SCRAM-SHA-512", None, "********"), ("iterations", None, "8192")]
    assert "hunter2" not in repr(plan)
    with pytest.raises(LoginRefused):
        login(secure_kafka, name, "hunter2")
    assert shell.sql(text).text == f"User {name} is created."
    login(secure_kafka, name, "hunter2")
    changed = f"ALTER USER {name} PASSWORD 'other' ITERATIONS 4096"
    assert careful.sql(changed).rows() == [
        ("password for SCRAM-SHA-512", "********", "********"), ("iterations", "8192", "4096"),
    ]  # fmt: skip
    assert shell.sql(changed).text == f"User {name} is changed."
    login(secure_kafka, name, "other")
    with pytest.raises(LoginRefused):
        login(secure_kafka, name, "hunter2")
    shell.sql(f"CREATE USER {name} PASSWORD 'third' MECHANISM SCRAM-SHA-256")
    login(secure_kafka, name, "third", "SCRAM-SHA-256")
    assert careful.sql(f"DROP USER {name}").rows() == [
        ("password for SCRAM-SHA-256", "********", None), ("password for SCRAM-SHA-512", "********", None),
    ]  # fmt: skip
    assert shell.sql(f"DROP USER {name}").text == f"User {name} is deleted."
    with pytest.raises(LoginRefused):
        login(secure_kafka, name, "third", "SCRAM-SHA-256")
    assert shell.sql(f"DROP USER IF EXISTS {name}").text == f"User {name} has no password."


@pytest.mark.parametrize(
    ("text", "said", "at"),
    [
        ("CREATE USER alice PASSWORD 'hunter2'", "user alice has a password for SCRAM-SHA-512 already", "alice"),
        ("ALTER USER alicia PASSWORD 'hunter2'", "user alicia has no password for SCRAM-SHA-512", "alicia"),
        ("CREATE USER bob PASSWORD 'hunter2' ITERATIONS 10", "Kafka takes 4,096 to 16,384 iterations", "10"),
        ("CREATE USER bob PASSWORD ''", "the password is empty", "bob"),
        ("DROP USER bob", "user bob has no password", "bob"),
    ],
)
def test_refusals_of_users_and_their_places(careful, text, said, at) -> None:
    with pytest.raises(BindError) as raised:
        careful.sql(text)
    error = raised.value
    assert error.what == said
    assert error.place == Place(1, text.index(at) + 1, len(at))
    assert "hunter2" not in error.what + error.hint


def test_no_log_has_a_password(secure_kafka, name) -> None:
    done = run(
        "-b", f"127.0.0.1:{secure_kafka.ports['PLAINTEXT']}", "--yes", "--debug",
        "-e", f"CREATE USER {name} PASSWORD 'hunter2'; CREATE USER {name} PASSWORD 'hunter2'",
    )  # fmt: skip
    assert done.returncode == 1
    assert "already" in done.stderr
    assert "hunter2" not in done.stdout + done.stderr
    assert "hunter2" not in secure_kafka.log.read_text()


@pytest.mark.parametrize(
    ("rights", "said"),
    [
        (("READ ON TOPIC {t}",), "not allowed: DESCRIBE on group {t}"),
        (("READ ON TOPIC {t}", "DESCRIBE ON GROUP {t}"), "not allowed: READ on group {t}"),
        (("DESCRIBE ON TOPIC {t}", "READ ON GROUP {t}"), "not allowed: READ on topic {t}"),
    ],
)
def test_who_may_not_consume(shell, alice, name, rights, said) -> None:
    shell.sql(f"CREATE TOPIC {name}")
    for right in rights:
        shell.sql(f"CREATE ACL ALLOW {right.format(t=name)} TO 'User:alice'")
    with pytest.raises(Forbidden) as raised, closing(alice.sql(f"CONSUME FROM {name} GROUP {name}")) as rows:
        next(iter(rows))
    assert raised.value.what == said.format(t=name)


def test_exactly_once_takes_rights_of_its_own(shell, alice, name) -> None:
    for topic in (name, f"{name}-2"):
        shell.sql(f"CREATE TOPIC {topic}")
    shell.sql(f"CREATE ACL ALLOW READ ON TOPIC {name} TO 'User:alice'")
    shell.sql(f"CREATE ACL ALLOW READ ON GROUP {name} TO 'User:alice'")
    shell.sql(f"CREATE ACL ALLOW DESCRIBE ON TOPIC {name}-2 TO 'User:alice'")
    shell.sql(f"INSERT INTO `{name}` (a) VALUES (1)")
    alice.sql("SET 'auto.offset.reset'='earliest'")
    alice.sql(f"SET 'transactional.id'='{name}'")
    text = f"CONSUME FROM {name} GROUP {name} COMMIT EXACTLY ONCE INTO {name}-2 LIMIT 1"
    with pytest.raises(Forbidden, match=f"WRITE on transactional id {name}"):
        alice.sql(text)
    shell.sql(f"CREATE ACL ALLOW WRITE ON TRANSACTIONAL ID {name} TO 'User:alice'")
    with pytest.raises(Forbidden, match=f"WRITE on topic {name}-2"), closing(alice.sql(text)) as rows:
        next(iter(rows))
    shell.sql(f"CREATE ACL ALLOW WRITE ON TOPIC {name}-2 TO 'User:alice'")
    with closing(alice.sql(text)) as rows:
        assert len(list(rows)) == 1
