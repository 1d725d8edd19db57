"""`ccos.network.http-fetch` against a real server: what it gives, its limits, and that every hop needs its grant."""

from __future__ import annotations

import asyncio
import datetime
import gzip
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from rtfs.lang.collections import Map
from rtfs.lang.errors import RtfsError
from rtfs.lang.names import Keyword
from rtfs.lang.outcome import RuntimeContext
from rtfs.lang.printer import show
from rtfs.session import Session


class Server(ThreadingHTTPServer):
    """Answers by path; `seen` holds (method, path, headers, body) of every request, `release` ends hanging ones."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.seen: list[tuple[str, str, dict[str, str], str]] = []
        self.release = threading.Event()
        self.port = self.server_address[1]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away early is part of the tests."""


class Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None: ...

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def handle_any(self) -> None:
        where = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.seen.append((self.command, where.path, headers, body))
        query = {name: values[0] for name, values in parse_qs(where.query).items()}
        if where.path == "/redirect":
            self.answer(int(query.get("status", "302")), Location=query["to"])
        elif where.path == "/big":
            self.answer(200, b"x" * 100_000)
        elif where.path == "/bomb":
            self.answer(200, gzip.compress(b"\0" * 50_000_000), Content_Encoding="gzip")
        elif where.path == "/hang":
            self.server.release.wait(30)
        elif where.path == "/latin":
            self.answer(200, "äö".encode("latin-1"), Content_Type="text/plain; charset=latin-1")
        elif where.path == "/strange":
            self.answer(200, b"\xff", Content_Type="text/plain; charset=no-such")
        else:
            self.answer(404 if where.path == "/missing" else 200, b"hello", Content_Type="text/plain", X_Test="1")

    do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = do_PATCH = do_OPTIONS = handle_any


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.release.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
async def fetch(bench: Callable[..., Any], server: Server) -> Any:
    """`await fetch("/path" or URL, *grants, **parameters)`; without grants the network is open."""
    tables = []

    async def run(where: str, *grants: str, **parameters: Any) -> Any:
        allow = RuntimeContext.controlled(grants=[("net", grant) for grant in grants])
        table = bench(allow if grants else RuntimeContext.controlled(["ccos.network.*"]))
        tables.append(table)
        url = f"http://127.0.0.1:{server.port}{where}" if where.startswith("/") else where
        given = {"url": url, **{key.replace("_", "-"): value for key, value in parameters.items()}}
        return await table.wait("ccos.network.http-fetch", Map.of([(Keyword(k), x) for k, x in given.items()]))

    yield run
    for table in tables:
        await table.host.shutdown()


async def refused(work: Any, kind: str = "SecurityViolation") -> RtfsError:
    with pytest.raises(RtfsError) as caught:
        await work
    assert caught.value.kind == kind
    return caught.value


# ---- what it gives


async def test_a_request_gives_status_headers_and_body(fetch: Any, server: Server) -> None:
    answer = await fetch("/x?a=1")
    assert answer.get(Keyword("status")) == 200
    assert answer.get(Keyword("body")) == "hello"
    assert answer.get(Keyword("headers")).get("x-test") == "1"
    assert answer.get(Keyword("headers")).get("content-type") == "text/plain"


async def test_a_status_of_failure_is_an_answer(fetch: Any) -> None:
    assert (await fetch("/missing")).get(Keyword("status")) == 404


async def test_method_headers_and_body_are_sent(fetch: Any, server: Server) -> None:
    headers = Map.of([(Keyword("x-a"), "1"), ("X-B", "2")])
    await fetch("/x", method="post", headers=headers, body="däta")
    method, _, sent, body = server.seen[0]
    assert (method, sent["x-a"], sent["x-b"], body) == ("POST", "1", "2", "däta")


async def test_a_keyword_names_the_method(fetch: Any, server: Server) -> None:
    await fetch("/x", method=Keyword("put"))
    assert server.seen[0][0] == "PUT"


async def test_the_body_is_read_in_the_charset_of_the_answer(fetch: Any) -> None:
    assert (await fetch("/latin")).get(Keyword("body")) == "äö"
    assert (await fetch("/strange")).get(Keyword("body")) == "\ufffd"


