"""The way of a host call through the host, as named steps from outermost to innermost (host.md §3).

A step gets the Route of a capability and the next handler, and gives a handler around it; with nothing to do for that
capability it gives the next handler itself and costs nothing. Routes are made once per capability and context. Whatever
else concerns all calls is one more step.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Coroutine
from types import AsyncGeneratorType, CoroutineType
from typing import TYPE_CHECKING, Any

from rtfs.host import policy
from rtfs.host.adapt import Handler, adapted
from rtfs.host.answer import answer, items, perform
from rtfs.host.glob import matches
from rtfs.host.provider import Provider
from rtfs.host.waiting import end, within
from rtfs.lang.collections import Map
from rtfs.lang.errors import HostCallError, RtfsError
from rtfs.lang.names import Keyword
from rtfs.lang.outcome import HostCall, RuntimeContext

if TYPE_CHECKING:
    from rtfs.host.budget import Budget
    from rtfs.host.host import Host


class Route:
    """One capability under one context. `immediate`: its answer is there at once and needs no inspection."""

    __slots__ = ("host", "provider", "context", "id", "immediate")

    def __init__(self, host: Host, provider: Provider, context: RuntimeContext) -> None:
        self.host = host
        self.provider = provider
        self.context = context
        self.id = provider.id
        self.immediate = provider.native and provider.kind == "plain" and provider.output is None


def route(host: Host, provider: Provider, context: RuntimeContext) -> Handler:
    """The handler of all calls of a capability under a context."""
    way = Route(host, provider, context)
    return _through(STEPS, way, perform(way))


def source(host: Host, provider: Provider, context: RuntimeContext) -> Handler:
    """The same for a capability that is read item by item: its handler gives an async generator."""
    way = Route(host, provider, context)
    inner = perform(way)

    def handler(call: HostCall, args: tuple[Any, ...], named: dict[str, Any]) -> AsyncGenerator[Any, None]:
        return items(way, inner(call, args, named))

    return _through(ADMISSION, way, handler)


def _through(steps: tuple[Step, ...], way: Route, handler: Handler) -> Handler:
    try:
        for step in reversed(steps):
            handler = step(way, handler)
    except (RtfsError, ValueError) as error:  # the manifest holds a type that is none, or that nobody can read
        data = Map.of([(Keyword("capability"), way.id)])
        text = f"Capability '{way.id}' declares a malformed type: {error}"
        raise HostCallError("HostError", text, type="bad-manifest", data=data) from error
    return handler


def record(way: Route, inner: Handler) -> Handler:
    """Write the call down, refused ones too; one with effects before it is made and when it ended."""
    journal, clock = way.host.journal, way.host.clock
    if journal is None:
        return inner
    from rtfs.host.secret import Redaction  # deferred: most hosts keep no journal

    redaction = Redaction(way.provider, way.host.read)
    early = way.provider.effects != () or way.provider.nests  # calls that it makes need a parent

    async def awaited(call: HostCall, work: Coroutine[Any, Any, Any], begin: float) -> Any:
        outcome: Any = None
        try:
            outcome = await work
            return outcome
        except BaseException as error:
            outcome = error
            raise
        finally:
            journal.ended(call, redaction, outcome, clock.monotonic() - begin)

    def recorded(call: HostCall, args: tuple[Any, ...], named: dict[str, Any]) -> Any:
        begin = clock.monotonic()
        if early:
            journal.started(call, redaction)
        try:
            answer = inner(call, args, named)
        except BaseException as error:
            journal.ended(call, redaction, error, clock.monotonic() - begin)
            raise
        if type(answer) is CoroutineType:
            return awaited(call, answer, begin)
        items = type(answer) is AsyncGeneratorType  # a source: that it was opened is what is known of it
        journal.ended(call, redaction, None if items else answer, clock.monotonic() - begin)
        return answer

    return recorded


def permit(way: Route, inner: Handler) -> Handler:
    """Allowed by the context? A grant's argument is judged by `narrow`, once it is known."""
    if policy.decide(way.context, way.provider) is None:
        return inner

    def refuse(call: HostCall, args: tuple[Any, ...], named: dict[str, Any]) -> Any:
        refusal = policy.decide(way.context, way.provider, _granted_argument(way, args, named))
        raise refusal or AssertionError("a refusal does not depend on the arguments")

    return refuse


