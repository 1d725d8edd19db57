"""What servers ask back: a person is asked through `ccos.user.elicit`, a model through `ccos.ai.llm-execute` (§3.5).

The question is a host call under the rights of the program that started the stream, and never reaches its processor.
Where nobody may or can answer, the server is told so.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any, NamedTuple

from rtfs.host.stream.chunk import from_json, to_json
from rtfs.lang.collections import Map
from rtfs.lang.errors import RtfsError
from rtfs.lang.names import Keyword
from rtfs.lang.outcome import HostCall, RuntimeContext

ELICIT, SAMPLE = "ccos.user.elicit", "ccos.ai.llm-execute"


class Asker(NamedTuple):
    """Who is asked: the host, for a stream, under the rights of the program that started it."""

    host: Any
    stream_id: str
    security: RuntimeContext

    async def ask(self, capability: str, **given: Any) -> Any:
        """The answer of a capability to a map of what is given; None when there is none."""
        entries = [(Keyword(name.replace("_", "-")), value) for name, value in given.items() if value is not None]
        try:
            answer = self.host.dispatch(HostCall(capability, (Map.of(entries),), self.security))
            return await answer if isinstance(answer, Awaitable) else answer
        except RtfsError:
            return None


def may_sample(host: Any) -> bool:
    """Is there a model? Only then servers are told that they may ask it."""
    market = getattr(host, "marketplace", None)
    found = None if market is None else market.find(SAMPLE)
    return found is not None and not found.vacant


async def elicit(asker: Asker | None, server: str, params: Any) -> Any:
    """The answer to a form (or to the wish that somebody opens a URL)."""
    from mcp_types import ElicitResult

    if asker is None:
        return ElicitResult(action="decline")
    schema = getattr(params, "requested_schema", None)
    answer = await asker.ask(
        ELICIT,
        stream_id=asker.stream_id,
        server=server,
        message=params.message,
        url=getattr(params, "url", None),
        schema=None if schema is None else from_json(schema),
    )
    if type(answer) is not Map:
        return ElicitResult(action="decline")
    return ElicitResult(action="accept", content=None if schema is None else to_json(answer))


async def sample(asker: Asker | None, params: Any) -> Any:
    """What the model says to the last message, with the system prompt; images and sounds are not passed on."""
    from mcp_types import INVALID_REQUEST, CreateMessageResult, ErrorData, TextContent

    texts = [block.text for message in params.messages for block in _blocks(message) if hasattr(block, "text")]
    hints = params.model_preferences.hints if params.model_preferences is not None else None
    model = next((hint.name for hint in hints or () if hint.name), "default")
    answer = None
    if asker is not None and texts:
        answer = await asker.ask(SAMPLE, model=model, prompt="\n\n".join(texts), system=params.system_prompt)
    if type(answer) is not str:
        return ErrorData(code=INVALID_REQUEST, message="The request was declined")
    return CreateMessageResult(role="assistant", content=TextContent(text=answer), model=model)


def _blocks(message: Any) -> list[Any]:
    content = message.content
    return list(content) if isinstance(content, list) else [content]
