"""Rights that an application lacks: `--check` says all of them, and a start makes nothing before."""

from __future__ import annotations

import json
import uuid

import pytest

import kshell

from .applications import Process

pytestmark = pytest.mark.live
LOGIN = ("-X", "security.protocol=SASL_PLAINTEXT", "-X", "sasl.mechanism=PLAIN", "-X", "sasl.username=alice",
         "-X", "sasl.password=alice-secret")  # fmt: skip
FILE = """
    SET 'auto.offset.reset'='earliest';
    CREATE STREAM S (K STRING KEY, N BIGINT) WITH (KAFKA_TOPIC='{source}', VALUE_FORMAT='JSON');
    CREATE TABLE COUNTED WITH (KAFKA_TOPIC='{name}-counted') AS SELECT K, COUNT(*) AS C FROM S GROUP BY K;
"""


@pytest.fixture
def owner(secure_kafka):
    with kshell.connect(f"127.0.0.1:{secure_kafka.ports['PLAINTEXT']}", yes=True) as session:
        yield session


def test_all_that_is_missing_is_said_before_anything_is_made(secure_kafka, owner, tmp_path):
    name = f"a{uuid.uuid4().hex[:8]}"
    state, id = f"_kshell.{name}.COUNTED.state", f"kshell.{name}.COUNTED"
    owner.sql(f"CREATE TOPIC {name}")
    file = tmp_path / "q.sql"
    file.write_text(FILE.format(source=name, name=name))

    def run(*options: str) -> tuple[int, str]:
        process = Process(f"127.0.0.1:{secure_kafka.ports['SASL']}", file, name, "--log", "json", *LOGIN, *options)
        return process.wait(), process.text

    def allow(*rights: str) -> None:
        for right in rights:
            owner.sql(f"CREATE ACL ALLOW {right} TO 'User:alice'")

    allow(f"READ ON TOPIC {name}", f"DESCRIBE ON TOPIC {name}-counted", f"DESCRIBE ON TOPIC {state}")
    missing = [f"CREATE on topic {name}-counted", f"CREATE on topic {state}", f"READ on group {id}", f"WRITE on transactional id {id}"]
    more = [f"DELETE on group {id}", f"READ on group kshell.{name}"]
    before = {row[0] for row in owner.sql("SHOW TOPICS").rows()}
    for options, wanted in (("--check",), missing), ((), missing), (("--standby", "--reset", "--check"), missing + more):
        code, text = run(*options)
        assert code == 1, text
        said = json.loads(text.splitlines()[-1])["message"]
        assert sorted(said.removeprefix("not allowed: ").split("; ")) == sorted(wanted)
    assert {row[0] for row in owner.sql("SHOW TOPICS").rows()} == before
    allow(f"READ ON GROUP {id}", f"WRITE ON TRANSACTIONAL ID {id}", f"CREATE ON TOPIC {state}", f"CREATE ON TOPIC {name}-counted")
    code, text = run("--check")
    assert code == 0, text
    said = [json.loads(line)["message"] for line in text.splitlines()]
    asked = {f"topic {name}-counted: WRITE", f"topic {state}: READ", f"topic {state}: WRITE", f"transactional id {id}: WRITE"}
    assert {s.removesuffix(" not checked") for s in said if s.endswith("not checked")} == asked
    owner.sql(f"CREATE TOPIC {name}-counted")
    code, text = run()  # nothing has come that it could write
    assert (code, json.loads(text.splitlines()[-1])["message"]) == (1, f"not allowed: WRITE on topic {name}-counted")
