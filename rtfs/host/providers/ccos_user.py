"""`ccos.user.*`: questions to the person at the console."""

from __future__ import annotations

import sys
from typing import Any

from rtfs.host.provider import CallContext, provides
from rtfs.host.waiting import blocking

_INPUT = {"prompt": ":string", "choices?": [":seq", ":string"]}


@provides(
    "ccos.user.ask",
    input=_INPUT,
    output=":string",
    effects=[":console"],
    idempotent=True,
    examples=[('(call :ccos.user.ask "Your name?")', '"Ada"')],
)
def ask(ctx: CallContext, prompt: str, choices: Any = ()) -> Any:
    """The person's answer to a question; asked again until it is one of the choices, when there are any."""
    from rtfs.host.providers.ccos_io import whole

    allowed = list(choices)
    shown = f"{prompt} ({'/'.join(allowed)}) " if allowed else f"{prompt} "

    def question() -> str:
        while True:
            answer = whole(ctx.console.read_line(shown), "the answer")
            if answer is None:
                raise ValueError("nobody answered: the input has ended")
            if not allowed or answer.strip() in allowed:
                return answer.strip() if allowed else answer

    return blocking(question)


@provides(
    "ccos.user.elicit",
    input={"stream-id": ":string", "server": ":string", "message": ":string", "url?": ":string", "schema?": ":any"},
    output=":any",
    effects=[":console"],
    idempotent=False,
    examples=[('(call :ccos.user.elicit {:stream-id "s" :server "weather" :message "Which city?"})', "nil")],
)
def elicit(ctx: CallContext, stream_id: str, server: str, message: str, url: Any = None, schema: Any = None) -> Any:
    """What the person at the terminal answers to a question of an MCP server: a map with the fields of the schema.

    nil when the person declines, or when there is no terminal. An embedder that has another way to ask registers a
    function under this id; it gets the id of the stream that the server serves.
    """
    if not (sys.stdin is not None and sys.stdin.isatty() and sys.stdout.isatty()):
        return None
    from rtfs.host.form import filled

    ctx.console.write(f"{server} asks: {message}\n" + (f"It wants you to open {url}\n" if url else ""))
    return blocking(lambda: filled(ctx.console, schema))
