"""Re-entry into RTFS code for the host: processors, callbacks and effect slots (rtfs.lang.evaluator)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Container
from types import FunctionType
from typing import TYPE_CHECKING, Any

from rtfs.eval.fault import translate
from rtfs.eval.machine import RUN, Run
from rtfs.eval.meter import Allowance
from rtfs.lang.access import callee
from rtfs.lang.collections import Map
from rtfs.lang.errors import HostCallError, RtfsError, StreamError
from rtfs.lang.evaluator import AnswerBook, FunctionIdentity, Step, whole
from rtfs.lang.names import Keyword
from rtfs.lang.outcome import HostCall, RuntimeContext

if TYPE_CHECKING:
    from contextvars import Token

    from rtfs.journalled import Journalled
    from rtfs.lang.source import Source
    from rtfs.session import Session


class Stepping:
    """`with Stepping(run):` around pure calls of a run that follow upon each other; inside of one it does nothing."""

    __slots__ = ("run", "token")

    def __init__(self, run: Run) -> None:
        self.run = run
        self.token: Token[Run] | None = None

    def __enter__(self) -> None:
        run = self.run
        if RUN.get(None) is not run:
            self.token = RUN.set(run)
            run.turns += 1

    def __exit__(self, *raised: object) -> None:
        if self.token is not None:
            self.run.turns += 1
            RUN.reset(self.token)


class SessionEvaluator:
    """What a session lets its host do with functions. See `rtfs.lang.evaluator.Evaluator`."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._journalled: Journalled | None = None
        self._pure = Run(_violation, RuntimeContext.pure())
        self._pure.tools = session.tools
        self._pure.meter = session.world.meter
        if session.limits.seconds is not None:
            from rtfs.host.watch import Vigil

            Vigil(self._pure, session.limits.seconds)

    def failure(self, raised: Exception) -> Exception:
        """The error of the program that an exception is, with its place and what else is known of it."""
        error = translate(raised)
        if error is None:
            return raised
        self._session.tools.explain(error, raised.__traceback__)
        return error

    def pure(self, function: Any, *args: Any) -> Any:
        """Call a pure slot to completion."""
        with self.stepping():
            try:
                return self._target(callee(function))(*args)
            except Exception as raised:
                raise self.failure(raised) from None

    def stepping(self) -> Stepping:
        """Around pure calls that follow upon each other."""
        return Stepping(self._pure)

    @property
    def counts(self) -> bool:
        """Can steps be counted? Only where all code was compiled to count them."""
        return self._session.world.meter is not None

    def stepper(self, function: Any, count: int, budget: int | None = None) -> Step:
        """The compiled function itself, if it has a form that gives parts: then nothing stands between.

        budget: ticks that one step may use, beside what the session's limits say; it takes a session that `counts`.
        """
        target = callee(function)
        in_parts = target.__dict__.get("rtfs_parts") if type(target) is FunctionType else None
        step = self._target(in_parts or target, budget, streaming=True)
        return whole(step, count) if in_parts is None else step

    def _target(
        self, target: Callable[..., Any], budget: int | None = None, *, streaming: bool = False
    ) -> Callable[..., Any]:
        """What calls a function; in a session that counts, each call may use what a run may, or its budget."""
        meter, limits = self._session.world.meter, self._session.limits
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
        self,
        function: Any,
        *args: Any,
        call: HostCall | None = None,
        origin: str | None = None,
        security: RuntimeContext | None = None,
    ) -> Awaitable[Any]:
        """Call an effect slot in a greenlet of its own; its host calls are awaited."""
        target = callee(function)
        return self._session.run_inside(call, lambda: target(*args), origin, security)

    def record(self, stream_id: str, book: AnswerBook | None) -> None:
        """Answer calls under that id from a book; None: no more."""
        if self._journalled is None:
            if book is None:
                return
            from rtfs.journalled import Journalled

            self._journalled = Journalled(self._session)
        if book is None:
            self._journalled.books.pop(stream_id, None)
        else:
            self._journalled.books[stream_id] = book

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
        """The global function of that name in `module`, then in `user`, then in the library."""
        world = self._session.world
        for home in (world.modules.get(module), world.user):
            if home is not None:
                found = home.globals.get(f":{name}")
                if type(found) is FunctionType:
                    return found
        try:
            found = self._session.lookup(name)
        except KeyError:
            return None
        return found if type(found) is FunctionType else None

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

    def operator(self, name: str) -> tuple[Map, Any] | None:
        """The table and the stage function of a stream operator; None when there is none of that name."""
        from rtfs.bundled import operator

        home = operator(self._session.world.library, name)
        return None if home is None else (self.pure(home.globals[":table"]), home.globals[":stage"])

    def spelling(self, function: Any) -> str | None:
        """The name under which the library has this very function."""
        from rtfs.lang.values import function_name

        name = function_name(function) if type(function) is FunctionType else None
        return name if name is not None and self._session.world.library.globals.get(f":{name}") is function else None

    def own_names(self, module: str) -> Container[str]:
        """What a module defines and imports."""
        home = self._session.world.modules.get(module)
        return () if home is None else {*home.definitions, *home.imported, *home.macros}

    def form(self, text: str) -> Any:
        """The form in a text."""
        from rtfs.tools import read_forms

        return read_forms(text)[0]

    def compile(self, text: str, module: str, captures: dict[str, Any]) -> Any:
        """A function from the printed form of a literal and its captured values."""
        from rtfs.identity import function_from

        return function_from(self._session, text, module, captures)

    def packed(self, value: Any) -> str:
        """The text from which a worker makes a value."""
        from rtfs.portable import pack

        return pack(self._session, value)


def _refuse(call: HostCall) -> Any:
    data = Map.of([(Keyword("capability"), call.capability_id)])
    raise HostCallError("SecurityViolation", f"Host call {call.capability_id} while a file is loaded", data=data)


def _violation(call: HostCall) -> Any:
    error: RtfsError = StreamError(17, f"a pure function called {call.capability_id}")
    error.pure_violation = call.capability_id  # type: ignore[attr-defined]
    raise error
