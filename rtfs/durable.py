"""A session that survives its process: answered calls are answered from the history of the run (host.md §2)."""

from __future__ import annotations

from collections.abc import Awaitable
from types import CoroutineType
from typing import TYPE_CHECKING, Any

from rtfs.answer import answer_text, read_answer
from rtfs.eval.machine import RUN
from rtfs.host.history import Entry, History, history_error
from rtfs.lang.codec import NotStorable, Unreadable, decode, encode
from rtfs.lang.errors import RtfsError
from rtfs.lang.outcome import HostCall
from rtfs.lang.source import Source
from rtfs.lang.values import ErrorValue
from rtfs.mismatch import differing_calls, mismatch, shown_call
from rtfs.snapshot import call_text
from rtfs.turns import Turns
from rtfs.waiting import Stepped

if TYPE_CHECKING:
    from rtfs.host.marketplace import Marketplace
    from rtfs.recording import Answerer
    from rtfs.session import Session


class Durable:
    """Stands between a session and its host. What ends the run for good is raised at every later call as well."""

    def __init__(self, session: Session, history: History) -> None:
        self._session = session
        self._history = history
        self._ask: Answerer = session.dispatch
        self._own = f"{session.id}/"
        self._broken: RtfsError | None = None
        self._turns = Turns(history, lambda key: _settled(key, history, session.host.marketplace))
        session.dispatch = self.answer
        session.host.lasting = True
        session.reading.lookup = Texts(history, session.reading.lookup)

    def answer(self, call: HostCall) -> Any:
        """What `Session.dispatch` answers: a value, or a coroutine that gives one."""
        if self._broken is not None:
            raise self._broken
        key, run = call.metadata.idempotency_key, RUN.get(None)
        if key is None or not key.startswith(self._own):
            return self._ask(call)  # of a stream, which keeps its own history
        if run is not None and run.ending is not None:
            return self._ask(call)  # cleaning up in this process, which the program knows nothing of
        try:
            text = call_text(self._session, call)
            entry = self._history.find(key)
            if entry is None or entry.state == "made":
                return self._make(call, Entry(key, text))
            if entry.call != text:
                raise differing_calls(entry.call, call, text)
            return self._repeated(call, entry) if entry.state == "again" else self._again(call, entry)
        except RtfsError as error:
            self._heed(error)
            raise

    def _heed(self, error: RtfsError) -> None:
        """After an error of the run itself nothing more is called."""
        if error.kind == "ReplayMismatch" or (error.type == "durable" and not error.catchable):
            self._broken = error

    # ---- answered calls

    def _again(self, call: HostCall, entry: Entry) -> Any:
        """The answer that an earlier process got, when what it stands for is there again."""
        if entry.note is not None:
            call.remember(decode(entry.note))
        answer = self._read(call, entry)
        if entry.waited or not self._turns.here(entry):
            return self._later(call, entry, answer)
        renewal = self._session.host.renew(call, answer) if entry.state == "value" else None
        return self._renewed(entry, renewal, answer) if type(renewal) is CoroutineType else self._given(entry, answer)

    def _given(self, entry: Entry, answer: Any) -> Any:
        self._turns.take(entry)
        if entry.state == "error":
            raise answer.error
        return answer

    async def _renewed(self, entry: Entry, renewal: Awaitable[Any], answer: Any) -> Any:
        await self._done(renewal)
        return self._given(entry, answer)

    async def _later(self, call: HostCall, entry: Entry, answer: Any) -> Any:
        """The same for an answer that the program waited for: others go on meanwhile, as they did."""
        from asyncio import sleep

        if entry.state == "value":
            renewal = self._session.host.renew(call, answer)
            if type(renewal) is CoroutineType:
                await self._done(renewal)
        await sleep(0)
        await self._turns.come(entry)
        return self._given(entry, answer)

    def _repeated(self, call: HostCall, entry: Entry) -> Any:
        """The answer of a call without harm that is made once more, at its old place."""
        answer = self._ask(call)
        if type(answer) is CoroutineType or not self._turns.here(entry):
            return self._repeated_later(entry, answer)
        return self._given(entry, answer)

    async def _repeated_later(self, entry: Entry, answer: Any) -> Any:
        value = await answer if type(answer) is CoroutineType else answer
        await self._turns.come(entry)
        return self._given(entry, value)

    async def _done(self, renewal: Awaitable[Any]) -> None:
        try:
            await renewal
        except RtfsError as error:
            error.base = "!"  # the program was told otherwise
            self._broken = error
            raise

    def _read(self, call: HostCall, entry: Entry) -> Any:
        try:
            answer = read_answer(call, entry.answer or "", self._source)
            if entry.state == "value" or (entry.state == "error" and type(answer) is ErrorValue):
                return answer
        except (Unreadable, ValueError, IndexError, TypeError):
            pass
        raise history_error(f"the answer to {shown_call(entry.call)} in '{self._history.directory}' is damaged")

    def _source(self, name: str) -> Source:
        text = self._history.get("text") or "" if name == self._history.get("name") else ""
        return Source(name, text)

    # ---- new calls

    def _make(self, call: HostCall, entry: Entry) -> Any:
        if not self._turns.over and not self._history.has_inner(entry.key):
            return self._make_later(call, entry)
        provider = self._session.host.marketplace.find(call.capability_id)
        if provider is not None and not provider.idempotent:
            self._history.make(entry.key, entry.call)
        try:
            answer = self._ask(call)
        except RtfsError as error:
            self._failed(call, entry, error)
            raise
        if type(answer) is CoroutineType:
            return self._awaited(call, entry, answer)
        self._write(call, entry, answer)
        return answer

    async def _make_later(self, call: HostCall, entry: Entry) -> Any:
        """Nothing new is called before everything recorded was repeated."""
        await self._turns.come(None)
        answer = self._make(call, entry)
        return await answer if type(answer) is CoroutineType else answer

    async def _awaited(self, call: HostCall, entry: Entry, work: CoroutineType[Any, Any, Any]) -> Any:
        try:
            try:
                waits_for = work.send(None)
            except StopIteration as stop:
                answer = stop.value
            else:
                entry = entry._replace(waited=1)
                answer = await Stepped(work, waits_for)
        except RtfsError as error:
            self._failed(call, entry, error)
            raise
        try:
            self._write(call, entry, answer)
        except RtfsError as error:
            self._heed(error)
            raise
        return answer

    def _failed(self, call: HostCall, entry: Entry, error: RtfsError) -> None:
        """Write down the answer that a failure is. A limit or the end of the run is none."""
        if error.catchable:
            self._write(call, entry._replace(state="error"), ErrorValue.of(error))

    def _write(self, call: HostCall, entry: Entry, answer: Any) -> None:
        try:
            text = answer_text(call, answer)
        except NotStorable as problem:
            self._unstorable(call, problem)
            text, entry = "", entry._replace(state="again")
        note = None if call.note is None else encode(call.note)
        self._history.answer(entry._replace(answer=text, note=note))
        self._turns.look()

    def _unstorable(self, call: HostCall, problem: NotStorable) -> None:
        """Only a call without harm can be made again instead."""
        provider = self._session.host.marketplace.find(call.capability_id)
        if provider is None or not provider.idempotent:
            text = f"the answer of '{call.capability_id}' holds a {problem.kind}, which cannot be stored"
            raise history_error(text)


