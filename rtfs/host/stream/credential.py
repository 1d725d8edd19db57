"""Headers with credentials: where they come from, and only for the origin they belong to (streaming.md §3.4)."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from rtfs.host.stream.catalogue import fault
from rtfs.host.stream.configuration import HEADER_VARIABLE, TOKEN_VARIABLE, Configuration
from rtfs.lang.collections import Map
from rtfs.lang.names import Keyword

_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def header(line: str) -> tuple[str, str]:
    """`Name: value` as a pair; without a colon it is the value of `Authorization`.

    S029, which never shows the value.
    """
    name, colon, value = line.partition(":")
    if not colon:
        name, value = "Authorization", line
    return pair(name.strip(), value.strip())


def pair(name: str, value: str) -> tuple[str, str]:
    """A checked header."""
    if not _NAME.fullmatch(name):
        raise fault(29, why="the header has no valid name")
    if _CONTROL.search(value):
        raise fault(29, why=f"the value of {name} has control characters")
    return name, value


def headers(
    settings: Any, entry: dict[str, Any] | None, configuration: Configuration, *, trusted: bool
) -> dict[str, str]:
    """The headers for a connection, by the precedence of §3.4. trusted: the operator configured this origin."""
    found: dict[str, str] = {}
    chosen = _from_environment(configuration) if trusted else None
    for name, value in (entry or {}).get("headers", {}).items():
        found.update([pair(str(name), str(value))])
    for name, value in settings["headers"].entries():
        found.update([pair(name.name if type(name) is Keyword else str(name), str(value))])
    explicit = settings["auth"]
    if explicit is None:
        if chosen is not None and not any(name.lower() == chosen[0].lower() for name in found):
            found.update([chosen])
    elif explicit is not Keyword("none"):
        name, value = _explicit(explicit, configuration)
        found = {known: text for known, text in found.items() if known.lower() != name.lower()}
        found[name] = value
    return found


def _explicit(auth: Any, configuration: Configuration) -> tuple[str, str]:
    """`{:bearer s}`, `{:header "Name: value"}` or `{:env "VAR"}`."""
    if type(auth) is Map and len(auth) == 1:
        ((key, value),) = auth.entries()
        kind = key.name if type(key) is Keyword else key
        if type(value) is str and kind == "bearer":
            return pair("Authorization", f"Bearer {value}")
        if type(value) is str and kind == "header":
            return header(value)
        if type(value) is str and kind == "env":
            found = configuration.variable(value)
            if found is None:
                raise fault(29, why=f"the variable {value} is not set")
            return header(found)
    raise fault(3, p="auth", kind='{:bearer s}, {:header "Name: value"}, {:env "VAR"} or :none', value="another shape")


def _from_environment(configuration: Configuration) -> tuple[str, str] | None:
    line = configuration.variable(HEADER_VARIABLE)
    if line is not None:
        return header(line)
    token = configuration.variable(TOKEN_VARIABLE)
    return None if token is None else pair("Authorization", f"Bearer {token}")


def origin(url: str) -> tuple[str, str, int | None]:
    """Scheme, host and port: what a credential is bound to."""
    parts = urlsplit(url)
    port = parts.port or {"http": 80, "https": 443, "ws": 80, "wss": 443}.get(parts.scheme)
    return parts.scheme.lower(), (parts.hostname or "").lower(), port


def shown(url: str) -> str:
    """The URL for people: without user information, and of its query only the names, since keys are often values."""
    return re.sub(r"(?<=[?&])([^=&#\s]+)=[^&#\s]+", r"\1=…", masked(url))


def masked(url: str) -> str:
    """The URL without user information."""
    return re.sub(r"(?<=://)[^/@\s]*@", "", url)
