"""Bringing a session to where another one was: its inputs again, against the answers that were recorded (host.md §2).

Only pure RTFS runs. Every call that a program makes must be the recorded one; a difference is a ReplayMismatch.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from rtfs.embedding import call_body
from rtfs.eval.pending import Pending
from rtfs.lang.codec import Unreadable, decode
from rtfs.lang.collections import vector
from rtfs.lang.error_data import error_from
from rtfs.lang.errors import RtfsError, invalid_argument
from rtfs.lang.limits import Limits
from rtfs.lang.outcome import Complete, Outcome, RequiresHost
from rtfs.lang.source import Source
from rtfs.lang.values import ErrorValue, is_vector
from rtfs.loader import Lookup
from rtfs.mismatch import differing_calls, mismatch, missing_call, other_end, shown_call
from rtfs.recording import Reading, Take
from rtfs.reference import Reference, opaques
from rtfs.snapshot import Stored, call_text, damaged, dump, load

if TYPE_CHECKING:
    from rtfs.session import Session


def restored(cls: type[Session], data: bytes, options: dict[str, Any]) -> Session:
    """A new session at the point of a snapshot. What the snapshot does not hold comes from the options."""
    stored = load(data)
    limits = options.pop("limits", None) or narrower(stored.header["limits"], Limits())
    session = fresh(cls, stored, {**options, "limits": limits})
    Replay(session, stored).run()
    return session


def fresh(cls: type[Session], stored: Stored, options: dict[str, Any]) -> Session:
    """A session to which nothing has happened, with the context, check level and modules of a snapshot."""
    header = stored.header
    session = cls(values=dict(header["values"].entries()), check=header["check"], **{"id": header["id"], **options})
    session.reading = session.world.modules.lookup = Reading(session.reading.lookup, header["modules"])
    return session


def narrower(one: Limits, other: Limits) -> Limits:
    """Of each limit the lower one: whoever gives a snapshot does not decide what it may use."""
    bounds: dict[str, Any] = {}
    for name in Limits.__slots__:
        known = [value for value in (getattr(one, name), getattr(other, name)) if value is not None]
        bounds[name] = min(known, default=None)
    return Limits(**bounds)


class Instead(NamedTuple):
    """A program to run against the answers of another one, its arguments (None: those of the other) and modules."""

    source: Source
    arguments: tuple[str, ...] | None
    lookup: Lookup


class Replay:
    """The events of a snapshot, done to a session that has none yet. `outcomes`: of its programs, by number.

    instead: takes the place of the last text; how it ends is its own affair.
    """

    def __init__(self, session: Session, stored: Stored, instead: Instead | None = None) -> None:
        self.session = session
        self.stored = stored
        self.instead = instead
        self.last = max((int(line.split(" ")[1]) for line in stored.lines if _TEXT.match(line)), default=-1)
        self.outcomes: dict[int, Outcome | RtfsError] = {}
        self.takes: dict[int, Take] = {}

    def run(self) -> None:
        """ReplayMismatch where the programs do not do what they did, InvalidArgument where the lines make no sense."""
        session, header = self.session, self.stored.header
        on_step, session.on_step = session.on_step, None  # the steps were told before
        try:
            self._find_cuts()
            for line in self.stored.lines:
                self._line(line)
        except (Unreadable, ValueError, KeyError, IndexError) as problem:
            raise damaged(f"its events make no sense: {problem}") from None
        finally:
            session.on_step = on_step
        session.recording.next = max(session.recording.next, header["next"])
        waiting = {n: outcome for n, outcome in self.outcomes.items() if isinstance(outcome, RequiresHost)}
        for outcome in waiting.values():
            assert isinstance(outcome.continuation, Pending)
            outcome.continuation.program.run.on_step = on_step
        session.waiting = tuple(waiting.values())
        session.outcome = waiting.get(header["at"])

    def _line(self, line: str) -> None:
        word, _, rest = line.partition(" ")
        if word == "define":
            name, value = self._pair(rest)
            if name == "args" and self.instead is not None and self.instead.arguments is not None:
                value = vector(self.instead.arguments)
            self.session.define(name, value)
        elif word == "set":
            name, value = self._pair(rest)
            self.session.values[name] = value
            self.session.recording.set(name, value)
        elif word in _PROGRAM:
            _PROGRAM[word](self, *_numbered(rest))
        else:
            raise Unreadable(line[:40])

    # ---- programs

    def _begin(self, number: int, kind: str, what: tuple[Any, Any], body: Callable[[], Any]) -> None:
        recording = self.session.recording
        if number < recording.next:
            raise Unreadable(f"program {number} again")
        recording.next = number
        take = self.takes[number] = recording.begin(kind, what, asks=True)
        self.outcomes[number] = _outcome(lambda: self.session.start_take(take, body))

    def _text(self, number: int, rest: str) -> None:
        name, text = self._pair(rest)
        if type(text) is not str:
            raise Unreadable("a program without a text")
        if self.instead is not None and number == self.last:
            name, text = self.instead.source.name, self.instead.source.text
        self._begin(number, "text", (name, text), self.session.text_body(name, text))

    def _call(self, number: int, rest: str) -> None:
        stored = self._value(rest)
        if type(stored) is not tuple or len(stored) != 2 or not is_vector(stored[1]):
            raise Unreadable("a call without arguments")
        function, args = stored[0], tuple(stored[1])
        self._begin(number, "call", (function, args), call_body(function, args))

    def _ask(self, number: int, recorded: str) -> None:
        if self._stopped(number):
            return
        outcome = self._reached(number)
        if not isinstance(outcome, RequiresHost):
            raise missing_call(recorded, outcome.value if isinstance(outcome, Complete) else outcome)
        made = call_text(self.session, outcome.call)
        if made != recorded:
            raise differing_calls(recorded, outcome.call, made)

    def _answer(self, number: int, rest: str) -> None:
        value = self._value(rest)
        self._go_on(number, lambda waiting: waiting.resume(value))

    def _fail(self, number: int, rest: str) -> None:
        error = self._value(rest)
        if type(error) is not ErrorValue:
            raise Unreadable("a failure without an error")
        self._go_on(number, lambda waiting: waiting.fail(error.error))

    def _go_on(self, number: int, go_on: Callable[[RequiresHost], Outcome]) -> None:
        if self._stopped(number):
            return
        outcome = self._reached(number)
        if not isinstance(outcome, RequiresHost):
            raise Unreadable(f"an answer to program {number}, which waits for none")
        self.outcomes[number] = _outcome(lambda: go_on(outcome))

    def _end(self, number: int, rest: str) -> None:
        recorded = decode(rest)
        outcome = self._reached(number)
        if isinstance(outcome, RequiresHost):
            raise other_end(recorded, outcome.call, call_text(self.session, outcome.call))
        if self.instead is not None and number == self.last:
            return
        error = outcome if isinstance(outcome, RtfsError) else None
        if (None if error is None else error.kind) != recorded:
            raise other_end(recorded, error)

    def _reached(self, number: int) -> Outcome | RtfsError:
        """Where a program stands. What a limit stopped now, but not then, is no mismatch but that limit's error."""
        outcome = self.outcomes[number]
        if isinstance(outcome, RtfsError) and not outcome.catchable:
            raise outcome
        return outcome

    def _cut(self, number: int, rest: str) -> None:
        """The program was stopped here; it did so by itself when it had done as many forms."""
        outcome = self.outcomes[number]
        if isinstance(outcome, RequiresHost):
            raise other_end("Cancelled", outcome.call, call_text(self.session, outcome.call))

    def _stopped(self, number: int) -> bool:
        """Did the program end where a limit had ended it? The calls of the form that it was in are not made again."""
        return number in self.session.recording.cuts and not isinstance(self.outcomes[number], RequiresHost)

    def _find_cuts(self) -> None:
        for line in self.stored.lines:
            if line.startswith("cut "):
                number, rest = _numbered(line[4:])
                stop = self._value(rest)
                if (
                    type(stop) is not tuple
                    or len(stop) != 2
                    or type(stop[0]) is not int
                    or type(stop[1]) is not ErrorValue
                ):
                    raise Unreadable("a stop without an error")
                self.session.recording.cuts[number] = (stop[0], stop[1].error)

    # ---- values

    def _pair(self, rest: str) -> tuple[str, Any]:
        stored = self._value(rest)
        if type(stored) is not tuple or len(stored) != 2 or type(stored[0]) is not str:
            raise Unreadable("no name and value")
        return stored[0], stored[1]

    def _value(self, text: str) -> Any:
        return decode(text, self._meaning)

    def _meaning(self, stored: Any) -> Any:
        """The function or error that something stands for."""
        if type(stored) is str:
            return ErrorValue.of(error_from(decode(stored, self._meaning), self._source))
        reference = Reference.read(stored)
        if reference.kind == "global":
            return self.session.world.modules[reference.home].globals[f":{reference.name}"]
        if reference.kind == "library":
            return self.session.lookup(reference.name)
        take = self.takes[reference.home]
        if reference.kind == "result":
            return opaques(take.result)[reference.place]
        answered = take.answers[reference.name : reference.name + 1]
        call = answered[0][0] if answered else take.pending
        if call is None:
            raise Unreadable("a reference to a call that was not made")
        return opaques(call.args)[reference.place]

    def _source(self, name: str) -> Source:
        for take in reversed(self.takes.values()):
            if take.begun[0] == "text" and take.begun[1] == name:
                return Source(name, take.begun[2])
        texts = self.stored.header["modules"].values()
        return next((source for source in texts if source.name == name), Source(name, ""))


