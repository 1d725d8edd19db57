"""OpenAPI documents as capabilities, called over real HTTP."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from rtfs.host.marketplace import Marketplace
from rtfs.lang.errors import RtfsError
from rtfs.lang.names import Keyword
from rtfs.lang.outcome import RuntimeContext
from rtfs.lang.printer import show
from rtfs.session import Session


class Api(ThreadingHTTPServer):
    """Answers with what it was asked; `answers` holds others by path: (status, headers, body)."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.port = self.server_address[1]
        self.answers: dict[str, tuple[int, dict[str, str], bytes]] = {}
        self.seen: list[dict[str, Any]] = []


class Handler(BaseHTTPRequestHandler):
    server: Api
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None: ...

    def handle_any(self) -> None:
        where = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        headers = {name.lower(): value for name, value in self.headers.items()}
        asked = {"method": self.command, "path": where.path, "query": where.query, "headers": headers, "body": body}
        self.server.seen.append(asked)
        plain = {key: asked[key] for key in ("method", "path", "query", "body")}
        default = (200, {"Content-Type": "application/json"}, json.dumps(plain).encode())
        status, extra, content = self.server.answers.get(where.path, default)
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **extra}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = do_PATCH = do_OPTIONS = handle_any


@pytest.fixture(scope="module")
def running() -> Iterator[Api]:
    server = Api()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def api(running: Api) -> Api:
    running.answers.clear()
    running.seen.clear()
    return running


@pytest.fixture
def session() -> Iterator[Callable[..., Session]]:
    made: list[Session] = []

    def make(**options: Any) -> Session:
        made.append(Session(**{"context": RuntimeContext.controlled(["api.**"]), "cache": False, **options}))
        return made[-1]

    yield make
    for one in made:
        one.shutdown()


def document(port: int = 1, **paths: Any) -> dict[str, Any]:
    """A document with these operations: name → (path, operation) or (path, operation, method)."""
    found: dict[str, Any] = {}
    for name, (path, operation, *method) in paths.items():
        operation = {"operationId": name, "responses": {"200": {"description": "fine"}}, **operation}
        found.setdefault(path, {})[method[0] if method else "get"] = operation
    server = {"url": f"http://127.0.0.1:{port}/v1"}
    return {"openapi": "3.1.0", "info": {"title": "t", "version": "2.1.0"}, "servers": [server], "paths": found}


def parameter(name: str, place: str, type: Any = "string", **facts: Any) -> dict[str, Any]:
    schema = type if isinstance(type, dict) else {"type": type}
    return {"name": name, "in": place, "schema": schema, **({"required": True} if place == "path" else {}), **facts}


def json_answer(schema: Any) -> dict[str, Any]:
    return {"responses": {"200": {"description": "x", "content": {"application/json": {"schema": schema}}}}}


def failure(work: Callable[[], Any]) -> RtfsError:
    with pytest.raises(RtfsError) as caught:
        work()
    return caught.value


# ---- documents


PETS = """
openapi: 3.0.3
info: {title: Pets, version: 1.4.0}
servers:
  - url: "http://{host}:PORT/{base}"
    variables: {host: {default: 127.0.0.1}, base: {default: api}}
tags: [{name: pets}]
paths:
  /pets:
    parameters: [{$ref: "#/components/parameters/trace"}]
    get:
      operationId: pets.list
      summary: All pets
      tags: [pets]
      parameters:
        - {name: tag, in: query, schema: {type: array, items: {type: string}}}
        - {name: limit, in: query, schema: {type: integer, minimum: 1}}
      responses:
        200:
          description: fine
          content: {application/json: {schema: {type: array, items: {$ref: "#/components/schemas/Pet"}}}}
    post:
      operationId: create pet!
      requestBody: {$ref: "#/components/requestBodies/pet"}
      responses:
        "201": {description: made, content: {application/json: {schema: {$ref: "#/components/schemas/Pet"}}}}
        default: {description: error}
  /pets/{pet-id}:
    delete:
      parameters: [{name: pet-id, in: path, required: true, schema: {type: string}}]
      responses: {"204": {description: gone}}
components:
  parameters:
    trace: {name: X-Trace, in: header, schema: {type: string}}
  requestBodies:
    pet: {required: true, content: {application/json: {schema: {$ref: "#/components/schemas/Pet"}}}}
  schemas:
    Pet:
      type: object
      required: [id, name]
      properties:
        id: {type: integer, readOnly: true}
        name: {type: string}
        born: {type: string, nullable: true, enum: [2020-01-01, no, null]}
        friend: {$ref: "#/components/schemas/Pet"}
"""


