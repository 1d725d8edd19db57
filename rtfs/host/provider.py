"""What the dispatcher knows about a capability: a function and a few facts. Light on purpose: no attrs at start-up."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rtfs.host.clock import Clock
    from rtfs.host.console import Console
    from rtfs.host.host import Host
    from rtfs.lang.evaluator import Evaluator
    from rtfs.lang.outcome import HostCall, RuntimeContext

_COROUTINE, _GENERATOR, _ASYNC_GENERATOR = 0x80, 0x20, 0x200  # flags of a code object; `inspect` costs start-up time


class Provider:
    """One capability.

    input/output: RTFS type as text (`"[:vector :int]"`), as data (`":string"`, `[":vector", ":int"]`) or, for input, a
    record in short form: `{"path": ":string", "encoding?": ":string"}` (`?` marks an optional key). None: anything.
    effects: labels such as `:network`; None means that they are unknown. idempotent: may be made again without harm.
    renew: of a capability whose answer stands for something that lives in this process. A durable run that goes on does
    not make an answered call again but this one, like `function` with the answer after the CallContext.
    grant: (kind, parameter) when a narrower grant can admit it, e.g. `("read", "path")`; where the parameter is None, a
    grant judges `reaches`, a fixed value such as the URL of an API.
    native: takes and gives RTFS values and has the CallContext as first argument; otherwise plain Python values.
    wants_context, named: for the others, is the first parameter the CallContext, and which parameters may be passed by
    name (None: any).
    gathers: gets the fields of its input record as one map, instead of one by one.
    transparent: errors of program functions that it runs pass unchanged instead of becoming a HostError.
    nests: makes calls of its own, which stand below its own in a journal, by running functions of the program.
    vacant: a name that waits for an embedder's implementation.
    details: further manifest fields: name, provider, permissions, domains, categories, metadata, examples.
    """

    __slots__ = (
        "id", "function", "input", "output", "effects", "idempotent", "description", "version", "approval", "grant",
        "reaches", "native", "gathers", "transparent", "nests", "vacant", "wants_context", "named", "renew", "details",
        "kind",
    )  # fmt: skip

    def __init__(self, id: str, function: Callable[..., Any], **facts: Any) -> None:
        self.id = id
        self.function = function
        self.input: Any = facts.pop("input", None)
        self.output: Any = facts.pop("output", None)
        effects: Iterable[str] | None = facts.pop("effects", None)
        self.effects = None if effects is None else tuple(effects)
        idempotent: bool | None = facts.pop("idempotent", None)
        self.idempotent = effects is not None and not self.effects if idempotent is None else idempotent
        self.description: str = facts.pop("description", "") or (function.__doc__ or "").strip()
        self.version: str = facts.pop("version", "1.0.0")
        self.approval: str = facts.pop("approval", "auto")
        self.grant: tuple[str, str | None] | None = facts.pop("grant", None)
        self.reaches: str | None = facts.pop("reaches", None)
        self.native: bool = facts.pop("native", False)
        self.gathers: bool = facts.pop("gathers", False)
        self.transparent: bool = facts.pop("transparent", False)
        self.nests: bool = facts.pop("nests", self.transparent)
        self.vacant: bool = facts.pop("vacant", False)
        self.wants_context: bool = facts.pop("wants_context", False)
        self.named: frozenset[str] | None = facts.pop("named", None)
        self.renew: Callable[..., Any] | None = facts.pop("renew", None)
        self.details: dict[str, Any] = facts
        self.kind = _kind(function)

    def with_approval(self, approval: str) -> Provider:
        """The same capability in another state of approval."""
        return self._but(self.function, approval=approval)

    def renewing(self, answer: Any) -> Provider | None:
        """A capability that brings back what an answer of this one stands for; None when there is nothing to do."""
        renew = self.renew
        if renew is None:
            return None
        made = self._but(lambda ctx, *args, **named: renew(ctx, answer, *args, **named))
        made.kind = _kind(renew)
        return made

    def _but(self, function: Callable[..., Any], **changes: Any) -> Provider:
        derived = ("id", "function", "details", "kind")
        facts = {name: getattr(self, name) for name in self.__slots__ if name not in derived}
        return Provider(self.id, function, **{**facts, **self.details, **changes})

    def __repr__(self) -> str:
        return f"Provider({self.id!r})"


def _kind(function: Callable[..., Any]) -> str:
    """`plain`, `coroutine`, `generator` or `async-generator`; other callables are judged by what they answer."""
    code = getattr(function, "__code__", None) or getattr(_call_of(function), "__code__", None)
    flags: int = getattr(code, "co_flags", 0)
    if flags & _ASYNC_GENERATOR:
        return "async-generator"
    if flags & _COROUTINE:
        return "coroutine"
    return "generator" if flags & _GENERATOR else "plain"


def _call_of(function: Any) -> Any:
    """What calling an object of a class of its own runs; nothing for what is written in C."""
    return vars(type(function)).get("__call__")


def provides(id: str, **facts: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Enter a function into `PROVIDERS` of its module: `@provides("a.b", input={"text": ":any"}, effects=[":io"])`.

    The function gets the CallContext first, then the arguments as RTFS values, by position or by name (`timeout-ms` is
    `timeout_ms` in Python). It may be a coroutine function or an async generator; a plain function that may answer
    with a coroutine declares an output. See Provider for the facts.
    """

    def enter(function: Callable[..., Any]) -> Callable[..., Any]:
        providers = function.__globals__.setdefault("PROVIDERS", {})
        providers[id] = Provider(id, function, native=True, **facts)
        return function

    return enter


class CallContext:
    """What a provider may use while it serves one call.

    renewing: the call was answered in an earlier process, and what its answer stands for is brought back.
    """

    __slots__ = ("host", "call", "renewing")

    def __init__(self, host: Host, call: HostCall) -> None:
        self.host = host
        self.call = call
        self.renewing = False

    @property
    def capability_id(self) -> str:
        return self.call.capability_id

    @property
    def security(self) -> RuntimeContext:
        """The context under which the call was admitted."""
        return self.call.security

    @property
    def once(self) -> str | None:
        """The idempotency key of the call."""
        return self.call.metadata.idempotency_key

    def meter(self, **amounts: int | float) -> None:
        """Report what the call spends: `tokens`, `cost`, `network_bytes`, `storage_bytes` (host.md §5).

        BudgetExhausted when that is more than is left; it counts all the same. From any thread.
        """
        host = self.host
        if host.journal is not None:
            host.journal.spent(self.call, amounts)
        if host.budget is not None:
            host.budget.charge(amounts, self.call)

    @property
    def clock(self) -> Clock:
        return self.host.clock

    @property
    def console(self) -> Console:
        return self.host.console

    @property
    def evaluator(self) -> Evaluator:
        """Re-entry into the program, for providers that get functions."""
        return self.host.evaluator

    def invoke(self, function: Any, *args: Any) -> Awaitable[Any]:
        """Run a function of the program for this call; its host calls get numbers below this call's."""
        return self.host.evaluator.effect(function, *args, call=self.call)
