"""A run of compiled code: its host calls, its steps, its end; and the only place that suspends.

A host call is a plain Python call of the driver while the driver can answer at once. Where it cannot, the program's
greenlet switches to whoever resumed it: that costs about a microsecond and works from any depth, inside any callback.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import copy_context
from typing import Any, NamedTuple
from weakref import ref

from greenlet import GreenletExit, getcurrent, greenlet

from rtfs.eval.limits import LIMITS, REENTRIES
from rtfs.eval.meter import Allowance
from rtfs.lang.collections import Map
from rtfs.lang.errors import (
    EvaluationError,
    LimitError,
    RtfsError,
    arity_error,
    invalid_argument,
    overflow,
)
from rtfs.lang.names import Keyword
from rtfs.lang.outcome import (
    CausalContext,
    Complete,
    HostCall,
    Outcome,
    RuntimeContext,
    StepEvent,
    Surroundings,
)
from rtfs.lang.signal import RUN, lower_flag, raise_flag
from rtfs.lang.values import wrong_kind

_NO_CAUSE = CausalContext()
_NAME, _ID, _INTENT = Keyword("name"), Keyword("id"), Keyword("intent-id")
STEPS = 1_000  # inside each other: each keeps the path of names to it
_CLEANUP = "ccos.resource.close"


class Share:
    """What a run may use together with what the host runs for its calls. time: the host's account of evaluation time,
    None for no limit; allowance: of metered code. depth: so many host calls are around this run.
    """

    __slots__ = ("time", "allowance", "depth")

    def __init__(self, time: Any = None, allowance: Allowance | None = None, depth: int = 0) -> None:
        self.time = time
        self.allowance = allowance
        self.depth = depth


class Run:
    """What one evaluation carries along. `answer(call)` gives the host's value or raises; it may suspend the caller.

    `hints` name → value in force; `path` names of the steps around; `values` the host's context, `exposed` the keys of
    it that calls carry (None: none); `seq` the next call's number and `origin` what stands before it in idempotency
    keys; `ending` the limit error after which only cleanup is allowed; `loading` the modules whose body it is in.
    """

    __slots__ = (
        "answer",
        "security",
        "hints",
        "path",
        "values",
        "exposed",
        "seq",
        "origin",
        "surroundings",
        "gensyms",
        "ending",
        "plan",
        "on_step",
        "stop",
        "causal",
        "tools",
        "meter",
        "share",
        "deadline",
        "grace_over",
        "done",
        "pausing",
        "turns",
        "__weakref__",
        "loading",
        "forms",
        "cut",
        "home",
    )

    def __init__(
        self,
        answer: Callable[[HostCall], Any],
        security: RuntimeContext,
        values: dict[str, Any] | None = None,
        on_step: Callable[[StepEvent], None] | None = None,
    ) -> None:
        self.answer = answer
        self.security = security
        self.hints: dict[str, Any] = {}
        self.path: tuple[str, ...] = ()
        self.values = values if values is not None else {}
        self.exposed: Exposed | None = None
        self.seq = 0
        self.origin: str | None = None
        self.surroundings: Surroundings | None = None  # what calls share; made again after a change
        self.gensyms = 0
        self.ending: RtfsError | None = None
        self.plan: Any = None
        self.on_step = on_step
        self.stop: LimitError | None = None
        self.causal = _NO_CAUSE
        self.tools: Any = None  # the session: expander and reader for `macroexpand` and `read-string`
        self.meter: Any = None  # of metered code: the counters of its session
        self.share = Share()
        self.deadline: Any = None  # the host's clock of this run, with `pause` and `go_on`
        self.grace_over = False
        self.pausing = False
        self.turns = 0  # of pure calls that follow upon each other: begun and ended, so odd while there is one
        self.done = False  # an interrupt that comes too late must leave no mark
        self.loading: list[Any] = []  # outermost first
        self.forms = 0  # so many forms of the top level are done
        self.cut: tuple[int, RtfsError] | None = None  # of a replay: after so many forms a limit had ended the run
        self.home: Any = None  # a weak reference to the greenlet of its program, if it has one

    def interrupt(self, error: LimitError) -> None:
        """Ask the run to end with `error`; from any thread. Interruptible code notices at its next poll."""
        self.stop = error
        raise_flag(self)
        if self.done:
            self.release()

    def ask_pause(self) -> None:
        """Ask the run to hand the event loop back for a moment; from any thread."""
        if not self.pausing:
            self.pausing = True
            raise_flag(self)
            if self.done:
                self.release()

    def poll(self) -> None:
        """Do what the run was asked to: end, or pause. Tasks of the host that began in the program are not the run."""
        error = self.stop
        if (error is None and not self.pausing) or (self.home is not None and self.home() is not getcurrent()):
            return
        self.pausing = False
        if error is not None:
            self.stop = None
        self.release()
        if error is None and self.stop is not None:  # a signal or another thread came in between
            error, self.stop = self.stop, None
        if error is not None:
            raise error
        if self.tools is None or self.tools.may_pause():
            suspend(PAUSE)

    def may_clean_up(self, error: RtfsError) -> bool:
        """May a `finally` run after a limit error? All of them together have a short grace (language.md §8.3)."""
        if self.ending is None:
            self.ending = error
            if self.tools is not None:
                self.tools.grace(self)
        return not self.grace_over

    def release(self) -> None:
        """Take this run's mark off the flag."""
        lower_flag(self)

    def context_value(self, name: str, default: Any) -> Any:
        return self.values.get(name, default)

    def inside(self, call: HostCall) -> None:
        """Be what the host runs for a call: rights, limits, hints, steps and exposed context are those of the call,
        numbers go below its own.
        """
        around, key = call.surroundings, call.metadata.idempotency_key
        self.security = call.security
        if around.share is not None:
            self.share = Share(around.share.time, around.share.allowance, around.share.depth + 1)
        self.hints, self.path = around.hints, around.step_path
        self.causal = around.causal.replace(parent_action_id=key)
        self.origin = None if key is None else f"{key}.{call.next_branch()}."

    def check_depth(self) -> None:
        """Refuse what the host runs for a call of what it runs for a call … without end."""
        if self.share.depth > REENTRIES:
            raise overflow("call depth", REENTRIES)

    def use_hints(self, hints: dict[str, Any]) -> dict[str, Any]:
        """Put other hints in force; gives those that were."""
        outer, self.hints, self.surroundings = self.hints, hints, None
        return outer

    def describe_plan(self, description: Any) -> None:
        """The program is a plan of this description."""
        self.plan = description
        name = description.get(_NAME) or description.get(_ID)
        if type(name) is str:
            self.causal, self.surroundings = self.causal.replace(plan_id=name), None
        if type(description.get(_INTENT)) is str:
            self.causal, self.surroundings = self.causal.replace(intent_id=description[_INTENT]), None

    def enter_step(self, name: str, params: Any, exposed: Exposed | None) -> Any:
        """A step starts; gives what `leave_step` takes. exposed: None leaves to the steps around what is exposed."""
        if len(self.path) == STEPS:
            raise overflow("nesting", STEPS)
        token = (name, self.path, self.causal, self.exposed)
        self.path = (*self.path, name)
        self.causal = self.causal.replace(step_id="/".join(self.path))
        if exposed is not None:
            self.exposed = exposed
        self.surroundings = None
        self.notify("start", name, params)
        return token

    def leave_step(self, token: Any, kind: str | None, value: Any) -> None:
        """A step ends: `complete` with its value or `fail` with its error; of a run that is dropped nobody is told."""
        name, path, causal, exposed = token
        if kind is not None:
            self.notify(kind, name, value)
        self.path, self.causal, self.exposed, self.surroundings = path, causal, exposed, None

    def notify(self, kind: str, name: str, value: Any) -> None:
        if self.on_step is not None:
            self.on_step(StepEvent(kind, name, self.path, value, self.exposed_context()))

    def exposed_context(self) -> Any:
        """What the host may see of the context: a map of texts, None if nothing (language.md §11.4, §11.5)."""
        exposed = self.exposed
        if exposed is None or exposed.none:
            return None
        allowed = self.security.exposed_keys
        names = self.values if exposed.keys is None else exposed.keys
        return Map.of([(n, self.values[n]) for n in names if n in self.values and (not allowed or n in allowed)])

    def surround(self) -> Surroundings:
        """What the next calls share."""
        made = Surroundings(self.causal, self.path, self.hints, self.exposed_context(), self.origin, self.share)
        if self.exposed is None:  # an exposed context may change between two calls
            self.surroundings = made
        return made