@pytest.fixture(params=["yaml", "json"])
def pets(request: Any, api: Api, tmp_path: Path) -> str:
    text = PETS.replace("PORT", str(api.port))
    if request.param == "json":
        text = json.dumps(yaml.load(text, yaml.BaseLoader)).replace('"true"', "true").replace('"null"', "null")
        text = text.replace('"minimum": "1"', '"minimum": 1')
    path = tmp_path / f"pets.{request.param}"
    path.write_text(text)
    return str(path)


def test_operations_become_capabilities(session: Any, api: Api, pets: str) -> None:
    one = session()
    ids = one.host.load_openapi("store", pets)
    assert ids == ["api.store.pets.list", "api.store.create_pet", "api.store.delete_pets_pet-id"]
    manifest = one.host.marketplace.manifest("api.store.pets.list")
    assert (manifest.description, manifest.version, manifest.domains) == ("All pets", "1.4.0", ("pets",))
    assert (manifest.effects, manifest.idempotent, manifest.provider) == ((":network",), True, "openapi")
    assert show(manifest.input_schema) == (
        "[:map [:X-Trace :string ?] [:tag [:vector :string] ?] [:limit [:and :int [:>= 1]] ?]]"
    )
    pet = '[:map [:id :int{}] [:name :string] [:born [:maybe [:enum "2020-01-01" "no" nil]] ?] [:friend :any ?]]'
    assert show(manifest.output_schema) == f"[:vector {pet.replace('{}', '')}]"
    create = one.host.marketplace.manifest("api.store.create_pet")
    assert show(create.input_schema) == f"[:map [:body {pet.replace('{}', ' ?')}] [:X-Trace :string ?]]"
    assert create.idempotent is False
    assert show(one.host.marketplace.manifest(ids[2]).output_schema) == ":nil"


def test_a_call_is_a_request_and_the_json_of_its_response_a_value(session: Any, api: Api, pets: str) -> None:
    one = session()
    one.host.load_openapi("store", pets)
    api.answers["/api/pets"] = (200, {"Content-Type": "application/json"}, b'[{"id": 1, "name": "Rex", "x y": [1.5]}]')
    assert show(one.run('(call :api.store.pets.list {:tag ["a" "b c"] :X-Trace "t1"})')) == (
        '[{:id 1 :name "Rex" "x y" [1.5]}]'
    )
    asked = api.seen[0]
    assert (asked["method"], asked["query"], asked["headers"]["x-trace"]) == ("GET", "tag=a&tag=b%20c", "t1")
    api.answers["/api/pets"] = (201, {"Content-Type": "application/json"}, b'{"id": 2, "name": "Tom"}')
    assert show(one.run('(call :api.store.create_pet {:body {:name "Tom"}})')) == '{:id 2 :name "Tom"}'
    assert (json.loads(api.seen[1]["body"]), api.seen[1]["headers"]["content-type"]) == (
        {"name": "Tom"}, "application/json",
    )  # fmt: skip
    api.answers["/api/pets/a%2Fb"] = (204, {}, b"")
    assert one.run('(call :api.store.delete_pets_pet-id "a/b")') is None
    assert api.seen[2]["method"] == "DELETE"


