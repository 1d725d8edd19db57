"""The host of one session: takes host calls, answers them through the marketplace, and owns what they opened."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from typing import TYPE_CHECKING, Any

from rtfs.host.adapt import NOTHING, Handler
from rtfs.host.clock import Clock
from rtfs.host.console import Console
from rtfs.host.driven import Drive, Driven
from rtfs.host.marketplace import Marketplace
from rtfs.host.pipeline import route, source
from rtfs.lang.errors import HostCallError
from rtfs.lang.evaluator import Evaluator
from rtfs.lang.outcome import HostCall, RuntimeContext

if TYPE_CHECKING:
    from rtfs.host.approval import Approvals
    from rtfs.host.budget import Budget
    from rtfs.host.journal import Journal
    from rtfs.host.metrics import CallStats
    from rtfs.host.provider import Provider
    from rtfs.host.state import State
    from rtfs.host.task import Tasks


class Host(Driven):
    """One session's host. It belongs to the thread of its session.

    state_dir: folder, or URL of a Redis server, for what capabilities keep; without it they keep it in memory. read:
    text to the one form in it, for types and stored values. values: the program's read-only context (`@name`), changed
    by `ccos.context.set`.
    on_streams: called with the registry of streams when the first of them makes it. budget: what all calls may spend.
    journal: where calls and steps are written down, under the id `session`; it ends with the host.
    approvals: the queue of capabilities that wait for approval, in memory unless given. approval_wait: seconds that a
    call waits for it; None: it fails at once. must_approve: globs of ids that need it whatever their manifests say.
    drive: runs work for a synchronous caller, in the loop of the session.
    on_refusal: asked when the policy refuses a call; True allows it, and the like of it from now on.
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
        on_streams: Callable[[Any], None] | None = None,
        budget: Budget | None = None,
        journal: Journal | None = None,
        session: str = "",
        approvals: Approvals | None = None,
        approval_wait: float | None = None,
        must_approve: tuple[str, ...] = (),
        on_refusal: Callable[[HostCall, HostCallError], bool] | None = None,
        drive: Drive | None = None,
    ) -> None:
        self.marketplace = marketplace
        self.context = context
        self.state_dir = state_dir
        self.clock = clock or Clock()
        self.console = console or Console()
        self.read = read
        self.values: dict[str, Any] = {} if values is None else values
        self._on_streams = on_streams
        self.journal = journal
        if journal is not None:
            journal.begin(self.clock, session, context.level)
        self._approvals = approvals
        self.approval_wait = approval_wait
        self.must_approve = must_approve
        self._on_refusal = on_refusal
        self.drive = drive
        self._own = [context]  # the session's context, and what somebody allowed beyond it when asked: the last counts
        self.budget = budget
        if budget is not None:
            budget.begin(self.clock)
        if evaluator is not None:
            self.evaluator = evaluator
        if marketplace.read is None:
            marketplace.read = read
        self.lasting = False  # do its programs go on in a later process, which is given the answers of this one?
        self._generation = -1
        self._contexts: dict[int, tuple[RuntimeContext, dict[str, Handler]]] = {}
        self._security: RuntimeContext | None = None
        self._routes: dict[str, Handler] = {}
        self._parts: dict[str, Any] = {}
        self.metrics: dict[str, CallStats] = {}  # by label: of the calls made under a metrics hint
        self.resources: dict[str, Callable[[], Any]] = {}  # by handle: what `ccos.resource.close` calls, perhaps awaits

    # ---- calls

    def dispatch(self, call: HostCall) -> Any:
        """The answer to a host call: an RTFS value, or a coroutine that gives one. Raises RtfsError."""
        if len(self._own) > 1 and call.security is not self._own[-1] and self._is_own(call.security):
            call = call.replace(security=self._own[-1])
        if call.security is not self._security or self.marketplace.generation != self._generation:
            self._switch(call.security)
        handler = self._routes.get(call.capability_id)
        if handler is None:
            handler = self._routes[call.capability_id] = route(self, self._require(call), call.security)
        try:
            return handler(call, call.args, NOTHING)
        except HostCallError as refusal:
            if self._on_refusal is None or refusal.kind != "SecurityViolation":
                raise
            return self._after(refusal, call)

    def _after(self, refusal: HostCallError, call: HostCall) -> Any:
        """Ask whether a refused call may be made after all."""
        wider = self._wider(refusal, call)
        if wider is None or self._on_refusal is None or not self._on_refusal(call, refusal):
            raise refusal
        self._own.append(wider)
        return self.dispatch(call.replace(security=wider))

    def _wider(self, refusal: HostCallError, call: HostCall) -> RuntimeContext | None:
        """The context of the session with what the refused call lacks; None when no grant would help."""
        from rtfs.host import policy

        return policy.widened(call.security, refusal) if self._is_own(call.security) else None

    @property
    def allowed(self) -> RuntimeContext:
        """What programs may do: the context, with what somebody allowed beyond it when asked."""
        return self._own[-1]

    def _is_own(self, context: RuntimeContext) -> bool:
        return any(context is one for one in self._own)

    def renew(self, call: HostCall, answer: Any) -> Any:
        """Bring back what an answer of an earlier process stands for, as if the call were made; perhaps a coroutine."""
        provider = self.marketplace.find(call.capability_id)
        renewing = None if provider is None else provider.renewing(answer)
        return None if renewing is None else route(self, renewing, call.security)(call, call.args, NOTHING)

    def items(self, call: HostCall) -> AsyncGenerator[Any, None]:
        """Call a capability as a source: an async generator of what it yields, as RTFS values.

        The call is admitted and its input checked before this returns, each item against the declared output.
        A capability that is no generator yields the one value it answers.
        """
        provider = self._require(call)
        items: AsyncGenerator[Any, None] = source(self, provider, call.security)(call, call.args, NOTHING)
        return items

    def _require(self, call: HostCall) -> Provider:
        try:
            return self.marketplace.require(call.capability_id)
        except HostCallError as unknown:
            if self.journal is not None:
                self.journal.ended(call, None, unknown)
            raise

    def _switch(self, context: RuntimeContext) -> None:
        """Take the routes of another context; forget all when the marketplace changed."""
        if self.marketplace.generation != self._generation or len(self._contexts) > 64:
            self._contexts.clear()
            self._generation = self.marketplace.generation
        # Keyed by identity, since comparing contexts costs more than a call; the entry keeps the context alive.
        self._security, self._routes = self._contexts.setdefault(id(context), (context, {}))

    def load_capabilities(self, path: str, *, replace: bool = False) -> list[str]:
        """Enter the capabilities that an RTFS file defines into the marketplace; their ids (host.md §3).

        OSError when it cannot be read, RtfsError when something in it is wrong, which then enters nothing of it.
        """
        from rtfs.host.definition import load

        return load(self, self.evaluator.read_file(path), replace=replace)

    def load_openapi(self, name: str, document: Any, **options: Any) -> list[str]:
        """Enter the operations of an API into the marketplace as `api.<name>.<operationId>`; their ids (host.md §3).

        document: the path of an OpenAPI file, or its content. Options: `server`, `credentials`, `replace`; see
        `rtfs.host.openapi.load`.
        """
        from rtfs.host.openapi import load

        return load(self, name, document, **options)

    # ---- what capabilities keep open, made when first used

    def part(self, name: str, make: Callable[[], Any]) -> Any:
        """A named part of this host, such as the HTTP client; `shutdown` calls its `close` or awaits its `aclose`."""
        found = self._parts.get(name)
        if found is None:
            found = self._parts[name] = make()
        return found

    def has(self, name: str) -> bool:
        """Is there a part of this name? Asking does not make it."""
        return name in self._parts

    @property
    def state(self) -> State:
        """What `ccos.state.*` keeps."""
        from rtfs.host.state import open_state

        budget = self.budget
        pay = None if budget is None else lambda size: budget.charge({"storage_bytes": size})
        state: State = self.part("state", lambda: open_state(self.state_dir, pay))
        return state

    @property
    def approvals(self) -> Approvals:
        """Which capabilities wait for approval, and what was decided."""
        from rtfs.host.approval import Approvals

        approvals: Approvals = self.part("approvals", lambda: self._approvals or Approvals())
        return approvals

    @property
    def tasks(self) -> Tasks:
        """What `ccos.async/spawn` started."""
        from rtfs.host.task import Tasks

        tasks: Tasks = self.part("tasks", lambda: Tasks(self))
        return tasks

    @property
    def streams(self) -> Any:
        """The registry of streams."""
        from rtfs.host.stream.registry import StreamRegistry

        def make() -> StreamRegistry:
            registry = StreamRegistry(self)
            if self._on_streams is not None:
                self._on_streams(registry)
            return registry

        return self.part("streams", make)

    async def load_mcp(self, name: str, server: Any = None) -> list[str]:
        """Enter the tools of an MCP server as capabilities `mcp.<name>.<tool>` with manifests; their ids.

        server: a URL, an entry as in `mcpServers`, or an MCP server object of this process; None: the configured one.
        OSError, TimeoutError when it cannot be reached, ValueError when nothing is known under that name.
        """
        from rtfs.host.tools import load

        return await load(self, name, server)

    # ---- the end of a run

    @property
    def busy(self) -> bool:
        """Is something started that `join` would wait for? Asking starts nothing."""
        return "streams" in self._parts or ("tasks" in self._parts and self._parts["tasks"].running)

    async def joined(self, timeout: float | None = None) -> None:
        """Wait until spawned tasks and streams have ended, at most `timeout` seconds in all."""
        if "tasks" in self._parts:
            await self._parts["tasks"].join(timeout)
        if "streams" in self._parts:
            await self._parts["streams"].join(timeout)

    async def ended(self, timeout: float = 30.0, strategy: str = "drain") -> None:
        """Cancel spawned tasks, stop the streams by their own strategy, and close everything that was opened."""
        for name in reversed(list(self._parts)):
            if name == "streams":
                await self._parts[name].shutdown(timeout, strategy)  # their last callbacks may still ask for them
            part = self._parts.pop(name)
            if name == "streams":
                continue
            if hasattr(part, "aclose"):
                await part.aclose()
            elif hasattr(part, "close"):
                part.close()
        self._close_journal()

    def close(self) -> None:
        """Close what needs no event loop: for sessions that never waited."""
        for name in list(self._parts):
            if hasattr(self._parts[name], "close"):
                self._parts.pop(name).close()
        self._close_journal()

    def _close_journal(self) -> None:
        if self.journal is not None and not self._parts:
            self.journal.close()
            self.journal = None
