"""Tokens of OAUTHBEARER: where they are from, and when a new one is fetched."""

from __future__ import annotations

import base64
import json
import math
import shlex
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs

import pytest

from kshell.config import Properties
from kshell.errors import ConnectionFailed, KshellError, LoginRefused, Unreachable, UsageError
from kshell.kafka.tokens import Token, Tokens, tokens_of


def jwt(ends: object) -> str:
    parts = ({"alg": "none"}, {"sub": "bob", "exp": ends})
    return ".".join(base64.urlsafe_b64encode(json.dumps(p).encode()).rstrip(b"=").decode() for p in parts) + "."


def prints(code: str) -> Properties:
    command = shlex.join([sys.executable, "-c", code])
    return Properties({"sasl.oauthbearer.token.command": command})


# When


def test_a_token_is_used_for_four_fifths_of_its_life() -> None:
    made: list[Token] = []

    def fetch() -> Token:
        made.append(Token(str(len(made)), time.time() + 1))
        return made[-1]

    tokens = Tokens(fetch)
    assert [tokens.current().text for _ in range(3)] == ["0", "0", "0"]
    time.sleep(0.85)
    assert tokens.current().text == "1"


def test_an_older_token_serves_while_it_is_valid_and_no_new_one_can_be_had() -> None:
    ends = time.time() + 1
    answers: list[Token | KshellError] = [Token("old", ends), Unreachable("gone"), Unreachable("gone")]

    def fetch() -> Token:
        answer = answers.pop(0)
        if isinstance(answer, Token):
            return answer
        raise answer

    tokens = Tokens(fetch)
    assert tokens.current().text == "old"
    time.sleep(0.85)
    assert tokens.current().text == "old"
    tokens._until = 0
    time.sleep(max(ends - time.time(), 0))
    with pytest.raises(Unreachable):
        tokens.current()


def test_librdkafka_asks_again_for_a_token_that_does_not_say_when_it_ends() -> None:
    text, ends = Tokens(lambda: Token("opaque")).for_librdkafka()
    assert text == "opaque"
    assert 298 < (ends - time.time()) * 0.8 <= 301
    assert Tokens(lambda: Token("given"), math.inf).for_librdkafka() == ("given", float(1 << 31))
    assert Tokens(lambda: Token("jwt", 4e9)).for_librdkafka() == ("jwt", float(1 << 31))
    soon = time.time() + 60
    assert Tokens(lambda: Token("jwt", soon)).for_librdkafka() == ("jwt", soon)


# A command


@pytest.mark.parametrize(
    ("printed", "text", "ends"),
    [
        ("opaque\n", "opaque", math.inf),
        (jwt(4_000_000_000), jwt(4_000_000_000), 4e9),
        ('{"access_token": "abc"}', "abc", math.inf),
        (json.dumps({"access_token": jwt(4_000_000_000)}), jwt(4_000_000_000), 4e9),
        (jwt("soon"), jwt("soon"), math.inf),
        ("a.!!.c", "a.!!.c", math.inf),
    ],
)
def test_what_a_command_prints(printed: str, text: str, ends: float) -> None:
    assert tokens_of(prints(f"print({printed!r})")).current() == Token(text, ends)


def test_how_long_a_token_lasts_may_be_said() -> None:
    for seconds in (600, "600"):
        printed = json.dumps({"access_token": "abc", "expires_in": seconds})
        ends = tokens_of(prints(f"print({printed!r})")).current().ends
        assert 590 < ends - time.time() <= 600


@pytest.mark.parametrize(
    ("code", "error", "what"),
    [
        ("import sys; print('no login', file=sys.stderr); sys.exit(3)", ConnectionFailed, "ended with 3"),
        ("", LoginRefused, "printed no token"),
        ("print('two words')", LoginRefused, "printed no token"),
        ("print('x' * 70000)", LoginRefused, "printed no token"),
        ("print('{\"error\": 1}')", LoginRefused, "without an access_token"),
        ("print('{broken')", LoginRefused, "without an access_token"),
    ],
)
def test_a_command_that_gives_none(code: str, error: type[KshellError], what: str) -> None:
    with pytest.raises(error, match=what) as raised:
        tokens_of(prints(code)).current()
    if "ended" in what:
        assert raised.value.hint == "it said: no login"


