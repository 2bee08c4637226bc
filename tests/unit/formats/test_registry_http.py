"""The registry's client against answers that are given: errors, retries, secrets, references, files."""

from __future__ import annotations

import base64
import json
import time

import httpx
import pytest

from kshell.errors import RegistryDown, RegistryError, UnknownSchema, UsageError
from kshell.formats import registry_cache
from kshell.formats.registry import Reference, Schema, SchemaType, SubjectNames
from kshell.formats.registry_http import REGISTRY, HttpSchemas, open_schemas
from kshell.kafka import rest
from kshell.kafka.rest import Rest

URL = "http://registry:8081"
TEXT = '{"type":"string"}'


class Server:
    """Answers by path; `asked` are the requests that came."""

    def __init__(self, answers: dict) -> None:
        self.answers = answers
        self.asked: list[str] = []
        self.headers: list[httpx.Headers] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.raw_path.decode()
        self.asked.append(f"{request.method} {request.url.host}{path}")
        self.headers.append(request.headers)
        answer = self.answers.get(f"{request.method} {path}", (404, {"error_code": 40403}))
        if isinstance(answer, Exception):
            raise answer
        status, body = answer
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return httpx.Response(status, content=content)


@pytest.fixture(autouse=True)
def _home(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(rest, "_FIRST_WAIT", 0.0)


def schemas(server: Server, *addresses: str, **names: SubjectNames) -> HttpSchemas:
    client = httpx.Client(transport=httpx.MockTransport(server))
    return HttpSchemas(Rest(REGISTRY, addresses or [URL], client), names)


def found(text: str = TEXT, **more) -> tuple[int, dict]:
    return 200, {"schema": text, **more}


def test_an_id_is_asked_for_once_and_a_second_process_asks_for_nothing():
    server = Server({"GET /schemas/ids/7": found()})
    first = schemas(server)
    assert first.by_id(7) == first.by_id(7) == Schema(SchemaType.AVRO, TEXT)
    assert server.asked == ["GET registry/schemas/ids/7"]
    assert schemas(server).by_id(7) == Schema(SchemaType.AVRO, TEXT)
    assert len(server.asked) == 1


def test_files_of_yesterday_do_not_count(monkeypatch):
    server = Server({"GET /schemas/ids/7": found()})
    schemas(server).by_id(7)
    now = time.time()
    monkeypatch.setattr(registry_cache.time, "time", lambda: now + 90_000)
    schemas(server).by_id(7)
    assert len(server.asked) == 2


def test_a_registry_made_anew_is_noticed_and_its_files_go():
    schemas(Server({"GET /schemas/ids/1": found()})).by_id(1)
    anew = Server({"GET /schemas/ids/1": found('"int"'), "GET /schemas/ids/2": found('"long"')})
    client = schemas(anew)
    assert client.by_id(1).text == TEXT  # nothing told otherwise yet
    with pytest.raises(RegistryError, match="another than before"):
        client.by_id(2)
    assert client.by_id(1).text == '"int"'
    assert schemas(anew).by_id(1).text == '"int"'


@pytest.mark.parametrize("body", [b"", b"{", b"[1]", b'{"schema":1,"references":7}', b"\xff"])
def test_files_that_are_no_files_are_asked_for_again(tmp_path, body):
    server = Server({"GET /schemas/ids/7": found()})
    schemas(server).by_id(7)
    (file,) = tmp_path.rglob("7.json")
    assert file.stat().st_mode & 0o077 == 0
    file.write_bytes(body)
    assert schemas(server).by_id(7).text == TEXT


def test_an_unknown_id_is_asked_for_once():
    server = Server({})
    client = schemas(server)
    for _ in range(3):
        with pytest.raises(UnknownSchema, match="no schema with the id 9"):
            client.by_id(9)
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    "failure", [(503, {}), (429, {}), httpx.ConnectError("no"), httpx.ReadTimeout("slow")]
)
def test_what_may_pass_is_tried_again_and_elsewhere_then_it_is_down(failure):
    server = Server({"GET /schemas/ids/1": failure})
    client = schemas(server, "http://one", "http://two")
    with pytest.raises(RegistryDown, match="http://one, http://two does not answer"):
        client.by_id(1)
    assert server.asked == ["GET one/schemas/ids/1", "GET two/schemas/ids/1"] * 3
    with pytest.raises(RegistryDown):
        client.by_id(1)
    assert len(server.asked) == 6  # it is left alone for a moment
    server.answers["GET /schemas/ids/1"] = found()
    client._rest.wake()
    assert client.by_id(1).text == TEXT


