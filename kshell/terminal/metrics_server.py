"""Serves an application's figures and its health by HTTP, for `kshell run --metrics`.

GET alone, of three paths; no statement, no key, no value and no secret is in what it says.  What a
client may take is limited: connections, seconds, and the bytes of a request.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from kshell.errors import UsageError

__all__ = ["TEXT", "Address", "MetricsServer", "address_of"]

LOOPBACK = "127.0.0.1"
_SECONDS = 5.0  # of one request
_CLIENTS = 8  # at a time
_LINES = 64  # of a request
_LINE = 4096  # bytes
TEXT = "text/plain; version=0.0.4; charset=utf-8"

Address = tuple[str, int]  # a host and a port
Page = Callable[[], tuple[HTTPStatus, str, str]]


def address_of(text: str) -> Address:
    """The host and the port of PORT or HOST:PORT; raises UsageError.

    >>> address_of("9100"), address_of("0.0.0.0:9100"), address_of("[::1]:0")
    (('127.0.0.1', 9100), ('0.0.0.0', 9100), ('::1', 0))
    """
    host, _, port = text.rpartition(":")
    if not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise UsageError(f"--metrics takes PORT or HOST:PORT, not {text}")
    return host.strip("[]") or LOOPBACK, int(port)


class _Handler(BaseHTTPRequestHandler):
    """One request; `server` has the pages."""

    server: _Server
    timeout = _SECONDS
    server_version, sys_version = "kshell", ""
    protocol_version = "HTTP/1.0"  # one request a connection

    def handle_one_request(self) -> None:
        self.raw_requestline = self.rfile.readline(_LINE + 1)
        if len(self.raw_requestline) > _LINE:
            self.requestline = self.request_version = self.command = ""
            self.send_error(HTTPStatus.REQUEST_URI_TOO_LONG)
            return
        words = self.raw_requestline.decode("latin-1").split()
        for _ in range(_LINES):  # the headers mean nothing here
            if self.rfile.readline(_LINE) in (b"\r\n", b"\n", b""):
                break
        else:
            self._answer(HTTPStatus.BAD_REQUEST, "too many headers\n", TEXT)
            return
        if len(words) not in (2, 3):
            self._answer(HTTPStatus.BAD_REQUEST, "this is not a request\n", TEXT)
        elif words[0] != "GET":
            self._answer(HTTPStatus.METHOD_NOT_ALLOWED, "GET alone\n", TEXT)
        elif (page := self.server.pages.get(words[1].partition("?")[0])) is None:
            paths = ", ".join(self.server.pages)
            self._answer(HTTPStatus.NOT_FOUND, f"there are {paths}\n", TEXT)
        else:
            self._answer(*page())

    def _answer(self, status: HTTPStatus, text: str, kind: str) -> None:
        body = text.encode()
        head = (
            f"HTTP/1.0 {status.value} {status.phrase}\r\nContent-Type: {kind}\r\n"
            f"Content-Length: {len(body)}\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n"
        )
        self.wfile.write(head.encode() + body)
        self.close_connection = True

    def log_message(self, format: str, *arguments: Any) -> None:
        """Nothing: stderr is the application's."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: Address, pages: Mapping[str, Page]) -> None:
        self.pages = pages
        self._room = threading.BoundedSemaphore(_CLIENTS)
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        super().__init__(address, _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        if self._room.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        end = threading.Timer(_SECONDS, _cut, [request])  # also of who sends a byte at a time
        end.start()
        try:
            super().process_request_thread(request, client_address)
        finally:
            end.cancel()
            self._room.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is nobody's concern."""


def _cut(request: socket.socket) -> None:
    with contextlib.suppress(OSError):
        request.shutdown(socket.SHUT_RDWR)


class MetricsServer:
    """The server of some pages, from `start` to `close`; raises UsageError for a port in use."""

    def __init__(self, address: Address, pages: Mapping[str, Page]) -> None:
        host, port = address
        try:
            self._server = _Server(address, pages)
        except OSError as error:
            raise UsageError(
                f"--metrics cannot listen at {host}:{port}: {error.strerror or error}"
            ) from None
        self.port: int = self._server.server_address[1]
        self.open = not _loopback(host)  # to other machines
        self._thread = threading.Thread(
            target=self._server.serve_forever, name="kshell-metrics", daemon=True
        )

    def start(self) -> None:
        """Answer requests."""
        self._thread.start()

    def close(self) -> None:
        """Answer no more."""
        if self._thread.is_alive():
            self._server.shutdown()
        with contextlib.suppress(OSError):
            self._server.server_close()


def _loopback(host: str) -> bool:
    import ipaddress

    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