_TEXT = re.compile(r"text \d{1,15} ")
_PROGRAM: dict[str, Callable[[Replay, int, str], None]] = {
    "text": Replay._text,
    "call": Replay._call,
    "ask": Replay._ask,
    "answer": Replay._answer,
    "fail": Replay._fail,
    "end": Replay._end,
    "cut": Replay._cut,
}


def _numbered(rest: str) -> tuple[int, str]:
    """The number of a program and what is said of it."""
    number, _, rest = rest.partition(" ")
    if not number.isascii() or not number.isdigit() or len(number) > 15:
        raise Unreadable(f"program {number[:40]}")
    return int(number), rest


def _outcome(step: Callable[[], Outcome]) -> Outcome | RtfsError:
    try:
        return step()
    except RtfsError as error:
        return error


def forked(session: Session, undo: int, options: dict[str, Any]) -> Session:
    """A new session with everything of another but its streams, at the same point or before its last inputs."""
    events = session.recording.complete()
    inputs = [place for place, event in enumerate(events) if event[0] in ("define", "begin")]
    if not 0 <= undo <= len(inputs):
        raise invalid_argument(f"undo is a number from 0 to {len(inputs)}, the inputs of the session, got {undo}")
    kept = events[: inputs[-undo]] if undo else events
    return restored(type(session), dump(session, kept), {**options, "id": None})


def replayed(data: bytes, *, limits: Limits, instead: Instead | None = None) -> Any:
    """What the last program of a recording gives when it runs again, or another one instead of it.

    Raises what the program raises, ReplayMismatch when its calls are not the recorded ones, all of them.
    """
    from rtfs.session import Session

    stored = load(data)
    session = fresh(Session, stored, {"limits": limits})
    if instead is not None:
        session.reading = session.world.modules.lookup = Reading(instead.lookup)
    replay = Replay(session, stored, instead)
    replay.run()
    last = replay.outcomes[max(replay.outcomes)] if replay.outcomes else Complete(None)
    if isinstance(last, RtfsError):
        raise last
    if isinstance(last, RequiresHost):
        raise mismatch(f"the recording ends before {shown_call(call_text(session, last.call))}", last.call)
    return last.value
