"""What the host may ask of evaluation; the session provides it (house.md, direction of imports)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Container
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from rtfs.lang.names import Keyword

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from rtfs.lang.collections import Map
    from rtfs.lang.outcome import HostCall, RuntimeContext
    from rtfs.lang.source import Source


RESULT_KEYS = tuple(map(Keyword, ("state", "output", "outputs", "action", "config")))  # of a step (streaming.md §1.4)


Step = Callable[..., "tuple[Any, Any, Any]"]
"""A step of a stream gives the parts of its result, `(state, output, rest)`.

rest None: the new state and an output (MISSING: none), and nothing else was said. True: the first is the result as a
whole, to be read. A tuple: what the result has under each of RESULT_KEYS, MISSING for nothing.
"""


def whole(function: Callable[..., Any], count: int) -> Step:
    """The step of a function that gives results as a whole; arguments that are spelled out need no tuple."""

    def of_two(state: Any, chunk: Any) -> tuple[Any, Any, Any]:
        return function(state, chunk), None, True

    def of_three(state: Any, chunk: Any, metadata: Any) -> tuple[Any, Any, Any]:
        return function(state, chunk, metadata), None, True

    return of_three if count == 3 else of_two


class FunctionIdentity(NamedTuple):
    """How to find a function again after a restart.

    name: global name or None for a literal; module: where it resolves; text: printed form of its definition; digest:
    hash of the expanded form, equal as long as the program text means the same; captures: captured name → value of a
    literal.
    """

    name: str | None
    module: str
    text: str
    digest: str
    captures: dict[str, Any]


class NotPortable(Exception):
    """A value cannot go to another process: why, in words."""


class AnswerBook(Protocol):
    """The recorded answers of a stream, by idempotency key: the call as one line, `value` or `error`, the answer."""

    def find(self, key: str) -> tuple[str, str, str] | None:
        """What the call of that key was answered."""
        ...

    async def add(self, key: str, answered: Any) -> None:
        """Record an answer; done when the store has it. S040 when it will never have."""
        ...


class Evaluator(Protocol):
    """Re-entry into RTFS code for the host. All of it belongs to the thread of the session."""

    def pure(self, function: Any, *args: Any) -> Any:
        """Call a pure slot to completion. A host call raises RtfsError with `pure_violation` set to its id."""
        ...

    @property
    def counts(self) -> bool:
        """Can steps be counted?"""
        ...

    def stepper(self, function: Any, count: int, budget: int | None = None) -> Step:
        """What a stream calls for each step inside `stepping()`, with 2 or 3 arguments; what it raises goes through
        `failure`.

        budget: ticks that one step may use; only where steps are counted.
        """
        ...

    def stepping(self) -> AbstractContextManager[None]:
        """Around steps that follow upon each other: none may wait, and one may take as long as a run may."""
        ...

    def failure(self, raised: Exception) -> Exception:
        """What the host tells of what a step raised: an error of the program, with its place."""
        ...

    def effect(
        self,
        function: Any,
        *args: Any,
        call: HostCall | None = None,
        origin: str | None = None,
        security: RuntimeContext | None = None,
    ) -> Awaitable[Any]:
        """Call an effect slot: its host calls are dispatched under the program's context and awaited.

        call: the host call that the function runs for. Its hints and steps count on, and idempotency keys go below its
        own, by the order in which functions were started for it (host.md §2). origin: without a call, what idempotency
        keys begin with, `STREAM/SEQ/SLOT/` (streaming.md §5.7). security: without a call, what the function may do; by
        default what the session may.
        """
        ...

    def record(self, stream_id: str, book: AnswerBook | None) -> None:
        """From now on answers of calls whose keys begin with that id are recorded in a book, and answered from it."""
        ...

    def arity(self, function: Any) -> tuple[int, int | None]:
        """Least and greatest argument count; None when unbounded."""
        ...

    def resolve(self, name: str, module: str) -> Any | None:
        """The global function `name` (namespaced names allowed) of `module`, then of `user`; None if there is none."""
        ...

    def identity(self, function: Any) -> FunctionIdentity:
        """The durable identity of a function."""
        ...

    def read_file(self, path: str) -> Source:
        """The text of a file. OSError when it cannot be read, ReadError when it is not UTF-8."""
        ...

    def run_file(self, source: Source, module: str) -> list[Any]:
        """Run a text as a new module; what its top-level forms gave, in order. A host call in it is an error."""
        ...

    def find_type(self, name: str, module: str) -> Any:
        """The form of a type that a module sees under a name; None when there is none."""
        ...

    def operator(self, name: str) -> tuple[Map, Any] | None:
        """The table and the stage function of a stream operator; None when there is none of that name."""
        ...

    def form(self, text: str) -> Any:
        """The form in a text."""
        ...

    def spelling(self, function: Any) -> str | None:
        """The name under which the library has this very function; None when it has not."""
        ...

    def own_names(self, module: str) -> Container[str]:
        """The names that mean something in a module which is not what the library means by them."""
        ...

    def compile(self, text: str, module: str, captures: dict[str, Any]) -> Any:
        """A function from the printed form of a literal and its captured values.

        A module that does not exist is the user's own; the empty name means that only the library is visible.
        """
        ...

    def packed(self, value: Any) -> str:
        """The text from which a worker (`rtfs.worker`) makes a value, the functions in it included. NotPortable."""
        ...