def test_arguments_are_checked_before_anything_is_sent(session: Any, api: Api, pets: str) -> None:
    one = session()
    one.host.load_openapi("store", pets)
    for text in ("{:limit 0}", '{:tag "a"}', "{:colour 1}"):
        assert failure(lambda t=text: one.run(f"(call :api.store.pets.list {t})")).type == "input-validation"
    assert failure(lambda: one.run('(call :api.store.delete_pets_pet-id "..")')).type == "input-validation"
    assert api.seen == []


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"openapi": "2.0"}, "expected OpenAPI 3.0 or 3.1, got OpenAPI 2.0"),
        ({"openapi": None, "swagger": "2.0"}, "got Swagger 2.0"),
        ({"servers": []}, "GET /a: the server '' is no absolute http or https URL: give one with server="),
        ({"paths": {"/a": {"$ref": "other.yaml"}}}, "the reference 'other.yaml' leads out of the document"),
        ({"paths": {"/a": {"$ref": "#/paths/~1b"}}}, "the reference '#/paths/~1b' leads nowhere"),
        ({"paths": {"/a": {"$ref": "#/paths/~1a"}}}, "references that lead to one another"),
        ({"paths": {"/a/{x}": {"get": {}}}}, "GET /a/{x}: the path parameter x is not declared"),
        ({"paths": {"/a": {"get": {"parameters": [{"in": "body"}]}}}}, "a parameter needs a name and a place"),
    ],
)
def test_a_document_that_cannot_be_used_enters_nothing(session: Any, change: dict[str, Any], text: str) -> None:
    one = session()
    with pytest.raises(ValueError) as caught:
        one.host.load_openapi("t", {**document(good=("/a", {})), **change})
    assert text in str(caught.value)
    assert one.host.marketplace.find("api.t.good") is None


@pytest.mark.parametrize("text", ["[1]", "a: [", "{", "a: b: c", "&a [*a", "- " * 200_000])
def test_a_file_that_is_no_document_is_a_value_error(session: Any, tmp_path: Path, text: str) -> None:
    (tmp_path / "d.yaml").write_text(text)
    with pytest.raises(ValueError, match=r"d\.yaml"):
        session().host.load_openapi("t", str(tmp_path / "d.yaml"))


def test_yaml_without_its_library_names_what_to_install(
    session: Any, pets: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "yaml", None)
    if pets.endswith("yaml"):
        with pytest.raises(ValueError, match=r"YAML needs PyYAML: pip install 'rtfs\[openapi\]'"):
            session().host.load_openapi("store", pets)
    else:
        assert session().host.load_openapi("store", pets)


def test_a_document_is_loaded_again_only_by_force_or_as_a_higher_version(session: Any) -> None:
    one = session()
    content = document(good=("/a", {}), other=("/b", {}))
    one.host.load_openapi("t", content)
    with pytest.raises(ValueError, match=r"which 2\.1\.0 does not exceed"):
        one.host.load_openapi("t", content)
    one.host.load_openapi("t", content, replace=True)
    one.host.load_openapi("t", {**content, "info": {"version": "2.2.0"}})
    with pytest.raises(ValueError, match="the name of an API"):
        one.host.load_openapi("t.x", content)


def test_operations_of_one_name_are_told_apart(session: Any) -> None:
    same = {"operationId": "x y"}
    content = document(a=("/a", same), b=("/b", same), c=("/c", {"operationId": "…"}), d=("/", {"operationId": None}))
    assert session().host.load_openapi("t", content) == ["api.t.x_y", "api.t.x_y_2", "api.t.operation", "api.t.get"]


# ---- parameters


