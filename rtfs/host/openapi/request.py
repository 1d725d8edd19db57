"""Calling an operation: the request, its credentials, and what the program gets of the response."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from rtfs.host.openapi.operation import Operation
from rtfs.host.openapi.security import Credentials, Missing, Proof
from rtfs.host.provider import CallContext
from rtfs.lang.collections import Map
from rtfs.lang.errors import HostCallError
from rtfs.lang.names import Keyword

if TYPE_CHECKING:
    from rtfs.host.http import Answer, Request

BYTES = 10 * 1024 * 1024  # of a response
SECONDS = 30.0
_EXCERPT = 2_000  # characters of an error's body


class Caller:
    """The function of a capability: one map of arguments in, the value of the response out."""

    def __init__(self, operation: Operation, credentials: Credentials) -> None:
        self.operation = operation
        self.credentials = credentials

    async def __call__(self, ctx: CallContext, given: Map) -> Any:
        """HostError of `:type` `:http-status`, `:missing-credential`, `:input-validation`, or as for `http-fetch`."""
        from rtfs.host.http import Fetch  # deferred: only calls need the client

        try:
            proof = self.credentials.proof(self.operation.security)
            request = self._request(given, proof)
        except Missing as missing:
            raise _error(ctx, "missing-credential", f"{ctx.capability_id}: {missing}") from None
        except ValueError as error:
            raise _error(ctx, "input-validation", f"Invalid input for {ctx.capability_id}: {error}") from None
        names = frozenset(name.lower() for name, _ in proof.headers)
        fetch = Fetch(ctx, limit=BYTES, seconds=SECONDS, home=self.operation.server, secrets=(names, proof.secrets))
        answer = await fetch(request)
        if not 200 <= answer.status < 300:
            raise self._failed(ctx, answer, fetch)
        return _value(ctx, answer)

    def _request(self, given: Map, proof: Proof) -> Request:
        from rtfs.host.http import Request
        from rtfs.host.stream.chunk import to_json

        sent = self.operation.request({key: to_json(value) for key, value in given.entries()})
        query = "&".join(f"{name}={value}" for name, value in [*sent.query, *proof.query])
        headers = [*sent.headers, *proof.headers]
        cookies = [*sent.cookies, *proof.cookies]
        if cookies:
            headers.append(("Cookie", "; ".join(f"{name}={value}" for name, value in cookies)))
        url = f"{sent.url}?{query}" if query else sent.url
        return Request(url, self.operation.method.upper(), headers, sent.body)

    def _failed(self, ctx: CallContext, answer: Answer, fetch: Any) -> HostCallError:
        """The error of a response that is none of success."""
        try:
            phrase = HTTPStatus(answer.status).phrase
        except ValueError:
            phrase = "unknown status"
        text = f"{self.operation.method.upper()} {self.operation.path}: {answer.status} {phrase}"
        facts = {"status": answer.status, "body": fetch.concealed(answer.body[:_EXCERPT])}
        return _error(ctx, "http-status", text, facts)


def _value(ctx: CallContext, answer: Answer) -> Any:
    """JSON as a value, other text as it is, nil for nothing."""
    from rtfs.host.stream.chunk import NotJson, parse_json

    media = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    if answer.status == HTTPStatus.NO_CONTENT or not answer.body:
        return None
    if media not in ("application/json", "") and not media.endswith("+json"):
        return answer.body
    try:
        return parse_json(answer.body)
    except NotJson as error:
        if media:
            raise _error(ctx, "output-validation", f"Invalid output of {ctx.capability_id}: no JSON: {error}") from None
        return answer.body


def _error(ctx: CallContext, kind: str, text: str, facts: dict[str, Any] | None = None) -> HostCallError:
    data = Map.of([(Keyword(key), value) for key, value in {"capability": ctx.capability_id, **(facts or {})}.items()])
    return HostCallError("HostError", text, type=kind, data=data)
