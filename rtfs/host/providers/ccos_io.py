"""`ccos.io.*`: the console and the files."""

from __future__ import annotations

from typing import Any

from rtfs.host.provider import CallContext, provides


def _text(value: Any) -> str:
    """As `str` gives it."""
    if type(value) is str:
        return value
    from rtfs.lang.printer import text  # deferred: most output is text already

    return text(value)


@provides("ccos.io.println", input={"text": ":any"}, effects=[":console"])
def println(ctx: CallContext, text: Any) -> None:
    """Write a line to standard output."""
    ctx.host.console.write(_text(text) + "\n")


@provides("ccos.io.print", input={"text": ":any"}, effects=[":console"])
def print_(ctx: CallContext, text: Any) -> None:
    """Write to standard output."""
    ctx.host.console.write(_text(text))
