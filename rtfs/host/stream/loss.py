"""What an exception of the SDK, of the network or of a child process means for a stream (streaming.md §3.7)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rtfs.host.stream.catalogue import fault
from rtfs.host.stream.connection import innermost
from rtfs.host.stream.refusal import refusal
from rtfs.host.stream.retry import Lost
from rtfs.lang.errors import RtfsError

if TYPE_CHECKING:
    from rtfs.host.stream.connection import Connection


async def as_loss(error: Exception, connection: Connection | None, adapter: str, shown: str) -> Exception:
    """Lost when the transport may come back, S024 when asking again is useless."""
    link = None if connection is None else connection.link
    status = None if link is None else link.status
    cause = innermost(error)
    if connection is not None and _late(cause, connection):
        cause = ConnectionError("the connection is gone")
    if connection is not None and _closed(cause):
        found = await connection.cause()
        cause = cause if found is None else found
    if isinstance(cause, (RtfsError, Lost)):
        return cause
    why = describe(cause)
    if status is not None and link is not None:
        return refusal(status, link.retry_after)
    if isinstance(cause, (FileNotFoundError, PermissionError)):
        return _unserved(adapter, shown, f"the command cannot be started: {why}")
    if _closed(cause) or isinstance(cause, (OSError, TimeoutError)) or _of_the_network(cause):
        return Lost(why)
    return _unserved(adapter, shown, why)


def unreadable(error: BaseException) -> bool:
    """Did the SDK give a request up because it could not read a frame that came for it?"""
    from mcp import MCPError
    from mcp_types import PARSE_ERROR

    causes = (innermost(error), innermost(error).__cause__)
    return any(isinstance(cause, MCPError) and cause.code == PARSE_ERROR for cause in causes)


def describe(error: BaseException) -> str:
    """An exception in words; some have none of their own."""
    text = str(error).strip().splitlines()
    return text[0] if text else type(error).__name__


def _unserved(adapter: str, shown: str, why: str) -> RtfsError:
    return fault(24, a=f":{adapter}", endpoint=shown, why=why)


def _closed(error: BaseException) -> bool:
    """Did the connection end under a request or a subscription?"""
    from mcp import MCPError
    from mcp.client.subscriptions import SubscriptionLost
    from mcp_types import CONNECTION_CLOSED, REQUEST_TIMEOUT

    if isinstance(error, MCPError):
        return error.code in (CONNECTION_CLOSED, REQUEST_TIMEOUT)
    return isinstance(error, (SubscriptionLost, ConnectionError))


def _late(error: BaseException, connection: Connection) -> bool:
    """Did the SDK refuse a request because the connection had gone before, and not because of what made it go?"""
    return isinstance(error, RuntimeError) and connection.broken and error is not connection.failure


def _of_the_network(error: BaseException) -> bool:
    import anyio
    import httpx2

    gone = (anyio.ClosedResourceError, anyio.BrokenResourceError, anyio.EndOfStream)
    return isinstance(error, (httpx2.HTTPError, *gone))
