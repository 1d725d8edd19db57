"""Re-entry into RTFS code for the host: processors, callbacks and effect slots (rtfs.lang.evaluator)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from rtfs.eval.fault import translate
from rtfs.eval.machine import RUN, Run
from rtfs.eval.meter import Allowance
from rtfs.lang.access import callee
from rtfs.lang.collections import Map
from rtfs.lang.errors import HostCallError, RtfsError, StreamError
from rtfs.lang.evaluator import FunctionIdentity
from rtfs.lang.names import Keyword
from rtfs.lang.outcome import HostCall, RuntimeContext

if TYPE_CHECKING:
    from rtfs.lang.source import Source
    from rtfs.session import Session


class SessionEvaluator:
    """What a session lets its host do with functions. See `rtfs.lang.evaluator.Evaluator`."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._pure = Run(_violation, RuntimeContext.pure())
        self._pure.tools = session.tools
        self._pure.meter = session.world.meter
        if session.limits.seconds is not None:
            from rtfs.host.watch import Vigil

            Vigil(self._pure, session.limits.seconds)

    def _failure(self, raised: BaseException) -> BaseException:
        """What the host gets to see of an exception: an error of the program, or Ctrl-C as it is."""
        error = translate(raised)
        if error is None:
            return raised
        self._session.tools.explain(error, raised.__traceback__)
        return error

    def pure(self, function: Any, *args: Any) -> Any:
        """Call a pure slot to completion."""
        return self._completed(self._target(function), *args)

    def _completed(self, target: Callable[..., Any], *args: Any) -> Any:
        token = RUN.set(self._pure)
        self._pure.turns += 1
        try:
            return target(*args)
        except BaseException as raised:
            raise self._failure(raised) from None
        finally:
            self._pure.turns += 1
            RUN.reset(token)

    def enter(self) -> None:
        """From here on the current task does nothing but step: `stepper` need not say so for each step."""
        RUN.set(self._pure)

    @property
    def counts(self) -> bool:
        """Can steps be counted? Only where all code was compiled to count them."""
        return self._session.world.meter is not None

    def stepper(self, function: Any, count: int, budget: int | None = None) -> Callable[..., Any]:
        """The function ready to be called once per chunk with 2 or 3 arguments, and as little around it as can be.

        budget: ticks that one call may use, beside what the session's limits say; it takes a session that `counts`.
        Calls that spell their arguments out are calls between Python frames; `*args` would go through C.
        """
        target, run, current = self._target(function, budget, streaming=True), self._pure, RUN.get

        def step(state: Any, chunk: Any) -> Any:
            if current(None) is not run:
                return self._completed(target, state, chunk)
            run.turns += 1
            try:
                return target(state, chunk)
            except BaseException as raised:
                raise self._failure(raised) from None
            finally:
                run.turns += 1

        def step_with_metadata(state: Any, chunk: Any, metadata: Any) -> Any:
            if current(None) is not run:
                return self._completed(target, state, chunk, metadata)
            run.turns += 1
            try:
                return target(state, chunk, metadata)
            except BaseException as raised:
                raise self._failure(raised) from None
            finally:
                run.turns += 1

        return step_with_metadata if count == 3 else step

    def _target(self, function: Any, budget: int | None = None, *, streaming: bool = False) -> Callable[..., Any]:
        """What calls the function; in a session that counts, each call may use what a run may, or its budget."""
        target, meter, limits = callee(function), self._session.world.meter, self._session.limits
        if meter is None:
            return target
        self._pure.meter = meter
        bounds = [limits.steps, budget, limits.step_budget if streaming else None]
        steps = min((bound for bound in bounds if bound is not None), default=None)

        def counted(*args: Any) -> Any:
            outer = meter.enter(Allowance(steps, limits.cells))
            try:
                value = target(*args)
                meter.settle()
                return value
            finally:
                meter.enter(outer)

        return counted

    def effect(
        self, function: Any, *args: Any, call: HostCall | None = None, origin: str | None = None
    ) -> Awaitable[Any]:
        """Call an effect slot in a greenlet of its own; its host calls are awaited."""
        target = callee(function)
        return self._session.run_inside(call, lambda: target(*args), origin)

    def arity(self, function: Any) -> tuple[int, int | None]:
        """Least and greatest argument count, None when unbounded."""
        from rtfs.eval.fault import shape_of
        from rtfs.lang.values import Keyword, Map, PVector

        if type(function) in (Keyword, Map, tuple, PVector):
            return 1, 2
        code = function.__code__
        shape = shape_of(code.co_name) if "~" in code.co_name else None
        if shape is not None:
            return shape[1], shape[2]
        low = code.co_argcount - len(function.__defaults__ or ())
        return low, None if code.co_flags & 4 else code.co_argcount

    def resolve(self, name: str, module: str) -> Any | None:
        """The global function of that name in `module`, then in `user`."""
        from types import FunctionType

        world = self._session.world
        for home in (world.modules.get(module), world.user):
            if home is not None:
                found = home.globals.get(f":{name}")
                if type(found) is FunctionType:
                    return found
        return None

    def identity(self, function: Any) -> FunctionIdentity:
        """Name and digest of a function; a literal has no name and is known by its text and captures."""
        from rtfs.identity import identity_of

        return identity_of(self._session, function)

    def read_file(self, path: str) -> Source:
        """The text of a file."""
        from rtfs.loader import read_source

        return read_source(path)

    def run_file(self, source: Source, module: str) -> list[Any]:
        """Run a text as a new module without host calls."""
        world = self._session.world
        values: list[Any] = self._session.run_with(_refuse, lambda: world.run_module(source, module))
        return values

    def find_type(self, name: str, module: str) -> Any:
        """The form of a type that a module sees under a name."""
        return self._session.tools.find_type(name, module)

    def compile(self, text: str, module: str, captures: dict[str, Any]) -> Any:
        """A function from the printed form of a literal and its captured values."""
        from rtfs.identity import function_from

        return function_from(self._session, text, module, captures)


def _refuse(call: HostCall) -> Any:
    data = Map.of([(Keyword("capability"), call.capability_id)])
    raise HostCallError("SecurityViolation", f"Host call {call.capability_id} while a file is loaded", data=data)


def _violation(call: HostCall) -> Any:
    error: RtfsError = StreamError(17, f"a pure function called {call.capability_id}")
    error.pure_violation = call.capability_id  # type: ignore[attr-defined]
    raise error
