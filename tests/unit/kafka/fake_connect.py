"""A Kafka Connect in memory behind a loopback port: the REST API as far as kshell asks for it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

__all__ = ["FakeConnect", "fake_connect"]

PLUGINS = [
    {"class": "org.x.LineSourceConnector", "type": "source", "version": "1"},
    {"class": "org.x.LineSinkConnector", "type": "sink", "version": "1"},
    {"class": "org.x.Cast", "type": "transformation", "version": None},
]


class FakeConnect:
    """Connectors by name; `states` are those of a connector and of its one task."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.configs: dict[str, dict[str, str]] = {}
        self.states: dict[str, list[str]] = {}
        self.trace = ""
        self.asked: list[str] = []

    def answer(self, method: str, path: str, body: dict) -> tuple[int, object]:
        self.asked.append(f"{method} {path}")
        match [unquote(part) for part in path.strip("/").split("/")]:
            case ["connector-plugins"]:
                return 200, PLUGINS
            case ["connector-plugins", _, "config"]:
                return 200, [{"name": "secret.sauce", "type": "PASSWORD"}, {"name": "file", "type": "STRING"}]
            case ["connector-plugins", _, "config", "validate"]:
                errors = [] if "file" in body else ["Missing required configuration"]
                return 200, {"configs": [{"value": {"name": "file", "errors": errors}}]}
            case ["connectors"] if method == "POST":
                self.configs[body["name"]] = body["config"]
                self.states[body["name"]] = ["RUNNING", "RUNNING"]
                return 201, {}
            case ["connectors"]:
                return 200, {n: {"info": self.info(n), "status": self.status(n)} for n in self.configs}
            case ["connectors", name, *_] if name not in self.configs:
                return 404, {"error_code": 404, "message": f"Connector {name} not found"}
            case ["connectors", name] if method == "DELETE":
                del self.configs[name]
                return 204, None
            case ["connectors", name]:
                return 200, self.info(name)
            case ["connectors", name, "status"]:
                return 200, self.status(name)
            case ["connectors", name, "topics"]:
                return 200, {name: {"topics": ["t"]}}
            case ["connectors", name, "pause"]:
                self.states[name] = ["PAUSED", "PAUSED"]
            case ["connectors", name, "resume"]:
                self.states[name] = ["RUNNING", "RUNNING"]
        return 202, None

    def info(self, name: str) -> dict:
        return {"name": name, "config": self.configs[name], "type": "source"}

    def status(self, name: str) -> dict:
        own, task = self.states[name]
        more = {"trace": self.trace} if self.trace else {}
        tasks = [{"id": 0, "state": task, "worker_id": "w:1", **more}]
        return {"name": name, "type": "source", "connector": {"state": own, "worker_id": "w:1"}, "tasks": tasks}


@contextmanager
def fake_connect() -> Iterator[FakeConnect]:
    """One on a free port."""

    class Handler(BaseHTTPRequestHandler):
        def serve(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else {}
            status, answer = made.answer(self.command, urlsplit(self.path).path, body)
            data = b"" if answer is None else json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PUT = do_DELETE = serve

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made = FakeConnect(f"http://127.0.0.1:{server.server_address[1]}")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