def test_refusals_are_told_and_not_tried_again():
    for status, what in ((401, "refused us"), (403, "refused us"), (409, "incompatible"), (422, "bad")):
        server = Server({"POST /subjects/s/versions": (status, {"message": f"incompatible {what}"})})
        with pytest.raises(RegistryError) as error:
            schemas(server).register("s", Schema(SchemaType.AVRO, TEXT))
        assert not isinstance(error.value, RegistryDown)
        assert what in error.value.what
        assert len(server.asked) == 1


@pytest.mark.parametrize("answer", [(200, b"<html>"), (200, []), (200, {"id": 1}), (302, b""), (404, b"")])
def test_what_is_no_answer_is_an_error(answer):
    with pytest.raises(RegistryError):
        schemas(Server({"GET /schemas/ids/1": answer})).by_id(1)


def test_an_endless_answer_is_cut(monkeypatch):
    monkeypatch.setattr(rest, "_MAX_ANSWER", 1000)
    with pytest.raises(RegistryError, match="answered more than"):
        schemas(Server({"GET /schemas/ids/1": found("x" * 2000)})).by_id(1)


def test_references_come_with_what_they_refer_to_themselves():
    server = Server(
        {
            "GET /schemas/ids/1": found("main", schemaType="PROTOBUF", references=[
                {"name": "a.proto", "subject": "a/x", "version": 2}]),
            "GET /subjects/a%2Fx/versions/2": found("a", references=[
                {"name": "b.proto", "subject": "b", "version": 1}]),
            "GET /subjects/b/versions/1": found("b"),
        }
    )  # fmt: skip
    made = schemas(server).by_id(1)
    assert made.type is SchemaType.PROTOBUF
    assert made.references == (Reference("a.proto", "a/x", 2),)
    assert list(made.imports.items()) == [("b.proto", "b"), ("a.proto", "a")]


def test_references_in_a_circle_end():
    loop = found("x", references=[{"name": "n1", "subject": "s", "version": 1}])
    server = Server({"GET /schemas/ids/1": loop})
    for n in range(40):
        server.answers[f"GET /subjects/s/versions/{n + 1}"] = found(
            "x", references=[{"name": f"n{n + 2}", "subject": "s", "version": n + 2}])  # fmt: skip
    with pytest.raises(RegistryError, match="deeper than 32"):
        schemas(server).by_id(1)


def test_registering_asks_once_and_subjects_follow_the_strategy():
    server = Server({"POST /subjects/t-v%2F1/versions": (200, {"id": 5})})
    client = schemas(server, value=SubjectNames.TOPIC_RECORD)
    schema = Schema(SchemaType.AVRO, TEXT)
    assert [client.register("t-v/1", schema) for _ in range(2)] == [5, 5]
    assert client.by_id(5) == schema
    assert len(server.asked) == 1
    assert client.subject("t", "value", "a.R") == "t-a.R"
    assert client.subject("t", "key", "a.R") == "t-key"


def opened(server: Server, monkeypatch, **properties: str) -> HttpSchemas:
    made = httpx.Client
    monkeypatch.setattr(
        rest.httpx, "Client", lambda **k: made(transport=httpx.MockTransport(server), **k)
    )
    return open_schemas({n.replace("__", "."): v for n, v in properties.items()})


