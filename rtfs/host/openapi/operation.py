"""One operation of an API: its fields, its types, and the request that arguments make of it."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

from rtfs.host.openapi import style
from rtfs.host.openapi.document import Document
from rtfs.lang.collections import vector
from rtfs.lang.names import Keyword, Symbol
from rtfs.lang.spelling import spells_keyword

_STYLES = {"path": "simple", "query": "form", "header": "simple", "cookie": "form"}
_IGNORED_HEADERS = frozenset({"accept", "content-type", "authorization"})  # OpenAPI §4.8.12.1
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_FORM, _MULTIPART = "application/x-www-form-urlencoded", "multipart/form-data"
_SEMVER = re.compile(r"\d{1,9}\.\d{1,9}\.\d{1,9}")


class Parameter(NamedTuple):
    """A parameter. place: `path`, `query`, `header` or `cookie`. whole: its value is sent as JSON."""

    key: Any
    name: str
    place: str
    required: bool
    form: Any
    style: str
    explode: bool
    whole: bool
    reserved: bool


class Body(NamedTuple):
    """What is sent along."""

    key: Any
    required: bool
    form: Any
    media: str


class Sent(NamedTuple):
    """A request, but for credentials. Pairs of the query and cookies are percent-encoded."""

    url: str
    query: list[tuple[str, str]]
    headers: list[tuple[str, str]]
    cookies: list[tuple[str, str]]
    body: str | None


class Operation(NamedTuple):
    """An operation as the document says it. security: alternatives, each names the schemes that it needs together."""

    name: str
    method: str
    path: str
    server: str
    description: str
    version: str
    tags: list[str]
    parameters: list[Parameter]
    body: Body | None
    answers: list[Any]
    security: list[list[str]]

    @classmethod
    def of(cls, document: Document, path: str, method: str, item: dict[str, Any], server: str | None) -> Operation:
        """Read an operation. ValueError, naming it, when it cannot be called."""
        name = item.get("operationId") or f"{method}_{path.strip('/')}"
        version = str(document.part("info").get("version", ""))
        try:
            parameters = _parameters(document, path, item)
            return cls(
                name=name,
                method=method,
                path=path,
                server=_server(document, item, server),
                description="\n\n".join(part for part in (item.get("summary"), item.get("description")) if part)
                or f"{method.upper()} {path}",
                version=version if _SEMVER.fullmatch(version) else "1.0.0",
                tags=[str(tag) for tag in item.get("tags") or ()],
                parameters=parameters,
                body=_body(document, item, {parameter.key for parameter in parameters}),
                answers=_answers(document, item),
                security=[list(each) for each in item.get("security", document.content.get("security")) or ()],
            )
        except ValueError as error:
            raise ValueError(f"{method.upper()} {path}: {error}") from error

    def input_type(self) -> Any:
        """The record of parameters and body."""
        fields: list[Parameter | Body] = [*self.parameters]
        if self.body is not None:
            fields.append(self.body)
        if not fields:
            return {}
        needed = [(field.key, field.form) for field in fields if field.required]
        other = [(field.key, field.form, Symbol("?")) for field in fields if not field.required]
        return vector([Keyword("map"), *needed, *other])

    def output_type(self) -> Any:
        """What answers of success are; None when the document leaves it open."""
        if not self.answers or Keyword("any") in self.answers:
            return None
        return self.answers[0] if len(self.answers) == 1 else vector([Keyword("union"), *self.answers])

    def request(self, given: Mapping[Any, Any]) -> Sent:
        """The request that arguments, as plain JSON data by field key, make. ValueError for one that cannot be sent."""
        path, headers = self.path, [("Accept", "application/json, */*;q=0.5")]
        query: list[tuple[str, str]] = []
        cookies: list[tuple[str, str]] = []
        for parameter in self.parameters:
            value = given.get(parameter.key)
            if value is None:
                continue  # as if it were not given; a path parameter always is
            if parameter.whole:
                value = json.dumps(value, ensure_ascii=False)
            if parameter.place == "path":
                path = path.replace(f"{{{parameter.name}}}", _in_path(parameter, value))
            elif parameter.place == "header":
                headers.append((parameter.name, _in_header(parameter, value)))
            else:
                target = query if parameter.place == "query" else cookies
                target.extend(
                    style.pairs(parameter.name, value, parameter.style, parameter.explode, _encoder(parameter))
                )
        body = None
        if self.body is not None and (self.body.required or given.get(self.body.key) is not None):
            body, media = _written(self.body.media, given.get(self.body.key))
            headers.append(("Content-Type", media))
        return Sent(self.server.rstrip("/") + path, query, headers, cookies, body)


# ---- from the document


def _server(document: Document, item: dict[str, Any], given: str | None) -> str:
    """The base URL: the one given, or the first of the operation, its path or the document, with default variables."""
    if given is not None:
        url = given
    else:
        servers = item.get("servers") or document.content.get("servers") or [{}]
        first = document.follow(servers[0])
        url = str(first.get("url", ""))
        for name, variable in (first.get("variables") or {}).items():
            url = url.replace(f"{{{name}}}", str(variable.get("default", "")))
    if not url.startswith(("http://", "https://")):
        raise ValueError(f"the server {url!r} is no absolute http or https URL: give one with server=")
    return url.partition("?")[0].partition("#")[0]


def _parameters(document: Document, path: str, item: dict[str, Any]) -> list[Parameter]:
    """The parameters, those of the operation instead of those of its path; equal names get the place in front."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for part in item["parameters"]:
        part = document.follow(part)
        if not isinstance(part, dict) or part.get("in") not in _STYLES or not isinstance(part.get("name"), str):
            raise ValueError("a parameter needs a name and a place: path, query, header or cookie")
        if part["in"] != "header" or part["name"].lower() not in _IGNORED_HEADERS:
            found[part["in"], part["name"]] = part
    missing = [name for name in re.findall(r"\{([^{}]+)\}", path) if ("path", name) not in found]
    if missing:
        raise ValueError(f"the path parameter {missing[0]} is not declared")
    names = [name for _, name in found]
    return [
        _parameter(document, part, _key(name if names.count(name) == 1 or place == "path" else f"{place}-{name}"))
        for (place, name), part in found.items()
    ]


