"""What goes on while no token can be had, or while the brokers refuse the one that there is."""

from __future__ import annotations

import asyncio
import shlex
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from aiokafka import errors as codes

from kshell.config import Properties
from kshell.errors import LoginRefused, Outage, Unreachable
from kshell.kafka import wire as wire_module
from kshell.kafka.admin import Admin
from kshell.kafka.produce import OutgoingRecord, Producer
from kshell.kafka.tokens import tokens_of
from kshell.kafka.wire import Wire

_PROGRAM = """
import json, pathlib, sys
said = pathlib.Path(sys.argv[1]).read_text()
if said == "down":
    sys.exit("the provider is down")
print(said)
"""


@pytest.fixture
def login(tmp_path: Path) -> tuple[Properties, Callable[[str], object]]:
    """A login by a command that prints what a file says, and what writes the file."""
    answer = tmp_path / "answer"
    command = shlex.join([sys.executable, "-S", "-c", _PROGRAM, str(answer)])
    properties = Properties({
        "bootstrap.servers": "127.0.0.1:1", "security.protocol": "SASL_PLAINTEXT",
        "sasl.mechanism": "OAUTHBEARER", "sasl.oauthbearer.token.command": command,
    })  # fmt: skip
    return properties, answer.write_text


def brokers(monkeypatch: pytest.MonkeyPatch, accept: str) -> list[str]:
    """Brokers that accept one token; returns those that they were given."""
    given: list[str] = []

    async def opened(host: str, port: int, **settings: object) -> str:
        provider = settings["sasl_oauth_token_provider"]
        given.append(await provider.token())  # type: ignore[attr-defined]
        if given[-1] != accept:
            raise codes.SaslAuthenticationFailed("invalid_token")
        return "a connection"

    monkeypatch.setattr(wire_module, "open_connection", opened)
    return given


def opened(properties: Properties) -> object:
    wire = Wire()
    wire._properties, wire.timeout = properties, 5.0
    return asyncio.run(wire._open("127.0.0.1", 1))


def test_a_refused_token_is_followed_by_a_new_one(login, monkeypatch) -> None:
    properties, answer = login
    given = brokers(monkeypatch, "good")
    answer("revoked")
    tokens = tokens_of(properties)
    tokens.current()
    tokens._fetched -= 60
    answer("good")
    assert opened(properties) == "a connection"
    assert given == ["revoked", "good"]


def test_a_new_token_that_is_refused_is_no_login(login, monkeypatch) -> None:
    properties, answer = login
    given = brokers(monkeypatch, "good")
    answer("bad")
    with pytest.raises(LoginRefused, match="refused the login"):
        opened(properties)
    assert given == ["bad"]


def test_where_the_refused_token_has_no_successor_the_reason_is_said(login, monkeypatch) -> None:
    properties, answer = login
    brokers(monkeypatch, "good")
    answer("ended")
    tokens = tokens_of(properties)
    tokens.current()
    tokens._fetched -= 60
    answer("down")
    with pytest.raises(Outage, match="no token for the brokers: .* ended with 1") as raised:
        opened(properties)
    assert raised.value.hint == "it said: the provider is down"


def test_changes_of_the_cluster_say_why_there_is_no_token_at_once(login) -> None:
    properties, answer = login
    answer("down")
    began = time.monotonic()
    with pytest.raises(Unreachable, match="ended with 1"):
        Admin(properties).delete_topic("t")
    assert time.monotonic() - began < 5


def test_a_producer_waits_for_a_token_and_says_so(login) -> None:
    properties, answer = login
    answer('{"access_token": "first", "expires_in": 1}')
    producer = Producer(properties)
    producer.send("t", [OutgoingRecord(b"k", b"v")])
    answer("down")
    until = time.monotonic() + 10
    while "ended with 1" not in producer.note and time.monotonic() < until:
        producer.check()
        time.sleep(0.1)
    assert "records not acknowledged" in producer.note
    assert "ended with 1" in producer.note
    producer._sender = None  # it would wait at the end for what nobody takes