async def test_positional_arguments_work_too(bench: Callable[..., Any], server: Server) -> None:
    table = bench()
    answer = await table.wait("ccos.network.http-fetch", f"http://127.0.0.1:{server.port}/x", "HEAD")
    assert answer.get(Keyword("status")) == 200
    assert server.seen[0][0] == "HEAD"
    await table.host.shutdown()


@pytest.mark.parametrize(
    ("parameters", "type"),
    [
        ({"url": "no url"}, "invalid-url"),
        ({"url": "ftp://127.0.0.1/"}, "invalid-url"),
        ({"url": "ws://127.0.0.1/"}, "invalid-url"),
        ({"url": "file:///etc/passwd"}, "invalid-url"),
        ({"method": "TRACE"}, "invalid-method"),
        ({"method": "GET /evil HTTP/1.1\r\nX: y\r\n\r\nGET"}, "invalid-method"),
        ({"timeout_ms": 0}, "input-validation"),
        ({"max_bytes": -1}, "input-validation"),
        ({"headers": Map.of([("X-A", 1)])}, "host-error"),
    ],
)
async def test_bad_parameters_are_refused_before_anything_is_sent(
    fetch: Any, server: Server, parameters: dict[str, Any], type: str
) -> None:
    parameters = dict(parameters)
    error = await refused(fetch(parameters.pop("url", "/x"), **parameters), "HostError")
    assert error.type == type
    assert server.seen == []


async def test_headers_that_belong_to_the_client_are_not_taken_from_programs(fetch: Any, server: Server) -> None:
    headers = Map.of([("Host", "evil.net"), ("Content-Length", "3"), ("Transfer-Encoding", "chunked"), ("X-A", "1")])
    await fetch("/x", f"127.0.0.1:{server.port}", headers=headers, method="POST", body="12345")
    sent = server.seen[0]
    assert (sent[2]["host"], sent[2]["x-a"], sent[3]) == (f"127.0.0.1:{server.port}", "1", "12345")


async def test_line_breaks_do_not_smuggle_headers_in(fetch: Any, server: Server) -> None:
    await refused(fetch("/x", headers=Map.of([("X-A", "1\r\nX-B: 2")])), "HostError")
    assert server.seen == []


# ---- limits


async def test_a_body_beyond_the_limit_is_not_taken(fetch: Any) -> None:
    assert (await fetch("/big", max_bytes=100_000)).get(Keyword("body")) == "x" * 100_000
    assert (await refused(fetch("/big", max_bytes=99_999), "HostError")).type == "too-large"


async def test_the_limit_counts_what_unpacking_gives(fetch: Any) -> None:
    assert (await refused(fetch("/bomb"), "HostError")).type == "too-large"


async def test_a_server_that_hangs_is_left_after_the_time_given(fetch: Any) -> None:
    error = await refused(fetch("/hang", timeout_ms=50), "HostError")
    assert (error.type, error.message.partition(" from ")[0]) == ("timeout", "no answer")


async def test_a_port_where_nobody_listens_is_a_network_error(fetch: Any) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert (await refused(fetch(f"http://127.0.0.1:{port}/"), "HostError")).type == "network"


async def test_a_cancelled_call_lets_its_connection_go(fetch: Any) -> None:
    task = asyncio.ensure_future(fetch("/hang"))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def test_a_host_goes_on_in_a_second_event_loop(bench: Callable[..., Any], server: Server) -> None:
    table = bench()

    async def once() -> Any:
        answer = await table.wait("ccos.network.http-fetch", f"http://127.0.0.1:{server.port}/x")
        await table.host.shutdown()
        return answer

    assert [asyncio.run(once()).get(Keyword("status")) for _ in range(2)] == [200, 200]


# ---- redirects


@pytest.mark.parametrize(
    ("method", "status", "then", "body"),
    [("POST", 301, "GET", ""), ("POST", 302, "GET", ""), ("PUT", 303, "GET", ""), ("POST", 307, "POST", "b"),
     ("POST", 308, "POST", "b"), ("PUT", 302, "PUT", "b"), ("HEAD", 303, "HEAD", "")],
)  # fmt: skip
async def test_redirects_change_the_method_as_browsers_do(
    fetch: Any, server: Server, method: str, status: int, then: str, body: str
) -> None:
    answer = await fetch(f"/redirect?to=/x&status={status}", method=method, body=None if method == "HEAD" else "b")
    assert answer.get(Keyword("status")) == 200
    assert (server.seen[1][0], server.seen[1][1], server.seen[1][3]) == (then, "/x", body)


