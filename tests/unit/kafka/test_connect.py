"""Kafka Connect's client against answers that are given: hostile ones, rebalances, secrets."""

from __future__ import annotations

import base64
import json

import httpx
import pytest

from kshell.config import Properties
from kshell.errors import ConnectDown, ConnectError, StatementError, UsageError
from kshell.kafka import connect, rest
from kshell.kafka.connect import CONNECT, Connect, masked, open_connect
from kshell.kafka.rest import Rest

BUSY = (409, {"error_code": 409, "message": "Cannot complete request because of a conflicting operation (e.g. worker rebalance)"})
RUNNING = {"name": "c", "type": "sink", "connector": {"state": "RUNNING", "worker_id": "w:1"}, "tasks": [
    {"id": 0, "state": "FAILED", "worker_id": "w:1", "trace": "java.lang.X: no\n\tat y"}]}  # fmt: skip
INFO = {"name": "c", "type": "sink", "config": {"connector.class": "C", "database.password": "pw"}, "tasks": []}


class Server:
    """Answers by request, one after the other and the last for ever; `asked` are those that came."""

    def __init__(self, answers: dict) -> None:
        self.answers = {at: list(a) if isinstance(a, list) else [a] for at, a in answers.items()}
        self.asked: list[str] = []
        self.bodies: list[bytes] = []
        self.headers: list[httpx.Headers] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        at = f"{request.method} {request.url.raw_path.decode()}"
        self.asked.append(at)
        self.bodies.append(request.content)
        self.headers.append(request.headers)
        left = self.answers.get(at, [(404, {"error_code": 404, "message": "not found"})])
        answer = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(answer, Exception):
            raise answer
        status, body, *headers = answer
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return httpx.Response(status, content=content, headers=dict(headers))


@pytest.fixture(autouse=True)
def _at_once(monkeypatch):
    monkeypatch.setattr(rest, "_FIRST_WAIT", 0.0)
    monkeypatch.setattr(connect, "_FIRST_WAIT", 0.001)
    monkeypatch.setattr(connect, "_LONGEST_WAIT", 0.001)


def asking(server: Server, address: str = "http://connect:8083", **properties: str) -> Connect:
    client = httpx.Client(transport=httpx.MockTransport(server))
    given = Properties({n.replace("__", "."): v for n, v in properties.items()})
    return Connect(Rest(CONNECT, [address], client, given))


ALL = "GET /connectors?expand=status&expand=info"


def test_connectors_with_their_states_and_traces():
    (found,) = asking(Server({ALL: (200, {"c": {"status": RUNNING, "info": INFO}})})).connectors()
    assert (found.name, found.type, found.state, found.worker) == ("c", "sink", "RUNNING", "w:1")
    (task,) = found.tasks
    assert (task.state, task.trace) == ("FAILED", "java.lang.X: no\n\tat y")


def test_a_connector_that_was_created_a_moment_ago_has_no_status():
    found = asking(Server({"GET /connectors/a%2Fb": (200, INFO)})).connector("a/b")
    assert found is not None
    assert (found.state, found.type, found.tasks) == ("UNASSIGNED", "sink", ())
    assert asking(Server({})).connector("c") is None


@pytest.mark.parametrize(
    "answer",
    [
        (200, b""), (200, b"<html>"), (200, []), (200, 7), (200, {"c": 1}), (200, {"c": {"status": 5}}),
        (200, {"c": {"status": {"tasks": [{}]}}}), (200, {"c": {"status": {"tasks": [{"id": "x", "state": 1}]}}}),
        (200, {"c": {"info": {"config": ["a"]}}}), (302, b"", ("location", "http://evil/")), (404, b""), (500, b"oops"),
        (200, {"c": {"status": {"connector": "RUNNING"}}}),
    ],
)  # fmt: skip
def test_what_is_no_answer_is_an_error(answer):
    server = Server({ALL: answer})
    with pytest.raises(ConnectError, match="is no answer") as error:
        asking(server).connectors()
    assert not isinstance(error.value, ConnectDown)
    assert server.asked == [ALL]  # a redirect was not followed


def test_values_of_other_types_are_text():
    odd = {"status": {"connector": {"state": 5}, "tasks": [{"id": "1", "state": None}]}, "info": {"config": {"a": 1, "b": None}}}
    (found,) = asking(Server({ALL: (200, {"c": odd})})).connectors()
    assert (found.state, dict(found.config), found.tasks[0].id) == ("5", {"a": "1", "b": ""}, 1)


def test_an_endless_answer_is_cut(monkeypatch):
    monkeypatch.setattr(rest, "_MAX_ANSWER", 1000)
    with pytest.raises(ConnectError, match="answered more than 1000"):
        asking(Server({ALL: (200, b"x" * 2000)})).connectors()


@pytest.mark.parametrize("failure", [(503, {}), httpx.ConnectError("no"), httpx.ReadTimeout("slow")])
def test_one_that_is_down_is_one_plain_error(failure):
    server = Server({ALL: failure})
    with pytest.raises(ConnectDown, match="Kafka Connect at http://connect:8083 does not answer") as error:
        asking(server).connectors()
    assert error.value.exit_code == 3
    assert len(server.asked) == 3


def test_a_rebalance_is_waited_for():
    server = Server({ALL: [BUSY, BUSY, (200, {})]})
    assert asking(server).connectors() == []
    assert len(server.asked) == 3


