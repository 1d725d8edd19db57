"""Between a session and its host: calls of journalled streams are answered from their store (streaming.md §5.7)."""

from __future__ import annotations

from types import CoroutineType
from typing import TYPE_CHECKING, Any

from rtfs.answer import answer_text, read_answer
from rtfs.host.stream.answers import Answered
from rtfs.host.stream.catalogue import fault
from rtfs.lang.codec import NotStorable, Unreadable
from rtfs.lang.errors import RtfsError
from rtfs.lang.outcome import HostCall
from rtfs.lang.source import Source
from rtfs.lang.values import ErrorValue
from rtfs.snapshot import call_text

if TYPE_CHECKING:
    from rtfs.lang.evaluator import AnswerBook
    from rtfs.session import Session


class Journalled:
    """books: what the streams that record answers have recorded, by stream id."""

    def __init__(self, session: Session) -> None:
        self.books: dict[str, AnswerBook] = {}
        self._session = session
        self._ask = session.dispatch
        session.dispatch = self.answer

    def answer(self, call: HostCall) -> Any:
        """What `Session.dispatch` answers: a value, or a coroutine that gives one."""
        key = call.metadata.idempotency_key
        book = None if key is None else self.books.get(key.rsplit("/", 3)[0])
        if key is None or book is None:
            return self._ask(call)
        text = call_text(self._session, call)
        known = book.find(key)
        if known is not None and known[0] == text:
            return self._again(call, known[1], known[2])
        return self._made(call, key, text, book)

    async def _again(self, call: HostCall, state: str, text: str) -> Any:
        """The answer that was recorded, when what it stands for is there again."""
        try:
            answer = read_answer(call, text, _unknown)
        except (Unreadable, ValueError, IndexError, TypeError):
            raise fault(33, e=f"the recorded answer of '{call.capability_id}' is damaged") from None
        if state == "error":
            raise answer.error
        renewal = self._session.host.renew(call, answer)
        if type(renewal) is CoroutineType:
            await renewal
        return answer

    async def _made(self, call: HostCall, key: str, text: str, book: AnswerBook) -> Any:
        """Make the call; whoever gets its answer gets it when the store has it."""
        try:
            answer = self._ask(call)
            if type(answer) is CoroutineType:
                answer = await answer
        except RtfsError as error:
            if error.catchable:  # a limit, or the end of the run, is no answer
                await book.add(key, Answered(text, "error", answer_text(call, ErrorValue.of(error))))
            raise
        try:
            recorded = answer_text(call, answer)
        except NotStorable as problem:
            provider = self._session.host.marketplace.find(call.capability_id)
            if provider is None or not provider.idempotent:
                raise fault(31, path=f"the answer of '{call.capability_id}'", kind=problem.kind) from None
        else:
            await book.add(key, Answered(text, "value", recorded))
        return answer


def _unknown(name: str) -> Source:
    return Source(name, "")
