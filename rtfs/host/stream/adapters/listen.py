"""`:listen`: change cues of a server, each followed by fresh content (streaming.md §3.5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rtfs.host.stream.adapters import Session, content_hash
from rtfs.host.stream.adapters.resource import ResourceAdapter
from rtfs.host.stream.catalogue import fault
from rtfs.host.stream.chunk import from_json
from rtfs.lang.names import Keyword

if TYPE_CHECKING:
    from rtfs.host.stream.intake import Intake


class ListenAdapter(ResourceAdapter):
    """Subscribes to the URIs, or to the server's lists when there are none, and reads what a cue names.

    Every connection reads everything once after subscribing, so that no final state is missed.
    """

    name = "listen"

    async def run(self, session: Session, intake: Intake) -> None:
        from mcp.client.subscriptions import ListenNotSupportedError

        wanted: dict[str, Any] = {"resource_subscriptions": self.uris}
        if not self.uris:
            wanted = {"tools_list_changed": True, "prompts_list_changed": True, "resources_list_changed": True}
        try:
            async with session.client.listen(**wanted) as subscription:
                for uri in self.uris:
                    await self.fetch(session, intake, uri, "open")
                async for event in subscription:
                    await self._cue(session, intake, event)
        except ListenNotSupportedError as problem:
            if self.settings["adapter"] is not Keyword("auto") or not self.uris:
                raise fault(24, a=":listen", endpoint=session.shown, why=str(problem)) from None
            await super().run(session, intake)  # an older server: read at intervals instead

    async def _cue(self, session: Session, intake: Intake, event: Any) -> None:
        from mcp.client.subscriptions import PromptsListChanged, ResourceUpdated, ToolsListChanged

        if isinstance(event, ResourceUpdated):
            await self.fetch(session, intake, event.uri, "updated")
            return
        client = session.client
        if isinstance(event, ToolsListChanged):
            cue, field, request = "tools-list-changed", "tools", client.list_tools(cache_mode="refresh")
        elif isinstance(event, PromptsListChanged):
            cue, field, request = "prompts-list-changed", "prompts", client.list_prompts(cache_mode="refresh")
        else:
            cue, field, request = "resources-list-changed", "resources", client.list_resources(cache_mode="refresh")
        result = await session.ask(self.settings, request)
        listed = result.model_dump(mode="json", by_alias=True, exclude_none=True).get(field, [])
        if not intake.open:
            await intake.opened()
        self.offer(intake, None, from_json(listed, self._keywords), content_hash(listed), cue)


ADAPTER = ListenAdapter
