"""The corridor: one session wires reader, macros, evaluation and host together and drives programs through them.

text → World (read, expand, compile, run) → outcome; a HostCall → Host.dispatch → value or error → back into the text.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Coroutine
from types import CoroutineType
from typing import TYPE_CHECKING, Any

from rtfs.eval.fault import translate
from rtfs.eval.machine import RUN, Program, Run
from rtfs.eval.meter import Allowance
from rtfs.lang.collections import EMPTY_MAP, List, Map, PVector
from rtfs.lang.depth import check_depth
from rtfs.lang.errors import EvaluationError, HostCallError, RtfsError
from rtfs.lang.limits import Limits
from rtfs.lang.names import Keyword
from rtfs.lang.outcome import HostCall, Outcome, RuntimeContext, StepEvent
from rtfs.lang.source import Source
from rtfs.program import World
from rtfs.tools import Tools, deepen, read_forms
from rtfs.waiting import Stepped, cancelled

if TYPE_CHECKING:
    from rtfs.host.approval import Approvals
    from rtfs.host.budget import Budget
    from rtfs.host.clock import Clock
    from rtfs.host.console import Console
    from rtfs.host.host import Host
    from rtfs.host.marketplace import Marketplace
    from rtfs.loader import Cache, Lookup

LEVELS = ("off", "basic", "standard", "strict")  # of the checks of annotations (language.md §12.4)


class Session:
    """Programs that share definitions, and their host. Belongs to one thread; sessions are independent.

    marketplace: default one with the built-ins. context: what programs may do, default pure. limits: default 30 s of
    evaluation. values: the read-only context of `@name`. on_step: called with the StepEvent of each step.
    lookup: where modules come from (default files: `folder`, RTFS_PATH, the bundled library). cache: of compiled code,
    False for none. state_dir: where streams and stored values live; without it they live in memory. check: `off basic
    standard strict`. trace: called with each HostCall before it is answered. on_streams: called in the event loop with
    the stream registry, once there is one. id: begins the idempotency keys of all calls; random unless given.
    budget: what the calls of the session may spend; its time runs from here on. approvals, approval_wait,
    must_approve, on_refusal: see Host.
    """

    def __init__(
        self,
        *,
        marketplace: Marketplace | None = None,
        context: RuntimeContext | None = None,
        limits: Limits | None = None,
        values: dict[str, Any] | None = None,
        on_step: Callable[[StepEvent], None] | None = None,
        lookup: Lookup | None = None,
        folder: str | None = None,
        cache: Cache | bool = True,
        state_dir: str | None = None,
        clock: Clock | None = None,
        console: Console | None = None,
        check: str = "standard",
        trace: Callable[[HostCall], None] | None = None,
        on_streams: Callable[[Any], None] | None = None,
        id: str | None = None,
        budget: Budget | None = None,
        approvals: Approvals | None = None,
        approval_wait: float | None = None,
        must_approve: tuple[str, ...] = (),
        on_refusal: Callable[[HostCall, HostCallError], bool] | None = None,
    ) -> None:
        from rtfs.loader import Cache, Files

        if check not in LEVELS:
            raise ValueError(f"check must be one of {', '.join(LEVELS)}, got {check!r}")
        self.context = context if context is not None else RuntimeContext.pure()
        self.limits = limits or self.context.limits or Limits()
        self.values = _context_values(values)
        self.on_step = on_step
        self.trace = trace
        stored = Cache() if cache is True else cache or None
        self.world = World(lookup or Files(folder), stored, variant=self.limits.variant, level=check)
        self.tools = Tools(self.world, self.limits)
        self._marketplace = marketplace
        self._host_options: dict[str, Any] = {
            "state_dir": state_dir,
            "clock": clock,
            "console": console,
            "on_streams": on_streams,
            "budget": budget,
            "approvals": approvals,
            "approval_wait": approval_wait,
            "must_approve": must_approve,
            "on_refusal": on_refusal,
        }
        self._host: Host | None = None
        self._driver: Any = None  # set while an event loop drives this session
        self._runner: Any = None
        self._waiting: Any = None  # the task that a synchronous caller waits for
        self.id = id if id is not None else os.urandom(8).hex()
        self._programs = 0  # so many began: numbers of idempotency keys
        deepen()
        if budget is not None:
            self.host  # noqa: B018  # its clock runs from here on

    # ---- the host -----------------------------------------------------------------------------------------------

    @property
    def host(self) -> Host:
        """Marketplace, streams, state and policy of this session; made when first needed."""
        if self._host is None:
            from rtfs.evaluator import SessionEvaluator
            from rtfs.host.host import Host
            from rtfs.host.marketplace import Marketplace

            self._host = Host(
                marketplace=self._marketplace or Marketplace(),
                context=self.context,
                evaluator=SessionEvaluator(self),
                read=lambda text: read_forms(text)[0],
                values=self.values,
                **self._host_options,
            )
        return self._host

    @property
    def host_made(self) -> bool:
        """Was the host needed yet? Asking does not make it."""
        return self._host is not None

    # ---- running ------------------------------------------------------------------------------------------------

    def start(self, text: str, *, name: str = "<text>") -> Outcome:
        """Start a program as its own host: Complete, or RequiresHost at its first call."""
        return self._start(lambda: self._evaluate(text, name))

    def start_call(self, function: Any, *args: Any) -> Outcome:
        """Call an RTFS function as its own host."""
        return self._start(lambda: function(*args))

    def run(self, text: str, *, name: str = "<text>") -> Any:
        """Run a program to its end, answering its calls through the marketplace; its value."""
        return self._drive(lambda: self._evaluate(text, name))

    async def run_async(self, text: str, *, name: str = "<text>") -> Any:
        """The same inside a running event loop."""
        return await self._drive_async(lambda: self._evaluate(text, name))

    def call(self, function: Any, *args: Any) -> Any:
        """Call an RTFS function (a value that a program gave) to its end."""
        return self._drive(lambda: _called(function, args))

    async def call_async(self, function: Any, *args: Any) -> Any:
        return await self._drive_async(lambda: _called(function, args))

    def define(self, name: str, value: Any) -> None:
        """Define a global of the session from a Python value."""
        from rtfs.lang.convert import from_python

        self.world.user.define(name, from_python(value))

    def lookup(self, name: str) -> Any:
        """The value of a global, library functions included. KeyError when there is none."""
        key, own, library = f":{name}", self.world.user.globals, self.world.library.globals
        if key in own:
            return own[key]
        if key not in library:
            self.world.load_library()
        return library[key]

    def join(self, timeout: float | None = None) -> None:
        """Wait until every stream has ended that is neither detached nor unconnected."""
        if self._host is not None:
            self._wait(self._host.join(timeout))

    def cancel(self) -> None:
        """End what a synchronous call waits for, a program with Cancelled. To be called inside the event loop."""
        if self._waiting is not None:
            self._waiting.cancel()

    def shutdown(self, timeout: float = 30.0, strategy: str = "drain") -> None:
        """End what still runs, write the last snapshots, close what was opened. strategy: `drain` or `immediate`."""
        if self._host is not None and self._runner is not None:
            self._runner.run(self._host.shutdown(timeout, strategy))
        self.close()

    def close(self) -> None:
        """Close the event loop of synchronous calls and what the host holds open."""
        if self._host is not None:
            self._host.close()
        if self._runner is not None:
            self._runner.close()
            self._runner = None

    # ---- inside -------------------------------------------------------------------------------------------------

    def _evaluate(self, text: str, name: str) -> Any:
        return check_depth(self.world.run(Source(name, text), self.world.user))

    def new_run(self, answer: Callable[[HostCall], Any], call: HostCall | None = None) -> Run:
        """A run under this session's context and limits; of what the host runs for a call, if one is given."""
        run = Run(answer, self.context, self.values, self.on_step)
        run.tools = self.tools
        if self.world.meter is not None:
            run.meter, run.allowance = self.world.meter, Allowance(self.limits.steps, self.limits.cells)
        if call is not None:
            run.inside(call)
        else:
            run.origin = f"{self.id}/{self._programs}/"
            self._programs += 1
        return run

    def _start(self, body: Callable[[], Any]) -> Outcome:
        program: Program

        def ask(call: HostCall) -> Any:
            answer = program.suspend(call)
            if call.capability_id == CONTEXT_SET:
                self._set_context(call.args)
            return answer

        program = Program(self.new_run(ask), lambda: self._guarded(body))
        outcome: Any = program.start()
        return program.waiting(outcome) if type(outcome) is HostCall else outcome

    def _set_context(self, args: tuple[Any, ...]) -> None:
        """What `ccos.context.set` does where the embedder answers it: `key value`, or one map of both."""
        if len(args) == 1 and type(args[0]) is Map:
            args = (args[0].get(Keyword("key")), args[0].get(Keyword("value")))
        name = args[0] if args and type(args[0]) is str else getattr(args[0] if args else None, "name", None)
        if name is not None and len(args) == 2:
            self.values[name.removeprefix(":")] = args[1]

    def _guarded(self, body: Callable[[], Any]) -> Any:
        """Run code under the deadline; what it raises leaves as an RtfsError with place and hints."""
        run = RUN.get()
        try:
            with self._deadline(run):
                value = body()
                if run.meter is not None:
                    run.meter.settle()
                return value
        except BaseException as raised:
            error = translate(raised)
            if error is None:
                raise
            self._explain(error)
            raise error from None
        finally:
            run.done = True
            run.release()

    def _deadline(self, run: Run) -> Any:
        from contextlib import nullcontext

        seconds = self.limits.seconds
        if seconds is None:
            return nullcontext()
        from rtfs.host.watch import Deadline

        return Deadline(run, seconds)

    def _explain(self, error: RtfsError) -> None:
        """Did-you-mean notes where a name was not found."""
        if error.kind == "UndefinedSymbol" and not error.notes:
            from rtfs.eval.fault import attach_notes
            from rtfs.eval.library import NAMES

            attach_notes(error, [*self.world.user.definitions, *self.world.user.imported, *NAMES])

    # ---- drivers ------------------------------------------------------------------------------------------------

    def _answer(self, program: Program, call: HostCall) -> Any:
        """Answer a host call from inside the program's greenlet; only true waiting switches away."""
        if self.trace is not None:
            self.trace(call)
        answer = self.host.dispatch(call)
        if type(answer) is not CoroutineType:
            return answer
        if self._driver is None:
            return program.suspend(answer)  # no loop runs yet: the driver starts one
        try:
            waits_for = answer.send(None)
        except StopIteration as stop:
            return stop.value
        return program.suspend(Stepped(answer, waits_for))

    def _program(self, body: Callable[[], Any], call: HostCall | None = None) -> Program:
        program: Program
        run = self.new_run(lambda asked: self._answer(program, asked), call)
        program = Program(run, lambda: self._guarded(body))
        return program

    def _drive(self, body: Callable[[], Any]) -> Any:
        if self._driver is not None:
            text = "the session is running already; inside its event loop use run_async or call_async"
            raise EvaluationError("InvalidArgument", f"Invalid argument: {text}")
        program = self._program(body)
        if self._runner is not None:  # streams may be running: the loop must turn
            return self._wait(self._finish(program, program.start))
        request: Any = program.start()
        if program.done:
            return request.value
        return self._wait(self._finish(program, lambda: request))

    def run_inside(self, call: HostCall | None, body: Callable[[], Any]) -> Coroutine[Any, Any, Any]:
        """Run to its end what the host re-enters for a call; for none, a program of its own."""
        program = self._program(body, call)
        return self._finish(program, program.start)

    async def _drive_async(self, body: Callable[[], Any]) -> Any:
        program = self._program(body)
        return await self._finish(program, program.start)

    async def _finish(self, program: Program, first: Callable[[], Any]) -> Any:
        """Await what the program waits for until it is done."""
        outer, self._driver = self._driver, program
        try:
            request = first()
            while not program.done:
                value, error = None, None
                try:
                    value = await request
                except BaseException as raised:
                    error = raised
                request = program.send(value, cancelled(error))
            return request.value
        finally:
            self._driver = outer

    def _wait(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Run a coroutine to its end in the session's own event loop, for synchronous callers."""
        import asyncio

        async def awaited() -> Any:
            self._waiting = asyncio.current_task()
            try:
                return await work
            finally:
                self._waiting = None

        if self._runner is None:
            self._runner = asyncio.Runner()
        return self._runner.run(awaited())


def _called(function: Any, args: tuple[Any, ...]) -> Any:
    from rtfs.lang.access import callee
    from rtfs.lang.convert import from_python

    return callee(function)(*[one if type(one) in _OWN else from_python(one) for one in args])


CONTEXT_SET = "ccos.context.set"
_OWN = frozenset({PVector, Map, List})  # collections that only RTFS makes hold only its values


def _context_values(values: dict[str, Any] | None) -> dict[str, Any]:
    if not values:
        return {}
    from rtfs.lang.convert import from_python

    return {str(name).lstrip(":"): from_python(value) for name, value in values.items()}


def evaluate(text: str, *, name: str = "<text>") -> Any:
    """Evaluate pure code in a fresh session; its last value."""
    return Session().run(text, name=name)


__all__ = ["EMPTY_MAP", "Session", "evaluate", "read_forms"]
