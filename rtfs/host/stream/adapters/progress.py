"""`:progress`: the progress notes of one long tool call, then its result (streaming.md §3.5)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from rtfs.host.stream.adapters import K_EVENT, K_EXT, Plain, Session, fits, traced
from rtfs.host.stream.catalogue import fault
from rtfs.host.stream.chunk import NotJson, dig, parse_json, to_json
from rtfs.host.stream.connection import LINGER_MS
from rtfs.host.stream.intake import Flooded
from rtfs.host.stream.retry import Lost
from rtfs.host.stream.tool import find_tool, repeatable, result_value, text_of
from rtfs.lang.codec import encode
from rtfs.lang.collections import EMPTY_MAP, Map, vector
from rtfs.lang.names import Keyword
from rtfs.lang.signal import met

if TYPE_CHECKING:
    from rtfs.host.stream.intake import Intake
    from rtfs.host.stream.settings import Settings

K_SINCE, K_END = Keyword("since"), Keyword("end")
K_PROGRESS, K_TOTAL, K_MESSAGE = Keyword("progress"), Keyword("total"), Keyword("message")
DEDUPE_WINDOW = 100_000


class ProgressAdapter(Plain):
    """Calls the tool and offers what it reports.

    With `:since-arg` the position is `{:since v}`, the last value of `:since-path` in a processed chunk, and a
    repeated call gets it as argument; `{… :end true}` says that the result was processed too. Without it there is no
    position.
    """

    name = "progress"
    endless = False
    token = True

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.tool: str = settings["tool"]
        self.idle_ms = settings["read-timeout-ms"]
        self.replayable = settings["since-arg"] is not None
        self.guarantee = "at-least-once" if self.replayable else "at-most-once"
        self._keywords = settings["key-style"] is Keyword("keyword")
        self._repeatable = bool(settings["reissue"])
        self._called = False
        self._ended = False
        self._seen: dict[str, None] = {}

    def may_repeat(self) -> bool:
        return self._repeatable or not self._called

    def memory(self) -> Any:
        """Was the call made, may it be repeated, did its result come, and which values of `:dedupe-path`."""
        seen = vector(list(self._seen)) if self._seen else None
        ended = self._ended and not self.replayable  # with positions, only what is processed counts
        names = ("called", "repeatable", "ended", "seen")
        return Map.of(zip(map(Keyword, names), (self._called, self._repeatable, ended, seen), strict=True))

    def remember(self, memory: Any) -> None:
        if type(memory) is Map:
            self._called = memory.get(Keyword("called")) is True
            self._ended = memory.get(Keyword("ended")) is True
            self._repeatable = self._repeatable or memory.get(Keyword("repeatable")) is True
            self._seen = dict.fromkeys(memory.get(Keyword("seen")) or ())

    async def run(self, session: Session, intake: Intake) -> None:
        settings, position = self.settings, intake.position
        if self._ended or (type(position) is Map and position.get(K_END) is True):
            return
        tool = await session.ask(settings, find_tool(session, self.tool, self.name))
        self._repeatable = settings["reissue"] or repeatable(tool)
        if not self.may_repeat():
            why = f"tool '{self.tool}' is not declared idempotent, so it is not called again"
            raise fault(23, n=intake.attempt, e=why)
        arguments = {**to_json(settings["config"]), **to_json(settings["args"] or EMPTY_MAP)}
        since = position.get(K_SINCE) if type(position) is Map else None
        if settings["since-arg"] is not None and since is not None:
            arguments[settings["since-arg"]] = to_json(since)
        self._called = True
        call = _Call(self, intake, since)
        result = await call.made(session, arguments)
        if result.is_error:
            raise fault(19, tool=self.tool, text=text_of(result))
        value, text = result_value(result, self._keywords)
        offset = None
        if self.replayable:
            offset = Map.of([(K_SINCE, call.since), (K_END, True)])
        self._ended = True
        if fits(text, intake):
            intake.offer(value, offset, traced(result.meta, {K_EVENT: "result"}))

    def read(self, progress: float, total: float | None, message: str | None) -> tuple[Any, dict[Keyword, Any] | None]:
        """The data and the metadata of a note."""
        numbers = Map.holding({K_PROGRESS: _number(progress), K_TOTAL: _number(total)})
        if message is not None and (message[:1] in ("{", "[") or message[:1].isspace()):
            try:
                data = parse_json(message, self._keywords)
            except NotJson:
                pass
            else:
                if type(data) not in (str, int, float, bool) and data is not None:
                    return data, {K_EXT: numbers}
        return numbers.assoc(K_MESSAGE, message), None

    def repeated(self, data: Any) -> bool:
        """Did a note with this value of `:dedupe-path` come before?"""
        path = self.settings["dedupe-path"]
        if path is None:
            return False
        key = encode(dig(data, path))
        if key in self._seen:
            return True
        self._seen[key] = None
        if len(self._seen) > DEDUPE_WINDOW:
            del self._seen[next(iter(self._seen))]
        return False


def _number(value: float | None) -> float | None:
    """Whole numbers as integers: the SDK makes floats of all numbers that came over a wire."""
    return value if value is None or value % 1 else met(int(value))


class _Call:
    """One call of the tool: takes its notes in the order of the wire, and ends the call when one of them cannot be
    kept."""

    def __init__(self, adapter: ProgressAdapter, intake: Intake, since: Any) -> None:
        self.since = since
        self._adapter = adapter
        self._intake = intake
        self._problem: Exception | None = None
        self._task: asyncio.Task[Any] | None = None

    async def made(self, session: Session, arguments: dict[str, Any]) -> Any:
        """The answer to the call."""
        call, tool, notes = session.client.call_tool, self._adapter.tool, session.notes
        if notes is None:
            return await self._answered(call(tool, arguments, progress_callback=self.called_back))
        token = notes.expect(self.note)
        try:
            return await self._answered(call(tool, arguments, meta={"progressToken": token}))
        finally:
            session.timers.after(LINGER_MS, lambda: notes.forget(token))  # what comes late is counted for a while

    async def _answered(self, request: Any) -> Any:
        self._task = asyncio.ensure_future(request)
        try:
            return await self._task
        except asyncio.CancelledError:
            self._task.cancel()
            if self._problem is None:
                raise
            raise self._problem from None

    async def called_back(self, progress: float, total: float | None, message: str | None) -> None:
        """A note of a server of this process, which has to wait while the queue is full."""
        self.note(progress, total, message)
        if not self._intake.open:
            await self._intake.opened()

    def note(
        self, progress: float, total: float | None, message: str | None, meta: dict[str, Any] | None = None
    ) -> None:
        """A progress note. One that comes after the answer is no chunk any more; it is counted."""
        if self._task is None or self._task.done():
            self._intake.owner.stats.ignored += 1
        elif self._problem is None:
            try:
                self._take(progress, total, message, meta)
            except Flooded as flood:
                self._fail(Lost(f"the stream cannot keep up with tool '{self._adapter.tool}': {flood}"))
            except Exception as problem:  # a defect, too, must end this call and not the connection
                self._fail(problem)

    def _take(self, progress: float, total: float | None, message: str | None, meta: dict[str, Any] | None) -> None:
        adapter, intake = self._adapter, self._intake
        if message is not None and not fits(message, intake):
            return
        data, metadata = adapter.read(progress, total, message)
        if adapter.repeated(data):
            return
        offset = None
        if adapter.replayable:
            found = dig(data, adapter.settings["since-path"])
            self.since = self.since if found is None else found
            offset = Map.of([(K_SINCE, self.since)])
        intake.offer(data, offset, traced(meta, metadata))

    def _fail(self, problem: Exception) -> None:
        self._problem = problem
        if self._task is not None:
            self._task.cancel()


ADAPTER = ProgressAdapter
