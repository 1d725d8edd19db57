"""`:listen`: change cues of a server, each followed by fresh content (streaming.md §3.5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rtfs.host.stream.adapters import Instead, Session
from rtfs.host.stream.adapters.resource import ResourceAdapter
from rtfs.host.stream.catalogue import fault
from rtfs.lang.names import Keyword

if TYPE_CHECKING:
    from rtfs.host.stream.intake import Intake


class ListenAdapter(ResourceAdapter):
    """Subscribes to the URIs, or to the server's lists when there are none, and reads what a cue names.

    Every connection reads everything once after subscribing, so that no final state is missed.
    """

    name = "listen"

    async def run(self, session: Session, intake: Intake) -> None:
        from mcp import MCPError
        from mcp.client.subscriptions import ListenNotSupportedError
        from mcp_types import METHOD_NOT_FOUND

        wanted: dict[str, Any] = {"resource_subscriptions": self.uris}
        if not self.uris:
            wanted = {"tools_list_changed": True, "prompts_list_changed": True, "resources_list_changed": True}
        try:
            async with session.client.listen(**wanted) as subscription:
                self._admitted(subscription.honored, session)
                for uri in self.uris:
                    await self.fetch(session, intake, uri, "open")
                async for event in subscription:
                    await self._cue(session, intake, event)
        except ListenNotSupportedError as problem:
            raise self._otherwise("legacy", session, str(problem)) from None
        except MCPError as problem:
            if problem.code != METHOD_NOT_FOUND:
                raise
            why = "the server tells no changes" if not self.uris else "the server takes no subscriptions"
            raise self._otherwise("resource" if self.uris else None, session, why) from None

    def _admitted(self, honored: Any, session: Session) -> None:
        """Did the server agree to tell what the stream is about?"""
        if self.uris and not set(self.uris) <= set(honored.resource_subscriptions or ()):
            raise self._otherwise("resource", session, "the server does not tell when these resources change")

    def _otherwise(self, other: str | None, session: Session, why: str) -> Exception:
        """What serves a server that cannot be listened to: another adapter, unless this one was asked for by name."""
        if other is not None and self.settings["adapter"] is Keyword("auto"):
            return Instead(other)
        return fault(24, a=":listen", endpoint=session.shown, why=why)

    async def _cue(self, session: Session, intake: Intake, event: Any) -> None:
        from mcp.client.subscriptions import PromptsListChanged, ResourceUpdated, ToolsListChanged

        if isinstance(event, ResourceUpdated):
            await self.fetch(session, intake, event.uri, "updated")
        else:
            kind = {ToolsListChanged: "tools", PromptsListChanged: "prompts"}.get(type(event), "resources")
            await self.fetch_list(session, intake, kind)


ADAPTER = ListenAdapter
