"""`ccos.marketplace/*`: what capabilities there are."""

from __future__ import annotations

from typing import Any

from rtfs.host.provider import CallContext, provides
from rtfs.lang.collections import vector

_SEARCH = {
    "text?": ":string",
    "effects?": [":seq", ":keyword"],
    "domains?": [":seq", ":string"],
    "categories?": [":seq", ":string"],
    "provider?": ":string",
    "limit?": [":and", ":int", [":>=", 0]],
}


@provides(
    "ccos.marketplace/search",
    input=_SEARCH,
    output=":vector",
    effects=[],
    examples=[('(map :id (call :ccos.marketplace/search {:text "uuid"}))', '["ccos.random.uuid"]')],
)
def search(ctx: CallContext, text: str = "", effects: Any = (), **filters: Any) -> Any:
    """Manifests in which every word of the text occurs and which fit the filters; best first, 20 unless limited."""
    labels = [effect.name for effect in effects]
    return vector([found.value() for found in ctx.host.marketplace.search(text, effects=labels, **filters)])


@provides(
    "ccos.marketplace/load",
    input={"id": ":string"},
    output=":map",
    effects=[],
    examples=[('(:effects (call :ccos.marketplace/load "ccos.io.println"))', "[:console]")],
)
def load(ctx: CallContext, id: str) -> Any:
    """The manifest of a capability."""
    return ctx.host.marketplace.manifest(id).value()


@provides(
    "ccos.marketplace/discover",
    input={"glob": ":string"},
    output=[":vector", ":string"],
    effects=[],
    examples=[('(call :ccos.marketplace/discover "ccos.json.*")', '["ccos.json.parse" "ccos.json.stringify"]')],
)
def discover(ctx: CallContext, glob: str) -> Any:
    """The ids that a glob matches, sorted: `*` stays within a segment, `**` crosses segments."""
    if len(glob) > 200:
        raise ValueError("a glob has at most 200 characters")
    return vector(ctx.host.marketplace.discover(glob))
