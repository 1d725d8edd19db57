"""`:legacy`: what servers of the handshake era say unasked: log messages, resource updates (streaming.md §3.5)."""

from __future__ import annotations

import asyncio
import json
import warnings
from typing import TYPE_CHECKING, Any

from rtfs.host.stream.adapters import K_EVENT, Instead, Session, fits, traced
from rtfs.host.stream.adapters.resource import ResourceAdapter
from rtfs.host.stream.catalogue import fault
from rtfs.host.stream.chunk import from_json
from rtfs.host.stream.numbering import EVENT_ID
from rtfs.host.stream.retry import Lost
from rtfs.lang.collections import EMPTY_MAP, Map
from rtfs.lang.names import Keyword

if TYPE_CHECKING:
    from rtfs.host.stream.intake import Intake
    from rtfs.host.stream.settings import Settings

K_LAST = Keyword("last-event-id")
_LISTS = {f"notifications/{kind}/list_changed": kind for kind in ("tools", "prompts", "resources")}


class LegacyAdapter(ResourceAdapter):
    """Subscribes to the URIs and reads what an update names; every connection reads everything once, as `:listen` does.

    Without URIs, or with `:log-level`, log messages are chunks `{:level :logger :data}`. The position is a map from URI
    to hash, and `:last-event-id` when the server numbers what it says.
    """

    name = "legacy"
    guarantee = "at-most-once"
    idle_ms = 300_000
    mode = "legacy"
    listens = True

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        if self.uris:
            self.guarantee = "latest-state"
        self._logs = not self.uris or settings["log-level"] is not None
        self._due: dict[tuple[str, str], None] = {}  # what has to be read, in the order of its first cue
        self._cued = asyncio.Event()

    def after(self, position: Any) -> str | None:
        found = position.get(K_LAST) if type(position) is Map else None
        return found if type(found) is str else None

    async def run(self, session: Session, intake: Intake) -> None:
        self._due.clear()
        if self._logs and session.client.server_capabilities.logging:
            level = self.settings["log-level"] or Keyword("info")
            await session.ask(self.settings, _old(session.client.session.set_logging_level, level.name))
        await self._subscribe(session)
        for uri in self.uris:
            await self.fetch(session, intake, uri, "open")
        while True:
            while self._due:
                kind, what = next(iter(self._due))
                del self._due[kind, what]  # first, so that a cue during the reading counts
                await (self.fetch_list(session, intake, what) if kind else self.fetch(session, intake, what, "updated"))
            await self._cue(session)

    async def _subscribe(self, session: Session) -> None:
        from mcp import MCPError
        from mcp_types import METHOD_NOT_FOUND

        try:
            for uri in self.uris:
                await session.ask(self.settings, _old(session.client.session.subscribe_resource, uri))
        except MCPError as error:
            if error.code != METHOD_NOT_FOUND:
                raise
            if self.settings["adapter"] is Keyword("auto"):
                raise Instead("resource") from None
            why = "the server takes no subscriptions"
            raise fault(24, a=":legacy", endpoint=session.shown, why=why) from None

    async def _cue(self, session: Session) -> None:
        """Wait until something has to be read. Lost when the connection ends first."""
        self._cued.clear()
        waiting = asyncio.ensure_future(self._cued.wait())
        try:
            await asyncio.wait({waiting, session.gone}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()
        if session.gone.done():
            raise Lost("the server closed the connection", clean=True)

    def heard(self, message: Any, intake: Intake) -> None:
        """A notification of the server."""
        intake.quiet_since = intake.owner.services.clock.now_ms()
        method = message.method
        if method == "notifications/message" and self._logs:
            self._log(message.params, intake)
        elif method == "notifications/resources/updated":
            if not self.uris or any(_within(message.params.uri, uri) for uri in self.uris):
                self._need("", message.params.uri)
        elif method in _LISTS and not self.uris:
            self._need("list", _LISTS[method])

    def _need(self, kind: str, what: str) -> None:
        self._due[kind, what] = None
        self._cued.set()

    def _log(self, params: Any, intake: Intake) -> None:
        data = {"level": params.level, "logger": params.logger, "data": params.data}
        if not fits(json.dumps(data, ensure_ascii=False, default=str), intake):
            return
        offset, event = None, (params.meta or {}).get(EVENT_ID)
        if type(event) is str:
            if not self.uris:
                self.guarantee = "at-least-once"
            known = intake.position if type(intake.position) is Map else EMPTY_MAP
            offset = known.assoc(K_LAST, event)
        intake.offer(from_json(data, self._keywords), offset, traced(params.meta, {K_EVENT: "message"}))


def _within(uri: str, whole: str) -> bool:
    """Is the URI the subscribed one, or a part of what that names?"""
    return uri == whole or uri.startswith(whole.rstrip("/") + "/")


def _old(request: Any, argument: Any) -> Any:
    """A request that newer protocol versions do without, which the SDK warns of."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return request(argument)


ADAPTER = LegacyAdapter