async def test_redirects_in_a_ring_end(fetch: Any, server: Server) -> None:
    ring = f"http://127.0.0.1:{server.port}/redirect?to=/redirect?to=/x"
    assert (await fetch(ring)).get(Keyword("status")) == 200
    endless = "/redirect?to=" + "%2Fredirect%3Fto%3D" * 20
    error = await refused(fetch(endless), "HostError")
    assert error.type == "network"


async def test_every_redirect_needs_its_grant(fetch: Any, server: Server) -> None:
    other = f"http://localhost:{server.port}/x"
    granted = f"127.0.0.1:{server.port}"
    error = await refused(fetch(f"/redirect?to={other}", granted))
    assert f"allow it with --allow-net localhost:{server.port}" in error.notes
    assert [path for _, path, _, _ in server.seen] == ["/redirect"]
    assert (await fetch(f"/redirect?to={other}", granted, "localhost")).get(Keyword("status")) == 200


async def test_a_redirect_to_another_scheme_is_refused(fetch: Any, server: Server) -> None:
    error = await refused(fetch("/redirect?to=file:///etc/passwd"), "HostError")
    assert error.type == "invalid-url"


async def test_secrets_do_not_follow_a_redirect_to_another_origin(fetch: Any, server: Server) -> None:
    secrets = Map.of([("Authorization", "Bearer x"), ("Cookie", "a=b"), ("X-A", "1")])
    await fetch("/redirect?to=/x", headers=secrets)
    assert server.seen[1][2]["authorization"] == "Bearer x"
    await fetch(f"/redirect?to=http://localhost:{server.port}/y", headers=secrets)
    final = server.seen[3][2]
    assert "authorization" not in final and "cookie" not in final and final["x-a"] == "1"


# ---- grants


async def test_a_granted_host_is_reached_and_no_other(fetch: Any, server: Server) -> None:
    here = f"127.0.0.1:{server.port}"
    assert (await fetch("/x", here)).get(Keyword("status")) == 200
    assert (await fetch("/x", "127.0.0.1")).get(Keyword("status")) == 200
    for grant in ("localhost", f"127.0.0.1:{server.port + 1}", "127.0.0.2", "example.org", f"POST {here}"):
        await refused(fetch("/x", grant))
    assert len(server.seen) == 2


async def test_localhost_is_granted_by_its_own_name(fetch: Any, server: Server) -> None:
    url = f"http://localhost:{server.port}/x"
    await refused(fetch(url, "127.0.0.1"))
    assert (await fetch(url, "localhost")).get(Keyword("status")) == 200
    assert server.seen[0][2]["host"] == f"localhost:{server.port}"


@pytest.mark.parametrize(
    "spelling", ["127.1", "2130706433", "0x7f000001", "0177.0.0.1", "127.0.0.1.", "[::ffff:127.0.0.1]"]
)
async def test_other_spellings_of_an_address_are_that_address_or_refused(
    fetch: Any, server: Server, spelling: str
) -> None:
    with pytest.raises(RtfsError) as caught:
        await fetch(f"http://{spelling}:{server.port}/x", "example.org")
    assert caught.value.kind == "SecurityViolation" or caught.value.type == "invalid-url"
    assert server.seen == []


def _name_for_this_machine() -> str:
    for name in (socket.gethostname(), "localhost.localdomain", "ip6-localhost"):
        try:
            found = socket.getaddrinfo(name, None)
        except OSError:
            continue
        if name != "localhost" and all(ipaddress.ip_address(entry[4][0]).is_loopback for entry in found):
            return name
    pytest.skip("no name of this machine resolves to its loopback address")


async def test_a_granted_name_that_leads_to_this_machine_is_refused_until_the_address_is_granted(
    fetch: Any, server: Server
) -> None:
    name = _name_for_this_machine()
    url = f"http://{name}:{server.port}/x"
    await refused(fetch(url, name))
    assert server.seen == []
    assert (await fetch(url, name, "127.0.0.1", "127.0.1.1", "::1")).get(Keyword("status")) == 200


