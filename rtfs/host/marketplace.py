"""Capabilities by id: those registered, the built-in families and installed packages, loaded when asked for."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterable
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeVar

from rtfs.host.provider import Provider
from rtfs.lang.collections import Map
from rtfs.lang.errors import HostCallError
from rtfs.lang.names import Keyword

if TYPE_CHECKING:
    from typing import TypedDict, Unpack

    from rtfs.host.capability import Manifest

    class Facts(TypedDict, total=False):
        """What may be declared of a Python function that becomes a capability; see Provider and Manifest."""

        input: Any
        output: Any
        effects: Iterable[str]
        description: str
        version: str
        idempotent: bool
        approval: str
        permissions: Iterable[str]
        domains: Iterable[str]
        categories: Iterable[str]
        metadata: Any
        examples: Iterable[Any]
        name: str
        provider: str


F = TypeVar("F", bound=Callable[..., Any])

_ID = re.compile(r"[A-Za-z0-9_-]+(?:[./][A-Za-z0-9_-]+)+")
_FAMILIES = "rtfs.host.providers"
LENGTH = 200  # of an id
APPROVALS = ("auto", "pending", "approved", "revoked")


class Marketplace:
    """The capabilities that hosts offer. Hosts may share one.

    `generation` grows with every change, so that hosts notice. `read` (text to form) is set by the first session that
    uses the marketplace; schemas given as text are read when they are first needed.
    """

    def __init__(self) -> None:
        self.generation = 0
        self.read: Callable[[str], Any] | None = None
        self._registered: dict[str, Provider] = {}

    # ---- registering

    def capability(self, id: str, *, replace: bool = False, **facts: Unpack[Facts]) -> Callable[[F], F]:
        """Register a Python function: a plain one, a coroutine function, or an async generator (a stream source).

            @market.capability("weather.now", input="[:map [:city :string]]", output=":float", effects=[":network"])
            async def weather_now(city): ...

        Without an input type the function's own parameters count. A first parameter named `ctx` gets the CallContext.
        Arguments arrive as plain Python values. ValueError as for `register`, TypeError for an unknown fact.
        """

        def enter(function: F) -> F:
            from rtfs.host.python import provider_of  # deferred: needs `inspect`

            self.register(provider_of(id, function, dict(facts)), replace=replace)
            return function

        return enter

    def agent(self, id: str, *, replace: bool = False, **facts: Unpack[Facts]) -> Callable[[F], F]:
        """Register an agent: a capability that `ccos.agent.discover-agents` finds. Facts as for `capability`."""
        facts["categories"] = [*facts.get("categories", ()), "agent"]
        return self.capability(id, replace=replace, **facts)

    def register(self, provider: Provider, *, replace: bool = False) -> None:
        """Enter a capability. ValueError for an id or version of wrong form, and when the id is taken.

        A malformed type is an RtfsError here when there is a reader already, else a HostError at its first call. A
        taken id is given up to a higher version that breaks no caller, or with `replace`.
        """
        self.admit(provider, replace=replace)
        self._registered[provider.id] = provider
        self.generation += 1

    def admit(self, provider: Provider, *, replace: bool = False) -> None:
        """Raise what `register` would."""
        from rtfs.host.adapt import check_types
        from rtfs.host.version import conflict, parse

        if len(provider.id) > LENGTH or not _ID.fullmatch(provider.id):
            raise ValueError(f"a capability id looks like a.b.c or a.b/c, got {provider.id!r}")
        if provider.approval not in APPROVALS:
            raise ValueError(f"approval is one of {', '.join(APPROVALS)}, got {provider.approval!r}")
        parse(provider.version)
        if self.read is not None:
            check_types(provider, self.read)
        present = self.find(provider.id)
        if present is not None and not present.vacant and not replace:
            reason = conflict(present, provider, self.read)
            if reason is not None:
                raise ValueError(f"{reason}; pass replace=True to replace it")

    def set_approval(self, id: str, approval: str) -> None:
        """Change whether a capability may be called: `auto`, `pending`, `approved` or `revoked`."""
        self.register(self.require(id).with_approval(approval), replace=True)

    # ---- finding

    def find(self, id: str) -> Provider | None:
        """The capability of this id, None when there is none."""
        return self._registered.get(id) or built_in(id) or installed().get(id)

    def require(self, id: str) -> Provider:
        """The capability of this id; UnknownCapability, with the ids that look like it, when there is none."""
        found = self.find(id)
        if found is None:
            from rtfs.lang.suggest import nearest_id  # deferred: looking at all capabilities loads them all

            near = nearest_id(id, self.ids()) if len(id) <= LENGTH else []
            data = Map.of([(Keyword("capability"), id)])
            notes = tuple(f"did you mean `{name}`?" for name in near)
            raise HostCallError("UnknownCapability", f"Unknown capability: {id}", data=data, notes=notes)
        return found

    def manifest(self, id: str) -> Manifest:
        """All that is known of a capability; UnknownCapability when there is none."""
        from rtfs.host.capability import Manifest

        return Manifest.of(self.require(id), self.read)

    def ids(self) -> list[str]:
        """The ids of all capabilities, sorted."""
        return sorted({*self._registered, *built_in_providers(), *installed()})

    def discover(self, pattern: str) -> list[str]:
        """The ids that an anchored glob matches, sorted: `*` stays within a segment, `**` crosses segments."""
        from rtfs.host.glob import matches

        return [id for id in self.ids() if matches(pattern, id)]

    def search(
        self,
        text: str = "",
        *,
        effects: Iterable[str] = (),
        domains: Iterable[str] = (),
        categories: Iterable[str] = (),
        provider: str | None = None,
        limit: int | None = 20,
    ) -> list[Manifest]:
        """Manifests in which every word of `text` occurs; best first, then by id.

        effects: has all of these labels. domains, categories: has one of these.
        """
        words = text.lower().split()
        wanted = {"effects": set(_labels(effects)), "domains": set(domains), "categories": set(categories)}
        found = []
        for id in self.ids():
            manifest = self.manifest(id)
            rank = _rank(manifest, words)
            if rank is not None and provider in (None, manifest.provider) and _fits(manifest, wanted):
                found.append((rank, id, manifest))
        found.sort(key=lambda entry: entry[:2])
        return [manifest for _, _, manifest in found[:limit]]


def _labels(effects: Iterable[str]) -> list[str]:
    return [effect.lstrip(":") for effect in effects]


def _fits(manifest: Manifest, wanted: dict[str, set[str]]) -> bool:
    return (
        wanted["effects"] <= set(_labels(manifest.effects or ("unknown",)))
        and (not wanted["domains"] or bool(wanted["domains"] & set(manifest.domains)))
        and (not wanted["categories"] or bool(wanted["categories"] & set(manifest.categories)))
    )


def _rank(manifest: Manifest, words: list[str]) -> int | None:
    """0 when all words are in the id, 1 in the name, 2 anywhere; None when one is missing."""
    places = [manifest.id.lower(), manifest.name.lower()]
    places.append(" ".join([*places, manifest.description.lower(), *manifest.domains, *manifest.categories]).lower())
    for rank, place in enumerate(places):
        if all(word in place for word in words):
            return rank
    return None


# ---- capabilities that nobody registered


def built_in(id: str) -> Provider | None:
    """A capability of the folder: `ccos.state.kv.get` is in `ccos_state_kv`, else in `ccos_state`, else in `ccos`."""
    if len(id) > LENGTH or not _ID.fullmatch(id) or not id[0].isalpha():
        return None
    parts = re.split(r"[./]", id.replace("-", "_"))
    for length in range(len(parts) - 1, 0, -1):
        name = f"{_FAMILIES}.{'_'.join(parts[:length])}"
        try:
            module = import_module(name)
        except ModuleNotFoundError as error:
            if error.name != name:
                raise
            continue
        found: Provider | None = module.PROVIDERS.get(id)
        if found is not None:
            return found
    return None


def built_in_providers() -> dict[str, Provider]:
    """All capabilities of the folder of providers."""
    import pkgutil

    found: dict[str, Provider] = {}
    for entry in pkgutil.iter_modules(import_module(_FAMILIES).__path__):
        found.update(import_module(f"{_FAMILIES}.{entry.name}").PROVIDERS)
    return found


_installed: dict[str, Provider] | None = None


def installed() -> dict[str, Provider]:
    """Capabilities of installed packages: entry points `rtfs.providers` that name a module with `PROVIDERS`."""
    global _installed
    if _installed is None:
        from importlib.metadata import entry_points

        _installed = {}
        for entry in entry_points(group="rtfs.providers"):
            try:
                _installed.update(entry.load().PROVIDERS)
            except Exception as error:  # somebody else's code: one broken package must not take all capabilities away
                warnings.warn(f"the capabilities of {entry.value} cannot be loaded: {error}", stacklevel=2)
    return _installed
