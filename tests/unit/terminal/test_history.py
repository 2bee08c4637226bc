"""The history keeps statements and masks the values of secrets."""

from __future__ import annotations

from pathlib import Path

import pytest

from kshell.config import PROPERTIES, Properties
from kshell.errors import ParseError
from kshell.sql.parse import parse
from kshell.terminal.history import PrivateHistory
from kshell.terminal.masking import masked, masked_at
from kshell.terminal.messages import error_lines

MASK = "********"


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("SELECT 1;", "SELECT 1;"),
        ("SET 'sasl.password'='hunter2';", f"SET 'sasl.password'='{MASK}';"),
        ("set 'SASL.PASSWORD' = 'it''s';", f"set 'SASL.PASSWORD' = '{MASK}';"),
        ("SET 'sasl.pasword'='hunter2';", f"SET 'sasl.pasword'='{MASK}';"),
        ("SET 'sasl.passwrod'='hunter2';", f"SET 'sasl.passwrod'='{MASK}';"),
        ("SET 'saslpw'='hunter2';", f"SET 'saslpw'='{MASK}';"),
        ("SET 'client.id'='me', 'sasl.password'='a', 'x'='b'",
         f"SET 'client.id'='me', 'sasl.password'='{MASK}', 'x'='{MASK}'"),
        ("SET sasl.password=hunter2;", f"SET sasl.password={MASK}"),
        ("SET 'sasl.password' 'hunter2';", f"SET 'sasl.password' {MASK}"),
        ("SET 'sasl.password'='hunter2", f"SET 'sasl.password'='{MASK}'"),
        ("SETT 'sasl.password'='hunter2';", f"SETT 'sasl.password'='{MASK}';"),
        ("ALTER SYSTEM 'sasl.password'='hunter2';", f"ALTER SYSTEM 'sasl.password'='{MASK}';"),
        ("SET 'client.id'='me'; SET 'sasl.password'='x'; SELECT 'a';",
         f"SET 'client.id'='me'; SET 'sasl.password'='{MASK}'; SELECT 'a';"),
        ("SET 'basic.auth.user.info' = 'al:pw'", f"SET 'basic.auth.user.info' = '{MASK}'"),
        ("SET 'schema.registry.bearer.token'='t'", f"SET 'schema.registry.bearer.token'='{MASK}'"),
        ("SET 'auto.offset.reset' = 'earliest';", "SET 'auto.offset.reset' = 'earliest';"),
        ("SET 'topic.t.value.format'='AVRO'", "SET 'topic.t.value.format'='AVRO'"),
        ("UNSET 'sasl.password';", "UNSET 'sasl.password';"),
        ("DEFINE db_password = 'hunter2';", f"DEFINE db_password = '{MASK}';"),
        ("DEFINE pw = 'hunter2';", f"DEFINE pw = '{MASK}';"),
        ("DEFINE mypw = 'hunter2';", f"DEFINE mypw = '{MASK}';"),
        ("DEFINE api_key = 'hunter2';", f"DEFINE api_key = '{MASK}';"),
        ("\\set db_pass hunter2", f"\\set db_pass {MASK}"),
        ("\\set passphrase hunter2", f"\\set passphrase {MASK}"),
        ("DEFINE passenger = 'Ann';", "DEFINE passenger = 'Ann';"),
        ("DEFINE upward = 'yes'; DEFINE bypassed = 'no';", "DEFINE upward = 'yes'; DEFINE bypassed = 'no';"),
        ("DEFINE city = 'Rome';", "DEFINE city = 'Rome';"),
        ("\\set password hunter2", f"\\set password {MASK}"),
        ("\\set city Rome", "\\set city Rome"),
        ("SET 'schema.registry.url'='https://al:pw@r:8081'", "SET 'schema.registry.url'='https://********@r:8081'"),
        ("\\! curl https://al:pw@r:8081/x", "\\! curl https://********@r:8081/x"),
        ("SET 'schema.registry.url'='https://r:8081'", "SET 'schema.registry.url'='https://r:8081'"),
        ("SELECT password, token FROM users WHERE id = 'a';", "SELECT password, token FROM users WHERE id = 'a';"),
        ("CREATE STREAM s WITH (SASL_PASSWORD='x', KAFKA_TOPIC='t')", f"CREATE STREAM s WITH (SASL_PASSWORD='{MASK}', KAFKA_TOPIC='t')"),
        ("-- a remark\nSET 'sasl.password' = -- here\n 'hunter2';", f"-- a remark\nSET 'sasl.password' = -- here\n '{MASK}';"),
        ("\\! curl -u al:pw https://r", f"\\! curl -u {MASK} https://r"),
        ("\\! x --password=pw -n 1", f"\\! x --password={MASK} -n 1"),
        ("CREATE USER ann PASSWORD 'hunter2';", f"CREATE USER ann PASSWORD '{MASK}';"),
        ("alter user 'a-n' password 'it''s' iterations 4096", f"alter user 'a-n' password '{MASK}' iterations 4096"),
        ("CREATE USER a-n.b PASSWORD 'x' MECHANISM SCRAM-SHA-256", f"CREATE USER a-n.b PASSWORD '{MASK}' MECHANISM SCRAM-SHA-256"),
        ("CREATE USER ann PASSWORD hunter2", f"CREATE USER ann PASSWORD {MASK}"),
        ("CREATE USER ann PASSWORD = 'hunter2'", f"CREATE USER ann PASSWORD = '{MASK}'"),
        ("CREATE USER ann 'hunter2'", f"CREATE USER ann '{MASK}'"),
        ("CREATE USR ann PASWORD 'hunter2", f"CREATE USR ann PASWORD '{MASK}'"),
        ("CRAETE USER ann PASSWORD \"hunter2\"", f"CRAETE USER ann PASSWORD {MASK}"),
        ("SELECT 1; CREATE USER ann PASSWORD 'a' ITERATIONS 'b'", f"SELECT 1; CREATE USER ann PASSWORD '{MASK}' ITERATIONS '{MASK}'"),
        ("CREATE STREAM s (password STRING) WITH (KAFKA_TOPIC='t');", "CREATE STREAM s (password STRING) WITH (KAFKA_TOPIC='t');"),
        ("DROP USER ann;", "DROP USER ann;"),
        ("CREATE SINK CONNECTOR c WITH ('database.password'='hunter2', s3.access.key = \"hunter2\", `api.key`='x', 'topics'='t')",
         f"CREATE SINK CONNECTOR c WITH ('database.password'='{MASK}', s3.access.key = {MASK}, `api.key`='{MASK}', 'topics'='t')"),
        ("CREATE SOURCE CONNECTOR c WITH ('connection.url'='jdbc:x://h/d?user=a&password=hunter2&b=c')",
         f"CREATE SOURCE CONNECTOR c WITH ('connection.url'='jdbc:x://h/d?user=a&password={MASK}&b=c')"),
        ("CREATE SOURCE CONNECTOR c WITH ('connection.uri'='mongodb://al:hunter2@h/d', 'sasl.jaas.config'='x hunter2;')",
         f"CREATE SOURCE CONNECTOR c WITH ('connection.uri'='mongodb://{MASK}@h/d', 'sasl.jaas.config'='{MASK}')"),
        ("\\ns login SET 'sasl.pasword'='hunter2'", f"\\ns login SET 'sasl.pasword'='{MASK}'"),
        ("\\ns login SET 'sasl.password'='hunter2'", f"\\ns login SET 'sasl.password'='{MASK}'"),
    ],
)  # fmt: skip
def test_values_of_secrets_are_masked(text: str, kept: str) -> None:
    assert masked(text) == kept


