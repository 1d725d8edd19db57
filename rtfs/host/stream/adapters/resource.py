"""`:resource`: a resource, read again and again; a chunk whenever its content changed (streaming.md §3.5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rtfs.host.stream.adapters import Plain, Session, content_hash, fits, traced
from rtfs.host.stream.chunk import from_json
from rtfs.host.stream.content import resource_value
from rtfs.lang.collections import EMPTY_MAP, Map
from rtfs.lang.names import Keyword

if TYPE_CHECKING:
    from rtfs.host.stream.intake import Intake
    from rtfs.host.stream.settings import Settings

K_URI, K_CONTENTS, K_HASH, K_CUE = Keyword("uri"), Keyword("contents"), Keyword("hash"), Keyword("cue")


class ResourceAdapter(Plain):
    """Reads the URIs every `:interval-ms`, or when the time is over for which the server says that they hold.

    The position is a map from URI to the hash of the content last seen.
    """

    name = "resource"
    guarantee = "latest-state"

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.uris: tuple[str, ...] = settings["uris"] or ((settings["resource"],) if settings["resource"] else ())
        self._keywords = settings["key-style"] is Keyword("keyword")

    async def run(self, session: Session, intake: Intake) -> None:
        while True:
            holds = [await self.fetch(session, intake, uri, "poll", cached=True) for uri in self.uris]
            said = [milliseconds for milliseconds in holds if milliseconds]
            told = bool(said) and "interval-ms" not in self.settings
            await session.timers.clock.sleep((min(said) if told else self.settings["interval-ms"]) / 1000)

    async def fetch(self, session: Session, intake: Intake, uri: str, cue: str, *, cached: bool = False) -> int:
        """Read one resource and offer it if it changed since the position; how many ms the server says it holds."""
        if not intake.open:
            await intake.opened()
        client = session.client
        result = await session.ask(self.settings, client.read_resource(uri, cache_mode="use" if cached else "refresh"))
        value, digest, text = resource_value(result, self._keywords)
        if fits(text, intake):
            self.offer(intake, uri, value, digest, cue, result.meta)
        return result.ttl_ms or 0

    async def fetch_list(self, session: Session, intake: Intake, kind: str) -> None:
        """Read a list of the server (`tools`, `prompts` or `resources`) and offer it if it changed."""
        client = session.client
        request = {"tools": client.list_tools, "prompts": client.list_prompts}.get(kind, client.list_resources)
        result = await session.ask(self.settings, request(cache_mode="refresh"))
        listed = result.model_dump(mode="json", by_alias=True, exclude_none=True).get(kind, [])
        if not intake.open:
            await intake.opened()
        self.offer(intake, None, from_json(listed, self._keywords), content_hash(listed), f"{kind}-list-changed")

    def offer(self, intake: Intake, uri: str | None, value: Any, digest: str, cue: str, meta: Any = None) -> None:
        """One chunk `{:uri :contents :hash :cue}`, unless the hash is that of the position."""
        known = intake.position if type(intake.position) is Map else EMPTY_MAP
        key = uri if uri is not None else cue
        if known.get(key) == digest and not self.settings["emit-unchanged"]:
            return
        data = Map.holding({K_URI: uri, K_CONTENTS: value, K_HASH: digest, K_CUE: Keyword(cue)})
        intake.offer(data, known.assoc(key, digest), traced(meta))


ADAPTER = ResourceAdapter
