"""Tokens of OAUTHBEARER: where they are from, and when a new one is fetched."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import math
import os
import shlex
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs

import pytest

from kshell.config import Properties
from kshell.errors import KshellError, LoginRefused, Unreachable, UsageError
from kshell.kafka import rest, token_command
from kshell.kafka import tokens as tokens_module
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


@pytest.mark.parametrize("failure", [UsageError("the program is gone"), LoginRefused("nonsense")])
def test_whatever_the_failure_a_valid_token_serves(failure: KshellError) -> None:
    answers: list[Token | KshellError] = [Token("old", time.time() + 60), failure]

    def fetch() -> Token:
        answer = answers.pop(0)
        if isinstance(answer, Token):
            return answer
        raise answer

    tokens = Tokens(fetch)
    tokens.current()
    tokens._until = 0
    assert tokens.current().text == "old"
    assert tokens.missing == ""


def test_a_token_that_a_broker_refused_is_fetched_anew() -> None:
    made = iter([Token("revoked", time.time() + 60), Token("good", time.time() + 60)])
    tokens = Tokens(lambda: next(made))
    revoked = tokens.current()
    assert not tokens.forget(revoked), "it was fetched for this very login"
    tokens._fetched -= 60
    assert tokens.forget(revoked)
    assert tokens.current().text == "good"
    assert tokens.forget(revoked), "another one is used by now"
    assert tokens.current().text == "good"


def test_a_failure_is_known_until_a_token_comes(monkeypatch) -> None:
    tries: list[float] = []

    def fetch() -> Token:
        tries.append(time.time())
        if len(tries) == 1:
            raise Unreachable("gone")
        return Token("a", time.time() + 60)

    tokens = Tokens(fetch)
    for _ in range(3):
        with pytest.raises(Unreachable):
            tokens.current()
    assert (tokens.missing, len(tries)) == ("gone", 1)
    monkeypatch.setattr(tokens_module, "_REST", 0.0)
    tokens.current()
    assert tokens.missing == ""


def test_after_a_token_every_failure_may_pass() -> None:
    answers: list[Token | KshellError] = [Token("a", time.time()), LoginRefused("it printed nothing")]

    def fetch() -> Token:
        answer = answers.pop(0)
        if isinstance(answer, Token):
            return answer
        raise answer

    tokens = Tokens(fetch)
    tokens.current()
    with pytest.raises(Unreachable, match="it printed nothing"):
        tokens.current()


def test_that_a_token_is_waited_for_is_said(monkeypatch) -> None:
    monkeypatch.setattr(tokens_module, "_REST", 0.0)
    given, begun = threading.Event(), threading.Event()

    def fetch() -> Token:
        begun.set()
        given.wait(10)
        return Token("a", time.time() + 60)

    tokens = Tokens(fetch)
    asking = threading.Thread(target=tokens.current)
    asking.start()
    begun.wait(10)
    assert tokens.missing == "a token was asked for 0 s ago"
    given.set()
    asking.join()
    assert tokens.missing == ""


def test_a_valid_token_waits_for_nobody() -> None:
    slow, begun = threading.Event(), threading.Event()
    answers = iter([Token("old", time.time() + 60), Token("new", time.time() + 60)])

    def fetch() -> Token:
        answer = next(answers)
        if answer.text == "new":
            begun.set()
            slow.wait(10)
        return answer

    tokens = Tokens(fetch)
    tokens.current()
    tokens._until = 0
    renewing = threading.Thread(target=tokens.current)
    renewing.start()
    begun.wait(10)
    assert tokens.current().text == "old"
    slow.set()
    renewing.join()
    assert tokens.current().text == "new"


def test_librdkafka_takes_no_token_that_has_ended() -> None:
    tokens = Tokens(lambda: Token("late", time.time() + 0.01))
    assert tokens.for_librdkafka()[1] > time.time() + 0.5


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
        ("import sys; print('no login', file=sys.stderr); sys.exit(3)", Unreachable, "ended with 3"),
        ("", LoginRefused, "printed nothing"),
        ("print('two words')", LoginRefused, "printed more than a token"),
        ("print('a'); print('b')", LoginRefused, "printed more than a token"),
        ("import sys; sys.stdout.buffer.write(bytes(range(128, 160)))", LoginRefused, "what cannot be a token"),
        ("print('x' * 70000)", LoginRefused, "printed more than a token"),
        ("print('{\"error\": 1}')", LoginRefused, "without an access_token"),
        ("print('{broken')", LoginRefused, "without an access_token"),
    ],
)
def test_a_command_that_gives_none(code: str, error: type[KshellError], what: str) -> None:
    with pytest.raises(error, match=what) as raised:
        tokens_of(prints(code)).current()
    if "ended" in what:
        assert raised.value.hint == "it said: no login"


@pytest.mark.parametrize("command", ["/no/such/program x", "an 'open quote", "  ", "/etc/passwd"])
def test_a_command_that_cannot_run(command: str) -> None:
    with pytest.raises(UsageError, match="sasl.oauthbearer.token.command") as raised:
        tokens_of(Properties({"sasl.oauthbearer.token.command": command})).current()
    assert raised.value.hint


def test_a_command_that_never_stops_printing_is_ended_soon(monkeypatch) -> None:
    monkeypatch.setattr(token_command, "_PATIENCE", 5.0)
    began = time.monotonic()
    with pytest.raises(LoginRefused, match="printed more than a token"):
        tokens_of(prints("while True: print('y' * 4096)")).current()
    assert time.monotonic() - began < 4


def test_a_command_that_does_not_end_is_ended(monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(token_command, "_PATIENCE", 0.5)
    pid = tmp_path / "pid"
    code = f"import os, time; open({str(pid)!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    with pytest.raises(Unreachable, match="printed no token in 0.5 s"):
        tokens_of(prints(code)).current()
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)


_LEAVES = """
import asyncio, os, sys, threading, time
from kshell.config import Properties
from kshell.kafka.tokens import tokens_of
tokens = tokens_of(Properties({"sasl.oauthbearer.token.command": sys.argv[1]}))
threading.Thread(target=lambda: asyncio.run(tokens.awaited()), daemon=True).start()
while not os.path.exists(sys.argv[2]):
    time.sleep(0.05)
