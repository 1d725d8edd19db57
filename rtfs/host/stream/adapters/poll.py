"""`:poll`: a tool that gives a page of items each time it is asked (streaming.md §3.5)."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from rtfs.host.stream.adapters import Plain, Session, fits, traced
from rtfs.host.stream.catalogue import fault
from rtfs.host.stream.chunk import dig, to_json
from rtfs.host.stream.tool import find_tool, result_value, text_of
from rtfs.lang.codec import encode
from rtfs.lang.collections import EMPTY_MAP, Map, vector
from rtfs.lang.names import Keyword
from rtfs.lang.values import is_vector

if TYPE_CHECKING:
    from rtfs.host.stream.intake import Intake
    from rtfs.host.stream.settings import Settings

K_CURSOR, K_INDEX, K_SEEN = Keyword("cursor"), Keyword("index"), Keyword("seen")


class PollAdapter(Plain):
    """Asks for pages.

    With `:cursor-arg` the position is `{:cursor c :index i}`: the next item is number i of the page that cursor c
    gives. Without it, it is `{:seen [text …] :index i}`: items that were in the answer before are not new, and i new
    ones are done.
    """

    name = "poll"

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.tool: str = settings["tool"]
        self._keywords = settings["key-style"] is Keyword("keyword")

    async def run(self, session: Session, intake: Intake) -> None:
        await session.ask(self.settings, find_tool(session, self.tool, self.name))
        if self.settings["cursor-arg"] is None:
            await self._without_cursor(session, intake)
        else:
            await self._with_cursor(session, intake)

    async def _with_cursor(self, session: Session, intake: Intake) -> None:
        position = intake.position
        cursor, index = (position.get(K_CURSOR), position.get(K_INDEX)) if type(position) is Map else (None, 0)
        while True:
            answer, items, told = await self._ask(session, intake, cursor)
            following = dig(answer, self.settings["cursor-path"]) if self.settings["cursor-path"] else None
            moves = following is not None and following != cursor
            fresh = items[index:]
            for number, item in enumerate(fresh, index + 1):
                if not intake.open:
                    await intake.opened()
                place = (following, 0) if moves and number == len(items) else (cursor, number)
                intake.offer(item, Map.holding({K_CURSOR: place[0], K_INDEX: place[1]}), told)
            cursor, index = (following, 0) if moves else (cursor, max(index, len(items)))
            if not (moves and fresh):
                await self._pause(session)

    async def _without_cursor(self, session: Session, intake: Intake) -> None:
        position = intake.position
        seen, done = (position.get(K_SEEN), position.get(K_INDEX)) if type(position) is Map else ((), 0)
        while True:
            _, items, told = await self._ask(session, intake, None)
            texts = [encode(item) for item in items]
            known = Counter(seen)
            fresh = []
            for item, text in zip(items, texts, strict=True):
                if known[text] > 0:
                    known[text] -= 1
                else:
                    fresh.append(item)
            for number, item in enumerate(fresh[done:], done + 1):
                if not intake.open:
                    await intake.opened()
                place = (vector(texts), 0) if number == len(fresh) else (seen, number)
                intake.offer(item, Map.holding({K_SEEN: place[0], K_INDEX: place[1]}), told)
            seen, done = vector(texts), 0
            await self._pause(session)

    async def _ask(self, session: Session, intake: Intake, cursor: Any) -> tuple[Any, Any, Any]:
        """The answer to a call, the items in it, and their metadata."""
        settings = self.settings
        arguments = {**to_json(settings["config"]), **to_json(settings["args"] or EMPTY_MAP)}
        if cursor is not None:
            arguments[settings["cursor-arg"]] = to_json(cursor)
        result = await session.ask(settings, session.client.call_tool(self.tool, arguments))
        if result.is_error:
            raise fault(19, tool=self.tool, text=text_of(result))
        value, text = result_value(result, self._keywords)
        return value, self._items(value) if fits(text, intake) else (), traced(result.meta)

    def _items(self, answer: Any) -> Any:
        """The items of an answer: the vector at `:items-path`, the answer if it is a vector, else the answer as one
        item."""
        path = self.settings["items-path"]
        found = dig(answer, path) if path else answer
        if is_vector(found):
            return found
        return () if found is None else (found,)

    async def _pause(self, session: Session) -> None:
        await session.timers.clock.sleep(self.settings["interval-ms"] / 1000)


ADAPTER = PollAdapter
