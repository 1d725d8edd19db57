"""What a name means on a server that only it can say: its tool, its resource, or all of it (streaming.md §3.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rtfs.host.stream.adapters import Instead, Plain, Session
from rtfs.host.stream.tool import PAGES

if TYPE_CHECKING:
    from rtfs.host.stream.intake import Intake
    from rtfs.host.stream.settings import Settings


class NamedAdapter(Plain):
    """Looks the endpoint's name up and leaves the stream to the adapter for what it finds."""

    name = "named"
    guarantee = "at-most-once"

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._memory: Any = None

    def memory(self) -> Any:
        return self._memory

    def remember(self, memory: Any) -> None:
        self._memory = memory

    async def run(self, session: Session, intake: Intake) -> None:
        name = self.settings["endpoint"]
        if await self._listed(session, session.client.list_tools, "tools", name):
            raise Instead("poll" if self.settings["cursor-arg"] else "progress", tool=name)
        resource = await self._listed(session, session.client.list_resources, "resources", name)
        if resource is not None:
            raise Instead("listen", resource=str(resource.uri))
        raise Instead("listen")

    async def _listed(self, session: Session, ask: Any, kind: str, name: str) -> Any:
        """The tool or resource of that name or URI; None when the server has none, or no such list."""
        from mcp import MCPError
        from mcp_types import METHOD_NOT_FOUND

        cursor: str | None = None
        for _ in range(PAGES):
            try:
                page = await session.ask(self.settings, ask(cursor=cursor))
            except MCPError as error:
                if error.code == METHOD_NOT_FOUND:
                    return None
                raise
            for found in getattr(page, kind):
                if name in (found.name, str(getattr(found, "uri", found.name))):
                    return found
            cursor = page.next_cursor
            if cursor is None:
                return None
        return None


ADAPTER = NamedAdapter
