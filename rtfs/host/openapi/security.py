"""Credentials of an API: from environment variables that the embedder names, read at each call, never shown."""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import quote

from rtfs.host.openapi.document import Document

Variables = str | tuple[str, str]


class Missing(Exception):
    """A call needs credentials that are not there; the text says which."""


class Proof(NamedTuple):
    """What credentials add to a request. Pairs of query and cookies are percent-encoded; secrets are never shown."""

    query: list[tuple[str, str]]
    headers: list[tuple[str, str]]
    cookies: list[tuple[str, str]]
    secrets: list[str]


class Credentials:
    """Which environment variables hold the credentials for which security schemes of a document."""

    def __init__(self, document: Document, variables: Mapping[str, Variables]) -> None:
        """ValueError for a scheme that the document does not have, or that is of a kind we do not know."""
        self._schemes = document.part("components", "securitySchemes")
        self._variables = dict(variables)
        for name in variables:
            if name not in self._schemes:
                known = ", ".join(self._schemes) or "none"
                raise ValueError(f"{document.name}: there is no security scheme {name!r}; it has {known}")
            scheme = self._schemes[name] = document.follow(self._schemes[name])
            if _WRITERS.get(_kind(scheme)) is None:
                raise ValueError(f"{document.name}: the security scheme {name!r} is of a kind that is not supported")

    def proof(self, alternatives: list[list[str]]) -> Proof:
        """What a request needs under the first of the alternatives for which there are credentials. Missing if none."""
        proof = Proof([], [], [], [])
        if not alternatives:
            return proof
        for schemes in alternatives:
            if all(name in self._variables for name in schemes):
                for name in schemes:
                    scheme = self._schemes[name]
                    _WRITERS[_kind(scheme)](scheme, _values(name, self._variables[name]), proof)
                return proof
        needed = " or ".join(" and ".join(schemes) for schemes in alternatives)
        raise Missing(f"it needs credentials for {needed}: the embedder names their environment variables")


def _kind(scheme: Any) -> str:
    """`bearer`, `basic`, `apiKey`; tokens of OAuth 2 and OpenID Connect are bearer tokens."""
    kind = str(scheme.get("type"))
    if kind == "http":
        return str(scheme.get("scheme", "")).lower()
    return "bearer" if kind in ("oauth2", "openIdConnect") else kind


def _values(name: str, variables: Variables) -> list[str]:
    values = []
    for variable in (variables,) if isinstance(variables, str) else variables:
        value = os.environ.get(variable)
        if not value:
            raise Missing(f"the environment variable {variable} of security scheme {name} is not set")
        if not value.isascii() or not value.isprintable():
            raise Missing(f"the environment variable {variable} of security scheme {name} is not printable ASCII")
        values.append(value)
    return values


def _bearer(scheme: Any, values: list[str], proof: Proof) -> None:
    proof.headers.append(("Authorization", f"Bearer {values[0]}"))
    proof.secrets.append(values[0])


def _basic(scheme: Any, values: list[str], proof: Proof) -> None:
    pair = ":".join(values)
    word = base64.b64encode(pair.encode()).decode()
    proof.headers.append(("Authorization", f"Basic {word}"))
    proof.secrets.extend(text for text in (pair, word, pair.partition(":")[2]) if text)


def _api_key(scheme: Any, values: list[str], proof: Proof) -> None:
    name, key = str(scheme.get("name")), values[0]
    if scheme.get("in") == "header":
        proof.headers.append((name, key))
    else:
        pairs = proof.query if scheme.get("in") == "query" else proof.cookies
        pairs.append((quote(name, safe=""), quote(key, safe="")))
        proof.secrets.append(quote(key, safe=""))
    proof.secrets.append(key)


_WRITERS = {"bearer": _bearer, "basic": _basic, "apiKey": _api_key}
