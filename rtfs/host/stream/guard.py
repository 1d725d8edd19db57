"""What a program needs to reach a server or a store. Asked before any connection (streaming.md §8).

Under a controlled context the right to start streams is not the right to start programs or to reach any host: a command
or URL that the program itself names needs a grant (`--allow-run`, `--allow-net`), and a store it names likewise. What
the operator configured under a name needs none.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from rtfs.host.net import endpoint, granting
from rtfs.host.policy import decide, effect_rule, grants_of
from rtfs.host.stream import transports
from rtfs.host.stream.catalogue import fault
from rtfs.host.stream.credential import masked
from rtfs.host.stream.transports import Target
from rtfs.lang.errors import HostCallError
from rtfs.lang.outcome import RuntimeContext

CAPABILITY, MARKET = "mcp.stream.start", "marketplace.stream.start"


KNOWN = frozenset(
    {"streaming", "network", "process", "filesystem", "filesystem-read", "filesystem-write", "database", "queue", "ai",
     "clock", "console", "random", "state", "context", "concurrent", "resource", "environment"}
)  # fmt: skip


class _Right(NamedTuple):
    """What the policy decides about, in the shape of a capability."""

    id: str
    effects: tuple[str, ...]
    grant: tuple[str, str] | None


_RUN = _Right("ccos.system.run", (":process",), ("run", "command"))
_FETCH = _Right("ccos.network.http-fetch", (":network",), ("net", "url"))
_READ = _Right("ccos.io.read-file", (":filesystem", ":filesystem-read"), ("read", "path"))
_WRITE = _Right("ccos.io.write-file", (":filesystem",), ("write", "path"))


_RIGHTS = {"read": _READ, "write": _WRITE, "net": _FETCH, "run": _RUN}


class Need(NamedTuple):
    """What a node of a graph needs. effects: labels; kind: of the grant that narrows it (`read write net run`); value:
    the path, URL or command that is asked for; verb: the method of HTTP."""

    effects: tuple[str, ...]
    kind: str | None = None
    value: str = ""
    verb: str | None = None

    @classmethod
    def of(cls, kind: str, value: str, *more: str, verb: str | None = None) -> Need:
        """A need with the labels of its kind; more: further labels."""
        return cls((*_RIGHTS[kind].effects, *more), kind, value, verb)


def admit_needs(security: RuntimeContext, needs: Iterable[Need], capability: str) -> None:
    """S053 for the first need that the context denies, or that no grant reaches."""
    for need in needs:
        for label in need.effects:
            if effect_rule(security, (label,)) is not None:
                raise fault(53, e=label, capability=capability)
        if need.kind is not None:
            what = f"{need.effects[0]} for {masked(need.value)}"
            _demand(security, _RIGHTS[need.kind], need.value, what, by=capability)
            _admit_verb(security, need, what, capability)


def _admit_verb(security: RuntimeContext, need: Need, what: str, capability: str) -> None:
    granted = grants_of(security, "net") if need.kind == "net" and need.verb is not None else None
    if granted is None:
        return
    try:
        target = endpoint(need.value)
    except ValueError:
        return  # no URL at all: whoever opens it says so
    if granting(granted, target, need.verb) is None:
        error = fault(53, e=f"{need.verb} {what}", capability=capability)
        error.notes.append(f"allow it with --allow-net '{need.verb} {target.authority}'")
        raise error


def admit(security: RuntimeContext, target: Target, *, configured: bool, by: str = CAPABILITY) -> None:
    """S053 when the context denies the effect of the transport, or no grant reaches the command or host."""
    label = transports.effect(target.scheme)
    if effect_rule(security, (label,)) is not None:
        raise fault(53, e=label, capability=by)
    if target.scheme in ("memory", "replay"):  # `admit_files` has looked at the latter
        return
    right, value = (_RUN, target.place) if target.scheme == "stdio" else (_FETCH, target.place)
    if configured and target.scheme == "stdio":
        return
    _demand(security, right, value, f"{label} to {target.shown}", configured=configured, by=by)


def admit_effects(security: RuntimeContext, labels: tuple[str, ...], capability: str = CAPABILITY) -> None:
    """S053 for the first label that the context denies; a label nobody knows is one of unknown effects."""
    allowed = {label.lstrip(":") for label in security.effects or ()}
    for label in labels:
        name = label.lstrip(":")
        asked = label if name in KNOWN or name in allowed else ":unknown"
        if effect_rule(security, (asked,)) is not None:
            raise fault(53, e=label, capability=capability)


def admit_url(security: RuntimeContext, url: str, *, by: str = CAPABILITY) -> None:
    """S053 when no grant reaches where a server sends us."""
    admit(security, Target("http", url, masked(url)), configured=False, by=by)


def _demand(
    security: RuntimeContext, right: _Right, value: Any, what: str, *, configured: bool = False, by: str = CAPABILITY
) -> None:
    granted = right.grant is not None and grants_of(security, right.grant[0]) is not None
    named = security.effects is not None  # then the effect was allowed by its name: effect_rule has looked
    if not granted and (security.level == "full" or configured or named):
        return
    refusal = decide(security, right, value)
    if refusal is not None:
        raise refused(what, refusal, by)


def refused(what: str, refusal: HostCallError, by: str = CAPABILITY) -> HostCallError:
    """S053 with the advice of the policy."""
    error = fault(53, e=what, capability=by)
    error.notes.extend(refusal.notes)
    return error


def admit_network(security: RuntimeContext, url: str) -> None:
    """S053 when the context denies the network, or a grant for hosts does not reach the one of the URL."""
    if effect_rule(security, _FETCH.effects) is not None:
        raise fault(53, e=_FETCH.effects[0], capability=MARKET)
    parts = urlsplit(url)
    _demand(
        security, _FETCH, _url_of(parts.hostname or ""), f":network to {parts.scheme}://{parts.hostname}", by=MARKET
    )


def _url_of(host: str) -> str:
    return f"http://{f'[{host}]' if ':' in host else host}/"


def admit_files(security: RuntimeContext, endpoint: str, record: str | None) -> None:
    """S053 when the context denies the recording that is to be replayed or written."""
    named = ((_READ, endpoint.removeprefix("replay:") if endpoint.startswith("replay:") else None), (_WRITE, record))
    for right, path in named:
        if path is None:
            continue
        if effect_rule(security, right.effects) is not None:
            raise fault(53, e=right.effects[0], capability=CAPABILITY)
        _demand(security, right, path, f"{right.effects[0]} for {path}")


def admit_store(security: RuntimeContext, url: str | None) -> None:
    """S053 when the context denies what a store named by the program needs: the network, or the file system."""
    scheme, _, place = (url or "memory:").partition(":")
    if scheme == "" and place in ("redis", "postgres") and effect_rule(security, _FETCH.effects) is not None:
        raise fault(53, e=_FETCH.effects[0], capability=CAPABILITY)
    if scheme in ("memory", ""):  # what the operator configured under a name needs no grant
        return
    right = _WRITE if scheme == "sqlite" else _FETCH
    if effect_rule(security, right.effects) is not None:
        raise fault(53, e=right.effects[0], capability=CAPABILITY)
    value = place if scheme == "sqlite" else _url_of(urlsplit(url or "").hostname or "")
    _demand(security, right, value, f"{right.effects[0]} for :store {scheme}:…")
