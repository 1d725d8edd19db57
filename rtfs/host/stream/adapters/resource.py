"""`:resource`: a resource, read again and again; a chunk whenever its content changed (streaming.md §3.5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rtfs.host.stream.adapters import Plain, Session
from rtfs.host.stream.catalogue import fault
from rtfs.host.stream.content import resource_value
from rtfs.lang.collections import EMPTY_MAP, Map
from rtfs.lang.names import Keyword

if TYPE_CHECKING:
    from rtfs.host.stream.intake import Intake
    from rtfs.host.stream.settings import Settings

K_URI, K_CONTENTS, K_HASH, K_CUE = Keyword("uri"), Keyword("contents"), Keyword("hash"), Keyword("cue")


class ResourceAdapter(Plain):
    """Reads the URIs every `:interval-ms`; the position is a map from URI to the hash of the content last seen."""

    name = "resource"
    guarantee = "latest-state"

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.uris: tuple[str, ...] = settings["uris"] or ((settings["resource"],) if settings["resource"] else ())
        self._keywords = settings["key-style"] is Keyword("keyword")

    async def run(self, session: Session, intake: Intake) -> None:
        while True:
            for uri in self.uris:
                await self.fetch(session, intake, uri, "poll", cached=True)
            await session.timers.clock.sleep(self.settings["interval-ms"] / 1000)

    async def fetch(self, session: Session, intake: Intake, uri: str, cue: str, *, cached: bool = False) -> None:
        """Read one resource and offer it if it changed since the position."""
        if not intake.open:
            await intake.opened()
        client = session.client
        result = await session.ask(self.settings, client.read_resource(uri, cache_mode="use" if cached else "refresh"))
        value, digest, size = resource_value(result, self._keywords)
        most = self.settings["max-message-bytes"]
        if size > most:
            raise fault(25, n=size, m=most)
        self.offer(intake, uri, value, digest, cue)

    def offer(self, intake: Intake, uri: str | None, value: Any, digest: str, cue: str) -> None:
        """One chunk `{:uri :contents :hash :cue}`, unless the hash is that of the position."""
        known = intake.position if type(intake.position) is Map else EMPTY_MAP
        key = uri if uri is not None else cue
        if known.get(key) == digest and not self.settings["emit-unchanged"]:
            return
        data = Map.holding({K_URI: uri, K_CONTENTS: value, K_HASH: digest, K_CUE: Keyword(cue)})
        intake.offer(data, known.assoc(key, digest))


ADAPTER = ResourceAdapter
