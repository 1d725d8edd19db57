"""The way of a host call through the host, as named steps from outermost to innermost (host.md §3).

A step gets the Route of a capability and the next handler, and gives a handler around it; with nothing to do for that
capability it gives the next handler itself and costs nothing. Routes are made once per capability and context.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from types import CoroutineType, GeneratorType
from typing import TYPE_CHECKING, Any

from rtfs.host import policy
from rtfs.host.adapt import NOTHING, adapter
from rtfs.host.provider import CallContext, Provider
from rtfs.host.shape import problem_finder, type_form
from rtfs.lang.collections import Map
from rtfs.lang.errors import EvaluationError, ExpansionError, HostCallError, ReadError, RtfsError
from rtfs.lang.names import Keyword
from rtfs.lang.outcome import HostCall, RuntimeContext

if TYPE_CHECKING:
    from rtfs.host.host import Host

Handler = Callable[[HostCall, tuple[Any, ...], dict[str, Any]], Any]


class Route:
    """One capability under one context, on its way to a handler."""

    __slots__ = ("host", "provider", "context", "id")

    def __init__(self, host: Host, provider: Provider, context: RuntimeContext) -> None:
        self.host = host
        self.provider = provider
        self.context = context
        self.id = provider.id


def route(host: Host, provider: Provider, context: RuntimeContext) -> Handler:
    """The handler of all calls of a capability under a context."""
    way = Route(host, provider, context)
    handler = perform(way)
    for step in reversed(STEPS):
        handler = step(way, handler)
    return handler


def permit(way: Route, inner: Handler) -> Handler:
    """Allowed by the context? A grant's argument is judged by `narrow`, once it is known."""
    if policy.decide(way.context, way.provider) is None:
        return inner

    def refuse(call: HostCall, args: tuple[Any, ...], named: dict[str, Any]) -> Any:
        refusal = policy.decide(way.context, way.provider, _granted_argument(way, args))
        raise refusal or AssertionError("a refusal does not depend on the arguments")

    return refuse


def approve(way: Route, inner: Handler) -> Handler:
    """Has whoever approves capabilities done so?"""
    state = way.provider.approval
    if state in ("auto", "approved"):
        return inner

    def refuse(call: HostCall, args: tuple[Any, ...], named: dict[str, Any]) -> Any:
        data = Map.of([(Keyword("capability"), way.id), (Keyword("approval"), Keyword(state))])
        text = f"Capability '{way.id}' is pending approval"
        notes = ("its approval was revoked",) if state == "revoked" else ()
        raise HostCallError("ApprovalRequired", text, data=data, notes=notes)

    return refuse


def adapt(way: Route, inner: Handler) -> Handler:
    """Bind the arguments to the declared input."""
    bind = adapter(way.provider, way.host.read)
    if bind is None:
        return inner

    def adapted(call: HostCall, args: tuple[Any, ...], named: dict[str, Any]) -> Any:
        args, named = bind(args)
        return inner(call, args, named)

    return adapted


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


def _granted_argument(way: Route, args: tuple[Any, ...], named: dict[str, Any] = NOTHING) -> Any:
    """The argument that the capability's grant speaks of; None when there is none or it cannot be known."""
    grant = way.provider.grant
    if grant is None:
        return None
    if grant[1] in named:
        return named[grant[1]]
    if len(args) == 1 and type(args[0]) is Map:
        return args[0].get(Keyword(grant[1]))
    return args[0] if args else None  # a granted argument is always the first parameter


def bound(way: Route, inner: Handler) -> Handler:
    """The call's own time limit, for providers that wait."""

    def limited(call: HostCall, args: tuple[Any, ...], named: dict[str, Any]) -> Any:
        answer = inner(call, args, named)
        limit = call.metadata.timeout_ms
        if limit is None or type(answer) is not CoroutineType:
            return answer
        return _within(way, limit, answer)

    return inner if way.provider.native and way.provider.kind == "plain" else limited


