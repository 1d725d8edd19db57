"""The manifest of a capability: everything that can be known of it without calling it (host.md §3)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs

from rtfs.host.provider import Provider
from rtfs.host.shape import type_form
from rtfs.lang.collections import Map, vector
from rtfs.lang.names import Keyword, Symbol


@attrs.frozen(kw_only=True)
class Manifest:
    """What a capability is. Schemas are RTFS type expressions as data, or their text when nobody could read it."""

    id: str
    name: str
    description: str
    version: str
    provider: str
    input_schema: Any
    output_schema: Any
    effects: tuple[str, ...] | None
    permissions: tuple[str, ...]
    idempotent: bool
    approval: str
    domains: tuple[str, ...]
    categories: tuple[str, ...]
    metadata: Any
    examples: tuple[Any, ...]
    grant: tuple[str, str | None] | None

    @classmethod
    def of(cls, provider: Provider, read: Callable[[str], Any] | None = None) -> Manifest:
        """The manifest of a provider; `read` turns schemas that are text into forms."""
        details = provider.details
        return cls(
            id=provider.id,
            name=details.get("name") or provider.id,
            description=provider.description,
            version=provider.version,
            provider=details.get("provider") or ("rtfs" if provider.native else "python"),
            input_schema=input_form(provider, read),
            output_schema=output_form(provider, read),
            effects=provider.effects,
            permissions=tuple(details.get("permissions", ())),
            idempotent=provider.idempotent,
            approval=provider.approval,
            domains=tuple(details.get("domains", ())),
            categories=tuple(details.get("categories", ())),
            metadata=details.get("metadata"),
            examples=tuple(details.get("examples", ())),
            grant=provider.grant,
        )

    def value(self) -> Map:
        """The manifest as an RTFS map."""
        effects = ("unknown",) if self.effects is None else self.effects
        fields = {
            "id": self.id,
            "name": self.name,
            "description": self.description,
            "version": self.version,
            "provider": self.provider,
            "input-schema": self.input_schema,
            "output-schema": self.output_schema,
            "effects": vector([Keyword(effect.lstrip(":")) for effect in effects]),
            "permissions": vector(self.permissions),
            "idempotent": self.idempotent,
            "approval": Keyword(self.approval),
            "domains": vector(self.domains),
            "categories": vector(self.categories),
            "metadata": _plain(self.metadata),
            "examples": _plain(self.examples),
        }
        return Map.of((Keyword(key), value) for key, value in fields.items())


def input_form(provider: Provider, read: Callable[[str], Any] | None) -> Any:
    """The input type as a form; a record in short form is written out."""
    if type(provider.input) is not dict:
        return _form(provider.input, read)
    entries = []
    for key, declared in provider.input.items():
        optional = (Symbol("?"),) if key.endswith("?") else ()
        entries.append((Keyword(key.rstrip("?")), _form(declared, read), *optional))
    return (Keyword("map"), *entries)


def output_form(provider: Provider, read: Callable[[str], Any] | None) -> Any:
    """The output type as a form."""
    return _form(provider.output, read)


def _form(declared: Any, read: Callable[[str], Any] | None) -> Any:
    if declared is None:
        return Keyword("any")
    try:
        return type_form(declared, read)
    except ValueError:
        return declared


def _plain(value: Any) -> Any:
    from rtfs.lang.convert import from_python

    return from_python(value)