def test_a_rebalance_without_end_is_an_error(monkeypatch):
    monkeypatch.setattr(connect, "_PATIENCE", 0.02)
    with pytest.raises(ConnectError, match="worker rebalance"):
        asking(Server({ALL: BUSY})).connectors()


def test_a_connector_that_exists_is_not_asked_for_again():
    server = Server({"POST /connectors": (409, {"message": "Connector c already exists"})})
    with pytest.raises(ConnectError, match="Connector c already exists"):
        asking(server).create("c", {})
    assert len(server.asked) == 1


def test_what_connect_says_has_no_secret_and_an_end():
    words = "bad: jdbc:x://al:pw1@h?password=pw2&a=b " + "x" * 9000
    with pytest.raises(ConnectError) as error:
        asking(Server({"POST /connectors": (400, {"message": words})})).create("c", {})
    assert "pw1" not in error.value.what
    assert "pw2" not in error.value.what
    assert "a=b" in error.value.what
    assert len(error.value.what) < 600


def test_a_secret_that_connect_repeats_is_masked():
    config = {"database.password": "hunter2", "file": "abc"}
    said = {"message": "Invalid value hunter2 for configuration database.password; abc is fine"}
    server = Server({"POST /connectors": (400, said), "PUT /connector-plugins/C/config/validate": (200, {
        "configs": [{"value": {"name": "database.password", "errors": ["Invalid value hunter2: abc"]}}]})})  # fmt: skip
    with pytest.raises(ConnectError) as error:
        asking(server, kshell__insecure="true").create("c", config)
    assert "hunter2" not in error.value.what
    assert "abc is fine" in error.value.what
    assert asking(server, kshell__insecure="true").flaws("C", config) == [("database.password", "Invalid value ********: abc")]


@pytest.mark.parametrize(
    ("address", "config", "refused"),
    [
        ("http://connect:8083", {"database.password": "pw"}, True),
        ("http://connect:8083", {"connection.url": "jdbc:x://a:pw@h"}, True),
        ("http://connect:8083", {"file": "x"}, False),
        ("http://127.0.0.1:8083", {"database.password": "pw"}, False),
        ("http://[::1]:8083", {"database.password": "pw"}, False),
        ("https://connect:8083", {"database.password": "pw"}, False),
        ("http://127.0.0.1.evil.org:8083", {"database.password": "pw"}, True),
    ],
)
def test_secrets_go_over_plain_http_to_this_machine_only(address, config, refused):
    server = Server({"POST /connectors": (201, {})})
    if refused:
        with pytest.raises(UsageError, match="the secrets of the connector would go over plain http") as error:
            asking(server, address).create("c", config)
        assert "pw" not in error.value.what + error.value.hint
        assert server.asked == []
        asking(server, address, kshell__insecure="true").create("c", config)
    else:
        asking(server, address).create("c", config)
    assert json.loads(server.bodies[-1]) == {"name": "c", "config": config}


def test_a_login_over_plain_http_is_refused_and_over_https_sent(monkeypatch):
    server = Server({ALL: (200, {})})
    made = httpx.Client
    monkeypatch.setattr(rest.httpx, "Client", lambda **k: made(transport=httpx.MockTransport(server), **k))
    login = {"connect.basic.auth.user.info": "al:pw"}
    with pytest.raises(UsageError, match="the login of Kafka Connect would go over plain http to connect"):
        open_connect({"connect.url": "http://connect", **login})
    with pytest.raises(UsageError, match="no Kafka Connect"):
        open_connect({})
    open_connect({"connect.url": "https://connect", **login}).connectors()
    assert server.headers[-1]["authorization"] == "Basic " + base64.b64encode(b"al:pw").decode()


@pytest.mark.parametrize(
    "change",
    [
        lambda c: c.create("c", {}), lambda c: c.delete("c"), lambda c: c.pause("c"), lambda c: c.resume("c"),
        lambda c: c.restart("c"), lambda c: c.restart_task("c", 0),
    ],
)
def test_a_read_only_connection_changes_nothing(change):
    server = Server({})
    with pytest.raises(StatementError, match="read only"):
        change(asking(server, kshell__read__only="true"))
    assert server.asked == []


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("database.password", "pw", "********"), ("aws.secret.access.key", "pw", "********"),
        ("sasl.jaas.config", "pw", "********"), ("database.password", "", ""), ("tasks.max", "4", "4"),
        ("connector.class", "C", "C"), ("topics", "a,b", "a,b"), ("key.converter", "x.Y", "x.Y"),
        ("connection.url", "mongodb://al:pw@h/d", "mongodb://********@h/d"),
        ("connection.url", "jdbc:x://h;user=a;password=pw;b=c", "jdbc:x://h;user=a;password=********;b=c"),
        ("connection.url", "http://h/a@b", "http://h/a@b"),
    ],
)  # fmt: skip
def test_configs_are_shown_without_secrets(name, value, shown):
    assert masked(name, value) == shown
    assert masked(name, "x", secret=True) == "********"


def test_passwords_are_those_that_the_plugin_says():
    rows = [{"name": "a", "type": "PASSWORD"}, {"name": "b", "type": "STRING"}]
    server = Server({"GET /connector-plugins/a.B/config": (200, rows)})
    assert asking(server).secrets("a.B") == {"a"}
    assert asking(server).secrets("other") == frozenset()