def _parameter(document: Document, part: dict[str, Any], key: Any) -> Parameter:
    place, content = part["in"], part.get("content")
    typed: dict[str, Any] = next(iter(content.values()), {}) if content else part
    schema = typed.get("schema", True)
    written = part.get("style", _STYLES[place])
    return Parameter(
        key=key,
        name=part["name"],
        place=place,
        required=place == "path" or part.get("required") is True,
        form=document.type(schema, writing=True),
        style=written,
        explode=part.get("explode", written == "form"),
        whole=bool(content),
        reserved=part.get("allowReserved") is True,
    )


def _key(name: str) -> Any:
    return Keyword(name) if spells_keyword(name) else name


def _body(document: Document, item: dict[str, Any], taken: set[Any]) -> Body | None:
    declared = document.follow(item.get("requestBody"))
    if not isinstance(declared, dict):
        return None
    content = declared.get("content") or {}
    media = next((kind for kind in content if _is_json(kind)), None)
    media = media or next((kind for kind in content if kind.partition(";")[0] in (_FORM, _MULTIPART)), None)
    text = media is None  # anything else goes as it is
    media = media or next(iter(content), "application/json")
    form = (
        Keyword("string")
        if text and content
        else document.type(content.get(media, {}).get("schema", True), writing=True)
    )
    key = Keyword("body") if Keyword("body") not in taken else Keyword("request-body")
    return Body(key, declared.get("required") is True, form, media)


def _answers(document: Document, item: dict[str, Any]) -> list[Any]:
    """The types of the answers of success, each once."""
    found: list[Any] = []
    responses = item.get("responses") or {}
    good = {str(status): part for status, part in responses.items() if str(status)[:1] == "2"}
    for status, response in (good or {"default": responses.get("default")}).items():
        declared = document.follow(response)
        form = _answer(document, status, declared.get("content") or {} if isinstance(declared, dict) else {})
        if form not in found:
            found.append(form)
    return found


def _answer(document: Document, status: str, content: dict[str, Any]) -> Any:
    """The type of one answer. One without declared content may have some all the same, unless its status forbids it."""
    media = next((kind for kind in content if _is_json(kind)), None)
    if media is not None:
        return document.type(content[media].get("schema", True), writing=False)
    if status in ("204", "205"):
        return Keyword("nil")
    return Keyword("string") if content and not any("*" in kind for kind in content) else Keyword("any")


def _is_json(media: str) -> bool:
    kind = media.partition(";")[0].strip().lower()
    return kind == "application/json" or kind.endswith("+json")


# ---- into a request


def _encoder(parameter: Parameter) -> style.Encode:
    return lambda value: style.encoded(value, reserved=parameter.reserved)


def _in_path(parameter: Parameter, value: Any) -> str:
    written = style.segment(parameter.name, value, parameter.style, parameter.explode, style.encoded)
    if not written or set(written) <= {"."}:
        raise ValueError(f"the path parameter {parameter.name} must not be {written!r}: it would lead to another path")
    return written


def _in_header(parameter: Parameter, value: Any) -> str:
    written = style.segment(parameter.name, value, parameter.style, parameter.explode, style.text)
    if _CONTROL.search(written) or not written.isascii():
        raise ValueError(f"the header {parameter.name} must be printable ASCII")
    return written


def _written(media: str, value: Any) -> tuple[str, str]:
    """The text of a body, and its media type."""
    kind = media.partition(";")[0].strip().lower()
    if _is_json(media):
        return json.dumps(value, ensure_ascii=False), media
    if kind == _FORM:
        fields = value if isinstance(value, dict) else {}
        flat = [(name, item) for name, each in fields.items() for item in (each if isinstance(each, list) else [each])]
        return urlencode([(name, style.text(item)) for name, item in flat], quote_via=quote), media
    if kind == _MULTIPART:
        return _multipart(value if isinstance(value, dict) else {})
    return style.text(value), media


def _multipart(fields: dict[str, Any]) -> tuple[str, str]:
    boundary = f"rtfs-{secrets.token_hex(16)}"
    parts = []
    for name, value in fields.items():
        kind = "text/plain; charset=utf-8" if isinstance(value, str) else "application/json"
        label = quote(name, safe=" !#$&'()*+,-./:;<=>?@[]^_`{|}~")
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{label}"\r\nContent-Type: {kind}\r\n\r\n'
        parts.append(f"{head}{style.text(value)}\r\n")
    return f"{''.join(parts)}--{boundary}--\r\n", f"{_MULTIPART}; boundary={boundary}"