class Exposed(NamedTuple):
    """What of the context a step shows the host: nothing, some keys, or everything (`keys` None)."""

    none: bool
    keys: tuple[str, ...] | None = None


@contextmanager
def form_of(top: bool) -> Iterator[None]:
    """Count a form, if it is one of the program's top level: what was done when a limit ended it is done for good."""
    run = RUN.get(None) if top else None
    if run is None:
        yield
        return
    if run.cut is not None and run.forms == run.cut[0]:
        raise run.cut[1]
    yield
    run.forms += 1


def current_run() -> Run:
    """The run of the code that is evaluating now."""
    run: Run = RUN.get()
    return run


def call_host(site: Any, *args: Any) -> Any:
    """`(call id arg…)`: ask the host, wait for its answer."""
    if not args:
        raise arity_error("call", "at least 1", 0)
    name = args[0]
    if type(name) is Keyword:
        capability = name.name
    elif type(name) is str and name:
        capability = name
    elif name == "":
        raise invalid_argument("call of an empty capability id")
    else:
        raise wrong_kind("call", "string or keyword", name, 0)
    run = current_run()
    if run.stop is not None:
        run.poll()
    if run.meter is not None:
        run.meter.settle()
    if run.ending is not None and capability != _CLEANUP:
        raise run.ending
    call = HostCall(capability, args[1:], run.security, run.surroundings or run.surround(), site, site.module, run.seq)
    run.seq += 1
    return run.answer(call)