STYLES = [
    ("query", {}, "string", '"a&b ü"', "p=a%26b%20%C3%BC"),
    ("query", {}, "boolean", "true", "p=true"),
    ("query", {}, "number", "1.5", "p=1.5"),
    ("query", {}, "array", "[1 2]", "p=1&p=2"),
    ("query", {"explode": False}, "array", '["a,b" 2]', "p=a%2Cb,2"),
    ("query", {"style": "spaceDelimited", "explode": False}, "array", "[1 2]", "p=1%202"),
    ("query", {"style": "pipeDelimited", "explode": False}, "array", "[1 2]", "p=1|2"),
    ("query", {}, "object", "{:a 1 :b :x}", "a=1&b=x"),
    ("query", {"explode": False}, "object", "{:a 1 :b 2}", "p=a,1,b,2"),
    ("query", {"style": "deepObject"}, "object", "{:a 1 :b 2}", "p%5Ba%5D=1&p%5Bb%5D=2"),
    ("query", {"allowReserved": True}, "string", '"a/b?c"', "p=a/b?c"),
    ("query", {"content": {"application/json": {"schema": {}}}}, "object", "{:a [1]}", "p=%7B%22a%22%3A%20%5B1%5D%7D"),
    ("path", {}, "string", '"a/b c"', "a%2Fb%20c"),
    ("path", {}, "array", "[1 2]", "1,2"),
    ("path", {"explode": True}, "object", "{:a 1 :b 2}", "a=1,b=2"),
    ("path", {}, "object", "{:a 1 :b 2}", "a,1,b,2"),
    ("path", {"style": "label"}, "array", "[1 2]", ".1,2"),
    ("path", {"style": "label", "explode": True}, "array", "[1 2]", ".1.2"),
    ("path", {"style": "matrix"}, "string", '"x"', ";p=x"),
    ("path", {"style": "matrix", "explode": True}, "array", "[1 2]", ";p=1;p=2"),
    ("path", {"style": "matrix"}, "object", "{:a 1}", ";p=a,1"),
    ("path", {"style": "matrix", "explode": True}, "object", "{:a 1}", ";a=1"),
    ("header", {}, "array", "[1 2]", "1,2"),
    ("header", {"explode": True}, "object", "{:a 1 :b 2}", "a=1,b=2"),
    ("cookie", {}, "string", '"a;b"', "p=a%3Bb"),
]


@pytest.mark.parametrize(("place", "facts", "type", "value", "written"), STYLES)
def test_parameters_are_written_in_their_style(
    session: Any, api: Api, place: str, facts: dict[str, Any], type: str, value: str, written: str
) -> None:
    one = session()
    path = "/x/{p}" if place == "path" else "/x"
    one.host.load_openapi("t", document(api.port, f=(path, {"parameters": [parameter("p", place, type, **facts)]})))
    one.run(f"(call :api.t.f {{:p {value}}})")
    asked = api.seen[0]
    found = {"query": asked["query"], "path": asked["path"].removeprefix("/v1/x/"), "header": asked["headers"].get("p"),
             "cookie": asked["headers"].get("cookie")}[place]  # fmt: skip
    assert found.replace("[", "%5B").replace("]", "%5D") == written


def test_parameters_of_one_name_in_several_places_are_several_fields(session: Any, api: Api) -> None:
    one = session()
    parameters = [parameter("id", "path"), parameter("id", "query"), parameter("body", "query")]
    body = {"content": {"text/plain": {"schema": {"type": "string"}}}}
    one.host.load_openapi(
        "t", document(api.port, f=("/x/{id}", {"parameters": parameters, "requestBody": body}, "post"))
    )
    assert show(one.host.marketplace.manifest("api.t.f").input_schema) == (
        "[:map [:id :string] [:query-id :string ?] [:body :string ?] [:request-body :string ?]]"
    )
    one.run('(call :api.t.f {:id "1" :query-id "2" :body "3" :request-body "four"})')
    asked = api.seen[0]
    assert (asked["path"], asked["query"], asked["body"]) == ("/v1/x/1", "id=2&body=3", "four")
    assert asked["headers"]["content-type"] == "text/plain"


