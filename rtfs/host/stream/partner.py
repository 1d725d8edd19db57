"""Python objects as streaming capabilities: sources, sinks and both at once (streaming.md §3.11).

| kind | provider |
|---|---|
| source | an async generator function, or any function that gives an (async) iterable; an (async) iterable itself |
| sink | a coroutine function of one item; an object with `send` |
| bidirectional, duplex | an object with `send`, `__aiter__` and perhaps `close`; a class or function that makes one |
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Callable
from typing import Any

from rtfs.host.provider import CallContext, Provider
from rtfs.lang.convert import from_python, to_python

KINDS = ("unidirectional", "bidirectional", "duplex")


def streaming_provider(id: str, kind: str, provider: Any, **facts: Any) -> Provider:
    """The capability that a Python provider makes. ValueError for an unknown kind, TypeError for a provider of none."""
    name = kind.lstrip(":")
    if name not in KINDS:
        raise ValueError(f"kind is one of {', '.join(KINDS)}, got {kind!r}")
    facts = {key: value for key, value in facts.items() if value is not None}
    if name != "unidirectional":
        _check(callable(provider) or _both(provider), provider, name)
        item = facts.pop("input", None)
        return Provider(id, _dialogue(provider), native=True, streaming=name, item=item, **facts)
    send = None if callable(provider) and not hasattr(provider, "send") else getattr(provider, "send", None)
    if inspect.iscoroutinefunction(provider) or inspect.iscoroutinefunction(send):
        return Provider(id, _taker(send or provider), native=True, gathers=True, streaming="sink", **facts)
    _check(callable(provider) or _iterable(provider), provider, name)
    return Provider(id, _giver(provider), streaming=name, **facts)


def _check(good: bool, provider: Any, kind: str) -> None:
    if not good:
        raise TypeError(f"{type(provider).__name__} is no {kind} provider: see rtfs.host.stream.partner")


def _iterable(value: Any) -> bool:
    return hasattr(value, "__aiter__") or hasattr(value, "__iter__")


def _both(value: Any) -> bool:
    return hasattr(value, "__aiter__") and hasattr(value, "send")


async def _items_of(value: Any) -> AsyncIterator[Any]:
    if inspect.isawaitable(value):
        value = await value
    if hasattr(value, "__aiter__"):
        async for item in value:
            yield item
    else:
        for item in value:
            yield item


def _bound(provider: Any, args: tuple[Any, ...], named: dict[str, Any] | None = None) -> Any:
    """Call a provider with its parameters: one map becomes keyword arguments."""
    if named:
        return provider(*args, **named)
    if len(args) == 1 and isinstance(args[0], dict):
        return provider(**{str(key).lstrip(":").replace("-", "_"): value for key, value in args[0].items()})
    return provider(*args)


def _giver(provider: Any) -> Callable[..., Any]:
    async def items(*args: Any, **named: Any) -> AsyncIterator[Any]:
        given = _bound(provider, args, named) if callable(provider) else provider
        async for item in _items_of(given):
            yield item

    return items


def _taker(send: Callable[[Any], Any]) -> Callable[..., Any]:
    async def take(ctx: CallContext, item: Any) -> None:
        await send(to_python(item))

    return take


def _dialogue(provider: Any) -> Callable[..., Any]:
    async def items(ctx: CallContext, *args: Any) -> AsyncIterator[Any]:
        partner = _bound(provider, tuple(to_python(arg) for arg in args)) if callable(provider) else provider
        if inspect.isawaitable(partner):
            partner = await partner
        _check(_both(partner), partner, "bidirectional")
        opened = Dialogue(partner)
        session = ctx.host.streams.market.session(ctx.once or "")
        if not session.done():
            session.set_result(opened)
        try:
            async for item in partner:
                yield from_python(item)
        finally:
            await opened.close()

    return items


class Dialogue:
    """One open partner: `send` gives it plain Python values, `close` ends it once."""

    def __init__(self, partner: Any) -> None:
        self._partner = partner
        self._open = True

    async def send(self, item: Any) -> None:
        answer = self._partner.send(to_python(item))
        if inspect.isawaitable(answer):
            await answer

    async def close(self) -> None:
        close = getattr(self._partner, "aclose", None) or getattr(self._partner, "close", None)
        if self._open and close is not None:
            self._open = False
            answer = close()
            if inspect.isawaitable(answer):
                await answer
