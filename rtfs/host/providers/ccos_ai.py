"""`ccos.ai.*`: the place of a language model, which an embedder fills."""

from __future__ import annotations

from rtfs.host.provider import CallContext, provides
from rtfs.lang.errors import HostCallError

_INPUT = {"model": ":string", "prompt": ":string", "system?": ":string"}


@provides(
    "ccos.ai.llm-execute",
    input=_INPUT,
    output=":string",
    effects=[":ai", ":network"],
    vacant=True,
    examples=[('(call :ccos.ai.llm-execute {:model "small" :prompt "Say hi."})', "!HostError")],
)
def llm_execute(ctx: CallContext, model: str, prompt: str, system: str | None = None) -> str:
    """What a language model answers. Register a function under this id to provide it."""
    raise HostCallError(
        "HostError",
        "No language model provider is registered",
        type="no-provider",
        notes=("an embedder registers one: @market.capability('ccos.ai.llm-execute', …)",),
    )
