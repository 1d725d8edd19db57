"""`ccos.agent.*`: the agents that a host knows."""

from __future__ import annotations

from typing import Any

from rtfs.host.provider import CallContext, provides
from rtfs.lang.collections import vector


@provides(
    "ccos.agent.discover-agents",
    input={"query?": ":string"},
    output=":vector",
    effects=[],
    examples=[('(call :ccos.agent.discover-agents "weather")', "[]")],
)
def discover_agents(ctx: CallContext, query: str = "") -> Any:
    """Manifests of the capabilities registered with the category `agent` that fit the query."""
    found = ctx.host.marketplace.search(query, categories=["agent"], limit=None)
    return vector([manifest.value() for manifest in found])
