"""Effect slots: functions of a program that a stream calls and awaits, and that may call the host (streaming.md §0).

A slot gets as many of its documented arguments as it declares. It runs under the rights of the program that created the
stream, its host calls carry the idempotency keys `STREAM/SEQ/SLOT/N`, and it needs a greenlet only while it waits.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from types import FunctionType
from typing import TYPE_CHECKING, Any

from rtfs.host.stream.catalogue import fault
from rtfs.host.stream.options import shown
from rtfs.lang.collections import Map
from rtfs.lang.errors import LimitError, RtfsError, StreamError
from rtfs.lang.names import Keyword, Symbol
from rtfs.lang.values import ErrorValue, function_name

if TYPE_CHECKING:
    from rtfs.host.stream.registry import Services
    from rtfs.lang.evaluator import Evaluator
    from rtfs.lang.outcome import RuntimeContext


class Slot:
    """One effect slot of a stream. timeout_ms: how long one call may take in host time, None for ever."""

    __slots__ = ("name", "function", "most", "timeout_ms", "_services", "_security", "_foreign")

    def __init__(
        self,
        name: str,
        function: Any,
        services: Services,
        security: RuntimeContext | None = None,
        timeout_ms: int | None = None,
    ) -> None:
        self.name = name
        self.function = function
        self.timeout_ms = timeout_ms
        self._services = services
        self._security = security
        self._foreign = foreign(function)
        self.most = arity(function, services.evaluator, self._foreign)[1]

    async def __call__(self, stream_id: str, seq: int, *args: Any, part: str = "") -> Any:
        """Run the function to its end. S010 for what it raises and when it takes too long, a limit as it is.

        part: tells the calls from each other where there are several for one number.
        """
        given = args if self.most is None else args[: self.most]
        services = self._services
        services.slots[stream_id] = self.name
        try:
            with (
                nullcontext() if services.instruments is None else services.instruments.slot(stream_id, seq, self.name)
            ):
                name = f"{self.name}.{part}" if part else self.name
                return await self._within(self._work(f"{stream_id}/{seq}/{name}/", given))
        except Exception as error:
            raise failure(error) from error
        finally:
            services.slots.pop(stream_id, None)

    async def _work(self, origin: str, args: tuple[Any, ...]) -> Any:
        if not self._foreign:
            effect = self._services.evaluator.effect(self.function, *args, origin=origin, security=self._security)
            try:
                return await effect
            except LimitError as error:
                task = asyncio.current_task()
                if error.kind == "Cancelled" and task is not None and task.cancelling():
                    raise asyncio.CancelledError from None  # with the stream: no failure of the function
                raise
        result = self.function(*args)
        return await result if inspect.isawaitable(result) else result

    async def _within(self, work: Any) -> Any:
        """The result of the work; it is cancelled after the slot's own time, or with whoever waits for it."""
        if self.timeout_ms is None:
            return await work
        task = asyncio.ensure_future(work)
        late = False

        def expire() -> None:
            nonlocal late
            late = True
            task.cancel()

        timer = self._services.timers.after(self.timeout_ms, expire)
        try:
            await asyncio.wait({task})
        finally:
            timer.cancel()
            if not task.done():
                task.cancel()
        if late and (task.cancelled() or task.exception() is not None):
            raise fault(10, e=f"no end of {self.name} within {self.timeout_ms} ms")
        return task.result()


def foreign(function: Any) -> bool:
    """Is it a Python function of the embedder, rather than a function of a program?"""
    if type(function) is FunctionType:
        home = function.__globals__.get("__name__", "")
        return "~" not in function.__code__.co_name and not str(home).startswith("rtfs.")
    return callable(function) and not isinstance(function, Keyword | Map)


def arity(function: Any, evaluator: Evaluator, python: bool) -> tuple[int, int | None]:
    """Least and greatest argument count; None when unbounded."""
    if not python:
        return evaluator.arity(function)
    kinds = inspect.Parameter
    parameters = inspect.signature(function).parameters.values()
    placed = [one for one in parameters if one.kind in (kinds.POSITIONAL_ONLY, kinds.POSITIONAL_OR_KEYWORD)]
    most = None if any(one.kind is kinds.VAR_POSITIONAL for one in parameters) else len(placed)
    return sum(one.default is kinds.empty for one in placed), most


def resolve(given: Any, module: str, evaluator: Evaluator, registered: Mapping[str, Any]) -> Any:
    """The function a callback parameter names: `{:fn f}`, a function, a name, a keyword (streaming.md §2.1). S014."""
    if type(given) is Map and Keyword("fn") in given:
        given = given[Keyword("fn")]
    if isinstance(given, str | Symbol | Keyword):
        name = given if isinstance(given, str) else given.name
        found = registered.get(name) if type(given) is Keyword else None
        if found is None:
            found = evaluator.resolve(name, module)
        if found is None:
            raise fault(14, f=f":{name}" if type(given) is Keyword else name)
        return found
    if not callable(given) or isinstance(given, Map):
        raise fault(3, p="callback", kind="{:fn f}, a function or a name", value=shown(given))
    return given


def make(name: str, count: int, function: Any, context: Callable[[str, Any], Slot]) -> Slot:
    """A slot that gets up to `count` documented arguments. S015 when the function wants more."""
    slot = context(name, function)
    least = arity(function, slot._services.evaluator, slot._foreign)[0]
    if least > count:
        raise _unfit("Callback", function, least, name, count)
    return slot


def fits(name: str, count: int, function: Any, evaluator: Evaluator) -> None:
    """S015 when the function of a pure slot cannot be called with its `count` documented arguments."""
    if foreign(function):
        return
    least, most = evaluator.arity(function)
    if least > count or (most is not None and most < count):
        raise _unfit("Function", function, least if most is None or least > count else most, name, count)


def _unfit(what: str, function: Any, takes: int, name: str, count: int) -> StreamError:
    called = function_name(function) or getattr(function, "__name__", "fn").partition("~")[0] or "fn"
    return StreamError(15, f"{what} '{called}' takes {takes} arguments; :{name} gives {count}")


def failure(error: Exception) -> RtfsError:
    """What a failed slot makes of its stream: S010, but a limit or a refusal of the policy stays what it is."""
    if not isinstance(error, RtfsError):
        return fault(10, data={"kind": type(error).__name__}, e=f"{type(error).__name__}: {error}")
    if error.code.startswith("RTFS-S") or not error.catchable or error.kind == "SecurityViolation":
        return error
    data = {"kind": Keyword(error.type), "code": error.code, "data": error.data}
    found = fault(10, data=data, e=error.message)
    found.stand_for(error)
    return found


def seen(error: RtfsError) -> ErrorValue:
    """The error as programs see it."""
    return ErrorValue.of(error)
