"""`stream.*`: operators, sources, sinks and the control of any stream (streaming.md §6).

Operators come from their forms in `stdlib/stream/`, sources and sinks from their folders in `rtfs/host/stream/`: a new
one is a new file.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import Any

from rtfs.host.marketplace import built_in
from rtfs.host.provider import CallContext, Provider

EFFECTS = [":streaming"]
"""Every capability of this family has this label; what a source needs beside it is asked when its run starts."""


async def operate(ctx: CallContext, *arguments: Any) -> Any:
    """A node, or with a callback a run and its handle."""
    from rtfs.host.stream.operate import call

    return await call(ctx, ctx.capability_id.removeprefix("stream."), arguments)


async def _renew(ctx: CallContext, answer: Any, *arguments: Any) -> None:
    """Bring back the run whose handle or id an earlier process got."""
    from rtfs.host.stream.renewal import renew

    provider = ctx.host.marketplace.require(ctx.capability_id)
    await renew(ctx, provider.function, answer, arguments)


async def _to_collection(ctx: CallContext, *arguments: Any) -> Any:
    """All items of a stream in a vector, which `:on-complete` gets as well. `:limit` ends it early; S027 for a source
    that has no end, without one."""
    from rtfs.host.stream.operate import collect

    return await collect(ctx, arguments)


async def _create(ctx: CallContext, *arguments: Any) -> Any:
    """Start a run that is read with `:stream.next`; answers its id."""
    from rtfs.host.stream.operate import create

    return await create(ctx, arguments)


async def _graph(ctx: CallContext, *arguments: Any) -> Any:
    """The picture of a node or a running graph as text: `:format` is `:mermaid`, `:svg`, `:json` or `:code`."""
    from rtfs.host.stream.operate import picture

    return picture(ctx, arguments)


async def pour(ctx: CallContext, *arguments: Any) -> Any:
    """A run that ends in a sink."""
    from rtfs.host.stream.outflow import call

    return await call(ctx, ctx.capability_id.removeprefix("stream."), arguments)


async def _pipeline(ctx: CallContext, *arguments: Any) -> Any:
    """Start a run at once; `:on-result` gets every value that leaves it. Answers the handle."""
    from rtfs.host.stream.operate import pipeline

    return await pipeline(ctx, arguments)


def _operator(name: str, function: Any = operate) -> Provider:
    """The capability of an operator, source or sink; its table is read when it is called."""
    return Provider(
        f"stream.{name}", function, native=True, effects=EFFECTS, idempotent=True, renew=_renew,
        description=_described(name), examples=_examples(name),
    )  # fmt: skip


def _described(name: str) -> str:
    found = _kind(name)
    return found.doc if found is not None else f"What `stream.{name}` describes; with a callback it runs at once."


def _examples(name: str) -> list[tuple[str, str]]:
    found = _kind(name)
    return [] if found is None else list(found.examples)


def _kind(name: str) -> Any:
    """The source or sink of a name; None when it is an operator."""
    from rtfs.host.stream import sinks, sources

    return sources.find(name) or sinks.find(name)


_TWINS = {
    "start": "start", "next": "next", "wait": "await", "pause": "pause", "resume": "resume", "cancel": "cancel",
    "stop": "stop", "inspect": "inspect", "list": "list", "status": "status", "outputs": "outputs",
    "checkpoint": "checkpoint", "delete": "delete", "send": "send",
}  # fmt: skip


def _twin(name: str, original: str) -> Provider:
    """A control capability under its name for any stream."""
    known = built_in(f"mcp.stream.{original}")
    assert known is not None
    return Provider(
        f"stream.{name}", known.function, native=True, effects=EFFECTS, idempotent=known.idempotent,
        renew=known.renew, description=known.description, examples=known.details.get("examples", []),
    )  # fmt: skip


def _written(name: str, function: Any, *example: str, renew: Any = None) -> Provider:
    return Provider(
        f"stream.{name}", function, native=True, effects=EFFECTS, idempotent=True, renew=renew, examples=[example]
    )


def operators() -> list[str]:
    """The names of the stream operators of the library, which is in the package, or beside it in a checkout."""
    package = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    places = [os.path.join(place, "stdlib", "stream") for place in (package, os.path.dirname(package))]
    folder = next(place for place in places if os.path.isdir(place))
    return sorted(name.removesuffix(".rtfs") for name in os.listdir(folder) if name.endswith(".rtfs"))


def _families() -> dict[str, Provider]:
    from rtfs.host.stream import sinks, sources

    written = (
        _written("to-collection", _to_collection, "(call :stream.to-collection (stream.map [1 2 3] inc))", "[2 3 4]"),
        _written(
            "graph",
            _graph,
            "(call :stream.graph [1 2])",
            '"flowchart LR\\n  n0([\\"from-collection<br/>collection [1 2]\\"])"',
        ),
        _written(
            "pipeline",
            _pipeline,
            "(:status (call :stream.wait (call :stream.pipeline (stream.map [1 2] inc) {:on-result (fn [x] x)})))",
            ":completed",
            renew=_renew,
        ),
        _written("create", _create, '(call :stream.create [1 2] {:stream-id "numbers"})', '"numbers"', renew=_renew),
    )
    found = {f"stream.{name}": _operator(name) for name in (*operators(), *sources.names())}
    found |= {f"stream.{name}": _operator(name, pour) for name in sinks.names()}
    twins = {f"stream.{name}": _twin(name, original) for name, original in _TWINS.items()}
    return {
        **found,
        **twins,
        **import_module("rtfs.host.providers.stream_letters").PROVIDERS,
        **import_module("rtfs.host.providers.stream_recovery").PROVIDERS,
        **{provider.id: provider for provider in written},
    }


PROVIDERS = _families()