"""


def test_who_leaves_does_not_wait_for_a_command_and_ends_it(tmp_path) -> None:
    pid, written = tmp_path / "pid", tmp_path / "written"
    code = f"import os, time; open({str(pid)!r}, 'w').write(str(os.getpid())); os.rename({str(pid)!r}, {str(written)!r}); time.sleep(60)"
    began = time.monotonic()
    subprocess.run([sys.executable, "-c", _LEAVES, shlex.join([sys.executable, "-S", "-c", code]), str(written)], check=True)
    assert time.monotonic() - began < 10
    with pytest.raises(ProcessLookupError):
        os.kill(int(written.read_text()), 0)


def test_a_token_is_awaited_with_its_error() -> None:
    assert asyncio.run(tokens_of(prints("print('token')")).awaited()).text == "token"
    with pytest.raises(Unreachable, match="printed no token"):
        asyncio.run(tokens_of(prints("import sys; sys.exit(1)")).awaited())


def test_what_a_command_leaves_running_is_not_waited_for() -> None:
    began = time.monotonic()
    command = shlex.join(["sh", "-c", "sleep 5 & echo token"])
    assert tokens_of(Properties({"sasl.oauthbearer.token.command": command})).current().text == "token"
    assert time.monotonic() - began < 3


@pytest.mark.parametrize(
    "arguments",
    [["--client-secret", "hunter2"], ["--password=hunter2"], ["API_TOKEN=hunter2"], ["https://bob:hunter2@idp/"]],
)
def test_what_a_command_says_of_its_failure_has_no_secret(arguments: list[str]) -> None:
    code = "import sys; print('cannot use', *sys.argv[1:], 'hunter2', file=sys.stderr); sys.exit(1)"
    command = shlex.join([sys.executable, "-c", code, *arguments])
    with pytest.raises(Unreachable) as raised:
        tokens_of(Properties({"sasl.oauthbearer.token.command": command})).current()
    assert "cannot use" in raised.value.hint
    assert "hunter2" not in raised.value.hint


def test_what_a_command_says_of_its_failure_is_short() -> None:
    code = "import sys; sys.stderr.write('x' * 200_000 + ' at last'); sys.exit(1)"
    with pytest.raises(Unreachable) as raised:
        tokens_of(prints(code)).current()
    assert raised.value.hint.startswith("it said: ")
    assert len(raised.value.hint) < 500


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
    paths: list[str] = []
    answer: tuple[int, bytes] = (200, b"")
    pause = 0.0  # seconds before each byte

    def do_POST(self) -> None:
        self.paths.append(self.path)
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.asked.append((self.headers["Authorization"], parse_qs(body)))
        status, answer = self.answer
        self.send_response(status)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        if not self.pause:
            self.wfile.write(answer)
            return
        with contextlib.suppress(OSError):
            for byte in answer:
                time.sleep(self.pause)
                self.wfile.write(bytes([byte]))

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def endpoint() -> Iterator[type[Endpoint]]:
    class Own(Endpoint):
        asked = []
        paths = []

    server = HTTPServer(("127.0.0.1", 0), Own)
    Own.url = f"http://127.0.0.1:{server.server_port}/token"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
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
        ((400, b'{"error": {"message": "nested"}}'), "refused client kshell: HTTP 400"),
        ((401, b'{"error_description": "the secret s3cret is wrong"}'), r"kshell: the secret \*{8} is wrong"),
        ((404, b"<html>"), "answers HTTP 404"),
        ((302, b""), "redirects"),
        ((200, b"<html>log in</html>"), "is no JSON"),
        ((200, b'{"access_token": "two words"}'), "what cannot be a token"),
        ((200, b'{"token": 1}'), "without an access_token"),
        ((200, b"[]"), "without an access_token"),
    ],
)
def test_an_endpoint_that_refuses(endpoint, answer: tuple[int, bytes], what: str) -> None:
    endpoint.answer = answer
    with pytest.raises(LoginRefused, match=what) as raised:
        tokens_of(client(endpoint.url)).current()
    assert "s3cret" not in f"{raised.value.what} {raised.value.hint}"
    assert raised.value.hint


@pytest.mark.parametrize("address", ["/token/", "/token?policy=b2c", "/", "/a,b"])
def test_an_endpoint_is_asked_at_its_very_address(endpoint, address: str) -> None:
    endpoint.answer = 200, b'{"access_token": "abc"}'
    tokens_of(client(endpoint.url.removesuffix("/token") + address)).current()
    assert endpoint.paths == [address]


def test_an_endpoint_that_answers_drop_by_drop_is_given_up(endpoint, monkeypatch) -> None:
    monkeypatch.setattr(rest, "_LONGEST_ANSWER", 0.5)
    endpoint.answer, endpoint.pause = (200, b" " * 100), 0.1
    began = time.monotonic()
    with pytest.raises(Unreachable, match="no answer in time"):
        tokens_of(client(endpoint.url)).current()
    assert time.monotonic() - began < 4


def test_an_endpoint_whose_name_nobody_knows() -> None:
    with pytest.raises(Unreachable, match="no host has the name nobody.invalid"):
        tokens_of(client("https://nobody.invalid/token")).current()


def test_an_endpoint_that_is_down() -> None:
    with pytest.raises(Unreachable, match="the token endpoint at .* does not answer"):
        tokens_of(client("http://127.0.0.1:1/token")).current()


def test_the_secret_does_not_go_over_plain_http_to_another_machine() -> None:
    with pytest.raises(UsageError, match="would go over plain http to login.example.com"):
        tokens_of(client("http://login.example.com/token")).current()


def test_an_endpoint_without_a_client() -> None:
    with pytest.raises(UsageError, match="sasl.oauthbearer.client.id and .*secret not"):
        tokens_of(Properties({"sasl.oauthbearer.token.endpoint.url": "https://x/token"})).current()
