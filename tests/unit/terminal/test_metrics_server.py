"""The server of figures: three paths, GET alone, and limits for every client."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from http import HTTPStatus

import pytest

from kshell.errors import UsageError
from kshell.terminal import metrics_server
from kshell.terminal.metrics_server import MetricsServer, address_of


@pytest.fixture
def server() -> Iterator[MetricsServer]:
    pages = {"/metrics": lambda: (HTTPStatus.OK, "up 1\n", "text/plain"),
             "/health": lambda: (HTTPStatus.SERVICE_UNAVAILABLE, "{}", "application/json")}  # fmt: skip
    made = MetricsServer(("127.0.0.1", 0), pages)
    made.start()
    yield made
    made.close()


def ask(server: MetricsServer, request: bytes, seconds: float = 10) -> bytes:
    with socket.create_connection(("127.0.0.1", server.port), seconds) as line:
        line.sendall(request)
        said = b""
        while data := line.recv(65536):
            said += data
    return said


def test_what_it_answers(server):
    said = ask(server, b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
    head, _, body = said.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.0 200 OK\r\n")
    assert b"Content-Length: 5" in head
    assert body == b"up 1\n"
    assert ask(server, b"GET /health HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.0 503 ")


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"POST /metrics HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc", b"405"),
        (b"HEAD /metrics HTTP/1.1\r\n\r\n", b"405"),
        (b"GET /../etc/passwd HTTP/1.1\r\n\r\n", b"404"),
        (b"GET / HTTP/1.1\r\n\r\n", b"404"),
        (b"nonsense\r\n\r\n", b"400"),
        (b"GET /metrics HTTP/1.1\r\n" + b"X: y\r\n" * 100 + b"\r\n", b"400"),
        (b"GET /" + b"x" * 5000 + b" HTTP/1.1\r\n\r\n", b"414"),
    ],
)
def test_what_it_refuses(server, request_, status):
    try:
        said = ask(server, request_)
    except ConnectionResetError:  # it closed before all was read
        assert status in (b"400", b"414")
        return
    assert said.split(b" ", 2)[1] == status


def test_more_clients_than_it_has_room_for(server):
    lines = [socket.create_connection(("127.0.0.1", server.port), 5) for _ in range(8)]
    time.sleep(0.2)
    assert ask(server, b"") == b""
    for line in lines:
        line.close()
    end = time.monotonic() + 10
    while not (said := _tried(server)) and time.monotonic() < end:
        time.sleep(0.05)
    assert said.startswith(b"HTTP/1.0 200")


def _tried(server: MetricsServer) -> bytes:
    try:
        return ask(server, b"GET /metrics HTTP/1.0\r\n\r\n")
    except OSError:
        return b""


def test_a_client_that_sends_nothing_for_long(server, monkeypatch):
    monkeypatch.setattr(metrics_server, "_SECONDS", 0.3)
    began = time.monotonic()
    with socket.create_connection(("127.0.0.1", server.port), 5) as line:
        line.sendall(b"G")
        assert line.recv(10) == b""
    assert time.monotonic() - began < 4


def test_a_port_in_use_is_an_error(server):
    with pytest.raises(UsageError, match=f"cannot listen at 127.0.0.1:{server.port}"):
        MetricsServer(("127.0.0.1", server.port), {})


@pytest.mark.parametrize("text", ["", "x", "1:2:x", "99999", "host:"])
def test_what_is_no_address(text):
    with pytest.raises(UsageError, match="PORT or HOST:PORT"):
        address_of(text)


def test_which_addresses_are_open_to_others():
    for host, is_open in (("127.0.0.1", False), ("localhost", False), ("0.0.0.0", True)):
        server = MetricsServer((host, 0), {})
        assert server.open is is_open
        server.close()
