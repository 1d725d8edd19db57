"""HTTP for capabilities: every hop is checked against the grants, and the address checked is the one connected to."""

from __future__ import annotations

import asyncio
import socket
import ssl
from typing import Any, NamedTuple

import httpx2

from rtfs.host import net, policy
from rtfs.host.provider import CallContext
from rtfs.lang.collections import Map
from rtfs.lang.errors import HostCallError
from rtfs.lang.names import Keyword

_REDIRECTS = 10
_CLIENTS = 16
_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
_OWN_HEADERS = {"host", "content-length", "transfer-encoding", "connection", "upgrade", "proxy-authorization"}
_SECRET_HEADERS = {"authorization", "cookie"}  # never sent on to another origin


class Request(NamedTuple):
    """What a program asks for."""

    url: str
    method: str
    headers: list[tuple[str, str]]
    body: str | None


class Answer(NamedTuple):
    """What it gets."""

    status: int
    headers: dict[str, str]
    body: str


class Clients:
    """The HTTP clients of one host for one event loop: a pool cannot leave its loop, a host can (each run has its own).

    Requests to a checked address go through a pool per host name: pools know connections by address alone, and must not
    use one that was secured for another name at the same address.
    """

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._security: ssl.SSLContext | None = None
        self._clients: dict[str | None, httpx2.AsyncClient] = {}

    async def get(self, name: str | None) -> httpx2.AsyncClient:
        """The client for a host name; None for the one that resolves names itself, or lets a proxy do it."""
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._loop, self._clients = loop, {}
        client = self._clients.pop(name, None)
        if client is None:
            if len(self._clients) >= _CLIENTS:
                await self._clients.pop(next(iter(self._clients))).aclose()
            self._security = self._security or httpx2.create_ssl_context()
            client = httpx2.AsyncClient(verify=self._security, trust_env=name is None, timeout=None)
        self._clients[name] = client  # at the end: the first one is the one unused for longest
        return client

    async def aclose(self) -> None:
        """Close the connections, unless their loop is gone and took them along."""
        if self._loop is asyncio.get_running_loop():
            for client in self._clients.values():
                await client.aclose()
        self._clients = {}


Secrets = tuple[frozenset[str], list[str]]
_NO_SECRETS: Secrets = (frozenset(), [])