class Texts:
    """A lookup whose texts must stay what they were when the run read them first."""

    def __init__(self, history: History, lookup: Any) -> None:
        self._history = history
        self._lookup = lookup
        self._known: set[str] = set()

    def find(self, name: str) -> Source | None:
        found: Source | None = self._lookup.find(name)
        if found is None or name in self._known:
            return found
        before = self._history.module(name)
        if before is None:
            self._history.add_module(name, found.name, found.text)
        elif before[1] != found.text:
            raise mismatch(f"module '{name}' is not what it was: {first_difference(before[1], found.text)}")
        self._known.add(name)
        return found


def first_difference(old: str, new: str) -> str:
    """The first line that differs: `line 3 was …, is …`."""
    before, after = [*old.split("\n"), None], [*new.split("\n"), None]
    number = next(n for n, (one, other) in enumerate(zip(before, after, strict=False), 1) if one != other)
    was, now = (_shown(lines[number - 1]) for lines in (before, after))
    return f"line {number} was {was}, is {now}"


def _shown(line: str | None) -> str:
    if line is None:
        return "none"
    return f"`{line.strip()}`" if len(line) <= 80 else f"`{line.strip()[:79]}…`"


# ---- calls of which it must be decided what to do ---------------------------------------------------------------


def undecided(history: History, market: Marketplace) -> list[Entry]:
    """Calls that were being made when the run was stopped and must not be made twice, oldest first.

    One inside an answered call was stopped by the program's own will, unless that call goes on beside the program.
    """
    return [entry for entry in history.unanswered() if not _settled(entry.key, history, market)]


def _settled(key: str, history: History, market: Marketplace) -> bool:
    """Is this a call inside one that has its answer, whose functions will not run again?"""
    run, _, path = key.rpartition("/")
    numbers = path.split(".")[:-2]
    while numbers:
        outer = history.find(f"{run}/{'.'.join(numbers)}")
        if outer is not None and outer.state in ("value", "error"):
            provider = market.find(capability_of(outer.call)) if outer.state == "value" else None
            if provider is None or provider.renew is None:
                return True
        numbers = numbers[:-2]
    return False


def question(entry: Entry, others: int) -> RtfsError:
    """What is asked about a call that may have been made."""
    call = f"call {entry.key.rpartition('/')[2]}, {shown_call(entry.call)},"
    text = f"{call} was being made when the run was stopped: nobody knows if it was done"
    more = (f"{others} more such calls come after it",) if others else ()
    return history_error(text, "--retry-call makes it again, --skip-call VALUE goes on with VALUE as its answer", *more)


def reopen_failure(history: History, market: Marketplace, kind: str | None = None) -> bool:
    """Let the call that failed last be made again, with what was called after it, if that does no harm.

    kind: only if it failed with such an error.
    """
    failure = history.last_failure()
    if failure is None or kind not in (None, _kind_of(failure)):
        return False
    for entry in history.after(failure):
        provider = market.find(capability_of(entry.call))
        if provider is None or not provider.idempotent:
            return False
    history.forget_failure(failure)
    return True


def _kind_of(failure: Entry) -> str:
    """The kind of the error that a call failed with."""
    try:
        fields = decode(failure.answer or "", lambda stored: decode(stored, lambda inner: None))
    except (Unreadable, ValueError, TypeError):
        return ""
    return fields[1] if type(fields) is tuple and len(fields) > 1 and type(fields[1]) is str else ""


def capability_of(text: str) -> str:
    """The capability of a call that `call_text` described."""
    try:
        found = decode(text, lambda stored: None)
    except (Unreadable, ValueError):
        return ""
    return found[0] if type(found) is tuple and found and type(found[0]) is str else ""