@pytest.mark.parametrize(
    ("media", "value", "sent"),
    [
        ("application/json", '{:a nil :b [:k "ü"]}', '{"a": null, "b": ["k", "ü"]}'),
        ("application/merge-patch+json", "{:a 1}", '{"a": 1}'),
        ("application/x-www-form-urlencoded", '{:a "x y" :b [1 2]}', "a=x%20y&b=1&b=2"),
        ("application/xml", '"<a/>"', "<a/>"),
    ],
)
def test_bodies_are_written_as_their_media_type_says(session: Any, api: Api, media: str, value: str, sent: str) -> None:
    one = session()
    body = {"required": True, "content": {media: {"schema": {}}}}
    one.host.load_openapi("t", document(api.port, f=("/x", {"requestBody": body}, "post")))
    one.run(f"(call :api.t.f {{:body {value}}})")
    assert (api.seen[0]["body"], api.seen[0]["headers"]["content-type"]) == (sent, media)


def test_a_multipart_body_has_a_part_for_each_field(session: Any, api: Api) -> None:
    import email

    one = session()
    body = {"content": {"multipart/form-data": {"schema": {"type": "object"}}}}
    one.host.load_openapi("t", document(api.port, f=("/x", {"requestBody": body}, "post")))
    one.run(r'(call :api.t.f {:body {:text "ü\r\n--x" "a\"b" {:n 1}}})')
    asked = api.seen[0]
    message = email.message_from_string(f"Content-Type: {asked['headers']['content-type']}\n\n{asked['body']}")
    parts = [
        (part.get_param("name", header="content-disposition"), part.get_payload()) for part in message.get_payload()
    ]  # type: ignore[union-attr]
    assert parts == [("text", "ü\r\n--x"), ("a%22b", '{"n":1}')]


@pytest.mark.parametrize("value", ['"a\\nX-Evil: 1"', '"ü"'])
def test_a_header_cannot_bring_others_along(session: Any, api: Api, value: str) -> None:
    one = session()
    one.host.load_openapi("t", document(api.port, f=("/x", {"parameters": [parameter("X-A", "header")]})))
    assert failure(lambda: one.run(f"(call :api.t.f {{:X-A {value}}})")).type == "input-validation"
    assert api.seen == []


# ---- responses


def test_a_response_of_failure_is_an_error_with_status_and_excerpt(session: Any, api: Api) -> None:
    one = session()
    one.host.load_openapi("t", document(api.port, f=("/x", {})))
    api.answers["/v1/x"] = (404, {"Content-Type": "application/json"}, b'{"error": "none"}' + b" " * 5000)
    failed = failure(lambda: one.run("(call :api.t.f)"))
    assert (failed.kind, failed.type, failed.message) == ("HostError", "http-status", "GET /x: 404 Not Found")
    assert failed.data.get(Keyword("status")) == 404
    assert failed.data.get(Keyword("body"))[:17] == '{"error": "none"}'
    assert len(failed.data.get(Keyword("body"))) == 2000
    api.answers["/v1/x"] = (599, {}, b"")
    assert failure(lambda: one.run("(call :api.t.f)")).message == "GET /x: 599 unknown status"


@pytest.mark.parametrize(
    ("media", "body", "printed"),
    [
        ("application/json", b'{"a": 1}', "{:a 1}"),
        ("application/problem+json; charset=utf-8", b"[null]", "[nil]"),
        ("text/plain", b"{}", '"{}"'),
        ("application/json", b"{", "output-validation"),
        ("application/json", b'"\\ud800"', "output-validation"),
    ],
)
def test_a_response_is_read_as_its_media_type_says(
    session: Any, api: Api, media: str, body: bytes, printed: str
) -> None:
    one = session()
    one.host.load_openapi("t", document(api.port, f=("/x", {"responses": {"200": {"content": {"*/*": {}}}}})))
    one.host.load_openapi("u", document(api.port, f=("/x", json_answer({}))))
    api.answers["/v1/x"] = (200, {"Content-Type": media}, body)
    if printed == "output-validation":
        assert failure(lambda: one.run("(call :api.u.f)")).type == printed
    else:
        assert show(one.run("(call :api.u.f)")) == printed