class Fetch:
    """One fetch under the context of a call: at most `limit` bytes of body and `seconds` in all.

    home: a URL whose host is the only one to go to where no grant names hosts. secrets: names of headers (lower case)
    that never go to another origin, and texts that no error shows.
    """

    def __init__(
        self, ctx: CallContext, *, limit: int, seconds: float, home: str | None = None, secrets: Secrets = _NO_SECRETS
    ) -> None:
        self._ctx = ctx
        self._limit = limit
        self._seconds = seconds
        self._granted = policy.grants_of(ctx.security, "net")
        if self._granted is None and home is not None:
            self._granted = (net.endpoint(home).authority,)
        self._private = _SECRET_HEADERS | secrets[0]
        self._hidden = secrets[1]

    async def __call__(self, request: Request) -> Answer:
        """HostError with `:type` `:timeout`, `:too-large`, `:invalid-url`, `:invalid-method` or `:network`.

        SecurityViolation for a hop that is not granted.
        """
        if request.method not in _METHODS:
            raise self._error("invalid-method", f"unknown method {request.method}")
        try:
            async with asyncio.timeout(self._seconds):
                return await self._follow(request)
        except TimeoutError:
            late = f"no answer from {request.url} within {round(self._seconds * 1000)} ms"
            raise self._error("timeout", late) from None
        except httpx2.HTTPError as error:
            raise self._error("network", f"{request.url}: {str(error) or type(error).__name__}") from error

    async def _follow(self, request: Request) -> Answer:
        headers = [(name, value) for name, value in request.headers if name.lower() not in _OWN_HEADERS]
        request = request._replace(headers=headers)
        for _ in range(_REDIRECTS + 1):
            answer = await self._one(request)
            if isinstance(answer, Answer):
                return answer
            request = self._redirected(request, answer)
        raise self._error("network", f"more than {_REDIRECTS} redirects")

    async def _one(self, request: Request) -> Answer | httpx2.Response:
        """One hop: the answer, or the response that redirects."""
        target = self._endpoint(request)
        url = httpx2.URL(request.url)
        extensions: dict[str, Any] = {}
        headers = list(request.headers)
        pinned = target.host if self._granted is not None and not _proxied(target) else None
        if pinned is not None:
            address = await self._address(request, target)
            headers.append(("Host", url.netloc.decode("ascii")))
            extensions["sni_hostname"] = target.host
            url = url.copy_with(host=address)
        clients: Clients = self._ctx.host.part("http", Clients)
        client = await clients.get(pinned)
        body = None if request.body is None else request.body.encode()
        self._ctx.meter(network_bytes=len(body or b""))
        sent = client.build_request(request.method, url, headers=headers, content=body, extensions=extensions)
        response = await client.send(sent, stream=True)
        try:
            if response.has_redirect_location:
                return response
            return Answer(response.status_code, _headers(response), await self._body(response))
        finally:
            await response.aclose()

    def _endpoint(self, request: Request) -> net.Endpoint:
        """Where a hop leads, when it is granted."""
        try:
            target = net.endpoint(request.url)
        except ValueError as error:
            raise self._error("invalid-url", str(error)) from None
        if target.scheme not in ("http", "https"):
            raise self._error("invalid-url", f"not an http or https URL: {request.url}")
        if self._granted is not None and net.granting(self._granted, target, request.method) is None:
            raise self._refused(request.url)
        return target

    async def _address(self, request: Request, target: net.Endpoint) -> str:
        """The address to connect to, among those the grants admit."""
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise self._error("network", f"{target.host}: {error.strerror or error}") from error
        for entry in found:
            address = str(entry[4][0])
            if net.reachable(self._granted or (), target, address):
                return address
        raise self._refused(request.url)

    async def _body(self, response: httpx2.Response) -> str:
        content = bytearray()
        async for part in response.aiter_bytes():
            self._ctx.meter(network_bytes=len(part))
            content += part
            if len(content) > self._limit:
                raise self._error("too-large", f"{response.url}: more than {self._limit} bytes")
        try:
            return content.decode(response.charset_encoding or "utf-8", "replace")
        except LookupError:
            return content.decode("utf-8", "replace")

    def _redirected(self, request: Request, response: httpx2.Response) -> Request:
        """The next request, as browsers make it: GET after 303, or after 301 or 302 to a POST; secrets stay home."""
        url = str(httpx2.URL(request.url).join(response.headers["location"]))
        method, body, headers = request.method, request.body, request.headers
        status = response.status_code
        if (status == 303 and method != "HEAD") or (status in (301, 302) and method == "POST"):
            method, body = "GET", None
            headers = [(name, value) for name, value in headers if not name.lower().startswith("content-")]
        try:
            same = net.endpoint(url) == net.endpoint(request.url)
        except ValueError as error:
            raise self._error("invalid-url", str(error)) from None
        if not same:
            headers = [(name, value) for name, value in headers if name.lower() not in self._private]
        return Request(url, method, headers, body)

    def concealed(self, text: str) -> str:
        """The text without what nobody may see."""
        for secret in self._hidden:
            text = text.replace(secret, "***")
        return text

    def _refused(self, url: str) -> HostCallError:
        subject = self._ctx.host.marketplace.require(self._ctx.capability_id)
        return policy.outside(self._ctx.security, subject, self.concealed(url))

    def _error(self, kind: str, text: str) -> HostCallError:
        data = Map.of([(Keyword("capability"), self._ctx.capability_id)])
        return HostCallError("HostError", self.concealed(text), type=kind, data=data)


def _proxied(target: net.Endpoint) -> bool:
    """Does the environment send requests there through a proxy, which then resolves the name?"""
    from urllib.request import getproxies, proxy_bypass

    proxies = getproxies()
    return (target.scheme in proxies or "all" in proxies) and not proxy_bypass(target.host)


def _headers(response: httpx2.Response) -> dict[str, str]:
    """Names in lower case; values of a repeated name joined by a comma."""
    found: dict[str, str] = {}
    for name, value in response.headers.multi_items():
        key = name.lower()
        found[key] = f"{found[key]}, {value}" if key in found else value
    return found
