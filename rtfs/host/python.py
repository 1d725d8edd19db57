"""Python functions as capabilities: what their own signature says about the arguments."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from rtfs.host.provider import Provider

_FACTS = {
    "input", "output", "effects", "description", "version", "idempotent", "approval", "permissions", "domains",
    "categories", "metadata", "examples", "name", "provider",
}  # fmt: skip


def provider_of(id: str, function: Callable[..., Any], facts: dict[str, Any]) -> Provider:
    """The provider that `@market.capability(id, **facts)` means; TypeError for a fact that does not exist."""
    unknown = sorted(set(facts) - _FACTS)
    if unknown:
        raise TypeError(f"a capability has no {unknown[0]!r}; it has {', '.join(sorted(_FACTS))}")
    parameters = _parameters(function)
    wants_context = bool(parameters) and parameters[0].name == "ctx"
    parameters = parameters[wants_context:]
    facts = {key: value for key, value in facts.items() if value is not None}
    if "input" not in facts:
        facts["input"] = _record(parameters)
    named = frozenset(p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY))
    any_name = any(p.kind is p.VAR_KEYWORD for p in parameters)
    return Provider(id, function, wants_context=wants_context, named=None if any_name else named, **facts)


def _parameters(function: Callable[..., Any]) -> list[inspect.Parameter]:
    try:
        return list(inspect.signature(function).parameters.values())
    except ValueError:  # some functions written in C do not tell
        return [inspect.Parameter("args", inspect.Parameter.VAR_POSITIONAL)]


def _record(parameters: list[inspect.Parameter]) -> dict[str, str] | None:
    """The parameters as a record of anything; None when their number is open."""
    if any(p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in parameters):
        return None
    return {p.name if p.default is p.empty else f"{p.name}?": ":any" for p in parameters}
