"""The host of one session: takes host calls, answers them through the marketplace, and owns what they opened."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rtfs.host.adapt import NOTHING
from rtfs.host.clock import Clock
from rtfs.host.console import Console
from rtfs.host.marketplace import Marketplace
from rtfs.host.pipeline import Handler, route
from rtfs.lang.evaluator import Evaluator
from rtfs.lang.outcome import HostCall, RuntimeContext


class Host:
    """One session's host. It belongs to the thread of its session.

    state_dir: folder for what capabilities keep; without it they keep it in memory. read: text → the one form in it, for
    types and stored values. values: the read-only context of the program (`@name`), changed by `ccos.context.set`.
    """

    evaluator: Evaluator

    def __init__(
        self,
        *,
        marketplace: Marketplace,
        context: RuntimeContext,
        state_dir: str | None = None,
        clock: Clock | None = None,
        evaluator: Evaluator | None = None,
        console: Console | None = None,
        read: Callable[[str], Any] | None = None,
        values: dict[str, Any] | None = None,
    ) -> None:
        self.marketplace = marketplace
        self.context = context
        self.state_dir = state_dir
        self.clock = clock or Clock()
        self.console = console or Console()
        self.read = read
        self.values: dict[str, Any] = {} if values is None else values
        if evaluator is not None:
            self.evaluator = evaluator
        self._generation = -1
        self._contexts: dict[int, tuple[RuntimeContext, dict[str, Handler]]] = {}
        self._security: RuntimeContext | None = None
        self._routes: dict[str, Handler] = {}

    def dispatch(self, call: HostCall) -> Any:
        """The answer to a host call: an RTFS value, or a coroutine that gives one. Raises RtfsError."""
        if call.security is not self._security or self.marketplace.generation != self._generation:
            self._switch(call.security)
        handler = self._routes.get(call.capability_id)
        if handler is None:
            provider = self.marketplace.require(call.capability_id)
            handler = self._routes[call.capability_id] = route(self, provider, call.security)
        return handler(call, call.args, NOTHING)

    def _switch(self, context: RuntimeContext) -> None:
        """Take the routes of another context; forget all when the marketplace changed."""
        if self.marketplace.generation != self._generation or len(self._contexts) > 64:
            self._contexts.clear()
            self._generation = self.marketplace.generation
        # Keyed by identity, since comparing contexts costs more than a call; the entry keeps the context alive.
        self._security, self._routes = self._contexts.setdefault(id(context), (context, {}))
