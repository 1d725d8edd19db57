"""What an embedder gives a session: its options, context values, and functions to call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rtfs.eval.machine import form_of, suspend
from rtfs.lang.collections import List, Map, PVector
from rtfs.lang.outcome import HostCall
from rtfs.recording import context_change

OWN_OPTIONS = frozenset({"self", "values", "check", "id", "journal"})  # of a session, which its forks do not share
HOST_OPTIONS = (
    "state_dir", "clock", "console", "on_streams", "budget", "journal", "approvals", "approval_wait", "must_approve",
    "on_refusal",
)  # fmt: skip
_OWN = frozenset({PVector, Map, List})  # collections that only RTFS makes hold only its values


def context_values(values: dict[str, Any] | None) -> dict[str, Any]:
    """The context of `@name` by name without colon."""
    if not values:
        return {}
    from rtfs.lang.convert import from_python

    return {str(name).lstrip(":"): from_python(value) for name, value in values.items()}


def embedder(values: dict[str, Any]) -> Callable[[HostCall], Any]:
    """Answers calls with what the embedder gives; setting the context takes effect at its answer (host.md §1)."""

    def ask(call: HostCall) -> Any:
        answer = suspend(call)
        change = context_change(call)
        if change is not None:
            values[change[0]] = change[1]
        return answer

    return ask


def given(args: tuple[Any, ...]) -> tuple[Any, ...]:
    """Arguments of a call as RTFS values."""
    from rtfs.lang.convert import from_python

    return tuple([one if type(one) in _OWN else from_python(one) for one in args])


def call_body(function: Any, args: tuple[Any, ...]) -> Callable[[], Any]:
    """What calling a function with RTFS values means."""
    from rtfs.lang.access import callee

    def body() -> Any:
        with form_of(True):
            return callee(function)(*args)

    return body