def test_a_response_of_another_type_than_declared_never_reaches_the_program(session: Any, api: Api) -> None:
    one = session()
    one.host.load_openapi("t", document(api.port, f=("/x", json_answer({"type": "array"}))))
    assert failure(lambda: one.run("(call :api.t.f)")).type == "output-validation"


def test_a_server_that_is_not_there_is_a_network_error(session: Any) -> None:
    one = session()
    one.host.load_openapi("t", document(f=("/x", {})))
    assert failure(lambda: one.run("(call :api.t.f)")).type == "network"


# ---- credentials


SCHEMES = {
    "token": {"type": "http", "scheme": "bearer"},
    "login": {"type": "http", "scheme": "Basic"},
    "head": {"type": "apiKey", "in": "header", "name": "X-Key"},
    "query": {"type": "apiKey", "in": "query", "name": "key"},
    "cookie": {"type": "apiKey", "in": "cookie", "name": "sid"},
    "oauth": {"type": "oauth2", "flows": {}},
    "tls": {"type": "mutualTLS"},
}


def secured(port: int, *alternatives: list[str], path: str = "/x") -> dict[str, Any]:
    content = document(port, f=(path, {"security": [{name: [] for name in schemes} for schemes in alternatives]}))
    return {**content, "components": {"securitySchemes": SCHEMES}}


@pytest.fixture(autouse=True)
def variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("T_KEY", "s3cr&t")
    monkeypatch.setenv("T_USER", "ada")
    monkeypatch.setenv("T_PASSWORD", "pa55")
    monkeypatch.setenv("T_BOTH", "ada:pa55")


@pytest.mark.parametrize(
    ("scheme", "variable", "place", "sent"),
    [
        ("token", "T_KEY", "authorization", "Bearer s3cr&t"),
        ("oauth", "T_KEY", "authorization", "Bearer s3cr&t"),
        ("login", "T_BOTH", "authorization", f"Basic {base64.b64encode(b'ada:pa55').decode()}"),
        ("login", ("T_USER", "T_PASSWORD"), "authorization", f"Basic {base64.b64encode(b'ada:pa55').decode()}"),
        ("head", "T_KEY", "x-key", "s3cr&t"),
        ("cookie", "T_KEY", "cookie", "sid=s3cr%26t"),
        ("query", "T_KEY", "query", "key=s3cr%26t"),
    ],
)
def test_credentials_come_from_the_variables_that_the_embedder_names(
    session: Any, api: Api, scheme: str, variable: Any, place: str, sent: str
) -> None:
    one = session()
    one.host.load_openapi("t", secured(api.port, [scheme]), credentials={scheme: variable})
    one.run("(call :api.t.f)")
    asked = api.seen[0]
    assert (asked["query"] if place == "query" else asked["headers"][place]) == sent


def test_the_first_alternative_with_credentials_counts_and_one_without_schemes_needs_none(
    session: Any, api: Api
) -> None:
    one = session()
    one.host.load_openapi("t", secured(api.port, ["token", "query"], ["head"]), credentials={"head": "T_KEY"})
    one.host.load_openapi("u", secured(api.port, ["token"], []))
    one.run("(call :api.t.f) (call :api.u.f)")
    assert [asked["headers"].get("x-key") for asked in api.seen] == ["s3cr&t", None]