PAUSE = object()  # what a program asks for that hands the event loop back: its next turn


def suspend(request: Any) -> Any:
    """Inside a program: hand `request` to whoever resumed it, wait for the answer.

    No frame of a suspended program holds its Program: when whoever waits for it forgets it, it goes away.
    """
    run = RUN.get()
    deadline = run.deadline
    if deadline is not None:
        deadline.pause()  # waiting for the host is no evaluation time (language.md §15)
    if run.pausing:  # this is the pause
        run.pausing = False
        run.release()
        if run.stop is not None:
            raise_flag(run)
    try:
        answer, error = getcurrent().parent.switch(request)
    except GreenletExit:
        run.ending, run.grace_over = LimitError("Cancelled", "Cancelled"), True  # nobody is there to clean up for
        raise
    if deadline is not None:
        deadline.go_on()
    if error is not None:
        raise error
    return answer


def thread() -> Any:
    """What stands for the thread that runs: its first greenlet, which outlives every other one of it."""
    found = getcurrent()
    while found.parent is not None:
        found = found.parent
    return found


def check_thread(owner: Any, what: str) -> None:
    """InvalidArgument in any other thread than the owner, before anything has happened."""
    if thread() is not owner:
        text = f"{what} belongs to another thread; give each thread a session of its own, such as a fork"
        raise EvaluationError("InvalidArgument", f"Invalid argument: {text}")


class Program:
    """One evaluation in a greenlet of its own, as outcomes (host.md §1). `body()` runs in it; one-shot per outcome."""

    def __init__(self, run: Run, body: Callable[[], Any]) -> None:
        self.run = run
        self._greenlet: Any = greenlet(lambda: Complete(body()))
        run.home = ref(self._greenlet)
        context = copy_context()
        context.run(RUN.set, run)
        if run.tools is not None:
            context.run(LIMITS.set, run.tools.limits)
        self._greenlet.gr_context = context
        self.turn = 0
        self.thread = thread()
        self.snapshot: Callable[[], bytes] | None = None

    def start(self) -> Outcome:
        """Run until the program ends, fails or asks the host."""
        outcome: Outcome = self._switch(None)
        return outcome

    def _switch(self, answer: Any) -> Any:
        self._greenlet.parent = getcurrent()
        meter = self.run.meter
        if meter is None:
            return self._greenlet.switch(answer) if answer is not None else self._greenlet.switch()
        outer = meter.enter(self.run.share.allowance)
        try:
            return self._greenlet.switch(answer) if answer is not None else self._greenlet.switch()
        finally:
            meter.enter(outer)

    def send(self, value: Any, error: BaseException | None = None) -> Any:
        """Answer the pending request; gives the next one, or Complete."""
        return self._switch((value, error))

    @property
    def done(self) -> bool:
        return bool(self._greenlet.dead)


__all__ = ["RUN", "Program", "Run", "call_host", "current_run"]
