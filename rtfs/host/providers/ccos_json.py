"""`ccos.json.*`: JSON by the host, with the meaning that `parse-json` and `serialize-json` have."""

from __future__ import annotations

from typing import Any

from rtfs.host.provider import CallContext, provides


@provides(
    "ccos.json.parse",
    input={"text": ":string"},
    effects=[],
    examples=[('(call :ccos.json.parse "[1, {\\"a\\": null}]")', '[1 {"a" nil}]')],
)
def parse(ctx: CallContext, text: str) -> Any:
    """The value of a JSON text; objects become maps with string keys."""
    from rtfs.lang.json import parse_json

    return parse_json(text)


@provides(
    "ccos.json.stringify",
    input={"value": ":any"},
    output=":string",
    effects=[],
    examples=[("(call :ccos.json.stringify {:a [1 nil]})", '"{\\"a\\":[1,null]}"')],
)
def stringify(ctx: CallContext, value: Any) -> str:
    """A value as compact JSON."""
    from rtfs.lang.json import to_json

    return to_json(value)