def test_missing_credentials_are_named_and_nothing_is_sent(
    session: Any, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = session()
    one.host.load_openapi("t", secured(api.port, ["token"]), credentials={"token": "T_NOWHERE"})
    one.host.load_openapi("u", secured(api.port, ["token", "query"], ["head"]))
    unset = failure(lambda: one.run("(call :api.t.f)"))
    assert (unset.type, "the environment variable T_NOWHERE" in unset.message) == ("missing-credential", True)
    assert "credentials for token and query or head" in failure(lambda: one.run("(call :api.u.f)")).message
    monkeypatch.setenv("T_NOWHERE", "a\nb")
    assert failure(lambda: one.run("(call :api.t.f)")).type == "missing-credential"
    assert api.seen == []


@pytest.mark.parametrize("scheme", ["nope", "tls"])
def test_a_scheme_that_is_unknown_or_not_supported_is_refused(session: Any, scheme: str) -> None:
    with pytest.raises(ValueError, match=f"security scheme '{scheme}'"):
        session().host.load_openapi("t", secured(1, ["token"]), credentials={scheme: "T_KEY"})


def test_no_error_and_no_manifest_shows_a_secret(session: Any, api: Api) -> None:
    one = session()
    both = {"query": "T_KEY", "login": "T_BOTH"}
    one.host.load_openapi("t", secured(api.port, ["query", "login"]), credentials=both)
    one.host.load_openapi("down", secured(1, ["query", "login"]), credentials=both)
    api.answers["/v1/x"] = (500, {}, b"key=s3cr%26t or s3cr&t, pa55 of YWRhOnBhNTU=")
    shown = [failure(lambda: one.run("(call :api.t.f)")), failure(lambda: one.run("(call :api.down.f)"))]
    api.answers["/v1/x"] = (302, {"Location": "http://elsewhere.invalid/?key=s3cr%26t"}, b"")
    shown.append(failure(lambda: one.run("(call :api.t.f)")))
    texts = [f"{error.rendered()} {show(error.data)}" for error in shown]
    texts.append(show(one.host.marketplace.manifest("api.t.f").value()))
    assert "key=*** or ***, *** of ***" in texts[0]
    for text in texts:
        assert not [secret for secret in ("s3cr", "pa55", "YWRhOnBhNTU") if secret in text]


# ---- where a request may go


def test_a_program_needs_the_capability_or_the_host(session: Any, api: Api) -> None:
    market = Marketplace()
    session(marketplace=market).host.load_openapi("t", document(api.port, f=("/x", {}), g=("/x", {}, "post")))
    nothing = session(marketplace=market, context=RuntimeContext.controlled([]))
    refused = failure(lambda: nothing.run("(call :api.t.f)"))
    assert refused.notes[-1] == f"allow it with --allow-net 127.0.0.1:{api.port}"
    for grant, id, allowed in [
        (f"127.0.0.1:{api.port}", "f", True),
        ("127.0.0.1", "f", True),
        ("example.org", "f", False),
        (f"GET 127.0.0.1:{api.port}", "f", True),
        (f"GET 127.0.0.1:{api.port}", "g", False),
    ]:
        one = session(marketplace=market, context=RuntimeContext.controlled(["api.**"], grants=[("net", grant)]))
        if allowed:
            one.run(f"(call :api.t.{id})")
        else:
            assert failure(lambda o=one, i=id: o.run(f"(call :api.t.{i})")).kind == "SecurityViolation"


def test_a_redirect_stays_with_the_host_of_the_api_or_the_grants(session: Any, api: Api) -> None:
    market = Marketplace()
    one = session(marketplace=market, context=RuntimeContext.full())
    one.host.load_openapi("t", secured(api.port, ["head"]), credentials={"head": "T_KEY"})
    api.answers["/v1/x"] = (307, {"Location": "/v1/y"}, b"")
    assert show(one.run("(:path (call :api.t.f))")) == '"/v1/y"'
    api.answers["/v1/x"] = (307, {"Location": f"http://localhost:{api.port}/v1/y"}, b"")
    assert failure(lambda: one.run("(call :api.t.f)")).kind == "SecurityViolation"
    wide = RuntimeContext.controlled(["api.**"], grants=[("net", "127.0.0.1"), ("net", "localhost")])
    session(marketplace=market, context=wide).run("(call :api.t.f)")
    assert [asked["headers"].get("x-key") for asked in api.seen] == ["s3cr&t", "s3cr&t", "s3cr&t", "s3cr&t", None]


def test_another_server_may_be_given(session: Any, api: Api) -> None:
    one = session()
    one.host.load_openapi("t", {**document(f=("/x", {})), "servers": []}, server=f"http://127.0.0.1:{api.port}/base/")
    assert one.run("(:path (call :api.t.f))") == "/base/x"
