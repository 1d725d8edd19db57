"""Serving a program: requests call its functions, each as a run of its own in one session.

Requests share what the program defined, its state and its streams. Each has limits of its own, fails alone, and ends
when it is cancelled. None changes the context that others see: whoever serves denies `ccos.context.set`.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from rtfs.exports import Tool
from rtfs.host.serve import Answer, Report
from rtfs.lang.collections import Map
from rtfs.lang.errors import RtfsError
from rtfs.lang.names import Keyword

if TYPE_CHECKING:
    from rtfs.session import Session

_STREAM = Keyword("stream-id")


class Service:
    """The tools of a program in its session."""

    def __init__(self, session: Session, tools: list[Tool]) -> None:
        self._session = session
        self._tools = {tool.name: tool for tool in tools}
        self._ending: set[asyncio.Future[Any]] = set()

    async def invoke(self, name: str, given: dict[str, Any], report: Report) -> Answer:
        """Call a tool. Of an answer that is a stream the outputs are reported; its state at the end is the result.

        RtfsError only when the run was cancelled.
        """
        tool = self._tools[name]
        try:
            value = await self._session.call_async(tool.function, *tool.arguments(given))
            text, structured = tool.output(await self._followed(value, report))
            return Answer(text, structured)
        except RtfsError as error:
            if error.kind == "Cancelled":
                raise
            return Answer(error.rendered(), failed=True)

    async def _followed(self, value: Any, report: Report) -> Any:
        """What a stream gave at its end; any other value as it is."""
        id = value.get(_STREAM) if type(value) is Map else None
        stream = None if id is None else self._session.host.streams.streams.get(id)
        if stream is None:
            return value
        from rtfs.lang.json import to_json

        number = 0
        try:
            async for output in stream:
                number += 1
                await report(number, output if type(output) is str else to_json(output))
            return await stream.result()
        finally:
            if not stream.owner.terminal:  # nobody is there any more to hear of it
                ending = asyncio.ensure_future(stream.cancel("the request ended"))
                self._ending.add(ending)
                ending.add_done_callback(self._ending.discard)