@pytest.mark.parametrize("command", ["/no/such/program x", "an 'open quote"])
def test_a_command_that_cannot_run(command: str) -> None:
    with pytest.raises(UsageError, match="sasl.oauthbearer.token.command"):
        tokens_of(Properties({"sasl.oauthbearer.token.command": command})).current()


def test_no_shell_runs_the_command(tmp_path) -> None:
    touched = tmp_path / "touched"
    properties = Properties({"sasl.oauthbearer.token.command": f"echo a; touch {touched}"})
    with pytest.raises(LoginRefused):
        tokens_of(properties).current()
    assert not touched.exists()


def test_tokens_are_of_one_place() -> None:
    both = Properties({"sasl.oauthbearer.token": "t", "sasl.oauthbearer.token.command": "c"})
    with pytest.raises(UsageError, match="are both set"):
        tokens_of(both)


# A token endpoint


class Endpoint(BaseHTTPRequestHandler):
    asked: list[tuple[str, dict[str, list[str]]]] = []
    answer: tuple[int, bytes] = (200, b"")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.asked.append((self.headers["Authorization"], parse_qs(body)))
        status, answer = self.answer
        self.send_response(status)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def endpoint() -> Iterator[type[Endpoint]]:
    class Own(Endpoint):
        asked = []

    server = HTTPServer(("127.0.0.1", 0), Own)
    Own.url = f"http://127.0.0.1:{server.server_port}/token"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield Own
    server.shutdown()
    server.server_close()


def client(url: str, **more: str) -> Properties:
    return Properties({
        "sasl.oauthbearer.token.endpoint.url": url, "sasl.oauthbearer.client.id": "kshell",
        "sasl.oauthbearer.client.secret": "s3cret", **more,
    })  # fmt: skip


def test_a_client_gets_a_token_for_its_id_and_secret(endpoint) -> None:
    endpoint.answer = 200, b'{"access_token": "abc", "expires_in": 60}'
    tokens = tokens_of(client(endpoint.url, **{"sasl.oauthbearer.scope": "kafka"}))
    assert tokens.current().text == tokens.current().text == "abc"
    assert endpoint.asked == [
        ("Basic " + base64.b64encode(b"kshell:s3cret").decode(),
         {"grant_type": ["client_credentials"], "scope": ["kafka"]}),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("answer", "what"),
    [
        ((401, b'{"error": "invalid_client"}'), "refused client kshell: invalid_client"),
        ((400, b"no JSON"), "refused client kshell: HTTP 400"),
        ((200, b'{"token": 1}'), "without an access_token"),
        ((200, b"[]"), "without an access_token"),
    ],
)
def test_an_endpoint_that_refuses(endpoint, answer: tuple[int, bytes], what: str) -> None:
    endpoint.answer = answer
    with pytest.raises(LoginRefused, match=what) as raised:
        tokens_of(client(endpoint.url)).current()
    assert "s3cret" not in f"{raised.value.what} {raised.value.hint}"


def test_an_endpoint_that_is_down() -> None:
    with pytest.raises(Unreachable, match="the token endpoint at .* does not answer"):
        tokens_of(client("http://127.0.0.1:1/token")).current()


def test_the_secret_does_not_go_over_plain_http_to_another_machine() -> None:
    with pytest.raises(UsageError, match="would go over plain http to login.example.com"):
        tokens_of(client("http://login.example.com/token")).current()


def test_an_endpoint_without_a_client() -> None:
    with pytest.raises(UsageError, match="sasl.oauthbearer.client.id and .*secret not"):
        tokens_of(Properties({"sasl.oauthbearer.token.endpoint.url": "https://x/token"})).current()
