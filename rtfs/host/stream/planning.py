"""From start parameters to a source that may be opened: what is meant, whether it is allowed, who takes part."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from rtfs.host.stream import adapters, guard
from rtfs.host.stream.catalogue import fault
from rtfs.host.stream.credential import shown
from rtfs.host.stream.endpoint import Endpoint
from rtfs.host.stream.question import Asker
from rtfs.host.stream.record import Recorder
from rtfs.host.stream.source import Source
from rtfs.lang.outcome import RuntimeContext

if TYPE_CHECKING:
    from rtfs.host.stream.registry import StreamRegistry
    from rtfs.host.stream.settings import Settings

RESERVED = frozenset({"task", "partial"})  # adapters of later versions


def source(registry: StreamRegistry, wanted: Settings, security: RuntimeContext | None) -> Source | None:
    """The source of a stream, not opened yet; None when it is unconnected. S003, S024, S029, S053.

    security: what the program that starts it may do, None for a caller in Python.
    """
    if security is not None:
        guard.admit_files(security, wanted["endpoint"], wanted["record"])
    if wanted["adapter"].name in RESERVED:
        why = "this version does not speak the extension of the protocol that it needs"
        raise fault(24, a=f":{wanted['adapter'].name}", endpoint=shown(wanted["endpoint"]), why=why)
    endpoint = registry.directory.resolve(wanted)
    if endpoint is None:
        return None
    adapter = adapters.load(endpoint.adapter, wanted, endpoint.material)
    endpoint, recorder = _recorded(registry, endpoint, wanted)
    planned = Source(adapter, endpoint, registry.pool, shown(wanted["endpoint"]))
    planned.recorder = recorder
    if endpoint.target is not None and security is not None:
        guard.admit(security, endpoint.target, configured=endpoint.target.configured)
        planned.admit = partial(guard.admit_url, security)
    rights: RuntimeContext | None = security or getattr(registry.host, "context", None)
    if rights is not None:
        planned.answers = lambda id: Asker(registry.host, id, rights)
    return planned


def _recorded(registry: StreamRegistry, endpoint: Endpoint, wanted: Settings) -> tuple[Endpoint, Recorder | None]:
    """The endpoint with a recorder when the stream wants one, over a connection that it shares with nobody."""
    if wanted["record"] is None:
        return endpoint, None
    if endpoint.target is None:
        why = "a source of this process has no transport to record"
        raise fault(24, a=f":{endpoint.adapter}", endpoint=wanted["endpoint"], why=why)
    recorder = Recorder(wanted["record"], registry.services.clock)
    target = endpoint.target._replace(recorder=recorder, key=("recorded", id(recorder)))
    return endpoint._replace(target=target), recorder