@pytest.mark.parametrize(
    ("properties", "header"),
    [
        ({"schema__registry__url": "http://al:p%40ss@registry:8081"}, "al:p@ss"),
        ({"schema__registry__url": URL, "schema__registry__basic__auth__user__info": "al:p@ss"}, "al:p@ss"),
    ],
)
def test_a_login_is_sent_and_is_in_no_error(properties, header, monkeypatch):
    properties = {**properties, "kshell__insecure": "true"}
    server = Server({"GET /schemas/ids/1": (503, {"message": "p@ss"})})
    client = opened(server, monkeypatch, **properties)
    with pytest.raises(RegistryDown) as error:
        client.by_id(1)
    expected = "Basic " + base64.b64encode(header.encode()).decode()
    assert {h["authorization"] for h in server.headers} == {expected}
    assert "p@ss" not in str(error.value) + error.value.hint
    assert "p%40ss" not in str(error.value) + "".join(client.addresses)


def test_a_token_is_sent(monkeypatch):
    server = Server({"GET /schemas/ids/1": found()})
    opened(server, monkeypatch, schema__registry__url=URL, schema__registry__bearer__token="t0k", kshell__insecure="true").by_id(1)
    assert server.headers[0]["authorization"] == "Bearer t0k"


@pytest.mark.parametrize(
    ("properties", "what"),
    [
        ({}, "no schema registry"),
        ({"schema.registry.url": "ftp://x"}, "no http or https"),
        ({"schema.registry.url": "http://al:pw@"}, "no http or https"),
        ({"schema.registry.url": "http://x:port"}, "no http or https"),
        ({"schema.registry.url": "http://a:b@x"}, "would go over plain http to x"),
        ({"schema.registry.url": "http://registry", "schema.registry.bearer.token": "t"}, "would go over plain http to registry"),
        ({"schema.registry.url": "https://a:b@x,http://10.0.0.1"}, "would go over plain http to 10.0.0.1"),
        ({"schema.registry.url": "http://a:b@x", "schema.registry.bearer.token": "t"}, "both a token and a user"),
        ({"schema.registry.url": "https://x", "schema.registry.ssl.ca.location": "/nowhere.pem"}, "schema.registry.ssl.ca.location: there is no file /nowhere.pem"),
    ],
)
def test_settings_that_do_not_fit(properties, what):
    with pytest.raises(UsageError, match=what) as error:
        open_schemas(properties)
    assert "pw" not in str(error.value)


@pytest.fixture(scope="module")
def tls(tmp_path_factory):
    """An https server with a certificate of its own authority: (port, the authority's PEM file)."""
    import datetime
    import http.server
    import ipaddress
    import ssl
    import threading

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps({"schema": TEXT}).encode())

        def log_message(self, *_: object) -> None:
            pass

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "registry")])
    now = datetime.datetime.now(datetime.UTC)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    certificate = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), False)
        .add_extension(x509.BasicConstraints(True, None), True).sign(key, hashes.SHA256())
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("tls")
    pem = serialization.Encoding.PEM
    (folder / "ca.pem").write_bytes(certificate.public_bytes(pem))
    (folder / "key.pem").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "ca.pem", folder / "key.pem")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1], str(folder / "ca.pem")
    server.shutdown()
    server.server_close()


def test_tls_by_its_authority_and_not_without(tls):
    port, ca = tls
    url = {"schema.registry.url": f"https://127.0.0.1:{port}"}
    assert open_schemas({**url, "schema.registry.ssl.ca.location": ca}).by_id(1).text == TEXT
    with pytest.raises(RegistryDown, match="TLS: .*VERIFY.*: self.signed certificate") as raised:
        open_schemas(url).by_id(2)
    assert "schema.registry.ssl.ca.location" in raised.value.hint


def test_an_address_that_is_silent_ends_with_the_timeout():
    import socket

    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        client = open_schemas({"schema.registry.url": url, "schema.registry.timeout.ms": "100"})
        began = time.monotonic()
        with pytest.raises(RegistryDown, match="no answer in time"):
            client.by_id(1)
        assert time.monotonic() - began < 3
