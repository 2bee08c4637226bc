"""A gateway and a JobManager that answer as Flink's do, with rows that a test gives them."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any

STACK = """org.apache.flink.table.gateway.api.utils.SqlGatewayException: Failed to fetchResults.
\tat org.apache.flink.A.b(A.java:1)
Caused by: org.apache.calcite.runtime.CalciteContextException: From line 1, column 15 to line 1, column 18: x
Caused by: org.apache.calcite.sql.validate.SqlValidatorException: {}
"""


class FakeFlink:
    """Its `rows` are what each SELECT gives; `jobs` are by id; `log` has all that was asked."""

    def __init__(self, rows: Sequence[tuple[str, list]] = ()) -> None:
        self.rows = list(rows)
        self.away = False  # whether nothing is answered
        self.ends = True  # whether a SELECT ends after its rows
        self.jobs: dict[str, dict[str, Any]] = {}
        self.refused = ""  # what every statement fails with
        self.failure = ""  # why jobs fail that are started now
        self.failures: dict[str, str] = {}  # why each job failed last, that runs again
        self.settings = {"execution.checkpointing.savepoint-dir": "file:///s"}
        self.log: list[tuple[str, str]] = []
        self.headers: list[dict[str, str]] = []
        self.statements: list[tuple[str, dict[str, str]]] = []
        self.sessions: set[str] = set()
        self._failed_at: dict[str, int] = {}
        self._numbers = count(1)
        self._operations: dict[str, tuple[str, str, list]] = {}
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # else head and body are two packets, of which the second waits

            def handle_any(self) -> None:
                if fake.away:
                    self.close_connection = True
                    return
                length = int(self.headers.get("Content-Length") or 0)
                body = json.loads(self.rfile.read(length)) if length else {}
                fake.log.append((self.command, self.path))
                fake.headers.append(dict(self.headers))
                status, answer = fake.answer(self.command, self.path.split("?")[0], body)
                data = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_DELETE = do_PATCH = handle_any

            def log_message(self, *given: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, method: str, path: str, body: dict) -> tuple[int, Any]:
        parts = path.strip("/").split("/")
        if parts[0] == "jobs":
            return self._of_jobs(method, parts[1:])
        if parts == ["v3", "sessions"]:
            handle = f"session-{next(self._numbers)}"
            self.sessions.add(handle)
            self.settings |= {"rest.address": "127.0.0.1", "rest.port": self.url.rsplit(":", 1)[1]}
            return 200, {"sessionHandle": handle}
        if parts[2] not in self.sessions:
            return 500, {"errors": ["Internal server error.", f"java.lang.X: Session '{parts[2]}' does not exist."]}
        match method, parts[3:]:
            case "GET", []:
                return 200, {"properties": self.settings}
            case "DELETE", []:
                self.sessions.discard(parts[2])
            case "POST", ["statements"]:
                return 200, {"operationHandle": self._run(body["statement"], body.get("executionConfig", {}))}
            case "GET", ["operations", handle, "result", token]:
                return self._page(path.rsplit("/", 1)[0], handle, int(token))
            case "DELETE", ["operations", handle, "close"]:
                self._end(self._operations[handle][1])
        return 200, {}

    def _run(self, sql: str, options: dict[str, str]) -> str:
        self.statements.append((sql, options))
        handle, job, rows = f"op-{next(self._numbers)}", "", []
        word = sql.split()[0]
        if word in ("SELECT", "INSERT", "EXECUTE"):
            job = f"job-{next(self._numbers)}"
            state = "FAILED" if self.failure else "RUNNING"
            self.jobs[job] = {"name": options.get("pipeline.name", ""), "state": state}
            rows = self.rows if word == "SELECT" else [("INSERT", [job])]
        if sql == "SHOW JOBS":
            rows = [("INSERT", [id, j["name"], j["state"], "now"]) for id, j in self.jobs.items()]
        if word == "DESCRIBE":
            id = sql.split("'")[1]
            rows = [("INSERT", [id, self.jobs[id]["name"], self.jobs[id]["state"], "now"])]
        if word == "STOP":
            self._end(sql.split("'")[1])
            rows = [("INSERT", ["file:///s/savepoint-1"])]
        self._operations[handle] = (word, job, list(rows))
        return handle

    def _page(self, base: str, handle: str, token: int) -> tuple[int, dict]:
        word, job, rows = self._operations[handle]
        if self.refused and word != "SHOW":
            return 500, {"errors": ["Internal server error.", STACK.format(self.refused)]}
        if token == 0:
            return 200, {"resultType": "NOT_READY", "nextResultUri": f"{base}/1?rowFormat=JSON"}
        data = [{"kind": kind, "fields": fields} for kind, fields in rows] if token == 1 else []
        if token > 1 and (word != "SELECT" or self.ends):
            return 200, {"resultType": "EOS", "jobID": job}
        return 200, {"resultType": "PAYLOAD", "jobID": job, "results": {"data": data}, "nextResultUri": f"{base}/{token + 1}?rowFormat=JSON"}

    def _end(self, job: str) -> None:
        if job in self.jobs:
            self.jobs[job]["state"] = "CANCELED"

    def _of_jobs(self, method: str, parts: list[str]) -> tuple[int, Any]:
        if parts == ["overview"]:
            return 200, {"jobs": [
                {"jid": id, "name": j["name"], "state": j["state"], "start-time": n, "duration": 2000}
                for n, (id, j) in enumerate(self.jobs.items())
            ]}
        job = self.jobs[parts[0]]
        if method == "PATCH":
            self._end(parts[0])
            return 202, {}
        now = int(time.time() * 1000)
        failed_at = self._failed_at.setdefault(self.failures.get(parts[0], ""), now)
        if parts[1:] == ["exceptions"]:
            why = self.failures.get(parts[0]) or self.failure
            return 200, {"exceptionHistory": {"entries": [{"stacktrace": STACK.format(why), "timestamp": failed_at}] if why else []}}
        if parts[1:] == ["checkpoints"]:
            return 200, {"counts": {"completed": 4, "failed": 1}, "latest": {"completed": {"latest_ack_timestamp": now, "state_size": 7180}}}
        if parts[1:2] == ["vertices"]:
            return 200, [{"id": "backPressuredTimeMsPerSecond", "max": 350.0}]
        return 200, {"state": job["state"], "vertices": [
            {"id": "v1", "name": "Source: S", "parallelism": 2, "status": job["state"], "metrics": {"read-records": 7, "write-records": 3}}
        ]}