@pytest.mark.parametrize(
    "text",
    [
        "CREATE USER ann PASSWORD 'hunter2' MECHANISM MD5",
        "CREATE USER ann PASSWORD 'hunter2'\nITERATIONS many",
        "CREATE USER ann PASSWORD hunter2 now",
        "CREATE USR ann PASSWORD 'hunter2'",
        "SET 'sasl.password'='hunter2' now",
    ],
)
def test_no_error_draws_a_secret_and_its_place_is_right(text: str) -> None:
    with pytest.raises(ParseError) as raised:
        parse(text)
    error = raised.value
    assert error.place is not None
    marked = text.split("\n")[error.place.line - 1][error.place.column - 1 :][: error.place.length]
    shown, place = masked_at(text, error.place)
    there = shown.split("\n")[place.line - 1][place.column - 1 :][: place.length]
    assert there in (marked, MASK)
    drawn = "\n".join(error_lines(error, text))
    assert "hunter2" not in drawn
    assert MASK in drawn or "\n" in text


@pytest.mark.parametrize("name", [n for n, p in PROPERTIES.items() if p.secret])
def test_no_secret_property_is_kept_however_it_is_mistyped(name: str) -> None:
    for i in range(len(name)):
        wrong = name[:i] + name[i + 1 :]
        for text in (f"SET '{wrong}'='hunter2';", f"SET {wrong} = hunter2;", f"SET '{wrong}' TO 'hunter2'"):
            assert "hunter2" not in masked(text), text


def test_the_file_and_what_arrows_bring_back_are_masked(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "history"
    history = PrivateHistory(path)
    history.append_string("SELECT 1;")
    history.append_string("SET 'sasl.password'='hunter2';")
    assert path.stat().st_mode & 0o777 == 0o600
    assert "SELECT 1;" in path.read_text()
    assert "SET 'sasl.password'" in path.read_text()
    assert "hunter2" not in path.read_text()
    assert "hunter2" not in "".join(history.get_strings())


def test_a_history_that_others_can_read_is_made_private(tmp_path: Path) -> None:
    path = tmp_path / "history"
    path.write_text("")
    path.chmod(0o644)
    PrivateHistory(path)
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_history_that_cannot_be_kept_is_in_memory(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    history = PrivateHistory(tmp_path / "file" / "history")
    history.append_string("SELECT 1;")
    assert history.get_strings() == ["SELECT 1;"]


def test_a_command_that_prints_tokens_is_not_kept():
    written = masked("SET 'client.id'='me', 'sasl.oauthbearer.token.command'='idp --password x2';")
    assert written == "SET 'client.id'='me', 'sasl.oauthbearer.token.command'='********';"


def test_the_arguments_of_a_token_command_are_shown_without_secrets():
    command = "idp login --client-secret x2 --user me --token=x3 https://me:x4@idp/"
    shown = Properties({"sasl.oauthbearer.token.command": command}).masked("sasl.oauthbearer.token.command")
    stars = "********"
    assert shown == f"idp login --client-secret {stars} --user me --token={stars} https://{stars}@idp/"