async def test_a_granted_name_that_cannot_be_resolved_is_a_network_error(fetch: Any) -> None:
    assert (await refused(fetch("http://no-such-host.invalid/", "*.invalid"), "HostError")).type == "network"


async def test_a_name_is_resolved_once_and_what_was_checked_is_dialled(
    fetch: Any, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers, resolve = ["127.0.0.1", "192.0.2.1"], socket.getaddrinfo

    def rebinding(host: Any, *args: Any, **named: Any) -> Any:
        return resolve(answers.pop(0) if host == "rebind.example" else host, *args, **named)

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    url = f"http://rebind.example:{server.port}/x"
    assert (await fetch(url, "rebind.example", "127.0.0.1")).get(Keyword("status")) == 200
    assert answers == ["192.0.2.1"]
    assert server.seen[0][2]["host"] == f"rebind.example:{server.port}"


async def test_a_configured_proxy_is_used_and_resolves_the_granted_name(
    fetch: Any, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{server.port}")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    assert (await fetch("http://behind.proxy.example/x", "behind.proxy.example")).get(Keyword("status")) == 200
    assert server.seen[0][2]["host"] == "behind.proxy.example"
    await refused(fetch("http://other.proxy.example/x", "behind.proxy.example"))
    assert len(server.seen) == 1


# ---- TLS


@pytest.fixture
def secure(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Server:
    """The server behind TLS, with a certificate for `localhost` that clients here trust."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "rtfs test")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    public, private = tmp_path / "cert.pem", tmp_path / "key.pem"
    public.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(public, private)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    monkeypatch.setenv("SSL_CERT_FILE", str(public))
    return server


async def test_a_certificate_is_checked_against_the_name_although_the_address_is_dialled(
    fetch: Any, secure: Server
) -> None:
    answer = await fetch(f"https://localhost:{secure.port}/x", "localhost")
    assert answer.get(Keyword("status")) == 200
    error = await refused(fetch(f"https://127.0.0.1:{secure.port}/x", "127.0.0.1"), "HostError")
    assert error.type == "network"
    assert "certificate" in error.message.lower()


async def test_a_connection_secured_for_one_name_is_not_used_for_another_at_the_same_address(
    bench: Callable[..., Any], secure: Server
) -> None:
    name = _name_for_this_machine()
    grants = [("net", grant) for grant in ("localhost", name, "127.0.0.1", "127.0.1.1")]
    table = bench(RuntimeContext.controlled(grants=grants))
    answer = await table.wait("ccos.network.http-fetch", f"https://localhost:{secure.port}/x")
    assert answer.get(Keyword("status")) == 200
    error = await refused(table.wait("ccos.network.http-fetch", f"https://{name}:{secure.port}/x"), "HostError")
    assert "certificate" in error.message.lower()
    await table.host.shutdown()


# ---- from programs


def test_a_program_fetches_from_inside_callbacks_and_branches(server: Server) -> None:
    context = RuntimeContext.controlled(["ccos.concurrent/*"], grants=[("net", "127.0.0.1")])
    session = Session(context=context, cache=False)
    base = f"http://127.0.0.1:{server.port}"
    text = f"""
      [(map (fn [p] (:status (http-fetch {{:url (str "{base}" p)}}))) ["/x" "/missing"])
       (step-parallel (:body (http-fetch {{:url "{base}/x"}}))
                      (try (http-fetch {{:url "{base}/hang" :timeout-ms 50}}) (catch :timeout e :late))
                      (try (http-fetch {{:url "http://localhost:{server.port}/x"}})
                           (catch SecurityViolation e :refused)))]
    """
    assert show(session.run(text)) == '[[200 404] ["hello" :late :refused]]'
    session.shutdown()


async def test_a_program_inside_a_running_loop_fetches(server: Server) -> None:
    session = Session(context=RuntimeContext.full(), cache=False)
    answer = await session.run_async(f'(http-fetch {{:url "http://127.0.0.1:{server.port}/redirect?to=/x"}})')
    assert answer.get(Keyword("body")) == "hello"
    await session.host.shutdown()
