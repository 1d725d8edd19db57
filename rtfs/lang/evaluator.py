"""What the host may ask of evaluation; the session provides it (house.md, direction of imports)."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from rtfs.lang.outcome import HostCall
    from rtfs.lang.source import Source


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


class Evaluator(Protocol):
    """Re-entry into RTFS code for the host. All of it belongs to the thread of the session."""

    def pure(self, function: Any, *args: Any) -> Any:
        """Call a pure slot to completion. A host call raises RtfsError with `pure_violation` set to its id."""
        ...

    def effect(
        self, function: Any, *args: Any, call: HostCall | None = None, origin: str | None = None
    ) -> Awaitable[Any]:
        """Call an effect slot: its host calls are dispatched under the program's context and awaited.

        call: the host call that the function runs for. Its hints and steps count on, and idempotency keys go below its
        own, by the order in which functions were started for it (host.md §2). origin: without a call, what idempotency
        keys begin with, `STREAM/SEQ/SLOT/` (streaming.md §5.7).
        """
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

    def compile(self, text: str, module: str, captures: dict[str, Any]) -> Any:
        """A function from the printed form of a literal and its captured values."""
        ...
