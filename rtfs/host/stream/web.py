"""HTTP answers and web sockets of servers that are not asked in MCP (streaming.md §3.4, §3.7).

Redirects are followed here and not by httpx2, because another origin must not get the credentials of the first, and may
be one that the program has no right to reach.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit, urlunsplit

from rtfs.host import net
from rtfs.host.stream.catalogue import fault
from rtfs.host.stream.credential import masked, origin
from rtfs.host.stream.options import shown
from rtfs.host.stream.refusal import refusal, seconds
from rtfs.host.stream.retry import Lost

if TYPE_CHECKING:
    import ssl

    import httpx2

    from rtfs.host.stream.adapters import Session

HOPS = 5
PLAIN = {"accept-encoding": "identity", "cache-control": "no-store"}


def address(url: str, *schemes: str) -> str:
    """The URL. S003 when it is no absolute one of one of the schemes."""
    try:
        found = net.endpoint(url)
    except ValueError:
        found = None
    if found is None or found.scheme not in schemes:
        raise fault(3, p="url", kind=f"an absolute {' or '.join(schemes)} URL", value=shown(masked(url)))
    return url


@asynccontextmanager
async def opened(
    session: Session, adapter: str, headers: dict[str, str | bytes], expected: frozenset[int], *, milliseconds: int
) -> AsyncIterator[httpx2.Response]:
    """The answer to a GET of the session's target, its body not read yet.

    headers: those of the adapter, which every hop gets. expected: statuses that are no refusal. Lost when there is no
    answer within `milliseconds` or it says to come again, S024 when asking again is useless, S026 for a compressed one.
    """
    import httpx2

    with losses(adapter, session.shown):
        async with httpx2.AsyncClient(timeout=None, verify=security()) as client:
            try:
                asking = _follow(client, session, {**PLAIN, **headers})
                response = await session.timers.within(milliseconds, asking)
            except TimeoutError:
                raise Lost(f"no answer within {milliseconds} ms") from None
            try:
                if response.status_code not in expected:
                    after = seconds(response.headers.get("retry-after"))
                    raise refusal(response.status_code, after)
                packed = response.headers.get("content-encoding", "identity").strip().lower()
                if packed not in ("identity", ""):
                    raise fault(26, why=f"an answer in {packed[:40]}, which was not asked for")
                yield response
            finally:
                await response.aclose()


@cache
def security() -> ssl.SSLContext:
    """What TLS trusts. Reading it takes so long that no reconnect should do it again."""
    import httpx2

    return httpx2.create_ssl_context()


async def _follow(client: httpx2.AsyncClient, session: Session, own: dict[str, Any]) -> httpx2.Response:
    """The first answer that is no redirect."""
    target = session.target
    assert target is not None
    url, basic = _without_user(target.place)
    headers: dict[str, str] = {**basic, **target.headers()}
    for _ in range(HOPS + 1):
        request = client.build_request("GET", url, headers={**headers, **own})
        response = await client.send(request, stream=True)
        if not response.has_redirect_location:
            return response
        await response.aclose()
        following = _onward(url, response.headers["location"])
        if origin(following) != origin(url):
            session.admit(following)
            headers = {}  # what was configured for one origin is nobody else's
        url = following
    raise Lost(f"more than {HOPS} redirects", status=response.status_code)


def _onward(url: str, location: str) -> str:
    """Where a redirect leads, in the scheme's own family and without the user it may name."""
    import httpx2

    following = httpx2.URL(url).join(location)
    scheme = following.scheme
    if url.startswith("ws"):  # servers know the handshake as a request of HTTP
        scheme = {"http": "ws", "https": "wss"}.get(scheme, scheme)
    return _without_user(str(following.copy_with(scheme=scheme)))[0]


def _without_user(url: str) -> tuple[str, dict[str, str]]:
    """The URL without `user:password@`, and the header that says the same: URLs are logged, headers are not."""
    parts = urlsplit(url)
    user, at, place = parts.netloc.rpartition("@")
    if not at:
        return url, {}
    encoded = b64encode(unquote(user if ":" in user else f"{user}:").encode()).decode()
    return urlunsplit(parts._replace(netloc=place)), {"authorization": f"Basic {encoded}"}


@contextmanager
def losses(adapter: str, shown: str) -> Iterator[None]:
    """What the network does to a connection, as Lost; what no repetition would change, as S024."""
    import httpx2

    try:
        yield
    except httpx2.RemoteProtocolError as error:
        raise Lost(masked(str(error)) or "the server closed the connection", clean=True) from error
    except (httpx2.UnsupportedProtocol, httpx2.LocalProtocolError, httpx2.InvalidURL) as error:
        raise fault(24, a=f":{adapter}", endpoint=shown, why=masked(str(error))) from error
    except (httpx2.TransportError, OSError) as error:
        raise Lost(masked(str(error)) or type(error).__name__) from error