def approve(way: Route, inner: Handler) -> Handler:
    """Has whoever approves capabilities done so? A pending one enters the queue, and the call fails or waits."""
    host, state = way.host, way.provider.approval
    if state == "auto" and any(matches(pattern, way.id) for pattern in host.must_approve):
        state = "pending"
    if state in ("auto", "approved"):
        return inner

    def decided(call: HostCall) -> bool:
        """Is it approved now? ApprovalRequired when it never will be."""
        found = host.approvals.state(way.id)
        if state == "revoked" or found == "rejected":
            raise _unapproved(way, "revoked" if state == "revoked" else "rejected")
        return found == "approved"

    async def when_decided(call: HostCall, args: tuple[Any, ...], named: dict[str, Any], seconds: float) -> Any:
        end = host.clock.monotonic() + seconds
        while not decided(call):
            if host.clock.monotonic() >= end:
                raise _unapproved(way, "pending")
            await host.clock.sleep(LOOK)
        answer = inner(call, args, named)
        return await answer if type(answer) is CoroutineType else answer

    def guarded(call: HostCall, args: tuple[Any, ...], named: dict[str, Any]) -> Any:
        if decided(call):
            return inner(call, args, named)
        host.approvals.ask(call)
        if host.approval_wait is None:
            raise _unapproved(way, "pending")
        return when_decided(call, args, named, host.approval_wait)

    return guarded


def _unapproved(way: Route, state: str) -> HostCallError:
    data = Map.of([(Keyword("capability"), way.id), (Keyword("approval"), Keyword(state))])
    note = {
        "pending": f"approve it with `rtfs approvals approve {way.id}`",
        "rejected": f"it was rejected{f': {reason}' if (reason := way.host.approvals.reason(way.id)) else ''}",
        "revoked": "its approval was revoked",
    }[state]
    return HostCallError("ApprovalRequired", f"Capability '{way.id}' is pending approval", data=data, notes=(note,))


def spend(way: Route, inner: Handler) -> Handler:
    """Is there budget left? A call that is waited for ends with the time of its session."""
    budget = way.host.budget
    if budget is None:
        return inner
    timed = budget.limits("wall-clock-ms")

    def counted(call: HostCall, args: tuple[Any, ...], named: dict[str, Any]) -> Any:
        budget.admit(call)
        answer = inner(call, args, named)
        return _in_time(way, budget, call, answer) if timed and type(answer) is CoroutineType else answer

    return counted


async def _in_time(way: Route, budget: Budget, call: HostCall, work: Coroutine[Any, Any, Any]) -> Any:
    import asyncio

    task = asyncio.ensure_future(work)
    try:
        while not task.done():
            left = budget.left("wall-clock-ms")
            if left is None:
                return await task
            timer = asyncio.ensure_future(way.host.clock.sleep((left + 1) / 1000))
            await asyncio.wait({task, timer}, return_when=asyncio.FIRST_COMPLETED)
            timer.cancel()
            if not task.done():
                budget.check("wall-clock-ms", call)
        return task.result()
    finally:
        await end([task])


def adapt(way: Route, inner: Handler) -> Handler:
    """Bind the arguments to the declared input."""
    return adapted(way.provider, way.host.read, inner)


def narrow(way: Route, inner: Handler) -> Handler:
    """Is the path, URL or name inside the grants? Providers check again what they really open."""
    grant = way.provider.grant
    if grant is None or policy.grants_of(way.context, grant[0]) is None:
        return inner

    def narrowed(call: HostCall, args: tuple[Any, ...], named: dict[str, Any]) -> Any:
        refusal = policy.decide(way.context, way.provider, _granted_argument(way, args, named))
        if refusal is not None:
            raise refusal
        return inner(call, args, named)

    return narrowed


def _granted_argument(way: Route, args: tuple[Any, ...], named: dict[str, Any]) -> Any:
    """The argument that the capability's grant speaks of; None when there is none."""
    grant = way.provider.grant
    if grant is None or grant[1] is None:
        return way.provider.reaches
    if named:
        return named.get(grant[1])
    if len(args) == 1 and type(args[0]) is Map:
        return args[0].get(Keyword(grant[1]))
    return args[0] if args else None  # what a grant speaks of is always the first parameter


def bound(way: Route, inner: Handler) -> Handler:
    """The call's own time limit, for providers that wait."""
    if way.immediate:
        return inner

    def limited(call: HostCall, args: tuple[Any, ...], named: dict[str, Any]) -> Any:
        answer = inner(call, args, named)
        limit = call.metadata.timeout_ms
        return (
            answer
            if limit is None or type(answer) is not CoroutineType
            else within(way.host.clock, limit, answer, way.id)
        )

    return limited


def hinted(way: Route, inner: Handler) -> Handler:
    """What the form around the call asks for: retries, a cache, a fallback …"""

    def handler(call: HostCall, args: tuple[Any, ...], named: dict[str, Any]) -> Any:
        hints = call.hints
        if not hints:
            return inner(call, args, named)
        from rtfs.host.hint import around  # deferred: most calls are made without

        return around(way, hints, inner)(call, args, named)

    return handler


LOOK = 0.25  # seconds between two looks at an approval that is waited for
Step = Callable[[Route, Handler], Handler]
ADMISSION: tuple[Step, ...] = (record, permit, approve, spend, adapt, narrow)
STEPS: tuple[Step, ...] = (*ADMISSION, hinted, bound, answer)
