"""`ccos.state.kv.*`: values under keys."""

from __future__ import annotations

from typing import Any

from rtfs.host.provider import CallContext, provides

_CHANGE: dict[str, Any] = {"effects": [":state"], "idempotent": True}


@provides(
    "ccos.state.kv.get",
    input={"key": ":any", "default?": ":any"},
    effects=[":state"],
    idempotent=True,
    examples=[('(call :ccos.state.kv.get "nothing" :default)', ":default")],
)
def get(ctx: CallContext, key: Any, default: Any = None) -> Any:
    """The value under a key; the default, or nil, when there is none."""
    return ctx.host.state.get(key, default)


@provides(
    "ccos.state.kv.put",
    input={"key": ":any", "value": ":any"},
    output=":nil",
    **_CHANGE,
    examples=[('(call :ccos.state.kv.put "n" {:a 1}) (call :ccos.state.kv.get "n")', "{:a 1}")],
)
def put(ctx: CallContext, key: Any, value: Any) -> None:
    """Store a value under a key."""
    ctx.host.state.put(key, value, ctx.once)


@provides(
    "ccos.state.kv.delete",
    input={"key": ":any"},
    output=":nil",
    **_CHANGE,
    examples=[
        ('(call :ccos.state.kv.put "n" 1) (call :ccos.state.kv.delete "n") (call :ccos.state.kv.get "n")', "nil")
    ],
)
def delete(ctx: CallContext, key: Any) -> None:
    """Remove what is stored under a key."""
    ctx.host.state.delete(key, ctx.once)


@provides(
    "ccos.state.kv.cas-put",
    input={"key": ":any", "expected": ":any", "value": ":any"},
    output=":boolean",
    **_CHANGE,
    examples=[('[(call :ccos.state.kv.cas-put "n" nil 1) (call :ccos.state.kv.cas-put "n" 5 2)]', "[true false]")],
)
def cas_put(ctx: CallContext, key: Any, expected: Any, value: Any) -> bool:
    """Store a value if what is stored now equals the expected one (nil: nothing is); whether it did. Atomic."""
    return ctx.host.state.compare_and_put(key, expected, value, ctx.once)
