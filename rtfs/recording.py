"""What happened to a session, in order: enough to bring another session to the same point by running pure code again.

A session hears of texts and calls that begin a program, of answers to the program's host calls, of definitions, and of
context values that change. `rtfs.snapshot` makes bytes of it, `rtfs.replay` does it again (host.md §2).
"""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType
from typing import Any

from rtfs.eval.machine import Run
from rtfs.lang.collections import Map
from rtfs.lang.errors import RtfsError, invalid_argument
from rtfs.lang.names import Keyword
from rtfs.lang.outcome import HostCall
from rtfs.lang.source import Source
from rtfs.loader import Lookup

CONTEXT_SET = "ccos.context.set"

Answerer = Callable[[HostCall], Any]


class Take:
    """One program. `begun`: `("text", name, text)` or `("call", function, args)`.

    answers: (call, value, error), in order, if they are kept. ended: None while it runs or waits, `value`, `error`, or
    `cut` when a limit or a cancellation stopped it, which no replay would reach again; then `forms` of its top level
    were done. pending: the call it waits at. result: what it gave, if that is kept.
    """

    __slots__ = ("number", "begun", "recorded", "answers", "pending", "ended", "result", "error", "forms")

    def __init__(self, number: int, begun: tuple[Any, ...], *, recorded: bool) -> None:
        self.number = number
        self.begun = begun
        self.recorded = recorded
        self.answers: list[tuple[HostCall, Any, RtfsError | None]] = []
        self.pending: HostCall | None = None
        self.ended: str | None = None
        self.result: Any = None
        self.error: RtfsError | None = None
        self.forms = 0


class Recording:
    """The events of one session, oldest first: tuples `define name value`, `begin take`, `answer take number`,
    `set name value` and `end take`.

    keep: True records everything; None records programs whose host is the embedder, and of the others their text, which
    is all there is to know of one that makes no call; False records nothing. gap: why the session cannot be made again,
    after which nothing more is kept.
    """

    def __init__(self, keep: bool | None) -> None:
        self.keep = keep
        self.events: list[tuple[Any, ...]] = []
        self.next = 0  # the number of the next program
        self.gap: str | None = None if keep is not False else "it was made with record=False"
        self.cuts: dict[int, tuple[int, RtfsError]] = {}  # in a replay: programs that end after so many forms

    def number(self) -> int:
        """The number of a program that begins now."""
        self.next += 1
        return self.next - 1

    def define(self, name: str, value: Any) -> None:
        if self.keep is not False:
            self.events.append(("define", name, value))

    def begin(self, kind: str, what: tuple[Any, Any], *, asks: bool) -> Take:
        """A program begins. asks: the embedder answers its calls."""
        recorded = bool(self.keep) if not asks else self.keep is not False
        take = Take(self.number(), (kind, *what), recorded=recorded)
        if recorded or (kind == "text" and self.keep is None):
            self.events.append(("begin", take))
        return take

    def hear(self, take: Take | None, answer: Answerer) -> Answerer:
        """The same answers, noted down where they are kept; `take` is None for what the host runs for a call."""
        if self.keep is not True and (take is None or not take.recorded):
            return answer
        if take is None:
            return self._inner(answer)

        def ask(call: HostCall) -> Any:
            take.pending = call
            try:
                value = answer(call)
            except RtfsError as error:
                self._note(take, call, None, error)
                raise
            self._note(take, call, value, None)
            return value

        return ask

    def _inner(self, answer: Answerer) -> Answerer:
        """Of a call whose outer call is answered as a whole only what it does to the context counts."""

        def ask(call: HostCall) -> Any:
            value = answer(call)
            change = context_change(call)
            if change is not None:
                self.set(*change)
            return value

        return ask

    def _note(self, take: Take, call: HostCall, value: Any, error: RtfsError | None) -> None:
        take.pending = None
        if self.keep is False:
            return
        take.answers.append((call, value, error))
        self.events.append(("answer", take, len(take.answers) - 1))

    def set(self, name: str, value: Any) -> None:
        self.events.append(("set", name, value))

    def end(self, take: Take, run: Run, value: Any, raised: BaseException | None) -> None:
        """A program ended: with a value, an error, or by force."""
        if not take.recorded and run.seq and self.keep is not False:
            self.gap = f"program {take.number} made host calls whose answers were not kept: use record=True"
            self.keep = False
            self.events.clear()
        if self.keep is False or not (take.recorded or take.begun[0] == "text"):
            return
        error = raised if isinstance(raised, RtfsError) else None
        take.forms = run.forms
        take.error = error
        if raised is None:
            take.ended = "value"
            take.result = value if take.recorded or type(value) is FunctionType else None
        else:
            take.ended = "error" if error is not None and error.catchable else "cut"
        self.events.append(("end", take))

    def complete(self) -> list[tuple[Any, ...]]:
        """The events so far; InvalidArgument when something is missing."""
        if self.gap is not None:
            raise invalid_argument(f"this session cannot be made again: {self.gap}")
        return list(self.events)


class Reading:
    """A lookup that remembers the texts it gave."""

    def __init__(self, lookup: Lookup, texts: dict[str, Source] | None = None) -> None:
        """texts: modules that are what they were, wherever they come from now."""
        self.lookup = lookup
        self.texts: dict[str, Source] = {}
        self._fixed = texts or {}

    def find(self, name: str) -> Source | None:
        found = self._fixed.get(name) or self.lookup.find(name)
        if found is not None:
            self.texts[name] = found
        return found


def context_change(call: HostCall) -> tuple[str, Any] | None:
    """What an answered call changed in the context: `ccos.context.set key value`, or one map of both."""
    args = call.args
    if call.capability_id != CONTEXT_SET:
        return None
    if len(args) == 1 and type(args[0]) is Map:
        args = (args[0].get(Keyword("key")), args[0].get(Keyword("value")))
    key = args[0] if args else None
    name = key if type(key) is str else getattr(key, "name", None)
    return None if name is None or len(args) != 2 else (name.removeprefix(":"), args[1])
