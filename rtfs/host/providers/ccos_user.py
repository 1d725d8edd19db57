"""`ccos.user.*`: questions to the person at the console."""

from __future__ import annotations

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
