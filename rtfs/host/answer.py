"""What a provider gives, and what of it a program gets: one RTFS value of the declared type, or a typed error."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from types import AsyncGeneratorType, CoroutineType, GeneratorType
from typing import TYPE_CHECKING, Any

from rtfs.host.provider import CallContext, Provider
from rtfs.host.shape import problem_finder, type_form
from rtfs.lang.collections import Map, vector
from rtfs.lang.errors import EvaluationError, ExpansionError, HostCallError, ReadError, RtfsError, memory_error
from rtfs.lang.names import Keyword
from rtfs.lang.outcome import HostCall

if TYPE_CHECKING:
    from rtfs.host.adapt import Handler
    from rtfs.host.pipeline import Route

MESSAGE = 10_000  # characters of what an exception says
ELEMENTS = 2_000_000  # of one collection (language.md §15)

Finish = Callable[[Any], Any]


def perform(way: Route) -> Handler:
    """The provider itself. Whatever it raises becomes a HostError, but Ctrl-C and cancellation pass."""
    host, provider, function = way.host, way.provider, way.provider.function

    def native(call: HostCall, args: tuple[Any, ...], named: dict[str, Any]) -> Any:
        try:
            return function(CallContext(host, call), *args, **named)
        except BaseException as error:
            raise failure(provider, error) from error

    def foreign(call: HostCall, args: tuple[Any, ...], named: dict[str, Any]) -> Any:
        from rtfs.lang.convert import to_python  # deferred: built-in capabilities never need it

        try:
            context = (CallContext(host, call),) if provider.wants_context else ()
            plain = [to_python(arg) for arg in args]
            return function(*context, *plain, **{name: to_python(value) for name, value in named.items()})
        except BaseException as error:
            raise failure(provider, error) from error

    return native if provider.native else foreign


def answer(way: Route, inner: Handler) -> Handler:
    """Wait for the result where needed, and finish it. The declared output of a generator speaks of each item."""
    if way.immediate:
        return inner
    provider, finish = way.provider, _finisher(way)

    def answered(call: HostCall, args: tuple[Any, ...], named: dict[str, Any]) -> Any:
        result = inner(call, args, named)
        kind = type(result)
        if kind is CoroutineType or hasattr(result, "__await__"):
            return _awaited(provider, result, finish)
        if kind is AsyncGeneratorType:
            return _collected(provider, result, finish)
        return _listed(provider, result, finish) if kind is GeneratorType else finish(result)

    return answered


def items(way: Route, result: Any) -> AsyncGenerator[Any, None]:
    """What a source yields, each item finished; of another capability the one value it gives."""
    return _items(way.provider, result, _finisher(way))


async def _awaited(provider: Provider, result: Awaitable[Any], finish: Finish) -> Any:
    try:
        value = await result
    except BaseException as error:
        raise failure(provider, error) from error
    return finish(value)


async def _collected(provider: Provider, result: AsyncGenerator[Any, None], finish: Finish) -> Any:
    from contextlib import aclosing

    found: list[Any] = []
    async with aclosing(_items(provider, result, finish)) as items:
        async for item in items:
            found.append(_counted(found, item))
    return vector(found)


def _listed(provider: Provider, result: Generator[Any, None, None], finish: Finish) -> Any:
    found: list[Any] = []
    try:
        for item in result:
            found.append(_counted(found, finish(item)))
    except BaseException as error:
        raise failure(provider, error) from error
    finally:
        result.close()
    return vector(found)


def _counted(found: list[Any], item: Any) -> Any:
    if len(found) >= ELEMENTS:
        raise memory_error("collection", len(found) + 1, ELEMENTS)
    return item


async def _items(provider: Provider, result: Any, finish: Finish) -> AsyncGenerator[Any, None]:
    from contextlib import aclosing

    try:
        if type(result) is AsyncGeneratorType:
            async with aclosing(result):
                async for item in result:
                    yield finish(item)
        elif type(result) is GeneratorType:
            for item in result:
                yield finish(item)
        else:
            yield finish(await result if hasattr(result, "__await__") else result)
    except BaseException as error:
        raise failure(provider, error) from error


def _finisher(way: Route) -> Finish:
    """From a result of the provider to the value that the program gets."""
    provider, output = way.provider, way.provider.output
    problem = None if output is None else problem_finder(type_form(output, way.host.read))

    def finish(result: Any) -> Any:
        value = result if provider.native else _converted(provider.id, result)
        text = None if problem is None else problem(value)
        if text is not None:
            raise output_error(provider.id, text)
        return value

    return finish


def _converted(id: str, result: Any) -> Any:
    from rtfs.lang.convert import from_python  # deferred: built-in capabilities never need it

    try:
        return from_python(result)
    except Exception as error:  # objects of somebody else's classes do what they like
        raise output_error(id, _said(error)[:MESSAGE]) from error


def output_error(id: str, text: str) -> HostCallError:
    """A result of a wrong shape: the program never sees it."""
    data = Map.of([(Keyword("capability"), id)])
    return HostCallError("HostError", f"Invalid output of {id}: {text}", type="output-validation", data=data)


def failure(provider: Provider, error: BaseException) -> BaseException:
    """What a program sees of an exception in a provider; the exception itself when it is none of the provider's own."""
    if _passes(error):
        return error
    notes: tuple[str, ...] = ()
    if isinstance(error, RtfsError):
        if provider.transparent or not isinstance(error, EvaluationError | ExpansionError | ReadError):
            return error
        text, kind = error.message, error.type
        if error.span is not None:
            place = f"{error.span.source.name}:{error.span.line}:{error.span.column}"
            notes = (f"caused by {error.kind} at {place}",)
    else:
        text, kind = _said(error), "host-error"
    clean = text[:MESSAGE].encode("utf-8", "replace").decode()  # no string of a program holds a lone surrogate
    data = Map.of([(Keyword("capability"), provider.id)])
    return HostCallError("HostError", clean, type=kind, data=data, notes=notes)


def _passes(error: BaseException) -> bool:
    """Is it how Python, an event loop or rtfs itself ends work, and no failure of what was at work?"""
    if isinstance(error, Exception | SystemExit):
        return False
    if isinstance(error, BaseExceptionGroup):
        return any(_passes(each) for each in error.exceptions)
    kind = type(error)
    return isinstance(error, _ENDS) or kind.__name__ in _ENDINGS or kind.__module__.partition(".")[0] == "rtfs"


_ENDS = (KeyboardInterrupt, GeneratorExit)
_ENDINGS = frozenset({"CancelledError", "GreenletExit"})


def _said(error: BaseException) -> str:
    """The text of an exception, or what it is when it has none."""
    try:
        text = str(error)
    except Exception:  # somebody else's code
        text = ""
    return text or type(error).__name__