async def _within(way: Route, limit: int, work: Coroutine[Any, Any, Any]) -> Any:
    import asyncio

    task = asyncio.ensure_future(work)
    timer = asyncio.ensure_future(way.host.clock.sleep(limit / 1000))
    try:
        await asyncio.wait({task, timer}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        data = Map.of([(Keyword("capability"), way.id), (Keyword("timeout-ms"), limit)])
        raise HostCallError("HostError", f"{way.id} gave no answer within {limit} ms", type="timeout", data=data)
    finally:
        task.cancel()
        timer.cancel()
        await asyncio.gather(task, timer, return_exceptions=True)


def answer(way: Route, inner: Handler) -> Handler:
    """Turn what the provider gave into an RTFS value of the declared output type, or refuse it."""
    problem = None if way.provider.output is None else problem_finder(type_form(way.provider.output, way.host.read))
    if way.provider.native and problem is None and way.provider.kind == "plain":
        return inner

    def finish(result: Any) -> Any:
        value = result if way.provider.native else _converted(way.id, result)
        text = None if problem is None else problem(value)
        if text is not None:
            raise output_error(way.id, text)
        return value

    async def awaited(result: Coroutine[Any, Any, Any]) -> Any:
        return finish(await result)

    def answered(call: HostCall, args: tuple[Any, ...], named: dict[str, Any]) -> Any:
        result = inner(call, args, named)
        return awaited(result) if type(result) is CoroutineType else finish(result)

    return answered


def output_error(id: str, text: str) -> HostCallError:
    """A result of a wrong shape: the program never sees it."""
    data = Map.of([(Keyword("capability"), id)])
    return HostCallError("HostError", f"Invalid output of {id}: {text}", type="output-validation", data=data)


def _converted(id: str, result: Any) -> Any:
    from rtfs.lang.convert import from_python  # deferred: built-in capabilities never need it

    try:
        return from_python(result)
    except (RtfsError, TypeError, ValueError) as error:
        raise output_error(id, str(error)) from error


def perform(way: Route) -> Handler:
    """The provider itself. Whatever it raises becomes a HostError, but KeyboardInterrupt and cancellation pass."""
    host, provider, function = way.host, way.provider, way.provider.function

    def native(call: HostCall, args: tuple[Any, ...], named: dict[str, Any]) -> Any:
        try:
            return function(CallContext(host, call), *args, **named)
        except Exception as error:
            raise failure(provider, error) from error

    def waiting(call: HostCall, args: tuple[Any, ...], named: dict[str, Any]) -> Any:
        return _settled(provider, native(call, args, named))

    def foreign(call: HostCall, args: tuple[Any, ...], named: dict[str, Any]) -> Any:
        from rtfs.lang.convert import to_python

        try:
            plain = [to_python(arg) for arg in args]
            context = (CallContext(host, call),) if provider.details.get("wants_context") else ()
            result = function(*context, *plain, **{name: to_python(value) for name, value in named.items()})
        except Exception as error:
            raise failure(provider, error) from error
        return _settled(provider, result) if hasattr(result, "__await__") or hasattr(result, "__anext__") else result

    if not provider.native:
        return foreign
    return native if provider.kind == "plain" else waiting


async def _settled(provider: Provider, result: Any) -> Any:
    """The value of an awaitable; of an async generator, the list of its items."""
    try:
        if hasattr(result, "__anext__"):
            return [item async for item in result]
        return await result
    except Exception as error:
        raise failure(provider, error) from error


def failure(provider: Provider, error: Exception) -> RtfsError:
    """What a program sees of an exception in a provider."""
    if isinstance(error, RtfsError) and (
        provider.transparent or not isinstance(error, EvaluationError | ExpansionError | ReadError)
    ):
        return error
    text = error.message if isinstance(error, RtfsError) else str(error) or type(error).__name__
    clean = text.encode("utf-8", "replace").decode()  # no string of a program holds a lone surrogate
    return HostCallError("HostError", clean, data=Map.of([(Keyword("capability"), provider.id)]))


def is_generator(value: Any) -> bool:
    return type(value) is GeneratorType


STEPS: tuple[Callable[[Route, Handler], Handler], ...] = (permit, approve, adapt, narrow, bound, answer)
