"""The corridor: one session wires reader, macros, evaluation and host together and drives programs through them.

text → World (read, expand, compile, run) → outcome; a HostCall → Host.dispatch → value or error → back into the text.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Coroutine
from functools import partial
from types import CoroutineType
from typing import TYPE_CHECKING, Any

from rtfs.driver import Driver
from rtfs.embedding import HOST_OPTIONS, OWN_OPTIONS, call_body, context_values, embedder, given
from rtfs.eval.fault import translate
from rtfs.eval.machine import RUN, Program, Run, check_thread, thread
from rtfs.lang.collections import EMPTY_MAP
from rtfs.lang.depth import check_depth
from rtfs.lang.errors import HostCallError
from rtfs.lang.limits import Limits
from rtfs.lang.outcome import HostCall, Outcome, RequiresHost, RuntimeContext, StepEvent
from rtfs.lang.source import Source
from rtfs.program import World
from rtfs.recording import Answerer, Reading, Recording, Take
from rtfs.tools import Tools, deepen, read_forms
from rtfs.waiting import outside, refuse_inside

if TYPE_CHECKING:
    from rtfs.host.approval import Approvals
    from rtfs.host.budget import Budget
    from rtfs.host.clock import Clock
    from rtfs.host.console import Console
    from rtfs.host.host import Host
    from rtfs.host.journal import Journal
    from rtfs.host.marketplace import Marketplace
    from rtfs.loader import Cache, Lookup

LEVELS = ("off", "basic", "standard", "strict")  # of the checks of annotations (language.md §12.4)


class Session:
    """Programs that share definitions, and their host. Belongs to the thread that uses it first.

    marketplace: default one with the built-ins. context: what programs may do, default pure. limits: default 30 s of
    evaluation. values: the read-only context of `@name`. on_step: called with the StepEvent of each step.
    lookup: where modules come from (default files: `folder`, RTFS_PATH, the bundled library). cache: of compiled code,
    False for none. state_dir: where streams and stored values live; without it they live in memory. check: `off basic
    standard strict`. trace: called with each HostCall before it is answered. on_streams: called in the event loop with
    the stream registry, once there is one. id: begins the idempotency keys of all calls; random unless given.
    budget: what the calls of the session may spend; its time runs from here on. journal, approvals, approval_wait,
    must_approve, on_refusal: see Host. record: True keeps what `snapshot` and `fork` need; by default they refuse once
    `run` answered host calls; False keeps nothing. on_end: called with the session, the Take of each program that
    ended and its value or what it raised, also when it is replayed. outcome, waiting: of a restored or forked session,
    where the snapshot was taken, and all its programs that wait for their host.
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
        journal: Journal | None = None,
        approvals: Approvals | None = None,
        approval_wait: float | None = None,
        must_approve: tuple[str, ...] = (),
        on_refusal: Callable[[HostCall, HostCallError], bool] | None = None,
        record: bool | None = None,
        on_end: Callable[[Session, Take, Any, BaseException | None], None] | None = None,
    ) -> None:
        options = dict(locals())
        from rtfs.loader import Cache, Files

        if check not in LEVELS:
            raise ValueError(f"check must be one of {', '.join(LEVELS)}, got {check!r}")
        self._options = {name: option for name, option in options.items() if name not in OWN_OPTIONS}
        self.context = context if context is not None else RuntimeContext.pure()
        self.limits = limits or self.context.limits or Limits()
        self.values = context_values(values)
        self.first_values = dict(self.values)
        self.check = check
        self.reading = Reading(lookup or Files(folder))
        self.recording = Recording(record)
        self.outcome: RequiresHost | None = None
        self.waiting: tuple[RequiresHost, ...] = ()
        self.on_step = on_step
        self.trace = trace
        self.on_end = on_end
        self.dispatch: Answerer = self._dispatch
        stored = Cache() if cache is True else cache or None
        metered = budget is not None and budget.limits("steps")
        self.world = World(self.reading, stored, variant="metered" if metered else self.limits.variant, level=check)
        self.tools = Tools(self.world, self.limits, budget)
        self._marketplace = marketplace
        self._host_options = {name: options[name] for name in HOST_OPTIONS}
        self._host: Host | None = None
        self._driver = Driver(self.tools)
        self._runs: set[Run] = set()  # of the programs that `run_async` and `call_async` drive now
        self._thread: Any = None  # that used it first, as `machine.thread` names it
        self.id = id if id is not None else os.urandom(8).hex()
        deepen()
        if budget is not None or journal is not None:
            self.host  # noqa: B018  # time and journal begin here
        if journal is not None:
            self.on_step = journal.watching(on_step)

    # ---- the host -----------------------------------------------------------------------------------------------

    @property
    def host(self) -> Host:
        """Marketplace, streams, state and policy of this session; made when first needed."""
        if self._host is None:
            from rtfs.evaluator import SessionEvaluator
            from rtfs.host.host import Host
            from rtfs.host.marketplace import Marketplace

            self._host = Host(
                drive=partial(outside, self._driver.wait),
                marketplace=self._marketplace or Marketplace(),
                context=self.context,
                evaluator=SessionEvaluator(self),
                read=lambda text: read_forms(text)[0],
                values=self.values,
                session=self.id,
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
        return self.start_take(*self._text(name, text, asks=True))

    def start_call(self, function: Any, *args: Any) -> Outcome:
        """Call an RTFS function as its own host."""
        return self.start_take(*self._call(function, args, asks=True))

    def run(self, text: str, *, name: str = "<text>") -> Any:
        """Run a program to its end, answering its calls through the marketplace; its value."""
        return self._drive(*self._text(name, text))

    async def run_async(self, text: str, *, name: str = "<text>") -> Any:
        """The same inside a running event loop."""
        return await self._drive_async(*self._text(name, text))

    def call(self, function: Any, *args: Any) -> Any:
        """Call an RTFS function (a value that a program gave) to its end."""
        return self._drive(*self._call(function, args))

    async def call_async(self, function: Any, *args: Any) -> Any:
        """The same inside a running event loop."""
        return await self._drive_async(*self._call(function, args))

    def define(self, name: str, value: Any) -> None:
        """Define a global of the session from a Python value."""
        from rtfs.lang.convert import from_python

        self._here()
        defined = from_python(value)
        self.world.user.define(name, defined)
        self.recording.define(name, defined)

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
            self._driver.wait(self._host.joined(timeout))

    def cancel(self) -> None:
        """End what a synchronous call waits for, a program with Cancelled. To be called inside the event loop."""
        self._driver.cancel()

    def executing(self) -> Run | None:
        """The run whose code was interrupted by whoever asks, a handler of signals, if this session drives it."""
        run = RUN.get(None)
        return run if run in self._runs else None

    def shutdown(self, timeout: float = 30.0, strategy: str = "drain") -> None:
        """End what still runs, write the last snapshots, close what was opened. strategy: `drain` or `immediate`."""
        if self._host is not None and self._driver.has_loop:
            self._driver.run(self._host.ended(timeout, strategy))
        self.close()

    def close(self) -> None:
        """Close the event loop of synchronous calls and what the host holds open."""
        if self._host is not None:
            self._host.close()
        self._driver.close()

    # ---- the session as data (host.md §2) -----------------------------------------------------------------------

    def snapshot(self, at: Take | None = None) -> bytes:
        """The session as bytes, at the pending call of one of its programs: `outcome.snapshot()`.

        InvalidArgument when it is impossible.
        """
        from rtfs.snapshot import dump

        self._here()
        return dump(self, self.recording.complete(), at)

    @classmethod
    def restore(cls, data: bytes, **options: Any) -> Session:
        """A session at the point of a snapshot, by replaying pure code; the snapshot decides nothing but its content.

        options: those of a new session but `values` and `check`. limits: by default those of the snapshot, but at most
        those of a new session. InvalidArgument for damaged bytes, ReplayMismatch when the programs do something else.
        """
        from rtfs.replay import restored

        return restored(cls, data, options)._free()

    def fork(self, *, undo: int = 0, limits: Limits | None = None) -> Session:
        """An independent session at the same point, or before the last `undo` inputs. Streams stay with this one.

        Calls that wait for their host wait in both, under idempotency keys of their own. limits: those of the fork.
        """
        from rtfs.replay import forked

        self._here()
        return forked(self, undo, {**self.options(), "limits": limits or self.limits})._free()

    def options(self) -> dict[str, Any]:
        """What makes a session like this one, to which nothing has happened."""
        market = self._marketplace if self._host is None else self._host.marketplace
        return {**self._options, "marketplace": market, "limits": self.limits}

    # ---- inside -------------------------------------------------------------------------------------------------

    def _text(self, name: str, text: str, *, asks: bool = False) -> tuple[Take, Callable[[], Any]]:
        return self.recording.begin("text", (name, text), asks=asks), self.text_body(name, text)

    def _call(self, function: Any, args: tuple[Any, ...], *, asks: bool = False) -> tuple[Take, Callable[[], Any]]:
        args = given(args)
        return self.recording.begin("call", (function, args), asks=asks), call_body(function, args)

    def text_body(self, name: str, text: str) -> Callable[[], Any]:
        """What running a text means."""
        if "step-budget" in text or "step_budget" in text:  # the steps of a stream are to be counted
            self.world.count()
        return lambda: check_depth(self.world.run(Source(name, text), self.world.user))

    def new_run(self, answer: Callable[[HostCall], Any]) -> Run:
        """A run under this session's context and limits."""
        run = Run(answer, self.context, self.values, self.on_step)
        run.tools = self.tools
        if self.world.meter is not None:
            run.meter, run.share.allowance = self.world.meter, self.tools.allowance()
        return run

    def start_take(self, take: Take, body: Callable[[], Any]) -> Outcome:
        """Begin a program whose calls the embedder answers."""
        program = self._program(take, embedder(self.values), body)
        program.snapshot = lambda: self.snapshot(take)
        from rtfs.eval.pending import outcome_of  # deferred: a host of capabilities needs none

        return outcome_of(program, program.start())

    def _free(self) -> Session:
        """Let whichever thread uses the session next have it, unless programs of it wait in this one."""
        if not self.waiting:
            self._thread = None
        return self

    def _here(self) -> None:
        """InvalidArgument in another thread than the one that used the session first."""
        if self._thread is None:
            self._thread = thread()
        check_thread(self._thread, "the session")

    def _program(self, take: Take | None, answer: Answerer, body: Callable[[], Any]) -> Program:
        """A program that a recording may hear of; None for what the host runs for a call."""
        self._here()
        run = self.new_run(self.recording.hear(take, answer))
        if take is not None:
            run.origin = f"{self.id}/{take.number}/"
            run.cut = self.recording.cuts.get(take.number)
        return Program(run, lambda: self._guarded(take, body))

    def _guarded(self, take: Take | None, body: Callable[[], Any]) -> Any:
        """Run code under the deadline; what it raises leaves as an RtfsError with place and hints."""
        run = RUN.get()
        value: Any = None
        ending: BaseException | None = None
        try:
            run.check_depth()
            with self.tools.deadline(run):
                value = body()
                if run.meter is not None:
                    run.meter.settle()
            self.tools.spend(run, None)
            return value
        except BaseException as raised:
            error = translate(raised)
            ending = error or raised
            if error is None:
                raise
            ending = error = self.tools.spend(run, error) or error
            self.tools.explain(error, raised.__traceback__)
            raise error from None
        finally:
            run.done = True
            run.release()
            if take is not None:
                self.recording.end(take, run, value, ending)
                if self.on_end is not None:
                    self.on_end(self, take, value, ending)

    # ---- drivers ------------------------------------------------------------------------------------------------

    def _dispatch(self, call: HostCall) -> Any:
        """What the marketplace answers: a value, or a coroutine that gives one."""
        if self.trace is not None:
            self.trace(call)
        return self.host.dispatch(call)

    def _answer(self, call: HostCall) -> Any:
        """Answer a host call from inside the program's greenlet; only true waiting switches away."""
        answer = self.dispatch(call)
        return self._driver.result(answer) if type(answer) is CoroutineType else answer

    def _drive(self, take: Take, body: Callable[[], Any]) -> Any:
        refuse_inside("run_async or call_async", self._driver.driven)
        program = self._program(take, self._answer, body)
        if self._driver.has_loop:
            return self._driver.wait(self._driver.finish(program, program.start))
        request: Any = program.start()
        if program.done:
            return request.value
        return self._driver.wait(self._driver.finish(program, lambda: request))

    async def _drive_async(self, take: Take, body: Callable[[], Any]) -> Any:
        self.world.interruptible()
        program = self._program(take, self._answer, body)
        self._runs.add(program.run)
        try:
            return await self._driver.finish(program, program.start)
        finally:
            self._runs.discard(program.run)

    def run_inside(
        self, call: HostCall | None, body: Callable[[], Any], origin: str | None = None, security: Any = None
    ) -> Coroutine[Any, Any, Any]:
        """Run to its end what the host re-enters for a call; for none, as a program of its own."""
        program = self._program(None, self._answer, body)
        if call is not None:
            program.run.inside(call)
        else:
            program.run.origin = origin or f"{self.id}/{self.recording.number()}/"
            program.run.security = security or self.context
        return self._driver.finish(program, program.start)

    def run_with(self, answer: Answerer, body: Callable[[], Any]) -> Any:
        """Run to its end a program whose calls are answered at once, or refused."""
        outcome: Any = self._program(None, answer, body).start()
        return outcome.value


def evaluate(text: str, *, name: str = "<text>") -> Any:
    """Evaluate pure code in a fresh session; its last value."""
    return Session().run(text, name=name)


__all__ = ["EMPTY_MAP", "Session", "evaluate", "read_forms"]
