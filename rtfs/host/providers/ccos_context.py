"""`ccos.context.*`: the context that a program reads with `@name`."""

from __future__ import annotations

from typing import Any

from rtfs.host.provider import CallContext, provides
from rtfs.lang.names import Keyword, Symbol

_KEY = [":union", ":string", ":keyword", ":symbol"]
_INPUT = {"key": _KEY, "value": ":any"}


def _set_again(ctx: CallContext, answer: None, key: Any, value: Any) -> None:
    set_(ctx, key, value)


@provides(
    "ccos.context.set",
    input=_INPUT,
    output=":nil",
    effects=[":context"],
    idempotent=True,
    renew=_set_again,
    examples=[("(call :ccos.context.set :speed 3) @speed", "3")],
)
def set_(ctx: CallContext, key: Any, value: Any) -> None:
    """Give a context key a value, which `@key` reads from the answer on."""
    text = key.name if type(key) in (Keyword, Symbol) else key
    ctx.host.values[text.removeprefix(":")] = value
