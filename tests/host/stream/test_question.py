"""Questions that servers ask back while a stream runs (streaming.md §3.5)."""

from __future__ import annotations

from typing import Any

import pytest
from mcp.server.mcpserver import Context, MCPServer
from mcp_types import SamplingMessage, TextContent
from pydantic import BaseModel

from rtfs import Marketplace, RuntimeContext
from rtfs.host.form import filled
from rtfs.lang.collections import Map, vector
from rtfs.lang.convert import from_python
from rtfs.lang.names import Keyword as K
from rtfs.session import Session

SEEN: list[Any] = []
OLD = pytest.mark.filterwarnings("ignore::mcp.shared.exceptions.MCPDeprecationWarning")


class City(BaseModel):
    city: str
    days: int = 1


def curious() -> MCPServer[None]:
    """Asks which city, and a model for a line about it."""
    server: MCPServer[None] = MCPServer("curious", log_level="CRITICAL")

    @server.tool()
    async def forecast(ctx: Context[None, Any]) -> dict[str, Any]:
        answer = await ctx.elicit("Which city?", City)
        return {"action": answer.action, "city": answer.data.city if answer.action == "accept" else None}

    @server.tool()
    async def poem(ctx: Context[None, Any]) -> dict[str, Any]:
        said = [SamplingMessage(role="user", content=TextContent(text="A line about rain"))]
        answer = await ctx.session.create_message(said, max_tokens=50, system_prompt="Be brief.")
        return {"text": answer.content.text}  # type: ignore[union-attr]

    return server


async def stream(tool: str, market: Marketplace, context: RuntimeContext, **options: Any) -> Any:
    """The stream of a tool, at its end, and what its processor saw."""
    session = Session(marketplace=market, context=context)
    try:
        registry = session.host.streams
        registry.servers["curious"] = curious()
        text = f"""(call :mcp.stream.await
          {{:stream (call :mcp.stream.start {{:endpoint "memory:curious" :tool "{tool}" :processor :collect
            :mode "legacy"}}) :timeout-ms 30000}})"""
        return await session.run_async(text)
    finally:
        await session.host.shutdown()


def market(**capabilities: Any) -> Marketplace:
    made = Marketplace()
    for id, function in capabilities.items():
        made.capability(id.replace("__", "-").replace("_", "."), replace=True)(function)
    return made


def items(end: Any) -> Any:
    return end[K("state")][K("items")]


async def test_a_question_goes_to_the_hosts_capability_with_the_id_of_the_stream_and_not_to_the_processor() -> None:
    asked = []

    def elicit(given: Any) -> Any:
        asked.append(given)
        return {"city": "Ulm", "days": 2}

    end = await stream("forecast", market(ccos_user_elicit=elicit), RuntimeContext.full())
    assert items(end) == vector([Map.of([(K("action"), "accept"), (K("city"), "Ulm")])])
    (given,) = asked
    assert (given["message"], given["stream-id"]) == ("Which city?", end[K("stream-id")])
    assert list(given["schema"]["properties"]) == ["city", "days"]


@pytest.mark.parametrize("answer", [None, "no map"])
async def test_a_question_that_nobody_answers_is_declined(answer: Any) -> None:
    end = await stream("forecast", market(ccos_user_elicit=lambda given: answer), RuntimeContext.full())
    assert items(end)[0][K("action")] == "decline"


async def test_a_program_that_may_not_ask_declines() -> None:
    asking = market(ccos_user_elicit=lambda given: {"city": "Ulm"})
    end = await stream("forecast", asking, RuntimeContext.controlled(["mcp.stream.*"]))
    assert items(end)[0][K("action")] == "decline"


@OLD
async def test_a_model_answers_when_there_is_one_and_the_program_may_use_it() -> None:
    def model(given: Any) -> str:
        SEEN.append(given)
        return "Rain on the roof"

    SEEN.clear()
    end = await stream("poem", market(ccos_ai_llm__execute=model), RuntimeContext.full())
    assert items(end)[0][K("text")] == "Rain on the roof"
    assert [(given["prompt"], given["system"]) for given in SEEN] == [("A line about rain", "Be brief.")]


@OLD
async def test_without_a_model_the_server_is_told_so() -> None:
    end = await stream("poem", Marketplace(), RuntimeContext.full())
    assert "Sampling not supported" in end[K("error")][K("message")]


class Scripted:
    """A console with answers ready."""

    def __init__(self, *lines: str) -> None:
        self.lines = list(lines)

    def read_line(self, prompt: str = "") -> str | None:
        return self.lines.pop(0) if self.lines else None


FORM = from_python(
    {
        "properties": {
            "name": {"type": "string"},
            "age": {"type": "integer"},
            "member": {"type": "boolean"},
            "size": {"type": "string", "enum": ["S", "M"]},
            "note": {"type": "string"},
        },
        "required": ["name", "age", "member", "size"],
    }
)


def test_a_form_is_asked_field_by_field_until_each_is_of_its_kind() -> None:
    form = Map.of([(K("properties"), keyed(FORM["properties"])), (K("required"), FORM["required"])])
    console = Scripted("y", "", "Ada", "old", "36", "perhaps", "yes", "L", "M", "")
    assert filled(console, form) == Map.of(  # type: ignore[arg-type]
        [(K("name"), "Ada"), (K("age"), 36), (K("member"), True), (K("size"), "M")]
    )
    assert console.lines == []


@pytest.mark.parametrize("lines", [(), ("n",), ("y",), ("y", "Ada")])
def test_a_form_that_is_left_is_declined(lines: tuple[str, ...]) -> None:
    form = Map.of([(K("properties"), keyed(FORM["properties"])), (K("required"), FORM["required"])])
    assert filled(Scripted(*lines), form) is None  # type: ignore[arg-type]


def keyed(value: Any) -> Any:
    """String keys as keywords, as JSON of a server comes."""
    if type(value) is not Map:
        return value
    return Map.of((K(key) if type(key) is str else key, keyed(item)) for key, item in value.entries())


def test_where_there_is_no_terminal_nobody_is_asked() -> None:
    session = Session(context=RuntimeContext.full())
    assert session.run('(call :ccos.user.elicit {:stream-id "s" :server "x" :message "?"})') is None
    session.close()
